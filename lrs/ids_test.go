package lrs

import (
	"strings"
	"testing"
)

func checkUUID(s string) error { _, err := ParseUUID(s); return err }

func TestUUID(t *testing.T) {
	t.Run("XAPI-00027 XAPI-00029 the standard form is accepted, everything else is refused", func(t *testing.T) {
		checkAll(t, checkUUID, []string{
			"6690e6c9-3ef0-4ed3-8b37-7f3964730bee",
			"AA97B177-9383-4934-8543-0F91A7A02836",
			"ffffffff-ffff-ffff-ffff-ffffffffffff",
			"01890a5d-ac96-774b-bcce-b302099a8057",
		}, map[string]string{
			"":                                              "standard form",
			"wrong":                                         "standard form",
			"AA97B177-9383-4934-8543-0F91A7A028368":         "standard form",
			"MA97B177-9383-4934-8543-0F91A7A02836":          "standard form",
			"6690e6c93ef04ed38b377f3964730bee":              "standard form",
			"6690e6c93ef04ed38b377f3964730bee0000":          "standard form",
			"{6690e6c9-3ef0-4ed3-8b37-7f3964730bee}":        "standard form",
			"urn:uuid:6690e6c9-3ef0-4ed3-8b37-7f3964730bee": "standard form",
			"6690e6c9-3ef0-4ed3-8b37-7f3964730be ":          "standard form",
			"6690e6c93-ef0-4ed3-8b37-7f3964730bee":          "standard form",
			"00000000-0000-0000-0000-000000000000":          "nil UUID",
		})
	})
	t.Run("letter case does not count", func(t *testing.T) {
		s := "AA97B177-9383-4934-8543-0F91A7A02836"
		upper, _ := ParseUUID(s)
		lower, _ := ParseUUID(strings.ToLower(s))
		if upper != lower || lower.String() != strings.ToLower(s) {
			t.Errorf("%v and %v differ", upper, lower)
		}
	})
}

func BenchmarkUUID(b *testing.B) { benchCheck(b, checkUUID, "6690e6c9-3ef0-4ed3-8b37-7f3964730bee") }
