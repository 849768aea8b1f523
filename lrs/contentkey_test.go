package lrs_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"acquis/lrs"
)

func contentKey(tb testing.TB, s *lrs.Statement) lrs.ContentKey {
	tb.Helper()
	key, ok := s.ContentKey()
	if !ok {
		tb.Fatalf("no content key: %s", s.Raw())
	}
	return key
}

// uncounted are the changes of the table of equalities that make another statement and no other content.
var uncounted = []string{"/actor/name", "/actor/member", "/context", "/attachments"}

func TestContentKey(t *testing.T) {
	base := fullStatements("1.0.3")[0]
	key := contentKey(t, decoded(t, base, lrs.V103))
	for _, e := range equalities {
		t.Run(e.name, func(t *testing.T) {
			other := decoded(t, changed(t, base, e.at, e.value), lrs.V103)
			got, ok := other.ContentKey()
			if !ok {
				if e.at != "/timestamp" {
					t.Fatal("no content key")
				}
				return
			}
			same := e.same
			for _, property := range uncounted {
				same = same || strings.HasPrefix(e.at, property)
			}
			if (got == key) != same {
				t.Errorf("the same content is %v", !same)
			}
		})
	}
	for name, change := range map[string][2]string{
		"an actor counts":                      {"/actor/mbox", `"mailto:fleet@example.com"`},
		"an account's home page counts":        {"/actor", `{"account":{"homePage":"https://a.example","name":"b"}}`},
		"an Agent is no Group":                 {"/actor", `{"mbox":"mailto:crew@example.com"}`},
		"a duration counts":                    {"/result/duration", `"PT27H"`},
		"a duration that lacks counts":         {"/result/duration", ``},
		"a score's sign counts":                {"/result/score/scaled", `0.5`},
		"an extension's number counts":         {"/result/extensions", `{"http://example.com/wind":1}`},
		"what stands deep in extension counts": {"/result/extensions", `{"http://example.com/wind":[{"a":[true]}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			if contentKey(t, decoded(t, changed(t, base, change[0], change[1]), lrs.V103)) == key {
				t.Error("it does not")
			}
		})
	}
	for _, duration := range []string{`"PT26H0.5S"`, `"P1DT2H0,500S"`, `"PT26H0.509S"`} {
		t.Run("a duration's notation does not count: "+duration, func(t *testing.T) {
			if contentKey(t, decoded(t, changed(t, base, "/result/duration", duration), lrs.V103)) != key {
				t.Error("it does")
			}
		})
	}
}

func TestContentKeyNeedsATimestampOfTheSender(t *testing.T) {
	base := fullStatements("1.0.3")[0]
	assigned := changed(t, changed(t, base, "/timestamp", `"2026-03-01T00:00:00.000000Z"`), "/stored", `"2026-03-01T00:00:00.000000Z"`)
	for name, text := range map[string]string{"none": changed(t, base, "/timestamp", ``), "the store's": assigned} {
		t.Run(name, func(t *testing.T) {
			if key, ok := decoded(t, text, lrs.V103).ContentKey(); ok || key != (lrs.ContentKey{}) {
				t.Errorf("the key is %x", key)
			}
		})
	}
}

func TestContentKeyTellsExtensionsApart(t *testing.T) {
	with := func(extension string) lrs.ContentKey {
		return contentKey(t, decoded(t, `{`+plainMembers+`,"timestamp":"2026-01-31T09:30:00Z","result":{"extensions":{"urn:x":`+extension+`}}}`, lrs.V103))
	}
	seen := map[lrs.ContentKey]string{}
	for _, extension := range []string{`1`, `-1`, `"1"`, `true`, `false`, `null`, `[]`, `{}`, `[1]`, `[1,1]`, `[[1]]`, `{"a":1}`, `{"a":null}`, `{"a":1,"b":1}`, `["a","b"]`, `["ab"]`, `1e400`, `1e-400`, `10`, `0`} {
		if other, twice := seen[with(extension)]; twice {
			t.Errorf("%s and %s share a key", extension, other)
		}
		seen[with(extension)] = extension
	}
	if with(`{"a":1,"b":[2,null]}`) != with(`{ "b" : [2e0 , null], "\u0061":1.0 }`) {
		t.Error("spelling counts")
	}
}

func TestContentKeyWhateverTheSpelling(t *testing.T) {
	for _, version := range []lrs.Version{lrs.V103, lrs.V200} {
		random := rand.New(rand.NewPCG(9, 10))
		for _, text := range corpus(version) {
			one := decoded(t, text, version)
			key, ok := one.ContentKey()
			if !ok || !withoutEscapes(text) {
				continue
			}
			root := parseTree(t, text)
			respell(random, root)
			if contentKey(t, decoded(t, root.String(), version)) != key {
				t.Errorf("%s: another key when it is written\n%s", version, root)
			}
		}
	}
}

// TestContentKeyFollowsEqual holds that statements which are the same, by either version, share a key.
func TestContentKeyFollowsEqual(t *testing.T) {
	statements := slices.DeleteFunc(slices.Clone(corpus(lrs.V200)), func(text string) bool { return !withoutEscapes(text) })
	rapid.Check(t, func(r *rapid.T) {
		root := parseTree(t, rapid.SampledFrom(statements).Draw(r, "statement"))
		a, err := lrs.DecodeStatement([]byte(root.String()), lrs.V200, lrs.Limits{})
		if err != nil {
			r.Fatal(err)
		}
		respell(rapidChooser{r}, root)
		mutate(t, rapidChooser{r}, root)
		b, err := lrs.DecodeStatement([]byte(root.String()), lrs.V200, lrs.Limits{})
		if err != nil {
			return
		}
		keyA, okA := a.ContentKey()
		keyB, okB := b.ContentKey()
		for _, version := range []lrs.Version{lrs.V103, lrs.V200} {
			if okA && okB && lrs.Equal(a, b, version) && keyA != keyB {
				r.Fatalf("%s: the same statement has two keys:\n%s\n%s", version, a.Raw(), b.Raw())
			}
		}
	})
}

func BenchmarkContentKey(b *testing.B) {
	statements := benchDecoded(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		statements[i%len(statements)].ContentKey()
	}
}
