package lrs

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var goodDurations = []string{
	"PT4H35M59.14S", "PT16559.14S", "P3Y1M29DT4H35M59.14S", "P3Y", "P4W", "PT1H0M0.1S", "PT1H0M0S",
	"P1DT12H36M0.12567S", "P0.5Y", "P1,5D", "PT0,25H", "P0D", "PT0S", "P1Y2DT3S", "P0.5W", "PT1234S",
	"P00012M", "PT99999999999999999999999999999999999999.000000000000000000000000000001S",
}

var badDurations = map[string]string{
	"":                     "begin with P",
	"should fail":          "begin with P",
	"PA1H0M0S":             `byte 1 ("A1H0M0S")`,
	"P":                    "no number",
	"PT":                   "after T",
	"P1DT":                 "after T",
	"PT1HT1M":              "T stands twice",
	"P4W1D":                "weeks cannot",
	"P1Y4W":                "weeks cannot",
	"P1WT1H":               "weeks cannot",
	"P1.5DT1H":             "only the last",
	"PT1.5H1M":             "only the last",
	"P1D1M":                "order",
	"PT1S1H":               "order",
	"P1Y1Y":                "order",
	"P1H":                  `byte 2 ("H")`,
	"PT1D":                 `byte 3 ("D")`,
	"P1S":                  `byte 2 ("S")`,
	"PT1W":                 `byte 3 ("W")`,
	"P.5D":                 `byte 1 (".5D")`,
	"P5.D":                 "both sides",
	"PT1.":                 "both sides",
	"P1":                   "no unit",
	"-P1D":                 "begin with P",
	"P-1D":                 `byte 1 ("-1D")`,
	"p1d":                  "begin with P",
	"P1d":                  `byte 2 ("d")`,
	"P1D ":                 `byte 3 (" ")`,
	"P0003-06-04T12:30:05": `byte 5`,
	"PT1.2.3S":             `byte 5`,
	"P1١D":                 `byte 2`,
}

func parseGoodDuration(t rapid.TB, s string) Duration {
	t.Helper()
	d, err := ParseDuration(s)
	if err != nil {
		t.Fatalf("%q %v", s, err)
	}
	return d
}

func TestDuration(t *testing.T) {
	t.Run("XAPI-00124 the format with designators is accepted, everything else is refused with its reason", func(t *testing.T) {
		checkAll(t, func(s string) error { _, err := ParseDuration(s); return err }, goodDurations, badDurations)
	})
	t.Run("durations are equal by what they last", func(t *testing.T) {
		for _, c := range []struct {
			a, b         string
			exact, centi bool
		}{
			{"PT60S", "PT1M", true, true},
			{"PT4H35M59.14S", "PT16559.14S", true, true},
			{"P1Y", "P12M", true, true},
			{"P0.5Y", "P6M", true, true},
			{"P1W", "P7D", true, true},
			{"P1D", "PT24H", true, true},
			{"P1.5D", "PT36H", true, true},
			{"P1,5D", "P1.50D", true, true},
			{"PT0S", "P0Y", true, true},
			{"P01D", "P1D", true, true},
			{"P30D", "P1M", false, false},
			{"P365D", "P1Y", false, false},
			{"P1M", "PT1M", false, false},
			{"P1DT12H36M0.1237S", "P1DT12H36M0.12S", false, true},
			{"PT1.239S", "PT1.23S", false, true},
			{"PT1.999S", "PT2S", false, false},
			{"PT1.23S", "PT1.24S", false, false},
			{"PT1.2S", "PT1.20S", true, true},
			{"PT0.0001M", "PT0.006S", true, true},
			{"PT0.0001M", "PT0S", false, true},
			{"P0.00000001D", "PT0S", false, true},
			{"P0.001M", "P0.002M", false, false},
			{"PT0.5H", "PT30M", true, true},
			{"PT99999999999999999999999999M", "PT5999999999999999999999999940S", true, true},
		} {
			a, b := parseGoodDuration(t, c.a), parseGoodDuration(t, c.b)
			for _, pair := range [][2]Duration{{a, b}, {b, a}} {
				if got := pair[0].Equal(pair[1], false); got != c.exact {
					t.Errorf("%s and %s are equal: %v, want %v", c.a, c.b, got, c.exact)
				}
				if got := pair[0].Equal(pair[1], true); got != c.centi {
					t.Errorf("%s and %s are equal to the centisecond: %v, want %v", c.a, c.b, got, c.centi)
				}
			}
		}
	})
	t.Run("the zero Duration lasts no time", func(t *testing.T) {
		if !parseGoodDuration(t, "PT0.000S").Equal(Duration{}, false) {
			t.Error("PT0.000S does not equal the zero Duration")
		}
	})
	t.Run("a hundred thousand digits are compared exactly", func(t *testing.T) {
		nines := strings.Repeat("9", 100_000)
		a := parseGoodDuration(t, "PT"+nines+"M0."+nines+"S")
		b := parseGoodDuration(t, "PT"+nines+"M0."+nines+"0S")
		c := parseGoodDuration(t, "PT"+nines+"M0."+nines+"1S")
		if !a.Equal(b, false) || a.Equal(c, false) || !a.Equal(c, true) {
			t.Error("long decimals are not compared exactly")
		}
	})
}

// TestDurationOracle compares Equal with rational arithmetic.
func TestDurationOracle(t *testing.T) {
	number := rapid.StringMatching(`[0-9]{1,22}`)
	small := rapid.StringMatching(`[0-9]{1,2}`)
	rapid.Check(t, func(t *rapid.T) {
		d, secondsOfD := drawTime(t, number)
		e, secondsOfE := drawTime(t, small)
		if rapid.Bool().Draw(t, "the same in seconds") {
			e, secondsOfE = "PT"+secondsOfD.FloatString(40)+"S", secondsOfD
		}
		a, b := parseGoodDuration(t, d), parseGoodDuration(t, e)
		if got, want := a.Equal(b, false), secondsOfD.Cmp(secondsOfE) == 0; got != want {
			t.Fatalf("%s and %s are equal: %v, want %v", d, e, got, want)
		}
		if got, want := a.Equal(b, true), centiseconds(secondsOfD).Cmp(centiseconds(secondsOfE)) == 0; got != want {
			t.Fatalf("%s and %s are equal to the centisecond: %v, want %v", d, e, got, want)
		}
	})
}

// drawTime makes a duration of days to seconds, with its length in seconds.
func drawTime(t *rapid.T, number *rapid.Generator[string]) (string, *big.Rat) {
	day, hour, minute, second := number.Draw(t, "days"), number.Draw(t, "hours"), number.Draw(t, "minutes"), number.Draw(t, "seconds")
	second += rapid.StringMatching(`(\.[0-9]{1,12})?`).Draw(t, "decimals")
	total := new(big.Rat)
	for _, part := range []struct {
		text string
		per  int64
	}{{day, 1}, {hour, 24}, {minute, 60}, {second, 60}} {
		n, _ := new(big.Rat).SetString(part.text)
		total.Add(total.Mul(total, big.NewRat(part.per, 1)), n)
	}
	return fmt.Sprintf("P%sDT%sH%sM%sS", day, hour, minute, second), total
}

func centiseconds(seconds *big.Rat) *big.Int {
	r := new(big.Rat).Mul(seconds, big.NewRat(100, 1))
	return new(big.Int).Quo(r.Num(), r.Denom())
}

func FuzzDuration(f *testing.F) {
	for i, s := range goodDurations {
		f.Add(s, goodDurations[len(goodDurations)-1-i])
	}
	for s := range badDurations {
		f.Add(s, "P1D")
	}
	f.Fuzz(func(t *testing.T, s, other string) {
		d, err := ParseDuration(s)
		if err != nil {
			return
		}
		same := parseGoodDuration(t, strings.ReplaceAll(s, ",", "."))
		if !d.Equal(d, false) || !d.Equal(d, true) || !d.Equal(same, false) {
			t.Errorf("%q does not equal itself", s)
		}
		padding := "P0"
		if s[1] == 'T' {
			padding = "P0D"
		}
		padded := parseGoodDuration(t, padding+s[1:])
		if !d.Equal(padded, false) || !padded.Equal(d, true) {
			t.Errorf("%q does not equal itself with a zero before it", s)
		}
		e, err := ParseDuration(other)
		if err != nil {
			return
		}
		if d.Equal(e, false) != e.Equal(d, false) || d.Equal(e, true) != e.Equal(d, true) || d.Equal(e, false) && !d.Equal(e, true) {
			t.Errorf("%q and %q are compared inconsistently", s, other)
		}
	})
}

func BenchmarkDuration(b *testing.B) {
	b.Run("parsing", func(b *testing.B) {
		benchCheck(b, func(s string) error { _, err := ParseDuration(s); return err }, "PT4H35M59.14S")
	})
	b.Run("comparing", func(b *testing.B) {
		d, _ := ParseDuration("PT4H35M59.14S")
		e, _ := ParseDuration("PT16559.14S")
		b.ReportAllocs()
		for b.Loop() {
			if !d.Equal(e, true) {
				b.Fatal("not equal")
			}
		}
	})
}
