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
	queue   []job
	idle    *sync.Cond // signalled when queue and active run empty, and when it grows
	active  bool
	closed  bool
	ended   chan struct{}
}

func newLinker(s *Store) *linker {
	l := &linker{store: s, ended: make(chan struct{})}
	l.idle = sync.NewCond(&l.queueMu)
	return l
}

// start queues what a former process left undone and begins to work.
func (l *linker) start() error {
	it, err := l.store.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceJob}, UpperBound: prefixEnd([]byte{spaceJob})})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return errors.Join(err, it.Close())
		}
		root, err := uuid.FromBytes(value)
		if err != nil {
			return errors.Join(errDamaged, it.Close())
		}
		l.queue = append(l.queue, job{instantAt(it.Key()), root})
	}
	go l.loop()
	return it.Close()
}

func (l *linker) loop() {
	defer close(l.ended)
	for {
		j, ok := l.take()
		if !ok {
			return
		}
		if err := l.carryOut(j); err != nil {
			l.store.log.Error("linking references failed; it is tried again at the next start", "error", err)
		}
	}
}

// take waits for a job; ok is false when the store closes.
func (l *linker) take() (j job, ok bool) {
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	l.active = false
	l.idle.Broadcast()
	for len(l.queue) == 0 && !l.closed {
		l.idle.Wait()
	}
	if l.closed {
		return job{}, false
	}
	j, l.queue, l.active = l.queue[0], l.queue[1:], true
	return j, true
}

func (l *linker) close() {
	l.queueMu.Lock()
	l.closed = true
	l.idle.Broadcast()
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
		l.idle.Broadcast()
	})
	defer stop()
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	for (len(l.queue) > 0 || l.active) && !l.closed && ctx.Err() == nil {
		l.idle.Wait()
	}
	return ctx.Err()
}

// run carries out the jobs of a commit as far as they are small, before the commit is answered.
func (l *linker) run(jobs []job) error {
	budget := inlineLinks
	for _, j := range jobs {
		c := l.newClosure(j)
		done, err := l.chunk(c, budget)
		if err != nil {
			return err
		}
		if budget -= c.linked; !done || budget <= 0 {
			budget = max(budget, 1)
		}
		if !done {
			l.queueMu.Lock()
			l.queue = append(l.queue, j)
			l.idle.Broadcast()
			l.queueMu.Unlock()
		}
	}
	return nil
}

// carryOut does a whole job in chunks, so that the committer gets its turns in between.
func (l *linker) carryOut(j job) error {
	c := l.newClosure(j)
	for {
		done, err := l.chunk(c, inlineLinks)
		if done || err != nil || l.isClosed() {
			return err
		}
	}
}

// closure walks the referrers of a job's root, nearest first.
type closure struct {
	job     job
	queue   []lrs.ID
	seen    map[lrs.ID]bool
	own     map[lrs.ID]chained // what was read of targets on the way
	linked  int
	cursors map[lrs.ID]lrs.Instant // how far the referrers of an id were listed
}

// chained is what a statement adds to those that refer to it.
type chained struct {
	terms  []lrs.Term
	target lrs.ID
	here   bool
}

func (l *linker) newClosure(j job) *closure {
	return &closure{
		job: j, queue: []lrs.ID{j.root}, seen: map[lrs.ID]bool{j.root: true},
		own: map[lrs.ID]chained{}, cursors: map[lrs.ID]lrs.Instant{},
	}
}

// chunk links up to most statements and reports whether the job is done.
func (l *linker) chunk(c *closure, most int) (done bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(c.own) // what was read before the lock was released may have changed
	batch := l.store.db.NewBatch()
	defer func() { err = errors.Join(err, batch.Close()) }()
	for n := 0; len(c.queue) > 0; {
		id := c.queue[0]
		if _, begun := c.cursors[id]; !begun {
			changed, err := l.link(batch, c, id)
			if err != nil {
				return false, err
			}
			c.linked++
			n++
			if !changed && id != c.job.root {
				c.queue = c.queue[1:]
				continue
			}
		}
		if n >= most {
			return false, batch.Commit(pebble.NoSync)
		}
		more, err := l.enqueueReferrers(c, id, most)
		if err != nil {
			return false, err
		}
		if !more {
			c.queue = c.queue[1:]
		}
	}
	if err := batch.Delete(instantKey(spaceJob, c.job.position), nil); err != nil {
		return false, err
	}
	return true, batch.Commit(pebble.NoSync)
}

// enqueueReferrers lists the next statements that refer to id; more says that there may be others.
func (l *linker) enqueueReferrers(c *closure, id lrs.ID, most int) (more bool, err error) {
	prefix := postingPrefix(lrs.IDTerm(lrs.TermTarget, id))
	it, err := l.store.db.NewIter(&pebble.IterOptions{
		LowerBound: appendInstant(slices.Clone(prefix), c.cursors[id]+1), UpperBound: prefixEnd(prefix),
	})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	c.cursors[id] = max(c.cursors[id], 0)
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n > most {
			return true, nil
		}
		c.cursors[id] = instantAt(it.Key())
		r, err := l.store.record(l.store.db, instantAt(it.Key()))
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
	return false, it.Error()
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
			err = errors.Join(err, batch.Delete(postingKey(t, known.stored), nil))
		}
	}
	for _, t := range wanted {
		err = errors.Join(err, batch.Set(postingKey(t, known.stored), nil, nil))
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
