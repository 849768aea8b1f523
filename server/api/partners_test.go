package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"acquis/access"
	"acquis/lrs"
)

func reading(id, verb string) string {
	return `{"id":"` + id + `","actor":{"mbox":"mailto:ann@example.org"},"verb":{"id":"https://verbs.example/` + verb + `"},"object":{"id":"https://pages.example/1"}}`
}

func TestValidate(t *testing.T) {
	h := start(t)
	p, err := h.directory.Authenticate(t.Context(), access.Presented{Key: partner, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	stored := uuid.NewString()
	if _, err := h.service.StoreStatements(t.Context(), p, lrs.StoreRequest{Version: lrs.V103, Body: []byte(reading(stored, "read"))}); err != nil {
		t.Fatal(err)
	}
	zoned := strings.Replace(reading(uuid.NewString(), "read"), `"actor"`, `"timestamp":"2026-09-01T08:00:00-00:00","actor"`, 1)
	for _, c := range []struct {
		rule, who, body string
		want            map[lrs.Version]int
		violations      []string // of 1.0.3
		repeats         int
	}{
		{"a good statement would be stored", partner, reading(uuid.NewString(), "read"), map[lrs.Version]int{lrs.V103: 200, lrs.V200: 200}, []string{}, 0},
		{"a repeat would change nothing", partner, "[" + reading(stored, "read") + "]", map[lrs.Version]int{lrs.V103: 200, lrs.V200: 200}, []string{}, 1},
		{"a verb that the source may not use would be refused", partner, "[" + reading(uuid.NewString(), "read") + "," + reading(uuid.NewString(), "burned") + "]", map[lrs.Version]int{lrs.V103: 400, lrs.V200: 400}, []string{"/1/verb/id source-verb"}, 0},
		{"what breaks the specification would be refused", partner, `{"actor":{}}`, map[lrs.Version]int{lrs.V103: 400, lrs.V200: 400}, []string{"/actor", " ", " "}, 0},
		{"an id that is another statement's would be a conflict", partner, strings.Replace(reading(stored, "read"), "pages.example/1", "pages.example/2", 1), map[lrs.Version]int{lrs.V103: 409, lrs.V200: 409}, []string{"/id conflict"}, 0},
		{"a lack of scope is told", auditor, reading(uuid.NewString(), "read"), map[lrs.Version]int{lrs.V103: 403, lrs.V200: 403}, []string{}, 0},
		{"what is no statement at all would be refused", partner, `"text"`, map[lrs.Version]int{lrs.V103: 400, lrs.V200: 400}, []string{" "}, 0},
		{"a zone of -00:00 is judged by each version", partner, zoned, map[lrs.Version]int{lrs.V103: 400, lrs.V200: 400}, []string{"/timestamp"}, 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var got struct {
				Source   string
				Versions map[lrs.Version]struct {
					Accepted   bool
					Status     int
					Violations []lrs.Violation
					Repeats    []string
				}
			}
			h.must(t, c.who, "POST", "/partners/validate", c.body, http.StatusOK, &got)
			for version, status := range c.want {
				if v := got.Versions[version]; v.Status != status || v.Accepted != (status == 200) || len(v.Repeats) != c.repeats {
					t.Errorf("%s: %+v", version, v)
				}
			}
			found := []string{}
			for _, v := range got.Versions[lrs.V103].Violations {
				found = append(found, v.Pointer+" "+v.Rule)
			}
			if len(found) != len(c.violations) {
				t.Fatalf("%q", found)
			}
			for i := range found {
				if !strings.HasPrefix(found[i], c.violations[i]) {
					t.Errorf("%q", found)
				}
			}
		})
	}
	t.Run("nothing of it is stored", func(t *testing.T) {
		all, err := h.service.QueryStatements(t.Context(), lrs.Principal{Scopes: lrs.ScopeAll}, lrs.StatementFilter{})
		if err != nil || len(all.Statements) != 1 {
			t.Errorf("%v, %d statements", err, len(all.Statements))
		}
	})
	t.Run("another type of body is refused", func(t *testing.T) {
		h.must(t, partner, "POST", "/partners/validate", "x", http.StatusUnsupportedMediaType, nil, "Content-Type: text/plain")
	})
	t.Run("a body beyond the limit is refused", func(t *testing.T) {
		h.must(t, partner, "POST", "/partners/validate", strings.Repeat(" ", 2<<20), http.StatusRequestEntityTooLarge, nil)
	})
}

func TestLaunch(t *testing.T) {
	h := start(t)
	registration := uuid.NewString()
	body := `{"actor":{"mbox":"mailto:ann@example.org"},"activity":"https://pages.example/1","registration":"` + registration + `","lifetime":600}`
	var got struct{ Token, TokenType, Scopes, Activity, Registration string }
	h.must(t, partner, "POST", "/api/launch-tokens", body, http.StatusCreated, &got)
	t.Run("the token stands for the source, bound to the attempt", func(t *testing.T) {
		p, err := h.directory.Authenticate(t.Context(), access.Presented{Bearer: got.Token})
		if err != nil || p.Launch == nil || p.Source != "quiz-house" {
			t.Fatalf("%v, %+v", err, p)
		}
		if p.Launch.Activity != got.Activity || p.Launch.Registration.String() != registration || got.Scopes != "statements/write state" || got.TokenType != "Bearer" {
			t.Errorf("%+v of %+v", p.Launch, got)
		}
	})
	t.Run("without a registration one is made", func(t *testing.T) {
		var made struct{ Registration uuid.UUID }
		h.must(t, partner, "POST", "/api/launch-tokens", `{"actor":{"mbox":"mailto:ann@example.org"},"activity":"https://pages.example/1"}`, http.StatusCreated, &made)
		if made.Registration == uuid.Nil {
			t.Error("none")
		}
	})
	bearer := "Authorization: Bearer " + got.Token
	t.Run("it makes no further token and tries nothing", func(t *testing.T) {
		h.must(t, "", "POST", "/api/launch-tokens", body, http.StatusForbidden, nil, bearer)
		h.must(t, "", "POST", "/partners/validate", "[]", http.StatusForbidden, nil, bearer)
	})
	t.Run("it administers nothing", func(t *testing.T) {
		h.must(t, "", "GET", "/api/sources", "", http.StatusForbidden, nil, bearer)
	})
	for rule, c := range map[string]struct{ body, violation string }{
		"an actor that is none is refused":        {`{"actor":{"name":"Ann"},"activity":"https://pages.example/1"}`, "/actor"},
		"an activity that is no IRI is refused":   {`{"actor":{"mbox":"mailto:ann@example.org"},"activity":"page"}`, "/activity iri"},
		"a time beyond the server's is refused":   {`{"actor":{"mbox":"mailto:ann@example.org"},"activity":"https://pages.example/1","lifetime":999999}`, "/lifetime range"},
		"a negative time is refused":              {`{"actor":{"mbox":"mailto:ann@example.org"},"activity":"https://pages.example/1","lifetime":-1}`, "/lifetime range"},
		"a registration that is none is refused":  {`{"actor":{"mbox":"mailto:ann@example.org"},"activity":"https://pages.example/1","registration":"x"}`, "/registration type"},
		"no actor is refused, and so is the rest": {`{}`, "/actor"},
	} {
		t.Run(rule, func(t *testing.T) {
			a := h.must(t, partner, "POST", "/api/launch-tokens", c.body, http.StatusBadRequest, nil)
			if found := a.violations(t); len(found) == 0 || !strings.HasPrefix(found[0], c.violation) {
				t.Error(cmp.Diff(c.violation, found))
			}
		})
	}
}
