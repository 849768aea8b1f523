package api_test

import (
	"net/http"
	"strings"
	"testing"

	"acquis/access"
	"acquis/lrs"
)

// made is a credential as the API shows it when it has a new secret.
type made struct {
	access.Credential
	Secret, Revision string
}

// knows reports whether a key and a secret are taken.
func (h *house) knows(t *testing.T, key, secret string) bool {
	t.Helper()
	_, err := h.directory.Authenticate(t.Context(), access.Presented{Key: key, Secret: secret})
	return err == nil
}

func TestCredentials(t *testing.T) {
	h := start(t)
	var first made
	t.Run("a secret is shown when it is made, and works", func(t *testing.T) {
		a := h.must(t, operator, "POST", "/api/credentials", `{"source":"quiz-house","scopes":"statements/write state","note":"their server","expires":"2999-01-01T00:00:00Z"}`, http.StatusCreated, &first)
		if len(first.Secret) < 40 || first.Scopes != lrs.ScopeStatementsWrite|lrs.ScopeState || a.header.Get("Location") != "/api/credentials/"+first.Key {
			t.Errorf("%+v at %s", first, a.header.Get("Location"))
		}
		if !h.knows(t, first.Key, first.Secret) {
			t.Error("it is not taken")
		}
	})
	t.Run("no secret and no digest is shown again, nor in the audit log", func(t *testing.T) {
		for _, path := range []string{"/api/credentials", "/api/credentials?source=quiz-house", "/api/credentials/" + first.Key, "/api/audit"} {
			a := h.must(t, administrator, "GET", path, "", http.StatusOK, nil)
			if said := string(a.body); !strings.Contains(said, first.Key) || strings.Contains(said, first.Secret) || strings.Contains(said, `"mac"`) {
				t.Errorf("%s: %s", path, said)
			}
		}
	})
	t.Run("those of another source are not listed with it", func(t *testing.T) {
		if a := h.must(t, operator, "GET", "/api/credentials?source=none", "", http.StatusOK, nil); string(a.body) != `{"items":[]}` {
			t.Errorf("%s", a.body)
		}
	})
	t.Run("a rotated secret works beside the former one for a while", func(t *testing.T) {
		var next made
		h.must(t, operator, "POST", "/api/credentials/"+first.Key+"/rotate", `{"overlap":3600}`, http.StatusOK, &next)
		if next.Secret == first.Secret || !h.knows(t, first.Key, next.Secret) || !h.knows(t, first.Key, first.Secret) || len(next.Secrets) != 2 {
			t.Errorf("%+v", next)
		}
		var last made
		h.must(t, operator, "POST", "/api/credentials/"+first.Key+"/rotate", `{}`, http.StatusOK, &last)
		if !h.knows(t, first.Key, last.Secret) || h.knows(t, first.Key, next.Secret) || h.knows(t, first.Key, first.Secret) {
			t.Error("without an overlap the former secrets end at once")
		}
		first = last
	})
	t.Run("settings are changed with the revision", func(t *testing.T) {
		path := "/api/credentials/" + first.Key
		etag := h.must(t, operator, "GET", path, "", http.StatusOK, nil).header.Get("ETag")
		var changed made
		h.must(t, operator, "PUT", path, `{"scopes":"statements/write","note":"less"}`, http.StatusOK, &changed, "If-Match: "+etag)
		if changed.Scopes != lrs.ScopeStatementsWrite || changed.Note != "less" || !changed.Expires.IsZero() || changed.Source != "quiz-house" {
			t.Errorf("%+v", changed)
		}
		h.must(t, operator, "PUT", path, `{"scopes":"state"}`, http.StatusPreconditionFailed, nil, "If-Match: "+etag)
	})
	t.Run("a disabled credential is taken no more", func(t *testing.T) {
		h.must(t, operator, "POST", "/api/credentials/"+first.Key+"/disable", "", http.StatusOK, nil)
		if h.knows(t, first.Key, first.Secret) {
			t.Error("it is taken")
		}
	})
	for _, c := range []struct {
		rule, path, body string
		status           int
		violation        string
	}{
		{"a source that is not there is told", "", `{"source":"none","scopes":"state"}`, 400, "/source source"},
		{"a scope that does not exist is told", "", `{"source":"quiz-house","scopes":"everything"}`, 400, "/scopes value"},
		{"a role that does not exist is told", "", `{"account":"x","roles":"king"}`, 400, "/roles value"},
		{"a source's credential has no role", "", `{"kind":"source","source":"quiz-house","scopes":"state","roles":"operator"}`, 400, "/kind kind"},
		{"a key that is taken is a conflict", "", `{"key":"` + first.Key + `","source":"quiz-house","scopes":"state"}`, 409, ""},
		{"a credential that is not there is not rotated", "/none/rotate", `{}`, 404, ""},
		{"nor disabled", "/none/disable", "", 404, ""},
		{"an overlap beyond all measure is told", "/" + first.Key + "/rotate", `{"overlap":9223372036854775807}`, 400, "/overlap range"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			a := h.must(t, administrator, "POST", "/api/credentials"+c.path, c.body, c.status, nil)
			if found := strings.Join(a.violations(t), ","); found != c.violation {
				t.Errorf("%q in %s", found, a.body)
			}
		})
	}
}
