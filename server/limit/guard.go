package limit

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"acquis/lrs"
	"acquis/server"
	"acquis/server/problem"
)

// Options are the limits of a Guard. A zero Rate or quota is no limit.
type Options struct {
	Address    Rate
	Credential Rate
	RateOf     func(lrs.Principal) (Rate, bool) // a source's own rate, in place of Credential; none without one
	Daily      int                              // statements a source may store in a day (UTC)
	DailyOf    func(lrs.Principal) (int, bool)  // a source's own quota, in place of Daily; none without one
	Lockout    Lockout
	Tracked    int // addresses, and credentials, that are remembered; 65536

	Now     func() time.Time      // time.Now
	Metrics prometheus.Registerer // none without one
	Refused func(context.Context, Refusal)
}

// Refusal is an authentication that was refused, for the audit log. Options.Refused is told of each.
type Refusal struct {
	Key     string     // as it was presented: a stranger's word, of any length; empty for a token, which is a secret
	Address netip.Addr // of the client
	Locked  bool       // it was not even looked at, since the client has to wait
}

// Guard keeps the limits. It is safe for concurrent use.
type Guard struct {
	opts        Options
	addresses   *buckets[netip.Prefix]
	credentials *buckets[string]
	failures    *failures
	quotas      *quotas
	metrics     *metrics
}

// New returns a guard. It refuses metrics that the registry holds already.
func New(o Options) (*Guard, error) {
	o = o.withDefaults()
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, err
	}
	g := &Guard{opts: o, quotas: newQuotas(), metrics: m}
	if g.addresses, err = newBuckets[netip.Prefix]("address", o.Tracked); err != nil {
		return nil, err
	}
	if g.credentials, err = newBuckets[string]("credential", o.Tracked); err != nil {
		return nil, err
	}
	g.failures, err = newFailures(o.Lockout, o.Tracked)
	return g, err
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.RateOf == nil {
		o.RateOf = func(lrs.Principal) (Rate, bool) { return Rate{}, false }
	}
	if o.DailyOf == nil {
		o.DailyOf = func(lrs.Principal) (int, bool) { return 0, false }
	}
	if o.Refused == nil {
		o.Refused = func(context.Context, Refusal) {}
	}
	if o.Tracked == 0 {
		o.Tracked = 65536
	}
	return o
}

// Visit takes a request from the rate of its address. It is a server's Options.Admit.
func (g *Guard) Visit(ctx context.Context) error {
	client := server.ClientOf(ctx)
	if client.Local || g.opts.Address.none() {
		return nil
	}
	after := g.addresses.take(ctx, network(client.Address), g.opts.Address, g.opts.Now())
	if after == 0 {
		return nil
	}
	g.metrics.limited.WithLabelValues("address").Inc()
	return &problem.TooManyRequests{After: after, Detail: "Too many requests come from this address; wait as long as Retry-After says."}
}

// Authenticate runs authenticate, unless the client has to wait for having presented wrong secrets, and
// takes the request from the rate of the credential. key is what the client says it is: the user of a
// Basic credential, a client id. Any KindUnauthenticated of authenticate counts as
// a wrong secret, so it must not be called when nothing was presented.
func (g *Guard) Authenticate(ctx context.Context, key string, authenticate func(context.Context) (lrs.Principal, error)) (lrs.Principal, error) {
	return g.authenticate(ctx, key, key, authenticate)
}

// authenticate locks out by what is guessed, and puts key on record.
func (g *Guard) authenticate(ctx context.Context, guessed, key string, authenticate func(context.Context) (lrs.Principal, error)) (lrs.Principal, error) {
	address := server.ClientOf(ctx).Address
	guess := g.failures.guess(network(address), guessed)
	if after := g.failures.wait(guess, g.opts.Now()); after > 0 {
		g.metrics.limited.WithLabelValues("lockout").Inc()
		g.opts.Refused(ctx, Refusal{Key: key, Address: address, Locked: true})
		return lrs.Principal{}, &problem.TooManyRequests{After: after, Detail: "Too many wrong secrets came from this address; wait as long as Retry-After says, then send the right one."}
	}
	p, err := authenticate(ctx)
	switch {
	case err == nil:
		g.failures.forgive(guess)
		return p, g.spend(ctx, p)
	case lrs.KindOf(err) == lrs.KindUnauthenticated:
		g.failures.count(guess, g.opts.Now())
		g.metrics.failures.Inc()
		g.opts.Refused(ctx, Refusal{Key: key, Address: address})
	}
	return lrs.Principal{}, err
}

// spend takes a request from the rate of a credential.
func (g *Guard) spend(ctx context.Context, p lrs.Principal) error {
	if server.ClientOf(ctx).Local {
		return nil
	}
	rate, own := g.opts.RateOf(p)
	if !own {
		rate = g.opts.Credential
	}
	if rate.none() {
		return nil
	}
	after := g.credentials.take(ctx, p.Name, rate, g.opts.Now())
	if after == 0 {
		return nil
	}
	g.metrics.limited.WithLabelValues("credential").Inc()
	return &problem.TooManyRequests{After: after, Detail: "Too many requests come with this credential; wait as long as Retry-After says, and send statements in batches."}
}

// MayStore refuses statements of a source that has stored its quota of the day.
func (g *Guard) MayStore(_ context.Context, p lrs.Principal) error {
	daily := g.daily(p)
	now := g.opts.Now()
	if daily == 0 || g.quotas.used(p.Source, now) < daily {
		return nil
	}
	g.metrics.limited.WithLabelValues("daily").Inc()
	return &problem.TooManyRequests{
		After:  untilMidnight(now),
		Detail: fmt.Sprintf("The source has stored its %d statements of today; go on after midnight UTC, or ask the operator for more.", daily),
	}
}

// Stored counts statements towards the quota of their source.
func (g *Guard) Stored(p lrs.Principal, statements int) {
	if g.daily(p) > 0 {
		g.quotas.add(p.Source, statements, g.opts.Now())
	}
}

func (g *Guard) daily(p lrs.Principal) int {
	if daily, own := g.opts.DailyOf(p); own {
		return daily
	}
	return g.opts.Daily
}

// network is what counts as one client: an address of IPv4, or a network of 64 bits of IPv6, of which
// one machine has every address.
func network(address netip.Addr) netip.Prefix {
	bits := 32
	if address.Is6() {
		bits = 64
	}
	prefix, _ := address.Prefix(bits) // the zero address has the zero prefix
	return prefix
}
