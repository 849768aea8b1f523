package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

func TestAudit(t *testing.T) {
	env := []string{"ACQUIS_ROOT_KEY=boss", "ACQUIS_ROOT_SECRET=open-sesame"}
	p := serve(t, env, "--data", t.TempDir())
	env = append(env, "ACQUIS_LISTEN="+strings.TrimPrefix(p.url, "http://"))
	runs(t, env, "source", "add", "pix")
	runs(t, env, "source", "add", "cards", "--title", "Cards")
	runs(t, env, "source", "disable", "cards")
	fails(t, env, "source", "add", "x", "--verb", "read")

	// lines are what a listing has below its heading, with spaces for columns and without the time
	lines := func(args ...string) (found []string) {
		out := strings.Split(strings.TrimSuffix(runs(t, env, append([]string{"audit", "list"}, args...)...), "\n"), "\n")
		for _, line := range out[1:] {
			found = append(found, strings.Join(strings.Fields(line)[2:], " "))
		}
		return found
	}
	everything := []string{
		"boss source.create source/x invalid 127.0.0.1 the source is not valid",
		"boss source.update source/cards done 127.0.0.1",
		"boss source.create source/cards done 127.0.0.1",
		"boss source.create source/pix done 127.0.0.1",
	}
	for rule, c := range map[string]struct {
		args []string
		want []string
	}{
		"everything is listed, the newest first":    {nil, everything},
		"no more than are wanted are listed":        {[]string{"--limit", "2"}, everything[:2]},
		"what came of it is a filter":               {[]string{"--outcome", "invalid"}, everything[:1]},
		"what it was about is a filter":             {[]string{"--target", "source/cards"}, everything[1:3]},
		"actor, action and time are filters too":    {[]string{"--actor", "boss", "--action", "source.update", "--since", "1h"}, everything[1:2]},
		"what is not there is said to be not there": {[]string{"--until", "2020-01-01", "--limit", "0"}, nil},
	} {
		t.Run(rule, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lines(c.args...)); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("an export is an object a line, with what was before and after", func(t *testing.T) {
		out := runs(t, env, "audit", "export", "--target", "source/cards")
		var got []string
		for line := range strings.Lines(out) {
			var e struct {
				Action        string
				Before, After struct{ Title string }
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			got = append(got, e.Action+" "+e.Before.Title+" "+e.After.Title)
		}
		if diff := cmp.Diff([]string{"source.update Cards Cards", "source.create  Cards"}, got); diff != "" {
			t.Error(diff)
		}
	})
	for rule, args := range map[string][]string{
		"a time that is none is told":                {"--since", "yesterday"},
		"an outcome that does not exist is told":     {"--outcome", "failed"},
		"a limit below zero is told":                 {"--limit", "-1"},
		"a time that lies ahead is told by its sign": {"--until", "-24h"},
	} {
		t.Run(rule, func(t *testing.T) {
			if said := fails(t, env, append([]string{"audit", "list"}, args...)...); !strings.Contains(said, args[0]) {
				t.Errorf("%s is not named: %s", args[0], said)
			}
		})
	}
}

func TestPrintable(t *testing.T) {
	if got := printable("Épreuve \"1\"\x1b[2J\n\u202e"); got != `Épreuve "1"\x1b[2J\n\u202e` {
		t.Errorf("%q", got)
	}
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 9, 2, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-09-01T08:00:00+02:00": "2026-09-01T06:00:00Z", "2026-09-01": "2026-09-01T00:00:00Z", "24h": "2026-09-01T12:00:00Z",
	} {
		at, err := moment(text, now)
		if got := at.UTC().Format(time.RFC3339); err != nil || got != want {
			t.Errorf("%s is %s, %v, want %s", text, got, err, want)
		}
	}
}

// TestWalk holds that commands read lists to their end, page by page.
func TestWalk(t *testing.T) {
	pages := map[string]string{
		"": `{"items":[{"name":"a"},{"name":"b"}],"next":"1"}`, "1": `{"items":[],"next":"2"}`, "2": `{"items":[{"name":"c"}]}`,
	}
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		_, _ = w.Write([]byte(pages[r.URL.Query().Get("after")]))
	}))
	t.Cleanup(server.Close)
	a := &asker{base: server.URL, client: server.Client()}
	for most, want := range map[int]string{
		0: `{"items":[{"name":"a"},{"name":"b"},{"name":"c"}]}`, 2: `{"items":[{"name":"a"},{"name":"b"}]}`, 3: `{"items":[{"name":"a"},{"name":"b"},{"name":"c"}]}`,
	} {
		asked = nil
		got, err := a.atMost(t.Context(), "/api/sources", map[string][]string{"source": {"a b"}}, most)
		if err != nil || string(got.body) != want {
			t.Errorf("at most %d: %s, %v", most, got.body, err)
		}
		if most != 2 {
			if diff := cmp.Diff([]string{"limit=1000&source=a+b", "after=1&limit=1000&source=a+b", "after=2&limit=1000&source=a+b"}, asked); diff != "" {
				t.Error(diff)
			}
		}
	}
	pages["1"] = `{"items":`
	if err := a.walk(t.Context(), "/api/sources", nil, func(jsontext.Value) error { return nil }); err == nil {
		t.Error("a page that cannot be read was passed over")
	}
}
