package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHub_importCatalogue(t *testing.T) {
	env := []string{"ACQUIS_ROOT_KEY=boss", "ACQUIS_ROOT_SECRET=open-sesame"}
	p := serve(t, env, "--data", t.TempDir())
	env = append(env, "ACQUIS_LISTEN="+strings.TrimPrefix(p.url, "http://"))
	file := func(name, content string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	says := func(said string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(said, part) {
				t.Errorf("%q is missing in:\n%s", part, said)
			}
		}
	}
	table := file("catalogue.csv", "id;title_fr;activities\nsql;Interroger une base;https://lms.example/course/7\n")
	t.Run("a dry run says what would be done, and the import does it", func(t *testing.T) {
		says(runs(t, env, "hub", "import", "catalogue", table, "--dry-run"), "item/sql", "2 added, 0 changed, 0 unchanged would be")
		says(runs(t, env, "hub", "import", "catalogue", table), "2 added")
		says(runs(t, env, "hub", "import", "catalogue", table), "Nothing is new.", "2 unchanged")
	})
	t.Run("faults are listed by line", func(t *testing.T) {
		bad := file("catalogue.yaml", "items:\n  - {id: a, title: {fr: A}, rule: 'b'}\n  - {id: b, title: {fr: B}, rule: 'a'}\n")
		says(fails(t, env, "hub", "import", "catalogue", bad), "/line/3/rule", "a (A) asks for b (B) asks for a (A)")
		says(fails(t, env, "hub", "import", "catalogue"), "name a file, or say --starter")
	})
	t.Run("the catalogue that comes along is taken once", func(t *testing.T) {
		says(runs(t, env, "hub", "import", "catalogue", "--starter"), "item/decouvrir-data")
		says(runs(t, env, "hub", "import", "catalogue", "--starter"), "0 added, 0 changed")
		says(p.must(t, "boss", "open-sesame", "GET", "/api/openapi.json", "", 200).body, "/api/catalogue/items", "/api/figures/training")
	})
}
