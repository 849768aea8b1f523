package connectortest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"acquis/connectors"
)

// Run holds a connector to everything that connectors promise.
func Run(t *testing.T, s Subject) {
	t.Run("what it pulls is of accounts, and more than one request brings it", func(t *testing.T) { s.first(t) })
	t.Run("pulled again nothing changes", func(t *testing.T) { s.again(t) })
	t.Run("what is learned later comes with the next pull", func(t *testing.T) { s.later(t) })
	t.Run("a dry run says what would change and changes nothing", func(t *testing.T) { s.dry(t) })
	t.Run("stopped at any request it can simply be run again", func(t *testing.T) { s.stopped(t) })
	t.Run("killed at any write it can simply be run again", func(t *testing.T) { s.killed(t) })
	t.Run("a token that ends in the middle is renewed", func(t *testing.T) { s.revoked(t) })
	t.Run("a fault that passes is not noticed", func(t *testing.T) { s.passing(t) })
	t.Run("a fault that stays leaves the hub as it was", func(t *testing.T) { s.staying(t) })
	t.Run("pages that shift while they are read lose nothing", func(t *testing.T) { s.shifting(t) })
	t.Run("a page that comes twice does no harm", func(t *testing.T) { s.twice(t) })
	t.Run("a clock that is changed loses nothing", func(t *testing.T) { s.clock(t) })
}

// requests is how many requests for data a pull of a fresh world takes.
func (s Subject) requests(t testing.TB) int {
	w := Open(t, s)
	w.Clean(connectors.Order{})
	return w.Faults.Requests()
}

// reference is what everything must come to: the state after a pull of a fresh world, Learn, and another.
func (s Subject) reference(t testing.TB) (first, second State) {
	w := Open(t, s)
	w.Clean(connectors.Order{})
	first = w.State()
	w.Fake.Learn()
	w.Clean(connectors.Order{})
	return first, w.State()
}

// Equal fails the test unless two ways came to the same end.
func Equal(t testing.TB, want, got State) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("the end is another (-want +got):\n%s", diff)
	}
}

func (s Subject) first(t *testing.T) {
	w := Open(t, s)
	run := w.Clean(connectors.Order{})
	state := w.State()
	if run.Statements == 0 || run.Statements != len(state.Statements) || !run.Full || run.Items == 0 {
		t.Errorf("%d statements of %d in the store, %d items: %+v", run.Statements, len(state.Statements), run.Items, run)
	}
	if n := w.Faults.Requests(); n < 3 {
		t.Errorf("%d requests for data: the fake is too small to show anything", n)
	}
	for _, told := range state.Statements {
		if !strings.Contains(told, `"actor":{"account":{`) || strings.Contains(told, `"mbox"`) {
			t.Errorf("the actor is not an account: %s", told)
		}
	}
	for _, sample := range run.Samples {
		for name, value := range w.Fake.Variables() {
			if strings.Contains(sample.Body+sample.Path, value) {
				t.Errorf("a sample holds the secret %s", name)
			}
		}
	}
	if len(run.Samples) == 0 {
		t.Error("no answer was kept as a sample")
	}
}

func (s Subject) again(t *testing.T) {
	w := Open(t, s)
	w.Clean(connectors.Order{})
	before, log := w.State(), w.Log()
	for _, o := range []connectors.Order{{}, {Full: true}, {}} {
		run := w.Clean(o)
		if run.Statements != 0 || run.Rows.New+run.Rows.Changed+run.Seats.New+run.Seats.Changed != 0 || run.Gone != 0 || w.Log() != log {
			t.Fatalf("something changed: %+v", run.Counts)
		}
		Equal(t, before, w.State())
	}
}

func (s Subject) later(t *testing.T) {
	w := Open(t, s)
	w.Clean(connectors.Order{})
	before := w.State()
	w.Fake.Learn()
	run := w.Clean(connectors.Order{})
	after := w.State()
	if run.Statements == 0 || cmp.Equal(before.Statements, after.Statements) {
		t.Fatalf("nothing came: %+v", run.Counts)
	}
	if run = w.Clean(connectors.Order{Full: true}); run.Statements != 0 {
		t.Fatalf("a sweep found what the pull before it missed: %+v", run.Counts)
	}
	Equal(t, after.withoutWatermark(), w.State().withoutWatermark())
}

func (s State) withoutWatermark() State {
	s.Watermark = ""
	return s
}

func (s Subject) dry(t *testing.T) {
	w := Open(t, s)
	dry := w.Clean(connectors.Order{Dry: true})
	if state := w.State(); len(state.Statements)+len(state.Seats)+len(state.Sent)+len(state.Aliases) != 0 || state.Watermark != "" || w.Log() != 0 {
		t.Fatalf("it changed something: %+v", state)
	}
	if dry.Statements == 0 || len(dry.Examples) == 0 {
		t.Errorf("it says nothing: %+v", dry)
	}
	if run := w.Clean(connectors.Order{}); run.Counts != dry.Counts {
		t.Errorf("it foresaw\n%+v, then came\n%+v", dry.Counts, run.Counts)
	}
}

func (s Subject) stopped(t *testing.T) {
	first, second := s.reference(t)
	for n := 1; n <= s.requests(t); n++ {
		w := Open(t, s)
		w.StopAt(n)
		w.Clean(connectors.Order{})
		Equal(t, first, w.State())
		w.Fake.Learn()
		w.StopAt(n) // it may be over by then
		w.Clean(connectors.Order{})
		Equal(t, second, w.State())
	}
}

// StopAt runs the connection and stops the run at a request.
func (w *World) StopAt(n int) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	w.Faults.Set(func(now int, out http.ResponseWriter, r *http.Request, next http.Handler) {
		if now == n {
			cancel()
			return
		}
		next.ServeHTTP(out, r)
	})
	defer w.Faults.Set(nil)
	w.clock.Move(time.Second)
	run, err := w.Runner.Run(ctx, connection, connectors.Order{Trigger: connectors.ByPerson})
	if w.Faults.Requests() >= n && (err != nil || run.Outcome != connectors.Cut) {
		w.t.Fatalf("stopped at request %d it ended %s: %v", n, run.Outcome, err)
	}
}

var errKilled = errors.New("connectortest: the process was killed")
