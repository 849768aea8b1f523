// Package faultproxy is a network that fails when a test says so: a TCP proxy between a client and its
// server that cuts connections, refuses new ones, delays, stalls and swallows.
//
// What it carries it does not read, so that it serves any protocol.
package faultproxy

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Direction is the way that bytes go.
type Direction int

const (
	// FromClient is what the client sends: its requests.
	FromClient Direction = iota
	// FromServer is what the server sends: its answers.
	FromServer
)

// Proxy passes bytes between clients and one server. It carries everything at once and unchanged until
// a fault is set; a fault holds for the connections there are and for those to come, until it is taken
// back. Safe for concurrent use.
type Proxy struct {
	listener net.Listener
	target   string
	ended    context.Context
	end      context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when a fault changes
	links   map[*link]struct{}
	refuse  bool
	swallow bool
	stalled bool
	delay   time.Duration
	left    [2]int64 // bytes until the cut by direction, or unlimited
}

const unlimited = -1

// link is a client's connection and the one to the server that belongs to it.
type link struct{ client, server net.Conn }

func (l *link) close() {
	_ = l.client.Close()
	_ = l.server.Close()
}

// New starts a proxy before the server at target, a host and port. It ends with the test, after the
// clients that the test has closed by then; the others lose their connections.
func New(tb testing.TB, target string) *Proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("starting a proxy to %s: %v", target, err)
	}
	p := &Proxy{
		listener: listener, target: target,
		changed: make(chan struct{}), links: map[*link]struct{}{}, left: [2]int64{unlimited, unlimited},
	}
	p.ended, p.end = context.WithCancel(context.Background())
	p.running.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

// Addr returns the host and port that clients connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// URI returns a URI of the server with the proxy's address in the place of the server's.
func (p *Proxy) URI(server string) string { return strings.Replace(server, p.target, p.Addr(), 1) }

// Cut drops the connections there are, in whatever they are doing. Clients may connect anew.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
}

func (p *Proxy) cut() {
	for l := range p.links {
		l.close()
	}
}

// Refuse makes every new connection end at once, as where the primary is gone; those there are stay:
// cut them too.
func (p *Proxy) Refuse(on bool) { p.set(func() { p.refuse = on }) }

// Delay holds back each portion of bytes for a time, in both directions.
func (p *Proxy) Delay(d time.Duration) { p.set(func() { p.delay = d }) }

// Stall keeps the connections open and carries nothing, in neither direction. What has waited goes on
// when it is taken back.
func (p *Proxy) Stall(on bool) { p.set(func() { p.stalled = on }) }

// Swallow throws the server's answers away: requests arrive and are carried out, and the client never
// learns of it. Cut the connections when it is taken back, for the answers to come would be out of step.
func (p *Proxy) Swallow(on bool) { p.set(func() { p.swallow = on }) }

// CutAfter drops all connections as soon as n more bytes have gone in a direction, the n-th included
// and no further one: in the middle of a request or of an answer. It does so once.
func (p *Proxy) CutAfter(way Direction, n int64) { p.set(func() { p.left[way] = n }) }

// set changes the faults and wakes what waits for them to change.
func (p *Proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Proxy) close() {
	p.end()
	_ = p.listener.Close()
	p.Cut()
	p.running.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.running.Go(func() { p.serve(client) })
	}
}

// serve carries one client's bytes until either side or a fault ends it.
func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	refuse := p.refuse
	p.mu.Unlock()
	if refuse {
		return
	}
	server, err := new(net.Dialer).DialContext(p.ended, "tcp", p.target)
	if err != nil {
		return // the client sees what a dead server looks like
	}
	l := &link{client, server}
	defer l.close()
	if !p.enter(l) {
		return
	}
	defer p.leave(l)
	ctx, cancel := context.WithCancel(p.ended)
	defer cancel()
	var ways sync.WaitGroup
	for way, pair := range [2][2]net.Conn{FromClient: {client, server}, FromServer: {server, client}} {
		ways.Go(func() {
			defer cancel()
			defer l.close()
			p.carry(ctx, Direction(way), pair[0], pair[1])
		})
	}
	ways.Wait()
}

// enter registers a connection, unless new ones have come to be refused since it was accepted.
func (p *Proxy) enter(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse || p.ended.Err() != nil {
		return false
	}
	p.links[l] = struct{}{}
	return true
}

func (p *Proxy) leave(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// carry passes bytes on in one direction until there are no more.
func (p *Proxy) carry(ctx context.Context, way Direction, from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			pass, cut, ok := p.admit(ctx, way, n)
			if !ok {
				return
			}
			if _, err := to.Write(buffer[:pass]); err != nil {
				return
			}
			if cut {
				p.Cut()
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// admit waits until n bytes may go on, and says how many of them do and whether the cut follows. It
// returns false when the connection has ended meanwhile.
func (p *Proxy) admit(ctx context.Context, way Direction, n int) (pass int, cut, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.delay > 0 && !p.unlocked(ctx, time.After(p.delay), nil) {
		return 0, false, false
	}
	for p.stalled {
		if !p.unlocked(ctx, nil, p.changed) {
			return 0, false, false
		}
	}
	if p.swallow && way == FromServer {
		return 0, false, true
	}
	if p.left[way] == unlimited {
		return n, false, true
	}
	pass = int(min(int64(n), p.left[way]))
	p.left[way] -= int64(pass)
	if p.left[way] == 0 {
		p.left[way] = unlimited
		return pass, true, true
	}
	return pass, false, true
}

// unlocked waits without the lock for a time or a change, and returns false when ctx ended first.
func (p *Proxy) unlocked(ctx context.Context, passed <-chan time.Time, changed <-chan struct{}) bool {
	p.mu.Unlock()
	defer p.mu.Lock()
	select {
	case <-ctx.Done():
		return false
	case <-passed:
		return true
	case <-changed:
		return true
	}
}
