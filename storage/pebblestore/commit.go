package pebblestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"acquis/docstore"
	"acquis/lrs"
)

var errClosed = lrs.Errorf(lrs.KindUnavailable, "the store is closing: send the request again later")

// maxGroup is how many bytes of statements are joined into one commit before the rest waits for
// the next.
const maxGroup = 8 << 20

// request is a unit of work for the committer: drafts to append, documents to write, or an exclusive
// change.
type request struct {
	ctx    context.Context
	drafts []*lrs.Draft
	docs   *docsRequest
	change func(*unit) error // exclusive: commits alone
	done   chan error
}

func (s *Store) submit(ctx context.Context, r *request) error {
	r.ctx, r.done = ctx, make(chan error, 1)
	select {
	case s.requests <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stop:
		return errClosed
	}
	select {
	case err := <-r.done:
		return err
	case <-s.committed: // the committer ended; it may have answered just before
		select {
		case err := <-r.done:
			return err
		default:
			return errClosed
		}
	}
}

// AppendStatements implements lrs.StatementStore.
func (s *Store) AppendStatements(ctx context.Context, drafts []*lrs.Draft) error {
	if len(drafts) == 0 {
		return nil
	}
	err := s.submit(ctx, &request{drafts: drafts})
	for _, d := range drafts {
		s.attachments.arrived(d.Attachments)
	}
	return err
}

// commitLoop is the committer: it joins the requests that wait into one synced batch, as long as
// the store is open.
func (s *Store) commitLoop() {
	defer close(s.committed)
	var next *request // an exclusive change that waits for the group before it
	for {
		first := next
		next = nil
		if first == nil {
			select {
			case first = <-s.requests:
			case <-s.stop:
				return
			}
		}
		if first.change != nil {
			s.commit([]*request{first})
			continue
		}
		group, size := []*request{first}, groupSize(first)
	join:
		for size < maxGroup {
			select {
			case r := <-s.requests:
				if r.change != nil {
					next = r
					break join
				}
				group, size = append(group, r), size+groupSize(r)
			default:
				break join
			}
		}
		s.commit(group)
	}
}

func groupSize(r *request) int {
	size := r.docs.size()
	for _, d := range r.drafts {
		size += d.Size()
	}
	return size
}

// commit carries out the requests in one synced batch and answers each.
func (s *Store) commit(group []*request) {
	start := s.now()
	u := &unit{store: s, batch: s.db.NewBatch()}
	failed := make([]error, len(group))
	for i, r := range group {
		failed[i] = s.carryOut(u, r)
	}
	err := u.commit()
	for i, r := range group {
		r.done <- errors.Join(failed[i], err)
	}
	s.metrics.observeCommit(u.statements, s.now().Sub(start))
}

func (s *Store) carryOut(u *unit, r *request) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.change != nil {
		return r.change(u)
	}
	if r.docs != nil {
		return u.applyDocs(r.docs)
	}
	fresh, err := u.judge(r.drafts)
	if err != nil {
		return err
	}
	for _, d := range fresh {
		if err := u.append(d); err != nil {
			u.broken = err // half of a request is in the batch: nothing of it may be written
			return err
		}
	}
	return nil
}

// unit is one batch in the making, with what it will have changed laid over what is stored.
type unit struct {
	store       *Store
	batch       *pebble.Batch
	ids         map[lrs.ID]idRecord
	docs        map[docstore.Key]docState
	definitions map[string]lrs.RawJSON
	digests     map[string]digest
	pending     map[lrs.ID]*lrs.Draft // drafts of this unit with ids of their senders' making
	jobs        []job
	postings    []posting
	blobs       []string // attachments that may have lost their last reference
	statements  int
	broken      error
}

// commit makes the batch durable, then links what it referred to.
func (u *unit) commit() error {
	q := u.store.sequence
	if u.broken != nil || u.batch.Empty() {
		q.landed(0, false)
		return errors.Join(u.broken, u.batch.Close())
	}
	u.writePostings()
	raised := q.raise()
	if raised != 0 {
		u.set(metaKey("ceiling"), appendInstant(nil, raised))
	}
	err := u.batch.Commit(pebble.Sync)
	q.landed(raised, err == nil)
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	for activity, d := range u.digests {
		u.store.definitions.Add(activity, d)
	}
	if err := u.batch.Close(); err != nil {
		return err
	}
	u.store.links.run(u.jobs)
	return u.store.attachments.removeUnreferenced(u.store, u.blobs)
}

// set and del write to the batch. Their errors, a batch that is too large, show at Commit.
func (u *unit) set(key, value []byte) { u.note(u.batch.Set(key, value, nil)) }
func (u *unit) del(key []byte)        { u.note(u.batch.Delete(key, nil)) }

func (u *unit) note(err error) {
	if err != nil && u.broken == nil {
		u.broken = err
	}
}

// judge sorts out which drafts are new. Repeats and erased ids are left out; when any id is taken
// by another statement the error lists all of those and nothing of the request is written.
func (u *unit) judge(drafts []*lrs.Draft) ([]*lrs.Draft, error) {
	fresh := make([]*lrs.Draft, 0, len(drafts))
	own := map[lrs.ID]*lrs.Draft{}
	var violations []lrs.Violation
	for i, d := range drafts {
		if d.Fresh {
			fresh = append(fresh, d)
			continue
		}
		verdict, err := u.compare(d, own)
		switch {
		case err != nil:
			return nil, err
		case verdict == newcomer:
			own[d.ID] = d
			fresh = append(fresh, d)
		case verdict == stranger:
			violations = append(violations, lrs.Violation{
				Pointer: fmt.Sprintf("/%d", i), Rule: "statement-conflict", Section: "Communication 2.1.1",
				Detail: "the id " + d.ID.String() + " belongs to a different statement, which stays as it is: give this one an id of its own",
			})
		}
	}
	if len(violations) > 0 {
		return nil, &lrs.Error{Kind: lrs.KindConflict, Detail: "an id is taken by a different statement; nothing was stored", Violations: violations}
	}
	return fresh, nil
}

type verdict uint8

const (
	newcomer verdict = iota
	repeat           // or erased
	stranger
)

func (u *unit) compare(d *lrs.Draft, own map[lrs.ID]*lrs.Draft) (verdict, error) {
	for _, drafts := range []map[lrs.ID]*lrs.Draft{own, u.pending} {
		if other := drafts[d.ID]; other != nil {
			return verdictOf(lrs.Equal(other.Statement, d.Statement, d.Version)), nil
		}
	}
	if erased, err := u.erased(d.ID); erased || err != nil {
		return repeat, err
	}
	known, err := u.id(d.ID)
	if err != nil || known.stored == 0 {
		return newcomer, err
	}
	r, err := u.store.record(u.store.db, known.stored)
	if err != nil {
		return newcomer, err
	}
	same, err := d.SameAsStored(r.bytes)
	return verdictOf(same), err
}

func verdictOf(same bool) verdict {
	if same {
		return repeat
	}
	return stranger
}

func (u *unit) erased(id lrs.ID) (bool, error) {
	if !u.store.anyErased {
		return false, nil
	}
	value, err := u.store.get(u.store.db, u.store.tombstone(id))
	return value != nil, err
}

// id returns what is known of an id, this unit's changes included.
func (u *unit) id(id lrs.ID) (idRecord, error) {
	if r, ok := u.ids[id]; ok {
		return r, nil
	}
	var r idRecord
	if u.store.ids.perhaps(id) {
		var err error
		if r, err = u.store.id(u.store.db, id); err != nil {
			return r, err
		}
	}
	u.remember(id, r)
	return r, nil
}

func (u *unit) remember(id lrs.ID, r idRecord) {
	if u.ids == nil {
		u.ids = map[lrs.ID]idRecord{}
	}
	u.ids[id] = r
}

func (u *unit) setID(id lrs.ID, r idRecord) {
	u.remember(id, r)
	if r == (idRecord{}) {
		u.del(idKey(spaceID, id))
		return
	}
	u.store.ids.add(id)
	u.set(idKey(spaceID, id), r.encode())
}

// append gives the draft its stored time and writes it with its index.
func (u *unit) append(d *lrs.Draft) error {
	stored := u.store.sequence.next()
	var known idRecord
	if !d.Fresh {
		var err error
		if known, err = u.id(d.ID); err != nil {
			return err
		}
		u.expect(d)
	}
	known.stored, d.Stored = stored, stored
	u.setID(d.ID, known)
	u.statements++
	if known.referenced {
		u.job(stored, d.ID)
	}
	return u.index(stored, 0, d, known)
}

// expect makes the draft known to the drafts that follow in this unit.
func (u *unit) expect(d *lrs.Draft) {
	if u.pending == nil {
		u.pending = map[lrs.ID]*lrs.Draft{}
	}
	u.pending[d.ID] = d
}

// index writes a statement and everything by which it is found.
func (u *unit) index(stored lrs.Instant, revision uint32, d *lrs.Draft, known idRecord) error {
	u.keep(stored, record{kind: lrs.LogStored, revision: revision, id: d.ID, source: d.Source, attached: d.Attachments, bytes: d.Seal(stored)})
	if revision == 0 {
		u.post(d.Terms, stored)
	} else {
		u.postLate(d.Terms, stored)
	}
	return u.relate(stored, d, known)
}

func (u *unit) keep(stored lrs.Instant, r record) {
	u.set(instantKey(spaceLog, stored), r.encode(make([]byte, 0, len(r.bytes)+len(r.source)+32)))
}

// relate writes what a statement does to others and they to it.
func (u *unit) relate(stored lrs.Instant, d *lrs.Draft, known idRecord) error {
	for _, sha2 := range d.Attachments {
		u.set(attachedKey(sha2, stored), nil)
	}
	switch { // what voids cannot be voided (Data 2.3.2)
	case known.voided && d.Voids:
		u.del(instantKey(spaceVoided, stored))
	case known.voided:
		u.set(instantKey(spaceVoided, stored), nil)
	}
	if d.Target != uuid.Nil {
		if err := u.refer(stored, d); err != nil {
			return err
		}
	}
	for _, def := range d.Definitions {
		if err := u.define(def); err != nil {
			return err
		}
	}
	return nil
}

// refer notes that the draft's object refers to another statement, which may come later.
func (u *unit) refer(stored lrs.Instant, d *lrs.Draft) error {
	target, err := u.id(d.Target)
	if err != nil {
		return err
	}
	target.referenced = true
	if d.Voids {
		target.voided = true
		u.set(voidingKey(d.Target, stored), nil)
		if err := u.void(d.Target, target); err != nil {
			return err
		}
	}
	u.setID(d.Target, target)
	u.job(stored, d.ID)
	return nil
}

// void hides the target, when it is here and not voiding itself (Data 2.3.2).
func (u *unit) void(id lrs.ID, target idRecord) error {
	if target.stored == 0 {
		return nil
	}
	voiding, err := u.isVoiding(id, target)
	if err != nil || voiding {
		return err
	}
	u.set(instantKey(spaceVoided, target.stored), nil)
	return nil
}

func (u *unit) isVoiding(id lrs.ID, known idRecord) (bool, error) {
	if d := u.pending[id]; d != nil {
		return d.Voids, nil
	}
	r, err := u.store.record(u.store.db, known.stored)
	if errors.Is(err, lrs.ErrNotFound) { // a draft of this unit with an id of our making: nobody refers to it
		return false, nil
	}
	if err != nil {
		return false, err
	}
	statement, err := lrs.DecodeStored(r.bytes)
	if err != nil {
		return false, err
	}
	return statement.Verb.ID == lrs.VerbVoided && lrs.TargetOf(statement) != uuid.Nil, nil
}

func (u *unit) job(position lrs.Instant, root lrs.ID) {
	u.set(instantKey(spaceJob, position), root[:])
	u.jobs = append(u.jobs, job{position, root})
}
