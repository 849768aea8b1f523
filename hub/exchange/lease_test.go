package exchange_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"acquis/hub/exchange"
)

// TestForward_lease runs one forward in two processes, by a clock of the test's own.
func TestForward_lease(t *testing.T) {
	h := newHouse(t)
	h.make(nil)
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	start := func(process string, to *target) (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		f := exchange.NewForwarder(exchange.ForwarderOptions{
			Store: h.store, Log: h.store, Statements: h.store, Process: process, Now: clock,
			Open:    func(exchange.Forward) (exchange.Sender, error) { return to, nil },
			Explain: func(err error) exchange.Failure { return exchange.Failure{Sentence: err.Error()} },
			Lease:   3 * time.Millisecond, Poll: time.Millisecond, Look: time.Millisecond, First: time.Millisecond, Most: time.Millisecond,
		})
		done := make(chan struct{})
		go func() {
			defer close(done)
			f.Run(ctx)
		}()
		return func() {
			cancel()
			<-done
		}
	}
	wait := func(what string, holds func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("it does not come to pass that " + what)
			}
		}
	}
	stuck, other := newTarget(), newTarget()
	held, inside := make(chan struct{}), make(chan struct{}, 100)
	stuck.set(func(exchange.Message) ([]exchange.Refused, error) {
		inside <- struct{}{}
		<-held // it hangs, and its clock stands: no sign of life comes
		return nil, nil
	})
	ids := h.add("a", "https://v.example/read", 5)
	stopFirst := start("first", stuck)
	<-inside
	stopSecond := start("second", other)
	t.Run("while the holder may live, nobody else sends", func(t *testing.T) {
		wait("the state is the first's", func() bool { return h.state().Holder == "first" })
		if len(other.received()) != 0 {
			t.Error("two send")
		}
	})
	t.Run("when it has fallen silent, another takes over, and what the former writes does not count", func(t *testing.T) {
		wait("the second sends", func() bool {
			mu.Lock()
			now = now.Add(time.Second) // the first is asleep in Send; its beats are stamped by the same clock
			mu.Unlock()
			return len(other.received()) == 5 || h.state().Holder == "second" && h.state().Sent == 5
		})
		close(held)
		stopFirst()
		if s := h.state(); s.Sent != 5 || s.Refused != 0 {
			t.Errorf("%+v", s)
		}
		if diff := cmp.Diff(ids, other.received()); diff != "" {
			t.Error(diff)
		}
	})
	stopSecond()
}
