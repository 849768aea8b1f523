package mongostore_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"acquis/internal/faultproxy"
	"acquis/internal/mongotest"
	"acquis/lrs"
	"acquis/storage/mongostore"
)

// TestWriters is the proof of the one order: three writers, of which one is held up until the others
// shut it out and goes on later, and one is killed. A reader that polls from where it stopped misses
// nothing that was answered, and nothing appears behind it.
func TestWriters_reader_misses_nothing_while_writers_are_paused_and_killed(t *testing.T) {
	uri := mongotest.Database(t)
	proxy := proxyTo(t, uri)
	steady, paused, killed := open(t, options(uri)), open(t, options(proxy.URI(uri))), open(t, options(uri))
	var work writing
	work.start(t, steady)
	work.start(t, paused)
	work.start(t, killed)
	reader := follow(t, open(t, options(uri)))

	work.progress(t, 10)
	proxy.Stall(true)
	work.progress(t, 10)
	reader.passes(t, lrs.InstantOf(time.Now())) // it can't while the writer that is held up has its place
	killed.Drop()
	work.progress(t, 10)
	reader.passes(t, lrs.InstantOf(time.Now()))
	proxy.Stall(false)
	again := work.answered(paused)
	eventually(t, "the writer that was held up writes again", func() bool { return work.answered(paused) > again+3 })
	work.end()

	last := work.last(t, steady)
	reader.passes(t, last)
	reader.end(t)
	for _, b := range work.batches() {
		there := 0
		for _, id := range b.ids {
			if slices.Contains(reader.seen, id) {
				there++
			}
		}
		if b.answered && there != len(b.ids) || there != 0 && there != len(b.ids) {
			t.Errorf("the reader saw %d of a batch of %d statements; it was answered: %v", there, len(b.ids), b.answered)
		}
	}
	whole := readAll(t, steady)
	if !slices.Equal(whole, reader.seen) {
		t.Errorf("the log tells %d statements in the end, the reader saw %d, or others", len(whole), len(reader.seen))
	}
}

func TestWriters_clocks_apart(t *testing.T) {
	skewed := func(uri string, by time.Duration) mongostore.Options {
		o := options(uri)
		o.Skew = 2 * time.Second
		o.Now = func() time.Time { return time.Now().Add(by) }
		return o
	}
	for _, by := range []time.Duration{-time.Second, time.Second} {
		t.Run(fmt.Sprintf("a clock %s off keeps the order", by), func(t *testing.T) {
			uri := mongotest.Database(t)
			right, wrong := open(t, options(uri)), open(t, skewed(uri, by))
			reader := follow(t, open(t, options(uri)))
			var ids []lrs.ID
			for range 5 {
				for _, store := range []*mongostore.Store{right, wrong} {
					batch, drafts := newBatch(t, 2)
					if err := store.AppendStatements(t.Context(), drafts); err != nil {
						t.Fatal(err)
					}
					ids = append(ids, batch...)
				}
			}
			eventually(t, "the reader saw all", func() bool { return reader.count() == len(ids) })
			reader.end(t)
		})
	}
	for _, by := range []time.Duration{-10 * time.Second, 10 * time.Second} {
		t.Run(fmt.Sprintf("a clock %s off is refused at the start", by), func(t *testing.T) {
			uri := mongotest.Database(t)
			open(t, options(uri))
			store, err := mongostore.Open(t.Context(), skewed(uri, by))
			if err == nil {
				store.Close()
				t.Fatal("the store opened")
			}
		})
	}
	t.Run("a clock that jumps stops its writer until it is right again, and no other", func(t *testing.T) {
		uri := mongotest.Database(t)
		right := open(t, options(uri))
		var by atomic.Int64
		o := skewed(uri, 0)
		o.Now = func() time.Time { return time.Now().Add(time.Duration(by.Load())) }
		jumping := open(t, o)
		by.Store(int64(-time.Minute))
		eventually(t, "the writer is not ready any more", func() bool { return jumping.Ready(t.Context()) != nil })
		_, drafts := newBatch(t, 1)
		if err := right.AppendStatements(t.Context(), drafts); err != nil {
			t.Errorf("the other writer: %v", err)
		}
		by.Store(0)
		eventually(t, "the writer is ready again", func() bool { return jumping.Ready(t.Context()) == nil })
	})
}

func TestWriters_more_than_there_are_places_are_refused(t *testing.T) {
	uri := mongotest.Database(t)
	o := options(uri)
	o.Lease = time.Hour
	for range 32 {
		open(t, o).Drop()
	}
	store, err := mongostore.Open(t.Context(), o)
	if err == nil {
		store.Close()
		t.Fatal("a 33rd writer was taken")
	}
}

// open opens a store that ends with the test.
func open(t *testing.T, o mongostore.Options) *mongostore.Store {
	t.Helper()
	store, err := mongostore.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func proxyTo(t *testing.T, uri string) *faultproxy.Proxy {
	t.Helper()
	parsed, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	return faultproxy.New(t, parsed.Host)
}

func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ask(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

var authority = func() lrs.Authority {
	a, err := lrs.NewAuthority([]byte(`{"account":{"homePage":"https://acquis.example","name":"pix"}}`))
	if err != nil {
		panic(err)
	}
	return a
}()

// newBatch makes n drafts with random ids.
func newBatch(t testing.TB, n int) ([]lrs.ID, []*lrs.Draft) {
	ids := make([]lrs.ID, n)
	for i := range ids {
		ids[i] = uuid.New()
	}
	return ids, draftsOf(t, ids)
}

// draftsOf makes the drafts of the same statements each time.
func draftsOf(t testing.TB, ids []lrs.ID) []*lrs.Draft {
	drafts := make([]*lrs.Draft, len(ids))
	for i, id := range ids {
		s, err := lrs.DecodeStatement(fmt.Appendf(nil, `{"id":%q,"actor":{"mbox":"mailto:ada@example.org"},
			"verb":{"id":"http://adlnet.gov/expapi/verbs/completed"},"object":{"id":"https://campus.example/modules/droit"}}`, id),
			lrs.V103, lrs.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		drafts[i] = lrs.Accept(s, lrs.Assignment{Version: lrs.V103, Source: "pix", Authority: authority, Define: true})
	}
	return drafts
}

// writing is writers at work and what they were told.
type writing struct {
	over   atomic.Bool
	cancel []context.CancelFunc
	group  sync.WaitGroup
	mu     sync.Mutex
	sent   []batch
}

type batch struct {
	by       *mongostore.Store
	ids      []lrs.ID
	answered bool
}

// start makes a writer append batches; what is refused it leaves and goes on.
func (w *writing) start(t *testing.T, store *mongostore.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	w.cancel = append(w.cancel, cancel)
	w.group.Go(func() {
		for !w.over.Load() {
			ids, drafts := newBatch(t, 3)
			err := store.AppendStatements(ctx, drafts)
			w.mu.Lock()
			w.sent = append(w.sent, batch{store, ids, err == nil})
			w.mu.Unlock()
			if err != nil {
				time.Sleep(20 * time.Millisecond)
			}
		}
	})
}

func (w *writing) batches() []batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

func (w *writing) answered(by *mongostore.Store) int {
	n := 0
	for _, b := range w.batches() {
		if b.answered && b.by == by {
			n++
		}
	}
	return n
}

// progress waits until n more batches were answered.
func (w *writing) progress(t *testing.T, n int) {
	t.Helper()
	count := func() (n int) {
		for _, b := range w.batches() {
			if b.answered {
				n++
			}
		}
		return n
	}
	wanted := count() + n
	eventually(t, "batches are answered", func() bool { return count() >= wanted })
}

func (w *writing) end() {
	w.over.Store(true)
	for _, cancel := range w.cancel {
		defer cancel()
	}
	w.group.Wait()
}

// last is the highest stored time of what was answered.
func (w *writing) last(t *testing.T, store *mongostore.Store) lrs.Instant {
	var last lrs.Instant
	for _, b := range w.batches() {
		if !b.answered {
			continue
		}
		for _, id := range b.ids {
			e, err := store.StatementByID(t.Context(), id)
			if err != nil {
				t.Fatalf("statement %s was answered: %v", id, err)
			}
			last = max(last, e.Stored)
		}
	}
	return last
}

// following is a reader of the log.
type following struct {
	cancel context.CancelFunc
	ended  chan struct{}
	mu     sync.Mutex
	seen   []lrs.ID
	at     lrs.Instant
	err    error
	store  *mongostore.Store
}

func follow(t *testing.T, store *mongostore.Store) *following {
	ctx, cancel := context.WithCancel(t.Context())
	f := &following{cancel: cancel, ended: make(chan struct{}), store: store}
	go func() {
		defer close(f.ended)
		for ctx.Err() == nil {
			entries, err := store.ReadLog(ctx, f.at, 5)
			f.mu.Lock()
			if err != nil && ctx.Err() == nil {
				f.err = err
			}
			for _, e := range entries {
				f.seen, f.at = append(f.seen, e.Entry.ID), e.Position
			}
			f.mu.Unlock()
			if len(entries) == 0 {
				time.Sleep(5 * time.Millisecond)
			}
		}
	}()
	return f
}

func (f *following) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.seen)
}

// passes waits until the reader's store is consistent through an instant.
func (f *following) passes(t *testing.T, instant lrs.Instant) {
	t.Helper()
	eventually(t, "the reader passes "+instant.String(), func() bool {
		through, err := f.store.ConsistentThrough(t.Context())
		return err == nil && through >= instant
	})
}

// end lets the reader read what is there and stops it.
func (f *following) end(t *testing.T) {
	t.Helper()
	before := -1
	for n := f.count(); n != before; n = f.count() {
		before = n
		time.Sleep(300 * time.Millisecond)
	}
	f.cancel()
	<-f.ended
	if f.err != nil {
		t.Errorf("following the log: %v", f.err)
	}
}

func readAll(t *testing.T, store *mongostore.Store) []lrs.ID {
	t.Helper()
	var ids []lrs.ID
	for after := lrs.Instant(0); ; {
		entries, err := store.ReadLog(t.Context(), after, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return ids
		}
		for _, e := range entries {
			ids, after = append(ids, e.Entry.ID), e.Position
		}
	}
}
