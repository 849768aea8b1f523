//go:build clients

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// partnersPage and clientsFolder are where the examples stand and where their npm client is installed.
const (
	partnersPage  = "../../docs/partners.md"
	clientsFolder = "../../tools/clients"
)

// example is code on the page that is run, with the answer that the page gives for it.
type example struct {
	name, language, code string
	answerKind, answer   string // json or text; "" when the page shows none
}

// block is a fenced block with the comment before it, if any. The fence of an answer follows its example.
var block = regexp.MustCompile("(?ms)^(?:<!-- (run|not run): ([^>]*) -->\n)?```([a-z]*)\n(.*?)^```$")

// examplesOf reads the examples of a page, in its order. Every block in a language that can be run must
// say whether it is.
func examplesOf(t *testing.T, page string) (found []example) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	answered := false // what the next block of an answer would belong to
	for _, b := range block.FindAllStringSubmatch(string(text), -1) {
		kind, name, language, code := b[1], b[2], b[3], b[4]
		switch {
		case kind == "run":
			found = append(found, example{name: name, language: language, code: code})
			answered = false
		case slices.Contains([]string{"sh", "js", "python"}, language) && kind == "":
			t.Errorf("a block of %s says neither that it is run nor why it is not:\n%s", language, code)
		case slices.Contains([]string{"json", "text"}, language) && !answered && len(found) > 0:
			last := &found[len(found)-1]
			last.answerKind, last.answer, answered = language, code, true
		default:
			answered = true
		}
	}
	return found
}

// script makes one program of the examples, so that what one sets the next can use. Each one's output
// goes to a file of its name.
func script(t *testing.T, dir string, examples []example) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("set -euo pipefail\n")
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range examples {
		switch e.language {
		case "sh":
			fmt.Fprintf(&b, "echo '%s' >&2\n{\n%s} > %s.out\n", e.name, e.code, e.name)
		case "js":
			write(e.name+".mjs", e.code)
			fmt.Fprintf(&b, "echo '%s' >&2\nnode %s.mjs > %s.out\n", e.name, e.name, e.name)
		case "python":
			write(e.name+".py", e.code)
			fmt.Fprintf(&b, "echo '%s' >&2\npython3 %s.py > %s.out\n", e.name, e.name, e.name)
		default:
			t.Errorf("the example %s is in a language that is not run: %s", e.name, e.language)
		}
	}
	return b.String()
}

// TestClients takes a partner in by the API and runs every example of docs/partners.md as it stands
// there, with real clients against a real server.
func TestClients(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "gzip", "sed", "sha256sum", "base64", "node", "python3"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is missing: %v", tool, err)
		}
	}
	const root, rootSecret = "boss", "open-sesame"
	p := serve(t, []string{"ACQUIS_ROOT_KEY=" + root, "ACQUIS_ROOT_SECRET=" + rootSecret}, "--data", t.TempDir())
	p.must(t, root, rootSecret, "POST", "/api/sources", `{"name":"my-platform","title":"My Platform","defaultVersion":"1.0.3"}`, 201)
	var credential struct{ Key, Secret string }
	issued := p.must(t, root, rootSecret, "POST", "/api/credentials", `{"source":"my-platform","scopes":"statements/write statements/read/mine state"}`, 201)
	if err := json.Unmarshal([]byte(issued.body), &credential); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	modules, err := filepath.Abs(filepath.Join(clientsFolder, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	examples := examplesOf(t, partnersPage)
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script(t, dir, examples))
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	cmd.Env = append(os.Environ(), "LRS="+p.url, "SOURCE=my-platform", "KEY="+credential.Key, "SECRET="+credential.Secret)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the last example named failed: %v\n%s", err, output)
	}
	for _, e := range examples {
		t.Run("the example "+e.name+" answers what the page says", func(t *testing.T) { e.check(t, dir) })
	}
	t.Run("what the examples sent is there, asserted by their source", func(t *testing.T) {
		sent := sentIDs(t, examples)
		if len(sent) < 7 {
			t.Fatalf("only %d statements were sent", len(sent))
		}
		for _, id := range sent {
			got := p.must(t, root, rootSecret, "GET", "/xapi/statements?statementId="+id, "", 200)
			if !strings.Contains(got.body, `"name":"my-platform"`) {
				t.Errorf("%s: %s", id, got.body)
			}
		}
	})
	t.Run("the page names the version of the client that is installed", func(t *testing.T) { checkPinned(t) })
}

// check compares what an example printed with what the page says.
func (e example) check(t *testing.T, dir string) {
	printed, err := os.ReadFile(filepath.Join(dir, e.name+".out"))
	if err != nil {
		t.Fatal(err)
	}
	switch e.answerKind {
	case "json":
		var want, got any
		if err := json.Unmarshal([]byte(e.answer), &want); err != nil {
			t.Fatalf("the answer on the page: %v", err)
		}
		if err := json.Unmarshal(printed, &got); err != nil {
			t.Fatalf("%v in %s", err, printed)
		}
		if !matches(want, got) {
			t.Errorf("the page says\n%s\nand it printed\n%s", e.answer, printed)
		}
	case "text":
		if string(printed) != e.answer {
			t.Errorf("the page says\n%s\nand it printed\n%s", e.answer, printed)
		}
	default:
		if len(printed) > 0 {
			t.Errorf("the page shows no answer, and it printed\n%s", printed)
		}
	}
}

// matches reports whether a value is what the page shows, where … stands for anything.
func matches(want, got any) bool {
	switch w := want.(type) {
	case string:
		return w == "…" || w == got
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for name, value := range w {
			other, there := g[name]
			if !there || !matches(value, other) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		return ok && slices.EqualFunc(w, g, matches)
	}
	return reflect.DeepEqual(want, got)
}

// sentIDs are the ids that the answers on the page list as stored.
func sentIDs(t *testing.T, examples []example) (ids []string) {
	t.Helper()
	for _, e := range examples {
		var list []string
		text := strings.ReplaceAll(e.answer, "'", `"`)
		if first, _, _ := strings.Cut(text, "\n"); json.Unmarshal([]byte(first), &list) == nil {
			ids = append(ids, list...)
		}
	}
	return ids
}

// checkPinned compares the version on the page with package.json's and the lock's, and holds that the
// lock names no registry: each installs from his own.
func checkPinned(t *testing.T) {
	read := func(path string) string {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	named := regexp.MustCompile(`npm install (@xapi/xapi)@([0-9.]+)`).FindStringSubmatch(read(partnersPage))
	if named == nil {
		t.Fatal("the page does not say how to install the client")
	}
	if want := fmt.Sprintf("%q: %q", named[1], named[2]); !strings.Contains(read(filepath.Join(clientsFolder, "package.json")), want) {
		t.Errorf("package.json has not %s", want)
	}
	lock := read(filepath.Join(clientsFolder, "package-lock.json"))
	if strings.Contains(lock, `"resolved"`) {
		t.Error("package-lock.json names a registry: make it with --omit-lockfile-registry-resolved")
	}
	if !strings.Contains(lock, `"version": "`+named[2]+`"`) {
		t.Errorf("package-lock.json has not version %s", named[2])
	}
}
