package faultproxy

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon bounds what must not happen; a fault that leaks shows as a failure, a slow machine does not.
const soon = 50 * time.Millisecond

// echo is a server that sends back what it gets, and counts it.
type echo struct {
	net.Listener
	received atomic.Int64
}

func startEcho(t *testing.T) *echo {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{Listener: listener}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				buffer := make([]byte, 1024)
				for {
					n, err := c.Read(buffer)
					e.received.Add(int64(n))
					if _, werr := c.Write(buffer[:n]); err != nil || werr != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return e
}

func start(t *testing.T) (*Proxy, *echo) {
	t.Helper()
	server := startEcho(t)
	return New(t, server.Addr().String()), server
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// receive expects a text.
func receive(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("received %q (%v), want %q", got[:n], err, want)
	}
}

// receiveEnd expects the connection to end without another byte.
func receiveEnd(t *testing.T, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("received %d bytes (%v), want the end", n, err)
	}
}

// receiveNothing expects silence.
func receiveNothing(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(soon))
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("received %d bytes (%v), want nothing yet", n, err)
	}
	_ = c.SetReadDeadline(time.Time{})
}

func TestProxy(t *testing.T) {
	t.Run("carries bytes both ways", func(t *testing.T) {
		p, _ := start(t)
		c := dial(t, p)
		send(t, c, "hello")
		receive(t, c, "hello")
	})
	t.Run("puts its address into a URI", func(t *testing.T) {
		p, server := start(t)
		got := p.URI("mongodb://" + server.Addr().String() + "/d?w=1")
		if want := "mongodb://" + p.Addr() + "/d?w=1"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
	t.Run("drops the connections there are and takes new ones", func(t *testing.T) {
		p, _ := start(t)
		c := dial(t, p)
		send(t, c, "a")
		receive(t, c, "a")
		p.Cut()
		receiveEnd(t, c)
		c = dial(t, p)
		send(t, c, "b")
		receive(t, c, "b")
	})
	t.Run("refuses new connections and keeps those there are", func(t *testing.T) {
		p, _ := start(t)
		old := dial(t, p)
		send(t, old, "a")
		receive(t, old, "a")
		p.Refuse(true)
		receiveEnd(t, dial(t, p))
		send(t, old, "b")
		receive(t, old, "b")
		p.Refuse(false)
		c := dial(t, p)
		send(t, c, "c")
		receive(t, c, "c")
	})
	t.Run("holds bytes back", func(t *testing.T) {
		p, _ := start(t)
		p.Delay(soon)
		c := dial(t, p)
		begin := time.Now()
		send(t, c, "a")
		receive(t, c, "a")
		if took := time.Since(begin); took < 2*soon {
			t.Errorf("there and back took %s, want at least %s", took, 2*soon)
		}
	})
	t.Run("stalls and goes on where it stopped", func(t *testing.T) {
		p, server := start(t)
		c := dial(t, p)
		p.Stall(true)
		send(t, c, "a")
		receiveNothing(t, c)
		if n := server.received.Load(); n != 0 {
			t.Errorf("the server received %d bytes", n)
		}
		p.Stall(false)
		receive(t, c, "a")
	})
	t.Run("lets requests through and swallows the answers", func(t *testing.T) {
		p, server := start(t)
		c := dial(t, p)
		p.Swallow(true)
		send(t, c, "abc")
		for server.received.Load() < 3 {
			time.Sleep(time.Millisecond)
		}
		receiveNothing(t, c)
	})
	t.Run("cuts in the middle of an answer, once", func(t *testing.T) {
		p, _ := start(t)
		p.CutAfter(FromServer, 4)
		c := dial(t, p)
		send(t, c, "abcdef")
		receive(t, c, "abcd")
		receiveEnd(t, c)
		c = dial(t, p)
		send(t, c, "abcdef")
		receive(t, c, "abcdef")
	})
	t.Run("cuts in the middle of a request", func(t *testing.T) {
		p, server := start(t)
		p.CutAfter(FromClient, 2)
		c := dial(t, p)
		send(t, c, "abcdef")
		_, _ = io.Copy(io.Discard, c) // what the server has sent back, up to the cut
		if n := server.received.Load(); n > 2 {
			t.Errorf("the server received %d bytes, want at most 2", n)
		}
	})
	t.Run("ends while it stalls", func(t *testing.T) {
		p, _ := start(t)
		p.Stall(true)
		send(t, dial(t, p), "a")
	})
}
