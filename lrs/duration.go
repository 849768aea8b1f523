package lrs

import (
	"bytes"
	"errors"
	"fmt"
)

// unit is a component of a duration, in the order in which they are written.
type unit uint8

const (
	unitYears unit = iota
	unitMonths
	unitWeeks
	unitDays
	unitHours
	unitMinutes
	unitSeconds
	unitCount
)

// perCoarser says how many of each unit make one of the unit before it. Months have no fixed number
// of days, so a duration has two independent amounts: one counted in months, one in seconds.
var perCoarser = [unitCount]byte{unitMonths: 12, unitDays: 7, unitHours: 24, unitMinutes: 60, unitSeconds: 60}

// Duration is an ISO 8601 duration as it was written, whatever its number of digits. It aliases the
// string it was parsed from. The zero Duration lasts no time.
type Duration struct {
	whole    [unitCount]string // the digits of each component, "" when absent
	fraction string            // the digits after the decimal sign of the last component
	last     unit              // the last component that is present
}

var (
	errDurationStart  = errors.New("is not an ISO 8601 duration: it must begin with P, as in PT4H35M59.14S")
	errDurationEmpty  = errors.New("is not an ISO 8601 duration: no number with its unit follows P")
	errDurationTime   = errors.New("is not an ISO 8601 duration: after T at least one of hours, minutes or seconds must follow")
	errDurationTwoT   = errors.New("is not an ISO 8601 duration: T stands twice")
	errDurationWeeks  = errors.New("is not an ISO 8601 duration: weeks cannot be combined with other units")
	errDurationFloat  = errors.New("is not an ISO 8601 duration: only the last of its numbers may have decimals")
	errDurationOrder  = errors.New("is not an ISO 8601 duration: its units are not in the order Y M D T H M S, each at most once")
	errDurationDigits = errors.New("is not an ISO 8601 duration: digits must stand on both sides of the decimal sign")
)

// ParseDuration reads the format with designators of ISO 8601:2004, 4.4.3.2: PnYnMnDTnHnMnS or PnW
// (Data 4.6; 2.0: 4.2.7). The last number may have decimals, after a comma or a full stop, both of
// which ISO 8601 allows (4.2.2.4 there). Signs, lower case and the alternative format
// P0003-06-04T12:30:05 are refused.
func ParseDuration(s string) (Duration, error) {
	var d Duration
	if s == "" || s[0] != 'P' {
		return Duration{}, errDurationStart
	}
	present, inTime := false, false
	for i := 1; i < len(s); {
		if s[i] == 'T' {
			if inTime {
				return Duration{}, errDurationTwoT
			}
			inTime = true
			if i++; i == len(s) {
				return Duration{}, errDurationTime
			}
			continue
		}
		whole, fraction, end, err := scanNumber(s, i)
		if err != nil {
			return Duration{}, err
		}
		u, ok := unitAt(s, end, inTime)
		switch {
		case !ok:
			return Duration{}, strayInDuration(s, end)
		case d.fraction != "":
			return Duration{}, errDurationFloat
		case present && (u == unitWeeks || d.last == unitWeeks):
			return Duration{}, errDurationWeeks
		case present && u <= d.last:
			return Duration{}, errDurationOrder
		}
		d.whole[u], d.fraction, d.last, present = whole, fraction, u, true
		i = end + 1
	}
	if !present {
		return Duration{}, errDurationEmpty
	}
	return d, nil
}

// scanNumber reads digits and perhaps decimals from byte i on; end is the byte after them.
func scanNumber(s string, i int) (whole, fraction string, end int, err error) {
	end = skipDigits(s, i)
	whole = s[i:end]
	if whole == "" {
		return "", "", end, strayInDuration(s, end)
	}
	if end < len(s) && (s[end] == '.' || s[end] == ',') {
		start := end + 1
		end = skipDigits(s, start)
		if fraction = s[start:end]; fraction == "" {
			return "", "", end, errDurationDigits
		}
	}
	return whole, fraction, end, nil
}

func skipDigits(s string, i int) int {
	for i < len(s) && digitChars[s[i]] {
		i++
	}
	return i
}

// unitAt reads the designator at byte i; M is minutes after T and months before it.
func unitAt(s string, i int, inTime bool) (u unit, ok bool) {
	if i >= len(s) {
		return 0, false
	}
	switch s[i] {
	case 'Y':
		return unitYears, !inTime
	case 'M':
		if inTime {
			return unitMinutes, true
		}
		return unitMonths, true
	case 'W':
		return unitWeeks, !inTime
	case 'D':
		return unitDays, !inTime
	case 'H':
		return unitHours, inTime
	case 'S':
		return unitSeconds, inTime
	}
	return 0, false
}

func strayInDuration(s string, i int) error {
	if i >= len(s) {
		return errors.New("is not an ISO 8601 duration: its last number has no unit")
	}
	return fmt.Errorf("is not an ISO 8601 duration: what begins at byte %d (%q) cannot stand there", i, s[i:min(i+8, len(s))])
}

// Equal reports whether d and e last the same time, whatever the units they are written in. A year
// is twelve months and a day 24 hours; months and days are never compared with each other, since
// months differ in length (so does XML Schema compare durations). With centiseconds, what lies
// beyond 0.01 second is cut off before comparing, as 2.0 (4.2.7) demands and Data 4.6 recommends:
// PT1.239S equals PT1.23S. The cost is linear in the number of digits.
func (d Duration) Equal(e Duration, centiseconds bool) bool {
	if d == e {
		return true
	}
	return d.total(unitYears, unitMonths).equal(e.total(unitYears, unitMonths), false) &&
		d.total(unitWeeks, unitSeconds).equal(e.total(unitWeeks, unitSeconds), centiseconds)
}

// amount is an exact number: digits from 0 to 9, the most significant first, of which the last
// scale stand after the decimal sign.
type amount struct {
	digits []byte
	scale  int
}

// total is the sum of the components from one unit to another, counted in the latter.
func (d Duration) total(from, to unit) amount {
	width := 2 * int(unitCount) // room for what the multiplications carry
	for u := from; u <= to; u++ {
		width += len(d.whole[u])
	}
	n := amount{digits: make([]byte, width, width+len(d.fraction))}
	for u := from; u <= to; u++ {
		if u > from {
			n.multiply(perCoarser[u])
		}
		n.add(d.whole[u])
		if u == d.last {
			n.extend(d.fraction)
		}
	}
	return n
}

// multiply multiplies n by a number up to 60. The caller has made room for the digits it gains.
func (n *amount) multiply(by byte) {
	carry := 0
	for i := len(n.digits) - 1; i >= 0; i-- {
		carry += int(n.digits[i]) * int(by)
		n.digits[i] = byte(carry % 10)
		carry /= 10
	}
}

// add adds the whole number that is written as text to n, which has no decimals unless text is "".
func (n *amount) add(text string) {
	carry := byte(0)
	for i := 1; i <= len(n.digits) && (i <= len(text) || carry > 0); i++ {
		digit := &n.digits[len(n.digits)-i]
		*digit += carry
		if i <= len(text) {
			*digit += text[len(text)-i] - '0'
		}
		carry = *digit / 10
		*digit %= 10
	}
}

// extend appends decimals to n, which has none yet.
func (n *amount) extend(text string) {
	for i := range len(text) {
		n.digits = append(n.digits, text[i]-'0')
	}
	n.scale = len(text)
}

// equal compares two numbers, with centi only to the second decimal, the rest cut off.
func (n amount) equal(m amount, centi bool) bool {
	if centi {
		n, m = n.truncate(2), m.truncate(2)
	}
	nWhole, nFraction := n.parts()
	mWhole, mFraction := m.parts()
	return bytes.Equal(nWhole, mWhole) && bytes.Equal(nFraction, mFraction)
}

func (n amount) truncate(scale int) amount {
	if n.scale <= scale {
		return n
	}
	return amount{digits: n.digits[:len(n.digits)-(n.scale-scale)], scale: scale}
}

// parts are the digits before and after the decimal sign, without zeros that say nothing.
func (n amount) parts() (whole, fraction []byte) {
	point := len(n.digits) - n.scale
	return bytes.TrimLeft(n.digits[:point], "\x00"), bytes.TrimRight(n.digits[point:], "\x00")
}

// maxDurationDigits keeps a number of milliseconds within an int64.
const maxDurationDigits = 15

// Milliseconds is how long the duration is; what lies below a millisecond is cut off. It is false for a
// duration of years or months, which have no fixed length, and for one of more than 30,000 years.
func (d Duration) Milliseconds() (ms int64, ok bool) {
	years, part := d.total(unitYears, unitMonths).parts()
	if len(years) > 0 || len(part) > 0 {
		return 0, false
	}
	n := d.total(unitWeeks, unitSeconds)
	whole, fraction := n.truncate(3).parts()
	if len(whole) > maxDurationDigits-3 {
		return 0, false
	}
	for _, digit := range whole {
		ms = 10*ms + int64(digit)
	}
	for i := range 3 {
		ms *= 10
		if i < len(fraction) {
			ms += int64(fraction[i])
		}
	}
	return ms, true
}
