package pebblestore

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"acquis/lrs"
)

// reserve is how far ahead of what is used the durable ceiling is set. After a crash the store goes
// on above the ceiling, so stored times may run ahead of the clock by this much.
const reserve = lrs.Instant(2 * time.Second / time.Microsecond)

// sequence gives stored times: strictly increasing, never below what was given or promised before,
// whatever the clock does and whenever the process dies.
type sequence struct {
	now     func() time.Time
	persist func(lrs.Instant) error

	mu      sync.Mutex
	last    lrs.Instant // the highest that was given or promised
	ceiling lrs.Instant // durable; last never passes it
	flying  lrs.Instant // the lowest given that is not visible yet, 0 for none

	raising sync.Mutex // held while the ceiling is being written, so that it is never written lower
}

func newSequence(now func() time.Time, ceiling lrs.Instant, persist func(lrs.Instant) error) *sequence {
	return &sequence{now: now, persist: persist, last: ceiling, ceiling: ceiling}
}

// next gives the next stored time. Only the committer calls it.
func (q *sequence) next() lrs.Instant {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = max(lrs.InstantOf(q.now()), q.last+1)
	if q.flying == 0 {
		q.flying = q.last
	}
	return q.last
}

// raise returns the ceiling that must become durable together with what was given, 0 when the
// present one is high enough. After a non-zero answer no promise raises the ceiling until landed.
func (q *sequence) raise() lrs.Instant {
	if !q.high() {
		return 0
	}
	q.raising.Lock()
	q.mu.Lock()
	defer q.mu.Unlock()
	return max(q.last, q.ceiling) + reserve
}

// high reports whether what was given passes the ceiling.
func (q *sequence) high() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.last > q.ceiling
}

// landed says that everything given is visible, or was given up. raised is what raise answered,
// durable says whether it was written.
func (q *sequence) landed(raised lrs.Instant, durable bool) {
	q.mu.Lock()
	q.flying = 0
	if durable {
		q.ceiling = max(q.ceiling, raised)
	}
	q.mu.Unlock()
	if raised != 0 {
		q.raising.Unlock()
	}
}

// consistentThrough promises an instant below which nothing will be given any more.
func (q *sequence) consistentThrough() (lrs.Instant, error) {
	if t, ok := q.promise(); ok {
		return t, nil
	}
	q.raising.Lock()
	defer q.raising.Unlock()
	if t, ok := q.promise(); ok {
		return t, nil
	}
	ceiling := lrs.InstantOf(q.now()) + reserve
	if err := q.persist(ceiling); err != nil {
		return 0, err
	}
	q.mu.Lock()
	q.ceiling = max(q.ceiling, ceiling)
	q.mu.Unlock()
	t, _ := q.promise()
	return t, nil
}

// promise answers without raising the ceiling; ok is false when that would promise less than the
// present.
func (q *sequence) promise() (t lrs.Instant, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.flying != 0 {
		return q.flying - 1, true
	}
	now := lrs.InstantOf(q.now())
	q.last = max(q.last, min(now, q.ceiling))
	return q.last, now <= q.ceiling
}

// close makes the exact position durable, so that a clean restart loses no time.
func (q *sequence) close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.persist(q.last)
}

func (s *Store) readCeiling() (lrs.Instant, error) {
	value, err := s.get(s.db, metaKey("ceiling"))
	if err != nil || value == nil {
		return 0, err
	}
	if len(value) != instantSize {
		return 0, errDamaged
	}
	return instantAt(value), nil
}

func (s *Store) writeCeiling(t lrs.Instant) error {
	return s.db.Set(metaKey("ceiling"), appendInstant(nil, t), pebble.Sync)
}
