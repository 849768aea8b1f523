package schemas

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	// durationForm is ISO 8601 section 4.4.3.2: designators in order, weeks alone, a fraction on the last number.
	durationForm = regexp.MustCompile(`^P(?:\d+(?:[.,]\d+)?W|` +
		`(?:\d+(?:[.,]\d+)?Y$)?(?:\d+Y)?(?:\d+(?:[.,]\d+)?M$)?(?:\d+M)?(?:\d+(?:[.,]\d+)?D$)?(?:\d+D)?` +
		`(?:T(?:\d+(?:[.,]\d+)?H$)?(?:\d+H)?(?:\d+(?:[.,]\d+)?M$)?(?:\d+M)?(?:\d+(?:[.,]\d+)?S)?)?)$`)

	// extendedForm and basicForm are calendar date and time of ISO 8601 section 4.3. Seconds, minutes and the time
	// zone may be left out, and the last number of the time may have decimals.
	extendedForm = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)T(\d\d)(?::(\d\d)(?::(\d\d))?)?(?:[.,](\d+))?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?$`)
	basicForm    = regexp.MustCompile(`^(\d{4})(\d\d)(\d\d)T(\d\d)(?:(\d\d)(\d\d)?)?(?:[.,](\d+))?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?$`)

	// rfc3339Form is the profile of RFC 3339 section 5.6, in upper case.
	rfc3339Form = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))$`)
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

// isMoment checks the numbers of a timestamp: year, month, day, hour, minute, second, fraction, sign and the hours
// and minutes of the time zone. A leap second is one; 24:00 is midnight; the time zone -00:00 is refused, because
// it says that none is known.
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
	midnight := hour == 24 && minute == 0 && second == 0 && strings.Trim(parts[7], "0") == ""
	leap := second == 60 && minute%15 == 14 // time zones differ by quarters of an hour
	if hour > 23 && !midnight || minute > 59 || second > 59 && !leap {
		return false
	}
	zoneHour, zoneMinute := number(9), number(10)
	if zoneHour > 23 || zoneMinute > 59 {
		return false
	}
	return parts[8] != "-" || zoneHour != 0 || zoneMinute != 0
}
