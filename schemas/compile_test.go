package schemas_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/schemas"
)

func compile(t *testing.T, source string) *schemas.Schema {
	t.Helper()
	schema, err := schemas.Compile([]byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestCompileRefuses(t *testing.T) {
	for name, source := range map[string]string{
		"what is not JSON":                            `{`,
		"what is not an object":                       `[]`,
		"a property given twice":                      `{"type": "object", "type": "array"}`,
		"another dialect":                             `{"$schema": "https://json-schema.org/draft/2020-12/schema"}`,
		"what the meta-schema refuses":                `{"type": "objekt"}`,
		"a definition that is no schema":              `{"definitions": true}`,
		"a pattern that is no regular expression":     `{"pattern": "("}`,
		"a reference to a web page":                   `{"$ref": "http://127.0.0.1:1/schema.json"}`,
		"a reference to a file":                       `{"properties": {"a": {"$ref": "file:///etc/hostname"}}}`,
		"a relative reference":                        `{"$id": "http://127.0.0.1:1/a.json", "items": {"$ref": "b.json"}}`,
		"a reference to the meta-schema":              `{"$ref": "http://json-schema.org/draft-07/schema#"}`,
		"a reference under another base":              `{"items": {"$id": "http://127.0.0.1:1/", "items": {"$ref": "#/definitions/a"}}}`,
		"a reference that leads nowhere":              `{"$ref": "#/definitions/a"}`,
		"a reference to an anchor":                    `{"$ref": "#a", "definitions": {"a": {"$id": "#a"}}}`,
		"a reference to itself":                       `{"$ref": "#"}`,
		"references in a circle":                      `{"$ref": "#/definitions/a", "definitions": {"a": {"allOf": [{"$ref": "#/definitions/b"}]}, "b": {"if": {"$ref": "#/definitions/a"}}}}`,
		"references in a circle through dependencies": `{"dependencies": {"a": {"not": {"$ref": "#"}}}}`,
		"nesting without end":                         strings.Repeat(`{"not":`, 200) + `{}` + strings.Repeat(`}`, 200),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := schemas.Compile([]byte(source)); err == nil {
				t.Error("compiled")
			} else if strings.Contains(err.Error(), "connect") {
				t.Errorf("went out: %v", err)
			}
		})
	}
}

func TestPartnersSchema(t *testing.T) {
	schema := compile(t, `{
		"$schema": "http://json-schema.org/draft-07/schema#",
		"$id": "https://partner.example.com/profile.json",
		"$comment": "Partner profile 3",
		"properties": {
			"verb": {"properties": {"id": {"enum": ["http://example.com/a", "http://example.com/b"]}}},
			"context": {"$ref": "#/definitions/context"},
			"result": {"oneOf": [{"required": ["success"]}, {"required": ["score"]}]},
			"object": {"anyOf": [{"required": ["id"]}, {"type": "string"}], "not": {"required": ["definition"]}},
			"tree": {"$ref": "#/definitions/tree"}
		},
		"definitions": {
			"context": {"$comment": "Partner profile 4", "required": ["registration"], "properties": {"extensions": {"propertyNames": {"maxLength": 20}}},
				"x-explain": {"required": {"rule": "session", "detail": "Name the session by its registration."}}},
			"tree": {"properties": {"leaf": {"format": "xapi-uuid"}, "branches": {"items": {"$ref": "#/definitions/tree"}}}}
		}
	}`)
	for name, test := range map[string]struct {
		document string
		want     []string
	}{
		"accepts what it does not speak of":           {`{"actor": 1}`, nil},
		"explains itself":                             {`{"context": {}}`, []string{"/context session Partner profile 4"}},
		"looks at names":                              {`{"context": {"registration": 1, "extensions": {"http://example.com/too/long": 1}}}`, []string{"/context/extensions/http:~1~1example.com~1too~1long too-long Partner profile 4"}},
		"lists the allowed values":                    {`{"verb": {"id": "http://example.com/c"}}`, []string{"/verb/id value Partner profile 3"}},
		"tells what the nearest alternative lacks":    {`{"result": {}}`, []string{"/result required Partner profile 3"}},
		"tells when alternatives exclude each other":  {`{"result": {"success": true, "score": {}}}`, []string{"/result alternatives Partner profile 3"}},
		"tells what is forbidden":                     {`{"object": {"id": 1, "definition": {}}}`, []string{"/object forbidden Partner profile 3"}},
		"follows recursion":                           {`{"tree": {"branches": [{}, {"branches": [{"leaf": "x"}]}]}}`, []string{"/tree/branches/1/branches/0/leaf uuid Partner profile 3"}},
		"does not confuse names that hold separators": {`{"tree": {"branches": [{"leaf": "x", "a.b": 1, "\u0000": 2}]}}`, []string{"/tree/branches/0/leaf uuid Partner profile 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			violations, err := schema.Check([]byte(test.document))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range violations {
				got = append(got, v.Pointer+" "+v.Rule+" "+v.Section)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
