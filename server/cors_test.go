package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"acquis/server"
)

// crossing is a server with a mount for browsers, /api, and one that is not, /private.
func crossing(t *testing.T, origins ...string) *running {
	mount := func(r *gin.RouterGroup) {
		r.GET("/things", func(c *gin.Context) { c.String(http.StatusOK, "things") })
		r.PUT("/things", func(c *gin.Context) { c.Status(http.StatusNoContent) })
	}
	api := at("/api", mount)
	api.CrossOrigin = true
	return start(t, server.Options{Origins: origins}, api, at("/private", mount))
}

func TestPreflight(t *testing.T) {
	everyone := crossing(t, "*")
	t.Run("it needs neither credential nor version, and allows what xAPI content sends", func(t *testing.T) {
		for _, path := range []string{"/api/things", "/api/things?method=PUT", "/api/nothing"} {
			resp, body := everyone.send(t, "OPTIONS", path, nil, "Origin: https://a.fr", "Access-Control-Request-Method: PUT")
			if resp.StatusCode != http.StatusNoContent || body != "" {
				t.Errorf("%s: %d %q", path, resp.StatusCode, body)
			}
			wantList(t, resp, "Access-Control-Allow-Methods", "GET", "HEAD", "POST", "PUT", "DELETE")
			wantList(t, resp, "Access-Control-Allow-Headers", "Authorization", "Content-Type", "Content-Length", "If-Match",
				"If-None-Match", "X-Experience-Api-Version", "X-Experience-Api-Hash", "Accept-Language", "X-Request-Id", "Content-Transfer-Encoding")
			if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "*" {
				t.Errorf("Access-Control-Allow-Origin %q", got)
			}
			if got := resp.Header.Get("Access-Control-Max-Age"); got != "600" {
				t.Errorf("Access-Control-Max-Age %q, want the ten minutes of the default", got)
			}
			if got := resp.Header.Get("Access-Control-Allow-Credentials"); got != "" {
				t.Errorf("Access-Control-Allow-Credentials %q with every origin", got)
			}
		}
	})
	t.Run("an origin outside of the set is refused", func(t *testing.T) {
		resp, body := crossing(t, "https://a.fr").send(t, "OPTIONS", "/api/things", nil, "Origin: https://b.fr", "Access-Control-Request-Method: PUT")
		wantProblem(t, resp, body, http.StatusForbidden, "forbidden")
		wantUnmarked(t, resp)
	})
	t.Run("a mount that is not for browsers has none", func(t *testing.T) {
		resp, body := everyone.send(t, "OPTIONS", "/private/things", nil, "Origin: https://a.fr", "Access-Control-Request-Method: PUT")
		wantProblem(t, resp, body, http.StatusMethodNotAllowed, "method-not-allowed")
		wantUnmarked(t, resp)
	})
	t.Run("a path that only begins like the mount has none", func(t *testing.T) {
		resp, _ := everyone.send(t, "OPTIONS", "/apis", nil, "Origin: https://a.fr")
		wantUnmarked(t, resp)
	})
}

func TestOrigins(t *testing.T) {
	some := crossing(t, "https://A.fr", "https://*.gouv.fr", "http://localhost:3000")
	for origin, want := range map[string]bool{
		"https://a.fr":            true,
		"https://cours.gouv.fr":   true,
		"https://x.cours.gouv.fr": true,
		"http://localhost:3000":   true,
		"http://a.fr":             false,
		"https://gouv.fr":         false,
		"https://.gouv.fr":        false,
		"https://evilgouv.fr":     false,
		"https://a.fr.evil.org":   false,
		"http://localhost":        false,
		"null":                    false,
	} {
		t.Run(origin, func(t *testing.T) {
			resp, body := some.send(t, "GET", "/api/things", nil, "Origin: "+origin)
			if resp.StatusCode != http.StatusOK || body != "things" {
				t.Errorf("%d %q: an origin must not change the answer", resp.StatusCode, body)
			}
			if !want {
				wantUnmarked(t, resp)
			} else if got := resp.Header.Get("Access-Control-Allow-Origin"); got != origin {
				t.Errorf("Access-Control-Allow-Origin %q", got)
			}
			wantList(t, resp, "Vary", "Accept-Encoding", "Origin")
		})
	}
	t.Run("an answer exposes what content reads", func(t *testing.T) {
		resp, _ := some.send(t, "GET", "/api/things", nil, "Origin: https://a.fr")
		wantList(t, resp, "Access-Control-Expose-Headers", "Etag", "Last-Modified", "Location", "Content-Type", "Content-Length",
			"X-Experience-Api-Version", "X-Experience-Api-Consistent-Through", "X-Request-Id", "Retry-After")
	})
	t.Run("a problem is marked too", func(t *testing.T) {
		resp, body := some.send(t, "GET", "/api/nothing", nil, "Origin: https://a.fr")
		wantProblem(t, resp, body, http.StatusNotFound, "not-found")
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "https://a.fr" {
			t.Errorf("Access-Control-Allow-Origin %q", got)
		}
	})
	t.Run("answers vary by origin also for those that send none", func(t *testing.T) {
		resp, _ := some.send(t, "GET", "/api/things", nil)
		wantList(t, resp, "Vary", "Origin")
	})
	t.Run("without origins nothing is marked", func(t *testing.T) {
		resp, _ := crossing(t).send(t, "GET", "/api/things", nil, "Origin: https://a.fr")
		wantUnmarked(t, resp)
	})
}

// wantList checks that the header, a list, has the items.
func wantList(t *testing.T, resp *http.Response, name string, items ...string) {
	t.Helper()
	list := "," + strings.ReplaceAll(strings.Join(resp.Header.Values(name), ","), " ", "") + ","
	for _, item := range items {
		if !strings.Contains(list, ","+item+",") {
			t.Errorf("%s %q lacks %s", name, list, item)
		}
	}
}

func wantUnmarked(t *testing.T, resp *http.Response) {
	t.Helper()
	for name := range resp.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("header %s", name)
		}
	}
}
