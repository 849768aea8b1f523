package server

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"acquis/server/problem"
)

// Client is where a request comes from, by its connection and by the word of trusted proxies.
type Client struct {
	Address netip.Addr // of the client; the zero address when the connection has none
	Local   bool       // the request was made on this machine and came past no proxy
	Scheme  string     // "https" or "http", as the client used it
	Host    string     // as the client named it, with the port when it is not the scheme's
}

// Origin is the URL under which the client reached the server, without a path. Host is the client's
// word: nothing may be trusted because it came by a certain name.
func (c Client) Origin() string { return c.Scheme + "://" + c.Host }

// visit is what the steps further in find in the context of a request.
type visit struct {
	client Client
	answer http.Header
}

type visitKey struct{}

// ClientOf returns where the request being answered comes from; the zero Client outside of one.
func ClientOf(ctx context.Context) Client {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v.client
	}
	return Client{}
}

// AnswerHeader returns the header of the answer to the request that ctx belongs to, for what is known
// deep inside only, such as how much of a limit is left. Outside of a request, nobody reads it.
func AnswerHeader(ctx context.Context) http.Header {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v.answer
	}
	return http.Header{}
}

// WithClient returns a context of a request by this client, answered with this header. It is for those
// who call what a Server calls.
func WithClient(ctx context.Context, client Client, answer http.Header) context.Context {
	return context.WithValue(ctx, visitKey{}, &visit{client, answer})
}

// proxies are the networks whose X-Forwarded headers are believed.
type proxies []netip.Prefix

func (p proxies) contain(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address) })
}

// The headers that proxies speak by. Forwarded (RFC 7239) is not read, so it is not left to others either.
var forwardedHeaders = []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded"}

// identify finds the client of r and removes the headers that claim one, so that no step further in can
// take a stranger's word.
func (p proxies) identify(r *http.Request) Client {
	peer := peerAddress(r.RemoteAddr)
	c := Client{Address: peer, Local: peer.IsLoopback(), Scheme: "http", Host: r.Host}
	if r.TLS != nil {
		c.Scheme = "https"
	}
	claimed := slices.ContainsFunc(forwardedHeaders, func(name string) bool { return len(r.Header[name]) > 0 })
	if !claimed {
		return c
	}
	c.Local = false
	if p.contain(peer) {
		c.Address = p.origin(peer, strings.Join(r.Header["X-Forwarded-For"], ","))
		if proto := last(r.Header["X-Forwarded-Proto"]); proto == "https" || proto == "http" {
			c.Scheme = proto
		}
		if host := last(r.Header["X-Forwarded-Host"]); isHost(host) {
			c.Host = host
		}
	}
	for _, name := range forwardedHeaders {
		delete(r.Header, name)
	}
	return c
}

// origin walks X-Forwarded-For back from the peer, as long as each hop is trusted to tell the one before
// it. What stands further left is what the client says about itself.
func (p proxies) origin(peer netip.Addr, chain string) netip.Addr {
	for p.contain(peer) && chain != "" {
		cut := strings.LastIndexByte(chain, ',')
		hop := hopAddress(chain[cut+1:])
		if !hop.IsValid() {
			return peer
		}
		peer, chain = hop, chain[:max(cut, 0)]
	}
	return peer
}

// hopAddress reads one element of X-Forwarded-For; some proxies write ports, and IPv6 in brackets.
func hopAddress(text string) netip.Addr {
	text = strings.TrimSpace(text)
	if address, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return address.Unmap().WithZone("")
	}
	return peerAddress(text)
}

// peerAddress is the address of "address:port", the zero one of anything else.
func peerAddress(text string) netip.Addr {
	peer, err := netip.ParseAddrPort(text)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// last is the last element of a header that is a list: what the nearest proxy wrote.
func last(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	line := lines[len(lines)-1]
	return strings.TrimSpace(line[strings.LastIndexByte(line, ',')+1:])
}

// isHost accepts a host with or without a port, and nothing that would change a URL around it.
func isHost(text string) bool {
	if text == "" || len(text) > 255 || strings.ContainsAny(text, "/?#@\\ ") {
		return false
	}
	u, err := url.Parse("http://" + text)
	return err == nil && u.Host == text && u.Hostname() != ""
}

// welcome gives each request an id and a known client: the caller's id when it is sane, a new one
// otherwise. The request is copied, so that what the steps inside do to its body stays hidden from
// net/http, which must see the original to handle Expect: 100-continue.
func welcome(trusted proxies, newID func() string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !saneID(id) {
			id = newID()
		}
		w.Header()[requestIDHeader] = []string{id}
		ctx := WithClient(problem.WithRequestID(r.Context(), id), trusted.identify(r), w.Header())
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
