package directory_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"acquis/hub"
	"acquis/hub/directory"
	"acquis/internal/mongotest"
	"acquis/lrs"
	"acquis/storage/mongostore"
	"acquis/storage/pebblestore"
)

// house is a store with a directory, at a clock that stands still unless it is moved.
type house struct {
	store     directory.Backend
	directory *directory.Directory
	options   directory.Options

	mu   sync.Mutex
	now  time.Time
	ids  int
	acts []hub.Act
}

var noon = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

var operator = hub.Caller{Principal: lrs.Principal{Name: "operator", Roles: lrs.RoleOperator}, Address: "192.0.2.9", Reason: "a test"}

// newHouse opens a house on the embedded store.
func newHouse(tb testing.TB) *house {
	tb.Helper()
	store, err := pebblestore.Open(pebblestore.Options{Dir: tb.TempDir(), CacheBytes: 1 << 20, MemtableSize: 1 << 20})
	must(tb, err)
	return furnish(tb, store, store.Close)
}

// backends runs a test on each backend, empty.
func backends(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("embedded", func(t *testing.T) { test(t, newHouse(t)) })
	t.Run("on MongoDB", func(t *testing.T) {
		store, err := mongostore.Open(t.Context(), mongostore.Options{URI: mongotest.Database(t)})
		must(t, err)
		test(t, furnish(t, store, store.Close))
	})
}

func furnish(tb testing.TB, store directory.Backend, end func() error) *house {
	tb.Helper()
	tb.Cleanup(func() {
		if err := end(); err != nil {
			tb.Error(err)
		}
	})
	calendar, err := hub.NewCalendar("Europe/Paris")
	must(tb, err)
	h := &house{store: store, now: noon}
	h.options = directory.Options{Audit: h, Calendar: calendar, Now: h.clock, NewID: h.newID, Unmatched: 90 * 24 * time.Hour, EndShare: 10}
	h.directory = h.replica(tb)
	return h
}

// replica is the directory of another process over the store.
func (h *house) replica(tb testing.TB) *directory.Directory {
	tb.Helper()
	d, err := directory.New(tb.Context(), h.store, h.options)
	must(tb, err)
	return d
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(days int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.AddDate(0, 0, days)
}

func (h *house) newID() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids++
	return fmt.Sprintf("%032x", h.ids)
}

// Record implements hub.Audit.
func (h *house) Record(_ context.Context, _ hub.Caller, act hub.Act) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.acts = append(h.acts, act)
	return nil
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func day(text string) hub.Day {
	d, err := hub.ParseDay(text)
	if err != nil {
		panic(err)
	}
	return d
}
