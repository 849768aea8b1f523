package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"acquis/internal/faultproxy"
)

// TestPull lets one server pull from another and kills it on the way; then both forward to each other.
func TestPull(t *testing.T) {
	b := serveForwarding(t)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	hidden := uuid.NewString()
	const total = 122
	for i := range total - 2 {
		id := uuid.NewString()
		if i == 50 {
			id = hidden
		}
		if i%10 == 0 {
			_, body, contentType := attached(id, fmt.Sprintf("certificate %d", i))
			if r, err := b.send("boss", "open-sesame", "POST", "/xapi/statements", contentType, body); err != nil || r.status != 200 {
				t.Fatal(err, r)
			}
			continue
		}
		b.must(t, "boss", "open-sesame", "POST", "/xapi/statements", simple(id), 200)
	}
	b.must(t, "boss", "open-sesame", "POST", "/xapi/statements", "["+voiding(uuid.NewString(), hidden)+","+simple(uuid.NewString())+"]", 200)

	proxy := faultproxy.New(t, "127.0.0.1:"+port)
	env := []string{"ACQUIS_ROOT_KEY=boss", "ACQUIS_ROOT_SECRET=open-sesame", "ACQUIS_CONNECT_PRIVATE=127.0.0.1", "CONNECT_OTHER=open-sesame"}
	dir := t.TempDir()
	a := serve(t, env, "--data", dir)
	proxy.CutAfter(faultproxy.FromServer, 40_000)
	proxy.Delay(10 * time.Millisecond) // so that the kills come on the way
	wantIn(t, runs(t, moveEnv(a), "pull", "add", "from-b", "--from-lrs", "http://"+proxy.Addr()+"/xapi", "--from-key", "boss", "--from-secret", "env:CONNECT_OTHER", "--page", "10", "--every", "1s"), "are pulled")
	for n := range 3 {
		least := 20 * (n + 1)
		await(t, "a part is there", func() bool { return a.count(t) >= least })
		a.kill()
		a = serve(t, env, "--data", dir)
	}
	t.Run("everything is there after three kills, in its order, attachments and voided statements too", func(t *testing.T) {
		await(t, "all is there", func() bool { return a.count(t) >= total-1 })
		wantSame(t, b, a)
		a.must(t, "boss", "open-sesame", "GET", "/xapi/statements?voidedStatementId="+hidden, "", 200)
		wantIn(t, a.must(t, "boss", "open-sesame", "GET", "/xapi/statements?attachments=true&limit=1000", "", 200).body, "certificate 0", "certificate 110")
	})
	t.Run("where it comes from is known", func(t *testing.T) {
		theirs := listing(t, b)[3]
		wantIn(t, a.must(t, "boss", "open-sesame", "GET", "/api/provenance/"+theirs.ID.String(), "", 200).body, `"source":"from-b"`, theirs.Stored)
	})
	t.Run("what comes later comes too", func(t *testing.T) {
		id := uuid.NewString()
		b.must(t, "boss", "open-sesame", "POST", "/xapi/statements", simple(id), 200)
		runs(t, moveEnv(a), "pull", "run", "from-b")
		await(t, "it is there", func() bool {
			r, err := a.send("boss", "open-sesame", "GET", "/xapi/statements?statementId="+id, "", "")
			return err == nil && r.status == 200
		})
	})
	t.Run("when both forward to each other, they settle, and nothing goes back", func(t *testing.T) {
		runs(t, moveEnv(a), "forward", "add", "to-b", "--to", b.url+"/xapi", "--to-key", "boss", "--to-secret", "env:CONNECT_OTHER", "--from", "beginning", "--except-source", "from-b")
		runs(t, moveEnv(b), "forward", "add", "to-a", "--to", a.url+"/xapi", "--to-key", "boss", "--to-secret", "env:CONNECT_OTHER", "--from", "beginning")
		a.must(t, "boss", "open-sesame", "POST", "/xapi/statements", simple(uuid.NewString()), 200)
		await(t, "both are through", func() bool {
			return a.tells(t, `acquis_forward_sent_total{forward="to-b"} 1`, `acquis_forward_lag_seconds{forward="to-b"} 0`) &&
				b.tells(t, `acquis_forward_sent_total{forward="to-a"} 124`, `acquis_forward_lag_seconds{forward="to-a"} 0`)
		})
		if a.count(t) != 123 || b.count(t) != 123 {
			t.Errorf("%d on one side, %d on the other, want 123 that are not voided", a.count(t), b.count(t))
		}
	})
}

// TestPull_odd pulls from a store that answers as no specification allows.
func TestPull_odd(t *testing.T) {
	asked := 0
	odd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/json")
		switch {
		case asked == 1:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		case r.URL.Query().Get("more") == "":
			fmt.Fprintf(w, `{"statements":[%s,{"id":"x"},%s],"more":"http://internal.example/hidden/statements?more=2"}`, simple("00000000-0000-4000-8000-000000000001"), simple("00000000-0000-4000-8000-000000000002"))
		case r.URL.Path != "/xapi/statements":
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "<html>")
		default:
			fmt.Fprintf(w, `{"statements":[%s]}`, simple("00000000-0000-4000-8000-000000000003"))
		}
	}))
	t.Cleanup(odd.Close)
	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!doctype html>") }))
	t.Cleanup(html.Close)
	a := serveForwarding(t)
	for name, from := range map[string]string{"odd": odd.URL, "html": html.URL} {
		runs(t, moveEnv(a), "pull", "add", name, "--from-lrs", from+"/xapi", "--from-key", "k", "--from-secret", "env:CONNECT_OTHER", "--every", "1h")
	}
	await(t, "what is good is there", func() bool { return a.count(t) == 3 })
	await(t, "what is bad is listed", func() bool {
		return strings.Contains(runs(t, moveEnv(a), "pull", "refusals", "odd"), `needs the property "actor"`)
	})
	await(t, "what is no store is told", func() bool {
		return strings.Contains(runs(t, moveEnv(a), "pull", "list"), "it is no record store")
	})
	await(t, "the run is ended", func() bool {
		return strings.Contains(runs(t, moveEnv(a), "pull", "show", "odd"), `"clean"`)
	})
	wantIn(t, runs(t, moveEnv(a), "pull", "show", "odd"), "Consistent-Through is missing", "another host", "a path that is not there", `"refused": 1`)
	if !a.tells(t, `acquis_pull_stored_total{pull="odd"} 3`, `acquis_pull_refused_total{pull="odd"} 1`, `acquis_pull_failing{pull="odd"} 0`) {
		t.Error("the metrics do not tell")
	}
	wantIn(t, runs(t, moveEnv(a), "pull", "pause", "html"), "rests")
	wantIn(t, runs(t, moveEnv(a), "pull", "resume", "html"), "goes on")
	wantIn(t, runs(t, moveEnv(a), "pull", "delete", "html"), "is gone")
	wantIn(t, fails(t, moveEnv(a), "pull", "add", "x", "--from-lrs", odd.URL, "--from-key", "k", "--from-secret", "hunter2"), "/secret")
	wantIn(t, fails(t, moveEnv(a), "pull", "add", "x", "--from-lrs", odd.URL, "--from-key", "k", "--from-secret", "env:CONNECT_OTHER", "--agent", "ann"), "--agent")
}
