package mongostore

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/docstore"
)

// ScanDocs implements docstore.Store. An index is walked by its entries, of which those count that the
// visible version of their document has.
func (s *Store) ScanDocs(ctx context.Context, scan docstore.Scan) (docstore.Page, error) {
	if err := s.catalogue.JudgeScan(scan); err != nil {
		return docstore.Page{}, err
	}
	w := &docWalk{store: s, scan: scan, view: s.order.views.latest()}
	for {
		more, err := w.step(ctx)
		if err != nil {
			return docstore.Page{}, unavailable(err)
		}
		if !more {
			return w.page, nil
		}
	}
}

// docWalk gathers one page.
type docWalk struct {
	store *Store
	scan  docstore.Scan // After moves on
	view  *view
	fresh bool // the view was read for this page
	page  docstore.Page
}

// step reads some entries; more says that there may be others the page has room for.
func (w *docWalk) step(ctx context.Context) (more bool, err error) {
	want := min(w.scan.Limit-len(w.page.Entries), maxFetch-1) + 1 // one more tells whether the page is the last
	positions, records, err := w.read(ctx, want)
	if err != nil {
		return false, err
	}
	for _, position := range positions {
		record, there := records[w.nameAt(position)]
		if !there {
			w.scan.After = position
			continue
		}
		version, doubt := w.view.docVersion(record)
		if version == nil || doubt && !w.fresh {
			w.view, _, err = w.store.order.views.renew(ctx)
			w.fresh = true
			return true, err // and read on from here, after the view
		}
		entry, counts, err := w.entry(position, record, version)
		if err != nil {
			return false, err
		}
		if counts && len(w.page.Entries) == w.scan.Limit {
			last := w.page.Entries[w.scan.Limit-1]
			w.page.Next = w.scan.Position(last.Key, last.Doc.Key)
			return false, nil
		}
		if counts {
			w.page.Entries = append(w.page.Entries, entry)
		}
		w.scan.After = position
	}
	return len(positions) == want, nil
}

// nameAt is the name of the document whose entry stands at a position.
func (w *docWalk) nameAt(position string) string {
	if w.scan.Index == "" {
		return position
	}
	parts, err := docstore.SplitTuple(position)
	if err != nil || len(parts) != 3 {
		return ""
	}
	return docstore.Tuple(parts[1:]...)
}

// entry is what a position stands for, when it counts.
func (w *docWalk) entry(position string, r *docRecord, version *docVersion) (entry docstore.Entry, counts bool, err error) {
	key, err := docNamed(w.scan.Collection, r.Name)
	if err != nil || version.Deleted {
		return docstore.Entry{}, false, err
	}
	entry = docstore.Entry{Key: position, Doc: version.doc(key)}
	if w.scan.Index == "" {
		return entry, true, nil
	}
	parts, err := docstore.SplitTuple(position)
	if err != nil {
		return docstore.Entry{}, false, errDamaged
	}
	entry.Key = parts[0]
	return entry, slices.Contains(version.Keys, docIndexEntry{w.scan.Index, entry.Key}), nil
}

// read returns the next positions and the documents that stand there.
func (w *docWalk) read(ctx context.Context, want int) (positions []string, records map[string]*docRecord, err error) {
	documents := w.store.docs(w.scan.Collection)
	if w.scan.Index == "" {
		list, err := findAll[docRecord](ctx, documents, w.filter(""), w.options(want))
		for i := range list {
			positions = append(positions, list[i].Name)
		}
		return positions, byName(list), err
	}
	prefix := docstore.Tuple(w.scan.Index)
	entries, err := findAll[struct {
		Name string `bson:"_id"`
	}](ctx, w.store.docKeys(w.scan.Collection), w.filter(prefix), w.options(want))
	if err != nil || len(entries) == 0 {
		return nil, nil, err
	}
	var names []string
	for _, e := range entries {
		position := e.Name[len(prefix):]
		positions = append(positions, position)
		names = append(names, w.nameAt(position))
	}
	slices.Sort(names)
	list, err := findAll[docRecord](ctx, documents, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: slices.Compact(names)}}}}, options.Find())
	return positions, byName(list), err
}

// filter asks for what is left of the walk, of names that start with prefix.
func (w *docWalk) filter(prefix string) bson.D {
	lower, upper := w.scan.Span()
	bounds := bson.D{{Key: "$gte", Value: prefix + lower}}
	switch {
	case upper != "":
		bounds = append(bounds, bson.E{Key: "$lt", Value: prefix + upper})
	case prefix != "":
		bounds = append(bounds, bson.E{Key: "$lt", Value: docstore.TuplePrefix(w.scan.Index) + "\x02"}) // above all tuples that go on after the index
	}
	return bson.D{{Key: "_id", Value: bounds}}
}

func (w *docWalk) options(want int) *options.FindOptionsBuilder {
	direction := 1
	if w.scan.Descending {
		direction = -1
	}
	return options.Find().SetSort(bson.D{{Key: "_id", Value: direction}}).SetLimit(int64(want)).SetBatchSize(int32(want) + 1)
}

func byName(list []docRecord) map[string]*docRecord {
	records := make(map[string]*docRecord, len(list))
	for i := range list {
		records[list[i].Name] = &list[i]
	}
	return records
}

func findAll[R any](ctx context.Context, c *mongo.Collection, filter bson.D, o *options.FindOptionsBuilder) (list []R, err error) {
	cursor, err := c.Find(ctx, filter, o)
	if err != nil {
		return nil, err
	}
	err = cursor.All(ctx, &list)
	return list, err
}
