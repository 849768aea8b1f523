package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"acquis/server"
	"acquis/server/problem"
)

// TestSmuggling holds that a request which a proxy before the server might cut elsewhere than the server
// does is refused, or ends the connection with it: what follows is never taken for a request of its own.
func TestSmuggling(t *testing.T) {
	smuggled := make(chan string, 100)
	problems := problem.New(newLogger(t))
	s := start(t, server.Options{}, at("/", func(r *gin.RouterGroup) {
		r.POST("/", func(c *gin.Context) {
			n, err := io.Copy(io.Discard, c.Request.Body)
			if err != nil {
				problems.Write(c.Writer, c.Request, err)
				return
			}
			c.String(http.StatusOK, "%d", n)
		})
		r.GET("/smuggled", func(c *gin.Context) { smuggled <- c.Request.URL.Path })
	}))
	const hidden = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	for name, request := range map[string]string{
		"two lengths that differ":             "Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + hidden,
		"two lengths in one line":             "Content-Length: 0, 40\r\n\r\n" + hidden,
		"a length with a sign":                "Content-Length: +0\r\n\r\n" + hidden,
		"a length below nothing":              "Content-Length: -1\r\n\r\n" + hidden,
		"an encoding that is not known":       "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
		"two encodings":                       "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden,
		"a list of encodings":                 "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n" + hidden,
		"a space before the colon":            "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + hidden,
		"a folded line":                       "X-Fold: a\r\n Transfer-Encoding: chunked\r\nBad Header: x\r\n\r\n" + hidden,
		"a control character in an encoding":  "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + hidden,
		"a chunk's length with a sign":        "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n" + hidden,
		"a chunk's length that flows over":    "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n" + hidden,
		"a second host":                       "Host: b\r\nContent-Length: 0\r\n\r\n" + hidden,
		"a header's line without a name":      ": x\r\nContent-Length: 0\r\n\r\n" + hidden,
		"a null character in a header's line": "X-Null: a\x00b\r\nContent-Length: 0\r\n\r\n" + hidden,
	} {
		t.Run(name+" hides no request", func(t *testing.T) {
			conn := dial(t, s)
			if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: a\r\n"+request)
			statuses := answers(conn)
			if len(statuses) != 1 || statuses[0] < 400 {
				t.Errorf("answered with %v", statuses)
			}
		})
	}
	if n := len(smuggled); n > 0 {
		t.Errorf("%d hidden requests were answered", n)
	}
	t.Run("beside chunks a length counts nothing (RFC 9112, section 6.3)", func(t *testing.T) {
		conn := dial(t, s)
		fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "5" {
			t.Errorf("%s bytes were read, %v", body, err)
		}
	})
}

// answers reads the statuses of all answers up to the end of the connection.
func answers(conn io.Reader) (statuses []int) {
	for reader := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			return statuses
		}
		statuses = append(statuses, resp.StatusCode)
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.Close {
			return statuses
		}
	}
}
