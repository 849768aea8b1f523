package server_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"acquis/server"
	"acquis/server/problem"
)

func networks(t *testing.T, list ...string) (found []netip.Prefix) {
	t.Helper()
	for _, text := range list {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, network)
	}
	return found
}

func TestClient(t *testing.T) {
	srv, err := server.New(server.Options{Proxies: networks(t, "192.0.2.0/24", "2001:db8::/64", "127.0.0.1/32")}, at("/", func(r *gin.RouterGroup) {
		r.GET("/who", func(c *gin.Context) {
			client := server.ClientOf(c)
			c.String(http.StatusOK, "%s %v %s%v", client.Address, client.Local, client.Origin(), c.Request.Header["X-Forwarded-For"])
		})
	}))
	if err != nil {
		t.Fatal(err)
	}
	const stranger, proxy = "198.51.100.1:99", "192.0.2.10:99"
	for name, test := range map[string]struct {
		peer   string
		header http.Header
		want   string
	}{
		"a connection tells its own address":                      {stranger, nil, "198.51.100.1 false http://lrs.example[]"},
		"an address of IPv4 within IPv6 is one of IPv4":           {"[::ffff:198.51.100.1]:99", nil, "198.51.100.1 false http://lrs.example[]"},
		"this machine is known":                                   {"127.0.0.1:99", nil, "127.0.0.1 true http://lrs.example[]"},
		"a stranger is not believed, and nobody further in hears": {stranger, forwarded("203.0.113.1", "https", "evil.example"), "198.51.100.1 false http://lrs.example[]"},
		"a trusted proxy is believed":                             {proxy, forwarded("203.0.113.1", "https", "public.example"), "203.0.113.1 false https://public.example[]"},
		"a trusted proxy over IPv6, too":                          {"[2001:db8::7]:99", forwarded("2001:db8:1::1", "https", "public.example"), "2001:db8:1::1 false https://public.example[]"},
		"what the client told the proxy is passed over":           {proxy, forwarded("10.0.0.1, 203.0.113.1", "", ""), "203.0.113.1 false http://lrs.example[]"},
		"several trusted proxies are walked through":              {proxy, forwarded("10.0.0.1, 203.0.113.1, 192.0.2.20,192.0.2.30", "", ""), "203.0.113.1 false http://lrs.example[]"},
		"lines are one list":                                      {proxy, http.Header{"X-Forwarded-For": {"10.0.0.1", "203.0.113.1", "192.0.2.20"}}, "203.0.113.1 false http://lrs.example[]"},
		"a port is no part of an address":                         {proxy, forwarded("203.0.113.1:5000", "", ""), "203.0.113.1 false http://lrs.example[]"},
		"nor are brackets":                                        {proxy, forwarded("[2001:db8:1::1]:5000", "", ""), "2001:db8:1::1 false http://lrs.example[]"},
		"brackets without a port neither":                         {proxy, forwarded("[2001:db8:1::1]", "", ""), "2001:db8:1::1 false http://lrs.example[]"},
		"nonsense ends the walk at the proxy that wrote it":       {proxy, forwarded("203.0.113.1, unknown, 192.0.2.20", "", ""), "192.0.2.20 false http://lrs.example[]"},
		"an empty element is nonsense":                            {proxy, forwarded("203.0.113.1,", "", ""), "192.0.2.10 false http://lrs.example[]"},
		"a proxy that tells nothing is the client itself":         {proxy, nil, "192.0.2.10 false http://lrs.example[]"},
		"past a proxy on this machine, nothing is local":          {"127.0.0.1:99", forwarded("127.0.0.1", "", ""), "127.0.0.1 false http://lrs.example[]"},
		"another scheme is none":                                  {proxy, forwarded("203.0.113.1", "gopher", ""), "203.0.113.1 false http://lrs.example[]"},
		"the nearest proxy's scheme counts":                       {proxy, forwarded("203.0.113.1", "https, http", ""), "203.0.113.1 false http://lrs.example[]"},
		"a host with a port is one":                               {proxy, forwarded("203.0.113.1", "", "public.example:8443"), "203.0.113.1 false http://public.example:8443[]"},
		"a host that is more than a host is none":                 {proxy, forwarded("203.0.113.1", "", "public.example/evil"), "203.0.113.1 false http://lrs.example[]"},
		"nor with a user":                                         {proxy, forwarded("203.0.113.1", "", "me@public.example"), "203.0.113.1 false http://lrs.example[]"},
		"Forwarded is not read":                                   {proxy, http.Header{"Forwarded": {"for=203.0.113.1"}}, "192.0.2.10 false http://lrs.example[]"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/who", nil)
			r.RemoteAddr, r.Host = test.peer, "lrs.example"
			for name, lines := range test.header {
				r.Header[name] = lines
			}
			w := httptest.NewRecorder()
			srv.ServeHTTP(w, r)
			if got := w.Body.String(); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
	t.Run("outside of a request there is nobody", func(t *testing.T) {
		if c := server.ClientOf(t.Context()); c != (server.Client{}) || server.AnswerHeader(t.Context()) == nil {
			t.Errorf("%+v", c)
		}
	})
}

func forwarded(address, proto, host string) http.Header {
	h := http.Header{"X-Forwarded-For": {address}}
	if proto != "" {
		h["X-Forwarded-Proto"] = []string{proto}
	}
	if host != "" {
		h["X-Forwarded-Host"] = []string{host}
	}
	return h
}

func TestSafeHeaders(t *testing.T) {
	srv, err := server.New(server.Options{Proxies: networks(t, "192.0.2.1/32"), HSTS: time.Hour}, at("/", func(r *gin.RouterGroup) {
		r.GET("/plain", func(c *gin.Context) { c.Status(http.StatusNoContent) })
		r.GET("/page", func(c *gin.Context) {
			c.Header("Cache-Control", "private, no-cache")
			c.Writer.Header().Add("Content-Security-Policy", "sandbox")
		})
		r.GET("/panic", func(*gin.Context) { panic("oh") })
	}))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path, peer, proto string, encrypted bool) http.Header {
		r := httptest.NewRequest("GET", path, nil)
		r.RemoteAddr = peer + ":99"
		if proto != "" {
			r.Header.Set("X-Forwarded-Proto", proto)
		}
		if encrypted {
			r.TLS = &tls.ConnectionState{}
		}
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		return w.Header()
	}
	for _, path := range []string{"/plain", "/panic", "/nothing"} {
		t.Run(path+" tells browsers to run, frame and keep nothing", func(t *testing.T) {
			h := ask(path, "192.0.2.1", "", false)
			got := fmt.Sprint(h["X-Content-Type-Options"], h["X-Frame-Options"], h["Referrer-Policy"], h["Content-Security-Policy"], h["Cache-Control"])
			if want := "[nosniff] [DENY] [no-referrer] [default-src 'none'; frame-ancestors 'none'] [no-store]"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
	t.Run("a surface may say otherwise, for its own answer alone", func(t *testing.T) {
		h := ask("/page", "192.0.2.1", "", false)
		if got := fmt.Sprint(h["Cache-Control"], h["Content-Security-Policy"]); got != "[private, no-cache] [default-src 'none'; frame-ancestors 'none' sandbox]" {
			t.Error(got)
		}
		if got := ask("/plain", "192.0.2.1", "", false)["Content-Security-Policy"]; len(got) != 1 {
			t.Errorf("the next answer: %q", got)
		}
	})
	for name, test := range map[string]struct {
		peer, proto string
		encrypted   bool
		want        string
	}{
		"over plain HTTP nothing is said of HTTPS":             {"198.51.100.1", "", false, "[]"},
		"over TLS browsers are told to come back by it":        {"198.51.100.1", "", true, "[max-age=3600]"},
		"over a trusted proxy's TLS, too":                      {"192.0.2.1", "https", false, "[max-age=3600]"},
		"a stranger's word for TLS is not taken":               {"198.51.100.1", "https", false, "[]"},
		"a proxy that was asked in the clear is not encrypted": {"192.0.2.1", "http", true, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fmt.Sprint(ask("/plain", test.peer, test.proto, test.encrypted)["Strict-Transport-Security"]); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// admission refuses while it is told to.
func admission(refuse *bool) func(context.Context) error {
	return func(context.Context) error {
		if *refuse {
			return &problem.TooManyRequests{After: 1500 * time.Millisecond, Detail: "Later."}
		}
		return nil
	}
}

func TestAdmission(t *testing.T) {
	refuse := false
	srv, err := server.New(server.Options{Origins: []string{"*"}, Admit: admission(&refuse)},
		server.Mount{Path: "/api", CrossOrigin: true, Surface: routes(func(r *gin.RouterGroup) {
			r.POST("/thing", func(c *gin.Context) { c.String(http.StatusOK, "thing") })
		})},
		server.Mount{Path: "/", Unlimited: true, Surface: routes(func(r *gin.RouterGroup) {
			r.GET("/readyz", func(c *gin.Context) { c.String(http.StatusOK, "ready") })
		})})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("Origin", "https://learn.example")
		if method == "OPTIONS" {
			r.Header.Set("Access-Control-Request-Method", "POST")
		}
		srv.ServeHTTP(w, r)
		return w
	}
	if w := ask("POST", "/api/thing"); w.Code != http.StatusOK {
		t.Errorf("admitted: %d", w.Code)
	}
	refuse = true
	t.Run("a client that is not admitted gets a 429 that says when to come back", func(t *testing.T) {
		w := ask("POST", "/api/thing")
		wantProblem(t, w.Result(), w.Body.String(), http.StatusTooManyRequests, "too-many-requests")
		if got := w.Header().Get("Retry-After"); got != "2" {
			t.Errorf("Retry-After %q, want 1.5 s rounded up", got)
		}
		if w.Header().Get("Access-Control-Allow-Origin") == "" {
			t.Error("a page cannot read the answer")
		}
	})
	for _, path := range []string{"/nothing", "/api/nothing"} {
		t.Run("nor does it find out about "+path, func(t *testing.T) {
			if w := ask("GET", path); w.Code != http.StatusTooManyRequests {
				t.Errorf("%d", w.Code)
			}
		})
	}
	t.Run("nor about methods", func(t *testing.T) {
		if w := ask("PUT", "/api/thing"); w.Code != http.StatusTooManyRequests {
			t.Errorf("%d", w.Code)
		}
	})
	t.Run("a mount without limits answers all the same", func(t *testing.T) {
		if w := ask("GET", "/readyz"); w.Code != http.StatusOK {
			t.Errorf("%d", w.Code)
		}
	})
	t.Run("a browser's preflight, too", func(t *testing.T) {
		if w := ask("OPTIONS", "/api/thing"); w.Code != http.StatusNoContent {
			t.Errorf("%d", w.Code)
		}
	})
}
