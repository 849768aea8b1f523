package connectors

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"

	"acquis/lrs"
)

// EgressOptions say how the process goes out to providers. Zero values are replaced by the defaults.
type EgressOptions struct {
	// Hosts may be asked: names, *.name for all below one, or addresses. None: every host that has a
	// public address.
	Hosts []string
	// Private hosts may have addresses that are not public, and may be asked without TLS: name or
	// address, with the port where one is meant only.
	Private []string
	Proxy   *url.URL       // through which requests go; it decides then which addresses are reached
	Roots   *x509.CertPool // nil: the system's

	Attempts  int           // of one request, 4
	MinWait   time.Duration // before the second attempt, 500ms, then twice as long each time
	MaxWait   time.Duration // 30s; a Retry-After beyond it ends the request
	Timeout   time.Duration // of one attempt, 30s
	Total     time.Duration // of all attempts of one request, 2m
	Rate      float64       // requests a second to one host, 2; negative: no limit
	Burst     int           // at once after a pause, 1
	MaxBody   int64         // bytes of an answer, 16 MiB
	BreakAt   int           // failures in a row after which a host is left alone, 8
	BreakFor  time.Duration // for how long, 1m
	UserAgent string        // acquis
}

func (o *EgressOptions) fill() {
	fill(&o.Attempts, 4)
	fill(&o.MinWait, 500*time.Millisecond)
	fill(&o.MaxWait, 30*time.Second)
	fill(&o.Timeout, 30*time.Second)
	fill(&o.Total, 2*time.Minute)
	fill(&o.Rate, 2)
	fill(&o.Burst, 1)
	fill(&o.MaxBody, 16<<20)
	fill(&o.BreakAt, 8)
	fill(&o.BreakFor, time.Minute)
	fill(&o.UserAgent, "acquis")
}

func fill[T comparable](value *T, standard T) {
	var zero T
	if *value == zero {
		*value = standard
	}
}

// Egress is the one way out to providers. All connections of the process share its rates and breakers.
type Egress struct {
	options EgressOptions
	base    *http.Transport

	mu    sync.Mutex
	hosts map[string]*hostState
}

// hostState is what is known of a host.
type hostState struct {
	limiter *rate.Limiter
	breaker *gobreaker.CircuitBreaker[*http.Response]
}

// NewEgress returns a way out.
func NewEgress(o EgressOptions) *Egress {
	o.fill()
	e := &Egress{options: o, hosts: map[string]*hostState{}}
	e.base = &http.Transport{
		DialContext: e.dial, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: o.Timeout, MaxResponseHeaderBytes: 1 << 20,
	}
	e.base.TLSClientConfig = tlsConfig(o.Roots)
	if o.Proxy != nil {
		e.base.Proxy = http.ProxyURL(o.Proxy)
	}
	return e
}

// Close gives idle connections back.
func (e *Egress) Close() { e.base.CloseIdleConnections() }

// PerSecond is how many requests a second one host gets in the long run; 0 is no limit.
func (e *Egress) PerSecond() float64 { return max(e.options.Rate, 0) }

func (e *Egress) host(name string) *hostState {
	e.mu.Lock()
	defer e.mu.Unlock()
	if known := e.hosts[name]; known != nil {
		return known
	}
	perSecond := rate.Limit(e.options.Rate)
	if e.options.Rate < 0 {
		perSecond = rate.Inf
	}
	s := &hostState{limiter: rate.NewLimiter(perSecond, e.options.Burst)}
	s.breaker = gobreaker.NewCircuitBreaker[*http.Response](gobreaker.Settings{
		Name: name, Timeout: e.options.BreakFor,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= e.options.BreakAt },
		IsExcluded:  func(err error) bool { return errors.Is(err, context.Canceled) },
	})
	e.hosts[name] = s
	return s
}

// JudgeHosts refuses hosts that the installation does not let connections ask.
func (e *Egress) JudgeHosts(hosts []string) error {
	var found []lrs.Violation
	for _, host := range hosts {
		if !e.permits(host) {
			found = append(found, lrs.Violation{
				Pointer: "/settings", Rule: "egress",
				Detail: fmt.Sprintf("%.200s may not be asked from here: have it added to connect.hosts", host),
			})
		}
	}
	if len(found) == 0 {
		return nil
	}
	return &lrs.Error{Kind: lrs.KindInvalid, Detail: "the connection would go to a host that is not permitted", Violations: found}
}

func (e *Egress) permits(host string) bool {
	if e.private(host) || len(e.options.Hosts) == 0 {
		return true
	}
	name := hostname(host)
	return slices.ContainsFunc(e.options.Hosts, func(pattern string) bool {
		below, wild := strings.CutPrefix(strings.ToLower(pattern), "*.")
		return !wild && hostname(pattern) == name || wild && strings.HasSuffix(name, "."+below)
	})
}

// private reports whether a host, with its port or without, is listed as private.
func (e *Egress) private(host string) bool {
	return slices.ContainsFunc(e.options.Private, func(listed string) bool {
		return strings.EqualFold(listed, host) || strings.EqualFold(listed, hostname(host))
	})
}

// hostname is a host without its port, in lower case.
func hostname(host string) string {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	return strings.ToLower(strings.Trim(name, "[]"))
}

// errPrivate says that a name leads to an address within.
var errPrivate = errors.New("the address is not a public one: list the host in connect.private if it is meant")

// dial connects to public addresses only, unless the host is listed. What counts is the address that
// is connected to, so that a name cannot lead elsewhere meanwhile.
func (e *Egress) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	proxied := e.options.Proxy != nil
	if !proxied && !e.private(address) {
		dialer.ControlContext = func(_ context.Context, _, to string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(to)
			if err != nil || !isPublic(at.Addr().Unmap()) {
				return errPrivate
			}
			return nil
		}
	}
	return dialer.DialContext(ctx, network, address)
}

// notPublic are networks that are neither private in Go's sense nor anybody's on the Internet.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("fec0::/10"),
}

func isPublic(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(a) })
}
