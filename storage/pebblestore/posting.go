package pebblestore

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"acquis/lrs"
)

// posting says that a statement has a term.
type posting struct {
	term   lrs.Term
	stored lrs.Instant
}

// maxChunk is how many postings of a term one key holds at most. The chunks of a term don't overlap:
// those of a commit lie behind all of the commits before.
const maxChunk = 128

// post notes the postings of a new statement.
func (u *unit) post(terms []lrs.Term, stored lrs.Instant) {
	for _, t := range terms {
		u.postings = append(u.postings, posting{t, stored})
	}
}

// postLate writes postings that may lie within a chunk that is written already.
func (u *unit) postLate(terms []lrs.Term, stored lrs.Instant) {
	u.store.anyLate.Store(true)
	for _, t := range terms {
		u.set(termKey(spaceLate, t, stored), nil)
	}
}

// writePostings writes what was noted, one key for up to maxChunk statements of a term, in the order of
// the keys, which the engine takes faster.
func (u *unit) writePostings() {
	slices.SortFunc(u.postings, func(a, b posting) int {
		return cmp.Or(compareTerms(a.term, b.term), cmp.Compare(a.stored, b.stored))
	})
	var members []lrs.Instant
	for i, p := range u.postings {
		members = append(members, p.stored)
		if last := i == len(u.postings)-1; last || len(members) == maxChunk || u.postings[i+1].term != p.term {
			u.set(termKey(spacePosting, p.term, members[0]), encodeChunk(members))
			members = members[:0]
		}
	}
}

// encodeChunk writes the distances between the members of a chunk; the first is in the key.
func encodeChunk(members []lrs.Instant) []byte {
	var b []byte
	for i := 1; i < len(members); i++ {
		b = binary.AppendUvarint(b, uint64(members[i]-members[i-1]))
	}
	return b
}

// decodeChunk appends the members of the chunk that begins at first.
func decodeChunk(members []lrs.Instant, first lrs.Instant, value []byte) ([]lrs.Instant, error) {
	members = append(members, first)
	for at := first; len(value) > 0; {
		distance, n := binary.Uvarint(value)
		if n <= 0 || distance == 0 || distance > math.MaxInt64-uint64(at) {
			return members, errDamaged
		}
		at += lrs.Instant(distance)
		members, value = append(members, at), value[n:]
	}
	return members, nil
}

// unpost takes a posting back, which may stand in a chunk or be a late one.
func (u *unit) unpost(t lrs.Term, stored lrs.Instant) (err error) {
	u.del(termKey(spaceLate, t, stored))
	c, err := newChunks(u.store.db, t, lrs.StatementQuery{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	at, ok, err := c.seek(stored)
	if err != nil || !ok || at != stored {
		return err
	}
	u.del(termKey(spacePosting, t, c.members[0]))
	if rest := slices.DeleteFunc(c.members, func(m lrs.Instant) bool { return m == stored }); len(rest) > 0 {
		u.set(termKey(spacePosting, t, rest[0]), encodeChunk(rest))
	}
	return nil
}

// postings returns the run of the statements that have a term, own or inherited.
func (s *Store) postings(r pebble.Reader, t lrs.Term, q lrs.StatementQuery) (run, error) {
	early, err := newChunks(r, t, q)
	if err != nil || !s.anyLate.Load() { // asked after the snapshot was taken: see anyLate
		return early, err
	}
	late, err := newList(r, termPrefix(spaceLate, t), q)
	if err != nil {
		return nil, errors.Join(err, early.close())
	}
	return &union{early, late, q.Ascending}, nil
}

// anyPosting reports whether a term has a posting that counts.
func (s *Store) anyPosting(t lrs.Term, counts func(lrs.Instant) (bool, error)) (found bool, err error) {
	list, err := s.postings(s.db, t, lrs.StatementQuery{Ascending: true})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, list.close()) }()
	for next := lrs.Instant(1); ; {
		at, ok, err := list.seek(next)
		if err != nil || !ok {
			return false, err
		}
		if found, err := counts(at); found || err != nil {
			return found, err
		}
		next = at + 1
	}
}

// chunks is the run of the postings that came with their statements.
type chunks struct {
	place
	it      *pebble.Iterator
	prefix  []byte
	key     []byte
	low     lrs.Instant // the bounds of the query, inclusive
	high    lrs.Instant
	members []lrs.Instant // of the chunk where the iterator stands, rising
}

func newChunks(r pebble.Reader, t lrs.Term, q lrs.StatementQuery) (*chunks, error) {
	c := &chunks{place: place{ascending: q.Ascending}, prefix: termPrefix(spacePosting, t), low: q.Since + 1, high: q.Until}
	upper := prefixEnd(c.prefix)
	if c.high == 0 {
		c.high = lrs.MaxInstant
	} else {
		upper = appendInstant(slices.Clone(c.prefix), c.high+1)
	}
	var err error
	// A chunk that begins below the query's lower bound may reach into it.
	c.it, err = r.NewIter(&pebble.IterOptions{LowerBound: c.prefix, UpperBound: upper})
	return c, err
}

func (c *chunks) close() error { return c.it.Close() }

func (c *chunks) seek(t lrs.Instant) (lrs.Instant, bool, error) {
	if c.stands(t) {
		return c.at, c.state == positioned, nil
	}
	if c.ascending {
		t = max(t, c.low)
	} else {
		t = min(t, c.high)
	}
	at, ok, err := c.move(t)
	return c.arrive(at, ok && at >= c.low && at <= c.high, err)
}

// move looks in the chunk where the run stands, then in its neighbours, then it searches.
func (c *chunks) move(t lrs.Instant) (lrs.Instant, bool, error) {
	for n := 0; c.state == positioned && n <= nearby; n++ {
		if at, ok := c.within(t); ok {
			return at, true, nil
		}
		if ok, err := c.load(step(c.it, c.ascending)); !ok {
			return 0, false, err
		}
	}
	ok, err := c.load(c.search(t))
	for ok && err == nil { // once, or twice where the chunk that begins before t ends before it
		if at, found := c.within(t); found {
			return at, true, nil
		}
		ok, err = c.load(step(c.it, c.ascending))
	}
	return 0, false, err
}

// search finds the last chunk that begins at or before t, ascending the first of all if there is none.
func (c *chunks) search(t lrs.Instant) bool {
	c.key = binary.BigEndian.AppendUint64(append(c.key[:0], c.prefix...), uint64(t)+1)
	return c.it.SeekLT(c.key) || c.ascending && c.it.First()
}

// load reads the chunk where the iterator stands.
func (c *chunks) load(valid bool) (ok bool, err error) {
	if !valid {
		return false, c.it.Error()
	}
	value, err := c.it.ValueAndErr()
	if err != nil {
		return false, err
	}
	c.members, err = decodeChunk(c.members[:0], instantAt(c.it.Key()), value)
	return err == nil, err
}

// within finds the first member at or after t, in the run's order.
func (c *chunks) within(t lrs.Instant) (lrs.Instant, bool) {
	i, found := slices.BinarySearch(c.members, t)
	if !c.ascending && !found {
		i--
	}
	if i < 0 || i == len(c.members) {
		return 0, false
	}
	return c.members[i], true
}

// union is the run of two runs together.
type union struct {
	a, b      run
	ascending bool
}

func (u *union) seek(t lrs.Instant) (lrs.Instant, bool, error) {
	a, okA, errA := u.a.seek(t)
	b, okB, errB := u.b.seek(t)
	switch {
	case errA != nil || errB != nil:
		return 0, false, errors.Join(errA, errB)
	case okA && okB && beyond(a, b, u.ascending), !okA:
		return b, okB, nil
	default:
		return a, true, nil
	}
}

func (u *union) stands(t lrs.Instant) bool { return u.a.stands(t) && u.b.stands(t) }

func (u *union) close() error { return errors.Join(u.a.close(), u.b.close()) }
