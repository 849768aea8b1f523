package xapi_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// alternate sends a request in the alternate syntax, with nothing but the form: fields are given as
// name and value in turn.
func (s *resources) alternate(t *testing.T, method, path string, fields ...string) answer {
	t.Helper()
	form := strings.TrimPrefix(query(fields...), "?")
	return s.send(t, "POST", path+"?method="+method, form,
		"Authorization: ", "X-Experience-API-Version: ", "Content-Type: application/x-www-form-urlencoded; charset=utf-8")
}

const (
	basicAll   = "Basic YWxsOnNlY3JldA=="
	basicState = "Basic c3RhdGU6c2VjcmV0"
)

func TestAlternateSyntax(t *testing.T) {
	s := start(t)
	id := uuid.New()
	login := []string{"Authorization", basicAll, "X-Experience-API-Version", "1.0.3"}
	with := func(fields ...string) []string { return append(fields, login...) }
	state := []string{"activityId", "https://pages.example/1", "agent", ann, "stateId", "place"}
	document := func(fields ...string) []string { return with(append(fields, state...)...) }

	for _, c := range []struct {
		rule, method, path string
		fields             []string
		status             int
		text               string
	}{
		{"XAPI-00336 PUT of a statement", "PUT", "/statements", with("statementId", id.String(), "content", statement(id)), 204, ""},
		{"XAPI-00336 POST of statements", "POST", "/statements", with("content", "["+statement(id)+"]"), 200, id.String()},
		{"XAPI-00148 GET of statements", "GET", "/statements", with("verb", "https://verbs.example/read", "limit", "1"), 200, id.String()},
		{"GET of one statement", "GET", "/statements", with("statementId", id.String(), "format", "exact"), 200, id.String()},
		{"a charset and a Content-Type of its own", "POST", "/statements", with("content", statement(id), "Content-Type", "application/json; charset=utf-8"), 200, id.String()},
		{"attachments in the content", "POST", "/statements", with("Content-Type", "multipart/mixed; boundary="+boundary, "content", form(attached(uuid.New(), attachment(sha256Of("a"))), part(sha256Of("a"), "a"))), 200, ""},
		{"PUT of a document", "PUT", "/activities/state", document("content", "page 7", "Content-Type", "text/plain"), 204, ""},
		{"GET of a document", "GET", "/activities/state", document(), 200, "page 7"},
		{"If-None-Match counts", "GET", "/activities/state", document("If-None-Match", "*"), 304, ""},
		{"DELETE of a document", "DELETE", "/activities/state", document(), 204, ""},
		{"POST of a document", "POST", "/activities/state", document("content", `{"page":7}`), 204, ""},
		{"GET of a Person", "GET", "/agents", with("agent", ann), 200, "Person"},
		{"GET of about", "GET", "/about", nil, 200, "version"},

		{"an unknown form field is refused", "GET", "/statements", with("colour", "blue"), 400, "colour"},
		{"a repeated form field is refused", "GET", "/statements", with("limit", "1", "limit", "2"), 400, "more than once"},
		{"a repeated header is refused", "GET", "/statements", with("Authorization", basicState), 400, "more than once"},
		{"a repeated content is refused", "POST", "/statements", with("content", statement(id), "content", " "), 400, "more than once"},
		{"a PUT needs content", "PUT", "/statements", with("statementId", id.String()), 400, "content"},
		{"a GET takes no content", "GET", "/statements", with("content", "x"), 400, "content"},
		{"the content is judged", "POST", "/statements", with("content", "{"), 400, "json"},
		{"a version is needed", "GET", "/statements", []string{"Authorization", basicAll}, 400, "X-Experience-API-Version"},
		{"a credential is needed", "GET", "/statements", []string{"X-Experience-API-Version", "1.0.3"}, 401, ""},
		{"scopes count", "GET", "/statements", []string{"Authorization", basicState, "X-Experience-API-Version", "1.0.3"}, 403, ""},
		{"a method in lower case is refused", "get", "/statements", with(), 400, "method"},
		{"another method is refused", "PATCH", "/statements", with(), 400, "method"},
		{"no method is refused", "", "/statements", with(), 400, "method"},
		{"a method that the resource has not is 405", "DELETE", "/statements", with(), 405, ""},
		{"2.0 has no such syntax", "GET", "/statements", []string{"Authorization", basicAll, "X-Experience-API-Version", "2.0.0"}, 400, "2.0.0"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s.alternate(t, c.method, c.path, c.fields...).want(t, c.status, c.text)
		})
	}
	t.Run("form fields override real headers", func(t *testing.T) {
		form := strings.TrimPrefix(query("Authorization", basicState, "X-Experience-API-Version", "1.0.3"), "?")
		s.send(t, "POST", "/statements?method=GET", form, "Content-Type: application/x-www-form-urlencoded").want(t, 403, "")
		s.send(t, "POST", "/statements?method=GET", form, "Content-Type: application/x-www-form-urlencoded", "X-Experience-API-Version: 2.0.0").want(t, 403, "")
	})
	t.Run("real headers count where the form is silent", func(t *testing.T) {
		s.send(t, "POST", "/statements?method=GET", "limit=1", "Content-Type: application/x-www-form-urlencoded").want(t, 200, "")
	})
	t.Run("other parameters in the URL are refused", func(t *testing.T) {
		s.send(t, "POST", "/statements?method=GET&limit=1", "", "Content-Type: application/x-www-form-urlencoded").want(t, 400, "form")
	})
	t.Run("a URL that cannot be decoded is refused", func(t *testing.T) {
		s.send(t, "POST", "/statements?method=GET&a=%zz", "", "Content-Type: application/x-www-form-urlencoded").want(t, 400, "percent-encode")
	})
	t.Run("a repeated method is refused", func(t *testing.T) {
		s.send(t, "POST", "/statements?method=GET&method=PUT", "", "Content-Type: application/x-www-form-urlencoded").want(t, 400, "method")
	})
	t.Run("the parameter method belongs to POST alone", func(t *testing.T) {
		s.send(t, "GET", "/statements?method=GET", "").want(t, 400, "method")
		s.send(t, "PUT", "/statements?method=GET&statementId="+id.String(), statement(id), "Content-Type: application/json").want(t, 400, "method")
	})
	t.Run("another content type than a form's is refused", func(t *testing.T) {
		s.send(t, "POST", "/statements?method=GET", "{}", "Content-Type: application/json").want(t, 400, "x-www-form-urlencoded")
	})
	t.Run("a form that cannot be decoded is refused", func(t *testing.T) {
		s.send(t, "POST", "/statements?method=GET", "a=%zz", "Content-Type: application/x-www-form-urlencoded").want(t, 400, "percent-encode")
	})
	t.Run("a form over the limit is 413", func(t *testing.T) {
		s.send(t, "POST", "/statements?method=POST", "content="+url.QueryEscape(strings.Repeat(" ", 2<<20)), "Content-Type: application/x-www-form-urlencoded").want(t, 413, "")
	})
}
