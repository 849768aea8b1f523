package lrs_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"acquis/lrs"
)

const testAuthority = `{ "account":{"homePage":"https://lrs.example","name":"k\u00e9y"} }`

func assignment(tb testing.TB, version lrs.Version) lrs.Assignment {
	tb.Helper()
	authority, err := lrs.NewAuthority([]byte(testAuthority))
	if err != nil {
		tb.Fatal(err)
	}
	return lrs.Assignment{ID: uuid.MustParse("99999999-2222-4333-8444-555555555555"), Version: version, Source: "a source", Authority: authority}
}

func decoded(tb testing.TB, text string, version lrs.Version) *lrs.Statement {
	tb.Helper()
	s, err := lrs.DecodeStatement([]byte(text), version, lrs.Limits{})
	if err != nil {
		tb.Fatalf("%v\n%s", err, text)
	}
	return s
}

const (
	someStored   = lrs.Instant(1_790_000_000_123_456)
	laterStored  = someStored + 1
	someID       = "7ccd3322-e1a5-411a-a67d-6a735c76f119"
	plainActor   = `"actor":` + anAgent
	plainVerb    = `"verb":{"id":"https://v.example/did"}`
	plainObject  = `"object":{"id":"https://a.example/it"}`
	plainMembers = plainActor + `,` + plainVerb + `,` + plainObject
)

func TestAcceptAssigns(t *testing.T) {
	assigned := func(names ...string) string {
		values := map[string]string{
			"id": `"99999999-2222-4333-8444-555555555555"`, "authority": testAuthority,
			"stored": `"` + someStored.String() + `"`, "timestamp": `"` + someStored.String() + `"`, "version": `"1.0.0"`,
		}
		var b strings.Builder
		for _, name := range names {
			fmt.Fprintf(&b, `,%q:%s`, name, values[name])
		}
		return b.String()
	}
	for _, c := range []struct{ name, raw, want string }{
		{"what is absent", `{` + plainMembers + `}`, `{` + plainMembers + assigned("id", "authority", "stored", "timestamp", "version") + `}`},
		{"an id is kept", `{"id":"` + someID + `",` + plainMembers + `}`, `{"id":"` + someID + `",` + plainMembers + assigned("authority", "stored", "timestamp", "version") + `}`},
		{"an id is kept as it is written", `{"id":"\u0037CCD3322-e1a5-411a-a67d-6a735c76f119",` + plainMembers + `}`, `{"id":"\u0037CCD3322-e1a5-411a-a67d-6a735c76f119",` + plainMembers + assigned("authority", "stored", "timestamp", "version") + `}`},
		{"a timestamp and a version are kept", `{"version":"1.0.9","timestamp":"2026-01-31T09:30:00,5+01",` + plainMembers + `}`, `{"version":"1.0.9","timestamp":"2026-01-31T09:30:00,5+01",` + plainMembers + assigned("id", "authority", "stored") + `}`},
		{"stored is replaced where it stands", `{"stored" : "2026-01-31T09:30:00Z" ,` + plainMembers + `}`, `{"stored" : "` + someStored.String() + `" ,` + plainMembers + assigned("id", "authority", "timestamp", "version") + `}`},
		{"stored is replaced however it is written", `{"stored":"2026-01-31T09:30:00\u005a",` + plainMembers + `}`, `{"stored":"` + someStored.String() + `",` + plainMembers + assigned("id", "authority", "timestamp", "version") + `}`},
		{"an authority is replaced where it stands", `{"authority": ` + anAgent + ` ,` + plainMembers + `}`, `{"authority": ` + testAuthority + ` ,` + plainMembers + assigned("id", "stored", "timestamp", "version") + `}`},
		{"lone contextActivities become arrays", `{"context":{"contextActivities":{"parent": {"id":"urn:p"} ,"other":[{"id":"urn:o"}],"category":{"id":"urn:c"}}},` + plainMembers + `}`, `{"context":{"contextActivities":{"parent": [{"id":"urn:p"}] ,"other":[{"id":"urn:o"}],"category":[{"id":"urn:c"}]}},` + plainMembers + assigned("id", "authority", "stored", "timestamp", "version") + `}`},
		{"lone contextActivities become arrays in SubStatements", `{` + plainActor + `,` + plainVerb + `,"object":{` + plainMembers + `,"context":{"contextActivities":{"grouping":{"id":"urn:g"}}},"objectType":"SubStatement"}}`, `{` + plainActor + `,` + plainVerb + `,"object":{` + plainMembers + `,"context":{"contextActivities":{"grouping":[{"id":"urn:g"}]}},"objectType":"SubStatement"}` + assigned("id", "authority", "stored", "timestamp", "version") + `}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			draft := lrs.Accept(decoded(t, c.raw, lrs.V103), assignment(t, lrs.V103))
			if got := string(draft.Seal(someStored)); got != c.want {
				t.Errorf("accepted as\n%s, want\n%s", got, c.want)
			}
			if draft.Size() != len(c.want) {
				t.Errorf("its size is %d, not %d", draft.Size(), len(c.want))
			}
			if string(draft.Statement.Raw()) != c.raw {
				t.Errorf("the received bytes changed: %s", draft.Statement.Raw())
			}
		})
	}
	t.Run("2.0 assigns its own version", func(t *testing.T) {
		sealed := lrs.Accept(decoded(t, `{`+plainMembers+`}`, lrs.V200), assignment(t, lrs.V200)).Seal(someStored)
		if !bytes.HasSuffix(sealed, []byte(`"version":"2.0.0"}`)) {
			t.Errorf("accepted as %s", sealed)
		}
	})
	t.Run("a draft can be sealed again", func(t *testing.T) {
		draft := lrs.Accept(decoded(t, `{`+plainMembers+`}`, lrs.V103), assignment(t, lrs.V103))
		first := string(draft.Seal(someStored))
		want := strings.ReplaceAll(first, someStored.String(), laterStored.String())
		if second := string(draft.Seal(laterStored)); second != want || strings.Count(want, laterStored.String()) != 2 {
			t.Errorf("sealed as\n%s, want\n%s", second, want)
		}
	})
}

func TestAcceptDerives(t *testing.T) {
	accept := func(t *testing.T, raw string, change func(*lrs.Assignment)) *lrs.Draft {
		a := assignment(t, lrs.V103)
		change(&a)
		return lrs.Accept(decoded(t, raw, lrs.V103), a)
	}
	plain := func(*lrs.Assignment) {}
	t.Run("an id that the sender gave is not fresh", func(t *testing.T) {
		if d := accept(t, `{"id":"`+someID+`",`+plainMembers+`}`, plain); d.Fresh || d.ID.String() != someID {
			t.Errorf("%v %s", d.Fresh, d.ID)
		}
		if d := accept(t, `{`+plainMembers+`}`, plain); !d.Fresh || d.ID != assignment(t, lrs.V103).ID {
			t.Errorf("%v %s", d.Fresh, d.ID)
		}
	})
	t.Run("a voiding statement voids its target", func(t *testing.T) {
		d := accept(t, `{`+plainActor+`,"verb":`+voidVerb+`,"object":`+aRef+`}`, plain)
		if !d.Voids || d.Target.String() != someID {
			t.Errorf("%v %s", d.Voids, d.Target)
		}
	})
	t.Run("a reference alone voids nothing, and a SubStatement neither voids nor refers", func(t *testing.T) {
		if d := accept(t, `{`+plainActor+`,`+plainVerb+`,"object":`+aRef+`}`, plain); d.Voids || d.Target.String() != someID {
			t.Errorf("%v %s", d.Voids, d.Target)
		}
		if d := accept(t, `{`+plainActor+`,"verb":{"id":"urn:v"},"object":{"objectType":"SubStatement",`+plainActor+`,"verb":`+voidVerb+`,"object":`+aRef+`}}`, plain); d.Voids || d.Target != uuid.Nil {
			t.Errorf("%v %s", d.Voids, d.Target)
		}
	})
	defining := `{` + plainActor + `,` + plainVerb + `,"object":{"id":"urn:o","definition":{"type":"urn:t"}},"context":{"contextActivities":{"parent":{"id":"urn:p"},"other":[{"id":"urn:q","definition":{}}]}}}`
	t.Run("definitions are those of every activity, in order", func(t *testing.T) {
		d := accept(t, defining, func(a *lrs.Assignment) { a.Define = true })
		if got := fmt.Sprintf("%s", d.Definitions); got != `[{urn:o {"type":"urn:t"}} {urn:q {}}]` {
			t.Errorf("defines %s", got)
		}
	})
	t.Run("who may not define defines nothing", func(t *testing.T) {
		if d := accept(t, defining, plain); d.Definitions != nil {
			t.Errorf("defines %s", d.Definitions)
		}
	})
	t.Run("the authority is the assigned one", func(t *testing.T) {
		d := accept(t, `{"authority":`+anAgent+`,`+plainMembers+`}`, plain)
		if d.Statement.Authority.IFI.Kind != lrs.Account {
			t.Errorf("the authority is %+v", d.Statement.Authority)
		}
	})
}

// twoTexts writes a statement as it is sent and as it must be accepted.
type twoTexts struct {
	r         *rapid.T
	raw, want strings.Builder
}

func (w *twoTexts) both(s string) {
	w.raw.WriteString(s)
	w.want.WriteString(s)
}

func (w *twoTexts) chance(label string) bool { return rapid.Bool().Draw(w.r, label) }

func (w *twoTexts) space() {
	w.both(rapid.SampledFrom([]string{"", "", "", " ", "\n\t", "\r\n  "}).Draw(w.r, "space"))
}

// jsonText makes any JSON value, in any spelling.
func jsonText(depth int) *rapid.Generator[string] {
	scalars := rapid.OneOf(
		rapid.SampledFrom([]string{"null", "true", "false", "0", "-0.0", "1.50", "1E+2", "1e-400", "123456789012345678901234567890", `"\u00e9\/"`, `""`, `"[{,"`}),
		rapid.Map(rapid.String(), quoted),
	)
	if depth == 0 {
		return scalars
	}
	inner := rapid.Deferred(func() *rapid.Generator[string] { return jsonText(depth - 1) })
	return rapid.OneOf(scalars,
		rapid.Map(rapid.SliceOfN(inner, 0, 3), func(items []string) string { return "[" + strings.Join(items, " ,") + "]" }),
		rapid.Map(rapid.SliceOfN(inner, 0, 3), func(items []string) string {
			for i := range items {
				items[i] = fmt.Sprintf("\"k%d\" :%s", i, items[i])
			}
			return "{" + strings.Join(items, ",\n") + "}"
		}),
	)
}

func (w *twoTexts) extensions() {
	w.both(`"extensions":{"urn:x":` + jsonText(3).Draw(w.r, "extension") + `}`)
}

func (w *twoTexts) context() {
	w.both(`"context":{"contextActivities":{`)
	for i, name := range rapid.Permutation([]string{"parent", "grouping", "category", "other"}).Draw(w.r, "lists")[:rapid.IntRange(0, 4).Draw(w.r, "count")] {
		if i > 0 {
			w.both(",")
		}
		w.both(`"` + name + `":`)
		w.space()
		if w.chance("lone") {
			w.want.WriteString("[")
			w.both(`{"id":"urn:` + name + `"}`)
			w.want.WriteString("]")
		} else {
			w.both(`[{"id":"urn:a"} , {"id":"urn:` + name + `"}]`)
		}
		w.space()
	}
	w.both(`},`)
	w.extensions()
	w.both(`}`)
}

// member writes one property of a statement, which the LRS overwrites or keeps.
func (w *twoTexts) member(name, value, assigned string, overwrite bool) {
	w.space()
	w.both(`"` + name + `"`)
	w.space()
	w.both(":")
	w.space()
	if overwrite {
		w.raw.WriteString(value)
		w.want.WriteString(assigned)
	} else {
		w.both(value)
	}
	w.space()
}

func (w *twoTexts) statement() {
	stored := `"` + someStored.String() + `"`
	names := []string{"actor", "verb", "object", "result", "context"}
	absent := ""
	for _, m := range [][2]string{{"id", `"99999999-2222-4333-8444-555555555555"`}, {"authority", testAuthority}, {"stored", stored}, {"timestamp", stored}, {"version", `"1.0.0"`}} {
		if w.chance(m[0]) {
			names = append(names, m[0])
		} else {
			absent += `,"` + m[0] + `":` + m[1]
		}
	}
	w.both("{")
	for i, name := range rapid.Permutation(names).Draw(w.r, "order") {
		if i > 0 {
			w.both(",")
		}
		switch name {
		case "result":
			w.both(`"result":{"score":{"raw":1.50e0},`)
			w.extensions()
			w.both("}")
		case "context":
			w.context()
		case "object":
			w.object()
		case "authority":
			w.member(name, rapid.SampledFrom([]string{anAgent, `{"objectType":"Group","member":[` + anAgent + `,{"account":{"homePage":"urn:h","name":"n"}}]}`}).Draw(w.r, "authority"), testAuthority, true)
		case "stored":
			w.member(name, rapid.SampledFrom([]string{`"2020-01-01T00:00:00Z"`, `"\u0032020-01-01T00:00:00Z"`}).Draw(w.r, "stored"), stored, true)
		default:
			w.member(name, map[string]string{
				"actor": anAgent, "verb": `{"id":"urn:v"}`, "id": `"` + someID + `"`,
				"timestamp": `"2020-01-01T00:00:00.000\u002b02:00"`, "version": `"1.0.\u0033"`,
			}[name], "", false)
		}
	}
	w.want.WriteString(absent)
	w.both("}")
}

func (w *twoTexts) object() {
	if w.chance("activity") {
		w.both(`"object":{"id":"urn:o","definition":{`)
		w.extensions()
		w.both("}}")
		return
	}
	w.both(`"object":{"actor":` + anAgent + `,"verb":{"id":"urn:v"},`)
	w.context()
	w.both(`,"object":{"id":"urn:o"},"objectType":"SubStatement"}`)
}

func TestAcceptLeavesEveryOtherByte(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := &twoTexts{r: r}
		w.statement()
		raw := w.raw.String()
		received := []byte(raw)
		s, err := lrs.DecodeStatement(received, lrs.V103, lrs.Limits{})
		if err != nil {
			r.Fatalf("%v\n%s", err, raw)
		}
		sealed := lrs.Accept(s, assignment(t, lrs.V103)).Seal(someStored)
		if string(sealed) != w.want.String() {
			r.Fatalf("accepted as\n%s, want\n%s", sealed, w.want.String())
		}
		if string(received) != raw {
			r.Fatalf("the received bytes changed: %s", received)
		}
		again, err := lrs.DecodeStored(sealed)
		if err != nil {
			r.Fatal(err)
		}
		for _, version := range []lrs.Version{lrs.V103, lrs.V200} {
			if !lrs.Equal(s, again, version) || !lrs.Equal(again, s, version) {
				r.Fatalf("%s: the accepted statement is another", version)
			}
		}
		if again.Stored != someStored.String() || again.Authority.IFI.Value != "kéy" {
			r.Fatalf("stored %s, authority %+v", again.Stored, again.Authority)
		}
	})
}

func TestAcceptedStatementsDecodeAndStayEqual(t *testing.T) {
	for _, version := range []lrs.Version{lrs.V103, lrs.V200} {
		for _, text := range corpus(version) {
			s := decoded(t, text, version)
			draft := lrs.Accept(s, assignment(t, version))
			same, err := draft.SameAsStored(draft.Seal(someStored))
			if err != nil || !same {
				t.Errorf("%v %v\n%s", same, err, text)
			}
			repeat, err := lrs.DecodeStatement(draft.Seal(laterStored), version, lrs.Limits{})
			if err != nil {
				t.Errorf("what is served is not taken back: %v", err)
			} else if !lrs.Equal(s, repeat, version) {
				t.Errorf("what is served is another statement\n%s", text)
			}
		}
	}
}

func TestDecodeStoredFindsDamage(t *testing.T) {
	sealed := lrs.Accept(decoded(t, `{`+plainMembers+`}`, lrs.V103), assignment(t, lrs.V103)).Seal(someStored)
	for _, damaged := range [][]byte{nil, sealed[:len(sealed)-1], bytes.Replace(sealed, []byte("verb"), []byte("verd"), 1)} {
		if _, err := lrs.DecodeStored(damaged); err == nil {
			t.Errorf("no damage seen in %s", damaged)
		}
		draft := lrs.Accept(decoded(t, `{`+plainMembers+`}`, lrs.V103), assignment(t, lrs.V103))
		if same, err := draft.SameAsStored(damaged); same || err == nil {
			t.Errorf("the same as damage: %s", damaged)
		}
	}
}

func TestNewAuthority(t *testing.T) {
	t.Run("it keeps its JSON, not the caller's bytes", func(t *testing.T) {
		json := []byte(anAgent)
		a, err := lrs.NewAuthority(json)
		if err != nil {
			t.Fatal(err)
		}
		copy(json, "xxxxxxxx")
		if string(a.JSON) != anAgent || a.Actor.IFI.Kind != lrs.Mbox {
			t.Errorf("%+v %s", a.Actor, a.JSON)
		}
	})
	t.Run("it is an Agent, or the user and the application", func(t *testing.T) {
		account := `{"account":{"homePage":"urn:h","name":"n"}}`
		group := `{"objectType":"Group","member":[%s]}`
		if _, err := lrs.NewAuthority(fmt.Appendf(nil, group, anAgent+","+account)); err != nil {
			t.Error(err)
		}
		for _, json := range []string{"", "null", "{}", fullGroup, fmt.Sprintf(group, account), fmt.Sprintf(group, anAgent+","+anAgent), fmt.Sprintf(group, account+","+account+","+account)} {
			if _, err := lrs.NewAuthority([]byte(json)); lrs.KindOf(err) != lrs.KindInvalid {
				t.Errorf("%s: %v", json, err)
			}
		}
	})
}
