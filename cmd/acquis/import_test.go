package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/go-json-experiment/json"
)

// moveEnv is the environment of commands that talk to a server with the root credential.
func moveEnv(p *serving) []string {
	return []string{"ACQUIS_ROOT_KEY=boss", "ACQUIS_ROOT_SECRET=open-sesame", "ACQUIS_LISTEN=" + strings.TrimPrefix(p.url, "http://")}
}

func serveMoving(t *testing.T) *serving {
	t.Helper()
	return serve(t, []string{"ACQUIS_ROOT_KEY=boss", "ACQUIS_ROOT_SECRET=open-sesame"}, "--data", t.TempDir())
}

func wantIn(t *testing.T, said string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(said, part) {
			t.Errorf("%q is missing in:\n%s", part, said)
		}
	}
}

func written(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func zip(t *testing.T, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(content))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestImport takes in each form of file, and the same again.
func TestImport(t *testing.T) {
	p := serveMoving(t)
	env := moveEnv(p)
	one := func() string { return simple(uuid.NewString()) }
	asText := func(s string) string {
		quoted, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(quoted)
	}
	for name, content := range map[string][]byte{
		"lines.ndjson":    []byte(one() + "\n" + one() + "\n\n" + one()),
		"array.json":      []byte("[" + one() + ",\n" + one() + "," + one() + "]"),
		"zipped.gz":       zip(t, one()+"\n"+one()+"\n"+one()),
		"page.json":       []byte(`{"statements":[` + one() + "," + one() + "," + one() + `],"more":""}`),
		"locker.json":     []byte(`{"_id":{"$oid":"1"},"statement":` + one() + "}\n" + `{"statement":` + one() + "}\n" + `{"statement":` + one() + "}\n"),
		"lrsql.ndjson":    []byte(`{"payload":` + one() + "}\n" + `{"payload":` + asText(one()) + "}\n" + `{"payload":` + one() + "}\n"),
		"ralph.ndjson":    []byte(`{"_source":` + one() + "}\n" + `{"event":` + asText(one()) + "}\n" + one() + "\n"),
		"indented.ndjson": []byte(strings.ReplaceAll(one()+"\n"+one()+"\n"+one(), ",", ",\n  ")),
	} {
		t.Run(name+" is taken in, and changes nothing when it comes again", func(t *testing.T) {
			path := written(t, name, content)
			wantIn(t, runs(t, env, "import", path, "--batch", "2"), "3 statements: 3 stored, 0 were there already, 0 refused")
			wantIn(t, runs(t, env, "import", path), "3 statements: 0 stored, 3 were there already, 0 refused")
			if left, err := filepath.Glob(path + ".*"); err != nil || len(left) > 0 {
				t.Errorf("it left %v (%v)", left, err)
			}
		})
	}
	t.Run("every line that is refused is listed with its number and all that is wrong, and the rest is stored", func(t *testing.T) {
		var b strings.Builder
		for i := range 500 {
			if i%100 == 41 {
				b.WriteString(strings.Replace(one(), `"mbox":"mailto:`, `"mbox":"`, 1))
			} else {
				b.WriteString(one())
			}
			b.WriteString("\n")
		}
		b.WriteString("{\n")
		path := written(t, "bad.ndjson", []byte(b.String()))
		wantIn(t, fails(t, env, "import", path, "--batch", "30", "--in-flight", "3"), "501 statements: 495 stored, 0 were there already, 6 refused", path+".refused.ndjson")
		list, err := os.ReadFile(path + ".refused.ndjson")
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for line := range strings.Lines(string(list)) {
			var r refusal
			if err := json.Unmarshal([]byte(line), &r); err != nil || len(r.Violations) == 0 || r.Statement == "" {
				t.Fatalf("%v in %s", err, line)
			}
			lines = append(lines, fmt.Sprint(r.Line))
		}
		if got := strings.Join(lines, " "); got != "42 142 242 342 442 501" {
			t.Errorf("lines %s", got)
		}
	})
	t.Run("what an import was cut in goes on after what was done, and lists nothing twice", func(t *testing.T) {
		content := one() + "\nx\n" + one() + "\ny\n" + one() + "\n"
		path := written(t, "cut.ndjson", []byte(content))
		from, err := openArchive(path, "")
		if err != nil {
			t.Fatal(err)
		}
		c := ImportCmd{File: path}
		j, err := c.openJournal(from)
		if err != nil {
			t.Fatal(err)
		}
		j.Items = 2
		if err := errors.Join(j.list(refusal{Line: 2}), j.save(), j.list(refusal{Line: 99}), j.refused.Close()); err != nil { // the last was not saved: a kill came between
			t.Fatal(err)
		}
		wantIn(t, fails(t, env, "import", path), "going on after 2 statements", "5 statements: 2 stored, 0 were there already, 2 refused")
		list, err := os.ReadFile(path + ".refused.ndjson")
		if err != nil || strings.Count(string(list), "\n") != 2 || strings.Contains(string(list), "99") {
			t.Errorf("%v: %s", err, list)
		}
	})
	t.Run("a file that changed since is not gone on with", func(t *testing.T) {
		path := written(t, "changed.ndjson", []byte(one()+"\n"))
		if err := os.WriteFile(path+".importing", []byte(`{"stamp":"other","items":1}`), 0o600); err != nil {
			t.Fatal(err)
		}
		wantIn(t, fails(t, env, "import", path), "has changed", "--restart")
		wantIn(t, runs(t, env, "import", path, "--restart"), "1 statements: 1 stored")
	})
	t.Run("attachments lie beside", func(t *testing.T) {
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte("certificate")))
		statement := strings.Replace(one(), `{"id"`, fmt.Sprintf(`{"attachments":[{"usageType":"https://u.example/x","display":{"en":"x"},"contentType":"text/plain","length":11,"sha2":%q}],"id"`, sum), 1)
		path := written(t, "with.ndjson", []byte(statement+"\n"+one()))
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, sum), []byte("certificate"), 0o600); err != nil {
			t.Fatal(err)
		}
		wantIn(t, fails(t, env, "import", path), "1 stored", "1 refused")
		wantIn(t, runs(t, env, "import", path, "--attachments", folder), "1 stored, 1 were there already, 0 refused")
	})
	t.Run("an array that breaks off is told, and what comes before is stored", func(t *testing.T) {
		path := written(t, "broken.json", []byte("["+one()+",\n"+one()+",\n{"))
		wantIn(t, fails(t, env, "import", path), "line 3", "2 statements are dealt with")
	})
	t.Run("a folder without a manifest is told", func(t *testing.T) {
		wantIn(t, fails(t, env, "import", t.TempDir()), "no export")
	})
}
