package lrs

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	errTimestampDate   = errors.New("is not a timestamp: the month has no such day")
	errTimestampEnd    = errors.New("is not a timestamp: something follows the time zone")
	errTimestampZone   = errors.New("is not a timestamp: a time zone must follow the time: Z, or an offset such as +02:00")
	errTimestampMinus  = errors.New("is not a timestamp: the offset -00:00 means an unknown time zone; write Z")
	errTimestampLeap   = errors.New("is not a timestamp: second 60 exists only at 23:59:60 UTC")
	errTimestampDigits = errors.New("is not a timestamp: digits must follow the decimal sign")
)

// ParseTimestamp reads a timestamp and returns it in UTC, cut off after the nanosecond.
//
// 2.0 (4.2.7) demands RFC 3339. 1.0.3 (Data 4.5) demands ISO 8601 and recommends RFC 3339; of ISO
// 8601 it takes beyond RFC 3339: the basic format (20151118T121700Z), a comma as decimal sign, no
// seconds, offsets without colon or minutes, and no time zone at all, which is read as UTC. Whatever
// 2.0 takes, 1.0.3 takes. Both refuse dates without a time, 24:00, and the offset -00:00 in every
// spelling. A leap second is read as the first moment of the next day.
func ParseTimestamp(s string, v Version) (time.Time, error) {
	m, err := parseMoment(s, v)
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(m.seconds, m.nanoseconds()).UTC(), nil
}

// EqualTimestamps reports whether two accepted timestamps mean the same instant. Notation and time
// zone don't count (Data 2.3.1); every digit that was given does. Strings that are no timestamps
// equal only themselves.
func EqualTimestamps(a, b string) bool {
	if a == b {
		return true
	}
	m, errA := parseMoment(a, V103)
	n, errB := parseMoment(b, V103)
	return errA == nil && errB == nil && m.seconds == n.seconds &&
		strings.TrimRight(m.fraction, "0") == strings.TrimRight(n.fraction, "0")
}

// moment is an exact instant: seconds since the Unix epoch and the decimals that follow.
type moment struct {
	seconds  int64
	fraction string
}

// nanoseconds cuts the fraction off after nine digits.
func (m moment) nanoseconds() int64 {
	n := int64(0)
	for i := range 9 {
		n *= 10
		if i < len(m.fraction) {
			n += int64(m.fraction[i] - '0')
		}
	}
	return n
}

// timestampReader reads a timestamp from left to right; after an error every method returns at once.
type timestampReader struct {
	s        string
	i        int
	iso      bool // ISO 8601 rather than RFC 3339
	extended bool // with hyphens and colons
	err      error
}

func parseMoment(s string, v Version) (moment, error) {
	r := timestampReader{s: s, iso: v == V103}
	r.extended = !r.iso || len(s) > 4 && s[4] == '-'
	year := r.number("year", 4, 0, 9999)
	r.separator('-')
	month := r.number("month", 2, 1, 12)
	r.separator('-')
	day := r.number("day", 2, 1, 31)
	if !r.take('T') && !r.take('t') {
		r.fail("a T and the time of day")
	}
	hour := r.number("hour", 2, 0, 23)
	r.separator(':')
	minute := r.number("minute", 2, 0, 59)
	second, fraction := 0, ""
	if !r.iso || r.at(':') || !r.extended && r.i < len(s) && digitChars[s[r.i]] {
		r.separator(':')
		second = r.number("second", 2, 0, 60)
		fraction = r.fraction()
	}
	offset := r.zone()
	if r.err != nil {
		return moment{}, r.err
	}
	if r.i < len(s) {
		return moment{}, errTimestampEnd
	}
	midnight := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if day > 28 && midnight.Day() != day { // time.Date reads 30 February as 1 or 2 March
		return moment{}, errTimestampDate
	}
	m := moment{seconds: midnight.Unix() + int64(60*(60*hour+minute)+second-offset), fraction: fraction}
	if second == 60 && m.seconds%(24*60*60) != 0 {
		return moment{}, errTimestampLeap
	}
	return m, nil
}

func (r *timestampReader) fail(wanted string) {
	if r.err == nil {
		r.err = fmt.Errorf("is not a timestamp such as 2015-11-18T12:17:00Z: %s is missing at byte %d", wanted, r.i)
	}
}

func (r *timestampReader) at(c byte) bool { return r.i < len(r.s) && r.s[r.i] == c }

// take reads c when it is there.
func (r *timestampReader) take(c byte) bool {
	if r.err != nil || !r.at(c) {
		return false
	}
	r.i++
	return true
}

// separator reads c, which only the extended format has.
func (r *timestampReader) separator(c byte) {
	if r.extended && !r.take(c) {
		r.fail(fmt.Sprintf("%q", string(rune(c))))
	}
}

// number reads a number of exactly width digits.
func (r *timestampReader) number(name string, width, least, most int) int {
	if r.err != nil {
		return 0
	}
	n := 0
	field := r.s[r.i:min(r.i+width, len(r.s))]
	for i := range len(field) {
		digit := field[i] - '0'
		if digit > 9 {
			field = field[:i]
			break
		}
		n = 10*n + int(digit)
	}
	r.i += len(field)
	if len(field) < width {
		r.fail("a digit of the " + name)
		return 0
	}
	if n < least || n > most {
		r.err = fmt.Errorf("is not a timestamp: its %s, %0*d, is not between %02d and %02d", name, width, n, least, most)
	}
	return n
}

// fraction reads the decimals of the second.
func (r *timestampReader) fraction() string {
	if !r.take('.') && !(r.iso && r.take(',')) {
		return ""
	}
	start := r.i
	r.i = skipDigits(r.s, r.i)
	if start == r.i && r.err == nil {
		r.err = errTimestampDigits
	}
	return r.s[start:r.i]
}

// zone reads the time zone and returns its offset from UTC in seconds.
func (r *timestampReader) zone() int {
	if r.err != nil || r.take('Z') || r.take('z') || r.iso && r.i == len(r.s) {
		return 0
	}
	minus := r.at('-')
	if !minus && !r.at('+') {
		r.err = errTimestampZone
		return 0
	}
	r.i++
	offset := 60 * 60 * r.number("offset's hour", 2, 0, 23)
	if colon := r.take(':'); colon || !r.iso || r.i < len(r.s) {
		if !colon && !r.iso {
			r.fail("the colon of the offset")
		}
		offset += 60 * r.number("offset's minute", 2, 0, 59)
	}
	if minus && offset == 0 && r.err == nil {
		r.err = errTimestampMinus
	}
	if minus {
		return -offset
	}
	return offset
}
