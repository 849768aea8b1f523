package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"acquis/lrs"
)

// job asks that the statement of an id, and all that refer to it, directly or not, get the
// inherited terms that the chain of their targets gives them now. It is durable under its position
// from the commit that made it necessary until it is done, and may be repeated.
type job struct {
	position lrs.Instant
	root     lrs.ID
}

// inlineLinks is how many statements the committer links before it answers. The rest of a large
// fan-in is linked in the background.
const inlineLinks = 256

// linker carries out jobs. Linking reads the present state under one lock, so that the last job
// about a statement sees everything that the earlier ones saw.
type linker struct {
	store *Store
	mu    sync.Mutex // held while a chunk is linked

	queueMu sync.Mutex
	queue   []*closure
	changed *sync.Cond // signalled when queue, active or closed change
	active  bool
	closed  bool
	ended   chan struct{}
}

func newLinker(s *Store) *linker {
	l := &linker{store: s, ended: make(chan struct{})}
	l.changed = sync.NewCond(&l.queueMu)
	return l
}

// start takes up what a former process left undone, the small jobs at once.
func (l *linker) start() error {
	it, err := l.store.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceJob}, UpperBound: prefixEnd([]byte{spaceJob})})
	if err != nil {
		return err
	}
	var left []*closure
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return errors.Join(err, it.Close())
		}
		root, err := uuid.FromBytes(value)
		if err != nil {
			return errors.Join(errDamaged, it.Close())
		}
		c := newClosure(job{instantAt(it.Key()), root})
		c.thorough = true // a statement that needs no change may have been linked without its referrers
		left = append(left, c)
	}
	go l.loop()
	l.runInline(left)
	return it.Close()
}

func (l *linker) loop() {
	defer close(l.ended)
	for {
		c, ok := l.take()
		if !ok {
			return
		}
		if err := l.carryOut(c); err != nil {
			l.store.log.Error("linking references failed; it is tried again at the next start", "error", err)
		}
	}
}

// take waits for a closure; ok is false when the store closes.
func (l *linker) take() (c *closure, ok bool) {
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	l.active = false
	l.changed.Broadcast()
	for len(l.queue) == 0 && !l.closed {
		l.changed.Wait()
	}
	if l.closed {
		return nil, false
	}
	c, l.queue, l.active = l.queue[0], l.queue[1:], true
	return c, true
}

func (l *linker) put(c *closure) {
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	l.queue = append(l.queue, c)
	l.changed.Broadcast()
}

func (l *linker) close() {
	l.queueMu.Lock()
	l.closed = true
	l.changed.Broadcast()
	l.queueMu.Unlock()
	<-l.ended
}

func (l *linker) isClosed() bool {
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	return l.closed
}

func (l *linker) settle(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		l.queueMu.Lock()
		defer l.queueMu.Unlock()
		l.changed.Broadcast()
	})
	defer stop()
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	for (len(l.queue) > 0 || l.active) && !l.closed && ctx.Err() == nil {
		l.changed.Wait()
	}
	return ctx.Err()
}

// run carries out the jobs of a commit before it is answered, as far as they are small.
func (l *linker) run(jobs []job) {
	closures := make([]*closure, len(jobs))
	for i, j := range jobs {
		closures[i] = newClosure(j)
	}
	l.runInline(closures)
}

// runInline links up to inlineLinks statements and leaves the rest to the background. A closure that
// fails goes there too: its job is durable, and the commit that asked for it stands.
func (l *linker) runInline(closures []*closure) {
	budget := inlineLinks
	for _, c := range closures {
		done := false
		if budget > 0 {
			linked := c.linked
			var err error
			if done, err = l.chunk(c, budget); err != nil {
				l.store.log.Error("linking references failed; it is tried again", "error", err)
				c = newClosure(c.job)
				c.thorough, linked = true, 0
			}
			budget -= c.linked - linked
		}
		if !done {
			l.put(c)
		}
	}
}

// carryOut does the rest of a job in chunks, so that the committer gets its turns in between.
func (l *linker) carryOut(c *closure) error {
	for {
		done, err := l.chunk(c, inlineLinks)
		if done || err != nil || l.isClosed() {
			return err
		}
	}
}

// closure walks the statements that a job concerns: its root, then the referrers of each statement
// whose terms changed, nearest first.
type closure struct {
	job       job
	thorough  bool // go on behind statements whose terms did not change, too
	queue     []lrs.ID
	seen      map[lrs.ID]bool
	expanding bool // the referrers of current are being listed
	current   lrs.ID
	listed    lrs.Instant // how far they are
	linked    int         // statements looked at so far
	own       map[lrs.ID]chained
}

// chained is what a statement adds to those that refer to it.
type chained struct {
	terms  []lrs.Term
	target lrs.ID
	here   bool
}

func newClosure(j job) *closure {
	return &closure{job: j, queue: []lrs.ID{j.root}, seen: map[lrs.ID]bool{j.root: true}, own: map[lrs.ID]chained{}}
}

// chunk looks at up to most statements, some more at the end, and reports whether the job is done.
func (l *linker) chunk(c *closure, most int) (done bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(c.own) // what was read before the lock was released may have changed
	batch := l.store.db.NewBatch()
	defer func() { err = errors.Join(err, batch.Close()) }()
	for end := c.linked + most; c.expanding || len(c.queue) > 0; {
		if c.linked >= end {
			return false, batch.Commit(pebble.NoSync)
		}
		if err := l.step(batch, c); err != nil {
			return false, err
		}
	}
	if err := batch.Delete(instantKey(spaceJob, c.job.position), nil); err != nil {
		return false, err
	}
	return true, batch.Commit(pebble.NoSync)
}

// step links the next statement, or lists more referrers of the one before.
func (l *linker) step(batch *pebble.Batch, c *closure) error {
	if c.expanding {
		more, err := l.enqueueReferrers(c)
		c.expanding = more || err != nil
		return err
	}
	id := c.queue[0]
	changed, err := l.link(batch, c, id)
	if err != nil {
		return err
	}
	c.queue = c.queue[1:]
	c.linked++
	if changed || c.thorough || id == c.job.root {
		c.expanding, c.current, c.listed = true, id, 0
	}
	return nil
}

// enqueueReferrers lists the next statements that refer to the current one; more says that there may
// be others.
func (l *linker) enqueueReferrers(c *closure) (more bool, err error) {
	referrers, err := l.store.postings(l.store.db, lrs.IDTerm(lrs.TermTarget, c.current), lrs.StatementQuery{Ascending: true})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, referrers.close()) }()
	for n := 0; ; n++ {
		at, ok, err := referrers.seek(c.listed + 1)
		if err != nil || !ok || n == inlineLinks {
			return ok, err
		}
		c.listed = at
		r, err := l.store.record(l.store.db, c.listed)
		if errors.Is(err, lrs.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if !c.seen[r.id] {
			c.seen[r.id] = true
			c.queue = append(c.queue, r.id)
		}
	}
}

// link gives one statement the terms that its targets give it now.
func (l *linker) link(batch *pebble.Batch, c *closure, id lrs.ID) (changed bool, err error) {
	known, err := l.store.id(l.store.db, id)
	if err != nil || known.stored == 0 {
		return false, err
	}
	self, err := l.chained(c, id)
	if err != nil {
		return false, err
	}
	wanted, err := l.inherited(c, id, self.target)
	if err != nil {
		return false, err
	}
	wanted = slices.DeleteFunc(wanted, func(t lrs.Term) bool { return slices.Contains(self.terms, t) })
	had, err := l.store.inherited(known.stored)
	if err != nil || slices.Equal(had, wanted) {
		return false, err
	}
	for _, t := range had {
		if !slices.Contains(wanted, t) {
			err = errors.Join(err, batch.Delete(termKey(spaceLate, t, known.stored), nil))
		}
	}
	l.store.anyLate.Store(len(wanted) > 0 || l.store.anyLate.Load())
	for _, t := range wanted {
		err = errors.Join(err, batch.Set(termKey(spaceLate, t, known.stored), nil, nil))
	}
	key := instantKey(spaceInherited, known.stored)
	if len(wanted) == 0 {
		return true, errors.Join(err, batch.Delete(key, nil))
	}
	return true, errors.Join(err, batch.Set(key, encodeTerms(wanted), nil))
}

// inherited gathers the filter terms of the chain of targets, sorted.
func (l *linker) inherited(c *closure, id, target lrs.ID) ([]lrs.Term, error) {
	var terms []lrs.Term
	visited := map[lrs.ID]bool{id: true}
	for range lrs.MaxInheritance {
		if target == uuid.Nil || visited[target] {
			break
		}
		visited[target] = true
		link, err := l.chained(c, target)
		if err != nil {
			return nil, err
		}
		if !link.here {
			break
		}
		terms = append(terms, link.terms...)
		target = link.target
	}
	slices.SortFunc(terms, compareTerms)
	return slices.Compact(terms), nil
}

func compareTerms(a, b lrs.Term) int { return bytes.Compare(a[:], b[:]) }

// chained reads what a statement passes on.
func (l *linker) chained(c *closure, id lrs.ID) (chained, error) {
	if link, ok := c.own[id]; ok {
		return link, nil
	}
	link, err := l.readChained(id)
	if err == nil {
		c.own[id] = link
	}
	return link, err
}

func (l *linker) readChained(id lrs.ID) (chained, error) {
	entry, err := l.store.StatementByID(context.Background(), id)
	if errors.Is(err, lrs.ErrNotFound) {
		return chained{}, nil
	}
	if err != nil {
		return chained{}, err
	}
	statement, err := lrs.DecodeStored(entry.Bytes)
	if err != nil {
		return chained{}, err
	}
	terms := slices.DeleteFunc(lrs.Terms(statement, entry.Source), func(t lrs.Term) bool { return !t.Inheritable() })
	return chained{terms: terms, target: lrs.TargetOf(statement), here: true}, nil
}

func (s *Store) inherited(stored lrs.Instant) ([]lrs.Term, error) {
	value, err := s.get(s.db, instantKey(spaceInherited, stored))
	if err != nil {
		return nil, err
	}
	return decodeTerms(value)
}

func encodeTerms(terms []lrs.Term) []byte {
	b := make([]byte, 0, len(terms)*len(lrs.Term{}))
	for _, t := range terms {
		b = append(b, t[:]...)
	}
	return b
}

func decodeTerms(b []byte) ([]lrs.Term, error) {
	size := len(lrs.Term{})
	if len(b)%size != 0 {
		return nil, errDamaged
	}
	var terms []lrs.Term
	for ; len(b) > 0; b = b[size:] {
		terms = append(terms, lrs.Term(b[:size]))
	}
	return terms, nil
}
