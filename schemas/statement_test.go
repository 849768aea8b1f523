package schemas_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/schemas"
)

const (
	v103 = "1.0.3"
	v20  = "2.0.0"
)

// base is a valid statement that uses nearly every property; the tables change one place of it at a time.
const base = `{
  "id": "7ccd3322-e1a5-411a-a67d-6a735c76f119",
  "actor": {"objectType": "Group", "name": "Crew", "mbox": "mailto:crew@example.com", "member": [
    {"name": "Ann", "mbox_sha1sum": "ebd31e95054c018b10727ccffd2ef2ec3a016ee9"},
    {"objectType": "Agent", "account": {"homePage": "https://example.com", "name": "ben"}},
    {"openid": "https://example.com/openid/cleo"}]},
  "verb": {"id": "http://example.com/verbs/sailed", "display": {"en-GB": "sailed", "de": "segelte"}},
  "object": {"id": "http://example.com/voyage", "definition": {
    "name": {"en": "Voyage"}, "description": {"zh-Hans-CN": "x"}, "type": "http://example.com/types/voyage",
    "moreInfo": "https://example.com/info", "interactionType": "choice", "correctResponsesPattern": ["a[,]b"],
    "choices": [{"id": "a", "description": {"en": "A"}}, {"id": "b"}],
    "extensions": {"http://example.com/ext": null, "urn:x:y": {"deep": [1e400, null]}}}},
  "result": {"score": {"scaled": -0.5, "raw": 3, "min": 0, "max": 10}, "success": true, "completion": false,
    "response": "a", "duration": "P1DT2H0.5S", "extensions": {"http://example.com/wind": "NW"}},
  "context": {"registration": "ec531277-b57b-4c15-8d91-d292c5b2b8f7", "revision": "3", "platform": "boat", "language": "en",
    "instructor": {"mbox": "mailto:captain@example.com"}, "team": {"objectType": "Group", "member": []},
    "statement": {"objectType": "StatementRef", "id": "6690E6C9-3EF0-4ED3-8B37-7F3964730BEE"},
    "contextActivities": {"parent": {"id": "http://example.com/course"}, "grouping": [{"id": "http://example.com/school", "objectType": "Activity"}]},
    "extensions": {"http://example.com/tide": 3}},
  "timestamp": "2026-01-31T09:30:00.000Z",
  "stored": "2026-01-31T09:30:01.000+01:00",
  "authority": {"objectType": "Group", "member": [{"account": {"homePage": "https://example.com/token", "name": "key"}}, {"mbox": "mailto:dan@example.com"}]},
  "version": "1.0.3",
  "attachments": [{"usageType": "http://example.com/map", "display": {"en": "Map"}, "description": {"en": "A map"}, "contentType": "text/plain; charset=utf-8",
    "length": 27, "sha2": "495395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a", "fileUrl": "https://example.com/map.txt"}]
}`

// rule is one change of base and the violations that it leads to, each "pointer rule".
type rule struct {
	name  string
	at    string // the place that is changed
	value string // its new value; empty removes it
	only  string // the one version that it is about; empty for both
	want  []string
}

func TestStatementRules(t *testing.T) {
	for _, version := range []string{v103, v20} {
		for _, table := range [][]rule{formattingRules, actorRules, verbAndObjectRules, activityRules, resultAndContextRules, assignedRules} {
			for _, r := range table {
				if r.only != "" && r.only != version {
					continue
				}
				t.Run(version+" "+r.name, func(t *testing.T) {
					checkRules(t, version, changed(t, base, r.at, r.value), r.want)
				})
				if inSubStatement(r) {
					t.Run(version+" in a SubStatement "+r.name, func(t *testing.T) {
						checkRules(t, version, changed(t, subStatement(t), "/object"+r.at, r.value), prefixed("/object", r.want))
					})
				}
			}
		}
	}
}

func checkRules(t *testing.T, version, statement string, want []string) {
	t.Helper()
	var got []string
	for _, v := range check(t, version, statement) {
		got = append(got, v.Pointer+" "+v.Rule)
		if v.Section == "" || !strings.HasSuffix(v.Detail, ".") {
			t.Errorf("violation without a section or a sentence: %+v", v)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("violations (-want +got):\n%s%s", diff, statement)
	}
}

func check(t *testing.T, version, statement string) []schemas.Violation {
	t.Helper()
	schema, err := schemas.Statement(version)
	if err != nil {
		t.Fatal(err)
	}
	violations, err := schema.Check([]byte(statement))
	if err != nil {
		t.Fatal(err)
	}
	return violations
}

// inSubStatement tells whether a rule holds for SubStatements alike.
func inSubStatement(r rule) bool {
	for _, property := range []string{"/actor", "/verb", "/object", "/result", "/context", "/timestamp", "/attachments"} {
		if strings.HasPrefix(r.at, property) && !strings.Contains(r.value, "SubStatement") {
			return true
		}
	}
	return false
}

// subStatement is a valid statement about base.
func subStatement(t *testing.T) string {
	t.Helper()
	inner := base
	for _, assigned := range []string{"/id", "/stored", "/authority", "/version"} {
		inner = changed(t, inner, assigned, "")
	}
	inner = changed(t, inner, "/objectType", `"SubStatement"`)
	return `{"actor": {"mbox": "mailto:ann@example.com"}, "verb": {"id": "http://example.com/planned"}, "object": ` + inner + `}`
}

func prefixed(prefix string, pointers []string) []string {
	var longer []string
	for _, pointer := range pointers {
		longer = append(longer, prefix+pointer)
	}
	return longer
}

// changed sets, adds or (with no value) removes the place that a JSON pointer names.
func changed(t *testing.T, text, pointer, value string) string {
	t.Helper()
	if pointer == "" {
		return value
	}
	name, rest, nested := strings.Cut(pointer[1:], "/")
	inner := value
	if strings.HasPrefix(strings.TrimSpace(text), "[") {
		var items []json.RawMessage
		unmarshal(t, text, &items)
		i := int(name[0] - '0')
		if nested {
			inner = changed(t, string(items[i]), "/"+rest, value)
		}
		items[i] = json.RawMessage(inner)
		return marshal(t, items)
	}
	var members map[string]json.RawMessage
	unmarshal(t, text, &members)
	if nested {
		inner = changed(t, string(members[name]), "/"+rest, value)
	}
	if members[name] = json.RawMessage(inner); inner == "" {
		delete(members, name)
	}
	return marshal(t, members)
}

func unmarshal(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

func marshal(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
