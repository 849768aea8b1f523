package server_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"acquis/server"
)

// discard is an answer that nobody looks at.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkMiddleware measures what every request pays before and after its handler: the budget
// is 30,000 requests/s on two cores together with the store, so a few microseconds.
func BenchmarkMiddleware(b *testing.B) {
	for name, logger := range map[string]*slog.Logger{
		"log off": slog.New(slog.DiscardHandler),
		"log on":  slog.New(slog.NewJSONHandler(io.Discard, nil)),
	} {
		b.Run(name, func(b *testing.B) {
			srv, err := server.New(server.Options{Logger: logger, Origins: []string{"*"}}, server.Mount{
				Path: "/xapi", CrossOrigin: true,
				Surface: routes(func(r *gin.RouterGroup) {
					r.POST("/statements", func(c *gin.Context) {
						server.LimitBody(c.Request, 1<<20)
						_, _ = io.Copy(io.Discard, c.Request.Body)
						c.Status(http.StatusNoContent)
					})
				}),
			})
			if err != nil {
				b.Fatal(err)
			}
			body := bytes.NewReader(make([]byte, 1200))
			r := httptest.NewRequest("POST", "/xapi/statements", nil)
			r.Header.Set("Accept-Encoding", "gzip")
			w := discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				body.Reset(make1200[:])
				r.Body, r.ContentLength = io.NopCloser(body), 1200
				clear(w.header)
				srv.ServeHTTP(w, r)
			}
		})
	}
}

var make1200 [1200]byte
