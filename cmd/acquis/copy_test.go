package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"acquis/internal/mongotest"
	"acquis/storage"
	"acquis/storage/pebblestore"
)

// copied runs acquis copy, which must succeed, and returns the table that it prints.
func copied(t *testing.T, args ...string) string {
	t.Helper()
	out, err := command(t.Context(), nil, append([]string{"copy"}, args...)...).Output()
	if err != nil {
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("acquis copy: %v\n%s", err, failed.Stderr)
		}
		t.Fatal(err)
	}
	return string(out)
}

// worldOf serves a new store for a while and leaves statements in it. It returns the credential that was printed,
// a statement's path with the answer to it, and a more link that was not followed yet.
func worldOf(t *testing.T, dir string) (key, secret, path, body, more string) {
	t.Helper()
	p := serve(t, nil, "--data", dir)
	ids := make([]string, 3)
	for n := range ids {
		ids[n] = uuid.NewString()
		p.must(t, p.key, p.secret, "POST", "/xapi/statements", simple(ids[n]), 200)
	}
	path = "/xapi/statements?format=exact&statementId=" + ids[0]
	body = p.must(t, p.key, p.secret, "GET", path, "", 200).body
	page := p.must(t, p.key, p.secret, "GET", "/xapi/statements?limit=2", "", 200).body
	_, rest, found := strings.Cut(page, `"more":"`)
	more, _, _ = strings.Cut(rest, `"`)
	if !found || more == "" {
		t.Fatalf("the page has no more link: %s", page)
	}
	p.stop(t)
	p.ends(t, 0)
	return p.key, p.secret, path, body, more
}

func TestCopy(t *testing.T) {
	dirs := t.TempDir()
	first, last := filepath.Join(dirs, "first"), filepath.Join(dirs, "last")
	key, secret, path, body, more := worldOf(t, first)
	uri := filepath.Join(dirs, "uri")
	if err := os.WriteFile(uri, []byte(mongotest.Database(t)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	there := copied(t, "--from", first, "--to-file", uri)
	back := copied(t, "--from-file", uri, "--to", last)
	if there != back || !strings.Contains(there, "\nlog ") {
		t.Errorf("the digests of a copy and of its copy differ:\n%s\n%s", there, back)
	}
	p := serve(t, nil, "--data", last)
	if got := p.must(t, key, secret, "GET", path, "", 200).body; got != body {
		t.Errorf("the copy serves the statement as\n%s\nwant\n%s", got, body)
	}
	p.must(t, key, secret, "GET", more, "", 200)
	p.must(t, key, secret, "POST", "/xapi/statements", simple(uuid.NewString()), 200)
}

func TestCopy_refused(t *testing.T) {
	dirs := t.TempDir()
	at := func(name string) string { return filepath.Join(dirs, name) }
	worldOf(t, at("full"))
	worldOf(t, at("other"))
	copied(t, "--from", at("full"), "--to", at("copy"))
	unfinished, err := pebblestore.Open(pebblestore.Options{Dir: at("unfinished"), Filling: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unfinished.BeginImport(t.Context(), storage.Import{Source: "another"}); err != nil {
		t.Fatal(err)
	}
	if err := unfinished.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("empty"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	running := serve(t, nil, "--data", at("running"))
	defer running.kill()
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"a source that is not named", []string{"copy", "--to", at("new")}, "--from"},
		{"a source named twice", []string{"copy", "--from", at("full"), "--from-file", at("empty"), "--to", at("new")}, "can't be used together"},
		{"a file that names none", []string{"copy", "--from-file", at("empty"), "--to", at("new")}, "is empty"},
		{"a source that is not there", []string{"copy", "--from", at("new"), "--to", at("newer")}, "there is no store to copy in " + at("new")},
		{"a store to itself", []string{"copy", "--from", at("full"), "--to", at("full/../full")}, "both places are the same store"},
		{"a source in use", []string{"copy", "--from", at("running"), "--to", at("new")}, "stop the acquis that has it"},
		{"a target in use", []string{"copy", "--from", at("full"), "--to", at("running")}, "stop the acquis that has it"},
		{"a target with something else", []string{"copy", "--from", at("full"), "--to", at("other")}, "is not empty"},
		{"a target that is a finished copy", []string{"copy", "--from", at("full"), "--to", at("copy")}, "is not empty"},
		{"an unfinished copy of another store", []string{"copy", "--from", at("full"), "--to", at("unfinished")}, "no unfinished copy of this source"},
		{"an unfinished copy as a source", []string{"copy", "--from", at("unfinished"), "--to", at("new")}, "a copy that was not finished"},
		{"to serve an unfinished copy", []string{"serve", "--listen", "127.0.0.1:0", "--data", at("unfinished")}, "a copy that was not finished"},
		{"a connection string of another database", []string{"copy", "--from", at("full"), "--to", "postgres://ann:secret@db/new"}, "begins with mongodb://"},
		{"a connection string that is none", []string{"copy", "--from", at("full"), "--to", "mongodb://"}, "connection string"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if said := fails(t, nil, c.args...); !strings.Contains(said, c.want) || strings.Contains(said, "secret") {
				t.Errorf("acquis says\n%s\nwant %q in it", said, c.want)
			}
			if _, err := os.Stat(at("new")); err == nil {
				t.Error("what was refused left a directory behind")
			}
		})
	}
}
