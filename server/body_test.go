package server_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"runtime"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzip"

	"acquis/server"
	"acquis/server/problem"
)

// readLimit is the limit of the route /read.
const readLimit = 1000

// readSurface answers with the body it could read, or with the problem of reading it.
func readSurface(t *testing.T) server.Mount {
	problems := problem.New(newLogger(t))
	return at("/", func(r *gin.RouterGroup) {
		r.POST("/read", func(c *gin.Context) {
			server.LimitBody(c.Request, readLimit)
			body, err := io.ReadAll(c.Request.Body)
			if err != nil {
				problems.Write(c.Writer, c.Request, err)
				return
			}
			c.String(http.StatusOK, "%s|%s|%d", body, c.GetHeader("Content-Encoding"), c.Request.ContentLength)
		})
	})
}

func compressed(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestBodyIsDecoded(t *testing.T) {
	s := start(t, server.Options{}, readSurface(t))
	for name, test := range map[string]struct{ encoding, body, want string }{
		"a plain body comes as it is":                   {"", "hello", "hello||5"},
		"identity is plain":                             {"identity", "hello", "hello|identity|5"},
		"a gzip body comes decoded, its header is gone": {"gzip", compressed(t, "hello"), "hello||-1"},
		"x-gzip is gzip":                                {"X-GZip", compressed(t, "hello"), "hello||-1"},
		"gzip members follow each other":                {"gzip", compressed(t, "hel") + compressed(t, "lo"), "hello||-1"},
		"an empty body is empty, whatever its encoding": {"gzip", "", "|gzip|0"},
		"a body of exactly the limit passes":            {"", strings.Repeat("x", readLimit), strings.Repeat("x", readLimit) + "||1000"},
		"a gzip body of exactly the limit passes":       {"gzip", compressed(t, strings.Repeat("x", readLimit)), strings.Repeat("x", readLimit) + "||-1"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := s.send(t, "POST", "/read", strings.NewReader(test.body), "Content-Encoding: "+test.encoding)
			if resp.StatusCode != http.StatusOK || body != test.want {
				t.Errorf("%d %q, want 200 %q", resp.StatusCode, body, test.want)
			}
		})
	}
}

func TestBodyIsRefused(t *testing.T) {
	s := start(t, server.Options{}, readSurface(t))
	long := strings.Repeat("x", readLimit+1)
	for name, test := range map[string]struct {
		encoding, body string
		status         int
		problem        string
	}{
		"a body over the limit is a 413":                       {"", long, 413, "too-large"},
		"a gzip body over the limit when decoded is a 413":     {"gzip", compressed(t, long), 413, "too-large"},
		"a body that is not gzip is a 400":                     {"gzip", "hello", 400, "invalid"},
		"a gzip body that ends too early is a 400":             {"gzip", compressed(t, "hello")[:15], 400, "invalid"},
		"a gzip body with a wrong checksum is a 400":           {"gzip", strings.Replace(compressed(t, "hello"), "hello", "jello", 1), 400, "invalid"},
		"a gzip body with something behind it is a 400":        {"gzip", compressed(t, "hello") + "garbage....", 400, "invalid"},
		"an unknown encoding is a 415":                         {"br", "hello", 415, "unsupported-media-type"},
		"an encoding of an encoding is a 415, against nesting": {"gzip, gzip", "hello", 415, "unsupported-media-type"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := s.send(t, "POST", "/read", strings.NewReader(test.body), "Content-Encoding: "+test.encoding)
			wantProblem(t, resp, body, test.status, test.problem)
			if encodings := resp.Header.Get("Accept-Encoding"); (encodings == "gzip") != (test.status == 415) {
				t.Errorf("Accept-Encoding %q with status %d", encodings, test.status)
			}
		})
	}
	t.Run("a body of unknown length over the limit is a 413", func(t *testing.T) {
		resp, body := s.send(t, "POST", "/read", io.MultiReader(strings.NewReader(long)))
		wantProblem(t, resp, body, http.StatusRequestEntityTooLarge, "too-large")
	})
	t.Run("a body over the ceiling is a 413 where the surface sets no limit", func(t *testing.T) {
		problems := problem.New(newLogger(t))
		s := start(t, server.Options{MaxBody: 10}, at("/", func(r *gin.RouterGroup) {
			r.POST("/", func(c *gin.Context) {
				_, err := io.Copy(io.Discard, c.Request.Body)
				problems.Write(c.Writer, c.Request, err)
			})
		}))
		for _, encoding := range []string{"", "gzip"} {
			resp, body := s.send(t, "POST", "/", strings.NewReader(compressed(t, long)), "Content-Encoding: "+encoding)
			wantProblem(t, resp, body, http.StatusRequestEntityTooLarge, "too-large")
		}
	})
}

// counter counts the bytes that were taken from it.
type counter struct {
	io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func TestGzipBomb(t *testing.T) {
	const limit = 1 << 20
	member := compressed(t, strings.Repeat("\x00", 4<<20))
	bomb := strings.Repeat(member, 256) // 1 GiB
	problems := problem.New(newLogger(t))
	var decoded int64
	srv, err := server.New(server.Options{}, at("/", func(r *gin.RouterGroup) {
		r.POST("/", func(c *gin.Context) {
			server.LimitBody(c.Request, limit)
			n, err := io.Copy(io.Discard, c.Request.Body)
			decoded = n
			problems.Write(c.Writer, c.Request, err)
		})
	}))
	if err != nil {
		t.Fatal(err)
	}
	sent := &counter{Reader: strings.NewReader(bomb)}
	r := httptest.NewRequest("POST", "/", sent)
	r.Header.Set("Content-Encoding", "gzip")
	answer := httptest.NewRecorder()

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	srv.ServeHTTP(answer, r)
	runtime.ReadMemStats(&after)

	wantProblem(t, answer.Result(), answer.Body.String(), http.StatusRequestEntityTooLarge, "too-large")
	if decoded != limit {
		t.Errorf("%d bytes were decoded, want the limit %d", decoded, limit)
	}
	if sent.n > 64<<10 {
		t.Errorf("%d bytes of the bomb were read", sent.n)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 4<<20 {
		t.Errorf("%d bytes were allocated for it", allocated)
	}
}

func TestConnectionAfterARefusedBody(t *testing.T) {
	s := start(t, server.Options{}, readSurface(t))
	t.Run("it stays usable when the body was sent whole", func(t *testing.T) {
		s.send(t, "POST", "/read", strings.NewReader(strings.Repeat("x", 100<<10)))
		reused := false
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
		r, err := http.NewRequestWithContext(ctx, "POST", s.URL+"/read", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !reused {
			t.Errorf("status %d, connection reused: %t", resp.StatusCode, reused)
		}
	})
	t.Run("it is closed after the answer when far too much is announced", func(t *testing.T) {
		conn := dial(t, s)
		fmt.Fprint(conn, "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\nx")
		wantCut(t, conn, http.StatusRequestEntityTooLarge, "too-large")
	})
	t.Run("a client that asks first is refused before it sends", func(t *testing.T) {
		conn := dial(t, s)
		fmt.Fprint(conn, "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n")
		wantCut(t, conn, http.StatusRequestEntityTooLarge, "too-large")
	})
	t.Run("a client that asks first is let on", func(t *testing.T) {
		conn := dial(t, s)
		fmt.Fprint(conn, "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
		reader := bufio.NewReader(conn)
		if line, err := reader.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
			t.Fatalf("%q, %v, want 100 Continue", line, err)
		}
		_, _ = reader.ReadString('\n')
		fmt.Fprint(conn, "hello")
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, _ := io.ReadAll(resp.Body); string(body) != "hello||5" {
			t.Errorf("body %q", body)
		}
	})
}
