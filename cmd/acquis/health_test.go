package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// health runs acquis health and returns what it said.
func health(t *testing.T, env []string, args ...string) (said string, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := command(ctx, env, append([]string{"health"}, args...)...).CombinedOutput()
	return string(out), err == nil
}

func TestHealth(t *testing.T) {
	p := serve(t, []string{"ACQUIS_BASE_PATH=/learning"}, "--data", t.TempDir())
	served, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	for name, listen := range map[string]string{
		"it asks the configured listener":                   served.Host,
		"it asks this machine when every interface listens": net.JoinHostPort("0.0.0.0", served.Port()),
		"it asks this machine when the address has no host": ":" + served.Port(),
		"it asks a host by its name":                        net.JoinHostPort("localhost", served.Port()),
	} {
		t.Run(name, func(t *testing.T) {
			env := []string{"ACQUIS_LISTEN=" + listen, "ACQUIS_LISTEN_INSECURE=true", "ACQUIS_BASE_PATH=/learning"}
			if said, ok := health(t, env); !ok || said != `{"status":"alive"}`+"\n" {
				t.Errorf("/healthz: %v %s", ok, said)
			}
			if said, ok := health(t, env, "--ready"); !ok || !strings.HasPrefix(said, `{"status":"ready"`) {
				t.Errorf("/readyz: %v %s", ok, said)
			}
		})
	}
	t.Run("a process that is gone is a fault", func(t *testing.T) {
		p.kill()
		said, ok := health(t, nil, "--url", p.url+"/healthz")
		if ok || !strings.Contains(said, "does not answer") {
			t.Errorf("%v %s", ok, said)
		}
	})
}

func TestHealth_answers(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"a process that is not ready is a fault, and its answer is told in one line": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = w.Write([]byte("{\"status\":\n\"draining\"}\n"))
			},
			`/readyz answers 503 Service Unavailable: {"status": "draining"}`,
		},
		"a redirection is a fault, since somebody else answered": {
			func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
			"/readyz answers 302 Found",
		},
		"an answer that does not come is a fault": {
			func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			"does not answer",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.answer)
			defer server.Close()
			said, ok := health(t, nil, "--url", server.URL+"/readyz", "--timeout", "500ms")
			if ok || !strings.Contains(said, test.want) || strings.Count(said, "\n") != 1 {
				t.Errorf("%v %s", ok, said)
			}
		})
	}
	t.Run("a port that the system chooses cannot be asked", func(t *testing.T) {
		said, ok := health(t, []string{"ACQUIS_LISTEN=127.0.0.1:0"})
		if ok || !strings.Contains(said, "--url") {
			t.Errorf("%v %s", ok, said)
		}
	})
	t.Run("a configuration with faults is told", func(t *testing.T) {
		said, ok := health(t, []string{"ACQUIS_LISTEN=nowhere"})
		if ok || !strings.Contains(said, "the configuration has faults") {
			t.Errorf("%v %s", ok, said)
		}
	})
}
