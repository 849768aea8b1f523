package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/access"
)

// shown is a source as the API shows it.
type shown struct {
	access.Source
	Revision string
}

func TestSources(t *testing.T) {
	h := start(t)
	settings := `{"name":"pix","title":"Pix","versions":["1.0.3"],"defaultVersion":"1.0.3","verbs":["https://verbs.example/passed"],` +
		`"activityPrefixes":["https://pix.example/"],"actorForms":["account"],"mayVoid":true,"define":true,"retention":"long",` +
		`"contact":"support@pix.example","dailyQuota":100000,"rate":50.5,"burst":100,"schemas":[{"name":"quiz","version":"1","mode":"report"}]}`
	var made shown
	etag := ""
	t.Run("a source is made with its settings", func(t *testing.T) {
		a := h.must(t, operator, "POST", "/api/sources", settings, http.StatusCreated, &made)
		etag = a.header.Get("ETag")
		if at := a.header.Get("Location"); at != "/api/sources/pix" || made.Title != "Pix" || made.Rate != 50.5 || etag != `"`+made.Revision+`"` {
			t.Errorf("Location %s, ETag %s, %+v", at, etag, made)
		}
	})
	t.Run("it is read, alone and among the others", func(t *testing.T) {
		var got shown
		h.must(t, auditor, "GET", "/api/sources/pix", "", http.StatusOK, &got)
		var all struct{ Items []shown }
		h.must(t, auditor, "GET", "/api/sources", "", http.StatusOK, &all)
		if diff := cmp.Diff(made, got); diff != "" || len(all.Items) != 2 || all.Items[0].Name != "pix" || all.Items[1].Name != "quiz-house" {
			t.Errorf("%s%+v", diff, all)
		}
	})
	t.Run("HEAD is answered as GET, without the body", func(t *testing.T) {
		r, err := http.NewRequest(http.MethodHead, h.url+"/api/sources/pix", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(auditor, secret)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK || response.Header.Get("ETag") != etag {
			t.Errorf("%s, ETag %s", response.Status, response.Header.Get("ETag"))
		}
	})
	t.Run("what is read may be sent back with changes", func(t *testing.T) {
		a := h.must(t, operator, "GET", "/api/sources/pix", "", http.StatusOK, nil)
		body := strings.Replace(string(a.body), `"title":"Pix"`, `"title":"Pix Pro"`, 1)
		var changed shown
		h.must(t, operator, "PUT", "/api/sources/pix", body, http.StatusOK, &changed, "If-Match: "+etag)
		if changed.Title != "Pix Pro" || changed.Revision == made.Revision || changed.Contact != made.Contact {
			t.Errorf("%+v", changed)
		}
	})
	for _, c := range []struct {
		rule, method, path, body string
		header                   []string
		status                   int
		violations               []string
	}{
		{"a former revision is refused", "PUT", "/api/sources/pix", `{}`, []string{"If-Match: " + etag}, 412, []string{}},
		{"an ETag of something else is refused", "PUT", "/api/sources/pix", `{}`, []string{`If-Match: "x"`}, 412, []string{}},
		{"a change without If-Match is refused", "PUT", "/api/sources/pix", `{}`, nil, 400, []string{}},
		{"a name cannot be changed", "PUT", "/api/sources/pix", `{"name":"pax"}`, []string{"If-Match: " + etag}, 400, []string{"/name fixed"}},
		{"a source that is there is a conflict", "POST", "/api/sources", `{"name":"pix"}`, nil, 409, []string{}},
		{"every fault is told, with its place", "POST", "/api/sources", `{"name":"Pix !","actorForms":["name"],"verbs":["read"],"rate":-1,"schemas":[{"name":"none","version":"1","mode":"report"}]}`, nil, 400, []string{"/name name", "/verbs/0 iri", "/actorForms/0 actor-form", "/schemas/0 schema", "/rate range"}},
		{"a setting that does not exist is refused", "POST", "/api/sources", `{"name":"x","quota":1}`, nil, 400, []string{"/quota unknown-member"}},
		{"a setting of the wrong type is refused", "POST", "/api/sources", `{"name":"x","verbs":"read"}`, nil, 400, []string{"/verbs type"}},
		{"a setting given twice is refused", "POST", "/api/sources", `{"name":"x","name":"y"}`, nil, 400, []string{"/name json"}},
		{"what is no JSON is refused", "POST", "/api/sources", `{"name":`, nil, 400, []string{"/name json"}},
		{"another type of body is refused", "POST", "/api/sources", `name=x`, []string{"Content-Type: application/x-www-form-urlencoded"}, 415, []string{}},
		{"a body beyond all measure is refused", "POST", "/api/sources", `{"title":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 413, []string{}},
		{"a source that is not there is not found", "GET", "/api/sources/none", "", nil, 404, []string{}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			a := h.must(t, operator, c.method, c.path, c.body, c.status, nil, c.header...)
			if diff := cmp.Diff(c.violations, a.violations(t)); diff != "" {
				t.Errorf("%s\n%s", diff, a.body)
			}
		})
	}
}
