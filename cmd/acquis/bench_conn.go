package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// benchTimeout bounds one request; a slower answer counts as an error.
const benchTimeout = 30 * time.Second

// benchTarget is the LRS under test. Requests are made to bytes once and written as they are: beside
// a server on the same machine, a client that builds each request would measure itself.
type benchTarget struct {
	address string // host and port
	tls     *tls.Config
	path    string // of the endpoint
	head    string // header lines of every request
}

func newBenchTarget(endpoint, key, secret, version string) (*benchTarget, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("--endpoint %q is not an http or https address such as http://127.0.0.1:8080/xapi", endpoint)
	}
	t := &benchTarget{address: u.Host, path: strings.TrimSuffix(u.EscapedPath(), "/")}
	port := "80"
	if u.Scheme == "https" {
		port = "443"
		t.tls = &tls.Config{ServerName: u.Hostname()}
	}
	if u.Port() == "" {
		t.address = net.JoinHostPort(u.Hostname(), port)
	}
	t.head = "Host: " + u.Host + "\r\nX-Experience-API-Version: " + version + "\r\nAccept: application/json\r\n"
	if key != "" || secret != "" {
		t.head += "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"+secret)) + "\r\n"
	}
	return t, nil
}

// get returns the bytes of a GET of /statements.
func (t *benchTarget) get(query url.Values) []byte {
	return fmt.Appendf(nil, "GET %s/statements?%s HTTP/1.1\r\n%s\r\n", t.path, query.Encode(), t.head)
}

// appendPost appends the bytes of a POST to /statements.
func (t *benchTarget) appendPost(dst, body []byte) []byte {
	dst = append(dst, "POST "...)
	dst = append(dst, t.path...)
	dst = append(dst, "/statements HTTP/1.1\r\n"...)
	dst = append(dst, t.head...)
	dst = append(dst, "Content-Type: application/json\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, body...)
}

// check tells in words for people why the LRS cannot be measured.
func (t *benchTarget) check(ctx context.Context) error {
	c := &benchConn{target: t}
	defer c.close()
	status, body, err := c.do(ctx, t.get(url.Values{"limit": {"1"}}))
	switch {
	case err != nil:
		return fmt.Errorf("the LRS at %s%s does not answer: %w; start it, or name another with --endpoint", t.address, t.path, err)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Errorf("the LRS refuses the credential with status %d: give one that reads and writes with --key and --secret", status)
	case status != http.StatusOK:
		return fmt.Errorf("GET %s/statements is answered with status %d: %.300s", t.path, status, body)
	}
	return nil
}

// getJSON sends a prepared GET and decodes its answer.
func (c *benchConn) getJSON(ctx context.Context, request []byte, into any) error {
	status, body, err := c.do(ctx, request)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		line, _, _ := bytes.Cut(request, []byte("\r\n"))
		return fmt.Errorf("%s is answered with status %d: %.300s", line, status, body)
	}
	return json.Unmarshal(body, into)
}

// benchConn is one connection, kept alive and dialled anew when it breaks. For one goroutine.
type benchConn struct {
	target *benchTarget
	conn   net.Conn
	reader *bufio.Reader
	body   bytes.Buffer
	unbind func() bool // from the context that was dialled with
}

// do sends the bytes of a request and reads the whole answer; body is valid until the next call.
func (c *benchConn) do(ctx context.Context, request []byte) (status int, body []byte, err error) {
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	if c.conn == nil {
		if err := c.dial(ctx); err != nil {
			return 0, nil, err
		}
	}
	status, keep, err := c.exchange(request)
	if err != nil || !keep {
		c.close()
	}
	return status, c.body.Bytes(), err
}

func (c *benchConn) exchange(request []byte) (status int, keep bool, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(benchTimeout)); err != nil {
		return 0, false, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return 0, false, err
	}
	answer, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0, false, err
	}
	defer answer.Body.Close()
	c.body.Reset()
	if _, err := c.body.ReadFrom(answer.Body); err != nil {
		return 0, false, err
	}
	return answer.StatusCode, !answer.Close, nil
}

// dial connects; when ctx ends, a request that waits for its answer is given up.
func (c *benchConn) dial(ctx context.Context) error {
	dialer := net.Dialer{Timeout: benchTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", c.target.address)
	if err != nil {
		return err
	}
	if c.target.tls != nil {
		conn = tls.Client(conn, c.target.tls)
	}
	c.conn, c.reader = conn, bufio.NewReaderSize(conn, 64<<10)
	c.unbind = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // an error means that it is closed already
	return nil
}

func (c *benchConn) close() {
	if c.conn == nil {
		return
	}
	c.unbind()
	_ = c.conn.Close() // nothing was left unread or unsent that is worth an error
	c.conn = nil
}
