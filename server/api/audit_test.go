package api_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/access"
)

func TestAudit(t *testing.T) {
	h := start(t)
	h.must(t, operator, "POST", "/api/sources", `{"name":"pix"}`, http.StatusCreated, nil)
	h.must(t, "bi-reader", "POST", "/api/sources", `{"name":"pax"}`, http.StatusForbidden, nil)
	h.must(t, operator, "POST", "/api/sources", `{"name":"Pax"}`, http.StatusBadRequest, nil)
	type line struct{ Actor, Action, Target, Outcome, Address string }
	page := func(query string) (lines []line, next string) {
		var got struct {
			Items []line
			Next  string
		}
		h.must(t, auditor, "GET", "/api/audit"+query, "", http.StatusOK, &got)
		return got.Items, got.Next
	}
	all := []line{
		{operator, "source.create", "source/Pax", "invalid", "127.0.0.1"},
		{"bi-reader", "source.create", "source/pax", "denied", "127.0.0.1"},
		{operator, "source.create", "source/pix", "done", "127.0.0.1"},
	}
	t.Run("who did what, from where, and what came of it, the newest first", func(t *testing.T) {
		got, _ := page("?limit=3")
		if diff := cmp.Diff(all, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("pages follow each other", func(t *testing.T) {
		var got []line
		next := ""
		for range all {
			lines, after := page("?limit=1&after=" + next)
			got, next = append(got, lines...), after
		}
		if diff := cmp.Diff(all, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("one actor and one target are found", func(t *testing.T) {
		got, _ := page("?actor=" + operator + "&target=source/pix&action=source.create&since=2020-01-01T00:00:00Z")
		if diff := cmp.Diff(all[2:], got); diff != "" {
			t.Error(diff)
		}
		if none, _ := page("?until=2020-01-01T00:00:00Z"); len(none) != 0 {
			t.Error(none)
		}
	})
	t.Run("what came of it is found", func(t *testing.T) {
		got, _ := page("?outcome=denied")
		if diff := cmp.Diff(all[1:2], got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("it is exported line by line", func(t *testing.T) {
		a := h.must(t, auditor, "GET", "/api/audit", "", http.StatusOK, nil, "Accept: application/x-ndjson")
		lines := 0
		for scanner := bufio.NewScanner(bytes.NewReader(a.body)); scanner.Scan(); lines++ {
			var e access.Entry
			if err := json.Unmarshal(scanner.Bytes(), &e); err != nil || e.Action == "" {
				t.Errorf("%v in %s", err, scanner.Bytes())
			}
		}
		if lines != 4 || a.header.Get("Content-Type") != "application/x-ndjson" { // with the source that the test began with
			t.Errorf("%d lines of %s", lines, a.header.Get("Content-Type"))
		}
	})
	for rule, query := range map[string]string{
		"a limit that is no number is refused":      "?limit=x",
		"a limit beyond all measure is refused":     "?limit=100000",
		"a time that is none is refused":            "?since=yesterday",
		"a place to go on that is none is refused":  "?after=!",
		"an end that is no time is refused as well": "?until=1",
		"an outcome that does not exist is refused": "?outcome=failed",
		"a filter that does not exist is refused":   "?Actor=operator",
		"a filter that is given twice is refused":   "?actor=a&actor=b",
	} {
		t.Run(rule, func(t *testing.T) {
			h.must(t, auditor, "GET", "/api/audit"+query, "", http.StatusBadRequest, nil)
		})
	}
}

func TestSchemas(t *testing.T) {
	h := start(t)
	t.Run("a version is registered once and read as it was", func(t *testing.T) {
		schema := `{"type":"object", "title":"Épreuve"}`
		a := h.must(t, operator, "POST", "/api/schemas", `{"name":"exam","version":"1.0","schema":`+schema+`}`, http.StatusCreated, nil)
		got := h.must(t, auditor, "GET", a.header.Get("Location"), "", http.StatusOK, nil)
		if string(got.body) != schema || got.header.Get("Content-Type") != "application/schema+json" {
			t.Errorf("%s %s", got.header.Get("Content-Type"), got.body)
		}
		h.must(t, operator, "POST", "/api/schemas", `{"name":"exam","version":"1.0","schema":{}}`, http.StatusConflict, nil)
		all := h.must(t, auditor, "GET", "/api/schemas", "", http.StatusOK, nil)
		want := `{"items":[{"name":"exam","version":"1.0","shipped":false},{"name":"quiz","version":"1","shipped":true}]}`
		if string(all.body) != want {
			t.Errorf("%s", all.body)
		}
	})
	t.Run("a schema that the product refuses is refused with every reason", func(t *testing.T) {
		a := h.must(t, operator, "POST", "/api/schemas", `{"name":"exam","version":"2","schema":{"$ref":"https://elsewhere.example/s"}}`, http.StatusBadRequest, nil)
		if diff := cmp.Diff([]string{"/schema/$ref remote-ref"}, a.violations(t)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a version that is not there is not found", func(t *testing.T) {
		h.must(t, auditor, "GET", "/api/schemas/exam/3", "", http.StatusNotFound, nil)
	})
}
