package mongostore

import (
	"cmp"
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/docstore"
	"acquis/lrs"
)

// ChangesThrough implements docstore.Store: documents and statements share one order.
func (s *Store) ChangesThrough(ctx context.Context) (lrs.Instant, error) {
	return s.ConsistentThrough(ctx)
}

// ReadChanges implements docstore.Store.
func (s *Store) ReadChanges(ctx context.Context, collection string, after lrs.Instant, limit int) ([]docstore.Change, error) {
	if _, err := s.catalogue.Collection(collection); err != nil {
		return nil, err
	}
	v, _, err := s.order.views.renew(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	var changes []docstore.Change
	for after < v.through && len(changes) < limit {
		some, through, err := s.readSomeChanges(ctx, v, collection, after, limit)
		if err != nil {
			return nil, unavailable(err)
		}
		changes, after = append(changes, some...), through
	}
	return changes[:min(limit, len(changes))], nil
}

// readSomeChanges reads the next changes, and how far they are complete.
//
// The current versions are read first: one that has become a former one meanwhile, because of a
// write that may still be taken back, is then among those. One that is among neither was followed by
// a version beyond the view, which will be told later.
func (s *Store) readSomeChanges(ctx context.Context, v *view, collection string, after lrs.Instant, limit int) (changes []docstore.Change, through lrs.Instant, err error) {
	through = v.through
	told := map[int64]bool{}
	var versions []docstore.Change
	for _, position := range []string{currentPosition, formerPosition} {
		var records []docRecord
		if err := readSpan(ctx, s.docs(collection), position, after, v.through, limit, &records); err != nil {
			return nil, 0, err
		}
		for i := range records {
			r := &records[i]
			version, at := &r.Current, r.Current.Position
			if position == formerPosition {
				version, at = r.Former, r.Former.Position
			}
			if i == limit-1 {
				through = min(through, lrs.Instant(at))
			}
			if counts, _ := v.docVersion(r); counts != version || told[at] {
				continue
			}
			told[at] = true
			key, err := docNamed(collection, r.Name)
			if err != nil {
				return nil, 0, err
			}
			versions = append(versions, docstore.Change{Doc: version.doc(key), Deleted: version.Deleted})
		}
	}
	for _, c := range versions {
		if c.Doc.Revision <= through {
			changes = append(changes, c)
		}
	}
	slices.SortFunc(changes, func(a, b docstore.Change) int { return cmp.Compare(a.Doc.Revision, b.Doc.Revision) })
	return changes, through, nil
}

// forgottenAtOnce is how many deletions are read at a time.
const forgottenAtOnce = 1000

// ForgetDeletions implements docstore.Store.
func (s *Store) ForgetDeletions(ctx context.Context, collection string, through lrs.Instant) (forgotten int, err error) {
	if _, err := s.catalogue.Collection(collection); err != nil {
		return 0, err
	}
	v, _, err := s.order.views.renew(ctx)
	if err != nil {
		return 0, unavailable(err)
	}
	for after := int64(0); ; {
		list, err := findAll[docRecord](ctx, s.docs(collection), bson.D{
			{Key: "c.d", Value: true},
			{Key: currentPosition, Value: bson.D{{Key: "$gt", Value: after}, {Key: "$lte", Value: int64(min(through, v.through))}}},
		}, options.Find().SetSort(bson.D{{Key: currentPosition, Value: 1}}).SetLimit(forgottenAtOnce).SetBatchSize(forgottenAtOnce+1))
		if err != nil {
			return forgotten, unavailable(err)
		}
		for i := range list {
			after = list[i].Current.Position
			gone, err := s.forgetDoc(ctx, v, collection, &list[i])
			if err != nil {
				return forgotten, unavailable(err)
			}
			if gone {
				forgotten++
			}
		}
		if len(list) < forgottenAtOnce {
			return forgotten, nil
		}
	}
}

// forgetDoc drops the record of a deleted document, with what its writers left.
func (s *Store) forgetDoc(ctx context.Context, v *view, collection string, r *docRecord) (bool, error) {
	if visible, _ := v.sees(r.Current.Epoch, lrs.Instant(r.Current.Position)); !visible {
		return false, nil // the deletion never came about
	}
	key, err := docNamed(collection, r.Name)
	if err != nil {
		return false, err
	}
	if r.Former != nil {
		if err := s.removeDocKeys(ctx, key, r.Former.Keys, r.Current.Position); err != nil {
			return false, err
		}
	}
	result, err := s.docs(collection).DeleteOne(ctx, r.asFound())
	if err != nil {
		return false, err
	}
	return result.DeletedCount == 1, nil
}
