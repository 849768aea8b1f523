package schemas

import (
	"regexp"
	"strconv"
	"time"
)

var (
	// durationForm is ISO 8601 section 4.4.3.2: designators in order, weeks alone, a fraction on the last number.
	durationForm = regexp.MustCompile(`^P(?:\d+(?:[.,]\d+)?W|` +
		`(?:\d+(?:[.,]\d+)?Y$)?(?:\d+Y)?(?:\d+(?:[.,]\d+)?M$)?(?:\d+M)?(?:\d+(?:[.,]\d+)?D$)?(?:\d+D)?` +
		`(?:T(?:\d+(?:[.,]\d+)?H$)?(?:\d+H)?(?:\d+(?:[.,]\d+)?M$)?(?:\d+M)?(?:\d+(?:[.,]\d+)?S)?)?)$`)

	// extendedForm and basicForm are calendar date and time of ISO 8601 section 4.3. The seconds and the time zone may
	// be left out, and the seconds may have decimals.
	extendedForm = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)?$`)
	basicForm    = regexp.MustCompile(`^(\d{4})(\d\d)(\d\d)[Tt](\d\d)(\d\d)(?:(\d\d)(?:[.,]\d+)?)?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)?$`)

	// rfc3339Form is the profile of RFC 3339 section 5.6, which takes t and z in either case.
	rfc3339Form = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))$`)
)

func isDuration(text string) bool {
	last := len(text) - 1
	return last > 0 && text[last] != 'T' && durationForm.MatchString(text)
}

func isTimestamp(text string) bool {
	return isMoment(extendedForm.FindStringSubmatch(text)) || isMoment(basicForm.FindStringSubmatch(text))
}

func isRFC3339(text string) bool {
	return isMoment(rfc3339Form.FindStringSubmatch(text))
}

// isMoment checks the numbers of a timestamp: year, month, day, hour, minute, second, sign and the hours and minutes
// of the time zone. A leap second ends a day of UTC; 24:00 is refused, as RFC 3339 and ISO 8601:2019 do; the time
// zone -00:00 is refused, because it says that none is known.
func isMoment(parts []string) bool {
	if parts == nil {
		return false
	}
	number := func(i int) int {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return 0 // left out: the pattern lets through digits only
		}
		return n
	}
	year, month, day := number(1), number(2), number(3)
	hour, minute, second := number(4), number(5), number(6)
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if date.Year() != year || date.Month() != time.Month(month) || date.Day() != day {
		return false
	}
	zone := 60*number(8) + number(9)
	if hour > 23 || minute > 59 || second > 60 || number(8) > 23 || number(9) > 59 || parts[7] == "-" && zone == 0 {
		return false
	}
	if parts[7] == "-" {
		zone = -zone
	}
	const dayLength = 24 * 60
	return second < 60 || (60*hour+minute-zone+dayLength)%dayLength == dayLength-1
}
