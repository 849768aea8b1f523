package lrs_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"acquis/lrs"
)

// equality is one change of a statement, and whether it is the same statement after it.
type equality struct {
	name, at, value string
	same            bool
}

var equalities = []equality{
	{"an id is assigned", "/id", `"11111111-2222-4333-8444-555555555555"`, true},
	{"an authority is assigned", "/authority", anAgent, true},
	{"stored is assigned", "/stored", `"2020-01-01T00:00:00Z"`, true},
	{"a version is assigned", "/version", `"1.0.0"`, true},
	{"a timestamp is assigned where it lacks", "/timestamp", ``, true},
	{"a timestamp counts", "/timestamp", `"2026-01-31T09:30:00.001Z"`, false},
	{"a timestamp counts beyond the nanosecond", "/timestamp", `"2026-01-31T09:30:00.000000000001Z"`, false},
	{"a timestamp's zone is notation", "/timestamp", `"2026-01-31T15:15:00+05:45"`, true},
	{"a timestamp's zeros are notation", "/timestamp", `"2026-01-31T09:30:00.0000000Z"`, true},

	{"a definition is not part of it", "/object/definition", ``, true},
	{"a definition's name is not part of it", "/object/definition/name/en", `"Trip"`, true},
	{"an Activity's objectType may be left out", "/object/objectType", ``, true},
	{"an Activity's id counts", "/object/id", `"http://example.com/Voyage"`, false},
	{"a verb's display is not part of it", "/verb/display", ``, true},
	{"a verb's id counts", "/verb/id", `"http://example.com/verbs/rowed"`, false},

	{"members have no order", "/actor/member", `[{"openid":"https://example.com/openid/cleo"},{"name":"Ann","mbox_sha1sum":"ebd31e95054c018b10727ccffd2ef2ec3a016ee9"},{"account":{"name":"ben","homePage":"https://example.com"}}]`, true},
	{"members count", "/actor/member/2", ``, false},
	{"a member twice counts", "/actor/member/2", `{"name":"Ann","mbox_sha1sum":"ebd31e95054c018b10727ccffd2ef2ec3a016ee9"}`, false},
	{"a member's name counts", "/actor/member/0/name", `"Anna"`, false},
	{"a name counts", "/actor/name", ``, false},
	{"a mail domain has no case", "/actor/mbox", `"mailto:crew@EXAMPLE.com"`, true},
	{"a mail box has case", "/actor/mbox", `"mailto:Crew@example.com"`, false},
	{"hexadecimal digits have no case", "/actor/member/0/mbox_sha1sum", `"EBD31E95054C018B10727CCFFD2EF2EC3A016EE9"`, true},
	{"an account's name has case", "/actor/member/1/account/name", `"Ben"`, false},
	{"an account's home page counts", "/actor/member/1/account/homePage", `"https://example.com/"`, false},
	{"an Agent and a Group differ", "/context/instructor", `{"objectType":"Group","mbox":"mailto:captain@example.com"}`, false},
	{"an Agent's objectType may be given", "/context/instructor", `{"objectType":"Agent","mbox":"mailto:captain@EXAMPLE.COM"}`, true},
	{"an instructor counts", "/context/instructor", ``, false},
	{"a team counts", "/context/team", `{"objectType":"Group","member":[` + anAgent + `]}`, false},

	{"success counts", "/result/success", `false`, false},
	{"completion counts", "/result/completion", ``, false},
	{"a response counts", "/result/response", `"b"`, false},
	{"an empty response is one", "/result/response", `""`, false},
	{"a result counts", "/result", ``, false},
	{"a score counts", "/result/score", ``, false},
	{"a score counts exactly", "/result/score/raw", `3.00000000000000000000000000001`, false},
	{"a score's notation does not count", "/result/score/raw", `0.030e+2`, true},
	{"a score that lacks counts", "/result/score/min", ``, false},
	{"a number in an extension counts by value", "/result/extensions", `{"http://example.com/wind":"N\u0057"}`, true},
	{"an extension counts", "/result/extensions", `{"http://example.com/wind":"NE"}`, false},
	{"an extension that lacks counts", "/result/extensions", `{}`, false},
	{"extensions that lack count", "/result/extensions", ``, false},
	{"a null in an extension counts", "/context/extensions", `{"http://example.com/tide":3,"urn:x":null}`, false},
	{"another kind of value counts", "/context/extensions", `{"http://example.com/tide":"3"}`, false},

	{"a registration has no case", "/context/registration", `"EC531277-B57B-4C15-8D91-D292C5B2B8F7"`, true},
	{"a registration counts", "/context/registration", ``, false},
	{"a revision counts", "/context/revision", `"4"`, false},
	{"a platform counts", "/context/platform", ``, false},
	{"a language tag has no case", "/context/language", `"EN"`, true},
	{"a language counts", "/context/language", `"fr"`, false},
	{"a context's statement has no case", "/context/statement/id", `"6690e6c9-3ef0-4ed3-8b37-7f3964730bee"`, true},
	{"a context's statement counts", "/context/statement", ``, false},
	{"a lone activity is a list of one", "/context/contextActivities/parent", `[{"id":"http://example.com/course","definition":{"type":"urn:t"}}]`, true},
	{"an empty list is none", "/context/contextActivities/category", ``, true},
	{"contextActivities count", "/context/contextActivities/grouping", ``, false},
	{"contextActivities count by list", "/context/contextActivities", `{"grouping":[{"id":"http://example.com/course"}],"parent":[{"id":"http://example.com/school"}],"other":[{"id":"urn:o"}]}`, false},

	{"an attachment counts", "/attachments", ``, false},
	{"an attachment's usage type counts", "/attachments/0/usageType", `"urn:x"`, false},
	{"an attachment's length counts by value", "/attachments/0/length", `2.7e1`, true},
	{"an attachment's hash has no case", "/attachments/0/sha2", `"495395E777CD98DA653DF9615D09C0FD6BB2F8D4788394CD53C56A3BFDCD848A"`, true},
	{"an attachment's hash counts", "/attachments/0/sha2", `"595395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a"`, false},
	{"an attachment's display counts", "/attachments/0/display/en", `"Chart"`, false},
	{"an attachment's description counts", "/attachments/0/description", ``, false},
	{"an attachment's fileUrl counts", "/attachments/0/fileUrl", ``, false},
}

// bothWays compares two statements in either order.
func bothWays(tb testing.TB, a, b *lrs.Statement, version lrs.Version) bool {
	tb.Helper()
	same := lrs.Equal(a, b, version)
	if lrs.Equal(b, a, version) != same {
		tb.Errorf("%s: the order of comparison matters", version)
	}
	return same
}

func TestEqual(t *testing.T) {
	base := fullStatements("1.0.3")[0]
	one := decoded(t, base, lrs.V103)
	plan := fullStatements("1.0.3")[1]
	for _, e := range equalities {
		t.Run(e.name, func(t *testing.T) {
			other := decoded(t, changed(t, base, e.at, e.value), lrs.V103)
			for _, version := range []lrs.Version{lrs.V103, lrs.V200} {
				if bothWays(t, one, other, version) != e.same {
					t.Errorf("%s: equal is %v", version, !e.same)
				}
			}
		})
		property, _, _ := strings.Cut(e.at[1:], "/")
		if property == "id" || property == "authority" || property == "stored" || property == "version" || property == "timestamp" {
			continue
		}
		t.Run("in a SubStatement "+e.name, func(t *testing.T) {
			other := decoded(t, changed(t, plan, "/object"+e.at, e.value), lrs.V103)
			if bothWays(t, decoded(t, plan, lrs.V103), other, lrs.V103) != e.same {
				t.Errorf("equal is %v", !e.same)
			}
		})
	}
	t.Run("a SubStatement's timestamp counts, as nobody assigns it", func(t *testing.T) {
		s := decoded(t, plan, lrs.V103)
		for value, same := range map[string]bool{"": false, `"2030-01-31T09:30:01Z"`: false, `"2030-01-31T10:30:00.0+01:00"`: true} {
			if bothWays(t, s, decoded(t, changed(t, plan, "/object/timestamp", value), lrs.V103), lrs.V103) != same {
				t.Errorf("%q: equal is %v", value, !same)
			}
		}
	})
	t.Run("a timestamp that was assigned equals any", func(t *testing.T) {
		assigned := changed(t, changed(t, base, "/timestamp", `"2026-03-01T00:00:00.000000Z"`), "/stored", `"2026-03-01T00:00:00.000000Z"`)
		if !bothWays(t, one, decoded(t, assigned, lrs.V103), lrs.V103) {
			t.Error("they differ")
		}
	})
	t.Run("another kind of object is another statement", func(t *testing.T) {
		objects := []string{`{"id":"urn:x"}`, `{"objectType":"Agent","mbox":"mailto:a@b.fr"}`, `{"objectType":"Group","mbox":"mailto:a@b.fr"}`, aRef, `{"objectType":"SubStatement",` + plainMembers + `}`}
		for i, a := range objects {
			for j, b := range objects {
				if bothWays(t, decoded(t, `{`+plainActor+`,`+plainVerb+`,"object":`+a+`}`, lrs.V103), decoded(t, `{`+plainActor+`,`+plainVerb+`,"object":`+b+`}`, lrs.V103), lrs.V103) != (i == j) {
					t.Errorf("%s and %s: equal is %v", a, b, i != j)
				}
			}
		}
	})
	t.Run("a reference counts without case", func(t *testing.T) {
		ref := fullStatements("1.0.3")[2]
		for id, same := range map[string]bool{strings.ToUpper(someID): true, "11111111-2222-4333-8444-555555555555": false} {
			if bothWays(t, decoded(t, ref, lrs.V103), decoded(t, changed(t, ref, "/object/id", quoted(id)), lrs.V103), lrs.V103) != same {
				t.Errorf("%s: equal is %v", id, !same)
			}
		}
	})
}

func TestEqualByVersion(t *testing.T) {
	base := fullStatements("1.0.3")[0]
	one := decoded(t, base, lrs.V103) // P1DT2H0.5S
	for value, same := range map[string][2]bool{
		`"P1DT2H0.5S"`: {true, true}, `"P1DT2H0.50S"`: {false, true}, `"PT26H0.509S"`: {false, true}, `"P1DT2H0.51S"`: {false, false}, `"P1DT2H0,5S"`: {false, true}, ``: {false, false},
	} {
		t.Run("a duration is a string to 1.0.3, and a time of hundredths to 2.0: "+value, func(t *testing.T) {
			other := decoded(t, changed(t, base, "/result/duration", value), lrs.V103)
			for i, version := range []lrs.Version{lrs.V103, lrs.V200} {
				if bothWays(t, one, other, version) != same[i] {
					t.Errorf("%s: equal is %v", version, !same[i])
				}
			}
		})
	}
	two := fullStatements("2.0.0")[0]
	for _, e := range []equality{
		{"contextAgents count", "/context/contextAgents", ``, false},
		{"contextGroups count", "/context/contextGroups/0/group/mbox", `"mailto:h@example.com"`, false},
		{"a contextAgent's domain has no case", "/context/contextAgents/0/agent/mbox", `"mailto:a@EXAMPLE.com"`, true},
		{"relevantTypes count", "/context/contextAgents/0/relevantTypes/0", `"urn:x"`, false},
	} {
		t.Run(e.name, func(t *testing.T) {
			if bothWays(t, decoded(t, two, lrs.V200), decoded(t, changed(t, two, e.at, e.value), lrs.V200), lrs.V200) != e.same {
				t.Errorf("equal is %v", !e.same)
			}
		})
	}
}

// respell writes the same tree in another way: members in another order, strings with other escapes,
// numbers with other exponents.
func respell(c chooser, n *tree) {
	for i := len(n.names) - 1; i > 0; i-- {
		j := c.IntN(i + 1)
		n.names[i], n.names[j] = n.names[j], n.names[i]
		n.items[i], n.items[j] = n.items[j], n.items[i]
	}
	for _, item := range n.items {
		respell(c, item)
	}
	switch n.kind {
	case '"':
		n.literal = strings.NewReplacer("a", pick(c, []string{"a", `\u0061`}), "/", pick(c, []string{"/", `\/`}), "1", `\u0031`).Replace(n.literal)
	case '0':
		if !strings.ContainsAny(n.literal, "eE") {
			n.literal += pick(c, []string{"", "e0", "E+00", "e-0"})
		}
	}
}

// withoutEscapes keeps respell's escapes apart from those that stand already.
func withoutEscapes(text string) bool { return !strings.Contains(text, `\`) }

func TestEqualWhateverTheSpelling(t *testing.T) {
	for _, version := range []lrs.Version{lrs.V103, lrs.V200} {
		random := rand.New(rand.NewPCG(7, 8))
		for _, text := range corpus(version) {
			if !withoutEscapes(text) {
				continue
			}
			root := parseTree(t, text)
			respell(random, root)
			if !bothWays(t, decoded(t, text, version), decoded(t, string(spaced(t, []byte(root.String()))), version), version) {
				t.Errorf("%s: another statement when it is written\n%s", version, root)
			}
		}
	}
}

func TestEqualIsReflexiveAndSymmetric(t *testing.T) {
	statements := corpus(lrs.V200)
	rapid.Check(t, func(r *rapid.T) {
		root := parseTree(t, rapid.SampledFrom(statements).Draw(r, "statement"))
		for range rapid.IntRange(0, 2).Draw(r, "changes") {
			mutate(t, rapidChooser{r}, root)
		}
		a, err := lrs.DecodeStatement([]byte(root.String()), lrs.V200, lrs.Limits{})
		if err != nil {
			return
		}
		mutate(t, rapidChooser{r}, root)
		b, err := lrs.DecodeStatement([]byte(root.String()), lrs.V200, lrs.Limits{})
		for _, version := range []lrs.Version{lrs.V103, lrs.V200} {
			if !lrs.Equal(a, a, version) {
				r.Fatalf("not equal to itself: %s", a.Raw())
			}
			if err == nil && lrs.Equal(a, b, version) != lrs.Equal(b, a, version) {
				r.Fatalf("the order of comparison matters:\n%s\n%s", a.Raw(), b.Raw())
			}
		}
	})
}

func TestEqualTellsExtensionsApart(t *testing.T) {
	with := func(extension string) *lrs.Statement {
		return decoded(t, `{`+plainMembers+`,"result":{"extensions":{"urn:x":`+extension+`}}}`, lrs.V103)
	}
	for _, same := range [][]string{
		{`1`, `1.0`, `1e0`, `10e-1`, `0.1E1`},
		{`0`, `-0`, `0e5`, `0.000`},
		{`"é/"`, `"\u00e9\/"`},
		{`{"a":1,"b":[2,null]}`, `{ "b" : [2e0 , null], "\u0061":1.0 }`},
		{`123456789012345678901234567890`, `1.2345678901234567890123456789e29`},
		{`[]`, `[ ]`},
		{`{}`, "{\n}"},
		{`"😀"`, `"\ud83d\ude00"`},
	} {
		for _, other := range same {
			if !bothWays(t, with(same[0]), with(other), lrs.V103) {
				t.Errorf("%s and %s differ", same[0], other)
			}
		}
	}
	different := []string{`1`, `-1`, `1.0000000000000000001`, `"1"`, `true`, `false`, `null`, `[]`, `{}`, `[1]`, `[1,1]`, `[[1]]`, `{"a":1}`, `{"a":null}`, `{"A":1}`, `{"a":1,"b":1}`, `""`, `"\u00e9"`, `"e\u0301"`, `[1,2]`, `[2,1]`, `1e400`, `1e401`, `1e-400`, `0`}
	for i, a := range different {
		for j, b := range different {
			if bothWays(t, with(a), with(b), lrs.V103) != (i == j) {
				t.Errorf("%s and %s: equal is %v", a, b, i != j)
			}
		}
	}
}

// FuzzEqualJSON holds that a value equals itself in every spelling, and that comparing is symmetric.
func FuzzEqualJSON(f *testing.F) {
	for _, seed := range [][2]string{{`1`, `1.0`}, {`{"a":[1,{"b":null}]}`, `{"a":[1,{"b":1e400}]}`}, {`"\u0061"`, `"a"`}, {`[-0]`, `[0]`}} {
		f.Add([]byte(seed[0]), []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		with := func(value []byte) *lrs.Statement {
			s, err := lrs.DecodeStatement([]byte(`{`+plainMembers+`,"result":{"extensions":{"urn:x":`+string(value)+`}}}`), lrs.V103, lrs.Limits{})
			if err != nil {
				return nil
			}
			return s
		}
		x, y := with(a), with(b)
		if x == nil {
			return
		}
		compact, canonical := jsontext.Value(strings.Clone(string(a))), parseTree(t, string(x.Raw()))
		if err := compact.Compact(); err == nil && !bothWays(t, x, with(compact), lrs.V103) {
			t.Errorf("another value when it is compact: %s", a)
		}
		if again := decoded(t, canonical.String(), lrs.V103); !bothWays(t, x, again, lrs.V103) {
			t.Errorf("another value when it is written again: %s", a)
		}
		if y != nil {
			bothWays(t, x, y, lrs.V103)
		}
	})
}
