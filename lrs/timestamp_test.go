package lrs

import (
	"strings"
	"testing"
	"time"
)

// What both versions take: RFC 3339.
var goodTimestamps = map[string]string{
	"2015-11-18T12:17:00Z":                       "2015-11-18T12:17:00Z",
	"2015-11-18t12:17:00z":                       "2015-11-18T12:17:00Z",
	"2008-09-15T15:53:00.601+00:00":              "2008-09-15T15:53:00.601Z",
	"2013-05-18T05:32:34.804-05:30":              "2013-05-18T11:02:34.804Z",
	"2024-02-29T00:00:00+23:59":                  "2024-02-28T00:01:00Z",
	"2016-12-31T23:59:60Z":                       "2017-01-01T00:00:00Z",
	"2017-01-01T00:59:60.5+01:00":                "2017-01-01T00:00:00.5Z",
	"1969-12-31T23:59:60Z":                       "1970-01-01T00:00:00Z",
	"1901-01-01T00:00:00.123456789999999999Z":    "1901-01-01T00:00:00.123456789Z",
	"2023-05-04T12:00:00.1-00:01":                "2023-05-04T12:01:00.1Z",
	"0000-01-01T00:00:00Z":                       "0000-01-01T00:00:00Z",
	"9999-12-31T23:59:59.999Z":                   "9999-12-31T23:59:59.999Z",
	"2012-06-01T19:09:13.245Z":                   "2012-06-01T19:09:13.245Z",
	"2015-11-18T12:17:00." + zeros60 + "1+00:00": "2015-11-18T12:17:00Z",
}

const zeros60 = "000000000000000000000000000000000000000000000000000000000000"

// What 1.0.3 takes beyond that: ISO 8601.
var goodISOTimestamps = map[string]string{
	"20151118T121700Z":             "2015-11-18T12:17:00Z",
	"20151118T121700.25+0200":      "2015-11-18T10:17:00.25Z",
	"20151118T1217+02":             "2015-11-18T10:17:00Z",
	"20151118T1217":                "2015-11-18T12:17:00Z",
	"2015-11-18T12:17:00":          "2015-11-18T12:17:00Z",
	"2015-11-18T12:17:00,75":       "2015-11-18T12:17:00.75Z",
	"2015-11-18T12:17:00.123+0000": "2015-11-18T12:17:00.123Z",
	"2015-11-18T12:17:00+02":       "2015-11-18T10:17:00Z",
	"2015-11-18T12:17Z":            "2015-11-18T12:17:00Z",
	"2015-11-18T12:17":             "2015-11-18T12:17:00Z",
}

var badTimestamps = map[string]string{
	"":                              "digit of the year",
	"should fail":                   "digit of the year is missing at byte 0",
	"01/011/2015":                   "is not a timestamp",
	"2008-09-15T15:53:00.601-00":    "is not a timestamp",
	"2008-09-15T15:53:00.601-0000":  "is not a timestamp",
	"2008-09-15T15:53:00.601-00:00": "unknown time zone",
	"2015-11-18":                    "time of day",
	"2015-11-18 12:17:00Z":          "time of day",
	"2015-11-18T24:00:00Z":          "its hour, 24",
	"2015-11-18T12:60:00Z":          "its minute, 60",
	"2015-11-18T12:17:61Z":          "its second, 61",
	"2015-11-18T12:17:60Z":          "second 60",
	"2015-11-18T23:59:60+01:00":     "second 60",
	"2015-13-18T12:17:00Z":          "its month, 13",
	"2015-00-18T12:17:00Z":          "its month, 00",
	"2015-11-00T12:17:00Z":          "its day, 00",
	"2015-11-31T12:17:00Z":          "no such day",
	"2023-02-29T12:17:00Z":          "no such day",
	"2015-11-18T12:17:00.Z":         "decimal sign",
	"2015-11-18T12:17:00.":          "decimal sign",
	"2015-11-18T12:17:00Zx":         "follows the time zone",
	"2015-11-18T12:17:00+24:00":     "offset's hour",
	"2015-11-18T12:17:00+01:60":     "offset's minute",
	"2015-11-18T12:17:00+1:00":      "offset's hour",
	"2015-11-18T12:17:00+01:0":      "offset's minute",
	"2015-11-18T12:17.5Z":           "is not a timestamp",
	"2015-1118T12:17:00Z":           `"-" is missing`,
	"2015-11-18T1217:00Z":           `":" is missing`,
	"20151118T12:17:00Z":            "is not a timestamp",
	"15-11-18T12:17:00Z":            "is not a timestamp",
	"+002015-11-18T12:17:00Z":       "digit of the year",
	"2015-W47-3T12:17:00Z":          "digit of the month",
	"2015-11-18T12:17:00+":          "digit of the offset's hour",
	"2015-11-18T12:17:00 +02:00":    "time zone",
	" 2015-11-18T12:17:00Z":         "digit of the year",
	"2015-11-18T12:17:00−02:00":     "time zone",
}

func checkTimestamp(v Version) func(string) error {
	return func(s string) error { _, err := ParseTimestamp(s, v); return err }
}

func keys(m map[string]string) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	return names
}

func TestTimestamp(t *testing.T) {
	only200 := map[string]string{}
	for s := range goodISOTimestamps {
		only200[s] = "is not a timestamp"
	}
	t.Run("XAPI-00123 RFC 3339 is accepted by both versions, everything else is refused with its reason", func(t *testing.T) {
		checkAll(t, checkTimestamp(V103), keys(goodTimestamps), badTimestamps)
		checkAll(t, checkTimestamp(V200), keys(goodTimestamps), badTimestamps)
	})
	t.Run("XAPI-00123 the rest of ISO 8601 is accepted by 1.0.3 alone", func(t *testing.T) {
		checkAll(t, checkTimestamp(V103), keys(goodISOTimestamps), nil)
		checkAll(t, checkTimestamp(V200), nil, only200)
	})
	t.Run("the instant is returned in UTC, cut off after the nanosecond", func(t *testing.T) {
		for _, table := range []map[string]string{goodTimestamps, goodISOTimestamps} {
			for s, want := range table {
				got, err := ParseTimestamp(s, V103)
				if err != nil || got.Format(time.RFC3339Nano) != want {
					t.Errorf("%s is read as %v (%v), want %s", s, got, err, want)
				}
			}
		}
	})
	t.Run("timestamps are equal by instant, to the last digit", func(t *testing.T) {
		for _, c := range []struct {
			a, b string
			want bool
		}{
			{"2015-11-18T12:17:00Z", "2015-11-18T13:17:00+01:00", true},
			{"2015-11-18T12:17:00Z", "20151118T121700,000Z", true},
			{"2015-11-18T12:17:00Z", "2015-11-18T12:17:00", true},
			{"2015-11-18T12:17:00.5Z", "2015-11-18T12:17:00.500+00:00", true},
			{"2015-11-18T12:17:00Z", "2015-11-18T12:17:00+01:00", false},
			{"2015-11-18T12:17:00.1234567890Z", "2015-11-18T12:17:00.1234567891Z", false},
			{"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", true},
			{"nonsense", "nonsense", true},
			{"nonsense", "2015-11-18T12:17:00Z", false},
			{"nonsense", "rubbish", false},
		} {
			if got := EqualTimestamps(c.a, c.b); got != c.want || EqualTimestamps(c.b, c.a) != got {
				t.Errorf("%s and %s are equal: %v, want %v", c.a, c.b, got, c.want)
			}
		}
	})
}

func FuzzTimestamp(f *testing.F) {
	for _, table := range []map[string]string{goodTimestamps, goodISOTimestamps, badTimestamps} {
		for s := range table {
			f.Add(s)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := ParseTimestamp(s, V103)
		strict, strictErr := ParseTimestamp(s, V200)
		if strictErr == nil && (err != nil || !at.Equal(strict)) {
			t.Errorf("2.0 reads %q as %v, 1.0.3 as %v (%v)", s, strict, at, err)
		}
		if err == nil && !EqualTimestamps(s, s) {
			t.Errorf("%q does not equal itself", s)
		}
		want, theirErr := time.Parse(time.RFC3339Nano, strings.ToUpper(s))
		if theirErr == nil && strictErr == nil && !want.Equal(strict) {
			t.Errorf("%q is read as %v, package time reads %v", s, strict, want)
		}
		if strictErr == nil && theirErr != nil && !strings.Contains(s, ":60") {
			t.Errorf("%q is accepted, package time says %v", s, theirErr)
		}
	})
}

func BenchmarkTimestamp(b *testing.B) {
	b.Run("UTC", func(b *testing.B) { benchCheck(b, checkTimestamp(V103), "2013-05-18T05:32:34.804Z") })
	b.Run("with an offset", func(b *testing.B) { benchCheck(b, checkTimestamp(V200), "2013-05-18T05:32:34.804123+02:00") })
	b.Run("comparing", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !EqualTimestamps("2013-05-18T05:32:34.804Z", "2013-05-18T07:32:34.804+02:00") {
				b.Fatal("not equal")
			}
		}
	})
}
