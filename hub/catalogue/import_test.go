package catalogue_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/sheet"
	"acquis/lrs"
)

const wholeYAML = `
expertises:
  - {id: data, title: {fr: Données, en: Data}, order: 1}
providers:
  - {id: campus, title: {fr: Campus}}
items:
  - id: sql
    title: {fr: Interroger une base, en: Querying a database}
    expertise: data
    provider: campus
    languages: [fr, en]
    minutes: 45
    modality: online
    activities:
      - https://campus.example/modules/sql
      - {prefix: "https://courses.example/42-", scale: fraction, extensions: ["https://courses.example/progress"], passedAt: 0.7, parts: true}
  - id: python
    title: {fr: Python}
    activities: ["https://campus.example/modules/python*"]
  - id: analyst
    title: {fr: Analyste}
    versions:
      - {to: 2026-06-30, rule: "1 of: sql python"}
      - {from: 2026-07-01, rule: "all: sql + sequence: python"}
mappings:
  - {pattern: 'https://lms\.example/course/\d+/sql', source: moodle, item: sql}
`

func (s *stage) take(t *testing.T, format catalogue.Format, file string) (catalogue.Report, error) {
	t.Helper()
	return s.Import(t.Context(), operator, catalogue.Import{Format: format, File: []byte(file)})
}

func TestCatalogue_Import(t *testing.T) {
	backends(t, func(t *testing.T, s *stage) {
		t.Run("a dry run says what would be done, and does nothing", func(t *testing.T) {
			report, err := s.Import(t.Context(), operator, catalogue.Import{Format: catalogue.YAML, File: []byte(wholeYAML), DryRun: true})
			must(t, err)
			if report.Counts[catalogue.Added] != 9 || len(s.Picture().Items()) != 0 || len(s.acts) != 0 {
				t.Errorf("%+v; there are %d items, and on record is %+v", report, len(s.Picture().Items()), s.acts)
			}
		})
		t.Run("a catalogue in YAML is taken as it stands", func(t *testing.T) {
			_, err := s.take(t, catalogue.YAML, wholeYAML)
			must(t, err)
			sql, _ := s.Picture().Item("sql")
			want := catalogue.Item{
				ID: "sql", Kind: catalogue.Module, Status: catalogue.Live, Title: catalogue.Text{"fr": "Interroger une base", "en": "Querying a database"},
				Expertise: "data", Provider: "campus", Languages: []string{"fr", "en"}, Minutes: 45, Modality: catalogue.Online,
			}
			if diff := cmp.Diff(want, sql); diff != "" {
				t.Error(diff)
			}
			analyst, _ := s.Picture().Item("analyst")
			if got := analyst.Versions; len(got) != 2 || got[1].Rule.String() != "all: sql + sequence: python" || got[0].InForce.To != hub.NewDay(2026, 6, 30) || !got[1].Begun {
				t.Errorf("%+v", got)
			}
			for iri, item := range map[string]hub.ItemID{"https://campus.example/modules/sql": "sql", "https://courses.example/42-x": "sql", "https://campus.example/modules/python3": "python", "https://lms.example/course/7/sql": "sql"} {
				if m, ok := s.Picture().Match("moodle", iri); !ok || m.Item != item {
					t.Errorf("%s is under %+v", iri, m)
				}
			}
			if m, _ := s.Picture().Match("", "https://courses.example/42-x"); m.PassedAt != 0.7 || !m.Parts || m.Progress.Scale != catalogue.Fraction || len(m.Progress.Extensions) != 1 {
				t.Errorf("%+v", m)
			}
		})
		t.Run("the same file again changes nothing", func(t *testing.T) {
			report, err := s.take(t, catalogue.YAML, wholeYAML)
			must(t, err)
			if diff := cmp.Diff(map[catalogue.Action]int{catalogue.Unchanged: 9}, report.Counts); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("what a CSV leaves out stays, and its encoding is said", func(t *testing.T) {
			report, err := s.take(t, catalogue.CSV, "id;title_fr;minutes\nsql;\xc9crire du SQL;50\nnew;Nouveau;\n")
			must(t, err)
			sql, _ := s.Picture().Item("sql")
			if report.Encoding != sheet.Windows1252 || sql.Title["fr"] != "Écrire du SQL" || sql.Title["en"] == "" || sql.Expertise != "data" || sql.Minutes != 50 {
				t.Errorf("%+v %+v", report, sql)
			}
			if diff := cmp.Diff([]catalogue.Step{
				{Line: 2, Target: "item/sql", Action: catalogue.Changed, Fields: []string{"title", "minutes"}},
				{Line: 3, Target: "item/new", Action: catalogue.Added},
			}, report.Steps); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("a CSV of mappings is told by its column iri", func(t *testing.T) {
			_, err := s.take(t, catalogue.CSV, "iri,item,form,passed_at,parts\nurn:x:1,sql,,\"0,5\",oui\nurn:x:,python,prefix,,\n")
			must(t, err)
			if m, ok := s.Picture().Match("", "urn:x:1"); !ok || m.Item != "sql" || m.PassedAt != 0.5 || !m.Parts {
				t.Errorf("%+v", m)
			}
		})
		t.Run("a rule in a CSV is a version from its day on", func(t *testing.T) {
			_, err := s.take(t, catalogue.CSV, "id;title_fr;rule;from\nnewer;Neuf;sql python;\nnewer;Neuf;2 of: sql python new;01/12/2026\n")
			if diff := cmp.Diff([]string{"/line/3 repeated"}, rules(err)); diff != "" {
				t.Error(diff)
			}
			_, err = s.take(t, catalogue.CSV, "id;title_fr;rule;from\nnewer;Neuf;sql python;\n")
			must(t, err)
			_, err = s.take(t, catalogue.CSV, "id;rule;from\nnewer;2 of: sql python new;01/12/2026\n")
			must(t, err)
			if newer, _ := s.Picture().Item("newer"); len(newer.Versions) != 2 || newer.Versions[0].InForce.To != hub.NewDay(2026, 11, 30) || newer.Versions[1].Begun || newer.Kind != catalogue.Parcours {
				t.Errorf("%+v", newer)
			}
		})
		t.Run("every line at fault is said, and nothing is changed", func(t *testing.T) {
			before, _ := s.Picture().Item("sql")
			_, err := s.take(t, catalogue.CSV, "id;title_fr;kind;expertise;minutes;rule;from;activities\n"+
				"sql;Autre;;;60;;;\n"+
				"Bad Id;;course;nowhere;soon;;;\n"+
				"p1;P;;;;all: p2;;\n"+
				"p2;P;;;;all: p1;;urn:y\n"+
				"p3;P;;;;3 from: a;2026-02-30;urn:y\n")
			want := []string{"/line/3/minutes number", "/line/6/from date", "/line/6/rule rule"}
			if diff := cmp.Diff(want, rules(err)); diff != "" {
				t.Error(diff)
			}
			_, err = s.take(t, catalogue.CSV, "id;title_fr;kind;expertise;rule;activities\n"+
				"sql;Autre;;;;\n"+
				"Bad Id;;course;nowhere;;\n"+
				"p1;P;;;all: p2;\n"+
				"p2;P;;;all: p1;urn:y\n"+
				"p3;P;;;sql;urn:y\n")
			want = []string{"/line/3/id id", "/line/3/kind value", "/line/3/title required", "/line/3/expertise unknown", "/line/6 repeated", "/line/5/rule cycle"}
			if diff := cmp.Diff(want, rules(err)); diff != "" {
				t.Error(diff)
			}
			if err == nil || !strings.Contains(err.Error(), "p1 (P) asks for p2 (P) asks for p1 (P)") {
				t.Errorf("the cycle is not named: %v", err)
			}
			if after, _ := s.Picture().Item("sql"); !cmp.Equal(before, after) {
				t.Errorf("it is %+v now", after)
			}
		})
	})
}

func TestCatalogue_Import_yamlFaults(t *testing.T) {
	s := embedded(t)
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"an empty file":         {"", []string{"/line/1 yaml"}},
		"two documents":         {"items: []\n---\nitems: []\n", []string{"/line/2 yaml"}},
		"broken YAML":           {"items:\n  - {id: a\n", []string{"/line/1 yaml"}},
		"another shape":         {"- id: a\n", []string{"/line/1 type"}},
		"unknown members":       {"item: []\nitems:\n  - id: a\n    titel: {fr: A}\n", []string{"/line/1 unknown-member", "/line/4 unknown-member"}},
		"wrong types":           {"items:\n  - id: a\n    title: A\n    minutes: soon\n    languages: fr\n", []string{"/line/3/title type", "/line/5/languages type", "/line/4/minutes number"}},
		"aliases":               {"items:\n  - &a {id: a, title: {fr: A}}\n  - *a\n", []string{"/line/3/items type", "/line/3/id required"}},
		"two forms":             {"mappings:\n  - {exact: 'urn:a', prefix: 'urn:b', item: a}\n", []string{"/line/2/prefix form"}},
		"no form":               {"mappings:\n  - {item: a}\n", []string{"/line/2 form"}},
		"a rule and a bad day":  {"items:\n  - id: a\n    title: {fr: A}\n    versions:\n      - {from: soon}\n", []string{"/line/5/from date", "/line/5/rule required"}},
		"not UTF-8":             {"items: \xff", []string{"/line/1 encoding"}},
		"what is judged later":  {"items:\n  - {id: a, title: {fr: A}, status: open}\nproviders:\n  - {id: B}\n", []string{"/line/4/id id", "/line/4/title required", "/line/2/status value"}},
		"nothing but a comment": {"# nothing\n", []string{"/line/1 yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.take(t, catalogue.YAML, c.file)
			if diff := cmp.Diff(c.want, rules(err)); diff != "" || lrs.KindOf(err) != lrs.KindInvalid {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
}

func TestParseRule(t *testing.T) {
	t.Run("a rule is read as it is written", rapid.MakeCheck(func(t *rapid.T) {
		rule := drawRule(t)
		read, err := catalogue.ParseRule(rule.String())
		if err != nil || !cmp.Equal(rule, read) {
			t.Fatalf("%s is read as %v: %v", rule, read, err)
		}
	}))
	t.Run("what is no rule is refused", func(t *testing.T) {
		for _, text := range []string{"", "all:", "two of: a b", "0 of: a", "a + ", "any: a", "1 of a: b"} {
			if rule, err := catalogue.ParseRule(text); err == nil {
				t.Errorf("%q is read as %v", text, rule)
			}
		}
	})
}

func FuzzImport(f *testing.F) {
	f.Add(true, []byte(wholeYAML))
	f.Add(false, []byte("id;title_fr;rule;activities\na;A;;urn:x*\np;P;all: a;\n"))
	f.Add(false, []byte("iri;item;form\nurn:x;a;pattern\n"))
	f.Add(true, []byte("items: [{id: a, title: {fr: A}, rule: 'a'}]"))
	f.Add(true, []byte("items:\n  - &a {id: a}\n  - <<: *a\n"))
	s := embedded(f)
	f.Fuzz(func(t *testing.T, inYAML bool, file []byte) {
		format := catalogue.CSV
		if inYAML {
			format = catalogue.YAML
		}
		report, err := s.Import(t.Context(), operator, catalogue.Import{Format: format, File: file, DryRun: true})
		if err != nil && lrs.KindOf(err) == 0 {
			t.Fatalf("a file makes an internal fault: %v", err)
		}
		if err == nil {
			for _, step := range report.Steps {
				if step.Line < 1 || step.Target == "" {
					t.Fatalf("a step has no line: %+v", step)
				}
			}
		}
	})
}
