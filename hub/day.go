package hub

import (
	"time"

	"acquis/lrs"
)

// Day is a date of the civil calendar, counted from 1 January of the year 1, which is day 1. Days are
// ordered as numbers; 0 is no day. In text it is 2026-09-01, and "" for none.
type Day int32

const secondsADay = 24 * 60 * 60

// dayZero is the second, of Unix time, at which day 0 began.
var dayZero = time.Date(0, time.December, 31, 0, 0, 0, 0, time.UTC).Unix()

// NewDay returns the day of a date; months and days beyond their range go over into the next, as in
// time.Date.
func NewDay(year int, month time.Month, day int) Day {
	return Day((time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() - dayZero) / secondsADay)
}

// ParseDay reads a date such as 2026-09-01.
func ParseDay(text string) (Day, error) {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil || at.Year() < 1 {
		return 0, lrs.Errorf(lrs.KindInvalid, "%.40q is no date: write it as 2026-09-01", text)
	}
	return NewDay(at.Date()), nil
}

// Date returns year, month and day of the month.
func (d Day) Date() (int, time.Month, int) { return d.midnight(time.UTC).Date() }

func (d Day) midnight(in *time.Location) time.Time {
	year, month, day := time.Unix(dayZero+int64(d)*secondsADay, 0).UTC().Date()
	return time.Date(year, month, day, 0, 0, 0, 0, in)
}

// String writes the day as 2026-09-01, "" for none.
func (d Day) String() string {
	if d == 0 {
		return ""
	}
	return d.midnight(time.UTC).Format(time.DateOnly)
}

// MarshalText implements encoding.TextMarshaler.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Day) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*d = 0
		return nil
	}
	*d, err = ParseDay(string(text))
	return err
}

// Span is a run of days, both ends within it. An end of 0 is open.
type Span struct {
	From Day `json:"from,omitzero"`
	To   Day `json:"to,omitzero"`
}

// Covers reports whether a day lies in the span.
func (s Span) Covers(d Day) bool { return s.From <= d && (s.To == 0 || d <= s.To) }

// Overlaps reports whether the spans share a day.
func (s Span) Overlaps(o Span) bool {
	return (s.To == 0 || o.From <= s.To) && (o.To == 0 || s.From <= o.To)
}

// Judge refuses a span that ends before it begins.
func (s Span) Judge() error {
	if s.To != 0 && s.To < s.From {
		return lrs.Errorf(lrs.KindInvalid, "the span ends on %s, before it begins on %s", s.To, s.From)
	}
	return nil
}

// Calendar tells to which day an instant belongs.
type Calendar struct {
	in *time.Location
}

// NewCalendar returns the calendar of a place. Go's own time zones are to be linked in where the
// machine may have none.
func NewCalendar(place string) (Calendar, error) {
	in, err := time.LoadLocation(place)
	if err != nil {
		return Calendar{}, lrs.Errorf(lrs.KindInvalid, "%.60q is no time zone: name one as Europe/Paris", place)
	}
	return Calendar{in}, nil
}

// Day returns the day on which the instant falls.
func (c Calendar) Day(at time.Time) Day { return NewDay(at.In(c.in).Date()) }

// Start returns the instant at which the day begins.
func (c Calendar) Start(d Day) time.Time { return d.midnight(c.in) }

// Year returns the calendar year that holds the day.
func Year(d Day) Span {
	year, _, _ := d.Date()
	return Span{NewDay(year, time.January, 1), NewDay(year, time.December, 31)}
}

// AcademicYear returns the academic year, from 1 September to 31 August, that holds the day.
func AcademicYear(d Day) Span {
	year, month, _ := d.Date()
	if month < time.September {
		year--
	}
	return Span{NewDay(year, time.September, 1), NewDay(year+1, time.August, 31)}
}
