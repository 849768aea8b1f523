package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestForwards(t *testing.T) {
	h := start(t)
	const body = `{"name":"national","kind":"lrs","endpoint":"https://lrs.example.org/xapi","key":"k","secrets":["env:CONNECT_N"],"filter":{"agents":[{"mbox":"mailto:ann@example.org"}]}}`
	type forward struct {
		Name, Revision string
		Paused         bool
		Filter         struct{ Sources []string }
	}
	var made, found forward
	a := h.must(t, operator, "POST", "/api/forwards", body, http.StatusCreated, &made)
	if a.header.Get("Location") != "/api/forwards/national" || made.Name != "national" {
		t.Errorf("%s %+v", a.header.Get("Location"), made)
	}
	t.Run("what is shown can be sent back with changes", func(t *testing.T) {
		shown := h.must(t, auditor, "GET", "/api/forwards/national", "", http.StatusOK, &found)
		changed := strings.Replace(string(shown.body), `"filter":{`, `"filter":{"sources":["pix"],`, 1)
		h.must(t, operator, "PUT", "/api/forwards/national", changed, http.StatusOK, &found, "If-Match: "+shown.header.Get("ETag"))
		if len(found.Filter.Sources) != 1 {
			t.Errorf("%+v", found)
		}
		h.must(t, operator, "PUT", "/api/forwards/national", changed, http.StatusPreconditionFailed, nil, "If-Match: "+shown.header.Get("ETag"))
	})
	t.Run("it rests and goes on", func(t *testing.T) {
		if h.must(t, operator, "POST", "/api/forwards/national/pause", "", http.StatusOK, &found); !found.Paused {
			t.Error("it does not rest")
		}
		found = forward{}
		if h.must(t, operator, "POST", "/api/forwards/national/resume", "", http.StatusOK, &found); found.Paused {
			t.Error("it does not go on")
		}
	})
	t.Run("every fault is told", func(t *testing.T) {
		a := h.must(t, operator, "POST", "/api/forwards", `{"name":"F","kind":"fax","endpoint":"x","secrets":[]}`, http.StatusBadRequest, nil)
		if diff := cmp.Diff([]string{"/name name", "/endpoint endpoint", "/kind kind", "/secrets secrets"}, a.violations(t)); diff != "" {
			t.Error(diff)
		}
		h.must(t, operator, "POST", "/api/forwards", body, http.StatusConflict, nil)
		h.must(t, operator, "PUT", "/api/forwards/national", `{"name":"other","kind":"lrs","endpoint":"https://x.example","secrets":[]}`, http.StatusBadRequest, nil, `If-Match: "1"`)
	})
	t.Run("dead letters are listed, and ordered by those that are there", func(t *testing.T) {
		var list struct{ Items []any }
		h.must(t, auditor, "GET", "/api/dead-letters?forward=national&state=open", "", http.StatusOK, &list)
		if list.Items == nil || len(list.Items) != 0 {
			t.Errorf("%+v", list)
		}
		h.must(t, auditor, "GET", "/api/dead-letters?nothing=1", "", http.StatusBadRequest, nil)
		h.must(t, operator, "POST", "/api/dead-letters/settle", `{"forward":"national","ids":["x"]}`, http.StatusNotFound, nil)
		var n struct{ Count int }
		h.must(t, operator, "POST", "/api/dead-letters/replay", `{"forward":"national"}`, http.StatusOK, &n)
	})
	t.Run("it goes, and that is on record", func(t *testing.T) {
		h.must(t, operator, "DELETE", "/api/forwards/national", "", http.StatusNoContent, nil)
		h.must(t, auditor, "GET", "/api/forwards/national", "", http.StatusNotFound, nil)
		var log struct {
			Items []struct{ Action, Target string }
		}
		h.must(t, auditor, "GET", "/api/audit?target=forward/national", "", http.StatusOK, &log)
		if len(log.Items) < 6 || log.Items[0].Action != "forward.delete" {
			t.Errorf("%+v", log)
		}
	})
}
