package pebblestore

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"acquis/lrs"
)

// documentLocks serialise the writers of a document; two documents rarely share a lock.
type documentLocks [256]sync.Mutex

var lockSeed = maphash.MakeSeed()

func (l *documentLocks) of(key []byte) *sync.Mutex {
	return &l[maphash.Bytes(lockSeed, key)%uint64(len(l))]
}

// A document's key is its kind, the hashes of what it belongs to (agent before activity, so that an
// agent's documents lie together), for state the registration, and its id.

func documentAgentPrefix(scope lrs.DocumentScope) []byte {
	t := lrs.IFITerm(lrs.TermAgent, scope.Agent.IFI)
	return append([]byte{spaceDocument, byte(scope.Kind)}, t[:]...)
}

func documentPrefix(scope lrs.DocumentScope) []byte {
	activity := lrs.IRITerm(lrs.TermActivity, scope.Activity)
	switch scope.Kind {
	case lrs.AgentProfileDocument:
		return documentAgentPrefix(scope)
	case lrs.ActivityProfileDocument:
		return append([]byte{spaceDocument, byte(scope.Kind)}, activity[:]...)
	default:
		prefix := append(documentAgentPrefix(scope), activity[:]...)
		if scope.AnyRegistration {
			return prefix
		}
		return append(prefix, scope.Registration[:]...)
	}
}

func documentKey(key lrs.DocumentKey) []byte {
	scope := key.DocumentScope
	scope.AnyRegistration = false
	return append(documentPrefix(scope), key.ID...)
}

// documentID reads the id that ends a key found under the scope's prefix.
func documentID(scope lrs.DocumentScope, prefix, key []byte) string {
	if scope.Kind == lrs.StateDocument && scope.AnyRegistration {
		return string(key[len(prefix)+len(uuid.UUID{}):])
	}
	return string(key[len(prefix):])
}

func encodeDocument(d lrs.Document) []byte {
	b := appendInstant(make([]byte, 0, len(d.Content)+len(d.ContentType)+2*instantSize), d.Updated)
	return append(appendText(b, d.ContentType), d.Content...)
}

func decodeDocument(b []byte) (lrs.Document, error) {
	if len(b) < instantSize {
		return lrs.Document{}, errDamaged
	}
	contentType, content, err := cutText(b[instantSize:])
	return lrs.Document{ContentType: contentType, Content: content, Updated: instantAt(b[:instantSize])}, err
}

// Document implements lrs.DocumentStore.
func (s *Store) Document(_ context.Context, key lrs.DocumentKey) (lrs.Document, error) {
	d, err := s.document(documentKey(key))
	if err != nil {
		return lrs.Document{}, err
	}
	if d == nil {
		return lrs.Document{}, lrs.ErrNotFound
	}
	return *d, nil
}

func (s *Store) document(key []byte) (*lrs.Document, error) {
	value, err := s.get(s.db, key)
	if err != nil || value == nil {
		return nil, err
	}
	d, err := decodeDocument(value)
	return &d, err
}

// UpdateDocument implements lrs.DocumentStore.
func (s *Store) UpdateDocument(ctx context.Context, key lrs.DocumentKey, change func(*lrs.Document) (lrs.Document, error)) error {
	k := documentKey(key)
	lock := s.documents.of(k)
	lock.Lock()
	defer lock.Unlock()
	current, err := s.document(k)
	if err != nil {
		return err
	}
	changed, err := change(current)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	changed.Updated = lrs.InstantOf(s.now())
	if current != nil {
		changed.Updated = max(changed.Updated, current.Updated+1)
	}
	return s.db.Set(k, encodeDocument(changed), pebble.Sync)
}

// DeleteDocument implements lrs.DocumentStore.
func (s *Store) DeleteDocument(_ context.Context, key lrs.DocumentKey, p lrs.Precondition) error {
	k := documentKey(key)
	lock := s.documents.of(k)
	lock.Lock()
	defer lock.Unlock()
	current, err := s.document(k)
	if err != nil {
		return err
	}
	if !p.Holds(current) {
		return lrs.ErrPrecondition
	}
	if current == nil {
		return nil
	}
	return s.db.Delete(k, pebble.Sync)
}

// DocumentIDs implements lrs.DocumentStore.
func (s *Store) DocumentIDs(ctx context.Context, scope lrs.DocumentScope, since lrs.Instant) (lrs.DocumentList, error) {
	prefix := documentPrefix(scope)
	var list lrs.DocumentList
	err := s.eachDocument(ctx, prefix, func(key, value []byte) error {
		if len(value) < instantSize {
			return errDamaged
		}
		if updated := instantAt(value[:instantSize]); updated > since {
			list.IDs = append(list.IDs, documentID(scope, prefix, key))
			list.Updated = max(list.Updated, updated)
		}
		return nil
	})
	slices.Sort(list.IDs)
	list.IDs = slices.Compact(list.IDs)
	return list, err
}

// DeleteDocuments implements lrs.DocumentStore.
func (s *Store) DeleteDocuments(ctx context.Context, scope lrs.DocumentScope) error {
	_, err := s.deleteDocuments(ctx, documentPrefix(scope))
	return err
}

// deleteDocuments removes all documents under the prefixes at once and returns how many they were.
func (s *Store) deleteDocuments(ctx context.Context, prefixes ...[]byte) (count int, err error) {
	batch := s.db.NewBatch()
	defer func() { err = errors.Join(err, batch.Close()) }()
	for _, prefix := range prefixes {
		err := s.eachDocument(ctx, prefix, func(key, _ []byte) error {
			count++
			return batch.Delete(key, nil)
		})
		if err != nil {
			return 0, err
		}
	}
	return count, batch.Commit(pebble.Sync)
}

func (s *Store) eachDocument(ctx context.Context, prefix []byte, visit func(key, value []byte) error) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err == nil {
			err = visit(it.Key(), value)
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return errors.Join(err, it.Close())
		}
	}
	return errors.Join(it.Error(), it.Close())
}
