package schemas_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/schemas"
)

func TestViolationsAreToldToPeople(t *testing.T) {
	statement := `{"version": "0.9", "extra": 1, "actor": {"mbox": "mailto:a@example.com", "Name": "A"},
		"verb": {"id": "http://example.com/v", "display": {"english!": "x"}}, "result": {"success": null},
		"object": {"objectType": "StatementRef", "id": "1"}, "context": {"platform": "x"}}`
	want := map[string][]schemas.Violation{
		v103: {
			{Pointer: "/version", Rule: "version", Detail: "This is not a version of xAPI 1.0: write 1.0.0, or leave the property out.", Section: "Data 2.4.10"},
			{Pointer: "/extra", Rule: "unknown-property", Detail: `The property "extra" is not known here; remove it.`, Section: "Data 2.4"},
			{Pointer: "/actor/Name", Rule: "unknown-property", Detail: `The property "Name" is not known here: upper and lower case count, write "name".`, Section: "Data 2.4.2.1"},
			{Pointer: "/verb/display/english!", Rule: "language-tag", Detail: "The property's name is wrong: This is not a language tag of RFC 5646: write one such as en, en-GB or zh-Hans.", Section: "Data 4.2"},
			{Pointer: "/result/success", Rule: "null", Detail: "null is not a value here: remove the property, or give it a value of type boolean.", Section: "Data 2.4.5"},
			{Pointer: "/object/id", Rule: "uuid", Detail: "This is not a UUID: write 32 hexadecimal digits in groups of 8-4-4-4-12, not all zero.", Section: "Data 2.4.4.3"},
			{Pointer: "/context/platform", Rule: "forbidden-property", Detail: "This property is allowed only where the object is an Activity; remove it.", Section: "Data 2.4.6"},
		},
		v20: {
			{Pointer: "/version", Rule: "version", Section: "IEEE 9274.1.1 4.2.4.3"},
			{Pointer: "/extra", Rule: "unknown-property", Section: "IEEE 9274.1.1 4.2.2"},
			{Pointer: "/actor/Name", Rule: "unknown-property", Section: "IEEE 9274.1.1 4.2.2.1"},
			{Pointer: "/verb/display/english!", Rule: "language-tag", Section: "IEEE 9274.1.1 4.2.7"},
			{Pointer: "/result/success", Rule: "null", Section: "IEEE 9274.1.1 4.2.2.4"},
			{Pointer: "/object/id", Rule: "uuid", Section: "IEEE 9274.1.1 4.2.2.3"},
			{Pointer: "/context/platform", Rule: "forbidden-property", Section: "IEEE 9274.1.1 4.2.2.5"},
		},
	}
	for version, violations := range want {
		got := check(t, version, statement)
		if version == v20 {
			for i := range got {
				got[i].Detail = ""
			}
		}
		if diff := cmp.Diff(violations, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", version, diff)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Run("a missing property is named", func(t *testing.T) {
		got := check(t, v103, `{"verb": {"id": "http://example.com/v"}, "object": {"id": "http://example.com/o"}}`)
		want := []schemas.Violation{{Rule: "required", Detail: `The property "actor" is missing; add it.`, Section: "Data 2.4"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a property given twice is a violation where it stands", func(t *testing.T) {
		got := check(t, v103, `{"actor": {"mbox": "mailto:a@example.com", "mbox": "mailto:b@example.com"}, "verb": {"id": "http://example.com/v"}, "object": {"id": "http://example.com/o"}}`)
		want := []schemas.Violation{{Pointer: "/actor/mbox", Rule: "duplicate-property", Detail: "The property stands more than once in its object; keep one.", Section: "Data 2.4.2.1"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a document that is not an object has one violation", func(t *testing.T) {
		for _, document := range []string{`null`, `1`, `"x"`, `[]`, `true`} {
			if got := check(t, v20, document); len(got) != 1 || got[0].Pointer != "" {
				t.Errorf("%s: %+v", document, got)
			}
		}
	})
	t.Run("what is not JSON is an error", func(t *testing.T) {
		schema, err := schemas.Statement(v103)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range []string{``, ` `, `{`, `{"a":}`, `{} {}`, `{}x`, "{\"a\":\"\xff\"}", `{'a':1}`, `01`, strings.Repeat("[", 1_000_000)} {
			if violations, err := schema.Check([]byte(document)); err == nil || violations != nil {
				t.Errorf("%.20q: %v, %v", document, violations, err)
			}
		}
	})
	t.Run("goroutines may share it", func(t *testing.T) {
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				for range 5 {
					if got := check(t, v20, changed(t, base, "/id", `"x"`)); len(got) != 1 {
						t.Errorf("%+v", got)
					}
				}
			})
		}
		wait.Wait()
	})
}

func TestCheckIsSafeFromHostileNumbersAndDepth(t *testing.T) {
	t.Run("a huge exponent is judged at once", func(t *testing.T) {
		for value, want := range map[string]int{
			`1e999999999`: 1, `-1e999999999`: 1, `1e-999999999`: 0, `0e999999999`: 0, `-0.5e99999999999999999999`: 1,
			`1e-99999999999999999999`: 0, `0.` + strings.Repeat("0", 100_000) + `1e100000`: 0, strings.Repeat("9", 100_000): 1, `0.` + strings.Repeat("9", 100_000): 0,
		} {
			if got := check(t, v103, changed(t, base, "/result/score/scaled", value)); len(got) != want {
				t.Errorf("%.30s: %+v", value, got)
			}
		}
	})
	t.Run("a huge exponent in an extension is anyone's", func(t *testing.T) {
		if got := check(t, v103, changed(t, base, "/result/extensions", `{"http://example.com/x": [1e999999999, {"a": -1e-999999999}]}`)); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a partner's enum and uniqueness stand a huge number", func(t *testing.T) {
		schema := compile(t, `{"items": {"enum": [1, 2]}, "uniqueItems": true, "contains": {"const": 1}, "additionalItems": {"multipleOf": 3}}`)
		got, err := schema.Check([]byte(`[1, 1e999999999, 1e-999999999, 1.0, 10e-1, 20000e-4]`))
		if err != nil {
			t.Fatal(err)
		}
		var rules []string
		for _, v := range got {
			rules = append(rules, v.Pointer+" "+v.Rule)
		}
		if diff := cmp.Diff([]string{" repeated-item", " repeated-item", "/1 value", "/2 value"}, rules); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("depth in an extension is anyone's", func(t *testing.T) {
		deep := strings.Repeat(`[{"a":`, 4_000) + `null` + strings.Repeat(`}]`, 4_000)
		if got := check(t, v20, changed(t, base, "/result/extensions", `{"http://example.com/x": `+deep+`}`)); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a recursive schema stops at a depth", func(t *testing.T) {
		schema := compile(t, `{"items": {"$ref": "#"}, "additionalProperties": {"$ref": "#"}, "type": ["array", "object"]}`)
		deep := strings.Repeat(`[{"a":`, 4_900) + `[]` + strings.Repeat(`}]`, 4_900)
		if got, err := schema.Check([]byte(deep)); err != nil || len(got) != 0 {
			t.Errorf("%v %v", got, err)
		}
	})
}

func TestDocuments(t *testing.T) {
	t.Run("the files can be served", func(t *testing.T) {
		if diff := cmp.Diff([]string{"statement-1.0.3.json", "statement-2.0.0.json"}, schemas.Names()); diff != "" {
			t.Fatal(diff)
		}
		for _, name := range schemas.Names() {
			document, err := schemas.Document(name)
			if err != nil || !json.Valid(document) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("others are refused", func(t *testing.T) {
		if _, err := schemas.Document("../schemas.go"); err == nil {
			t.Error("served")
		}
		if _, err := schemas.Statement("0.9"); err == nil {
			t.Error("compiled")
		}
	})
}

// TestVersionsShareTheirDefinitions keeps the two files from drifting apart: outside the named places they differ
// only in the sections that they quote.
func TestVersionsShareTheirDefinitions(t *testing.T) {
	read := func(version string) map[string]any {
		document, err := schemas.Document("statement-" + version + ".json")
		if err != nil {
			t.Fatal(err)
		}
		document = bytes.ReplaceAll(document, []byte("xapi-timestamp-rfc3339"), []byte("xapi-timestamp"))
		var schema map[string]any
		unmarshal(t, string(document), &schema)
		return withoutComments(schema).(map[string]any)
	}
	one, two := read(v103), read(v20)
	for _, root := range []map[string]any{one, two} {
		delete(root, "title")
		delete(root["properties"].(map[string]any), "version")
	}
	definitions := two["definitions"].(map[string]any)
	for _, added := range []string{"context-agent", "context-group", "relevant-types"} {
		delete(definitions, added)
	}
	context := definitions["context"].(map[string]any)["properties"].(map[string]any)
	delete(context, "contextAgents")
	delete(context, "contextGroups")
	if !reflect.DeepEqual(one, two) {
		t.Error(cmp.Diff(one, two))
	}
}

func withoutComments(node any) any {
	switch node := node.(type) {
	case map[string]any:
		delete(node, "$comment")
		for _, member := range node {
			withoutComments(member)
		}
	case []any:
		for _, item := range node {
			withoutComments(item)
		}
	}
	return node
}

// FuzzCheck holds that no bytes make a Check panic, and that JSON is always judged, the same way each time.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{base, `{}`, `null`, `[1e999999999]`, `{"actor":{"objectType":"Group"}}`, `{"a":1,"a":{"~/":null}}`, "\xff", `{"verb":{"id":"http://adlnet.gov/expapi/verbs/voided"},"object":[]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		for _, version := range []string{v103, v20} {
			schema, err := schemas.Statement(version)
			if err != nil {
				t.Fatal(err)
			}
			got, err := schema.Check(document)
			if err != nil {
				continue
			}
			again, err := schema.Check(document)
			if err != nil || !cmp.Equal(got, again) {
				t.Errorf("two answers: %v, then %v %v", got, again, err)
			}
			for _, v := range got {
				if v.Rule == "" || v.Detail == "" || v.Section == "" {
					t.Errorf("incomplete: %+v", v)
				}
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	schema, err := schemas.Statement(v20)
	if err != nil {
		b.Fatal(err)
	}
	var valid bytes.Buffer
	if err := json.Compact(&valid, []byte(benchmarked)); err != nil {
		b.Fatal(err)
	}
	faulty := strings.Replace(valid.String(), `"scaled":0.95`, `"scaled":9.5,"x":1`, 1)
	for name, document := range map[string][]byte{"valid": valid.Bytes(), "two faults": []byte(faulty)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(document)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := schema.Check(document); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchmarked has 1.2 kB.
const benchmarked = `{
  "id": "7ccd3322-e1a5-411a-a67d-6a735c76f119", "timestamp": "2026-01-31T09:30:00.000Z",
  "actor": {"objectType": "Agent", "name": "Ann Example", "account": {"homePage": "https://lms.example.com", "name": "9f2c1d"}},
  "verb": {"id": "http://adlnet.gov/expapi/verbs/answered", "display": {"en-GB": "answered", "de-DE": "antwortete"}},
  "object": {"objectType": "Activity", "id": "https://lms.example.com/courses/17/quiz/3/question/5", "definition": {
    "name": {"en-GB": "Question 5"}, "type": "http://adlnet.gov/expapi/activities/cmi.interaction", "interactionType": "choice",
    "correctResponsesPattern": ["b"], "choices": [{"id": "a", "description": {"en-GB": "Port"}}, {"id": "b", "description": {"en-GB": "Starboard"}}]}},
  "result": {"score": {"scaled": 0.95, "raw": 95, "min": 0, "max": 100}, "success": true, "completion": true, "response": "b", "duration": "PT1M30.5S"},
  "context": {"registration": "ec531277-b57b-4c15-8d91-d292c5b2b8f7", "platform": "Example LMS", "language": "en-GB",
    "contextActivities": {"parent": [{"id": "https://lms.example.com/courses/17/quiz/3"}], "grouping": [{"id": "https://lms.example.com/courses/17"}],
    "category": [{"id": "https://w3id.org/xapi/cmi5/context/categories/cmi5"}]}, "extensions": {"https://w3id.org/xapi/cmi5/context/extensions/sessionid": "s-8412"}}
}`
