package docstore

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/go-json-experiment/json"

	"acquis/lrs"
)

// Table keeps values of one Go type as the documents of a collection, in JSON. Equal values have
// equal bytes.
type Table[T any] struct {
	Collection
	// Keys places a value in the indexes; nil for a collection without any.
	Keys func(*T) []IndexKey
}

// Row is a value with the name and revision of its document.
type Row[T any] struct {
	Key
	Revision lrs.Instant // 0 when there is no such document yet
	Value    T
}

// Get returns a row. ErrNotFound when there is none, also for what cannot name a document: names come
// from addresses that anybody may write.
func (t Table[T]) Get(ctx context.Context, s Store, partition, id string) (Row[T], error) {
	key := t.key(partition, id)
	if key.judge() != nil {
		return Row[T]{Key: key}, lrs.Errorf(lrs.KindNotFound, "nothing of this name is there")
	}
	doc, err := s.GetDoc(ctx, key)
	if err != nil {
		return Row[T]{Key: key}, err
	}
	return t.row(doc)
}

// Find returns a row, or one of revision 0 and without a value when there is none.
func (t Table[T]) Find(ctx context.Context, s Store, partition, id string) (Row[T], error) {
	row, err := t.Get(ctx, s, partition, id)
	if errors.Is(err, lrs.ErrNotFound) {
		return row, nil
	}
	return row, err
}

// Put is the write that makes the row's document hold its value, if it still has the row's revision.
func (t Table[T]) Put(row Row[T]) (Write, error) {
	bytes, err := json.Marshal(&row.Value, json.Deterministic(true))
	if err != nil {
		return Write{}, fmt.Errorf("docstore: encode a row of %s: %w", t.Name, err)
	}
	w := Write{Collection: t.Name, ID: row.ID, Expected: row.Revision, Bytes: bytes}
	if t.Keys != nil {
		w.Keys = t.Keys(&row.Value)
	}
	return w, nil
}

// Drop is the write that takes the row's document away, if it still has the row's revision.
func (t Table[T]) Drop(row Row[T]) Write {
	return Write{Collection: t.Name, ID: row.ID, Expected: row.Revision, Deleted: true}
}

// Save puts one row by itself and returns its new revision.
func (t Table[T]) Save(ctx context.Context, s Store, row Row[T]) (lrs.Instant, error) {
	w, err := t.Put(row)
	if err != nil {
		return 0, err
	}
	revisions, err := s.ApplyDocs(ctx, Group{Partition: row.Partition, Writes: []Write{w}})
	if err != nil {
		return 0, err
	}
	return revisions[0], nil
}

// Found is a row found by a key of an index.
type Found[T any] struct {
	Key string
	Row Row[T]
}

// Scan returns a page of the collection, as Store.ScanDocs does; the scan's collection is the table's.
func (t Table[T]) Scan(ctx context.Context, s Store, scan Scan) (found []Found[T], next string, err error) {
	scan.Collection = t.Name
	page, err := s.ScanDocs(ctx, scan)
	if err != nil {
		return nil, "", err
	}
	found = make([]Found[T], len(page.Entries))
	for i, e := range page.Entries {
		row, err := t.row(e.Doc)
		if err != nil {
			return nil, "", err
		}
		found[i] = Found[T]{e.Key, row}
	}
	return found, page.Next, nil
}

// scanPage is how many rows Rows reads at a time, unless the scan has a limit.
const scanPage = 500

// Rows walks all pages of a scan; its Limit is the size of a page, 0 for a usual one. It ends with
// the first error.
func (t Table[T]) Rows(ctx context.Context, s Store, scan Scan) iter.Seq2[Row[T], error] {
	if scan.Limit == 0 {
		scan.Limit = scanPage
	}
	return func(yield func(Row[T], error) bool) {
		for {
			found, next, err := t.Scan(ctx, s, scan)
			if err != nil {
				yield(Row[T]{}, err)
				return
			}
			for _, f := range found {
				if !yield(f.Row, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			scan.After = next
		}
	}
}

// RowChange is a row as it is since its last change.
type RowChange[T any] struct {
	Row     Row[T] // without a value when it was deleted; its revision is the position of the change
	Deleted bool
}

// Changes returns the rows that changed after the position, as Store.ReadChanges does.
func (t Table[T]) Changes(ctx context.Context, s Store, after lrs.Instant, limit int) ([]RowChange[T], error) {
	page, err := s.ReadChanges(ctx, t.Name, after, limit)
	if err != nil {
		return nil, err
	}
	changes := make([]RowChange[T], len(page))
	for i, c := range page {
		changes[i] = RowChange[T]{Row: Row[T]{Key: c.Doc.Key, Revision: c.Doc.Revision}, Deleted: c.Deleted}
		if c.Deleted {
			continue
		}
		if changes[i].Row, err = t.row(c.Doc); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

func (t Table[T]) key(partition, id string) Key {
	return Key{Collection: t.Name, Partition: partition, ID: id}
}

func (t Table[T]) row(doc Doc) (Row[T], error) {
	row := Row[T]{Key: doc.Key, Revision: doc.Revision}
	if err := json.Unmarshal(doc.Bytes, &row.Value); err != nil {
		return row, fmt.Errorf("docstore: decode %s/%s/%s: %w", doc.Collection, doc.Partition, doc.ID, err)
	}
	return row, nil
}

// attempts is how often Retry begins anew.
const attempts = 8

// Retry does something that reads and writes again while others change what was read meanwhile.
func Retry(do func() error) (err error) {
	for range attempts {
		var changed *Conflict
		if err = do(); !errors.As(err, &changed) {
			return err
		}
	}
	return err
}
