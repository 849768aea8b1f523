package pebblestore

import (
	"context"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"acquis/docstore"
	"acquis/lrs"
)

// ScanDocs implements docstore.Store. A page is taken from one snapshot.
func (s *Store) ScanDocs(ctx context.Context, scan docstore.Scan) (page docstore.Page, err error) {
	if err := s.catalogue.JudgeScan(scan); err != nil {
		return docstore.Page{}, err
	}
	prefix := docSpace(docRecords, scan.Collection)
	if scan.Index != "" {
		prefix = docSpace(docIndex, scan.Collection, scan.Index)
	}
	lower, upper := scan.Span()
	snapshot := s.db.NewSnapshot()
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	it, err := snapshot.NewIter(docsIn(prefix, lower, upper))
	if err != nil {
		return docstore.Page{}, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	first, next := it.First, it.Next
	if scan.Descending {
		first, next = it.Last, it.Prev
	}
	for ok := first(); ok; ok = next() {
		if len(page.Entries) == scan.Limit {
			last := page.Entries[scan.Limit-1]
			page.Next = scan.Position(last.Key, last.Doc.Key)
			return page, nil
		}
		if err := ctx.Err(); err != nil {
			return docstore.Page{}, err
		}
		entry, err := s.docEntry(snapshot, scan, string(it.Key()[len(prefix):]))
		if err != nil {
			return docstore.Page{}, err
		}
		page.Entries = append(page.Entries, entry)
	}
	return page, it.Error()
}

// docEntry reads the document that stands at a position of an index.
func (s *Store) docEntry(r pebble.Reader, scan docstore.Scan, position string) (docstore.Entry, error) {
	named, err := docNamed(scan.Collection, []byte(position))
	if err != nil {
		return docstore.Entry{}, err
	}
	key := position
	if scan.Index != "" {
		parts, err := docstore.SplitTuple(position)
		if err != nil || len(parts) != 3 {
			return docstore.Entry{}, errDamaged
		}
		key = parts[0]
	}
	d, err := s.doc(r, named)
	if errors.Is(err, lrs.ErrNotFound) {
		err = errDamaged
	}
	return docstore.Entry{Key: key, Doc: d}, err
}

// ChangesThrough implements docstore.Store: documents and statements share one order.
func (s *Store) ChangesThrough(ctx context.Context) (lrs.Instant, error) {
	return s.ConsistentThrough(ctx)
}

// ReadChanges implements docstore.Store.
func (s *Store) ReadChanges(ctx context.Context, collection string, after lrs.Instant, limit int) (changes []docstore.Change, err error) {
	if _, err := s.catalogue.Collection(collection); err != nil {
		return nil, err
	}
	through, err := s.sequence.consistentThrough()
	if err != nil || after >= through {
		return nil, err
	}
	snapshot := s.db.NewSnapshot()
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	if err := s.outlive(); err != nil {
		return nil, err
	}
	err = s.eachDocChange(ctx, snapshot, collection, after, through, func(c docChange) (bool, error) {
		if len(changes) >= limit {
			return false, nil
		}
		change := docstore.Change{Deleted: c.deleted, Doc: docstore.Doc{Key: c.key, Revision: c.position}}
		if !c.deleted {
			var err error
			if change.Doc, err = s.doc(snapshot, c.key); err != nil {
				return false, err
			}
		}
		changes = append(changes, change)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return changes, nil
}

// outlive returns when all that is visible would survive a power cut. A change that is visible only
// has taken away the document's former one: were it lost after a reader passed the former one, the
// reader would have missed that.
func (s *Store) outlive() error {
	if !s.sequence.underWay() {
		return nil
	}
	return s.db.LogData(nil, pebble.Sync)
}

// eachDocChange calls do for the changes after one position up to another until it answers no.
func (s *Store) eachDocChange(ctx context.Context, r pebble.Reader, collection string, after, through lrs.Instant, do func(docChange) (bool, error)) (err error) {
	it, err := r.NewIter(&pebble.IterOptions{
		LowerBound: docChangeKey(collection, after+1), UpperBound: docChangeKey(collection, through+1),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		change, err := decodeDocChange(collection, it.Key(), value)
		if err != nil {
			return err
		}
		if more, err := do(change); err != nil || !more {
			return err
		}
	}
	return it.Error()
}

// forgottenAtOnce is how many deletions are forgotten in one commit, while writers wait.
const forgottenAtOnce = 1000

// ForgetDeletions implements docstore.Store.
func (s *Store) ForgetDeletions(ctx context.Context, collection string, through lrs.Instant) (forgotten int, err error) {
	if _, err := s.catalogue.Collection(collection); err != nil {
		return 0, err
	}
	deletions, err := s.docDeletions(ctx, collection, through)
	if err != nil {
		return 0, err
	}
	for some := range slices.Chunk(deletions, forgottenAtOnce) {
		n := 0
		err := s.submit(ctx, &request{change: func(u *unit) (err error) {
			n, err = u.forget(some)
			return err
		}})
		if err != nil {
			return forgotten, err
		}
		forgotten += n
	}
	return forgotten, nil
}

// docDeletions lists the deletions of a collection up to a position.
func (s *Store) docDeletions(ctx context.Context, collection string, through lrs.Instant) (list []docChange, err error) {
	prefix := docSpace(docDeletions, collection)
	it, err := s.db.NewIter(docsIn(prefix, "", ""))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		key, err := docNamed(collection, it.Key()[len(prefix):])
		if err != nil || len(value) != instantSize {
			return nil, errDamaged
		}
		if position := instantAt(value); position <= through {
			list = append(list, docChange{position, true, key})
		}
	}
	return list, it.Error()
}

// forget drops those of the deletions that still are the last that happened to their documents.
func (u *unit) forget(deletions []docChange) (n int, err error) {
	for _, d := range deletions {
		state, err := u.docState(d.key)
		if err != nil {
			return 0, err
		}
		if state.deleted == d.position {
			u.del(docChangeKey(d.key.Collection, d.position))
			u.del(docKey(docDeletions, d.key))
			n++
		}
	}
	return n, nil
}

// underWay reports whether anything was given that is not durable yet.
func (q *sequence) underWay() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.flying != 0
}
