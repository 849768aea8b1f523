package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"acquis/lrs"
	"acquis/server"
	"acquis/server/problem"
)

// get returns "status body", or the error.
func get(client *http.Client, url string) string {
	resp, err := client.Get(url)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, body)
}

// dial opens a bare connection that ends with the test.
func dial(t *testing.T, s *running) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestSlowClients(t *testing.T) {
	read := make(chan error, 8)
	wrote := make(chan error, 8)
	problems := problem.New(newLogger(t))
	s := start(t, server.Options{
		ReadHeaderTimeout: 500 * time.Millisecond, ReadIdleTimeout: 200 * time.Millisecond, WriteIdleTimeout: 200 * time.Millisecond,
	}, at("/", func(r *gin.RouterGroup) {
		r.POST("/read", func(c *gin.Context) {
			_, err := io.Copy(io.Discard, c.Request.Body)
			if read <- err; err != nil {
				problems.Write(c.Writer, c.Request, err)
			}
		})
		r.POST("/refuse", func(c *gin.Context) {
			problems.Write(c.Writer, c.Request, lrs.Errorf(lrs.KindForbidden, "No."))
		})
		r.GET("/endless", func(c *gin.Context) {
			for {
				if _, err := c.Writer.WriteString(strings.Repeat("x", 256<<10)); err != nil {
					wrote <- err
					panic(http.ErrAbortHandler)
				}
			}
		})
		r.POST("/think", func(c *gin.Context) {
			_, _ = io.Copy(io.Discard, c.Request.Body)
			time.Sleep(900 * time.Millisecond) // longer than every time-out
			c.String(http.StatusOK, "%v", c.Err())
		})
	}))

	t.Run("a header that never ends ends the connection", func(t *testing.T) {
		conn := dial(t, s)
		fmt.Fprint(conn, "GET /read HTTP/1.1\r\nHost: a\r\nX-Slow: ")
		_, _ = io.Copy(io.Discard, conn) // returns
	})
	t.Run("a body that stalls is a 408 and frees the worker", func(t *testing.T) {
		conn := dial(t, s)
		fmt.Fprint(conn, "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx")
		wantCut(t, conn, http.StatusRequestTimeout, "slow-body")
		if err := <-read; err == nil {
			t.Error("the handler read a whole body")
		}
	})
	t.Run("a body that drips is a 408", func(t *testing.T) {
		conn := dial(t, s)
		fmt.Fprint(conn, "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
		dripped := make(chan struct{})
		go func() {
			defer close(dripped)
			for {
				if _, err := conn.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
		wantCut(t, conn, http.StatusRequestTimeout, "slow-body")
		<-read
		conn.Close()
		<-dripped
	})
	t.Run("a stalled body that nobody reads ends the connection", func(t *testing.T) {
		conn := dial(t, s)
		fmt.Fprint(conn, "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx")
		wantCut(t, conn, http.StatusForbidden, "forbidden")
	})
	t.Run("a body that breaks off is told apart", func(t *testing.T) {
		conn := dial(t, s)
		fmt.Fprint(conn, "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx")
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		wantCut(t, conn, http.StatusBadRequest, "broken-body")
		<-read
	})
	t.Run("an answer that nobody takes is cut and frees the worker", func(t *testing.T) {
		conn := dial(t, s)
		fmt.Fprint(conn, "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
		<-wrote
	})
	t.Run("a handler may think longer than the time-outs", func(t *testing.T) {
		resp, body := s.send(t, "POST", "/think", strings.NewReader("x"))
		if resp.StatusCode != http.StatusOK || body != "<nil>" {
			t.Errorf("%d %q, want 200 and a living context", resp.StatusCode, body)
		}
	})
}

// wantCut reads a problem from conn, and then its end.
func wantCut(t *testing.T, conn net.Conn, status int, name string) {
	t.Helper()
	reader := bufio.NewReader(conn)
	resp, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	wantProblem(t, resp, string(body), status, name)
	_, _ = io.Copy(io.Discard, reader) // returns: the connection was closed
}
