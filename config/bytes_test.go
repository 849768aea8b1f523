package config

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]Bytes{
		"0": 0, "1000": 1000, "512KiB": 512 * KiB, "16MiB": 16 * MiB, "1GiB": GiB, "2TiB": 2 * TiB,
		"9223372036854775807": math.MaxInt64,
	} {
		t.Run(text+" is a size", func(t *testing.T) {
			got, err := ParseBytes(text)
			if err != nil || got != want {
				t.Errorf("got %d, %v; want %d", got, err, want)
			}
		})
	}
	for _, text := range []string{
		"", "MiB", "16MB", "16M", "16mib", "1.5GiB", "-1", "-1KiB", "+1", "16 MiB", "1_000", "0x10",
		"9223372036854775808", "9007199254740992KiB", "8388608TiB",
	} {
		t.Run(text+" is not a size", func(t *testing.T) {
			if got, err := ParseBytes(text); err == nil {
				t.Errorf("got %d, want an error", got)
			}
		})
	}
}

func TestBytesAreReadBackAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]Bytes{1, KiB, MiB, GiB}).Draw(t, "unit")
		want := Bytes(rapid.Int64Range(0, 1<<32).Draw(t, "n")) * unit
		got, err := ParseBytes(want.String())
		if err != nil || got != want {
			t.Errorf("%s was read as %d, %v; want %d", want, got, err, want)
		}
	})
}
