package server_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"acquis/server"
)

// line is a line of the access log.
type line struct {
	Msg       string `json:"msg"`
	RequestID string `json:"requestId"`
	Method    string `json:"method"`
	Route     string `json:"route"`
	Status    int    `json:"status"`
	Duration  int64  `json:"duration"`
	Bytes     int    `json:"bytes"`
	Aborted   bool   `json:"aborted"`
}

// logged sends r to a server with the route /people/:mail, whose clock moves by 1 ms a look, and
// returns the log.
func logged(t *testing.T, level slog.Level, r *http.Request) string {
	t.Helper()
	var log bytes.Buffer
	var now time.Time
	srv, err := server.New(server.Options{
		Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: level})),
		NewID:  func() string { return "made" },
		Now:    func() time.Time { now = now.Add(time.Millisecond); return now },
	}, at("/", func(g *gin.RouterGroup) {
		g.POST("/people/:mail", func(c *gin.Context) { c.String(http.StatusCreated, "hello") })
		g.GET("/cut", func(*gin.Context) { panic(http.ErrAbortHandler) })
	}))
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { _ = recover() }() // the cut, which net/http would take
		srv.ServeHTTP(httptest.NewRecorder(), r)
	}()
	return log.String()
}

func TestAccessLog(t *testing.T) {
	for name, test := range map[string]struct {
		request *http.Request
		want    line
	}{
		"a request has one line with its route": {
			httptest.NewRequest("POST", "/people/ada@example.org?key=hunter2", strings.NewReader("secret body")),
			line{Msg: "request", RequestID: "made", Method: "POST", Route: "/people/:mail", Status: 201, Bytes: 5},
		},
		"an unknown path is not repeated": {
			httptest.NewRequest("GET", "/people/ada@example.org/hunter2", nil),
			line{Msg: "request", RequestID: "made", Method: "GET", Route: "unmatched", Status: 404},
		},
		"an invented method is not repeated": {
			httptest.NewRequest("HUNTER2", "/nothing", nil),
			line{Msg: "request", RequestID: "made", Method: "other", Route: "unmatched", Status: 404},
		},
		"a cut answer is marked": {
			httptest.NewRequest("GET", "/cut", nil),
			line{Msg: "request", RequestID: "made", Method: "GET", Route: "/cut", Status: 200, Aborted: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.request.Header.Set("Authorization", "Basic aHVudGVyMg==")
			log := logged(t, slog.LevelInfo, test.request)
			for _, secret := range []string{"ada@", "hunter2", "secret", "aHVudGVyMg", "192.0.2.1"} {
				if strings.Contains(log, secret) {
					t.Errorf("the log shows %q: %s", secret, log)
				}
			}
			var got line
			if err := json.Unmarshal([]byte(log), &got); err != nil {
				t.Fatalf("%s: %v", log, err)
			}
			if got.Duration <= 0 {
				t.Errorf("duration %d", got.Duration)
			}
			if got.Route == "unmatched" {
				got.Bytes = 0 // the length of the problem's text
			}
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(line{}, "Duration")); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("a logger above Info gets no line", func(t *testing.T) {
		if log := logged(t, slog.LevelWarn, httptest.NewRequest("POST", "/people/x", nil)); log != "" {
			t.Error(log)
		}
	})
}
