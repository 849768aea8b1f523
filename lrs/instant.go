package lrs

import "time"

// Instant is a point in time in microseconds since the Unix epoch, UTC. It is the unit of Stored:
// at once the sort key of statements, the page cursor and the position in the log.
// The zero Instant means "none".
type Instant int64

// MaxInstant is after every instant that a store assigns.
const MaxInstant Instant = 1<<63 - 1

// instantWidth is the length of every formatted Instant between the years 1 and 9999.
const instantWidth = len("2006-01-02T15:04:05.000000Z")

// InstantOf rounds t down to the microsecond.
func InstantOf(t time.Time) Instant { return Instant(t.UnixMicro()) }

// Time returns the instant in UTC.
func (i Instant) Time() time.Time { return time.UnixMicro(int64(i)).UTC() }

// String formats the instant as RFC 3339 in UTC with six digits, always of the same width.
func (i Instant) String() string { return string(i.Append(nil)) }

// Append appends what String returns.
func (i Instant) Append(b []byte) []byte {
	return i.Time().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
}
