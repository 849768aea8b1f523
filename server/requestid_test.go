package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"acquis/server"
)

func TestRequestID(t *testing.T) {
	srv, err := server.New(server.Options{NewID: func() string { return "made" }}, at("/", func(r *gin.RouterGroup) {
		r.GET("/id", func(c *gin.Context) { c.String(http.StatusOK, server.RequestID(c)) })
	}))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ sent, want string }{
		"a request without one gets a new one": {"", "made"},
		"a sane one is kept":                   {"0af7651916cd43dd8448eb211c80319c:1.a_b-c", "0af7651916cd43dd8448eb211c80319c:1.a_b-c"},
		"a mail address is replaced":           {"ada@example.org", "made"},
		"a long one is replaced":               {strings.Repeat("a", 65), "made"},
		"a second log field is replaced":       {"a status=200", "made"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/id", nil)
			if test.sent != "" {
				r.Header.Set("X-Request-Id", test.sent)
			}
			w := httptest.NewRecorder()
			srv.ServeHTTP(w, r)
			if got := w.Header().Get("X-Request-Id"); got != test.want || w.Body.String() != test.want {
				t.Errorf("header %q, context %q, want %q", got, w.Body, test.want)
			}
		})
	}
	t.Run("the made one is long and differs each time", func(t *testing.T) {
		s := start(t, server.Options{})
		first, _ := s.send(t, "GET", "/", nil)
		second, _ := s.send(t, "GET", "/", nil)
		a, b := first.Header.Get("X-Request-Id"), second.Header.Get("X-Request-Id")
		if len(a) < 22 || a == b {
			t.Errorf("ids %q and %q", a, b)
		}
	})
}
