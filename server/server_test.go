package server_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"

	"acquis/server"
	"acquis/server/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// routes is a surface made of one function.
type routes func(r *gin.RouterGroup)

func (f routes) Mount(r *gin.RouterGroup) { f(r) }

// running is a server that listens, with a client of its own.
type running struct {
	*server.Server
	URL  string
	addr string
	http *http.Client
	stop func() error // ends Serve and returns what it returned; further calls return the same
}

// start serves the mounts on a free port until the test ends.
func start(t *testing.T, opts server.Options, mounts ...server.Mount) *running {
	t.Helper()
	srv, err := server.New(opts, mounts...)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, ln) }()
	transport := &http.Transport{DisableCompression: true}
	s := &running{
		Server: srv, URL: "http://" + ln.Addr().String(), addr: ln.Addr().String(),
		http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	s.stop = func() error {
		cancel()
		err := <-served
		served <- err
		return err
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = s.stop()
	})
	return s
}

// at is a mount of plain routes.
func at(path string, mount func(r *gin.RouterGroup)) server.Mount {
	return server.Mount{Path: path, Surface: routes(mount)}
}

// send sends a request with header lines "Name: value" and returns the answer with its body.
func (s *running) send(t *testing.T, method, path string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	resp, err := s.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(content)
}

// wantProblem checks that an answer is the problem of that type and status.
func wantProblem(t *testing.T, resp *http.Response, body string, status int, name string) {
	t.Helper()
	if got := resp.Header.Get("Content-Type"); got != problem.ContentType {
		t.Errorf("Content-Type %q, want %q", got, problem.ContentType)
	}
	var doc problem.Document
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatalf("body %q: %v", body, err)
	}
	if resp.StatusCode != status || doc.Type != "urn:acquis:problem:"+name {
		t.Errorf("%d %s, want %d %s", resp.StatusCode, doc.Type, status, name)
	}
	if doc.RequestID == "" || doc.RequestID != resp.Header.Get("X-Request-Id") {
		t.Errorf("request id %q in the body, %q in the header", doc.RequestID, resp.Header.Get("X-Request-Id"))
	}
}

func TestRouting(t *testing.T) {
	s := start(t, server.Options{BasePath: "/lrs"}, at("/api", func(r *gin.RouterGroup) {
		r.GET("/things", func(c *gin.Context) { c.String(http.StatusOK, "things") })
		r.PUT("/things", func(c *gin.Context) { c.Status(http.StatusNoContent) })
		r.GET("/things/:id", func(c *gin.Context) { c.String(http.StatusOK, c.Param("id")) })
		r.GET("/ip", func(c *gin.Context) { c.String(http.StatusOK, c.ClientIP()) })
	}), at("/", func(r *gin.RouterGroup) {
		r.GET("/root", func(c *gin.Context) { c.String(http.StatusOK, "root") })
	}))

	for name, test := range map[string]struct{ path, want string }{
		"a mount lies under the base path":       {"/lrs/api/things", "things"},
		"a mount at the root is the base path":   {"/lrs/root", "root"},
		"a path parameter is decoded once":       {"/lrs/api/things/a%2541", "a%41"},
		"a plus in a path stays a plus":          {"/lrs/api/things/a+b", "a+b"},
		"an encoded letter is the letter itself": {"/lrs/api/%74hings", "things"},
		"X-Forwarded-For is not believed":        {"/lrs/api/ip", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := s.send(t, "GET", test.path, nil, "X-Forwarded-For: 192.0.2.1")
			if resp.StatusCode != http.StatusOK || body != test.want {
				t.Errorf("%d %q, want 200 %q", resp.StatusCode, body, test.want)
			}
		})
	}
	for name, test := range map[string]struct{ method, path string }{
		"an unknown path is a 404":                         {"GET", "/lrs/nothing"},
		"a path outside of the base path is a 404":         {"GET", "/api/things"},
		"a trailing slash is another path, not a redirect": {"GET", "/lrs/api/things/x/"},
		"another case is another path":                     {"GET", "/lrs/API/things"},
		"an unknown method on an unknown path is a 404":    {"BREW", "/lrs/nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := s.send(t, test.method, test.path, nil)
			wantProblem(t, resp, body, http.StatusNotFound, "not-found")
		})
	}
	for _, method := range []string{"DELETE", "BREW", "OPTIONS"} {
		t.Run(method+" is a 405 that lists the methods", func(t *testing.T) {
			resp, body := s.send(t, method, "/lrs/api/things", nil)
			wantProblem(t, resp, body, http.StatusMethodNotAllowed, "method-not-allowed")
			if allow := resp.Header.Get("Allow"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "PUT") {
				t.Errorf("Allow %q, want GET and PUT", allow)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for _, origin := range []string{"example.org", "https://example.org/", "ftp://example.org", "https://a.*.org", "https://*.*.org", ""} {
		t.Run("the origin "+origin, func(t *testing.T) {
			if _, err := server.New(server.Options{Origins: []string{origin}}); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestHead(t *testing.T) {
	s := start(t, server.Options{}, at("/", func(r *gin.RouterGroup) {
		r.HEAD("/thing", func(c *gin.Context) { c.String(http.StatusOK, "thing") })
	}))
	t.Run("an answer has the length of the body it leaves out", func(t *testing.T) {
		resp, body := s.send(t, "HEAD", "/thing", nil)
		if resp.StatusCode != http.StatusOK || body != "" || resp.ContentLength != int64(len("thing")) {
			t.Errorf("%d %q, length %d", resp.StatusCode, body, resp.ContentLength)
		}
	})
	t.Run("a problem has no body", func(t *testing.T) {
		resp, body := s.send(t, "HEAD", "/nothing", nil)
		if resp.StatusCode != http.StatusNotFound || body != "" {
			t.Errorf("%d %q", resp.StatusCode, body)
		}
	})
}

// lines collects a log; bytes.Buffer alone is not safe against the server's goroutines.
type lines struct {
	ch  chan struct{}
	buf bytes.Buffer
}

func newLines() *lines { return &lines{ch: make(chan struct{}, 1)} }

func (l *lines) Write(p []byte) (int, error) {
	l.ch <- struct{}{}
	defer func() { <-l.ch }()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.ch <- struct{}{}
	defer func() { <-l.ch }()
	return l.buf.String()
}

// newLogger returns a logger that writes to the test's log.
func newLogger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}
