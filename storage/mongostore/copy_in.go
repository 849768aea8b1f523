package mongostore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/lrs"
	"acquis/storage"
)

var _ storage.Copyable = (*Store)(nil)

var (
	errNotFilling  = errors.New("mongostore: no import was begun")
	errOthersWrite = errors.New("another acquis uses the database: stop every server on it first")
)

// Alone implements storage.Exporter. A writer that was killed is waited for until its lease ends.
func (s *Store) Alone(ctx context.Context) error {
	beats := map[int64]int64{}
	for {
		e, err := s.order.epoch(ctx)
		if err != nil {
			return err
		}
		_, records, err := s.order.views.renew(ctx)
		if err != nil {
			return unavailable(err)
		}
		alone := true
		for _, r := range records {
			if !r.Live || r.Epoch == e.id {
				continue
			}
			if beat, seen := beats[r.Epoch]; seen && beat != r.Beat {
				return errOthersWrite
			}
			beats[r.Epoch], alone = r.Beat, false
		}
		if alone {
			return nil
		}
		wait(ctx, s.options.Heartbeat)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// fillingID names the document of meta that holds the storage.Import of a store that is being filled.
const fillingID = "filling"

// filling returns the import under way, nil without one.
func (s *Store) filling(ctx context.Context) (*storage.Import, error) {
	i := new(storage.Import)
	err := s.meta.FindOne(ctx, byID(fillingID)).Decode(i)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	return i, err
}

func (s *Store) setFilling(ctx context.Context, i storage.Import) error {
	_, err := s.meta.ReplaceOne(ctx, byID(fillingID), i, options.Replace().SetUpsert(true))
	return unavailable(err)
}

func (s *Store) checkFilling(ctx context.Context) error {
	i, err := s.filling(ctx)
	switch {
	case err != nil:
		return startError(err)
	case i != nil && !s.options.Filling:
		return storage.ErrUnfinished
	default:
		return nil
	}
}

// BeginImport implements storage.Importer. What is imported belongs to the epoch that does it, whose
// mark is above all of it before the first statement comes.
func (s *Store) BeginImport(ctx context.Context, i storage.Import) (storage.Import, error) {
	begun, err := s.filling(ctx)
	if err != nil {
		return i, unavailable(err)
	}
	if begun != nil {
		i, err = i.Resume(*begun)
	} else {
		err = s.wantEmpty(ctx)
	}
	if err != nil {
		return i, err
	}
	if err := s.setFilling(ctx, i); err != nil {
		return i, err
	}
	return i, s.advance(ctx, i.Through)
}

// wantEmpty refuses a database that holds anything but what every new store has.
func (s *Store) wantEmpty(ctx context.Context) error {
	names, err := s.db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return unavailable(err)
	}
	own := map[string]bool{s.meta.Name(): true, s.writers.Name(): true, s.slots.Name(): true}
	for _, name := range names {
		if own[name] || strings.HasPrefix(name, "system.") {
			continue
		}
		held, err := holdsAny(ctx, s.db.Collection(name))
		if err != nil {
			return unavailable(err)
		}
		if held {
			return storage.ErrOccupied
		}
	}
	return nil
}

func holdsAny(ctx context.Context, c *mongo.Collection) (bool, error) {
	err := c.FindOne(ctx, bson.D{}, options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, err
}

// advance returns when the mark is at or above a position.
func (s *Store) advance(ctx context.Context, t lrs.Instant) error {
	for {
		e, err := s.order.epoch(ctx)
		if err != nil {
			return err
		}
		if e.published() >= t {
			return nil
		}
		e.advance(t)
		wait(ctx, s.options.Heartbeat/4)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// advance takes no position at or below t from now on.
func (e *epoch) advance(t lrs.Instant) {
	e.mu.Lock()
	e.last = max(e.last, t)
	e.mu.Unlock()
	e.poke()
}

// ImportKeys implements storage.Importer.
func (s *Store) ImportKeys(ctx context.Context, keys []storage.NamedKey) error {
	for _, k := range keys {
		record := metaRecord{Name: "key/" + k.Name, Value: k.Key}
		if _, err := s.meta.ReplaceOne(ctx, byID(record.Name), record, options.Replace().SetUpsert(true)); err != nil {
			return unavailable(err)
		}
		if k.Name == "erasure" {
			s.erasureKey = k.Key
		}
	}
	return nil
}

// ImportLog implements storage.Importer. How far it came is written at the end: what an attempt
// before left of these entries is found to be there, and linked again.
func (s *Store) ImportLog(ctx context.Context, entries []lrs.LogEntry) error {
	i, err := s.filling(ctx)
	if err != nil {
		return unavailable(err)
	}
	if i == nil {
		return errNotFilling
	}
	e, err := s.order.epoch(ctx)
	if err != nil {
		return err
	}
	in := importing{store: s, epoch: e.id}
	for _, entry := range entries {
		if entry.Position <= i.Done {
			continue
		}
		if err := in.add(entry); err != nil {
			return err
		}
		i.Done = entry.Position
	}
	if err := in.write(ctx); err != nil {
		return unavailable(err)
	}
	return s.setFilling(ctx, *i)
}

// importing is some entries of the log on their way.
type importing struct {
	store      *Store
	epoch      int64
	statements []statementRecord
	changes    []any
	targets    []any
}

func (in *importing) add(e lrs.LogEntry) error {
	if e.Kind != lrs.LogStored || e.Entry.ID == uuid.Nil {
		in.changes = append(in.changes, changeRecord{Position: int64(e.Position), Epoch: in.epoch, Kind: int32(e.Kind), Target: int64(e.Target)})
		return nil
	}
	statement, err := lrs.DecodeStored(e.Entry.Bytes)
	if err != nil {
		return fmt.Errorf("statement %s: %w", e.Entry.ID, err)
	}
	r := statementRecord{
		ID: e.Entry.ID.String(), Stored: int64(e.Position), Epoch: in.epoch, Terms: termTexts(lrs.Terms(statement, e.Entry.Source)),
		Source: e.Entry.Source, Revision: e.Entry.Revision, Attachments: e.Entry.Attachments, Bytes: compress(e.Entry.Bytes),
	}
	if target := lrs.TargetOf(statement); target != uuid.Nil {
		r.Target, r.Voids = target.String(), statement.Verb.ID == lrs.VerbVoided
		in.targets = append(in.targets, byID(r.Target))
	}
	in.statements = append(in.statements, r)
	return nil
}

// write stores the entries, the references before the statements, as noteReferences asks, and links
// them.
func (in *importing) write(ctx context.Context) error {
	if err := in.store.noteReferences(ctx, in.targets); err != nil {
		return err
	}
	if err := insertMissing(ctx, in.store.statements, in.statements); err != nil {
		return err
	}
	if err := insertMissing(ctx, in.store.changes, in.changes); err != nil {
		return err
	}
	return in.store.linkThoroughly(ctx, in.statements)
}

// insertMissing inserts those of the documents whose ids are not there.
func insertMissing[T any](ctx context.Context, c *mongo.Collection, documents []T) error {
	if len(documents) == 0 {
		return nil
	}
	_, err := c.InsertMany(ctx, documents, options.InsertMany().SetOrdered(false))
	if onlyDuplicates(err) {
		return nil
	}
	return err
}

// putAll replaces documents, or inserts them where they are not there.
func putAll(ctx context.Context, c *mongo.Collection, ids []string, documents []any) error {
	models := make([]mongo.WriteModel, len(ids))
	for i, id := range ids {
		models[i] = mongo.NewReplaceOneModel().SetFilter(byID(id)).SetReplacement(documents[i]).SetUpsert(true)
	}
	_, err := c.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
	return unavailable(err)
}

// ImportTombstones implements storage.Importer. The counter makes writers look for them.
func (s *Store) ImportTombstones(ctx context.Context, tombstones []storage.Tombstone) error {
	if err := s.count(ctx, "erasures"); err != nil {
		return unavailable(err)
	}
	ids := make([]bson.D, len(tombstones))
	for i, t := range tombstones {
		ids[i] = byID(tombstoneText(t))
	}
	return unavailable(insertMissing(ctx, s.tombstones, ids))
}

// ImportDefinitions implements storage.Importer. Nothing can come before them any more.
func (s *Store) ImportDefinitions(ctx context.Context, definitions []storage.CanonicalDefinition) error {
	ids, records := make([]string, len(definitions)), make([]any, len(definitions))
	for i, d := range definitions {
		ids[i] = termText(d.Activity)
		records[i] = activityRecord{ID: ids[i], Revision: 1, Base: d.Definition}
	}
	if err := putAll(ctx, s.activities, ids, records); err != nil {
		return err
	}
	return unavailable(s.count(ctx, "definitions"))
}

// ImportDocuments implements storage.Importer.
func (s *Store) ImportDocuments(ctx context.Context, documents []storage.KeptDocument) error {
	ids, records := make([]string, len(documents)), make([]any, len(documents))
	for i, d := range documents {
		r, err := keptRecord(d)
		if err != nil {
			return fmt.Errorf("document %q: %w", d.ID, err)
		}
		ids[i], records[i] = r.ID, r
	}
	return putAll(ctx, s.documents, ids, records)
}

// FinishImport implements storage.Importer.
func (s *Store) FinishImport(ctx context.Context) error {
	_, err := s.meta.DeleteOne(ctx, byID(fillingID))
	return unavailable(err)
}
