package xapi_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"acquis/connectors"
	"acquis/connectors/xapi"
)

// answers is a record store that says what a test wants, one answer after the other, the last again and again.
type answers struct {
	list  []func(w http.ResponseWriter, r *http.Request)
	asked []string
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.asked = append(a.asked, r.Host+r.URL.RequestURI())
	answer := a.list[min(len(a.asked), len(a.list))-1]
	answer(w, r)
}

func says(status int, contentType, body string, header ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func page(body string) func(http.ResponseWriter, *http.Request) {
	return says(200, "application/json", body, "X-Experience-API-Consistent-Through", "2026-01-02T03:04:05Z")
}

func client(t *testing.T, list ...func(http.ResponseWriter, *http.Request)) (*xapi.Client, *answers, *[]time.Duration) {
	t.Helper()
	a := &answers{list: list}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	waits := &[]time.Duration{}
	c, err := xapi.New(xapi.Options{
		Endpoint: server.URL + "/lrs/xapi/", Key: "k", Secret: func() (string, error) { return "s", nil },
		Wait: func(_ context.Context, d time.Duration) error {
			*waits = append(*waits, d)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, a, waits
}

func classOf(err error) connectors.Class {
	if f, is := errors.AsType[*connectors.Fault](err); is {
		return f.Class
	}
	return ""
}

func TestStatements(t *testing.T) {
	t.Run("a page keeps the bytes of its statements, and leads to the next", func(t *testing.T) {
		c, a, _ := client(t, page(`{"statements":[{ "a" : 1.0 },{"a":2,"a":3}],"more":"/lrs/xapi/statements?more=x"}`), page(`{"more":"","statements":[]}`))
		p, err := c.Statements(t.Context(), url.Values{"limit": {"2"}}, nil)
		if err != nil || len(p.Statements) != 2 || string(p.Statements[0]) != `{ "a" : 1.0 }` || string(p.Statements[1]) != `{"a":2,"a":3}` || len(p.Odd) > 0 || p.Through.IsZero() {
			t.Fatalf("%v %+v", err, p)
		}
		if p, err = c.More(t.Context(), p.More, nil); err != nil || p.More != "" {
			t.Fatalf("%v %+v", err, p)
		}
		host := strings.SplitN(a.asked[0], "/", 2)[0]
		if diff := cmp.Diff([]string{host + "/lrs/xapi/statements?limit=2", host + "/lrs/xapi/statements?more=x"}, a.asked); diff != "" {
			t.Error(diff)
		}
	})
	for rule, c := range map[string]struct{ more, asked string }{
		"a more that is relative to the page is followed":           {"statements?more=x", "/lrs/xapi/statements?more=x"},
		"a more of a query alone is followed":                       {"?more=x", "/lrs/xapi/statements?more=x"},
		"a more with another host never takes the credential there": {"https://elsewhere.example/lrs/xapi/statements?more=x", "/lrs/xapi/statements?more=x"},
		"a more without a scheme likewise":                          {"//elsewhere.example/lrs/more/x", "/lrs/more/x"},
	} {
		t.Run(rule, func(t *testing.T) {
			client, a, _ := client(t, page(`{"statements":[],"more":"`+c.more+`"}`), page(`{"statements":[]}`))
			p, err := client.Statements(t.Context(), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.More(t.Context(), p.More, nil); err != nil {
				t.Fatal(err)
			}
			host := strings.SplitN(a.asked[0], "/", 2)[0]
			if a.asked[1] != host+c.asked {
				t.Errorf("asked %s", a.asked[1])
			}
		})
	}
	t.Run("a more whose path a proxy hides is asked at the endpoint", func(t *testing.T) {
		c, _, _ := client(t, page(`{"statements":[],"more":"/xapi/statements?more=x"}`), says(404, "text/html", "<html>"), page(`{"statements":[]}`))
		p, err := c.Statements(t.Context(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p, err = c.More(t.Context(), p.More, nil); err != nil || len(p.Odd) == 0 {
			t.Errorf("%v %v", err, p.Odd)
		}
	})
	t.Run("a page that leads to itself ends in words", func(t *testing.T) {
		c, _, _ := client(t, page(`{"statements":[],"more":"/lrs/xapi/statements"}`))
		if _, err := c.Statements(t.Context(), nil, nil); classOf(err) != connectors.GiveUp {
			t.Error(err)
		}
	})
	for rule, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		class  connectors.Class
	}{
		"an HTML page is no record store":               {says(200, "text/html", "<!doctype html><p>Sign in"), connectors.NeedsPerson},
		"an HTML page with 404 neither":                 {says(404, "text/html", "<html>"), connectors.NeedsPerson},
		"an empty answer neither":                       {says(200, "application/json", ""), connectors.NeedsPerson},
		"a refused credential needs a person":           {says(401, "application/json", "{}"), connectors.NeedsPerson},
		"JSON that is no page is told":                  {says(200, "application/json", `{"items":[]}`), connectors.GiveUp},
		"JSON that breaks off is told":                  {says(200, "application/json", `{"statements":[{"a":`), connectors.GiveUp},
		"a more that is a number is told":               {page(`{"statements":[],"more":7}`), connectors.GiveUp},
		"a refusal is told":                             {says(400, "application/json", `{}`), connectors.GiveUp},
		"a Retry-After that is too long ends it":        {says(429, "application/json", "{}", "Retry-After", "3600"), connectors.RetryLater},
		"a server that stays broken ends it in the end": {says(500, "text/html", "<html>"), connectors.RetryLater},
	} {
		t.Run(rule, func(t *testing.T) {
			client, _, _ := client(t, c.answer)
			if _, err := client.Statements(t.Context(), nil, nil); classOf(err) != c.class {
				t.Errorf("class %s, want %s: %v", classOf(err), c.class, err)
			}
		})
	}
	t.Run("a store that is busy is asked again when it says", func(t *testing.T) {
		c, a, waits := client(t, says(429, "application/json", "{}", "Retry-After", "7"), says(503, "text/html", "<html>"), page(`{"statements":[]}`))
		if _, err := c.Statements(t.Context(), nil, nil); err != nil || len(a.asked) != 3 {
			t.Fatal(err, a.asked)
		}
		if diff := cmp.Diff([]time.Duration{7 * time.Second, time.Second}, *waits); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a missing promise, a lone array and a null more are met", func(t *testing.T) {
		c, _, _ := client(t, says(200, "application/json", `[{"a":1}]`), says(200, "application/json", `{"statements":[],"more":null}`))
		for range 2 {
			if p, err := c.Statements(t.Context(), nil, nil); err != nil || !p.Through.IsZero() || len(p.Odd) != 2 {
				t.Errorf("%v %+v", err, p)
			}
		}
	})
}

func TestAttachments(t *testing.T) {
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte("x")))
	parts := func(end string) func(http.ResponseWriter, *http.Request) {
		return says(200, "multipart/mixed; boundary=b", "--b\r\nContent-Type: application/json\r\n\r\n{\"statements\":[{}]}\r\n--b\r\nX-Experience-API-Hash: "+strings.ToUpper(sum)+"\r\n\r\nx"+end)
	}
	kept := map[string]string{}
	keep := func(sha2 string, content io.Reader) error {
		b, err := io.ReadAll(content)
		if err == nil {
			kept[sha2] = string(b)
		}
		return err
	}
	t.Run("they are given as they come in", func(t *testing.T) {
		c, _, _ := client(t, parts("\r\n--b--"))
		p, err := c.Statements(t.Context(), nil, keep)
		if err != nil || len(p.Statements) != 1 || kept[sum] != "x" {
			t.Errorf("%v %v", err, kept)
		}
	})
	t.Run("an answer that breaks off is asked for again", func(t *testing.T) {
		c, a, _ := client(t, parts(""), parts("\r\n--b--"))
		if _, err := c.Statements(t.Context(), nil, keep); err != nil || len(a.asked) != 2 {
			t.Error(err, a.asked)
		}
	})
	t.Run("a fault of our own is not blamed on the other store", func(t *testing.T) {
		full := errors.New("the disk is full")
		c, a, _ := client(t, parts("\r\n--b--"))
		if _, err := c.Statements(t.Context(), nil, func(string, io.Reader) error { return full }); !errors.Is(err, full) || classOf(err) != "" || len(a.asked) != 1 {
			t.Error(err, a.asked)
		}
	})
}

func TestNew(t *testing.T) {
	for _, endpoint := range []string{"", "lrs.example.org", "ftp://lrs.example.org", "https://a:b@lrs.example.org", "https://lrs.example.org?x=1"} {
		if _, err := xapi.New(xapi.Options{Endpoint: endpoint}); err == nil {
			t.Errorf("%q is taken", endpoint)
		}
	}
}
