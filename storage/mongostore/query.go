package mongostore

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/lrs"
)

// firstWindow is how many index entries of the scanned term a query of several terms looks at
// first; each further window is four times as large.
const firstWindow = 1000

// maxFetch is how many statements are read at a time.
const maxFetch = 1000

// indexes lists what the store asks the database to keep. Sorting is always served by one of them.
func (s *Store) indexes() []index {
	return []index{
		{collection: s.statements, keys: bson.D{{Key: "t", Value: 1}, {Key: "s", Value: -1}}},
		{collection: s.statements, keys: bson.D{{Key: "s", Value: -1}}},
		{collection: s.statements, keys: bson.D{{Key: "a", Value: 1}}, sparse: true},
		{collection: s.changes, keys: bson.D{{Key: "t", Value: 1}}},
		{collection: s.documents, keys: bson.D{{Key: "scope", Value: 1}, {Key: "updated", Value: 1}}},
		{collection: s.documents, keys: bson.D{{Key: "agent", Value: 1}}, sparse: true},
		{collection: s.attachments, keys: bson.D{{Key: "put", Value: 1}}},
		{collection: s.bucket.chunks, keys: bson.D{{Key: "files_id", Value: 1}, {Key: "n", Value: 1}}},
	}
}

var (
	termIndex   = bson.D{{Key: "t", Value: 1}, {Key: "s", Value: -1}}
	storedIndex = bson.D{{Key: "s", Value: -1}}
)

// QueryStatements implements lrs.StatementStore. One term is scanned in the order of stored, the most
// selective by its kind; the database drops what the others don't match, a window at a time.
func (s *Store) QueryStatements(ctx context.Context, q lrs.StatementQuery) (lrs.StatementPage, error) {
	start := time.Now()
	v := s.order.views.latest()
	for renewed := false; ; renewed = true {
		w := &walk{store: s, view: v, query: q, since: q.Since, until: q.Until, left: q.Steps}
		err := w.follow(ctx)
		if err == nil && w.doubt && !renewed {
			if v, _, err = s.order.views.renew(ctx); err == nil {
				continue
			}
		}
		if err != nil {
			return lrs.StatementPage{}, unavailable(err)
		}
		s.metrics.observeQuery(q.Steps-w.left, time.Since(start))
		return w.page, nil
	}
}

// walk gathers one page.
type walk struct {
	store *Store
	view  *view
	query lrs.StatementQuery
	since lrs.Instant // what is left lies in (since, until]; until 0 has no end
	until lrs.Instant
	left  int  // steps that may still be taken
	doubt bool // something was passed over that a later view may show
	page  lrs.StatementPage
}

// follow runs after everything that the view knows of.
func (w *walk) follow(ctx context.Context) error {
	ctx, end, err := w.store.causality.follow(ctx)
	if err != nil {
		return err
	}
	defer end()
	return w.run(ctx)
}

func (w *walk) run(ctx context.Context) error {
	if len(w.query.Terms) > 1 {
		return w.windows(ctx)
	}
	for w.left > 0 {
		want := min(w.wanted(), w.left)
		records, err := w.find(ctx, w.filter(nil), want)
		if err != nil {
			return err
		}
		w.left -= len(records)
		if full, err := w.take(records); full || err != nil {
			return err
		}
		if len(records) < want {
			w.page.Next = 0
			return nil
		}
	}
	return nil
}

// windows walks the scanned term, a number of its entries at a time, so that two long lists with
// nothing in common cost the steps that were granted and no more.
func (w *walk) windows(ctx context.Context) error {
	for size := firstWindow; w.left > 0; size *= 4 {
		size = min(size, w.left)
		edge, err := w.edge(ctx, size)
		if err != nil {
			return err
		}
		if full, err := w.window(ctx, edge); full || err != nil {
			return err
		}
		if edge == 0 {
			w.page.Next = 0
			return nil
		}
		w.left -= size
		w.pass(edge)
	}
	return nil
}

// edge is the position of the n-th entry from here, 0 when there are fewer.
func (w *walk) edge(ctx context.Context, n int) (lrs.Instant, error) {
	cursor, err := w.store.statements.Find(
		ctx, w.filter(nil),
		options.Find().SetSort(w.sort()).SetHint(w.hint()).SetSkip(int64(n-1)).SetLimit(1).
			SetProjection(bson.D{{Key: "_id", Value: 0}, {Key: "s", Value: 1}}),
	)
	if err != nil {
		return 0, err
	}
	var found []statementRecord
	if err := cursor.All(ctx, &found); err != nil || len(found) == 0 {
		return 0, err
	}
	return lrs.Instant(found[0].Stored), nil
}

// window takes what matches all terms up to the edge.
func (w *walk) window(ctx context.Context, edge lrs.Instant) (full bool, err error) {
	for {
		want := w.wanted()
		records, err := w.find(ctx, w.filter(&edge), want)
		if err != nil {
			return false, err
		}
		if full, err := w.take(records); full || err != nil {
			return full, err
		}
		if len(records) < want {
			return false, nil
		}
	}
}

// wanted is how many records to ask for: one more than the page has room for, to know whether it is
// the last.
func (w *walk) wanted() int { return min(w.query.Limit-len(w.page.Entries), maxFetch-1) + 1 }

// take adds the records that count. It is full when there is one that has no place.
func (w *walk) take(records []statementRecord) (full bool, err error) {
	for i := range records {
		r := &records[i]
		visible, doubt := w.view.sees(r.Epoch, lrs.Instant(r.Stored))
		w.doubt = w.doubt || doubt
		if visible && !r.Voided {
			if len(w.page.Entries) == w.query.Limit {
				return true, nil
			}
			entry, err := r.entry()
			if err != nil {
				return false, err
			}
			w.page.Entries = append(w.page.Entries, entry)
		}
		w.pass(lrs.Instant(r.Stored))
	}
	return false, nil
}

// pass notes that everything up to the position is answered.
func (w *walk) pass(position lrs.Instant) {
	w.page.Next = position
	if w.query.Ascending {
		w.since = position
	} else {
		w.until = position - 1
	}
}

func (w *walk) find(ctx context.Context, filter bson.D, limit int) ([]statementRecord, error) {
	if w.until != 0 && w.until <= w.since {
		return nil, nil
	}
	cursor, err := w.store.statements.Find(ctx, filter, options.Find().
		SetSort(w.sort()).SetHint(w.hint()).SetLimit(int64(limit)).SetBatchSize(int32(limit)+1).
		SetProjection(bson.D{{Key: "t", Value: 0}, {Key: "i", Value: 0}}))
	if err != nil {
		return nil, err
	}
	records := make([]statementRecord, 0, min(limit, 1000))
	err = cursor.All(ctx, &records)
	return records, err
}

// filter asks for what is left of the scanned term's list; with an edge, for what is before it and
// matches the other terms, too.
func (w *walk) filter(edge *lrs.Instant) bson.D {
	var filter bson.D
	first, rest := w.scanned()
	if first != "" {
		filter = append(filter, bson.E{Key: "t", Value: first})
	}
	since, until := w.since, w.until
	if edge != nil && *edge != 0 {
		if w.query.Ascending {
			until = *edge
		} else {
			since = *edge - 1
		}
	}
	bounds := bson.D{{Key: "$gt", Value: int64(since)}}
	if until != 0 {
		bounds = append(bounds, bson.E{Key: "$lte", Value: int64(until)})
	}
	filter = append(filter, bson.E{Key: "s", Value: bounds})
	switch {
	case edge == nil:
	case w.store.expressions:
		filter = append(filter, bson.E{Key: "$expr", Value: holdsAll(rest)})
	default:
		filter = append(filter, bson.E{Key: "$and", Value: bson.A{bson.D{{Key: "t", Value: bson.D{{Key: "$all", Value: rest}}}}}})
	}
	return filter
}

// holdsAll is an expression that no index serves: the planner can't choose to walk another term's
// list, of which a window of the first one's may hold any number.
func holdsAll(terms []string) bson.D {
	return bson.D{{Key: "$setIsSubset", Value: bson.A{terms, "$t"}}}
}

// scanned splits the terms into the one whose list is walked and the others.
func (w *walk) scanned() (first string, rest []string) {
	var best lrs.Term
	for _, t := range w.query.Terms {
		if best == (lrs.Term{}) || t.Kind() < best.Kind() {
			best = t
		}
	}
	for _, t := range w.query.Terms {
		if t == best {
			first = termText(t)
		} else {
			rest = append(rest, termText(t))
		}
	}
	return first, rest
}

func (w *walk) sort() bson.D {
	if w.query.Ascending {
		return bson.D{{Key: "s", Value: 1}}
	}
	return bson.D{{Key: "s", Value: -1}}
}

func (w *walk) hint() bson.D {
	if len(w.query.Terms) == 0 {
		return storedIndex
	}
	return termIndex
}
