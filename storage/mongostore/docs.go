package mongostore

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"acquis/docstore"
	"acquis/lrs"
)

// docRecord is what the hub's collections hold of a document. It counts as Current says once that is
// visible, until then, or when that never will be, as Former says. A version moves from Current to
// Former once and never back, so that a reader who looks at both in that order meets it.
type docRecord struct {
	Name    string      `bson:"_id"` // docstore.Tuple(partition, id)
	Current docVersion  `bson:"c"`   // its position is 0 when the write was taken back
	Former  *docVersion `bson:"o,omitempty"`
}

// docVersion is a document after a write, or the lack of one.
type docVersion struct {
	Position int64           `bson:"s"` // 0 before the first
	Epoch    int64           `bson:"e"`
	Deleted  bool            `bson:"d"`
	Keys     []docIndexEntry `bson:"k,omitempty"`
	Bytes    []byte          `bson:"b,omitempty"`
}

type docIndexEntry struct {
	Index string `bson:"i"`
	Key   string `bson:"k"`
}

// noVersion stands for a document that has never been there.
var noVersion = docVersion{Deleted: true}

// revision is what a writer must expect.
func (v *docVersion) revision() lrs.Instant {
	if v.Deleted {
		return 0
	}
	return lrs.Instant(v.Position)
}

func (v *docVersion) doc(key docstore.Key) docstore.Doc {
	d := docstore.Doc{Key: key, Revision: lrs.Instant(v.Position), Bytes: v.Bytes}
	if d.Bytes == nil && !v.Deleted {
		d.Bytes = []byte{}
	}
	for _, k := range v.Keys {
		d.Keys = append(d.Keys, docstore.IndexKey(k))
	}
	return d
}

func docName(key docstore.Key) string { return docstore.Tuple(key.Partition, key.ID) }

func docNamed(collection, name string) (docstore.Key, error) {
	parts, err := docstore.SplitTuple(name)
	if err != nil || len(parts) != 2 {
		return docstore.Key{}, fmt.Errorf("%w: the name of a document of %s", errDamaged, collection)
	}
	return docstore.Key{Collection: collection, Partition: parts[0], ID: parts[1]}, nil
}

// docs holds the documents of a collection of the hub. Its name can't be that of an index.
func (s *Store) docs(collection string) *mongo.Collection {
	return s.db.Collection("hub." + collection)
}

// docKeys holds the entries of the indexes of a collection of the hub, one document each: a multikey
// index can't serve them, for the database sorts a document with several keys by its lowest.
func (s *Store) docKeys(collection string) *mongo.Collection {
	return s.db.Collection("hub." + collection + ".keys")
}

// The positions of the versions are what readers of changes look for.
const (
	currentPosition = "c.s"
	formerPosition  = "o.s"
)

// DeclareCollections implements docstore.Store.
func (s *Store) DeclareCollections(ctx context.Context, collections ...docstore.Collection) error {
	if err := s.catalogue.Declare(collections...); err != nil {
		return err
	}
	var indexes []index
	for _, c := range collections {
		indexes = append(
			indexes,
			index{collection: s.docs(c.Name), keys: bson.D{{Key: currentPosition, Value: 1}}},
			index{collection: s.docs(c.Name), keys: bson.D{{Key: formerPosition, Value: 1}}, sparse: true},
		)
	}
	return unavailable(s.buildIndexes(ctx, indexes))
}

// GetDoc implements docstore.Store.
func (s *Store) GetDoc(ctx context.Context, key docstore.Key) (docstore.Doc, error) {
	if err := s.catalogue.JudgeKey(key); err != nil {
		return docstore.Doc{}, err
	}
	found, err := s.readDoc(ctx, key)
	if err != nil {
		return docstore.Doc{}, err
	}
	if found.visible.Deleted {
		return docstore.Doc{}, lrs.ErrNotFound
	}
	return found.visible.doc(key), nil
}

// docState is a document as it was found.
type docState struct {
	record   *docRecord // nil when there is none
	visible  docVersion
	underway bool // a write has not ended, as far as can be known
}

// readDoc reads a document as it is now: whatever was answered before, here or elsewhere, is seen.
func (s *Store) readDoc(ctx context.Context, key docstore.Key) (docState, error) {
	v := s.order.views.latest()
	for renewed := false; ; renewed = true {
		record := new(docRecord)
		err := s.docs(key.Collection).FindOne(ctx, byID(docName(key))).Decode(record)
		if errors.Is(err, mongo.ErrNoDocuments) {
			return docState{visible: noVersion}, nil
		}
		if err != nil {
			return docState{}, unavailable(err)
		}
		visible, doubt := v.docVersion(record)
		if visible != nil && (!doubt || renewed) {
			return docState{record, *visible, v.docUnderway(record)}, nil
		}
		if v, _, err = s.order.views.renew(ctx); err != nil {
			return docState{}, unavailable(err)
		}
	}
}

// docVersion is the version that counts, nil when a later view is needed to tell: the former one
// is given up once the current one is visible, which this view doesn't know yet.
func (v *view) docVersion(r *docRecord) (version *docVersion, doubt bool) {
	visible := false
	if r.Current.Position != 0 {
		visible, doubt = v.sees(r.Current.Epoch, lrs.Instant(r.Current.Position))
	}
	if visible {
		return &r.Current, false
	}
	return r.Former, doubt
}

// docUnderway reports whether the current version is neither visible nor given up.
func (v *view) docUnderway(r *docRecord) bool {
	if r.Current.Position == 0 {
		return false
	}
	visible, doubt := v.sees(r.Current.Epoch, lrs.Instant(r.Current.Position))
	return !visible && (doubt || r.Current.Epoch == v.own)
}
