package connectors

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"acquis/docstore"
	"acquis/lrs"
)

// Schedule tells when a connection is due. Its times are UTC and whole minutes, the same in every process.
type Schedule struct{ times cron.Schedule }

var scheduleParser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// ParseSchedule reads five fields of cron, or @hourly, @daily and their like. It refuses what has another
// time zone, counts from whenever the process began, or never comes.
func ParseSchedule(text string) (Schedule, error) {
	if strings.Contains(text, "TZ=") {
		return Schedule{}, lrs.Errorf(lrs.KindInvalid, "%.60q names a time zone: times are UTC", text)
	}
	if strings.HasPrefix(text, "@every") {
		return Schedule{}, lrs.Errorf(lrs.KindInvalid, "%.60q counts from whenever the server began: write fields, such as */15 * * * * for every quarter of an hour", text)
	}
	times, err := scheduleParser.Parse(text)
	if err != nil || times.Next(time.Unix(0, 0).UTC()).IsZero() {
		return Schedule{}, lrs.Errorf(lrs.KindInvalid, "%.60q is no schedule: write minute, hour, day of the month, month and day of the week, such as 30 3 * * * for half past three, or @daily", text)
	}
	return Schedule{times}, nil
}

// longestPast is how far back scheduled times that were missed are looked for.
const longestPast = 31 * 24 * time.Hour

// Last returns the last scheduled time after the one and not after the other, and how many there were.
func (s Schedule) Last(after, now time.Time) (last time.Time, count int) {
	now = now.UTC()
	if earliest := now.Add(-longestPast); after.Before(earliest) {
		after = earliest
	}
	for at := s.times.Next(after.UTC()); !at.IsZero() && !at.After(now); at = s.times.Next(at) {
		last, count = at, count+1
	}
	return last, count
}

// Next returns the next scheduled time after one.
func (s Schedule) Next(after time.Time) time.Time { return s.times.Next(after.UTC()) }

// gap is the longest time between two of the next scheduled times.
func (s Schedule) gap(now time.Time) (longest time.Duration) {
	at := s.Next(now)
	for range 100 {
		next := s.Next(at)
		if next.IsZero() {
			break
		}
		longest = max(longest, next.Sub(at))
		at = next
	}
	return longest
}

// missedAfter is how late a run is before it is told as one that was missed.
const missedAfter = 5 * time.Minute

// jitterOf is how much later than scheduled a run begins, so that not all connections begin at the full
// hour. It is the same in every process.
func jitterOf(name string, at time.Time, most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	sum := sha256.Sum256([]byte(docstore.Tuple(name, at.UTC().Format(time.RFC3339))))
	return time.Duration(binary.BigEndian.Uint64(sum[:]) % uint64(most))
}

// due returns what a connection is to do now, if anything: a failed run again, a sweep before a pull.
func (c Connection) due(s State, now time.Time, jitter time.Duration) (Order, bool) {
	if c.Paused || s.Stopped != nil {
		return Order{}, false
	}
	if !s.RetryAt.IsZero() && !now.Before(s.RetryAt) {
		return Order{Trigger: ByRetry, Full: s.RetryFull}, true
	}
	for _, job := range []struct {
		schedule string
		full     bool
	}{{c.Sweep, true}, {c.Schedule, false}} {
		if job.schedule == "" {
			continue
		}
		schedule, err := ParseSchedule(job.schedule)
		if err != nil { // it was judged when it was put
			continue
		}
		after := s.ticked(job.full)
		if after.Before(s.Since) {
			after = s.Since
		}
		at, count := schedule.Last(after, now)
		if count == 0 || now.Before(at.Add(jitterOf(c.Name, at, jitter))) {
			continue
		}
		order := Order{Trigger: BySchedule, Full: job.full, Scheduled: at, Missed: count - 1}
		if now.Sub(at) > missedAfter+jitter {
			order.Trigger, order.Missed = ByMissed, count
		}
		return order, true
	}
	return Order{}, false
}

// expected is within how long the connection must succeed, 0 for whenever.
func (c Connection) expected(now time.Time) time.Duration {
	if c.Paused {
		return 0
	}
	if c.ExpectedHours > 0 {
		return time.Duration(c.ExpectedHours) * time.Hour
	}
	if c.Schedule == "" {
		return 0
	}
	schedule, err := ParseSchedule(c.Schedule)
	if err != nil {
		return 0
	}
	return 2 * schedule.gap(now)
}

// Overdue reports whether the connection has not succeeded for longer than it may.
func (c Connection) Overdue(s State, now time.Time) bool {
	since := s.LastSuccess
	if since.Before(s.Since) {
		since = s.Since
	}
	expected := c.expected(now)
	return expected > 0 && now.Sub(since) > expected
}
