package server_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzip"

	"acquis/server"
)

// documents serves a document of n bytes at /n, with an ETag, as surfaces do.
func documents(r *gin.RouterGroup) {
	get := func(c *gin.Context) {
		n, _ := strconv.Atoi(c.Param("n"))
		c.Header("ETag", `"tag"`)
		if server.PlainETags(c.GetHeader("If-None-Match")) == `"tag"` {
			c.Status(http.StatusNotModified)
			return
		}
		c.Data(http.StatusOK, "application/json", []byte(strings.Repeat("x", n)))
	}
	r.GET("/documents/:n", get)
	r.HEAD("/documents/:n", get)
	r.GET("/empty", func(c *gin.Context) {
		c.Header("ETag", `"tag"`)
		c.Status(http.StatusNoContent)
	})
	r.GET("/aborted", func(c *gin.Context) {
		c.Header("ETag", `"tag"`)
		c.AbortWithStatus(http.StatusNotModified)
	})
}

func TestGzipAnswers(t *testing.T) {
	s := start(t, server.Options{}, at("/", documents))
	for name, test := range map[string]struct {
		method, path, accept, match   string
		status, length                int
		encoding, etag, contentLength string
	}{
		"a large answer is compressed and has its own ETag": {
			method: "GET", path: "/documents/5000", accept: "gzip", status: 200, length: 5000, encoding: "gzip", etag: `"tag-gzip"`,
		},
		"a small answer is plain": {
			method: "GET", path: "/documents/500", accept: "gzip", status: 200, length: 500, etag: `"tag"`, contentLength: "500",
		},
		"an answer is plain for who does not take gzip": {
			method: "GET", path: "/documents/5000", accept: "identity", status: 200, length: 5000, etag: `"tag"`,
		},
		"an answer is plain for who refuses gzip": {
			method: "GET", path: "/documents/5000", accept: "gzip;q=0", status: 200, length: 5000, etag: `"tag"`,
		},
		"an answer is plain for who prefers what we do not have": {
			method: "GET", path: "/documents/5000", accept: "br, zstd", status: 200, length: 5000, etag: `"tag"`,
		},
		"HEAD has the headers of the plain GET, whatever it accepts": {
			method: "HEAD", path: "/documents/500", accept: "gzip", status: 200, etag: `"tag"`, contentLength: "500",
		},
		"HEAD of a large answer too": {
			method: "HEAD", path: "/documents/5000", accept: "gzip", status: 200, etag: `"tag"`,
		},
		"a 304 repeats the compressed ETag": {
			method: "GET", path: "/documents/5000", accept: "gzip", match: `"tag-gzip"`, status: 304, etag: `"tag-gzip"`,
		},
		"a 304 repeats the plain ETag": {
			method: "GET", path: "/documents/5000", accept: "gzip", match: `"tag"`, status: 304, etag: `"tag"`,
		},
		"a 304 repeats the compressed ETag also when it was sent early": {
			method: "GET", path: "/aborted", accept: "gzip", match: `"tag-gzip"`, status: 304, etag: `"tag-gzip"`,
		},
		"a 204 is not touched": {
			method: "GET", path: "/empty", accept: "gzip", status: 204, etag: `"tag"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			header := []string{"Accept-Encoding: " + test.accept}
			if test.match != "" {
				header = append(header, "If-None-Match: "+test.match)
			}
			resp, body := s.send(t, test.method, test.path, nil, header...)
			if resp.StatusCode != test.status {
				t.Errorf("status %d, want %d", resp.StatusCode, test.status)
			}
			for name, want := range map[string]string{"Content-Encoding": test.encoding, "ETag": test.etag, "Vary": "Accept-Encoding"} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s %q, want %q", name, got, want)
				}
			}
			if got := resp.Header.Get("Content-Length"); test.contentLength != "" && got != test.contentLength {
				t.Errorf("Content-Length %q, want %q", got, test.contentLength)
			}
			if test.encoding == "gzip" && test.method == "GET" {
				body = gunzip(t, body)
			}
			if len(body) != test.length {
				t.Errorf("%d bytes, want %d", len(body), test.length)
			}
		})
	}
}

func gunzip(t *testing.T, content string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func TestPlainETags(t *testing.T) {
	for header, want := range map[string]string{
		``:                          ``,
		`*`:                         `*`,
		`"a"`:                       `"a"`,
		`"a-gzip"`:                  `"a"`,
		`W/"a-gzip"`:                `W/"a"`,
		`"a-gzip", "b", W/"c-gzip"`: `"a", "b", W/"c"`,
		`"a-gzip-b"`:                `"a-gzip-b"`,
	} {
		if got := server.PlainETags(header); got != want {
			t.Errorf("PlainETags(%q) = %q, want %q", header, got, want)
		}
	}
}
