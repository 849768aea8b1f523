package server_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"acquis/server"
)

func TestRecover(t *testing.T) {
	log := newLines()
	s := start(t, server.Options{Logger: slog.New(slog.NewTextHandler(log, nil))}, at("/", func(r *gin.RouterGroup) {
		r.GET("/panic", func(*gin.Context) { panic("hunter2") })
		r.GET("/late", func(c *gin.Context) {
			_, _ = c.Writer.WriteString(strings.Repeat("x", 64<<10))
			c.Writer.Flush()
			panic("too late")
		})
	}))
	t.Run("a panic is a 500 that hides its text and logs its stack", func(t *testing.T) {
		resp, body := s.send(t, "GET", "/panic", nil)
		wantProblem(t, resp, body, http.StatusInternalServerError, "internal")
		if strings.Contains(body, "hunter2") {
			t.Errorf("the answer shows the panic: %s", body)
		}
		for _, part := range []string{"hunter2", "recover_test.go", resp.Header.Get("X-Request-Id")} {
			if !strings.Contains(log.String(), part) {
				t.Errorf("the log lacks %q: %s", part, log)
			}
		}
	})
	for name, encoding := range map[string]string{"plain": "identity", "gzip": "gzip"} {
		t.Run("a panic in a begun answer cuts it, "+name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/late", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept-Encoding", encoding)
			resp, err := s.http.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if _, err := io.Copy(io.Discard, resp.Body); err == nil {
				t.Error("the half answer looks whole")
			}
		})
	}
	t.Run("the server goes on", func(t *testing.T) {
		if resp, _ := s.send(t, "GET", "/nothing", nil); resp.StatusCode != http.StatusNotFound {
			t.Errorf("status %d", resp.StatusCode)
		}
	})
}
