package api_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"acquis/access"
)

func did(id, verb string) string {
	return `{"id":"` + id + `","stored":"2019-05-05T00:00:00Z","authority":{"mbox":"mailto:lrs@old.example"},"actor":{"mbox":"mailto:ann@example.org"},"verb":{"id":"` + verb + `"},"object":{"id":"https://pages.example/1"}}`
}

// imports is what an import is answered with.
type imports struct {
	Stored, Repeated int
	Refused          []struct {
		Line       int
		ID, Detail string
		Violations []struct{ Pointer, Rule string }
	}
}

func TestImport(t *testing.T) {
	h := start(t)
	lines := []string{"Content-Type: application/x-ndjson"}
	const good, read = "00000000-0000-4000-8000-000000000001", "https://verbs.example/read"
	body := did(good, read) + "\n\n{\n" + did(uuid.NewString(), "https://verbs.example/ate") + "\r\n" + did("x", read) + "\n" + did(uuid.NewString(), read)
	t.Run("good lines are stored, and every other one is told with its number and all that is wrong", func(t *testing.T) {
		var a imports
		h.must(t, partner, "POST", "/api/import?origin=old.example", body, http.StatusOK, &a, lines...)
		var refused []string
		for _, r := range a.Refused {
			refused = append(refused, fmt.Sprintf("%d %s %s", r.Line, r.Violations[0].Pointer, r.Violations[0].Rule))
		}
		if diff := cmp.Diff([]string{"3  json", "4 /verb/id source-verb", "5 /id uuid"}, refused); diff != "" || a.Stored != 2 {
			t.Errorf("stored %d (-want +got):\n%s", a.Stored, diff)
		}
	})
	t.Run("a repeat changes nothing", func(t *testing.T) {
		var a imports
		h.must(t, partner, "POST", "/api/import", body, http.StatusOK, &a, lines...)
		if a.Stored != 0 || a.Repeated != 2 || len(a.Refused) != 3 {
			t.Errorf("%+v", a)
		}
	})
	t.Run("where it comes from is told to those who may know", func(t *testing.T) {
		var found struct {
			Items []struct {
				Source, Origin, Stored string
				Authority              map[string]string
			}
		}
		h.must(t, auditor, "GET", "/api/provenance/"+good, "", http.StatusOK, &found)
		if len(found.Items) != 1 || found.Items[0].Source != "quiz-house" || found.Items[0].Origin != "old.example" || found.Items[0].Stored != "2019-05-05T00:00:00Z" || found.Items[0].Authority["mbox"] != "mailto:lrs@old.example" {
			t.Errorf("%+v", found)
		}
		h.must(t, auditor, "GET", "/api/provenance/x", "", http.StatusBadRequest, nil)
	})
	attached := func(content, claimed, end string) (string, []string) {
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte(claimed)))
		statement := strings.Replace(did(uuid.NewString(), read), `{"id"`, fmt.Sprintf(`{"attachments":[{"usageType":"https://u.example/x","display":{"en":"x"},"contentType":"text/plain","length":1,"sha2":%q}],"id"`, sum), 1)
		return "--b\r\nContent-Type: application/x-ndjson\r\n\r\n" + statement + "\r\n--b\r\nContent-Transfer-Encoding: binary\r\nX-Experience-API-Hash: " + sum + "\r\n\r\n" + content + end,
			[]string{"Content-Type: multipart/mixed; boundary=b"}
	}
	for rule, c := range map[string]struct {
		content, claimed string
		stored           int
	}{
		"attachments come along":           {"x", "x", 1},
		"a spoilt attachment is refused":   {"y", "x", 0},
		"a huge attachment is refused":     {strings.Repeat("x", 2<<10), strings.Repeat("x", 2<<10), 0},
		"one of the size allowed is taken": {strings.Repeat("x", 1<<10), strings.Repeat("x", 1<<10), 1},
	} {
		t.Run(rule, func(t *testing.T) {
			body, header := attached(c.content, c.claimed, "\r\n--b--\r\n")
			var a imports
			h.must(t, partner, "POST", "/api/import", body, http.StatusOK, &a, header...)
			if a.Stored != c.stored || len(a.Refused) != 1-c.stored {
				t.Errorf("%+v", a)
			}
		})
	}
	broken, header := attached("x", "x", "")
	for rule, c := range map[string]struct {
		path, body, contentType string
		status                  int
	}{
		"a body that is cut is refused":         {"/api/import", broken, strings.TrimPrefix(header[0], "Content-Type: "), 400},
		"JSON is refused":                       {"/api/import", "[]", "application/json", 415},
		"an origin that is a book is refused":   {"/api/import?origin=" + strings.Repeat("x", 201), did(good, read), "application/x-ndjson", 400},
		"a body that is too large is refused":   {"/api/import", strings.Repeat("\n", 1<<20+1), "application/x-ndjson", 413},
		"a first part of something else is too": {"/api/import", "--b\r\nContent-Type: application/json\r\n\r\n[]\r\n--b--", "multipart/mixed; boundary=b", 400},
	} {
		t.Run(rule, func(t *testing.T) {
			h.must(t, partner, "POST", c.path, c.body, c.status, nil, "Content-Type: "+c.contentType)
		})
	}
	t.Run("a version that is none is refused", func(t *testing.T) {
		h.must(t, partner, "POST", "/api/import", did(good, read), 400, nil, lines[0], "X-Experience-API-Version: 3")
	})
	t.Run("it needs the scope to write", func(t *testing.T) {
		if err := h.directory.Pin(access.Credential{Key: "reader", Kind: access.OfSource, Source: "quiz-house"}, secret); err != nil {
			t.Fatal(err)
		}
		h.must(t, "reader", "POST", "/api/import", did(good, read), 403, nil, lines...)
	})
}
