package mongostore

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"github.com/google/uuid"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/lrs"
	"acquis/storage"
)

// erasure is an erasure or a redaction under way: what is needed to go on with it after the
// statement has changed. It is kept until everything is done; when the writer ends before, another
// one goes on. Each step may be done twice.
type erasure struct {
	ID          string   `bson:"_id"`
	Epoch       int64    `bson:"e"`
	Kind        int32    `bson:"k"` // LogErased or LogRedacted
	Stored      int64    `bson:"s"`
	Origin      int64    `bson:"o"` // the epoch that stored the statement
	Target      string   `bson:"r,omitempty"`
	Voids       bool     `bson:"w,omitempty"`
	Activities  []string `bson:"activities,omitempty"`
	Attachments []string `bson:"a,omitempty"`
	told        bool     // the log has its entry
}

// tombstone keeps an erased id from coming back, without keeping the id. It is a storage.Tombstone.
func (s *Store) tombstone(id lrs.ID) string {
	mac := hmac.New(sha256.New, s.erasureKey)
	mac.Write(id[:])
	return tombstoneText(storage.Tombstone(mac.Sum(nil)))
}

func tombstoneText(t storage.Tombstone) string { return base64.RawURLEncoding.EncodeToString(t[:]) }

// EraseStatement implements lrs.Eraser.
func (s *Store) EraseStatement(ctx context.Context, id lrs.ID) error {
	x, _, err := s.intend(ctx, id.String(), lrs.LogErased)
	if err != nil {
		return err
	}
	return unavailable(s.erase(ctx, x))
}

// intend writes down that a statement is going to be erased or redacted. An erasure that was left
// unfinished is taken up.
func (s *Store) intend(ctx context.Context, id string, kind lrs.LogKind) (*erasure, *statementRecord, error) {
	e, err := s.order.epoch(ctx)
	if err != nil {
		return nil, nil, err
	}
	r, state, err := s.examine(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if state != complete {
		x := new(erasure)
		if err := s.erasures.FindOne(ctx, byID(id)).Decode(x); err != nil {
			return nil, nil, notFound(err)
		}
		if kind != lrs.LogErased || x.Kind != int32(lrs.LogErased) {
			return nil, nil, lrs.ErrNotFound
		}
		return x, nil, nil
	}
	entry, err := r.entry()
	if err != nil {
		return nil, nil, err
	}
	statement, err := lrs.DecodeStored(entry.Bytes)
	if err != nil {
		return nil, nil, err
	}
	x := &erasure{
		ID: id, Epoch: e.id, Kind: int32(kind), Stored: r.Stored, Origin: r.Epoch, Target: r.Target, Voids: r.Voids,
		Activities: lrs.Activities(statement), Attachments: r.Attachments,
	}
	_, err = s.erasures.ReplaceOne(ctx, byID(id), x, options.Replace().SetUpsert(true))
	return x, r, unavailable(err)
}

// erase takes the statement away and carries out what follows. The tombstone comes first: whoever
// stores the id again afterwards finds it; the entry of the log before the statement goes, so that
// its position is never missing.
func (s *Store) erase(ctx context.Context, x *erasure) error {
	id, err := uuid.Parse(x.ID)
	if err != nil {
		return errDamaged
	}
	if err := s.count(ctx, "erasures"); err != nil {
		return err
	}
	if _, err := s.tombstones.InsertOne(ctx, byID(s.tombstone(id))); err != nil && !isDuplicate(err) {
		return err
	}
	stub := changeRecord{Position: x.Stored, Epoch: x.Origin, Kind: int32(lrs.LogStored)}
	if _, err := s.changes.InsertOne(ctx, stub); err != nil && !isDuplicate(err) {
		return err
	}
	if _, err := s.statements.DeleteOne(ctx, bson.D{{Key: "_id", Value: x.ID}, {Key: "s", Value: x.Stored}}); err != nil {
		return err
	}
	return s.finish(ctx, x)
}

// finish takes back what others have from the statement as it was, tells the log, and forgets the
// intention.
func (s *Store) finish(ctx context.Context, x *erasure) error {
	roots := []root{{id: x.ID, referred: true, top: true, force: true}}
	if x.Voids {
		roots = append(roots, root{id: x.Target, top: true})
	}
	if err := (&linking{store: s, queue: roots}).run(ctx); err != nil {
		return err
	}
	if err := s.undefine(ctx, x.ID, x.Activities); err != nil {
		return err
	}
	if !x.told {
		if err := s.appendChange(ctx, lrs.LogKind(x.Kind), lrs.Instant(x.Stored), nil); err != nil {
			return err
		}
	}
	if err := s.removeUnreferenced(ctx, x.Attachments); err != nil {
		return err
	}
	_, err := s.erasures.DeleteOne(ctx, byID(x.ID))
	return err
}

// appendChange appends an entry to the log; before runs with its position and epoch before it
// becomes visible.
func (s *Store) appendChange(ctx context.Context, kind lrs.LogKind, target lrs.Instant, before func(addition) error) error {
	e, err := s.order.epoch(ctx)
	if err != nil {
		return err
	}
	r, err := e.begin(1)
	if err != nil {
		return err
	}
	r.link()
	if before != nil {
		err = before(addition{Stored: int64(r.first), Epoch: e.id})
	}
	if err == nil {
		_, err = s.changes.InsertOne(ctx, changeRecord{Position: int64(r.first), Epoch: e.id, Kind: int32(kind), Target: int64(target)})
	}
	if err != nil && !isDuplicate(err) {
		e.fail(errDatabase) // the entry may still come, and nothing may follow it that is answered before
		r.settle()
		return err
	}
	return r.commit()
}

// RedactStatement implements lrs.Eraser.
func (s *Store) RedactStatement(ctx context.Context, id lrs.ID, draft *lrs.Draft) error {
	defer s.releaseAttachments([]*lrs.Draft{draft})
	if draft.ID != id {
		return lrs.Errorf(lrs.KindInvalid, "the redacted statement must keep the id %s", id)
	}
	for {
		x, r, err := s.intend(ctx, id.String(), lrs.LogRedacted)
		if err != nil {
			return err
		}
		replaced, err := s.replace(ctx, r, draft)
		if err != nil {
			return unavailable(err)
		}
		if replaced {
			return unavailable(s.finishRedaction(ctx, x, draft))
		}
	}
}

// replace gives a statement other bytes and terms; false when it was linked in between.
func (s *Store) replace(ctx context.Context, r *statementRecord, draft *lrs.Draft) (bool, error) {
	if err := s.count(ctx, "redactions"); err != nil {
		return false, err
	}
	next := newStatementRecord(draft, lrs.Instant(r.Stored), r.Epoch)
	next.Link, next.Revision, next.Voided = r.Link+1, r.Revision+1, r.Voided
	if next.Target != "" {
		if err := s.noteReferences(ctx, []any{byID(next.Target)}); err != nil {
			return false, err
		}
	}
	result, err := s.statements.ReplaceOne(ctx, bson.D{{Key: "_id", Value: r.ID}, {Key: "l", Value: r.Link}}, next)
	if err != nil {
		return false, err
	}
	return result.MatchedCount == 1, nil
}

func (s *Store) finishRedaction(ctx context.Context, x *erasure, draft *lrs.Draft) error {
	if draft.Voids {
		voided := root{id: draft.Target.String(), top: true}
		if err := (&linking{store: s, queue: []root{voided}}).run(ctx); err != nil {
			return err
		}
	}
	if err := s.undefine(ctx, x.ID, x.Activities); err != nil {
		return err
	}
	x.Activities = nil // done; what the draft defines comes now
	err := s.appendChange(ctx, lrs.LogRedacted, lrs.Instant(x.Stored), func(at addition) error {
		for _, d := range draft.Definitions {
			if err := s.redefine(ctx, d.Activity, addition{at.Stored, at.Epoch, d.Definition}); err != nil {
				return err
			}
		}
		return nil
	})
	x.told = err == nil
	if err != nil {
		return err
	}
	return s.finish(ctx, x)
}

// refuseErased turns the drafts of erased ids into repeats: they are in the database now, but not
// visible, and are taken away again. Looking after inserting leaves no gap: an erasure writes its
// tombstone before it removes the statement, which an insert has to wait for.
func (u *unit) refuseErased(ctx context.Context) (err error) {
	if u.counters, err = u.store.readCounters(ctx); err != nil || u.counters.Erasures == 0 {
		return err
	}
	var digests []string
	for _, record := range u.records() {
		if !u.drafts[record].Fresh {
			digests = append(digests, u.store.tombstone(u.drafts[record].ID))
		}
	}
	erased, err := idsAmong(ctx, u.store.tombstones, digests)
	if err != nil || len(erased) == 0 {
		return err
	}
	for _, r := range u.group {
		for i, record := range r.records {
			if record == nil || u.drafts[record].Fresh || !erased[u.store.tombstone(u.drafts[record].ID)] {
				continue
			}
			if err := u.removeOne(ctx, record); err != nil {
				return err
			}
			r.records[i] = nil
		}
	}
	return nil
}

// idsAmong returns which of the ids are in a collection.
func idsAmong(ctx context.Context, c *mongo.Collection, ids []string) (map[string]bool, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	cursor, err := c.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}},
		options.Find().SetProjection(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, err
	}
	var found []struct {
		ID string `bson:"_id"`
	}
	if err := cursor.All(ctx, &found); err != nil {
		return nil, err
	}
	there := make(map[string]bool, len(found))
	for _, f := range found {
		there[f.ID] = true
	}
	return there, nil
}

// resumeErasures goes on with what an ended epoch left unfinished.
func (s *Store) resumeErasures(ctx context.Context, epoch int64) error {
	cursor, err := s.erasures.Find(ctx, bson.D{{Key: "e", Value: epoch}})
	if err != nil {
		return err
	}
	var left []erasure
	if err := cursor.All(ctx, &left); err != nil {
		return err
	}
	var errs []error
	for i := range left {
		if left[i].Kind == int32(lrs.LogErased) {
			errs = append(errs, s.erase(ctx, &left[i]))
		} else {
			left[i].Activities = nil // its definitions may be those of the redacted statement by now
			errs = append(errs, s.finish(ctx, &left[i]))
		}
	}
	return errors.Join(errs...)
}
