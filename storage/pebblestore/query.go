package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"acquis/lrs"
)

// QueryStatements implements lrs.StatementStore: it walks the posting lists of the terms together,
// each jumping to where the furthest stands (zig-zag), until the page is full, the lists end or the
// steps are spent.
func (s *Store) QueryStatements(ctx context.Context, q lrs.StatementQuery) (page lrs.StatementPage, err error) {
	if q.Until != 0 && q.Since >= q.Until {
		return page, nil
	}
	start := s.now()
	snapshot := s.db.NewSnapshot()
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	w, err := newWalk(snapshot, q)
	if err != nil {
		return page, err
	}
	defer func() {
		err = errors.Join(err, w.close())
		s.metrics.observeQuery(w.steps, s.now().Sub(start))
	}()
	return w.page(ctx)
}

// walk is one QueryStatements under way.
type walk struct {
	query  lrs.StatementQuery
	lists  []*list // of the terms, the most selective first
	rows   *list   // the statements
	voided *list
	steps  int
	arena  []byte // holds bytes of the page; a new one is made when it is full
}

// arenaSize makes one allocation do for a dozen or two statements.
const arenaSize = 24 << 10

func newWalk(r pebble.Reader, q lrs.StatementQuery) (*walk, error) {
	w := &walk{query: q}
	terms := slices.Clone(q.Terms)
	slices.SortFunc(terms, func(a, b lrs.Term) int { return bytes.Compare(a[:], b[:]) })
	spaces := [][]byte{{spaceLog}, {spaceVoided}}
	for _, t := range slices.Compact(terms) {
		spaces = append(spaces, postingPrefix(t))
	}
	for i, prefix := range spaces {
		l, err := newList(r, prefix, q)
		if err != nil {
			return nil, errors.Join(err, w.close())
		}
		switch i {
		case 0:
			w.rows = l
		case 1:
			w.voided = l
		default:
			w.lists = append(w.lists, l)
		}
	}
	if len(w.lists) == 0 {
		w.lists = []*list{w.rows}
	}
	return w, nil
}

func (w *walk) close() error {
	var errs []error
	for _, l := range append(w.lists, w.rows, w.voided) {
		if l != nil && l.it != nil {
			errs = append(errs, l.it.Close())
			l.it = nil
		}
	}
	return errors.Join(errs...)
}

func (w *walk) page(ctx context.Context) (lrs.StatementPage, error) {
	var page lrs.StatementPage
	first := w.first()
	at := first
	for {
		candidate, found, err := w.agree(at, first)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return lrs.StatementPage{}, err
		}
		if !found {
			page.Next = w.resume(candidate)
			return page, nil
		}
		entry, ok, err := w.read(candidate)
		if err != nil {
			return lrs.StatementPage{}, err
		}
		if ok && len(page.Entries) == w.query.Limit {
			page.Next = page.Entries[len(page.Entries)-1].Stored
			return page, nil
		}
		if ok {
			page.Entries = append(page.Entries, entry)
		}
		at = w.after(candidate)
	}
}

// first is where the walk starts; Since is exclusive.
func (w *walk) first() lrs.Instant {
	if w.query.Ascending {
		return w.query.Since + 1
	}
	if w.query.Until == 0 {
		return lrs.MaxInstant
	}
	return w.query.Until
}

func (w *walk) after(t lrs.Instant) lrs.Instant {
	if w.query.Ascending {
		return t + 1
	}
	return t - 1
}

// beyond reports whether a comes after b in the walk's order.
func (w *walk) beyond(a, b lrs.Instant) bool {
	if w.query.Ascending {
		return a > b
	}
	return a < b
}

// agree finds the first instant, at or after at, that all lists hold. When it isn't found,
// candidate is where the walk stopped for lack of steps, or 0 when a list ended. It always gets
// beyond first, so that the shortest budget makes progress.
func (w *walk) agree(at, first lrs.Instant) (candidate lrs.Instant, found bool, err error) {
	for candidate = at; ; {
		if w.steps >= w.query.Steps && w.beyond(candidate, first) {
			return candidate, false, nil
		}
		furthest, ok, err := w.round(candidate)
		if err != nil || !ok {
			return 0, false, err
		}
		if furthest == candidate {
			return candidate, true, nil
		}
		candidate = furthest
	}
}

// round asks each list for candidate and returns the first other answer, or candidate.
func (w *walk) round(candidate lrs.Instant) (furthest lrs.Instant, ok bool, err error) {
	for _, l := range w.lists {
		t, ok, err := l.seek(candidate, w)
		if err != nil || !ok || t != candidate {
			return t, ok, err
		}
	}
	return candidate, true, nil
}

// resume tells where the next page goes on, after the walk stopped at candidate: 0 at the end.
func (w *walk) resume(candidate lrs.Instant) lrs.Instant {
	switch {
	case candidate == 0:
		return 0
	case w.query.Ascending:
		return candidate - 1
	default:
		return candidate + 1
	}
}

// read returns the statement at a position; ok is false for what is voided, erased or no statement.
func (w *walk) read(t lrs.Instant) (entry lrs.Entry, ok bool, err error) {
	if v, found, err := w.voided.seek(t, w); err != nil || found && v == t {
		return lrs.Entry{}, false, err
	}
	at, found, err := w.rows.seek(t, w)
	if err != nil || !found || at != t {
		return lrs.Entry{}, false, err
	}
	value, err := w.rows.it.ValueAndErr()
	if err != nil {
		return lrs.Entry{}, false, err
	}
	r, err := decodeRecord(value)
	if err != nil || r.kind != lrs.LogStored || r.gone {
		return lrs.Entry{}, false, err
	}
	if cap(w.arena)-len(w.arena) < len(r.bytes) {
		w.arena = make([]byte, 0, max(len(r.bytes), arenaSize))
	}
	start := len(w.arena)
	w.arena = append(w.arena, r.bytes...)
	r.bytes = w.arena[start:len(w.arena):len(w.arena)]
	return r.entry(t, false), true, nil
}

// list is a sorted run of instants that end the keys under one prefix, bounded by the query.
type list struct {
	it        *pebble.Iterator
	prefix    []byte
	key       []byte
	ascending bool
	at        lrs.Instant // where it stands, when positioned
	state     listState
}

type listState uint8

const (
	unpositioned listState = iota
	positioned
	exhausted
)

func newList(r pebble.Reader, prefix []byte, q lrs.StatementQuery) (*list, error) {
	upper := prefixEnd(prefix)
	if q.Until != 0 {
		upper = appendInstant(slices.Clone(prefix), q.Until+1)
	}
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: appendInstant(slices.Clone(prefix), q.Since+1), UpperBound: upper})
	if err != nil {
		return nil, err
	}
	return &list{it: it, prefix: prefix, ascending: q.Ascending}, nil
}

// seek moves to the first instant at or after t, in the list's order, and returns it. Moving costs
// the walk a step; standing there already costs nothing.
func (l *list) seek(t lrs.Instant, w *walk) (lrs.Instant, bool, error) {
	switch {
	case l.state == exhausted:
		return 0, false, nil
	case l.state == positioned && (l.at == t || w.beyond(l.at, t)):
		return l.at, true, nil
	}
	w.steps++
	if !l.move(t) {
		l.state = exhausted
		return 0, false, l.it.Error()
	}
	l.state, l.at = positioned, instantAt(l.it.Key())
	return l.at, true, nil
}

// nearby is how many neighbours are looked at before a search, which costs as much as some twenty
// of them.
const nearby = 12

// move steps through the neighbours when the place is near, else it searches.
func (l *list) move(t lrs.Instant) bool {
	for n := 0; l.state == positioned && n < nearby; n++ {
		if !l.step() {
			return false
		}
		if at := instantAt(l.it.Key()); l.ascending && at >= t || !l.ascending && at <= t {
			return true
		}
	}
	l.key = append(l.key[:0], l.prefix...)
	if l.ascending {
		l.key = appendInstant(l.key, t)
		return l.it.SeekGE(l.key)
	}
	if t == lrs.MaxInstant {
		return l.it.Last()
	}
	l.key = appendInstant(l.key, t+1)
	return l.it.SeekLT(l.key)
}

// step moves to the neighbour.
func (l *list) step() bool {
	if l.ascending {
		return l.it.Next()
	}
	return l.it.Prev()
}
