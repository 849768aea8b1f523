package mongostore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/sync/errgroup"

	"acquis/lrs"
)

const (
	maxRounds = 4       // rounds under way at a time; they become visible in order
	maxGroup  = 4 << 20 // bytes of statements that are joined into one round
)

// request is drafts that are stored all or none.
type request struct {
	ctx     context.Context
	drafts  []*lrs.Draft
	since   time.Time
	records []*statementRecord // of this round's attempt, nil for drafts that need none
	verdict error              // why nothing of it is stored
	strange map[int]bool       // drafts whose ids are taken by different statements
	blocked bool               // by a statement whose fate is open: try again in a later round
	done    chan error
}

// AppendStatements implements lrs.StatementStore.
func (s *Store) AppendStatements(ctx context.Context, drafts []*lrs.Draft) error {
	if len(drafts) == 0 {
		return nil
	}
	r := &request{ctx: ctx, drafts: drafts, since: time.Now(), done: make(chan error, 1)}
	defer s.releaseAttachments(drafts)
	if err := s.enqueue(r); err != nil {
		return err
	}
	select {
	case err := <-r.done:
		return err
	case <-s.life.Done():
		select {
		case err := <-r.done:
			return err
		default:
			return errClosed
		}
	}
}

func (s *Store) enqueue(r *request) error {
	if s.closing.Load() {
		return errClosed
	}
	select {
	case s.requests <- r:
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	case <-s.life.Done():
		return errClosed
	}
}

// gatherLoop joins the requests that wait into rounds.
func (s *Store) gatherLoop() {
	for {
		var first *request
		select {
		case first = <-s.requests:
		case <-s.life.Done():
			return
		}
		select {
		case s.rounds <- struct{}{}:
		case <-s.life.Done():
			return
		}
		group := s.gather(first)
		s.inFlight.Add(1)
		s.work.Go(func() {
			defer func() {
				<-s.rounds
				s.inFlight.Done()
			}()
			s.storeGroup(group)
		})
	}
}

// gather takes what waits, of each id the first draft only: a repeat must see how that ends.
func (s *Store) gather(first *request) []*request {
	var group []*request
	ids, size := map[lrs.ID]bool{}, 0
	take := func(r *request) {
		for _, d := range r.drafts {
			if !d.Fresh && ids[d.ID] {
				s.tryLater(r)
				return
			}
		}
		for _, d := range r.drafts {
			ids[d.ID] = true
			size += d.Size()
		}
		group = append(group, r)
	}
	for take(first); size < maxGroup; {
		select {
		case r := <-s.requests:
			take(r)
		default:
			return group
		}
	}
	return group
}

// tryLater puts a request back after a moment, or gives it up when it has waited too long.
func (s *Store) tryLater(r *request) {
	if time.Since(r.since) > s.options.Patience+2*s.options.Lease {
		r.done <- errBlocked
		return
	}
	r.blocked, r.records = false, nil
	s.work.Go(func() {
		wait(s.life, min(20*time.Millisecond, s.options.Heartbeat))
		select {
		case s.requests <- r:
		case <-r.ctx.Done():
			r.done <- r.ctx.Err()
		case <-s.life.Done():
			r.done <- errClosed
		}
	})
}

var errBlocked = lrs.Errorf(lrs.KindUnavailable, "another server is storing a statement of the same id and has not said how that ended; nothing was stored: send the request again later")

// storeGroup carries out a round and answers each of its requests.
func (s *Store) storeGroup(group []*request) {
	start := time.Now()
	stored, err := s.tryRound(group)
	for _, r := range group {
		switch {
		case err != nil:
			r.done <- err
		case r.blocked:
			s.tryLater(r)
		default:
			r.done <- r.verdict
		}
	}
	if err == nil {
		s.metrics.observeCommit(stored, time.Since(start))
	}
}

// tryRound stores the drafts of the group. An error is of all of them; otherwise each request says
// what became of it.
func (s *Store) tryRound(group []*request) (stored int, err error) {
	ctx, cancel := context.WithTimeout(s.life, s.options.Patience+s.options.Lease)
	defer cancel()
	e, err := s.order.epoch(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, r := range group {
		if r.verdict = r.ctx.Err(); r.verdict == nil {
			n += len(r.drafts)
		}
	}
	if n == 0 {
		return 0, nil
	}
	reserved, err := e.begin(n)
	if err != nil {
		return 0, err
	}
	u := &unit{store: s, round: reserved, group: group}
	if err := u.prepare(ctx); err != nil {
		return 0, u.failed(ctx, err)
	}
	if u.empty() {
		reserved.drop()
		return 0, nil
	}
	if err := reserved.commit(); err != nil {
		return 0, err
	}
	for _, record := range u.records() {
		u.drafts[record].Stored = lrs.Instant(record.Stored)
	}
	return u.stored(), s.linkRound(s.life, u)
}

// unit is a round in the making.
type unit struct {
	store    *Store
	round    *round
	group    []*request
	drafts   map[*statementRecord]*lrs.Draft
	counters counters
	doubt    bool // an insert may have happened that was not answered
}

// failed ends a round that could not be prepared. What may be in the database is taken away again,
// or, when that can't be relied on, the epoch ends with it.
func (u *unit) failed(ctx context.Context, err error) error {
	err = unavailable(err)
	for _, r := range u.group {
		if removal := u.remove(ctx, r); removal != nil {
			u.round.epoch.fail(errDatabase)
			u.round.drop()
			return err
		}
	}
	u.round.drop()
	return err
}

// prepare does everything that comes before the mark may pass.
func (u *unit) prepare(ctx context.Context) error {
	u.write()
	if err := u.insert(ctx); err != nil {
		return err
	}
	if err := u.refuseErased(ctx); err != nil {
		return err
	}
	for _, r := range u.group {
		r.conclude()
		if r.verdict == nil && !r.blocked {
			continue
		}
		if err := u.remove(ctx, r); err != nil {
			return err
		}
	}
	if u.empty() {
		return nil
	}
	together, ctx := errgroup.WithContext(ctx)
	together.Go(func() error { return u.noteReferences(ctx) })
	together.Go(func() error { return u.define(ctx) })
	return together.Wait()
}

// write gives each draft its position and its record.
func (u *unit) write() {
	u.drafts = map[*statementRecord]*lrs.Draft{}
	i := 0
	for _, r := range u.group {
		r.records, r.strange = nil, map[int]bool{}
		if r.verdict != nil {
			continue
		}
		r.records = make([]*statementRecord, len(r.drafts))
		first := map[lrs.ID]*lrs.Draft{}
		for n, d := range r.drafts {
			if other := first[d.ID]; other != nil {
				r.judge(n, lrs.Equal(other.Statement, d.Statement, d.Version))
				continue
			}
			first[d.ID] = d
			r.records[n] = newStatementRecord(d, u.round.position(i), u.round.epoch.id)
			u.drafts[r.records[n]] = d
			i++
		}
	}
}

// records are those that stand to be stored.
func (u *unit) records() []*statementRecord {
	var all []*statementRecord
	for _, r := range u.group {
		for _, record := range r.records {
			if record != nil {
				all = append(all, record)
			}
		}
	}
	return all
}

func (u *unit) empty() bool { return u.stored() == 0 }

func (u *unit) stored() int { return len(u.records()) }

// insert inserts what is not there yet and finds out what is in the way of the rest.
func (u *unit) insert(ctx context.Context) error {
	pending := u.records()
	for attempt := 0; len(pending) > 0; attempt++ {
		taken, err := u.insertOnce(ctx, pending)
		if err != nil {
			if !isTransient(err) || ctx.Err() != nil || attempt > 0 && u.late() {
				return err
			}
			u.doubt = true
			u.store.log.Warn("inserting statements failed; trying again", "error", err)
			wait(ctx, u.store.options.Heartbeat)
			continue
		}
		if pending, err = u.resolve(ctx, taken); err != nil {
			return err
		}
	}
	return nil
}

// late reports whether the oldest request has waited as long as it should.
func (u *unit) late() bool {
	for _, r := range u.group {
		if time.Since(r.since) > u.store.options.Patience {
			return true
		}
	}
	return false
}

// insertOnce inserts records and returns those whose ids were taken.
func (u *unit) insertOnce(ctx context.Context, records []*statementRecord) (taken []*statementRecord, err error) {
	ctx, cancel := context.WithTimeout(ctx, u.store.options.Patience)
	defer cancel()
	_, err = u.store.statements.InsertMany(ctx, records, options.InsertMany().SetOrdered(false))
	if err == nil {
		return nil, nil
	}
	bulk, ok := asBulk(err)
	if !ok || bulk.WriteConcernError != nil {
		return nil, err
	}
	for _, e := range bulk.WriteErrors {
		if e.Code != codeDuplicate || e.Index < 0 || e.Index >= len(records) {
			return nil, fmt.Errorf("insert statement %d of %d: %w", e.Index, len(records), err)
		}
		taken = append(taken, records[e.Index])
	}
	return taken, nil
}

// resolve finds out why ids are taken and returns the records to insert once more.
func (u *unit) resolve(ctx context.Context, taken []*statementRecord) (again []*statementRecord, err error) {
	owners := map[*statementRecord]struct {
		r *request
		i int
	}{}
	for _, r := range u.group {
		for i, record := range r.records {
			owners[record] = struct {
				r *request
				i int
			}{r, i}
		}
	}
	for _, record := range taken {
		other, state, err := u.store.examine(ctx, record.ID)
		if err != nil {
			return nil, err
		}
		if other != nil && other.Epoch == record.Epoch && other.Stored == record.Stored {
			continue // inserted by an attempt that was not answered
		}
		owner := owners[record]
		switch state {
		case absent:
			again = append(again, record)
		case leftover:
			if _, err := u.store.statements.DeleteOne(ctx, other.byPosition()); err != nil {
				return nil, err
			}
			again = append(again, record)
		case underway:
			owner.r.records[owner.i] = nil
			owner.r.blocked = true
		case complete:
			owner.r.records[owner.i] = nil
			if err := owner.r.compare(u.drafts[record].ID, other); err != nil {
				return nil, err
			}
		}
	}
	return again, nil
}

// compare judges the drafts whose id is taken by a statement.
func (r *request) compare(id lrs.ID, other *statementRecord) error {
	b, err := decompress(other.Bytes)
	if err != nil {
		return fmt.Errorf("%w: bytes of statement %s", errDamaged, other.ID)
	}
	for i, d := range r.drafts {
		if d.ID != id {
			continue
		}
		same, err := d.SameAsStored(b)
		if err != nil {
			return err
		}
		r.judge(i, same)
	}
	return nil
}

// judge notes whether a draft repeats what has its id.
func (r *request) judge(i int, same bool) {
	if same {
		delete(r.strange, i)
	} else {
		r.strange[i] = true
	}
}

// conclude makes one error of all the drafts whose ids are taken.
func (r *request) conclude() {
	if len(r.strange) == 0 {
		return
	}
	conflict := &lrs.Error{Kind: lrs.KindConflict, Detail: "an id is taken by a different statement; nothing was stored"}
	for _, i := range slices.Sorted(maps.Keys(r.strange)) {
		conflict.Violations = append(conflict.Violations, lrs.Violation{
			Pointer: fmt.Sprintf("/%d", i), Rule: "statement-conflict", Section: "Communication 2.1.1",
			Detail: "the id " + r.drafts[i].ID.String() + " belongs to a different statement, which stays as it is: give this one an id of its own",
		})
	}
	r.verdict = conflict
}

// remove takes a request's records out of the database again.
func (u *unit) remove(ctx context.Context, r *request) error {
	for i, record := range r.records {
		if record == nil {
			continue
		}
		if err := u.removeOne(ctx, record); err != nil {
			return err
		}
		r.records[i] = nil
	}
	return nil
}

// removeOne can't be relied on once an insert was not answered: that may still come.
func (u *unit) removeOne(ctx context.Context, record *statementRecord) error {
	if u.doubt {
		return errDatabase
	}
	_, err := u.store.statements.DeleteOne(ctx, record.byPosition())
	return err
}
