package pebblestore

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"acquis/lrs"
)

// tombstone is the key that keeps an erased id from coming back, without keeping the id.
func (s *Store) tombstone(id lrs.ID) []byte {
	mac := hmac.New(sha256.New, s.erasureKey)
	mac.Write(id[:])
	return append([]byte{spaceErased}, mac.Sum(nil)[:16]...)
}

// EraseStatement implements lrs.Eraser.
func (s *Store) EraseStatement(ctx context.Context, id lrs.ID) error {
	return s.submit(ctx, &request{change: func(u *unit) error {
		known, statement, r, err := u.present(id)
		if err != nil {
			return err
		}
		if err := u.unindex(known.stored, statement, r); err != nil {
			return err
		}
		u.set(instantKey(spaceLog, known.stored), record{kind: lrs.LogStored, gone: true}.encode(nil))
		u.del(instantKey(spaceVoided, known.stored))
		u.setID(id, idRecord{referenced: known.referenced, voided: known.voided})
		u.set(s.tombstone(id), nil)
		s.anyErased = true
		u.logAbout(lrs.LogErased, known.stored, id)
		return nil
	}})
}

// RedactStatement implements lrs.Eraser.
func (s *Store) RedactStatement(ctx context.Context, id lrs.ID, draft *lrs.Draft) error {
	if draft.ID != id {
		return lrs.Errorf(lrs.KindInvalid, "the redacted statement must keep the id %s", id)
	}
	return s.submit(ctx, &request{change: func(u *unit) error {
		known, statement, r, err := u.present(id)
		if err != nil {
			return err
		}
		if err := u.unindex(known.stored, statement, r); err != nil {
			return err
		}
		if known, err = u.id(id); err != nil { // unindexing may have changed what it refers to, itself included
			return err
		}
		u.expect(draft)
		if err := u.index(known.stored, r.revision+1, draft, known); err != nil {
			return err
		}
		u.logAbout(lrs.LogRedacted, known.stored, id)
		return nil
	}})
}

// present reads a statement that must be there.
func (u *unit) present(id lrs.ID) (idRecord, *lrs.Statement, record, error) {
	known, err := u.id(id)
	if err != nil {
		return idRecord{}, nil, record{}, err
	}
	if known.stored == 0 {
		return idRecord{}, nil, record{}, lrs.ErrNotFound
	}
	r, err := u.store.record(u.store.db, known.stored)
	if err != nil {
		return idRecord{}, nil, record{}, err
	}
	statement, err := lrs.DecodeStored(r.bytes)
	return known, statement, r, err
}

// logAbout appends an entry about an earlier position, and has the referrers linked again.
func (u *unit) logAbout(kind lrs.LogKind, target lrs.Instant, id lrs.ID) {
	position := u.store.sequence.next()
	u.set(instantKey(spaceLog, position), record{kind: kind, target: target}.encode(nil))
	u.job(position, id)
}

// unindex takes back what index wrote, and the definitions that no other statement's activities
// need. The statement's own bytes stay for the caller to replace.
func (u *unit) unindex(stored lrs.Instant, statement *lrs.Statement, r record) error {
	inherited, err := u.store.inherited(stored)
	if err != nil {
		return err
	}
	for _, t := range append(lrs.Terms(statement, r.source), inherited...) {
		if err := u.unpost(t, stored); err != nil {
			return err
		}
	}
	u.del(instantKey(spaceInherited, stored))
	for _, sha2 := range lrs.AttachmentDigests(statement) {
		u.del(attachedKey(sha2, stored))
		u.blobs = append(u.blobs, sha2)
	}
	if target := lrs.TargetOf(statement); target != uuid.Nil && statement.Verb.ID == lrs.VerbVoided {
		if err := u.unvoid(target, stored); err != nil {
			return err
		}
	}
	return u.undefine(statement, stored)
}

// unvoid takes back the voiding effect of the statement at stored.
func (u *unit) unvoid(id lrs.ID, stored lrs.Instant) error {
	u.del(voidingKey(id, stored))
	other, err := u.any(idKey(spaceVoiding, id), func(by lrs.Instant) (bool, error) { return by != stored, nil })
	if err != nil || other {
		return err
	}
	target, err := u.id(id)
	if err != nil {
		return err
	}
	target.voided = false
	u.setID(id, target)
	if target.stored != 0 {
		u.del(instantKey(spaceVoided, target.stored))
	}
	return nil
}

// undefine removes the canonical definitions of activities that only this statement mentions.
func (u *unit) undefine(statement *lrs.Statement, stored lrs.Instant) error {
	for _, activity := range lrs.Activities(statement) {
		term := lrs.IRITerm(lrs.TermRelatedActivity, activity)
		other, err := u.store.anyPosting(term, func(by lrs.Instant) (bool, error) {
			if by == stored {
				return false, nil
			}
			inherited, err := u.store.inherited(by) // those mention it only through this statement, or another that is found itself
			return !slices.Contains(inherited, term), err
		})
		if err != nil {
			return err
		}
		if other {
			continue
		}
		u.del(activityKey(activity))
		u.store.definitions.Remove(activity)
		if u.definitions == nil {
			u.definitions, u.digests = map[string]lrs.RawJSON{}, map[string]digest{}
		}
		u.definitions[activity] = nil
	}
	return nil
}

// any reports whether a stored key has the prefix and ends in an instant that counts.
func (u *unit) any(prefix []byte, counts func(lrs.Instant) (bool, error)) (found bool, err error) {
	it, err := u.store.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		if found, err := counts(instantAt(it.Key())); found || err != nil {
			return found, err
		}
	}
	return false, it.Error()
}

// EraseAgentDocuments implements lrs.Eraser.
func (s *Store) EraseAgentDocuments(ctx context.Context, agent lrs.Actor) (int, error) {
	return s.deleteDocuments(
		ctx,
		documentAgentPrefix(lrs.DocumentScope{Kind: lrs.StateDocument, Agent: agent}),
		documentAgentPrefix(lrs.DocumentScope{Kind: lrs.AgentProfileDocument, Agent: agent}),
	)
}
