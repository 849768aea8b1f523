package connectors_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"acquis/connectors"
)

// quick are options under which nothing waits long, and the server is known.
func quick(server *httptest.Server) connectors.EgressOptions {
	return connectors.EgressOptions{
		Private: []string{"127.0.0.1"}, MinWait: time.Millisecond, MaxWait: 2 * time.Second, Rate: -1,
		Roots: rootsOf(server),
	}
}

func rootsOf(server *httptest.Server) *x509.CertPool {
	if server == nil || server.Certificate() == nil {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return pool
}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func request(t *testing.T, method, address, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestClient_repeats(t *testing.T) {
	for _, c := range []struct {
		name    string
		method  string
		mark    bool
		answers []int // statuses in turn, then 200; 0 breaks the answer off
		calls   int32
		class   connectors.Class // "" for an answer
	}{
		{"a GET is sent again after 500, 502, 503 and a broken answer", "GET", false, []int{503, 0, 500}, 4, ""},
		{"attempts are bounded", "GET", false, []int{500, 500, 500, 500, 500}, 4, connectors.RetryLater},
		{"a 429 is waited out", "GET", false, []int{429}, 2, ""},
		{"what the client did wrong is for the connector to judge", "GET", false, []int{403}, 1, ""},
		{"a POST is not sent again when it may have been done", "POST", false, []int{503}, 1, connectors.RetryLater},
		{"nor after a broken answer", "POST", false, []int{0}, 1, connectors.RetryLater},
		{"a POST is sent again after 429, which says that it was not done", "POST", false, []int{429}, 2, ""},
		{"a POST that is marked safe is sent again", "POST", true, []int{503, 0}, 3, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var calls atomic.Int32
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if body, err := io.ReadAll(r.Body); err != nil || string(body) != "asked" {
					t.Errorf("the body is %q: %v", body, err)
				}
				n := int(calls.Add(1))
				if n > len(c.answers) {
					fmt.Fprint(w, "answered")
					return
				}
				if c.answers[n-1] == 0 {
					w.Header().Set("Content-Length", "100")
					fmt.Fprint(w, `{"cut`)
					return
				}
				w.WriteHeader(c.answers[n-1])
			}))
			defer server.Close()
			client := connectors.NewEgress(quick(server)).Client([]string{hostOf(t, server.URL)}, nil)
			r := request(t, c.method, server.URL, "asked")
			if c.mark {
				r = connectors.Repeatable(r)
			}
			_, err := client.Do(t.Context(), r)
			if calls.Load() != c.calls {
				t.Errorf("%d calls: %v", calls.Load(), err)
			}
			if c.class == "" && err != nil || c.class != "" && connectors.FaultOf(err).Class != c.class {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestClient_waits(t *testing.T) {
	t.Run("a long Retry-After ends the request, and the fault says for how long", func(t *testing.T) {
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(429)
		}))
		defer server.Close()
		_, err := connectors.NewEgress(quick(server)).Client([]string{hostOf(t, server.URL)}, nil).Do(t.Context(), request(t, "GET", server.URL, ""))
		if f := connectors.FaultOf(err); f.Class != connectors.RetryLater || f.Delay != 2*time.Minute {
			t.Fatalf("%v after %s", err, f.Delay)
		}
	})
	t.Run("a Retry-After as a date is read by the server's clock", func(t *testing.T) {
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", "Sat, 01 Jan 2000 00:00:00 GMT")
			w.Header().Set("Retry-After", "Sat, 01 Jan 2000 01:00:00 GMT")
			w.WriteHeader(503)
		}))
		defer server.Close()
		_, err := connectors.NewEgress(quick(server)).Client([]string{hostOf(t, server.URL)}, nil).Do(t.Context(), request(t, "GET", server.URL, ""))
		if f := connectors.FaultOf(err); f.Delay != time.Hour {
			t.Fatalf("%v after %s", err, f.Delay)
		}
	})
	t.Run("a server that never answers is given up", func(t *testing.T) {
		release := make(chan struct{})
		server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		defer server.Close()
		defer close(release)
		o := quick(server)
		o.Timeout, o.Attempts = 50*time.Millisecond, 2
		_, err := connectors.NewEgress(o).Client([]string{hostOf(t, server.URL)}, nil).Do(t.Context(), request(t, "GET", server.URL, ""))
		if f := connectors.FaultOf(err); f.Class != connectors.RetryLater {
			t.Fatal(err)
		}
	})
	t.Run("a run that is told to stop is no fault of the provider's", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			cancel()
			w.WriteHeader(503)
		}))
		defer server.Close()
		_, err := connectors.NewEgress(quick(server)).Client([]string{hostOf(t, server.URL)}, nil).Do(ctx, request(t, "GET", server.URL, ""))
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
	t.Run("a host that keeps failing is left alone", func(t *testing.T) {
		var calls atomic.Int32
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.WriteHeader(500)
		}))
		defer server.Close()
		o := quick(server)
		o.BreakAt, o.BreakFor = 6, time.Hour
		client := connectors.NewEgress(o).Client([]string{hostOf(t, server.URL)}, nil)
		for range 3 {
			_, err := client.Do(t.Context(), request(t, "GET", server.URL, ""))
			if f := connectors.FaultOf(err); f.Class != connectors.RetryLater {
				t.Fatal(err)
			}
		}
		if calls.Load() != 6 {
			t.Fatalf("%d calls", calls.Load())
		}
	})
}

func TestClient_stays(t *testing.T) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "answered") })
	get := func(t *testing.T, o connectors.EgressOptions, address string, hosts ...string) error {
		_, err := connectors.NewEgress(o).Client(hosts, nil).Do(t.Context(), request(t, "GET", address, ""))
		return err
	}
	needsPerson := func(t *testing.T, err error, part string) {
		t.Helper()
		if f := connectors.FaultOf(err); err == nil || f.Class != connectors.NeedsPerson || !strings.Contains(f.Detail, part) {
			t.Fatalf("%v", err)
		}
	}
	t.Run("a certificate of nobody known is refused", func(t *testing.T) {
		server := httptest.NewTLSServer(answer)
		defer server.Close()
		o := quick(nil)
		needsPerson(t, get(t, o, server.URL, hostOf(t, server.URL)), "certificate")
	})
	t.Run("an address within is refused unless it is listed", func(t *testing.T) {
		server := httptest.NewTLSServer(answer)
		defer server.Close()
		o := quick(server)
		o.Private = nil
		needsPerson(t, get(t, o, server.URL, hostOf(t, server.URL)), "connect.private")
	})
	t.Run("so is a name that leads to one", func(t *testing.T) {
		server := httptest.NewTLSServer(answer)
		defer server.Close()
		_, port, err := net.SplitHostPort(hostOf(t, server.URL))
		if err != nil {
			t.Fatal(err)
		}
		o := quick(server)
		o.Private = nil
		needsPerson(t, get(t, o, "https://localhost:"+port, "localhost:"+port), "connect.private")
	})
	t.Run("without TLS only listed hosts are asked", func(t *testing.T) {
		server := httptest.NewServer(answer)
		defer server.Close()
		if err := get(t, quick(nil), server.URL, hostOf(t, server.URL)); err != nil {
			t.Fatal(err)
		}
		o := quick(nil)
		o.Private = []string{"10.0.0.1"}
		needsPerson(t, get(t, o, server.URL, hostOf(t, server.URL)), "without TLS")
	})
	t.Run("a host that is not permitted is not asked", func(t *testing.T) {
		o := quick(nil)
		o.Private, o.Hosts = nil, []string{"api.pix.example", "*.openclassrooms.example"}
		needsPerson(t, get(t, o, "https://elsewhere.example/", "elsewhere.example"), "connect.hosts")
		egress := connectors.NewEgress(o)
		if err := egress.JudgeHosts([]string{"api.pix.example", "api.openclassrooms.example", "API.Pix.example:8443"}); err != nil {
			t.Error(err)
		}
		for _, host := range []string{"openclassrooms.example", "evilopenclassrooms.example", "pix.example"} {
			if egress.JudgeHosts([]string{host}) == nil {
				t.Errorf("%s is permitted", host)
			}
		}
	})
	t.Run("a redirect off the connection's hosts is not followed", func(t *testing.T) {
		var reached atomic.Bool
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
		defer other.Close()
		server := httptest.NewTLSServer(http.RedirectHandler(other.URL, http.StatusFound))
		defer server.Close()
		needsPerson(t, get(t, quick(server), server.URL, hostOf(t, server.URL)), "none of the connection's hosts")
		if reached.Load() {
			t.Fatal("it was followed")
		}
	})
	t.Run("an endless answer is cut", func(t *testing.T) {
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, strings.Repeat("x", 5000))
		}))
		defer server.Close()
		o := quick(server)
		o.MaxBody = 4096
		if f := connectors.FaultOf(get(t, o, server.URL, hostOf(t, server.URL))); f.Class != connectors.GiveUp {
			t.Fatal(f)
		}
	})
}

func TestMaskJSON(t *testing.T) {
	for body, want := range map[string]string{
		`{"id": 90017, "status": "SHARED", "participantFirstName": "Camille", "createdAt": "2026-02-01T08:00:00.000Z", "rate": 0.82, "none": null, "ok": true}`: `{"id":0,"status":"SHARED","participantFirstName":"xxxxxxx","createdAt":"0000-00-00x00:00:00.000x","rate":0.0,"none":null,"ok":true}`,
		`[{"a": 1}, {"a": 2}, {"a": 3}]`:                       `[{"a":0},{"a":0}]`,
		`{"camille@exemple.gouv.fr": {"page": {"count": 12}}}`: `{"xxxxxxx@xxxxxxx.xxxx.xx":{"page":{"count":12}}}`,
		`{"status": "camille@exemple.gouv.fr", "role": 7}`:     `{"status":"xxxxxxx@xxxxxxx.xxxx.xx","role":7}`,
		`{"cut": ["Camille", "Du`:                              `{"cut":["xxxxxxx",`,
		`<html>Camille</html>`:                                 ``,
	} {
		if got := connectors.MaskJSON([]byte(body)); got != want {
			t.Errorf("%s is shown as %s", body, got)
		}
	}
}

func FuzzMaskJSON(f *testing.F) {
	for _, seed := range []string{`{"a":["Camille Durand", 12.5]}`, `[[[`, `{"status":"x"`, `"\ud800"`, "{\"\xff\":1}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if got := connectors.MaskJSON([]byte(body)); len(got) > 5<<10 {
			t.Fatalf("%d bytes", len(got))
		}
	})
}
