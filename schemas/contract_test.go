package schemas_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/schemas"
)

func contract(tb testing.TB, document string) *schemas.Contract {
	tb.Helper()
	c, err := schemas.NewContract([]byte(document))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// nested puts a schema under so many others.
func nested(schema string, levels int) string {
	return strings.Repeat(`{"items":`, levels) + schema + strings.Repeat(`}`, levels)
}

// doubled is a chain of definitions, each of which refers to the next one twice.
func doubled(links int) string {
	var b strings.Builder
	b.WriteString(`{"$ref": "#/definitions/d0", "definitions": {`)
	for i := range links {
		fmt.Fprintf(&b, `"d%d": {"allOf": [{"$ref": "#/definitions/d%d"}, {"$ref": "#/definitions/d%d"}]},`, i, i+1, i+1)
	}
	fmt.Fprintf(&b, `"d%d": {}}}`, links)
	return b.String()
}

func TestNewContractRefuses(t *testing.T) {
	for name, test := range map[string]struct{ document, want string }{
		"what is not JSON":               {`{`, " schema"},
		"what is not an object":          {`[]`, " schema"},
		"another dialect":                {`{"$schema": "https://json-schema.org/draft/2020-12/schema"}`, " schema"},
		"what the meta-schema refuses":   {`{"type": "objekt"}`, " schema"},
		"a reference to a web page":      {`{"$ref": "https://example.com/schema.json"}`, "/$ref reference"},
		"a reference to a file":          {`{"items": {"$ref": "file:///etc/hostname"}}`, "/items/$ref reference"},
		"a reference that leads nowhere": {`{"$ref": "#/definitions/a"}`, " schema"},
		"what is too large":              {`{"title": "` + strings.Repeat("x", 256<<10) + `"}`, " too-large"},

		"a reference to what is no definition": {`{"properties": {"a": {"$ref": "#/properties/b"}, "b": {}}}`, "/properties/a/$ref reference"},
		"definitions below the root":           {`{"items": {"definitions": {"a": {}}}}`, "/items/definitions reference"},
		"recursion":                            {`{"$ref": "#/definitions/a", "definitions": {"a": {"items": {"$ref": "#/definitions/a"}}}}`, " recursion"},
		"recursion through two":                {`{"$ref": "#/definitions/a", "definitions": {"a": {"items": {"$ref": "#/definitions/b"}}, "b": {"properties": {"x": {"$ref": "#/definitions/a"}}}}}`, " recursion"},
		"references that double":               {doubled(30), " too-costly"},
		"nesting":                              {nested(`{}`, 48), strings.Repeat("/items", 48) + " too-costly"},

		"a keyword that is misspelt":         {`{"requierd": ["a"]}`, "/requierd keyword"},
		"a keyword of a later draft":         {`{"properties": {"a": {"unevaluatedProperties": false}}}`, "/properties/a/unevaluatedProperties keyword"},
		"a keyword that nobody checks":       {`{"contentEncoding": "base64"}`, "/contentEncoding keyword"},
		"a misspelt keyword in a definition": {`{"definitions": {"a": {"patern": "x"}}}`, "/definitions/a/patern keyword"},
		"a format that nobody knows":         {`{"properties": {"a": {"format": "xapi-irl"}}}`, "/properties/a/format format"},
		"the format of regular expressions":  {`{"format": "regex"}`, "/format format"},
		"a length beyond reason":             {`{"maxLength": 1e300}`, "/maxLength too-costly"},

		"a pattern that looks around":          {`{"patternProperties": {"^(?!x)": {}}}`, "/patternProperties/^(?!x) pattern"},
		"a pattern with a back-reference":      {`{"pattern": "(a)\\1"}`, "/pattern pattern"},
		"a pattern that is too long":           {`{"pattern": "` + strings.Repeat("a", 501) + `"}`, "/pattern pattern"},
		"a pattern that repeats by number":     {`{"pattern": "([a-z]{100}){10}"}`, "/pattern pattern"},
		"a pattern that explodes":              {`{"properties": {"a": {"pattern": "^(a+)+$"}}}`, "/properties/a/pattern pattern"},
		"a pattern that explodes by property":  {`{"patternProperties": {"^(a*)*$": {}}}`, "/patternProperties/^(a*)*$ pattern"},
		"patterns that cost too much together": {`{"items": {"allOf": [` + strings.Repeat(`{"pattern": "[a-z]{400}x"},`, 4) + `{"pattern": "[a-z]{400}x"}]}}`, " too-costly"},

		"a header that is no object":          {`{"x-contract": "pix"}`, "/x-contract header"},
		"a header without a version":          {`{"x-contract": {"name": "pix"}}`, "/x-contract/version header"},
		"a name that climbs out of a folder":  {`{"x-contract": {"name": "../pix", "version": "1"}}`, "/x-contract/name header"},
		"a version with a slash":              {`{"x-contract": {"name": "pix", "version": "1/2"}}`, "/x-contract/version header"},
		"a header with an unknown property":   {`{"x-contract": {"name": "pix", "version": "1", "abuot": {}}}`, "/x-contract/abuot header"},
		"about with an unknown property":      {`{"x-contract": {"name": "pix", "version": "1", "about": {"verb": []}}}`, "/x-contract/about/verb header"},
		"about that is a list":                {`{"x-contract": {"name": "pix", "version": "1", "about": []}}`, "/x-contract/about header"},
		"about nothing":                       {`{"x-contract": {"name": "pix", "version": "1", "about": {"verbs": []}}}`, "/x-contract/about/verbs header"},
		"about a verb that is no IRI":         {`{"x-contract": {"name": "pix", "version": "1", "about": {"verbs": ["http://example.com/v", "completed"]}}}`, "/x-contract/about/verbs/1 header"},
		"about an activity that is no prefix": {`{"x-contract": {"name": "pix", "version": "1", "about": {"activities": [7]}}}`, "/x-contract/about/activities/0 header"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := schemas.NewContract([]byte(test.document))
			var refusal *schemas.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("not refused: %v", err)
			}
			if diff := cmp.Diff([]string{test.want}, rulesOf(refusal.Violations)); diff != "" {
				t.Errorf("-want +got:\n%s\n%v", diff, err)
			}
		})
	}
	t.Run("and lists every fault", func(t *testing.T) {
		_, err := schemas.NewContract([]byte(`{"requierd": [], "x-contract": {}, "pattern": "(a+)+"}`))
		var refusal *schemas.Refusal
		if !errors.As(err, &refusal) || len(refusal.Violations) != 4 || strings.Count(refusal.Error(), ";") < 3 {
			t.Errorf("%v", err)
		}
	})
}

func TestNewContractAcceptsPatternsThatAreHarmless(t *testing.T) {
	for _, pattern := range []string{
		`^[a-z0-9]+(-[a-z0-9]+)*$`, `^(a|b)+$`, `^([0-9]{2})+$`, `^(?:[^/]+/)*[^/]+$`, `(ab?)+`, `^\p{L}{1,20}( \p{L}{1,20})*$`, `^(\.[a-z]{1,10})*`, `([ab]{1,3})+c`,
	} {
		text, err := json.Marshal(pattern)
		if err != nil {
			t.Fatal(err)
		}
		contract(t, `{"pattern": `+string(text)+`}`)
	}
}

func TestNewContractRefusesPatternsThatExplode(t *testing.T) {
	for _, pattern := range []string{
		`(a+)+`, `(?:a+)+`, `(a*)*b`, `^(([a-z])+.?)+$`, `(a+b*)+`, `([a-z]+|x)*`, `((a+))*`, `^(a?b*)+$`, `(x(y+)+z)`, `(a+){2,}`, `(a{2,})*`, `(a|b+){20}`, `(\b[a-z]+)*`,
	} {
		t.Run(pattern, func(t *testing.T) {
			text, err := json.Marshal(pattern)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := schemas.NewContract([]byte(`{"pattern": ` + string(text) + `}`)); err == nil {
				t.Error("it is taken")
			}
		})
	}
}

func TestContractIsAbout(t *testing.T) {
	const verb, other, course = "http://example.com/verbs/a", "http://example.com/verbs/b", "https://example.com/courses/1"
	for name, test := range map[string]struct {
		header         string
		verb, activity string
		want           bool
	}{
		"everything, without a header":           {``, other, course, true},
		"other objects, too, without a header":   {``, other, "", true},
		"no voiding":                             {``, "http://adlnet.gov/expapi/verbs/voided", "", false},
		"no voiding, even when it lists it":      {`"verbs": ["http://adlnet.gov/expapi/verbs/voided"]`, "http://adlnet.gov/expapi/verbs/voided", "", false},
		"a verb that it lists":                   {`"verbs": ["` + verb + `"]`, verb, "", true},
		"no other verb":                          {`"verbs": ["` + verb + `"]`, other, course, false},
		"activities that begin so":               {`"activities": ["https://a.example/", "https://example.com/courses/"]`, other, course, true},
		"no other activity":                      {`"activities": ["https://example.com/paths/"]`, verb, course, false},
		"no other object, if it lists some":      {`"activities": ["https://example.com/"]`, verb, "", false},
		"what fits both lists":                   {`"verbs": ["` + verb + `"], "activities": ["https://example.com/"]`, verb, course, true},
		"nothing that fits one of two lists":     {`"verbs": ["` + verb + `"], "activities": ["https://example.com/"]`, other, course, false},
		"nothing that fits the other of the two": {`"verbs": ["` + verb + `"], "activities": ["https://b.example/"]`, verb, course, false},
	} {
		t.Run(name, func(t *testing.T) {
			document := `{}`
			if test.header != "" {
				document = `{"x-contract": {"name": "a", "version": "1", "about": {` + test.header + `}}}`
			}
			if got := contract(t, document).About(test.verb, test.activity); got != test.want {
				t.Errorf("about it: %v", got)
			}
		})
	}
}

func TestContractJudges(t *testing.T) {
	t.Run("and names itself where a rule names no section", func(t *testing.T) {
		c := contract(t, `{"x-contract": {"name": "campus", "version": "2026-09"}, "required": ["a"], "properties": {"b": {"$comment": "Campus 3", "type": "string"}}}`)
		want := []schemas.Violation{
			{Rule: "required", Detail: `The property "a" is missing; add it.`, Section: "campus 2026-09"},
			{Pointer: "/b", Rule: "type", Detail: "Write a value of type string; this is of type integer.", Section: "Campus 3"},
		}
		if diff := cmp.Diff(want, c.Judge([]byte(`{"b": 1}`))); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("and explains names that fit a pattern", func(t *testing.T) {
		c := contract(t, `{"patternProperties": {"^x-": {"type": "string", "x-explain": {"type": {"rule": "own", "detail": "Write a text."}}}}, "additionalProperties": {"type": "integer"}}`)
		if got := rulesOf(c.Judge([]byte(`{"x-a": 1, "b": "c"}`))); !cmp.Equal(got, []string{"/x-a own", "/b type"}) {
			t.Error(got)
		}
	})
	t.Run("what is not JSON", func(t *testing.T) {
		if got := rulesOf(contract(t, `{}`).Judge([]byte(`{`))); !cmp.Equal(got, []string{" json"}) {
			t.Error(got)
		}
	})
	t.Run("no statement beyond 64 KiB", func(t *testing.T) {
		large := []byte(`{"a": "` + strings.Repeat("x", 64<<10) + `"}`)
		if got := rulesOf(contract(t, `{}`).Judge(large)); !cmp.Equal(got, []string{" too-large"}) {
			t.Error(got)
		}
	})
	t.Run("at most a hundred faults", func(t *testing.T) {
		faulty := []byte(`[` + strings.Repeat(`1,`, 5000) + `1]`)
		if got := contract(t, `{"items": {"type": "string"}}`).Judge(faulty); len(got) != 100 {
			t.Errorf("%d", len(got))
		}
	})
	t.Run("by the document that it gives out", func(t *testing.T) {
		document := `{"title": "A", "required": ["a"]}`
		c := contract(t, document)
		c.Document()[0] = 'x'
		if string(c.Document()) != document || c.Title != "A" {
			t.Errorf("%s %s", c.Title, c.Document())
		}
	})
}

// FuzzContract holds that no schema and no statement make the judge panic, and that what is refused says why.
func FuzzContract(f *testing.F) {
	for _, c := range sources(f) {
		good, bad := corpusOf(f, c)
		for _, statement := range good {
			f.Add(c.Document(), written(f, statement))
		}
		for _, b := range bad {
			f.Add(c.Document(), written(f, merged(good[b.From], b.Change)))
		}
	}
	for _, document := range []string{
		`{"x-contract": {"name": "a", "version": "1", "about": {"verbs": ["urn:v"], "activities": ["urn:"]}}, "not": {"contains": {"enum": [1, 1e400, null]}}, "uniqueItems": true}`,
		`{"patternProperties": {"^a{2,3}$": false}, "dependencies": {"a": ["b"], "c": {"minProperties": 2}}, "propertyNames": {"format": "email"}}`,
		`{"if": {"const": 1e-400}, "then": {"multipleOf": 1e-300}, "else": {"oneOf": [true, {"minItems": 1e300}]}}`,
		`{"items": [{"$ref": "#/definitions/a~1b"}], "additionalItems": {"format": "uri-template"}, "definitions": {"a/b": {"minLength": 3}}}`,
	} {
		f.Add([]byte(document), []byte(`{"a": [1, 1e400, {"a": "\u0000"}], "aa": null}`))
		f.Add([]byte(document), []byte(`[[], [1, 1.0], "a@b", 1e-400]`))
	}
	f.Fuzz(func(t *testing.T, document, statement []byte) {
		c, err := schemas.NewContract(document)
		if err != nil {
			var refusal *schemas.Refusal
			if !errors.As(err, &refusal) || len(refusal.Violations) == 0 || refusal.Violations[0].Detail == "" {
				t.Fatalf("refused without a reason: %v", err)
			}
			return
		}
		c.About("urn:v", string(statement))
		for _, v := range c.Judge(statement) {
			if v.Rule == "" || v.Detail == "" {
				t.Fatalf("a violation that says nothing: %+v", v)
			}
		}
	})
}

func BenchmarkContractIsAbout(b *testing.B) {
	for _, c := range sources(b) {
		b.Run(c.Name, func(b *testing.B) {
			for b.Loop() {
				c.About("http://adlnet.gov/expapi/verbs/answered", "https://example.com/modules/welcome/questions/1")
			}
		})
	}
}

func BenchmarkContractJudges(b *testing.B) {
	for _, c := range sources(b) {
		good, _ := corpusOf(b, c)
		b.Run(c.Name, func(b *testing.B) {
			statement := written(b, good["completed"])
			if c.Name == "pix" {
				statement = written(b, good["completed-assessment"])
			}
			b.ReportAllocs()
			for b.Loop() {
				if c.Judge(statement) != nil {
					b.Fatal("refused")
				}
			}
		})
	}
}
