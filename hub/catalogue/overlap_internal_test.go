package catalogue

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// texts lists all texts over the letters up to a length.
func texts(letters string, most int) (all []string) {
	all = []string{""}
	for from := 0; most > 0; most-- {
		end := len(all)
		for _, text := range all[from:end] {
			for _, letter := range letters {
				all = append(all, text+string(letter))
			}
		}
		from = end
	}
	return all
}

func TestOverlap(t *testing.T) {
	every := texts("abB", 6)
	piece := rapid.SampledFrom([]string{"a", "b", "B", "[ab]", ".", "a*", "b+", "(a|bb)", "(ab)?", "[^a]", "a{2}", "(?i:b)", ".*"})
	pattern := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 1, 3).Draw(t, "pieces"), "")
	})
	t.Run("it finds what two patterns have in common, and nothing else", rapid.MakeCheck(func(t *rapid.T) {
		first, second := pattern.Draw(t, "first"), pattern.Draw(t, "second")
		a, b := regexp.MustCompile(`\A(?:`+first+`)\z`), regexp.MustCompile(`\A(?:`+second+`)\z`)
		witness, both := overlap(first, second)
		if both && (!a.MatchString(witness) || !b.MatchString(witness)) {
			t.Fatalf("%s and %s do not both match %q", first, second, witness)
		}
		for _, text := range every {
			if !both && a.MatchString(text) && b.MatchString(text) {
				t.Fatalf("%s and %s both match %q", first, second, text)
			}
		}
	}))
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{`https://example\.org/\d+`, `urn:(a|b)*c?`, `urn:(?i)é`, `urn:[^\n]{3,9}`, `urn:\b`, `urn:\pL`, `urn:(((a*)*)*)*`} {
		f.Add(seed, `urn:.*`)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		if len(first) > maxIRI || len(second) > maxIRI || patternFault(first) != "" || patternFault(second) != "" {
			return
		}
		witness, both := overlap(first, second)
		if !both {
			return
		}
		for _, pattern := range []string{first, second} {
			picture, err := NewPicture(nil, []Mapping{{ID: "m", Form: Pattern, IRI: pattern, Item: "x"}})
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := picture.Match("", witness); !ok {
				t.Fatalf("%q does not match %q, which is to be in it and in the other", pattern, witness)
			}
		}
	})
}
