package lrs_test

import (
	"testing"

	"acquis/lrs"
)

func TestParseVersion(t *testing.T) {
	for header, want := range map[string]lrs.Version{
		"1.0": lrs.V103, "1.0.0": lrs.V103, "1.0.3": lrs.V103, "1.0.9": lrs.V103, "1.0.10": lrs.V103,
		"2.0": lrs.V200, "2.0.0": lrs.V200, "2.0.1": lrs.V200,
		"": "", "1": "", "1.": "", "1.0.": "", "1.00": "", "1.0.x": "", "1.0.3 ": "", "1.0.3.1": "",
		"0.95": "", "1.1.0": "", "2.1.0": "", "3.0.0": "", "2.0-rc1": "", "10.0": "",
	} {
		t.Run("Communication 3.3: the header "+header, func(t *testing.T) {
			got, ok := lrs.ParseVersion(header)
			if got != want || ok != (want != "") {
				t.Errorf("got %q, %v, want %q", got, ok, want)
			}
		})
	}
}
