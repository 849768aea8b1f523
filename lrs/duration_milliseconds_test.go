package lrs_test

import (
	"testing"

	"acquis/lrs"
)

func TestDuration_Milliseconds(t *testing.T) {
	for text, want := range map[string]int64{
		"PT0S": 0, "PT1S": 1000, "PT1.5S": 1500, "PT1,23456S": 1234, "PT0.0004S": 0, "PT12M30S": 750_000, "PT1.5M": 90_000,
		"PT6H30M": 23_400_000, "P1D": 86_400_000, "P2W": 1_209_600_000, "P1DT1H": 90_000_000, "P0Y0MT5S": 5000, "PT007S": 7000,
	} {
		d, err := lrs.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		if ms, ok := d.Milliseconds(); !ok || ms != want {
			t.Errorf("%s lasts %d ms (%v), want %d", text, ms, ok, want)
		}
	}
	for _, text := range []string{"P1M", "P1Y", "P0.5Y", "PT1000000000000S"} {
		d, err := lrs.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		if ms, ok := d.Milliseconds(); ok {
			t.Errorf("%s lasts %d ms, but has no length that is known", text, ms)
		}
	}
}
