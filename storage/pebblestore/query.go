package pebblestore

import (
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
	w, err := s.newWalk(snapshot, q)
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
	runs   []run // of the terms, the most selective first
	rows   *list // the statements
	voided *list
	steps  int
	arena  []byte // holds bytes of the page; a new one is made when it is full
}

// arenaSize makes one allocation do for a dozen or two statements.
const arenaSize = 24 << 10

func (s *Store) newWalk(r pebble.Reader, q lrs.StatementQuery) (w *walk, err error) {
	w = &walk{query: q}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.rows, err = newList(r, []byte{spaceLog}, q); err != nil {
		return nil, err
	}
	if w.voided, err = newList(r, []byte{spaceVoided}, q); err != nil {
		return nil, err
	}
	terms := slices.Clone(q.Terms)
	slices.SortFunc(terms, compareTerms)
	for _, t := range slices.Compact(terms) {
		list, err := s.postings(r, t, q)
		if err != nil {
			return nil, err
		}
		w.runs = append(w.runs, list)
	}
	if len(w.runs) == 0 {
		w.runs = []run{w.rows}
	}
	return w, nil
}

func (w *walk) close() error {
	var errs []error
	for _, r := range w.runs {
		if r != run(w.rows) {
			errs = append(errs, r.close())
		}
	}
	for _, l := range []*list{w.rows, w.voided} {
		if l != nil {
			errs = append(errs, l.close())
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

// agree finds the first instant, at or after at, that all lists hold. When it isn't found,
// candidate is where the walk stopped for lack of steps, or 0 when a list ended. It always gets
// beyond first, so that the shortest budget makes progress.
func (w *walk) agree(at, first lrs.Instant) (candidate lrs.Instant, found bool, err error) {
	for candidate = at; ; {
		if w.steps >= w.query.Steps && beyond(candidate, first, w.query.Ascending) {
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
	for _, r := range w.runs {
		t, ok, err := w.seek(r, candidate)
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
	if v, found, err := w.seek(w.voided, t); err != nil || found && v == t {
		return lrs.Entry{}, false, err
	}
	if w.runs[0] != run(w.rows) { // else it stands there
		w.steps++
		if found, err := w.rows.find(t); err != nil || !found {
			return lrs.Entry{}, false, err
		}
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

// seek moves a run, which costs a step; one that stands there already costs nothing.
func (w *walk) seek(r run, t lrs.Instant) (lrs.Instant, bool, error) {
	if !r.stands(t) {
		w.steps++
	}
	return r.seek(t)
}
