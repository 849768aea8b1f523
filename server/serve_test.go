package server_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"acquis/server"
	"acquis/server/ops"
)

func TestDrain(t *testing.T) {
	t.Run("readiness is false while the request in flight completes", func(t *testing.T) {
		probes := ops.New(ops.Options{})
		drained := make(chan struct{})
		entered, release := make(chan struct{}), make(chan struct{})
		s := start(t, server.Options{OnDrain: func() { probes.Drain(); close(drained) }},
			server.Mount{Path: "/", Surface: probes},
			at("/", func(r *gin.RouterGroup) {
				r.GET("/work", func(c *gin.Context) {
					close(entered)
					<-release
					c.String(http.StatusOK, "done %v", c.Err())
				})
			}))
		if got := ready(s); got != http.StatusOK {
			t.Errorf("before: /readyz %d", got)
		}
		answered := make(chan string, 1)
		go func() { answered <- get(s.http, s.URL+"/work") }()
		<-entered
		ended := make(chan error, 1)
		go func() { ended <- s.stop() }()
		<-drained
		if got := ready(s); got != http.StatusServiceUnavailable {
			t.Errorf("while draining: /readyz %d", got)
		}
		select {
		case err := <-ended:
			t.Fatalf("Serve returned %v with a request in flight", err)
		default:
		}
		close(release)
		if got := <-answered; got != "200 done <nil>" {
			t.Errorf("the request in flight got %q", got)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if conn, err := net.Dial("tcp", s.addr); err == nil {
			conn.Close()
			t.Error("the server still accepts connections")
		}
	})
	t.Run("new connections are served during the delay", func(t *testing.T) {
		drained := make(chan struct{})
		s := start(t, server.Options{OnDrain: func() { close(drained) }, DrainDelay: time.Second},
			server.Mount{Path: "/", Surface: ops.New(ops.Options{})})
		ended := make(chan error, 1)
		go func() { ended <- s.stop() }()
		<-drained
		if got := get(s.http, s.URL+"/healthz"); !strings.HasPrefix(got, "200") {
			t.Error(got)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Run("a request that takes too long is cancelled and Serve says so", func(t *testing.T) {
		entered, left := make(chan struct{}), make(chan struct{})
		s := start(t, server.Options{DrainTimeout: 10 * time.Millisecond}, at("/", func(r *gin.RouterGroup) {
			r.GET("/work", func(c *gin.Context) {
				close(entered)
				<-c.Done()
				close(left)
			})
		}))
		answered := make(chan string, 1)
		go func() { answered <- get(s.http, s.URL+"/work") }()
		<-entered
		if err := s.stop(); err == nil || !strings.Contains(err.Error(), "1 requests were cut") {
			t.Errorf("error %v, want the number of requests cut", err)
		}
		select {
		case <-left:
		default:
			t.Error("Serve returned while the handler ran")
		}
		<-answered
	})
	t.Run("a listener that fails ends Serve with its error", func(t *testing.T) {
		srv, err := server.New(server.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		if err := srv.Serve(t.Context(), ln); err == nil {
			t.Error("no error")
		}
	})
}

// ready asks /readyz past the listener, which may be closed.
func ready(s *running) int {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	return w.Code
}
