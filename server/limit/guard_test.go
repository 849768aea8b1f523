package limit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"acquis/access"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/limit"
	"acquis/server/problem"
)

// clock is a clock that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time           { return c.at }
func (c *clock) forward(by time.Duration) { c.at = c.at.Add(by) }

// noon is a day's middle, UTC.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// newGuard returns a guard at noon.
func newGuard(t testing.TB, o limit.Options) (*limit.Guard, *clock) {
	t.Helper()
	c := &clock{noon}
	o.Now = c.now
	g, err := limit.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g, c
}

// from is the context of a request from an address, and the header of its answer.
func from(address string) (context.Context, http.Header) {
	h := http.Header{}
	return server.WithClient(context.Background(), server.Client{Address: netip.MustParseAddr(address)}, h), h
}

// here is the context of a request that was made on this machine.
func here() context.Context {
	return server.WithClient(context.Background(), server.Client{Address: netip.MustParseAddr("127.0.0.1"), Local: true}, http.Header{})
}

// after is how long an error asks to wait; 0 for nil.
func after(t *testing.T, err error) time.Duration {
	t.Helper()
	if err == nil {
		return 0
	}
	many, ok := errors.AsType[*problem.TooManyRequests](err)
	if !ok || many.After <= 0 || many.Detail == "" {
		t.Fatalf("%T %v is not a refusal that says how long", err, err)
	}
	return many.After
}

func TestVisit(t *testing.T) {
	registry := prometheus.NewRegistry()
	g, c := newGuard(t, limit.Options{Address: limit.Rate{PerSecond: 2, Burst: 3}, Metrics: registry})
	visit := func(address string) time.Duration {
		ctx, _ := from(address)
		return after(t, g.Visit(ctx))
	}
	t.Run("a burst passes, then the rate", func(t *testing.T) {
		for range 3 {
			if wait := visit("192.0.2.1"); wait != 0 {
				t.Fatalf("within the burst: wait %v", wait)
			}
		}
		if wait := visit("192.0.2.1"); wait != 500*time.Millisecond {
			t.Errorf("wait %v, want what one request takes", wait)
		}
		c.forward(500 * time.Millisecond)
		if wait := visit("192.0.2.1"); wait != 0 {
			t.Errorf("after the wait: wait %v", wait)
		}
		if wait := visit("192.0.2.1"); wait == 0 {
			t.Error("a refused request costs nothing, an allowed one does")
		}
	})
	t.Run("another address has its own", func(t *testing.T) {
		if wait := visit("192.0.2.2"); wait != 0 {
			t.Errorf("wait %v", wait)
		}
	})
	t.Run("the addresses of an IPv6 network of 64 bits are one client", func(t *testing.T) {
		for n := range 3 {
			visit(fmt.Sprintf("2001:db8::%x", n))
		}
		if visit("2001:db8::ffff:0:1") == 0 || visit("2001:db8:0:1::1") != 0 {
			t.Error("one network is not one client, or two are")
		}
	})
	t.Run("this machine is not limited", func(t *testing.T) {
		for range 10 {
			if err := g.Visit(here()); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("what was refused is counted", func(t *testing.T) {
		want := map[string]float64{"address": 3, "credential": 0, "daily": 0, "lockout": 0}
		if diff := cmp.Diff(want, limited(t, registry)); diff != "" {
			t.Error(diff)
		}
	})
}

// limited reads how often each limit was passed.
func limited(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, family := range families {
		if family.GetName() == "acquis_limited_requests_total" {
			for _, m := range family.GetMetric() {
				found[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	return found
}

func TestHeaders(t *testing.T) {
	g, _ := newGuard(t, limit.Options{Address: limit.Rate{PerSecond: 2, Burst: 3}, Credential: limit.Rate{PerSecond: 10, Burst: 50}})
	var got []string
	for range 4 {
		ctx, header := from("192.0.2.1")
		if g.Visit(ctx) == nil {
			if _, err := g.Authenticate(ctx, "pix", known("pix")); err != nil {
				t.Fatal(err)
			}
		}
		got = append(got, strings.Join(header["Ratelimit"], ", ")+" of "+strings.Join(header["Ratelimit-Policy"], ", "))
	}
	want := []string{
		`"address";r=2;t=1, "credential";r=49;t=1 of "address";q=3;w=2, "credential";q=50;w=5`,
		`"address";r=1;t=1, "credential";r=48;t=1 of "address";q=3;w=2, "credential";q=50;w=5`,
		`"address";r=0;t=2, "credential";r=47;t=1 of "address";q=3;w=2, "credential";q=50;w=5`,
		`"address";r=0;t=1 of "address";q=3;w=2`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// known authenticates as a source with one credential of the same name.
func known(name string) func(context.Context) (lrs.Principal, error) {
	return func(context.Context) (lrs.Principal, error) { return lrs.Principal{Name: name, Source: name}, nil }
}

// wrong refuses, and counts how often it was asked.
func wrong(asked *atomic.Int64) func(context.Context) (lrs.Principal, error) {
	return func(context.Context) (lrs.Principal, error) {
		asked.Add(1)
		return lrs.Principal{}, lrs.Errorf(lrs.KindUnauthenticated, "no")
	}
}

func TestCredential(t *testing.T) {
	g, _ := newGuard(t, limit.Options{
		Credential: limit.Rate{PerSecond: 1, Burst: 2},
		RateOf: func(p lrs.Principal) (limit.Rate, bool) {
			return limit.Rate{PerSecond: 1, Burst: 5}, p.Source == "large"
		},
	})
	allowed := func(ctx context.Context, name string) (n int) {
		for range 10 {
			if _, err := g.Authenticate(ctx, name, known(name)); err == nil {
				n++
			} else if after(t, err) != time.Second {
				t.Errorf("%v", err)
			}
		}
		return n
	}
	ctx, _ := from("192.0.2.1")
	if n := allowed(ctx, "pix"); n != 2 {
		t.Errorf("%d requests passed, want the burst", n)
	}
	if n := allowed(ctx, "large"); n != 5 {
		t.Errorf("%d requests of a source with a rate of its own passed", n)
	}
	other, _ := from("198.51.100.1")
	if n := allowed(other, "pix"); n != 0 {
		t.Errorf("%d requests passed from another address: the credential is the same", n)
	}
	if n := allowed(here(), "pix"); n != 10 {
		t.Errorf("%d requests of this machine passed", n)
	}
}

func TestLockout(t *testing.T) {
	rule := limit.Lockout{Failures: 3, First: time.Second, Longest: time.Minute}
	type try struct {
		g     *limit.Guard
		clock *clock
		asked atomic.Int64
		heard []limit.Refusal
	}
	begin := func(t *testing.T) *try {
		y := &try{}
		y.g, y.clock = newGuard(t, limit.Options{Lockout: rule, Refused: func(_ context.Context, r limit.Refusal) { y.heard = append(y.heard, r) }})
		return y
	}
	fail := func(y *try, address, key string) error {
		ctx, _ := from(address)
		_, err := y.g.Authenticate(ctx, key, wrong(&y.asked))
		return err
	}
	t.Run("after some wrong secrets a client waits, each time twice as long", func(t *testing.T) {
		y := begin(t)
		for range 3 {
			if err := fail(y, "192.0.2.1", "pix"); lrs.KindOf(err) != lrs.KindUnauthenticated {
				t.Fatalf("%v", err)
			}
		}
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			if got := after(t, fail(y, "192.0.2.1", "pix")); got != want*time.Second {
				t.Fatalf("wait %v, want %v", got, want*time.Second)
			}
			y.clock.forward(want * time.Second)
			if err := fail(y, "192.0.2.1", "pix"); lrs.KindOf(err) != lrs.KindUnauthenticated {
				t.Fatalf("after the wait: %v", err)
			}
		}
	})
	locked := func(t *testing.T) *try {
		y := begin(t)
		for range 3 {
			_ = fail(y, "192.0.2.1", "pix")
		}
		return y
	}
	t.Run("while it waits nothing is looked at, not even the right secret", func(t *testing.T) {
		y := locked(t)
		ctx, _ := from("192.0.2.1")
		if _, err := y.g.Authenticate(ctx, "pix", known("pix")); after(t, err) != time.Second {
			t.Errorf("%v", err)
		}
		_ = fail(y, "192.0.2.1", "pix")
		if n := y.asked.Load(); n != 3 {
			t.Errorf("%d secrets were looked at", n)
		}
	})
	t.Run("the owner of the key is not locked out elsewhere, nor are others at the address", func(t *testing.T) {
		y := locked(t)
		elsewhere, _ := from("198.51.100.1")
		if _, err := y.g.Authenticate(elsewhere, "pix", known("pix")); err != nil {
			t.Errorf("the same key elsewhere: %v", err)
		}
		same, _ := from("192.0.2.1")
		if _, err := y.g.Authenticate(same, "moodle", known("moodle")); err != nil {
			t.Errorf("another key at the address: %v", err)
		}
	})
	t.Run("a right secret forgives", func(t *testing.T) {
		y := begin(t)
		ctx, _ := from("192.0.2.1")
		for range 5 {
			_, _ = fail(y, "192.0.2.1", "pix"), fail(y, "192.0.2.1", "pix")
			if _, err := y.g.Authenticate(ctx, "pix", known("pix")); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("time forgives", func(t *testing.T) {
		y := begin(t)
		for range 10 {
			if err := fail(y, "192.0.2.1", "pix"); lrs.KindOf(err) != lrs.KindUnauthenticated {
				t.Fatal(err)
			}
			y.clock.forward(rule.Longest + 1)
		}
	})
	t.Run("many keys from one address make it wait for all, a right one among them changes nothing", func(t *testing.T) {
		y := begin(t)
		ctx, _ := from("192.0.2.1")
		for n := range 30 {
			if err := fail(y, "192.0.2.1", fmt.Sprint("key", n)); lrs.KindOf(err) != lrs.KindUnauthenticated {
				t.Fatalf("%d: %v", n, err)
			}
			if n < 29 {
				if _, err := y.g.Authenticate(ctx, "own", known("own")); err != nil {
					t.Fatalf("%d: %v", n, err)
				}
			}
		}
		if _, err := y.g.Authenticate(ctx, "own", known("own")); after(t, err) != time.Second {
			t.Errorf("%v", err)
		}
	})
	t.Run("every refusal is told, with key and address", func(t *testing.T) {
		y := locked(t)
		_ = fail(y, "192.0.2.1", "pix")
		address := netip.MustParseAddr("192.0.2.1")
		want := limit.Refusal{Key: "pix", Address: address}
		last := limit.Refusal{Key: "pix", Address: address, Locked: true}
		if diff := cmp.Diff([]limit.Refusal{want, want, want, last}, y.heard, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a store that fails is no wrong secret", func(t *testing.T) {
		y := begin(t)
		ctx, _ := from("192.0.2.1")
		broken := errors.New("broken")
		for range 10 {
			if _, err := y.g.Authenticate(ctx, "pix", func(context.Context) (lrs.Principal, error) { return lrs.Principal{}, broken }); !errors.Is(err, broken) {
				t.Fatal(err)
			}
		}
		if len(y.heard) > 0 {
			t.Errorf("%+v", y.heard)
		}
	})
}

// directory knows one key, one token, and no other.
type directory struct{ asked int }

func (d *directory) Authenticate(_ context.Context, given access.Presented) (lrs.Principal, error) {
	d.asked++
	if given.Key == "pix" && given.Secret == "right" || given.Bearer == "token" {
		return lrs.Principal{Name: "pix"}, nil
	}
	return lrs.Principal{}, lrs.Errorf(lrs.KindUnauthenticated, "no")
}

func TestOver(t *testing.T) {
	var recorded []string
	g, _ := newGuard(t, limit.Options{
		Lockout: limit.Lockout{Failures: 1, First: time.Second, Longest: time.Minute},
		Refused: func(_ context.Context, r limit.Refusal) { recorded = append(recorded, r.Key) },
	})
	d := &directory{}
	who := g.Over(d)
	ctx, _ := from("192.0.2.1")
	for _, given := range []access.Presented{{Key: "pix", Secret: "right"}, {Bearer: "token"}} {
		if p, err := who.Authenticate(ctx, given); err != nil || p.Name != "pix" {
			t.Errorf("%+v: %+v %v", given, p, err)
		}
	}
	for _, given := range []access.Presented{{Key: "pix", Secret: "wrong"}, {Bearer: "another"}} {
		if _, err := who.Authenticate(ctx, given); lrs.KindOf(err) != lrs.KindUnauthenticated {
			t.Errorf("%+v: %v", given, err)
		}
		if _, err := who.Authenticate(ctx, given); after(t, err) != time.Second {
			t.Errorf("%+v again: %v", given, err)
		}
	}
	if _, err := who.Authenticate(ctx, access.Presented{Bearer: "token"}); err != nil {
		t.Errorf("the right token, after a wrong one: %v", err)
	}
	if diff := cmp.Diff([]string{"pix", "pix", "", ""}, recorded); diff != "" {
		t.Errorf("on record are, tokens left out (-want +got):\n%s", diff)
	}
	if d.asked != 5 {
		t.Errorf("the directory was asked %d times", d.asked)
	}
}

func TestQuota(t *testing.T) {
	g, c := newGuard(t, limit.Options{Daily: 10, DailyOf: func(p lrs.Principal) (int, bool) { return 0, p.Source == "free" }})
	ctx, _ := from("192.0.2.1")
	pix, moodle, free := lrs.Principal{Name: "k", Source: "pix"}, lrs.Principal{Name: "k", Source: "moodle"}, lrs.Principal{Name: "k", Source: "free"}
	t.Run("the batch that passes the quota is stored, the next waits for midnight", func(t *testing.T) {
		for _, n := range []int{9, 100} {
			if err := g.MayStore(ctx, pix); err != nil {
				t.Fatal(err)
			}
			g.Stored(pix, n)
		}
		if wait := after(t, g.MayStore(ctx, pix)); wait != 12*time.Hour {
			t.Errorf("wait %v, want until midnight", wait)
		}
	})
	t.Run("another source has its own", func(t *testing.T) {
		if err := g.MayStore(ctx, moodle); err != nil {
			t.Error(err)
		}
	})
	t.Run("a source may have none", func(t *testing.T) {
		g.Stored(free, 1000)
		if err := g.MayStore(ctx, free); err != nil {
			t.Error(err)
		}
	})
	t.Run("a clock set back gives nothing", func(t *testing.T) {
		c.forward(-24 * time.Hour)
		if g.MayStore(ctx, pix) == nil {
			t.Error("it stores again")
		}
		c.forward(24 * time.Hour)
	})
	t.Run("midnight does", func(t *testing.T) {
		c.forward(12 * time.Hour)
		if err := g.MayStore(ctx, pix); err != nil {
			t.Error(err)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	g, _ := newGuard(t, limit.Options{Address: limit.Rate{PerSecond: 1, Burst: 1}, Tracked: 100, Lockout: limit.Lockout{Failures: 1, First: time.Hour, Longest: time.Hour}})
	ctx, _ := from("192.0.2.1")
	if err := g.Visit(ctx); err != nil {
		t.Fatal(err)
	}
	for n := range 100 {
		other, _ := from(fmt.Sprintf("198.51.100.%d", n))
		if err := g.Visit(other); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Visit(ctx); err != nil {
		t.Errorf("the address that was silent longest is remembered: %v", err)
	}
}

func TestGuard_concurrent(t *testing.T) {
	g, err := limit.New(limit.Options{
		Address: limit.Rate{PerSecond: 1e-6, Burst: 50}, Credential: limit.Rate{PerSecond: 1e-6, Burst: 40}, Daily: 1000000,
		Lockout: limit.Lockout{Failures: 10, First: time.Hour, Longest: time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	var visits, known100, asked atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				ctx, _ := from("192.0.2.1")
				if g.Visit(ctx) == nil {
					visits.Add(1)
				}
				if _, err := g.Authenticate(ctx, "pix", known("pix")); err == nil {
					known100.Add(1)
				}
				_, _ = g.Authenticate(ctx, "other", wrong(&asked))
				g.Stored(lrs.Principal{Source: "pix"}, 1)
			}
		})
	}
	all.Wait()
	if visits.Load() != 50 || known100.Load() != 40 {
		t.Errorf("%d visits and %d requests passed, want 50 and 40", visits.Load(), known100.Load())
	}
	if n := asked.Load(); n < 10 || n > 18 {
		t.Errorf("%d wrong secrets were looked at, want 10 and those under way", n)
	}
}

func TestNew(t *testing.T) {
	t.Run("without limits, all pass", func(t *testing.T) {
		g, _ := newGuard(t, limit.Options{})
		ctx, header := from("192.0.2.1")
		var asked atomic.Int64
		for range 1000 {
			if err := g.Visit(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := g.Authenticate(ctx, "pix", known("pix")); err != nil {
				t.Fatal(err)
			}
			if _, err := g.Authenticate(ctx, "pix", wrong(&asked)); lrs.KindOf(err) != lrs.KindUnauthenticated {
				t.Fatal(err)
			}
			if err := g.MayStore(ctx, lrs.Principal{}); err != nil {
				t.Fatal(err)
			}
		}
		if len(header) != 0 {
			t.Errorf("headers %v", header)
		}
	})
	t.Run("a registry takes one guard", func(t *testing.T) {
		registry := prometheus.NewRegistry()
		newGuard(t, limit.Options{Metrics: registry})
		if _, err := limit.New(limit.Options{Metrics: registry}); err == nil {
			t.Error("no error")
		}
	})
}

// BenchmarkGuard measures what limits cost a request that passes them.
func BenchmarkGuard(b *testing.B) {
	plenty := limit.Rate{PerSecond: 1e9, Burst: 1e9}
	g, err := limit.New(limit.Options{Address: plenty, Credential: plenty, Lockout: limit.Lockout{Failures: 10, First: 1, Longest: time.Hour}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, header := from("192.0.2.1")
	authenticate := known("pix")
	b.ReportAllocs()
	for b.Loop() {
		clear(header)
		if err := g.Visit(ctx); err != nil {
			b.Fatal(err)
		}
		if _, err := g.Authenticate(ctx, "pix", authenticate); err != nil {
			b.Fatal(err)
		}
	}
}
