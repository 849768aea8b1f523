package completion

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/directory"
	"acquis/lrs"
)

// Backend is what the consolidator needs of a store.
type Backend interface {
	docstore.Store
	lrs.Log
	StatementByID(ctx context.Context, id lrs.ID) (lrs.Entry, error)
	QueryStatements(ctx context.Context, q lrs.StatementQuery) (lrs.StatementPage, error)
	ConsistentThrough(ctx context.Context) (lrs.Instant, error)
}

// Directory is what the consolidator asks about people; *directory.Directory answers.
type Directory interface {
	AliasID(directory.Key) hub.AliasID
	Observe(context.Context, []directory.Sighting) (map[hub.AliasID]directory.Alias, error)
	AliasesOf(context.Context, hub.PersonID) ([]directory.Alias, error)
	Tree(context.Context) (*directory.Tree, error)
}

// Options say how a consolidator works.
type Options struct {
	Name     string        // of this process, unlike any other's
	Sole     bool          // no other process can write to the store
	Lease    time.Duration // after which a process that does not move is taken for dead; 0 for 15 s
	Poll     time.Duration // how long to wait when there is nothing to do; 0 for 100 ms
	Calendar hub.Calendar
	Now      func() time.Time // nil for the clock
	Logger   *slog.Logger     // nil for none
}

// Consolidator makes facts and completions of what is stored. Any number of processes may run one: only
// the one that has the lease works. Everything that it does can be done again, so it may end at any time.
type Consolidator struct {
	store     Backend
	directory Directory
	options   Options
	pictures  *pictures

	lease   lease
	planRow docstore.Row[plan]
	cursors docstore.Row[cursors]
	jobs    map[string]docstore.Row[job]
	rebuild docstore.Row[Rebuild]

	aliases    *recent[hub.AliasID, docstore.Row[attribution]]
	holders    *recent[hub.PersonID, *holder]
	activities *recent[string, docstore.Row[Activity]]
	page       int // entries of the log to read at a time

	reconciledAt int // the picture that all activities were held against

	stats stats
	wake  chan struct{}
}

// New returns a consolidator over a store, in which it declares its collections.
func New(ctx context.Context, store Backend, d Directory, o Options) (*Consolidator, error) {
	if o.Lease == 0 {
		o.Lease = 15 * time.Second
	}
	if o.Poll == 0 {
		o.Poll = 100 * time.Millisecond
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Consolidator{store: store, directory: d, options: o, pictures: newPictures(store), page: leastPage, wake: make(chan struct{}, 1)}
	c.forget()
	return c, store.DeclareCollections(ctx, Collections()...)
}

// How much is remembered: some 50 MB when all of it is full.
const (
	recentAliases    = 40_000
	recentHolders    = 20_000
	recentActivities = 10_000
)

// forget drops what is remembered of documents.
func (c *Consolidator) forget() {
	c.aliases = newRecent[hub.AliasID, docstore.Row[attribution]](recentAliases)
	c.holders = newRecent[hub.PersonID, *holder](recentHolders)
	c.activities = newRecent[string, docstore.Row[Activity]](recentActivities)
	c.jobs = nil
}

// Stats is what can be told of a consolidator at a moment.
type Stats struct {
	Leads       bool          // it has the lease
	Through     lrs.Instant   // up to where statements are folded
	Lag         time.Duration // how long the oldest statement that is not folded has waited; 0 when there is none
	Statements  uint64        // folded by this process
	Facts       uint64        // told by them
	Completions uint64        // records written
	Jobs        int           // pieces of work that are left
	Failures    uint64        // steps that failed and were done again
}

type stats struct {
	leads, jobs                             atomic.Int64
	through, lag                            atomic.Int64
	statements, facts, completions, failure atomic.Uint64
}

// Stats tells how the consolidator is doing.
func (c *Consolidator) Stats() Stats {
	s := &c.stats
	return Stats{
		Leads: s.leads.Load() == 1, Through: lrs.Instant(s.through.Load()), Lag: time.Duration(s.lag.Load()) * time.Microsecond, Statements: s.statements.Load(),
		Facts: s.facts.Load(), Completions: s.completions.Load(), Jobs: int(s.jobs.Load()), Failures: s.failure.Load(),
	}
}

// Wake ends a wait for something to do, such as when a statement was just stored.
func (c *Consolidator) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, and then gives the lease back. Faults are logged and what failed is done again.
func (c *Consolidator) Run(ctx context.Context) {
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
		defer cancel()
		if err := c.release(last); err != nil {
			c.options.Logger.Warn("the lease of consolidation was not given back; it runs out by itself", "error", err)
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	failed := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-c.wake:
		}
		busy, err := c.Step(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			failed++
			if !errors.Is(err, errLost) {
				c.options.Logger.Error("consolidation failed and is tried again", "error", err, "failures", failed)
			}
			timer.Reset(min(time.Duration(failed)*c.options.Poll, slowest))
		case busy:
			failed = 0
			timer.Reset(0)
		default:
			failed = 0
			timer.Reset(c.options.Poll)
		}
	}
}

const (
	lastWrite = 5 * time.Second  // bounds the last write at the end of the process
	slowest   = 30 * time.Second // between tries after many failures
)

// Step does a piece of work, when this process has the lease or can have it, and tells whether there
// may be more. When it fails, nothing is lost or counted twice: the next step does it again.
func (c *Consolidator) Step(ctx context.Context) (busy bool, err error) {
	held, err := c.acquire(ctx)
	if held && err == nil {
		c.stats.leads.Store(1)
		busy, err = c.work(ctx)
	}
	if err != nil || !held {
		c.stats.leads.Store(0)
		c.lease.held = false
	}
	if err != nil {
		c.stats.failure.Add(1)
	}
	return busy, err
}

// work does what is due: first what changed about people and the catalogue, which is little and is waited
// for; then a page of the log and one of each kind of work that takes long, in turn.
func (c *Consolidator) work(ctx context.Context) (bool, error) {
	if err := c.prepare(ctx); err != nil {
		return false, err
	}
	if busy, err := c.followChanges(ctx); busy || err != nil {
		return busy, err
	}
	busy := false
	for _, do := range []func(context.Context) (bool, error){c.followLog, c.doJob, c.goOnRebuilding} {
		more, err := do(ctx)
		if err != nil {
			return false, err
		}
		busy = busy || more
	}
	if busy {
		return true, nil
	}
	return false, c.beat(ctx)
}

// prepare brings the picture of the catalogue up to date, and notes what means something else by it.
func (c *Consolidator) prepare(ctx context.Context) error {
	if c.jobs == nil {
		if err := c.readJobs(ctx); err != nil {
			return err
		}
	}
	if _, err := c.pictures.refresh(ctx); err != nil || c.reconciled() {
		return err
	}
	return c.reconcile(ctx)
}

// note is a write in the house, and what to remember once it is committed.
type note struct {
	write docstore.Write
	then  func(revision lrs.Instant)
}

// noting makes a note of a row.
func noting[T any](t docstore.Table[T], row docstore.Row[T], then func(docstore.Row[T])) (note, error) {
	w, err := t.Put(row)
	return note{w, func(revision lrs.Instant) {
		row.Revision = revision
		then(row)
	}}, err
}

// noteCursors makes a note of how far everything was taken over.
func (c *Consolidator) noteCursors(change func(*cursors)) (note, error) {
	row := c.cursors
	change(&row.Value)
	return noting(cursorTable, row, func(row docstore.Row[cursors]) {
		c.cursors = row
		c.stats.through.Store(int64(row.Value.Log))
	})
}

// conclude carries out phases, what settles them, and then the notes.
func (c *Consolidator) conclude(ctx context.Context, phases [][]docstore.Group, settle settling, notes []note) error {
	writes := make([]docstore.Write, len(notes))
	for i, n := range notes {
		writes[i] = n.write
	}
	revisions, err := c.apply(ctx, phases, settle, writes)
	if err != nil {
		return err
	}
	for i, n := range notes {
		if n.then != nil {
			n.then(revisions[i])
		}
	}
	return nil
}

// settling makes the last groups of a step, of documents that the phases wrote before with the revisions.
type settling func(revisions map[docstore.Key]lrs.Instant) ([]docstore.Group, error)
