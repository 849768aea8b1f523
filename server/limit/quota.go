package limit

import (
	"sync"
	"time"
)

// quotas counts the statements of each source of a day. Sources are made by operators, so their number is
// not a stranger's choice.
type quotas struct {
	mu    sync.Mutex
	day   int64 // since 1970, UTC
	count map[string]int
}

func newQuotas() *quotas { return &quotas{count: map[string]int{}} }

const daySeconds = 24 * 60 * 60

func (q *quotas) used(source string, now time.Time) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turn(now)
	return q.count[source]
}

func (q *quotas) add(source string, statements int, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turn(now)
	q.count[source] += statements
}

// turn starts a day. A clock set back starts none: what was counted stays counted.
func (q *quotas) turn(now time.Time) {
	if day := now.Unix() / daySeconds; day > q.day {
		q.day = day
		clear(q.count)
	}
}

func untilMidnight(now time.Time) time.Duration {
	return time.Duration(daySeconds-now.Unix()%daySeconds) * time.Second
}
