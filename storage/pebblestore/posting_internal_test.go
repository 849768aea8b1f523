package pebblestore

import (
	"log/slog"
	"maps"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"acquis/lrs"
)

// TestPostings compares the posting list of a term with a sorted set, whatever was written in whichever
// chunks, late, and taken back.
func TestPostings(t *testing.T) {
	store, err := Open(Options{Dir: "data", FS: vfs.NewMem(), CacheBytes: 1 << 20, MemtableSize: 256 << 10, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		p := postingModel{rapid: rt, store: store, term: lrs.Term{byte(lrs.TermVerb), byte(runs), byte(runs >> 8)}, members: map[lrs.Instant]bool{}, end: 1}
		p.neighbour(lrs.Term{byte(lrs.TermVerb), byte(runs - 1), byte((runs - 1) >> 8)})
		for range rapid.IntRange(1, 12).Draw(rt, "changes") {
			switch rapid.IntRange(0, 3).Draw(rt, "change") {
			case 0, 1:
				p.commit()
			case 2:
				p.late()
			case 3:
				p.takeBack()
			}
		}
		p.compare()
	})
}

// postingModel is a posting list beside the set that it should be.
type postingModel struct {
	rapid   *rapid.T
	store   *Store
	term    lrs.Term
	members map[lrs.Instant]bool
	end     lrs.Instant // everything written in chunks lies below
}

func (p *postingModel) write(change func(u *unit)) {
	u := &unit{store: p.store, batch: p.store.db.NewBatch()}
	change(u)
	u.writePostings()
	if u.broken != nil || u.batch.Commit(nil) != nil || u.batch.Close() != nil {
		p.rapid.Fatal("the batch was not written", u.broken)
	}
}

// neighbour makes sure that the list has others beside it.
func (p *postingModel) neighbour(term lrs.Term) {
	p.write(func(u *unit) {
		u.post([]lrs.Term{term}, 1<<40)
		u.postLate([]lrs.Term{term}, 1<<41)
	})
}

// commit writes a group, of more than a chunk now and then.
func (p *postingModel) commit() {
	most := rapid.SampledFrom([]int{1, 3, 20, 3 * maxChunk}).Draw(p.rapid, "most")
	distances := rapid.SliceOfN(rapid.SampledFrom([]lrs.Instant{1, 2, 7, 300}), 1, most).Draw(p.rapid, "distances")
	p.write(func(u *unit) {
		for _, d := range distances {
			p.end += d
			p.members[p.end] = true
			u.post([]lrs.Term{p.term}, p.end)
		}
	})
}

// late writes one anywhere.
func (p *postingModel) late() {
	at := p.instant("late")
	if p.members[at] {
		return // a term is either own or inherited
	}
	p.members[at] = true
	p.write(func(u *unit) { u.postLate([]lrs.Term{p.term}, at) })
}

func (p *postingModel) takeBack() {
	at := p.instant("taken back")
	delete(p.members, at)
	p.write(func(u *unit) {
		if err := u.unpost(p.term, at); err != nil {
			p.rapid.Fatal(err)
		}
	})
}

// instant draws one at or near a member, or anywhere.
func (p *postingModel) instant(label string) lrs.Instant {
	if near := p.sorted(); len(near) > 0 && rapid.Bool().Draw(p.rapid, "near") {
		at := rapid.SampledFrom(near).Draw(p.rapid, label) + rapid.SampledFrom([]lrs.Instant{-1, 0, 0, 1}).Draw(p.rapid, "off")
		return max(at, 1)
	}
	return lrs.Instant(rapid.Int64Range(1, int64(p.end)+10).Draw(p.rapid, label))
}

func (p *postingModel) sorted() []lrs.Instant { return slices.Sorted(maps.Keys(p.members)) }

// compare walks the list within drawn bounds, by drawn leaps, in both directions.
func (p *postingModel) compare() {
	for _, ascending := range []bool{false, true} {
		q := lrs.StatementQuery{Ascending: ascending}
		if rapid.Bool().Draw(p.rapid, "bounded") {
			q.Since, q.Until = p.instant("since"), p.instant("until")
		}
		var wanted []lrs.Instant
		for _, m := range p.sorted() {
			if m > q.Since && (q.Until == 0 || m <= q.Until) {
				wanted = append(wanted, m)
			}
		}
		if !ascending {
			slices.Reverse(wanted)
		}
		p.leap(q, wanted)
	}
}

func (p *postingModel) leap(q lrs.StatementQuery, wanted []lrs.Instant) {
	list, err := p.store.postings(p.store.db, p.term, q)
	if err != nil {
		p.rapid.Fatal(err)
	}
	defer func() {
		if err := list.close(); err != nil {
			p.rapid.Fatal(err)
		}
	}()
	most := rapid.SampledFrom([]int64{0, 5, 400, 1 << 20}).Draw(p.rapid, "leaps")
	at := lrs.MaxInstant
	if q.Ascending {
		at = 1
	}
	for {
		for len(wanted) > 0 && beyond(at, wanted[0], q.Ascending) {
			wanted = wanted[1:]
		}
		got, ok, err := list.seek(at)
		if err != nil || ok != (len(wanted) > 0) || ok && got != wanted[0] {
			p.rapid.Fatalf("seek(%d) of %+v: got %d, %t, %v; want the first of %d", at, q, got, ok, err, wanted)
		}
		if !ok {
			return
		}
		leap := 1 + lrs.Instant(rapid.Int64Range(0, most).Draw(p.rapid, "leap"))
		if at = got - leap; q.Ascending {
			at = got + leap
		}
	}
}

func TestDecodeChunk(t *testing.T) {
	t.Run("what no chunk can hold is refused as damaged", func(t *testing.T) {
		for _, value := range [][]byte{{0}, {0x80}, {1, 0}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}} {
			if _, err := decodeChunk(nil, 5, value); err == nil {
				t.Errorf("%x was taken", value)
			}
		}
	})
}
