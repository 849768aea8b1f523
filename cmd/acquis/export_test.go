package main

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"acquis/hub/archive"
	"acquis/lrs"
)

// attached is a statement with an attachment, and the body of a request that sends both.
func attached(id, content string) (statement, body, contentType string) {
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	statement = strings.Replace(simple(id), `{"id"`, fmt.Sprintf(`{"attachments":[{"usageType":"https://u.example/x","display":{"en":"x"},"contentType":"text/plain","length":%d,"sha2":%q}],"id"`, len(content), sum), 1)
	body = "--b\r\nContent-Type: application/json\r\n\r\n" + statement + "\r\n--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\nX-Experience-API-Hash: " + sum + "\r\n\r\n" + content + "\r\n--b--\r\n"
	return statement, body, "multipart/mixed; boundary=b"
}

func voiding(id, target string) string {
	return `{"id":"` + id + `","actor":{"mbox":"mailto:ann@example.org"},"verb":{"id":"` + lrs.VerbVoided + `"},"object":{"objectType":"StatementRef","id":"` + target + `"}}`
}

// listing is every statement that a server lists, in its order.
func listing(t *testing.T, p *serving) (statements []*lrs.Statement) {
	t.Helper()
	for path := "/xapi/statements?ascending=true&limit=1000"; path != ""; {
		a := p.must(t, "boss", "open-sesame", "GET", path, "", 200)
		var page struct {
			Statements []jsontext.Value `json:"statements"`
			More       string           `json:"more"`
		}
		if err := json.Unmarshal([]byte(a.body), &page); err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Statements {
			decoded, err := lrs.DecodeStored(s)
			if err != nil {
				t.Fatal(err)
			}
			statements = append(statements, decoded)
		}
		path = page.More
	}
	return statements
}

// wantSame fails the test unless two servers list the same statements, in the same order.
func wantSame(t *testing.T, a, b *serving) {
	t.Helper()
	want, got := listing(t, a), listing(t, b)
	if !slices.EqualFunc(want, got, func(x, y *lrs.Statement) bool { return x.ID == y.ID && lrs.Equal(x, y, lrs.V200) }) {
		t.Fatalf("%d statements on one side, %d on the other, or others, or in another order", len(want), len(got))
	}
}

// TestExport writes what a server has in each form, and takes it in on another.
func TestExport(t *testing.T) {
	p := serveMoving(t)
	env := moveEnv(p)
	post := func(contentType, body string) {
		t.Helper()
		if r, err := p.send("boss", "open-sesame", "POST", "/xapi/statements", contentType, body); err != nil || r.status != 200 {
			t.Fatalf("%v %d %s", err, r.status, r.body)
		}
	}
	for range 25 {
		post("application/json", simple(uuid.NewString()))
	}
	hidden := uuid.NewString()
	for i, id := range []string{uuid.NewString(), uuid.NewString(), hidden} {
		_, body, contentType := attached(id, fmt.Sprintf("certificate %d", i/2))
		post(contentType, body)
	}
	post("application/json", "["+voiding(uuid.NewString(), hidden)+",\n "+strings.ReplaceAll(simple(uuid.NewString()), ",", ",\r\n")+"]")
	for name, to := range map[string]string{"a file of lines": "all.ndjson", "a zipped file": "all.ndjson.gz", "a folder of parts": "all/"} {
		t.Run(name+" can be taken in elsewhere, and is equal", func(t *testing.T) {
			path := filepath.Join(t.TempDir(), to)
			if strings.HasSuffix(to, "/") {
				path += "/"
			}
			wantIn(t, runs(t, env, "export", path, "--page-size", "7", "--part-size", "10"), "30 statements (1 of them voided) and 2 attachments")
			wantIn(t, fails(t, env, "export", path), "is there already")
			other := serveMoving(t)
			wantIn(t, runs(t, moveEnv(other), "import", path, "--in-flight", "1"), "30 stored")
			wantSame(t, p, other)
			other.must(t, "boss", "open-sesame", "GET", "/xapi/statements?voidedStatementId="+hidden, "", 200)
			got := other.must(t, "boss", "open-sesame", "GET", "/xapi/statements?attachments=true&limit=1000", "", 200)
			wantIn(t, got.body, "certificate 0")
			hiddenOne := other.must(t, "boss", "open-sesame", "GET", "/xapi/statements?attachments=true&voidedStatementId="+hidden, "", 200)
			wantIn(t, hiddenOne.body, "certificate 1")
		})
	}
	t.Run("the manifest tells counts, digests, filter and time", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "some") + "/"
		runs(t, env, "export", path, "--part-size", "10", "--verb", "https://verbs.example/read", "--no-attachments")
		content, err := os.ReadFile(path + archive.ManifestName)
		if err != nil {
			t.Fatal(err)
		}
		var m archive.Manifest
		if err := json.Unmarshal(content, &m); err != nil {
			t.Fatal(err)
		}
		if m.Statements != 30 || m.Voided != 1 || len(m.Parts) != 3 || m.Parts[2].Statements != 10 || m.Attachments != 0 || m.Through == "" || m.Filter.Get("verb") == "" {
			t.Errorf("%s", content)
		}
	})
	t.Run("an export that was cut goes on and comes out the same", func(t *testing.T) {
		for _, name := range []string{"cut.ndjson.gz", "cut/"} {
			path := filepath.Join(t.TempDir(), name)
			if strings.HasSuffix(name, "/") {
				path += "/"
			}
			cut(t, p, path)
			runs(t, env, "export", path, "--page-size", "7", "--part-size", "10", "--until", untilOf(t, p))
			other := serveMoving(t)
			wantIn(t, runs(t, moveEnv(other), "import", path, "--in-flight", "1"), "30 stored")
			wantSame(t, p, other)
		}
	})
	t.Run("a part that was changed is not taken in", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "spoilt") + "/"
		runs(t, env, "export", path)
		if err := os.WriteFile(path+"statements-00001.ndjson.gz", zip(t, "{}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		wantIn(t, fails(t, env, "import", path), "is not as it was exported")
	})
	t.Run("a filter that is wrong is told", func(t *testing.T) {
		wantIn(t, fails(t, env, "export", filepath.Join(t.TempDir(), "x"), "--agent", "ann"), "refuses")
	})
}

// untilOf is a bound that does not change, so that both halves of a cut export ask for the same.
func untilOf(t *testing.T, p *serving) string {
	t.Helper()
	all := listing(t, p)
	return all[len(all)-1].Stored
}

// cut writes the first page of an export and half of the next, as a kill would leave it.
func cut(t *testing.T, p *serving, path string) {
	t.Helper()
	c := ExportCmd{To: path, Attachments: true, Voided: true, PartSize: 10, PageSize: 7, Until: untilOf(t, p)}
	out, err := c.openOutput(p.url)
	if err != nil {
		t.Fatal(err)
	}
	page := func(at string) (list []jsontext.Value, more string) {
		a := p.must(t, "boss", "open-sesame", "GET", at, "", 200)
		var page struct {
			Statements []jsontext.Value `json:"statements"`
			More       string           `json:"more"`
		}
		if err := json.Unmarshal([]byte(a.body), &page); err != nil {
			t.Fatal(err)
		}
		return page.Statements, page.More
	}
	// The rest is asked with its attachments: the more link of a first page carries that on.
	first, _ := page("/xapi/statements?ascending=true&limit=7&until=" + url.QueryEscape(c.Until))
	parts := p.must(t, "boss", "open-sesame", "GET", "/xapi/statements?ascending=true&attachments=true&limit=7&until="+url.QueryEscape(c.Until), "", 200).body
	_, more, _ := strings.Cut(parts, `"more":"`)
	more, _, _ = strings.Cut(more, `"`)
	for _, s := range first {
		if err := out.write(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.checkpoint(p.url + more); err != nil {
		t.Fatal(err)
	}
	for _, s := range first { // what is lost
		if err := out.write(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.flush(); err != nil {
		t.Fatal(err)
	}
	if err := out.abandon(); err != nil {
		t.Fatal(err)
	}
}
