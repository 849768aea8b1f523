package pebblestore

import (
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"acquis/lrs"
)

// run is a sorted sequence of instants that is walked in one direction, within the bounds of a query.
type run interface {
	// seek moves to the first instant at or after t, in the walk's order, and returns it; ok is false
	// at the end. It never moves back.
	seek(t lrs.Instant) (at lrs.Instant, ok bool, err error)
	// stands reports whether seek(t) would not have to move.
	stands(t lrs.Instant) bool
	close() error
}

// beyond reports whether a comes after b in the order.
func beyond(a, b lrs.Instant, ascending bool) bool {
	if ascending {
		return a > b
	}
	return a < b
}

// place is where a run stands.
type place struct {
	ascending bool
	state     placeState
	at        lrs.Instant // when positioned
}

type placeState uint8

const (
	unpositioned placeState = iota
	positioned
	exhausted
)

func (p *place) stands(t lrs.Instant) bool {
	return p.state == exhausted || p.state == positioned && !beyond(t, p.at, p.ascending)
}

// arrive notes the end of a move.
func (p *place) arrive(at lrs.Instant, ok bool, err error) (lrs.Instant, bool, error) {
	if !ok || err != nil {
		p.state = exhausted
		return 0, false, err
	}
	p.state, p.at = positioned, at
	return at, true, nil
}

// list is the run of the instants that end the keys under one prefix.
type list struct {
	place
	it     *pebble.Iterator
	prefix []byte
	key    []byte
	near   int // how many neighbours find looks at before it searches, fewer after each in vain
}

func newList(r pebble.Reader, prefix []byte, q lrs.StatementQuery) (*list, error) {
	upper := prefixEnd(prefix)
	if q.Until != 0 {
		upper = appendInstant(slices.Clone(prefix), q.Until+1)
	}
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: appendInstant(slices.Clone(prefix), q.Since+1), UpperBound: upper})
	if err != nil {
		return nil, err
	}
	return &list{place: place{ascending: q.Ascending}, it: it, prefix: prefix, near: nearby}, nil
}

func (l *list) close() error { return l.it.Close() }

func (l *list) seek(t lrs.Instant) (lrs.Instant, bool, error) {
	if l.stands(t) {
		return l.at, l.state == positioned, nil
	}
	if !l.move(t) {
		return l.arrive(0, false, l.it.Error())
	}
	return l.arrive(instantAt(l.it.Key()), true, nil)
}

// nearby is how many neighbours are looked at before a search, which costs as much as some twenty
// of them.
const nearby = 12

// move steps through the neighbours when the place is near, else it searches.
func (l *list) move(t lrs.Instant) bool {
	for n := 0; l.state == positioned && n < nearby; n++ {
		if !step(l.it, l.ascending) {
			return false
		}
		if !beyond(t, instantAt(l.it.Key()), l.ascending) {
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

// find moves to t itself and reports whether it is there. Where the members that are wanted lie
// scattered it soon stops looking at those in between, each of which the engine copies on the way down;
// searching upwards copies nothing. After find, a list must not be sought.
func (l *list) find(t lrs.Instant) (bool, error) {
	for n := 0; l.state == positioned && n < l.near; n++ {
		if !step(l.it, l.ascending) {
			break
		}
		if at := instantAt(l.it.Key()); at == t {
			l.near = nearby
			return true, nil
		} else if beyond(at, t, l.ascending) {
			break
		}
	}
	if l.state == positioned {
		l.near = max(0, l.near-nearby/4)
	}
	l.state = positioned
	l.key = appendInstant(append(l.key[:0], l.prefix...), t)
	return l.it.SeekGE(l.key) && instantAt(l.it.Key()) == t, l.it.Error()
}

// step moves to the neighbour.
func step(it *pebble.Iterator, ascending bool) bool {
	if ascending {
		return it.Next()
	}
	return it.Prev()
}
