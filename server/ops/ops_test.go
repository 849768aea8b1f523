package ops_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"acquis/server/ops"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	goleak.VerifyTestMain(m)
}

// ask sends a request to o.
func ask(o *ops.Ops, method, path string) *httptest.ResponseRecorder {
	engine := gin.New()
	o.Mount(&engine.RouterGroup)
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestHealth(t *testing.T) {
	o := ops.New(ops.Options{Checks: map[string]ops.Check{"store": func(context.Context) error { return errors.New("down") }}})
	o.Drain()
	if w := ask(o, "GET", "/healthz"); w.Code != http.StatusOK || w.Body.String() != `{"status":"alive"}` {
		t.Errorf("%d %s: the process is alive whatever its checks say", w.Code, w.Body)
	}
}

func TestReadiness(t *testing.T) {
	pass := func(context.Context) error { return nil }
	fail := func(context.Context) error { return errors.New("open /data/hunter2") }
	type answer struct {
		Status string            `json:"status"`
		Checks map[string]string `json:"checks"`
	}
	for name, test := range map[string]struct {
		checks map[string]ops.Check
		drain  bool
		status int
		want   answer
	}{
		"it is ready when nothing is checked": {nil, false, 200, answer{"ready", map[string]string{}}},
		"it is ready when every check passes": {
			map[string]ops.Check{"store": pass, "log": pass},
			false, 200,
			answer{"ready", map[string]string{"store": "ready", "log": "ready"}},
		},
		"it is not when a check fails, and says which": {
			map[string]ops.Check{"store": fail, "log": pass},
			false, 503,
			answer{"failing", map[string]string{"store": "failing", "log": "ready"}},
		},
		"it is not when a check takes too long": {
			map[string]ops.Check{"store": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
			false, 503,
			answer{"failing", map[string]string{"store": "failing"}},
		},
		"it is not when a check panics": {
			map[string]ops.Check{"store": func(context.Context) error { panic("x") }},
			false, 503,
			answer{"failing", map[string]string{"store": "failing"}},
		},
		"it is not while the server drains": {
			map[string]ops.Check{"store": pass},
			true, 503,
			answer{"draining", map[string]string{"store": "ready"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			o := ops.New(ops.Options{
				Logger: slog.New(slog.NewTextHandler(&log, nil)), Checks: test.checks, CheckTimeout: 50 * time.Millisecond,
			})
			if test.drain {
				o.Drain()
			}
			w := ask(o, "GET", "/readyz")
			var got answer
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" || w.Code != test.status {
				t.Errorf("status %d, want %d: %s", w.Code, test.status, diff)
			}
			if failing := test.want.Status == "failing"; strings.Contains(log.String(), "check=store") != failing {
				t.Errorf("log %q", log.String())
			}
			if strings.Contains(w.Body.String(), "hunter2") {
				t.Errorf("the answer shows the error: %s", w.Body)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	stored := prometheus.NewCounter(prometheus.CounterOpts{Name: "acquis_test_total", Help: "A test."})
	registry.MustRegister(stored)
	stored.Add(7)
	w := ask(ops.New(ops.Options{Metrics: registry}), "GET", "/metrics")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "acquis_test_total 7") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(ops.New(ops.Options{}), "GET", "/metrics"); w.Code != http.StatusNotFound {
		t.Errorf("without a registry: %d %s", w.Code, w.Body)
	}
}

func TestVersion(t *testing.T) {
	w := ask(ops.New(ops.Options{Version: "1.2.3"}), "GET", "/version")
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if version, goVersion := got["version"], got["go"]; version != "1.2.3" || !strings.HasPrefix(goVersion.(string), "go") {
		t.Errorf("%s", w.Body)
	}
}

func TestHead(t *testing.T) {
	o := ops.New(ops.Options{Metrics: prometheus.NewRegistry()})
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/version"} {
		if w := ask(o, "HEAD", path); w.Code != http.StatusOK {
			t.Errorf("HEAD %s: %d", path, w.Code)
		}
	}
}
