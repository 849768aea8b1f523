package exchange_test

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"acquis/hub/exchange"
	"acquis/lrs"
)

// other is a record store to pull from that forgets its next pages as often as a test wants.
type other struct {
	mu      sync.Mutex
	forgets int
	given   int        // pages that lead on
	asked   chan asked // each first page that was asked for
}

type asked struct{ endpoint, since string }

// reading is another store by the pull that asks it.
type reading struct {
	*other
	pull exchange.Pull
}

func (r reading) First(_ context.Context, query url.Values, _ exchange.KeepAttachment) (exchange.PulledPage, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked <- asked{r.pull.Endpoint, query.Get("since")}
	page := exchange.PulledPage{Through: lrs.InstantOf(time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC))}
	if r.forgets > 0 {
		r.given++
		page.More = fmt.Sprint(r.given)
	}
	return page, nil
}

func (r reading) Next(_ context.Context, more string, _ exchange.KeepAttachment) (exchange.PulledPage, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if more != fmt.Sprint(r.given) || r.given <= r.forgets {
		return exchange.PulledPage{}, exchange.ErrMoreGone
	}
	return exchange.PulledPage{}, nil
}

func (r reading) Voided(context.Context, lrs.ID, exchange.KeepAttachment) ([]byte, bool, error) {
	return nil, false, nil
}

// pulls runs the house's pulls until stop, and returns what waits for a run that ends clean.
func (h *house) pulls(o *other) (clean, stop func()) {
	h.Helper()
	p := exchange.NewPuller(exchange.PullerOptions{
		Store: h.store, Mover: h.lrs, Attachments: h.store, Provenance: exchange.NewProvenance(h.store, h.store), Process: "p", Alone: true,
		Open:    func(pull exchange.Pull) (exchange.Reader, error) { return reading{o, pull}, nil },
		Explain: func(err error) exchange.Failure { return exchange.Failure{Sentence: err.Error()} },
		Look:    time.Millisecond, First: time.Millisecond, Most: time.Millisecond,
	})
	ctx, cancel := context.WithCancel(h.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); p.Run(ctx) }()
	stop = func() { cancel(); <-ended }
	h.Cleanup(stop)
	return func() {
		for p.Status()["other"].Clean.IsZero() {
			time.Sleep(time.Millisecond)
		}
	}, stop
}

func TestPuller(t *testing.T) {
	pull := exchange.Pull{Name: "other", Endpoint: "https://lrs.example.org/xapi", Key: "k", Secret: "env:CONNECT_OTHER"}
	t.Run("a store that forgets its next pages again and again is begun anew until it remembers", func(t *testing.T) {
		h, o := newHouse(t), &other{forgets: 9, asked: make(chan asked, 100)}
		if _, err := h.admin.PutPull(t.Context(), h.boss, pull); err != nil {
			t.Fatal(err)
		}
		clean, _ := h.pulls(o)
		clean()
		if asked := len(o.asked); asked != o.forgets+1 {
			t.Fatalf("asked %d times from the beginning", asked)
		}
	})
	t.Run("another endpoint is asked from the beginning", func(t *testing.T) {
		h, o := newHouse(t), &other{asked: make(chan asked, 100)}
		view, err := h.admin.PutPull(t.Context(), h.boss, pull)
		if err != nil {
			t.Fatal(err)
		}
		next := func() asked { // nothing is under way while a pull is changed
			t.Helper()
			clean, stop := h.pulls(o)
			defer stop()
			got := <-o.asked
			clean()
			return got
		}
		if got, want := next(), (asked{endpoint: pull.Endpoint}); got != want {
			t.Fatalf("asked %+v first", got)
		}
		if err := h.admin.RunPull(t.Context(), h.boss, "other"); err != nil {
			t.Fatal(err)
		}
		if got := next(); got.since == "" {
			t.Fatalf("asked from the beginning again: %+v", got)
		}
		moved := view.Pull
		moved.Endpoint = "https://new.example.org/xapi"
		if _, err := h.admin.PutPull(t.Context(), h.boss, moved); err != nil {
			t.Fatal(err)
		}
		if err := h.admin.RunPull(t.Context(), h.boss, "other"); err != nil {
			t.Fatal(err)
		}
		if got, want := next(), (asked{endpoint: moved.Endpoint}); got != want {
			t.Fatalf("asked %+v of another store", got)
		}
	})
}
