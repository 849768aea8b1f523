package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHub_importDirectory(t *testing.T) {
	env := []string{"ACQUIS_ROOT_KEY=boss", "ACQUIS_ROOT_SECRET=open-sesame"}
	p := serve(t, env, "--data", t.TempDir())
	env = append(env, "ACQUIS_LISTEN="+strings.TrimPrefix(p.url, "http://"))
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "file.csv")
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
	organisations := file("id;name;kind;parent\nmarees;Marées;ministry;\nphares;Phares;directorate;marees\n")
	people := file("matricule;ministry;nom;mail;organisation\nM1;marees;Abricourt;a@marees.example;phares\nM2;marees;Brindazur;b@marees.example;phares\n")
	t.Run("a dry run says what would be done, and the import does it once", func(t *testing.T) {
		says(runs(t, env, "hub", "import", "organisations", organisations), "2 created")
		says(runs(t, env, "hub", "import", "people", people, "--dry-run"), "2 created, 0 updated", "nothing was changed")
		says(runs(t, env, "hub", "import", "people", people, "--reason", "rentrée"), "UTF-8: 2 lines; 2 created")
		says(runs(t, env, "hub", "import", "people", people), "Nothing is new.", "2 unchanged")
	})
	t.Run("faults are listed by line", func(t *testing.T) {
		says(fails(t, env, "hub", "import", "people", file("matricule;ministry;mail\nM3;marees;none\n")), "/line/2/mail")
		says(fails(t, env, "hub", "import", "organisations", file("id;name;kind;parent\nmarees;Marées;ministry;phares\n")), "Marées (marees)", "circle")
	})
	t.Run("it asks before it ends many", func(t *testing.T) {
		rest := file("matricule;ministry\nM1;marees\n")
		says(runs(t, env, "hub", "import", "people", rest, "--scope", "marees"), "1 absent, 0 ended")
		says(fails(t, env, "hub", "import", "people", rest, "--scope", "marees", "--end-absent"), "1 of the 2 people")
		says(runs(t, env, "hub", "import", "people", rest, "--scope", "marees", "--end-absent", "--end-count", "1"), "1 ended")
	})
	t.Run("what was done is in the audit log, and the routes are in the document", func(t *testing.T) {
		says(p.must(t, "boss", "open-sesame", "GET", "/api/audit?action=people.import", "", 200).body, `"actor":"boss"`, "created 2")
		says(p.must(t, "boss", "open-sesame", "GET", "/api/openapi.json", "", 200).body, "/api/people/import", "/api/identities")
	})
}

func TestServe_demoDirectory(t *testing.T) {
	p := serve(t, nil, "--demo", "--data", t.TempDir())
	var page struct{ Items []json.RawMessage }
	r := p.must(t, demoKey, demoSecret, "GET", "/api/people?limit=1000&population=agent", "", 200)
	if err := json.Unmarshal([]byte(r.body), &page); err != nil || len(page.Items) != 38 {
		t.Errorf("the demo has %d agents, %v", len(page.Items), err)
	}
	r = p.must(t, demoKey, demoSecret, "GET", "/api/organisations?kind=ministry", "", 200)
	if err := json.Unmarshal([]byte(r.body), &page); err != nil || len(page.Items) != 6 {
		t.Errorf("the demo has %d ministries, %v", len(page.Items), err)
	}
}
