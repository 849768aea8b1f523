package lrs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/lrs"
)

// decodeRule is one change of a full statement and the violations that it leads to, each
// "pointer rule"; none when the statement stays valid.
type decodeRule struct {
	name  string
	at    string // the place that is changed
	value string // its new value; "" removes it
	want  []string
}

const planOf = `{"objectType":"SubStatement","actor":` + anAgent + `,"verb":` + fullVerb + `,"object":%s}`

var decodeRules = []decodeRule{
	{"a statement needs an actor", "/actor", "", []string{" required"}},
	{"a statement needs a verb", "/verb", "", []string{" required"}},
	{"a statement needs an object", "/object", "", []string{" required"}},
	{"own properties are refused", "/mood", `"glad"`, []string{"/mood unknown-property"}},
	{"the case of a name counts", "/Result", `{}`, []string{"/Result unknown-property"}},
	{"a name is escaped in a pointer", "/result/a~0b~1c", `1`, []string{"/result/a~0b~1c unknown-property"}},
	{"null is refused", "/result", `null`, []string{"/result null"}},
	{"null is refused in the depth", "/result/score/raw", `null`, []string{"/result/score/raw null"}},
	{"null in an extension is data", "/result/extensions", `{"http://x.example":null,"urn:x":{"a":[null]}}`, nil},
	{"extensions may be empty", "/context/extensions", `{}`, nil},
	{"an extension's key is an IRI", "/object/definition/extensions/wind", `1`, []string{"/object/definition/extensions/wind extension-key"}},
	{"extensions are an object", "/context/extensions", `[]`, []string{"/context/extensions type"}},
	{"a string is no number", "/result/score/raw", `"3"`, []string{"/result/score/raw type"}},
	{"a string is no boolean", "/result/success", `"true"`, []string{"/result/success type"}},
	{"a number is no string", "/result/response", `1`, []string{"/result/response type"}},
	{"an id is a UUID", "/id", `"x"`, []string{"/id uuid"}},
	{"an id is not the nil UUID", "/id", `"00000000-0000-0000-0000-000000000000"`, []string{"/id uuid"}},

	{"an actor is an object", "/actor", `"ann"`, []string{"/actor type"}},
	{"an actor is an Agent or a Group", "/actor/objectType", `"agent"`, []string{"/actor/objectType object-type"}},
	{"an objectType is a string", "/actor/objectType", `1`, []string{"/actor/objectType type", "/actor/objectType object-type"}},
	{"an Agent needs an identifier", "/actor", `{"name":"Ann"}`, []string{"/actor ifi-count"}},
	{"an Agent has one identifier", "/actor", `{"mbox":"mailto:a@a.example","openid":"http://a.example"}`, []string{"/actor ifi-count"}},
	{"an Agent has no members", "/actor", `{"mbox":"mailto:a@a.example","member":[]}`, []string{"/actor/member unknown-property"}},
	{"an identified Group has one identifier", "/actor/openid", `"http://a.example"`, []string{"/actor ifi-count"}},
	{"an identified Group needs no members", "/actor/member", ``, nil},
	{"an anonymous Group needs members", "/actor", `{"objectType":"Group"}`, []string{"/actor required"}},
	{"an anonymous Group may list nobody", "/actor", `{"objectType":"Group","member":[]}`, nil},
	{"a Group is no member", "/actor/member/1", `{"objectType":"Group","mbox":"mailto:a@a.example","member":[{"x":1}]}`, []string{"/actor/member/1 object-type"}},
	{"a member has no members", "/actor/member/1", `{"mbox":"mailto:a@a.example","member":[{"x":1}]}`, []string{"/actor/member/1/member unknown-property"}},
	{"every member is judged", "/actor/member/2", `{}`, []string{"/actor/member/2 ifi-count"}},
	{"members are an array", "/actor/member", anAgent, []string{"/actor/member type"}},
	{"an mbox is a mailto IRI", "/actor/mbox", `"crew@a.example"`, []string{"/actor/mbox mailto"}},
	{"an mbox_sha1sum is a SHA-1", "/actor/member/0/mbox_sha1sum", `"ebd31"`, []string{"/actor/member/0/mbox_sha1sum sha1"}},
	{"an openid is an IRI", "/actor/member/2/openid", `"a.example"`, []string{"/actor/member/2/openid iri"}},
	{"an account needs a home page", "/actor/member/1/account/homePage", ``, []string{"/actor/member/1/account required"}},
	{"an account needs a name", "/actor/member/1/account/name", ``, []string{"/actor/member/1/account required"}},
	{"a home page is an IRI", "/actor/member/1/account/homePage", `"a.example"`, []string{"/actor/member/1/account/homePage iri"}},
	{"an account has nothing else", "/actor/member/1/account/x", `1`, []string{"/actor/member/1/account/x unknown-property"}},
	{"a name is a string", "/actor/name", `{}`, []string{"/actor/name type"}},

	{"a verb needs an id", "/verb/id", ``, []string{"/verb required"}},
	{"a verb's id is an IRI", "/verb/id", `"sailed"`, []string{"/verb/id iri"}},
	{"a verb has nothing else", "/verb/x", `1`, []string{"/verb/x unknown-property"}},
	{"a language map has language tags", "/verb/display/a12345678", `"x"`, []string{"/verb/display/a12345678 language-tag"}},
	{"a language map has strings", "/verb/display/en", `1`, []string{"/verb/display/en type"}},
	{"a language map is an object", "/verb/display", `"x"`, []string{"/verb/display type"}},

	{"an object is an object", "/object", `[]`, []string{"/object type"}},
	{"an objectType is known", "/object/objectType", `"activity"`, []string{"/object/objectType object-type"}},
	{"an objectType that is no string is unknown", "/object/objectType", `null`, []string{"/object/objectType object-type"}},
	{"an Agent as object names its kind", "/object", anAgent, []string{"/object/mbox unknown-property", "/object required"}},
	{"an Activity needs an id", "/object/id", ``, []string{"/object required"}},
	{"an Activity's id is an IRI", "/object/id", `"x"`, []string{"/object/id iri"}},
	{"a type is an IRI", "/object/definition/type", `"x"`, []string{"/object/definition/type iri"}},
	{"a moreInfo is an IRL", "/object/definition/moreInfo", `"x"`, []string{"/object/definition/moreInfo irl"}},
	{"an interactionType is known", "/object/definition/interactionType", `"Choice"`, []string{"/object/definition/interactionType interaction-type"}},
	{"an interaction names its type", "/object/definition/interactionType", ``, []string{"/object/definition required"}},
	{"a list goes with its interactionType", "/object/definition/steps", `[{"id":"a"}]`, []string{"/object/definition/steps interaction-components"}},
	{"a component needs an id", "/object/definition/choices/0/id", ``, []string{"/object/definition/choices/0 required"}},
	{"the ids of components differ", "/object/definition/choices/1/id", `"a"`, []string{"/object/definition/choices/1/id interaction-components"}},
	{"a component has nothing else", "/object/definition/choices/0/x", `1`, []string{"/object/definition/choices/0/x unknown-property"}},
	{"responses are strings", "/object/definition/correctResponsesPattern", `[1]`, []string{"/object/definition/correctResponsesPattern/0 type"}},
	{"a definition has nothing else", "/object/definition/x", `1`, []string{"/object/definition/x unknown-property"}},

	{"a scaled score is from -1 to 1", "/result/score/scaled", `1.0000000000000000000001`, []string{"/result/score/scaled score-range"}},
	{"a scaled score may be 1", "/result/score/scaled", `10e-1`, nil},
	{"a raw score is not below min", "/result/score/raw", `-1e-400`, []string{"/result/score/raw score-range"}},
	{"a raw score is not above max", "/result/score/raw", `10.000000000000000000001`, []string{"/result/score/raw score-range"}},
	{"min is below max", "/result/score", `{"min":1,"max":1.0}`, []string{"/result/score/max score-range"}},
	{"a huge score is judged at once", "/result/score/scaled", `1e999999999999`, []string{"/result/score/scaled score-range"}},
	{"a duration is ISO 8601's", "/result/duration", `"1 hour"`, []string{"/result/duration duration"}},

	{"a registration is a UUID", "/context/registration", `"x"`, []string{"/context/registration uuid"}},
	{"a team is a Group", "/context/team", anAgent, []string{"/context/team object-type"}},
	{"a language is a language tag", "/context/language", `"fr_FR"`, []string{"/context/language language-tag"}},
	{"a StatementRef needs an id", "/context/statement/id", ``, []string{"/context/statement required"}},
	{"a StatementRef names its kind", "/context/statement/objectType", ``, []string{"/context/statement/objectType object-type"}},
	{"contextActivities have four lists", "/context/contextActivities/Parent", `[]`, []string{"/context/contextActivities/Parent unknown-property"}},
	{"contextActivities are Activities", "/context/contextActivities/parent", `[{"objectType":"Agent","id":"urn:x"}]`, []string{"/context/contextActivities/parent/0/objectType object-type"}},
	{"a list of contextActivities is no string", "/context/contextActivities/parent", `"x"`, []string{"/context/contextActivities/parent type"}},

	{"a timestamp is a timestamp", "/timestamp", `"2026-01-31"`, []string{"/timestamp timestamp"}},
	{"stored is a timestamp", "/stored", `1`, []string{"/stored type"}},
	{"a version is known", "/version", `"3.0"`, []string{"/version version"}},
	{"a version may be a pre-release", "/version", `"1.0.4-rc1"`, nil},
	{"a pre-release has three numbers before it", "/version", `"1.0-rc1"`, []string{"/version version"}},
	{"an authority is an Agent or a Group of two", "/authority/member/1", ``, []string{"/authority authority"}},
	{"an authority Group has no identifier", "/authority/mbox", `"mailto:a@a.example"`, []string{"/authority authority"}},
	{"one of two authorities has an account", "/authority/member/0", anAgent, []string{"/authority authority"}},

	{"an attachment needs a hash", "/attachments/0/sha2", ``, []string{"/attachments/0 required"}},
	{"a length is a whole number", "/attachments/0/length", `1.5`, []string{"/attachments/0/length length"}},
	{"a length is not negative", "/attachments/0/length", `-1`, []string{"/attachments/0/length length"}},
	{"a length has an end", "/attachments/0/length", `1e19`, []string{"/attachments/0/length length"}},
	{"a length may have an exponent", "/attachments/0/length", `2.70e1`, nil},
	{"a contentType is a media type", "/attachments/0/contentType", `"text"`, []string{"/attachments/0/contentType media-type"}},
	{"a fileUrl is an IRL", "/attachments/0/fileUrl", `"x"`, []string{"/attachments/0/fileUrl irl"}},

	{"a voiding statement names what it voids", "/verb", voidVerb, []string{"/object voiding-object"}},
	{"revision and platform are for Activities", "/object", aRef, []string{"/context/revision context-property", "/context/platform context-property"}},
	{"revision and platform are not for SubStatements", "/object", fmt.Sprintf(planOf, `{"id":"urn:x"}`), []string{"/context/revision context-property", "/context/platform context-property"}},
}

// found lists violations as decodeRules does.
func found(tb testing.TB, err error) []string {
	tb.Helper()
	var list []string
	for _, v := range violationsOf(tb, err) {
		list = append(list, v.Pointer+" "+v.Rule)
		if v.Detail == "" || v.Section == "" && v.Rule != "depth" {
			tb.Errorf("a violation that says too little: %+v", v)
		}
	}
	return list
}

func TestDecodeStatement(t *testing.T) {
	base := fullStatements("1.0.3")[0]
	for _, version := range []lrs.Version{lrs.V103, lrs.V200} {
		for _, r := range decodeRules {
			t.Run(string(version)+" "+r.name, func(t *testing.T) {
				text := changed(t, base, r.at, r.value)
				_, err := lrs.DecodeStatement([]byte(text), version, lrs.Limits{})
				if diff := cmp.Diff(r.want, found(t, err)); diff != "" {
					t.Errorf("violations (-want +got):\n%s%s", diff, text)
				}
			})
		}
	}
}

func TestDecodeStatementInSubStatements(t *testing.T) {
	base := fullStatements("1.0.3")[1]
	for _, r := range decodeRules {
		switch property, _, _ := strings.Cut(r.at[1:], "/"); {
		case property == "id", property == "stored", property == "version", property == "authority":
			continue
		case strings.Contains(r.value, "SubStatement"), r.at == "/object/id": // an Agent's object keeps its objectType
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			_, err := lrs.DecodeStatement([]byte(changed(t, base, "/object"+r.at, r.value)), lrs.V103, lrs.Limits{})
			var want []string
			for _, w := range r.want {
				want = append(want, "/object"+w)
			}
			if diff := cmp.Diff(want, found(t, err)); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("nothing that the LRS assigns stands in it, and no SubStatement", func(t *testing.T) {
		object := fmt.Sprintf(planOf, fmt.Sprintf(planOf, `{"id":"urn:x"}`))
		object = `{"id":1,"stored":1,"version":1,"authority":1,` + object[1:]
		_, err := lrs.DecodeStatement([]byte(changed(t, fullStatements("1.0.3")[2], "/object", object)), lrs.V103, lrs.Limits{})
		want := []string{
			"/object/id substatement-property", "/object/stored substatement-property", "/object/version substatement-property",
			"/object/authority substatement-property", "/object/object substatement-nested", "/object voiding-object",
		}
		if diff := cmp.Diff(want, found(t, err)); diff != "" {
			t.Errorf("violations (-want +got):\n%s", diff)
		}
	})
}

func TestDecodeStatementByVersion(t *testing.T) {
	for _, r := range []struct {
		name, at, value string
		one, two        []string
	}{
		{"contextAgents come with 2.0", "/context/contextAgents", `[]`, []string{"/context/contextAgents unknown-property"}, nil},
		{"contextGroups come with 2.0", "/context/contextGroups", `[]`, []string{"/context/contextGroups unknown-property"}, nil},
		{"2.0 takes RFC 3339 alone", "/timestamp", `"20260131T0930"`, nil, []string{"/timestamp timestamp"}},
		{"2.0 takes statements of both versions", "/version", `"2.0.0"`, []string{"/version version"}, nil},
	} {
		for version, want := range map[lrs.Version][]string{lrs.V103: r.one, lrs.V200: r.two} {
			t.Run(string(version)+" "+r.name, func(t *testing.T) {
				_, err := lrs.DecodeStatement([]byte(changed(t, fullStatements("1.0.3")[0], r.at, r.value)), version, lrs.Limits{})
				if diff := cmp.Diff(want, found(t, err)); diff != "" {
					t.Errorf("violations (-want +got):\n%s", diff)
				}
			})
		}
	}
	const agents, groups = "/context/contextAgents", "/context/contextGroups"
	for _, r := range []decodeRule{
		{"a contextAgent names its kind", agents + "/0/objectType", ``, []string{agents + "/0/objectType object-type"}},
		{"a contextAgent needs an agent", agents + "/0/agent", ``, []string{agents + "/0 required"}},
		{"a contextAgent holds no Group", agents + "/0/agent", fullGroup, []string{agents + "/0/agent object-type"}},
		{"a contextAgent has nothing else", agents + "/0/x", `1`, []string{agents + "/0/x unknown-property"}},
		{"relevantTypes are not empty", agents + "/0/relevantTypes", `[]`, []string{agents + "/0/relevantTypes relevant-types"}},
		{"relevantTypes are IRIs", agents + "/0/relevantTypes/0", `"x"`, []string{agents + "/0/relevantTypes/0 iri"}},
		{"a contextGroup holds no Agent", groups + "/0/group", anAgent, []string{groups + "/0/group object-type"}},
		{"a contextGroup is an object", groups + "/0", `1`, []string{groups + "/0 type"}},
	} {
		t.Run(r.name, func(t *testing.T) {
			_, err := lrs.DecodeStatement([]byte(changed(t, fullStatements("2.0.0")[0], r.at, r.value)), lrs.V200, lrs.Limits{})
			if diff := cmp.Diff(r.want, found(t, err)); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeStatementTellsAllAtOnce(t *testing.T) {
	t.Run("every violation is listed, wherever it stands", func(t *testing.T) {
		_, err := lrs.DecodeStatement([]byte(`{"actor":{"mbox":"x","Name":1},"verb":{"display":{"e":1}},"object":{"objectType":"Agent","id":null},"result":{"success":"no","score":{"scaled":2}},"x":[{"y":null}]}`), lrs.V103, lrs.Limits{})
		want := []string{
			"/actor/mbox mailto", "/actor/Name unknown-property", "/verb/display/e type", "/verb/display/e language-tag", "/verb required",
			"/object/id unknown-property", "/object ifi-count", "/result/success type", "/result/score/scaled score-range", "/x unknown-property",
		}
		if diff := cmp.Diff(want, found(t, err)); diff != "" {
			t.Errorf("violations (-want +got):\n%s", diff)
		}
	})
	t.Run("what was found before a syntax error is told too", func(t *testing.T) {
		_, err := lrs.DecodeStatement([]byte(`{"id":"x","actor":{"mbox":}}`), lrs.V103, lrs.Limits{})
		if diff := cmp.Diff([]string{"/id uuid", "/actor/mbox json"}, found(t, err)); diff != "" {
			t.Errorf("violations (-want +got):\n%s", diff)
		}
		if detail := violationsOf(t, err)[1].Detail; !strings.Contains(detail, "byte 26") {
			t.Errorf("the place of the error is not told: %s", detail)
		}
	})
	t.Run("the list has an end", func(t *testing.T) {
		_, err := lrs.DecodeStatement([]byte(`{`+manyUnknown(5000)+`}`), lrs.V103, lrs.Limits{})
		if n := len(violationsOf(t, err)); n != 200 {
			t.Errorf("%d violations", n)
		}
	})
	t.Run("a hostile depth makes no long answer", func(t *testing.T) {
		deep := strings.Repeat(`{"objectType":"Group","member":[`, 4000) + strings.Repeat(`]}`, 4000)
		_, err := lrs.DecodeStatement([]byte(`{"actor":`+deep+`}`), lrs.V103, lrs.Limits{})
		if len(err.Error()) > 10_000 {
			t.Errorf("the answer has %d bytes", len(err.Error()))
		}
	})
}

func manyUnknown(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"x%d":1,`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

func TestDecodeStatementReadsJSONStrictly(t *testing.T) {
	valid := fullStatements("1.0.3")[2]
	for name, r := range map[string]struct{ body, want string }{
		"an empty body is refused":                     {"", " json"},
		"white space alone is refused":                 {" \n", " json"},
		"a statement is an object":                     {`[]`, " type"},
		"a scalar is no statement":                     {`null`, " null"},
		"what ends too early is refused":               {`{"actor":{`, "/actor json"},
		"a byte order mark is refused":                 {"\ufeff" + valid, " json"},
		"a second value is refused":                    {valid + `{}`, " json"},
		"trailing text is refused":                     {valid + `x`, " json"},
		"invalid UTF-8 is refused":                     {changedBytes(valid, "ann", "a\xff"), "/actor/mbox json"},
		"half a surrogate pair is refused":             {changedBytes(valid, "ann", `a\ud800`), "/actor/mbox json"},
		"a key that stands twice is refused":           {`{"actor":{"mbox":"mailto:a@b.fr","mbox":"mailto:a@b.fr"}}`, "/actor/mbox duplicate-key"},
		"a key that stands twice escaped is refused":   {`{"id":"x","\u0069d":"x"}`, "/id duplicate-key"},
		"a key twice in an extension is refused":       {`{"result":{"extensions":{"urn:x":{"a":1,"a":2}}}}`, "/result/extensions/urn:x/a duplicate-key"},
		"single quotes are refused":                    {`{'id':1}`, " json"},
		"a number with a leading zero is refused":      {`{"result":{"score":{"raw":01}}}`, "/result/score json"},
		"a control character in a string is refused":   {"{\"id\":\"\x01\"}", "/id json"},
		"a value of 10,000 levels and more is refused": {`{"x":` + strings.Repeat("[", 20_000), "json"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := lrs.DecodeStatement([]byte(r.body), lrs.V103, lrs.Limits{})
			got := found(t, err)
			if len(got) == 0 || !strings.HasSuffix(got[len(got)-1], r.want) && got[0] != r.want {
				t.Errorf("found %q, want %q", got, r.want)
			}
		})
	}
	t.Run("white space around it is fine", func(t *testing.T) {
		if _, err := lrs.DecodeStatement(spaced(t, []byte(valid)), lrs.V103, lrs.Limits{}); err != nil {
			t.Error(err)
		}
	})
}

func changedBytes(text, from, to string) string { return strings.Replace(text, from, to, 1) }

func TestDecodeStatementFindsTheObjectType(t *testing.T) {
	for name, object := range map[string]string{
		"first":                      `{"objectType":"StatementRef","id":"7ccd3322-e1a5-411a-a67d-6a735c76f119"}`,
		"last":                       `{"id":"7ccd3322-e1a5-411a-a67d-6a735c76f119","objectType":"StatementRef"}`,
		"with an escaped name":       `{"id":"7ccd3322-e1a5-411a-a67d-6a735c76f119","objectTyp\u0065":"StatementRef"}`,
		"with an escaped value":      `{"objectType":"\u0053tatementRef","id":"7ccd3322-e1a5-411a-a67d-6a735c76f119"}`,
		"with white space around it": "{ \n\"id\" : \"7ccd3322-e1a5-411a-a67d-6a735c76f119\" ,\t\"objectType\" :\r\n \"StatementRef\" }",
		"beside an escaped id":       `{"id":"\u0037ccd3322-e1a5-411a-a67d-6a735c76f119","objectType":"StatementRef"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s, err := lrs.DecodeStatement([]byte(changedBytes(fullStatements("1.0.3")[2], aRef, object)), lrs.V103, lrs.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if s.Object.Kind != lrs.ObjectStatementRef || s.Object.StatementRef.String() != "7ccd3322-e1a5-411a-a67d-6a735c76f119" {
				t.Errorf("read as %+v", s.Object)
			}
		})
	}
	t.Run("one that stands deeper is another's", func(t *testing.T) {
		object := `{"id":"urn:x","definition":{"name":{"en":"\"objectType\":\"Agent\""},"extensions":{"urn:y":{"objectType":"Agent"},"urn:z":["objectType",":"]}}}`
		s, err := lrs.DecodeStatement([]byte(`{"actor":`+anAgent+`,"verb":`+fullVerb+`,"object":`+object+`}`), lrs.V103, lrs.Limits{})
		if err != nil || s.Object.Kind != lrs.ObjectActivity {
			t.Errorf("%v %+v", err, s.Object)
		}
	})
}

func TestDecodeStatements(t *testing.T) {
	one := fullStatements("1.0.3")[0]
	other := changed(t, one, "/id", `"11111111-2222-4333-8444-555555555555"`)
	anonymous := changed(t, one, "/id", "")
	decode := func(body string, limits lrs.Limits) ([]*lrs.Statement, bool, error) {
		return lrs.DecodeStatements([]byte(body), lrs.V103, limits)
	}
	t.Run("one statement is no batch", func(t *testing.T) {
		statements, batch, err := decode(one, lrs.Limits{})
		if err != nil || batch || len(statements) != 1 {
			t.Errorf("%d %v %v", len(statements), batch, err)
		}
	})
	t.Run("a batch keeps its order", func(t *testing.T) {
		statements, batch, err := decode(" [ "+one+" , "+other+","+anonymous+","+anonymous+"] ", lrs.Limits{})
		if err != nil || !batch || len(statements) != 4 {
			t.Fatalf("%d %v %v", len(statements), batch, err)
		}
		if string(statements[1].Raw()) != other {
			t.Errorf("the second is %s", statements[1].Raw())
		}
	})
	t.Run("a batch may be empty", func(t *testing.T) {
		if statements, batch, err := decode("[]", lrs.Limits{}); err != nil || !batch || len(statements) != 0 {
			t.Errorf("%d %v %v", len(statements), batch, err)
		}
	})
	t.Run("two statements of one id are refused", func(t *testing.T) {
		_, _, err := decode("["+one+","+other+","+strings.Replace(one, "7ccd3322", "7CCD3322", 1)+"]", lrs.Limits{})
		if diff := cmp.Diff([]string{"/2/id duplicate-id"}, found(t, err)); diff != "" {
			t.Errorf("violations (-want +got):\n%s", diff)
		}
	})
	t.Run("each statement is judged, and what is none is named", func(t *testing.T) {
		_, _, err := decode("["+changed(t, one, "/verb/id", "1")+",null,"+other+`,[],{"id":`, lrs.Limits{})
		if got := found(t, err); len(got) < 4 || got[0] != "/0/verb/id type" || got[1] != "/1 null" || got[2] != "/3 type" || got[3] != "/4/id json" {
			t.Errorf("found %q", got)
		}
	})
	t.Run("a batch above its limit is too large", func(t *testing.T) {
		_, _, err := decode("["+one+","+other+"]", lrs.Limits{Batch: 1})
		if lrs.KindOf(err) != lrs.KindTooLarge {
			t.Errorf("%v", err)
		}
		if _, _, err = decode("["+one+","+other+"]", lrs.Limits{Batch: 2}); err != nil {
			t.Errorf("%v", err)
		}
	})
	t.Run("what a batch has beyond its limit is not read", func(t *testing.T) {
		_, _, err := decode("["+one+","+strings.Repeat("[", 100), lrs.Limits{Batch: 1})
		if lrs.KindOf(err) != lrs.KindTooLarge {
			t.Errorf("%v", err)
		}
	})
}

func TestDecodeLimits(t *testing.T) {
	one := fullStatements("1.0.3")[0]
	t.Run("a statement above its limit is too large", func(t *testing.T) {
		for _, body := range []string{one, "[" + one + "]", "[" + one} {
			for _, limit := range []int{1, 100, len(one) / 2, len(one) - 1} {
				if _, _, err := lrs.DecodeStatements([]byte(body), lrs.V103, lrs.Limits{Statement: limit}); lrs.KindOf(err) != lrs.KindTooLarge {
					t.Errorf("limit %d: %v", limit, err)
				}
			}
		}
	})
	t.Run("a statement at its limit is taken, white space around it not counted", func(t *testing.T) {
		for _, body := range []string{one, "  " + one + "  ", "[ " + one + " ,  " + changed(t, one, "/id", `"11111111-2222-4333-8444-555555555555"`) + " ] "} {
			if _, _, err := lrs.DecodeStatements([]byte(body), lrs.V103, lrs.Limits{Statement: len(one)}); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("an extension nests as deep as is allowed", func(t *testing.T) {
		nested := func(levels int) string {
			return changed(t, one, "/result/extensions", `{"urn:x":"[[[[","urn:y":`+strings.Repeat("[", levels)+strings.Repeat("]", levels)+`}`)
		}
		limits := lrs.Limits{Depth: 13} // statement, result, extensions, and ten
		if _, err := lrs.DecodeStatement([]byte(nested(10)), lrs.V103, limits); err != nil {
			t.Error(err)
		}
		_, err := lrs.DecodeStatement([]byte(nested(11)), lrs.V103, limits)
		if diff := cmp.Diff([]string{"/result/extensions/urn:y depth"}, found(t, err)); diff != "" {
			t.Errorf("violations (-want +got):\n%s", diff)
		}
	})
}

func TestDecodeAgent(t *testing.T) {
	t.Run("an Agent and an identified Group are taken", func(t *testing.T) {
		for _, json := range []string{anAgent, fullGroup} {
			if a, err := lrs.DecodeAgent([]byte(json)); err != nil || a.IFI.Kind != lrs.Mbox {
				t.Errorf("%s: %v", json, err)
			}
		}
	})
	t.Run("what identifies nobody, or is none, is refused", func(t *testing.T) {
		for _, json := range []string{"", "{}", "x", `{"objectType":"Group","member":[]}`, `{"name":"Ann"}`, anAgent + "x", `{"mbox":"mailto:a@b.fr","x":1}`, `null`} {
			if _, err := lrs.DecodeAgent([]byte(json)); lrs.KindOf(err) != lrs.KindInvalid {
				t.Errorf("%q: %v", json, err)
			}
		}
	})
}
