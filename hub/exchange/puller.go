package exchange

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"acquis/docstore"
	"acquis/lrs"
)

// Mover takes statements in, one by one.
type Mover interface {
	MoveStatements(ctx context.Context, p lrs.Principal, r lrs.MoveRequest) ([]lrs.Moved, error)
}

// PullerOptions configure a Puller. Zero durations are replaced by the defaults.
type PullerOptions struct {
	Store       docstore.Store
	Mover       Mover
	Attachments lrs.AttachmentStore
	Provenance  *Provenance
	Open        func(Pull) (Reader, error)
	Explain     func(error) Failure
	Process     string
	Alone       bool          // no other process shares the store
	Lease       time.Duration // 15s
	Look        time.Duration // how often it is looked for what is due, 1s
	First       time.Duration // before a failed run is tried again, 10s; then twice as long each time
	Most        time.Duration // 15m
	Now         func() time.Time
	Logger      *slog.Logger
}

// Puller runs the pulls that are due, each in one process at a time.
type Puller struct {
	o ForwarderOptions // of the lease
	p PullerOptions

	mu      sync.Mutex
	running map[string]bool
	seen    map[string]sign
	states  map[string]PullState // as this process wrote them last
	wake    chan struct{}
}

// NewPuller returns a puller that does nothing until it is run.
func NewPuller(o PullerOptions) *Puller {
	shared := ForwarderOptions{Lease: o.Lease, Look: o.Look, First: o.First, Most: o.Most, Now: o.Now, Logger: o.Logger, Process: o.Process, Alone: o.Alone}
	if shared.First == 0 {
		shared.First = 10 * time.Second
	}
	if shared.Most == 0 {
		shared.Most = 15 * time.Minute
	}
	shared.fill()
	return &Puller{o: shared, p: o, running: map[string]bool{}, seen: map[string]sign{}, states: map[string]PullState{}, wake: make(chan struct{}, 1)}
}

// Wake makes the puller look for what is due now.
func (p *Puller) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run pulls until ctx ends.
func (p *Puller) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	ticker := time.NewTicker(p.o.Look)
	defer ticker.Stop()
	for {
		if err := p.look(ctx, &running); err != nil && ctx.Err() == nil {
			p.o.Logger.Error("looking for pulls failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-p.wake:
		}
	}
}

// look starts what is due.
func (p *Puller) look(ctx context.Context, running *sync.WaitGroup) error {
	for row, err := range pulls.Rows(ctx, p.p.Store, docstore.Scan{}) {
		if err != nil {
			return err
		}
		name := row.Partition
		state, err := pullStates.Find(ctx, p.p.Store, name, theState)
		if err != nil {
			return err
		}
		if row.Value.Paused || !state.Value.Wanted && p.o.Now().Before(state.Value.Next) {
			continue
		}
		// Read after the state: a run that is wanted since the pull was changed is one of the changed pull.
		if row, err = pulls.Find(ctx, p.p.Store, name, thePull); err != nil {
			return err
		}
		if row.Revision == 0 || row.Value.Paused || !p.begin(name) {
			continue
		}
		running.Go(func() {
			defer p.end(name)
			err := p.pull(ctx, row.Value, state)
			switch {
			case err == nil, ctx.Err() != nil:
			case errors.Is(err, errDeposed):
				p.o.Logger.Info("a pull was changed or taken over", "pull", name)
			default:
				p.o.Logger.Error("pulling failed", "pull", name, "error", err)
			}
		})
	}
	return nil
}

func (p *Puller) begin(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running[name] {
		return false
	}
	p.running[name] = true
	return true
}

func (p *Puller) end(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, name)
}

// Status tells how the pulls do that this process ran last, by name.
func (p *Puller) Status() map[string]PullState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.states)
}

// silent reports whether a holder has given no sign for as long as a lease lasts, by this process's clock.
func (p *Puller) silent(name string, s PullState) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen, now := p.seen[name], p.o.Now()
	if seen.token != s.Token || seen.beat != s.Beat || seen.since.IsZero() {
		p.seen[name] = sign{s.Token, s.Beat, now}
		return false
	}
	return now.Sub(seen.since) >= p.o.Lease
}

// pulling is a run of one pull.
type pulling struct {
	*Puller
	pull   Pull
	reader Reader
	who    lrs.Principal
	row    docstore.Row[PullState]
	saved  time.Time
	kept   []string // attachments of the page in hand
}

// pull takes the pull, and reads what is new or goes on where a run was cut.
func (p *Puller) pull(ctx context.Context, pull Pull, row docstore.Row[PullState]) error {
	if h := row.Value.Holder; h != "" && h != p.o.Process && !p.o.Alone && !p.silent(pull.Name, row.Value) {
		return nil
	}
	w := &pulling{Puller: p, pull: pull, row: row}
	s := row.Value
	s.Holder, s.Token, s.Wanted = p.o.Process, s.Token+1, false
	if asks := pull.asks(); s.Asks != asks { // how far another store, or another question, had come says nothing here
		s.Asks, s.Since, s.Run = asks, 0, nil
	}
	if s.Run == nil {
		from := max(s.Since-lrs.Instant(seconds(pull.Overlap, 300).Microseconds()), 0)
		if begin, err := pull.begin(); err == nil {
			from = max(from, begin)
		}
		s.Run = &PullRun{Started: p.o.Now().UTC(), From: from}
	}
	if err := w.write(ctx, s); err != nil {
		return err
	}
	err := w.prepare()
	if err == nil {
		err = w.pages(ctx)
	}
	if errors.Is(err, errDeposed) {
		return err
	}
	if ctx.Err() != nil { // the run is gone on with
		rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		s := w.row.Value
		s.Holder = ""
		return w.write(rest, s)
	}
	return w.finish(ctx, err)
}

func (w *pulling) prepare() (err error) {
	if w.reader, err = w.p.Open(w.pull); err != nil {
		return err
	}
	title := w.pull.Title
	if title == "" {
		title = w.pull.Name
	}
	authority, err := lrs.NewAuthority(fmt.Appendf(nil, `{"objectType":"Agent","name":%q,"account":{"homePage":"urn:acquis:source","name":%q}}`, title, w.pull.Name))
	w.who = lrs.Principal{Name: w.pull.Name, Source: w.pull.Name, Authority: authority, Scopes: lrs.ScopeStatementsWrite | lrs.ScopeDefine}
	return err
}

// write writes the state, and what was learned with it, unless another process holds it.
func (w *pulling) write(ctx context.Context, s PullState, writes ...docstore.Write) error {
	s.Beat++
	next := docstore.Row[PullState]{Key: docstore.Key{Partition: w.pull.Name, ID: theState}, Revision: w.row.Revision, Value: s}
	put, err := pullStates.Put(next)
	if err != nil {
		return err
	}
	revisions, err := w.p.Store.ApplyDocs(ctx, docstore.Group{Partition: w.pull.Name, Writes: append([]docstore.Write{put}, writes...)})
	var conflict *docstore.Conflict
	if errors.As(err, &conflict) && conflict.Collection == pullStates.Name {
		return errDeposed
	}
	if err != nil {
		return err
	}
	next.Revision = revisions[0]
	w.row, w.saved = next, w.o.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.states[w.pull.Name] = s
	return nil
}

// maxAnew is how often a run begins anew before it fails; it is tried again later.
const maxAnew = 3

// pages reads page after page and takes in what is on them.
func (w *pulling) pages(ctx context.Context) error {
	for {
		run := *w.row.Value.Run
		var page PulledPage
		w.kept = nil
		err := beating(ctx, &w.o, w.sign, func(ctx context.Context) (err error) {
			page, err = w.read(ctx, run)
			return err
		})
		if errors.Is(err, ErrMoreGone) {
			gone := err
			s, tired := w.row.Value, run.Anew >= maxAnew
			run.More = "" // in any case, or every later try would ask for the same page
			if run.Anew++; tired {
				run.Anew = 0
			}
			run.note([]string{ErrMoreGone.Error() + ": the run began anew"})
			s.Run = &run
			if err := w.write(ctx, s); err != nil {
				return err
			}
			if tired {
				return gone
			}
			continue
		}
		if err != nil {
			return err
		}
		if err := w.takeIn(ctx, page, &run); err != nil {
			return err
		}
		if page.More == "" {
			return nil
		}
	}
}

func (w *pulling) sign(ctx context.Context) error {
	if w.o.Now().Sub(w.saved) < w.o.Lease/3 {
		return nil
	}
	return w.write(ctx, w.row.Value)
}

func (w *pulling) read(ctx context.Context, run PullRun) (PulledPage, error) {
	if run.More != "" {
		return w.reader.Next(ctx, run.More, w.keep(ctx))
	}
	q := w.pull.query(run.From)
	q.Set("limit", fmt.Sprint(max(w.pull.Page, 0)))
	if w.pull.Page == 0 {
		q.Set("limit", "500")
	}
	return w.reader.First(ctx, q, w.keep(ctx))
}

// finish ends a run, clean or not. A run that failed is gone on with where it was.
func (w *pulling) finish(ctx context.Context, cause error) error {
	s, now := w.row.Value, w.o.Now().UTC()
	run := *s.Run
	run.Ended = now
	s.Holder = ""
	if cause != nil {
		f := w.p.Explain(cause)
		s.Fails++
		f.Since, f.Last, f.Attempts = run.Started, now, s.Fails
		pause := max(min(w.o.First<<min(s.Fails-1, 20), w.o.Most), f.Delay)
		f.Next = now.Add(pause)
		run.Failure, s.Next, s.Last = &f, f.Next, &run
		return w.write(ctx, s)
	}
	through := run.Through
	if through == 0 || through > lrs.InstantOf(now.Add(24*time.Hour)) { // no promise that can be believed: what was seen is all that is known
		through = run.Newest
	}
	s.Since, s.Fails, s.Clean, s.Next = max(s.Since, through), 0, now, now.Add(seconds(w.pull.Every, 300))
	s.Total.add(run.PullCounts)
	run.More = ""
	s.Run, s.Last = nil, &run
	put, err := pullRuns.Put(docstore.Row[PullRun]{Key: docstore.Key{ID: docstore.Number(run.Started.UnixMicro())}, Value: run})
	if err != nil {
		return err
	}
	return w.write(ctx, s, put)
}
