package mongostore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/docstore"
	"acquis/lrs"
)

// ApplyDocs implements docstore.Store.
//
// A group is a round: each document gets its new version beside the one that counts, by a
// compare-and-swap on what was read, and all of them count when the mark passes the round. A writer
// that meets a version whose fate is open waits, holding no round; all take the documents of a group
// in the same order, so that of two groups one comes first everywhere.
func (s *Store) ApplyDocs(ctx context.Context, group docstore.Group) ([]lrs.Instant, error) {
	if err := s.catalogue.JudgeGroup(group); err != nil || len(group.Writes) == 0 {
		return nil, err
	}
	if s.closing.Load() {
		return nil, errClosed
	}
	s.inFlight.Add(1)
	defer s.inFlight.Done()
	for since := time.Now(); ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		w, err := s.readGroup(ctx, group)
		if err == nil {
			err = w.apply()
		}
		if err == nil {
			return w.revisions(), nil
		}
		if !errors.Is(err, errOvertaken) {
			return nil, err
		}
		if time.Since(since) > s.options.Patience+2*s.options.Lease {
			return nil, errDocBlocked
		}
		wait(ctx, min(5*time.Millisecond, s.options.Heartbeat))
	}
}

var (
	// errOvertaken says that another writer is or was at a document of the group.
	errOvertaken  = errors.New("mongostore: another writer was faster")
	errDocBlocked = lrs.Errorf(lrs.KindUnavailable, "another server is writing a document of the same group and has not said how that ended; nothing was stored: send the request again later")
)

// docWriting is one attempt to write a group.
type docWriting struct {
	store *Store
	round *round
	items []*docItem // in the order of the group
	doubt bool       // a write may have happened that was not answered
}

// docItem is a document of the group.
type docItem struct {
	key   docstore.Key
	found docState
	next  docVersion
}

// readGroup reads the documents of a group and judges what it expects.
func (s *Store) readGroup(ctx context.Context, group docstore.Group) (*docWriting, error) {
	w := &docWriting{store: s}
	for _, write := range group.Writes {
		item := &docItem{key: group.Key(write), next: docVersion{Deleted: write.Deleted, Bytes: write.Bytes}}
		for _, k := range write.Keys {
			item.next.Keys = append(item.next.Keys, docIndexEntry(k))
		}
		var err error
		if item.found, err = s.readDoc(ctx, item.key); err != nil {
			return nil, err
		}
		if item.found.underway {
			return nil, errOvertaken
		}
		if err := group.Expect(write, item.found.visible.revision()); err != nil {
			return nil, err
		}
		w.items = append(w.items, item)
	}
	return w, nil
}

// revisions are the positions of a group that was written.
func (w *docWriting) revisions() (list []lrs.Instant) {
	for i := range w.items {
		list = append(list, w.round.position(i))
	}
	return list
}

// apply writes the group and returns when it counts. It does not end with the caller's context: what
// is begun must be ended.
func (w *docWriting) apply() error {
	ctx, cancel := context.WithTimeout(w.store.life, w.store.options.Patience+w.store.options.Lease)
	defer cancel()
	e, err := w.store.order.epoch(ctx)
	if err != nil {
		return err
	}
	for _, item := range w.items {
		e.reach(lrs.Instant(item.found.visible.Position))
	}
	if w.round, err = e.begin(len(w.items)); err != nil {
		return err
	}
	w.round.link() // documents refer to nothing
	for i, item := range w.items {
		item.next.Position, item.next.Epoch = int64(w.round.position(i)), e.id
	}
	if err := w.writeAll(ctx); err != nil {
		return err
	}
	if err := w.round.commit(); err != nil {
		return err
	}
	for _, item := range w.items {
		if err := w.store.tidyDoc(ctx, item); err != nil {
			w.store.log.Warn("a former version of a document was not removed; the next write will", "error", err)
			break
		}
	}
	return nil
}

// reach makes positions from now on higher than one that was seen: those of a document rise, whoever
// writes it and however far clocks are apart.
func (e *epoch) reach(position lrs.Instant) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = max(e.last, position)
}

// writeAll puts the new version beside the one that counts, in every document or in none.
func (w *docWriting) writeAll(ctx context.Context) error {
	if err := w.writeKeys(ctx); err != nil { // before a version that has them counts
		w.round.drop()
		return unavailable(err)
	}
	ordered := slices.SortedFunc(slices.Values(w.items), func(a, b *docItem) int {
		return cmp.Or(cmp.Compare(a.key.Collection, b.key.Collection), cmp.Compare(a.key.ID, b.key.ID))
	})
	for i, item := range ordered {
		written, err := w.write(ctx, item)
		if err == nil && written {
			continue
		}
		if undone := w.takeBack(ctx, ordered[:i]); undone != nil || err != nil || w.doubt {
			// What may be in the database must never count.
			w.round.epoch.fail(errDatabase)
			w.round.drop()
			return unavailable(cmp.Or(err, undone, error(errDatabase)))
		}
		w.round.drop()
		return errOvertaken
	}
	return nil
}

// write replaces what was read of a document; false when it is not there any more.
func (w *docWriting) write(ctx context.Context, item *docItem) (bool, error) {
	for {
		written, err := w.writeOnce(ctx, item)
		switch {
		case err == nil && (written || !w.doubt):
			return written, nil
		case err == nil: // an attempt that was not answered may be what is in the way
			var there docRecord
			err = w.store.docs(item.key.Collection).FindOne(ctx, byID(docName(item.key))).Decode(&there)
			if errors.Is(err, mongo.ErrNoDocuments) {
				return false, nil
			}
			return there.Current.Position == item.next.Position, err
		case !isTransient(err) || ctx.Err() != nil:
			w.doubt = true
			return false, err
		}
		w.doubt = true
		wait(ctx, w.store.options.Heartbeat)
	}
}

func (w *docWriting) writeOnce(ctx context.Context, item *docItem) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, w.store.options.Patience)
	defer cancel()
	documents := w.store.docs(item.key.Collection)
	record := docRecord{Name: docName(item.key), Current: item.next, Former: &item.found.visible}
	if item.found.record == nil {
		_, err := documents.InsertOne(ctx, record)
		if isDuplicate(err) {
			return false, nil
		}
		return err == nil, err
	}
	result, err := documents.ReplaceOne(ctx, item.found.record.asFound(), record)
	if err != nil {
		return false, err
	}
	return result.MatchedCount == 1, nil
}

// asFound finds the record as long as nobody writes it.
func (r *docRecord) asFound() bson.D {
	filter := bson.D{{Key: "_id", Value: r.Name}, {Key: currentPosition, Value: r.Current.Position}}
	if r.Current.Position == 0 && r.Former != nil {
		filter = append(filter, bson.E{Key: formerPosition, Value: r.Former.Position})
	}
	return filter
}

// takeBack makes the documents count again as they did, for good.
func (w *docWriting) takeBack(ctx context.Context, items []*docItem) error {
	for _, item := range items {
		documents := w.store.docs(item.key.Collection)
		mine := docRecord{Name: docName(item.key), Current: item.next}
		var err error
		if item.found.visible.Position == 0 {
			_, err = documents.DeleteOne(ctx, mine.asFound())
		} else {
			_, err = documents.ReplaceOne(ctx, mine.asFound(), docRecord{Name: mine.Name, Former: &item.found.visible})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// An entry of an index carries the highest position of the writes that wanted it. A write that
// does without removes it only when it is older than the write.

func docEntryName(key docstore.Key, k docIndexEntry) string {
	return docstore.Tuple(k.Index, k.Key, key.Partition, key.ID)
}

// writeKeys makes the entries that the new versions have and those that count have not.
func (w *docWriting) writeKeys(ctx context.Context) error {
	models := map[string][]mongo.WriteModel{}
	for _, item := range w.items {
		for _, k := range item.next.Keys {
			if slices.Contains(item.found.visible.Keys, k) {
				continue
			}
			models[item.key.Collection] = append(models[item.key.Collection], mongo.NewUpdateOneModel().
				SetFilter(byID(docEntryName(item.key, k))).
				SetUpdate(bson.D{{Key: "$max", Value: bson.D{{Key: "s", Value: item.next.Position}}}}).
				SetUpsert(true))
		}
	}
	for collection, list := range models {
		for {
			_, err := w.store.docKeys(collection).BulkWrite(ctx, list, options.BulkWrite().SetOrdered(false))
			if err == nil {
				break
			}
			if ctx.Err() != nil || !isTransient(err) && !onlyDuplicates(err) {
				return err
			}
			wait(ctx, min(5*time.Millisecond, w.store.options.Heartbeat)) // two that make the same entry: one has made it
		}
	}
	return nil
}

// tidyDoc removes what a document that counts as written does not need any more.
func (s *Store) tidyDoc(ctx context.Context, item *docItem) error {
	stale := slices.Clone(item.found.visible.Keys)
	if before := item.found.record; before != nil { // and what earlier writers left
		stale = append(stale, before.Current.Keys...)
		if before.Former != nil {
			stale = append(stale, before.Former.Keys...)
		}
	}
	stale = slices.DeleteFunc(stale, func(k docIndexEntry) bool { return slices.Contains(item.next.Keys, k) })
	if err := s.removeDocKeys(ctx, item.key, stale, item.next.Position); err != nil {
		return err
	}
	written := docRecord{Name: docName(item.key), Current: item.next}
	_, err := s.docs(item.key.Collection).UpdateOne(ctx, written.asFound(), bson.D{{Key: "$unset", Value: bson.D{{Key: "o", Value: ""}}}})
	return err
}

// removeDocKeys removes entries of a document that no write from the position on wanted.
func (s *Store) removeDocKeys(ctx context.Context, key docstore.Key, stale []docIndexEntry, position int64) error {
	if len(stale) == 0 {
		return nil
	}
	models := make([]mongo.WriteModel, len(stale))
	for i, k := range stale {
		models[i] = mongo.NewDeleteOneModel().SetFilter(bson.D{
			{Key: "_id", Value: docEntryName(key, k)}, {Key: "s", Value: bson.D{{Key: "$lt", Value: position}}},
		})
	}
	_, err := s.docKeys(key.Collection).BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
	return err
}
