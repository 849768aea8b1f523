package pebblestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"acquis/docstore"
	"acquis/lrs"
)

// The parts of the hub's space. Texts are tuples (docstore.Tuple), so that a key ends where it must.
const (
	docRecords   = 'd' // collection, partition, id              -> docRecord
	docIndex     = 'i' // collection, index, key, partition, id  -> nothing
	docChanges   = 'p' // collection; position                   -> whether deleted; partition, id
	docDeletions = 't' // collection, partition, id              -> position of the deletion
)

func docSpace(part byte, texts ...string) []byte {
	return append([]byte{spaceHubDoc, part}, docstore.Tuple(texts...)...)
}

func docKey(part byte, key docstore.Key) []byte {
	return docSpace(part, key.Collection, key.Partition, key.ID)
}

func docIndexKey(key docstore.Key, k docstore.IndexKey) []byte {
	return docSpace(docIndex, key.Collection, k.Index, k.Key, key.Partition, key.ID)
}

func docChangeKey(collection string, position lrs.Instant) []byte {
	return appendInstant(docSpace(docChanges, collection), position)
}

// docChange is what stands at a position of a collection's changes.
type docChange struct {
	position lrs.Instant
	deleted  bool
	key      docstore.Key
}

func (c docChange) encode() []byte {
	var deleted byte
	if c.deleted {
		deleted = 1
	}
	return append([]byte{deleted}, docstore.Tuple(c.key.Partition, c.key.ID)...)
}

func decodeDocChange(collection string, key, value []byte) (docChange, error) {
	if len(value) == 0 {
		return docChange{}, errDamaged
	}
	named, err := docNamed(collection, value[1:])
	return docChange{instantAt(key), value[0] == 1, named}, err
}

// docNamed reads partition and id, which end a tuple.
func docNamed(collection string, tuple []byte) (docstore.Key, error) {
	parts, err := docstore.SplitTuple(string(tuple))
	if err != nil || len(parts) < 2 {
		return docstore.Key{}, errDamaged
	}
	return docstore.Key{Collection: collection, Partition: parts[len(parts)-2], ID: parts[len(parts)-1]}, nil
}

func encodeDoc(d docstore.Doc) []byte {
	b := appendInstant(make([]byte, 0, 64+len(d.Bytes)), d.Revision)
	b = binary.AppendUvarint(b, uint64(len(d.Keys)))
	for _, k := range d.Keys {
		b = appendText(appendText(b, k.Index), k.Key)
	}
	return append(b, d.Bytes...)
}

// decodeDoc reads a document; its bytes alias b.
func decodeDoc(key docstore.Key, b []byte) (docstore.Doc, error) {
	if len(b) < instantSize {
		return docstore.Doc{}, errDamaged
	}
	d := docstore.Doc{Key: key, Revision: instantAt(b[:instantSize])}
	b = b[instantSize:]
	keys, n := binary.Uvarint(b)
	if n <= 0 || keys > uint64(len(b)) {
		return docstore.Doc{}, errDamaged
	}
	b = b[n:]
	for range keys {
		var k docstore.IndexKey
		var err error
		if k.Index, b, err = cutText(b); err != nil {
			return docstore.Doc{}, err
		}
		if k.Key, b, err = cutText(b); err != nil {
			return docstore.Doc{}, err
		}
		d.Keys = append(d.Keys, k)
	}
	d.Bytes = b
	return d, nil
}

// DeclareCollections implements docstore.Store. Nothing has to be made for a collection.
func (s *Store) DeclareCollections(_ context.Context, collections ...docstore.Collection) error {
	return s.catalogue.Declare(collections...)
}

// GetDoc implements docstore.Store.
func (s *Store) GetDoc(ctx context.Context, key docstore.Key) (docstore.Doc, error) {
	if err := s.catalogue.JudgeKey(key); err != nil {
		return docstore.Doc{}, err
	}
	if err := ctx.Err(); err != nil {
		return docstore.Doc{}, err
	}
	return s.doc(s.db, key)
}

func (s *Store) doc(r pebble.Reader, key docstore.Key) (docstore.Doc, error) {
	value, err := s.get(r, docKey(docRecords, key))
	if err != nil {
		return docstore.Doc{}, err
	}
	if value == nil {
		return docstore.Doc{}, lrs.ErrNotFound
	}
	return decodeDoc(key, value)
}

// docsRequest is a group for the committer, and its answer.
type docsRequest struct {
	group     docstore.Group
	revisions []lrs.Instant
}

func (r *docsRequest) size() (bytes int) {
	if r == nil {
		return 0
	}
	for _, w := range r.group.Writes {
		bytes += len(w.Bytes)
	}
	return bytes
}

// ApplyDocs implements docstore.Store. Groups join others and statements in one synced batch.
func (s *Store) ApplyDocs(ctx context.Context, group docstore.Group) ([]lrs.Instant, error) {
	if err := s.catalogue.JudgeGroup(group); err != nil || len(group.Writes) == 0 {
		return nil, err
	}
	docs := &docsRequest{group: group}
	if err := s.submit(ctx, &request{docs: docs}); err != nil {
		return nil, err
	}
	return docs.revisions, nil
}

// docState is what is known of a document in a unit.
type docState struct {
	revision lrs.Instant // 0 when it is not there
	keys     []docstore.IndexKey
	deleted  lrs.Instant // position of its deletion, 0 when nothing is known of one
}

func (u *unit) docState(key docstore.Key) (docState, error) {
	if state, ok := u.docs[key]; ok {
		return state, nil
	}
	value, err := u.store.get(u.store.db, docKey(docRecords, key))
	if err != nil {
		return docState{}, err
	}
	if value != nil {
		d, err := decodeDoc(key, value)
		return docState{revision: d.Revision, keys: d.Keys}, err
	}
	value, err = u.store.get(u.store.db, docKey(docDeletions, key))
	if err != nil || value == nil {
		return docState{}, err
	}
	if len(value) != instantSize {
		return docState{}, errDamaged
	}
	return docState{deleted: instantAt(value)}, nil
}

// applyDocs judges all writes of a group before it carries out the first.
func (u *unit) applyDocs(r *docsRequest) error {
	states := make([]docState, len(r.group.Writes))
	for i, w := range r.group.Writes {
		var err error
		if states[i], err = u.docState(r.group.Key(w)); err != nil {
			return err
		}
		if err := r.group.Expect(w, states[i].revision); err != nil {
			return err
		}
	}
	if u.docs == nil {
		u.docs = map[docstore.Key]docState{}
	}
	r.revisions = make([]lrs.Instant, len(states))
	for i, w := range r.group.Writes {
		r.revisions[i] = u.store.sequence.next()
		u.writeDoc(r.group.Key(w), w, states[i], r.revisions[i])
	}
	return nil
}

// writeDoc puts or deletes a document; its change takes the place of the one before.
func (u *unit) writeDoc(key docstore.Key, w docstore.Write, former docState, position lrs.Instant) {
	if last := max(former.revision, former.deleted); last != 0 {
		u.del(docChangeKey(key.Collection, last))
	}
	for _, k := range former.keys {
		if !slices.Contains(w.Keys, k) {
			u.del(docIndexKey(key, k))
		}
	}
	for _, k := range w.Keys {
		if !slices.Contains(former.keys, k) {
			u.set(docIndexKey(key, k), nil)
		}
	}
	u.set(docChangeKey(key.Collection, position), docChange{position, w.Deleted, key}.encode())
	if w.Deleted {
		u.del(docKey(docRecords, key))
		u.set(docKey(docDeletions, key), appendInstant(nil, position))
		u.docs[key] = docState{deleted: position}
		return
	}
	if former.deleted != 0 {
		u.del(docKey(docDeletions, key))
	}
	u.set(docKey(docRecords, key), encodeDoc(docstore.Doc{Revision: position, Keys: w.Keys, Bytes: w.Bytes}))
	u.docs[key] = docState{revision: position, keys: slices.Clone(w.Keys)}
}

// docsIn returns the bounds of the keys that stand under prefix between two positions, "" for none.
func docsIn(prefix []byte, lower, upper string) *pebble.IterOptions {
	bounds := &pebble.IterOptions{LowerBound: slices.Concat(prefix, []byte(lower)), UpperBound: prefixEnd(prefix)}
	if upper != "" {
		bounds.UpperBound = slices.Concat(prefix, []byte(upper))
	}
	if bytes.Compare(bounds.LowerBound, bounds.UpperBound) > 0 { // nothing lies between, which the engine must not be asked
		bounds.UpperBound = bounds.LowerBound
	}
	return bounds
}
