package connections_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/access"
	"acquis/connectors"
	"acquis/hub"
	"acquis/lrs"
	"acquis/server/connections"
	"acquis/server/problem"
	"acquis/storage/pebblestore"
)

// silent is a provider that has nothing to say, and counts the bytes of files that it is given.
type silent struct{}

func (silent) Hosts() []string { return nil }

func (silent) Pull(_ context.Context, r connectors.Request, yield func(connectors.Page) error) (jsontext.Value, error) {
	items := 0
	for _, f := range r.Files {
		items += int(f.Size)
	}
	return jsontext.Value(`{"at":1}`), yield(connectors.Page{Items: items})
}

func (silent) Check(context.Context, connectors.Request) (connectors.Check, error) {
	return connectors.Check{}, connectors.Faultf(connectors.NeedsPerson, "Nobody is there.", "no answer")
}

func (silent) Probe(context.Context, connectors.Request) (connectors.Probe, error) {
	return connectors.Probe{Fields: []connectors.Field{{Item: "thing", Name: "/id", Found: 2, Of: 3}}}, nil
}

// desk lets everybody in by the name of a role, makes every source and keeps no record.
type desk struct{}

func (desk) Authenticate(_ context.Context, given access.Presented) (lrs.Principal, error) {
	roles, err := lrs.ParseRoles(given.Key)
	if err != nil {
		return lrs.Principal{}, lrs.Errorf(lrs.KindUnauthenticated, "unknown")
	}
	return lrs.Principal{Name: given.Key, Roles: roles}, nil
}

func (desk) EnsureSource(context.Context, hub.Caller, string, string, connectors.SourceRules) error {
	return nil
}
func (desk) Record(context.Context, hub.Caller, hub.Act) error { return nil }

func (desk) AliasID(connectors.Key) hub.AliasID { return "a" }

func (desk) Observe(context.Context, []connectors.Sighting) error { return nil }

func (desk) Secret(connectors.SecretRef) (string, error) { return "", nil }

func (desk) StoreStatements(context.Context, lrs.Principal, lrs.StoreRequest) ([]lrs.ID, error) {
	return nil, nil
}

// surface is the resources over a fresh store, with a scheduler that runs.
func surface(t *testing.T) (http.Handler, chan connectors.Run) {
	t.Helper()
	store, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.DeclareCollections(t.Context(), connectors.Collections()...); err != nil {
		t.Fatal(err)
	}
	ended := make(chan connectors.Run, 1)
	runner, err := connectors.NewRunner(t.Context(), connectors.RunnerOptions{
		Providers: []connectors.Provider{{
			Kind: "silent", Title: "Silent", Defaults: jsontext.Value(`{}`),
			Open: func(s jsontext.Value) (connectors.Connector, error) { return silent{}, nil },
		}},
		Store: store, Keys: store, Door: desk{}, Finder: store, Version: lrs.V103, Identities: desk{}, Secrets: desk{},
		Principal: func(string) (lrs.Principal, error) { return lrs.Principal{}, nil }, Egress: connectors.NewEgress(connectors.EgressOptions{}),
		Process: "test", Now: time.Now, Ended: func(r connectors.Run) { ended <- r },
	})
	if err != nil {
		t.Fatal(err)
	}
	scheduler := connectors.NewScheduler(connectors.SchedulerOptions{Runner: runner, Every: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() { defer close(stopped); scheduler.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-stopped })
	service := connectors.NewService(connectors.ServiceOptions{Runner: runner, Scheduler: scheduler, Sources: desk{}, Audit: desk{}})
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	connections.New(desk{}, service, problem.New(nil), connections.Options{FileBytes: 1 << 20, Dir: t.TempDir()}).Mount(engine.Group("/api"))
	return engine, ended
}

// ask sends a request as somebody with a role.
func ask(t *testing.T, h http.Handler, role, method, path, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.SetBasicAuth(role, "secret")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func want(t *testing.T, w *httptest.ResponseRecorder, status int, parts ...string) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	for _, part := range parts {
		if !bytes.Contains(w.Body.Bytes(), []byte(part)) {
			t.Errorf("%q is missing in %s", part, w.Body)
		}
	}
}

const one = `{"name":"one","kind":"silent","settings":{},"schedule":"@daily"}`

func TestConnections(t *testing.T) {
	h, ended := surface(t)
	want(t, ask(t, h, "nobody", "GET", "/api/connections", ""), 401)
	want(t, ask(t, h, "bi-reader", "GET", "/api/connections", ""), 403)
	want(t, ask(t, h, "auditor", "GET", "/api/connections", ""), 200, `{"items":[]}`)
	want(t, ask(t, h, "auditor", "GET", "/api/connection-kinds", ""), 200, `"kind":"silent"`)
	want(t, ask(t, h, "operator", "POST", "/api/connections", `{"name":"one","kind":"silent","settings":{},"scedule":"@daily"}`), 400, "/scedule")
	want(t, ask(t, h, "operator", "POST", "/api/connections", `{"name":"one"`), 400)
	want(t, ask(t, h, "operator", "POST", "/api/connections", one, "Content-Type", "text/plain"), 415)
	want(t, ask(t, h, "operator", "POST", "/api/connections", `{"name":"One","kind":"loud","settings":{}}`), 400, `"/name"`, `"/kind"`)
	made := ask(t, h, "operator", "POST", "/api/connections", one)
	want(t, made, 201, `"nextPull"`)
	if made.Header().Get("Location") != "/api/connections/one" {
		t.Errorf("Location is %s", made.Header().Get("Location"))
	}
	tag := made.Header().Get("ETag")
	want(t, ask(t, h, "operator", "PUT", "/api/connections/one", one), 400, "If-Match")
	want(t, ask(t, h, "operator", "PUT", "/api/connections/one", `{"name":"two","kind":"silent","settings":{}}`, "If-Match", tag), 400, "/name")
	want(t, ask(t, h, "operator", "PUT", "/api/connections/one", `{"kind":"silent","settings":{},"title":"One"}`, "If-Match", tag), 200, `"title":"One"`)
	want(t, ask(t, h, "operator", "PUT", "/api/connections/one", one, "If-Match", tag), 412)
	want(t, ask(t, h, "operator", "GET", "/api/connections/two", ""), 404)
	want(t, ask(t, h, "operator", "POST", "/api/connections/one/pause", ""), 200, `"paused":true`)
	want(t, ask(t, h, "operator", "POST", "/api/connections/one/resume", ""), 200)
	want(t, ask(t, h, "licence-manager", "POST", "/api/connections/one/consent", ""), 409)
	want(t, ask(t, h, "operator", "POST", "/api/connections/one/check", ""), 200, `"ok":false`, `"class":"needs-person"`, "Nobody is there.")
	want(t, ask(t, h, "operator", "POST", "/api/connections/one/probe", ""), 200, `"ok":true`, `"found":2`)

	t.Run("a run is begun, read, and listed in pages", func(t *testing.T) {
		for range 2 {
			begin(t, h, ended, "/api/connections/one/run?dry=false", "")
		}
		want(t, ask(t, h, "operator", "POST", "/api/connections/one/run?full=maybe", ""), 400)
		want(t, ask(t, h, "licence-manager", "GET", "/api/connections/one/runs/1", ""), 200, `"outcome":"clean"`)
		want(t, ask(t, h, "operator", "GET", "/api/connections/one/runs/99", ""), 404)
		first := ask(t, h, "operator", "GET", "/api/runs?limit=1", "")
		want(t, first, 200, `"number":2`, `"next"`)
		var page struct {
			Next string `json:"next"`
		}
		if err := json.Unmarshal(first.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		want(t, ask(t, h, "operator", "GET", "/api/runs?limit=1&after="+page.Next, ""), 200, `"number":1`)
		want(t, ask(t, h, "operator", "GET", "/api/runs?after=nonsense", ""), 400)
		want(t, ask(t, h, "operator", "GET", "/api/runs?limit=0", ""), 400)
	})
	t.Run("a file that is handed in is read by a run", func(t *testing.T) {
		want(t, ask(t, h, "auditor", "POST", "/api/connections/one/files?name=a.csv", "a;b"), 403)
		want(t, ask(t, h, "operator", "POST", "/api/connections/one/files?name=..%2Fa.csv", "a;b"), 400)
		want(t, ask(t, h, "operator", "POST", "/api/connections/one/files?name=a.csv", ""), 400, "empty")
		if run := begin(t, h, ended, "/api/connections/one/files?name=a.csv&as=results", "five!"); run.Items != 5 {
			t.Errorf("%+v", run)
		}
	})
}

// begin starts a run and returns how it ended.
func begin(t *testing.T, h http.Handler, ended chan connectors.Run, path, body string) connectors.Run {
	t.Helper()
	for {
		w := ask(t, h, "operator", "POST", path, body)
		if w.Code == 409 || w.Code == 503 { // the scheduler is about to run, or the run before to be put away
			continue
		}
		want(t, w, 202, `"outcome":"running"`)
		if at := w.Header().Get("Location"); !strings.HasPrefix(at, "/api/connections/one/runs/") {
			t.Errorf("Location is %s", at)
		}
		return <-ended
	}
}
