package lrs_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"acquis/internal/campus"
	"acquis/lrs"
	"acquis/schemas"
)

// unsayable are the rules that no JSON Schema can say: where one of them alone is broken, the decoder
// refuses what the schema accepts. There is no exception the other way round.
var unsayable = map[string]func(lrs.Violation) bool{
	"within a score, min, raw and max are in order": func(v lrs.Violation) bool {
		return v.Rule == "score-range" && !strings.HasSuffix(v.Pointer, "/scaled")
	},
	"the ids of a component list are distinct": func(v lrs.Violation) bool {
		return v.Rule == "interaction-components" && strings.HasSuffix(v.Pointer, "/id")
	},
}

func isUnsayable(v lrs.Violation) bool {
	for _, matches := range unsayable {
		if matches(v) {
			return true
		}
	}
	return false
}

func violationsOf(tb testing.TB, err error) []lrs.Violation {
	tb.Helper()
	if err == nil {
		return nil
	}
	refused, ok := err.(*lrs.Error)
	if !ok || refused.Kind != lrs.KindInvalid || len(refused.Violations) == 0 {
		tb.Fatalf("a refusal without violations: %#v", err)
	}
	return refused.Violations
}

// agree lets both judges judge and returns the decoder's violations.
func agree(tb testing.TB, version lrs.Version, statement []byte) []lrs.Violation {
	tb.Helper()
	_, err := lrs.DecodeStatement(statement, version, lrs.Limits{})
	decoder := violationsOf(tb, err)
	judge, err := schemas.Statement(string(version))
	if err != nil {
		tb.Fatal(err)
	}
	schema, err := judge.Check(statement)
	refused := err != nil || len(schema) > 0
	switch {
	case refused && decoder == nil:
		tb.Fatalf("%s: only the schema refuses: %v %v\n%s", version, schema, err, statement)
	case !refused:
		for _, v := range decoder {
			if !isUnsayable(v) {
				tb.Fatalf("%s: only the decoder refuses: %+v\n%s", version, v, statement)
			}
		}
	}
	return decoder
}

// bound are the rules that bind one property to another: their violation may point to either.
var bound = map[string]bool{"voiding-object": true, "context-property": true}

// near reports whether one of the violations points at, above or below the changed place. What an
// objectType, an interactionType or a bound of a score says is about its siblings.
func near(violations []lrs.Violation, changed string) bool {
	for _, name := range []string{"/objectType", "/interactionType", "/raw", "/min", "/max"} {
		changed = strings.TrimSuffix(changed, name)
	}
	for _, v := range violations {
		if bound[v.Rule] || v.Pointer == changed || strings.HasPrefix(v.Pointer, changed+"/") || strings.HasPrefix(changed, v.Pointer+"/") {
			return true
		}
	}
	return false
}

// corpora are valid statements of each version: hand-written ones and some of the campus.
var corpora = sync.OnceValue(func() map[lrs.Version][]string {
	statements := map[lrs.Version][]string{lrs.V103: fullStatements("1.0.3"), lrs.V200: fullStatements("2.0.0")}
	world := campus.New(1)
	for i := range 50 {
		s := world.Statement(i * 7)
		statements[lrs.Version(s.Version)] = append(statements[lrs.Version(s.Version)], string(s.JSON))
	}
	for version := range statements {
		for i := range 5 {
			statements[version] = append(statements[version], string(world.Bench(i*10, 0)))
		}
	}
	return statements
})

func corpus(version lrs.Version) []string { return corpora()[version] }

func TestJudgesAgree(t *testing.T) {
	for _, version := range []lrs.Version{lrs.V103, lrs.V200} {
		statements := corpus(version)
		t.Run(string(version)+" on valid statements", func(t *testing.T) {
			for _, statement := range statements {
				if v := agree(t, version, []byte(statement)); v != nil {
					t.Errorf("refused: %+v\n%s", v, statement)
				}
			}
		})
		t.Run(string(version)+" on statements changed in one place, which the decoder finds", func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, 2))
			refused := 0
			for i := range 700 {
				root := parseTree(t, statements[i%len(statements)])
				changed := mutate(t, random, root)
				violations := agree(t, version, []byte(root.String()))
				if violations != nil {
					refused++
				}
				if violations != nil && !near(violations, changed) {
					t.Errorf("changed at %q, found %+v\n%s", changed, violations, root)
				}
			}
			if refused < 200 || refused > 650 {
				t.Errorf("%d of 700 were refused: the changes prove little", refused)
			}
		})
		t.Run(string(version)+" on statements changed in several places", func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(3, 4))
			for i := range 400 {
				root := parseTree(t, statements[i%len(statements)])
				for range 1 + random.IntN(4) {
					if len(root.items) > 0 {
						mutate(t, random, root)
					}
				}
				agree(t, version, []byte(root.String()))
			}
		})
	}
}

// rapidChooser lets rapid choose, and so shrink.
type rapidChooser struct{ *rapid.T }

func (r rapidChooser) IntN(n int) int { return rapid.IntRange(0, n-1).Draw(r.T, "choice") }

func TestJudgesAgreeOnWhatRapidFinds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		version := rapid.SampledFrom([]lrs.Version{lrs.V103, lrs.V200}).Draw(r, "version")
		root := parseTree(t, rapid.SampledFrom(corpus(version)).Draw(r, "statement"))
		for range rapid.IntRange(1, 3).Draw(r, "changes") {
			if len(root.items) > 0 {
				mutate(t, rapidChooser{r}, root)
			}
		}
		agree(rapidTB{t, r}, version, []byte(root.String()))
	})
}

// rapidTB makes a failure one that rapid shrinks.
type rapidTB struct {
	testing.TB
	r *rapid.T
}

func (t rapidTB) Helper()                      {}
func (t rapidTB) Fatalf(f string, args ...any) { t.r.Fatalf(f, args...) }

// formatChecks are the decoder's formats by the names that the schemas use.
var formatChecks = map[string]func(string) error{
	"xapi-iri": lrs.CheckIRI, "xapi-mailto": lrs.CheckMailto, "xapi-language-tag": lrs.CheckLanguageTag,
	"xapi-sha1": lrs.CheckSHA1, "xapi-sha2": lrs.CheckSHA2, "xapi-media-type": lrs.CheckMediaType,
	"xapi-uuid":              func(s string) error { _, err := lrs.ParseUUID(s); return err },
	"xapi-duration":          func(s string) error { _, err := lrs.ParseDuration(s); return err },
	"xapi-timestamp":         func(s string) error { _, err := lrs.ParseTimestamp(s, lrs.V103); return err },
	"xapi-timestamp-rfc3339": func(s string) error { _, err := lrs.ParseTimestamp(s, lrs.V200); return err },
}

// formatTwins are schemas of one format each.
func formatTwins(tb testing.TB) map[string]*schemas.Schema {
	tb.Helper()
	twins := map[string]*schemas.Schema{}
	for name := range formatChecks {
		schema, err := schemas.Compile([]byte(`{"format":"` + name + `"}`))
		if err != nil {
			tb.Fatal(err)
		}
		twins[name] = schema
	}
	return twins
}

func agreeOnFormat(tb testing.TB, twins map[string]*schemas.Schema, name, s string) {
	tb.Helper()
	violations, err := twins[name].Check([]byte(quoted(s)))
	if err != nil {
		tb.Fatal(err)
	}
	if err := formatChecks[name](s); (err == nil) != (len(violations) == 0) {
		tb.Errorf("%s %q: the decoder says %v, the schema %v", name, s, err, violations)
	}
}

// alterations are put into strings, or in the place of one of their characters.
var alterations = []string{
	"", "0", "1", "9", "5", "60", "a", "A", "f", "x", "T", "Z", "t", "z", "P", "W", "D", "S", "M", "-", "--", "+", ".", ",", ":", "/", "//", "@", "%", "%20", "%2", "?", "#", "[", "]", ";", "=", "\"", "\\", "*", " ", "\t", "_", "~", "é", "\u00a0", "\u200e", "\u3000", "\ue000", "\uffff", "\U0001F600", "\U000E0001", "\x00", "\x7f",
}

func TestFormatsAgree(t *testing.T) {
	twins := formatTwins(t)
	for name := range formatChecks {
		t.Run(fmt.Sprintf("the decoder and the schema mean the same by %s", name), func(t *testing.T) {
			pool := oddStrings[strings.TrimSuffix(name, "-rfc3339")]
			for _, others := range oddStrings {
				for _, s := range others {
					agreeOnFormat(t, twins, name, s)
				}
			}
			random := rand.New(rand.NewPCG(5, 6))
			for range 400 {
				s := []rune(pick(random, pool))
				for range 1 + random.IntN(3) {
					at := random.IntN(len(s) + 1)
					end := min(len(s), at+random.IntN(2))
					s = []rune(string(s[:at]) + pick(random, alterations) + string(s[end:]))
				}
				agreeOnFormat(t, twins, name, string(s))
			}
		})
	}
}

func FuzzFormatsAgree(f *testing.F) {
	for name, pool := range oddStrings {
		for _, s := range pool {
			f.Add(name, s)
		}
	}
	twins := formatTwins(f)
	f.Fuzz(func(t *testing.T, name, s string) {
		if _, known := formatChecks[name]; known && strings.ToValidUTF8(s, "") == s {
			agreeOnFormat(t, twins, name, s)
		}
	})
}

func FuzzJudgesAgree(f *testing.F) {
	for _, version := range []lrs.Version{lrs.V103, lrs.V200} {
		for _, statement := range fullStatements(string(version)) {
			f.Add(version == lrs.V200, []byte(statement))
		}
	}
	f.Fuzz(func(t *testing.T, two bool, statement []byte) {
		version := lrs.V103
		if two {
			version = lrs.V200
		}
		agree(t, version, statement)
	})
}
