package connectortest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"acquis/connectors"
	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// Store is what a hub keeps everything in. A backend is one.
type Store interface {
	docstore.Store
	lrs.Store
	lrs.Log
}

// World is an installation with one connection to a fake.
type World struct {
	Fake   Fake
	Faults *Faults
	Store  Store
	Runner *connectors.Runner

	t       testing.TB
	subject Subject
	address string
	options connectors.RunnerOptions
	clock   *clock
	people  *people
}

// connection is the name of the one connection.
const connection = "under-test"

// clock is set by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Move sets the clock forward or back.
func (c *clock) Move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

// people is a directory that only remembers.
type people struct {
	mu   sync.Mutex
	seen map[hub.AliasID]connectors.Sighting
}

// AliasID implements connectors.Identities.
func (p *people) AliasID(k connectors.Key) hub.AliasID {
	mac := hmac.New(sha256.New, []byte("test"))
	fmt.Fprintf(mac, "%s\n%s\n%s", k.Kind, k.HomePage, k.Value)
	return hub.AliasID(hex.EncodeToString(mac.Sum(nil)[:16]))
}

// Observe implements connectors.Identities.
func (p *people) Observe(_ context.Context, seen []connectors.Sighting) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range seen {
		p.seen[p.AliasID(s.Key)] = s
	}
	return nil
}

// oneKey gives every world the same key, so that ids can be compared.
type oneKey struct{}

// Key implements lrs.KeyStore.
func (oneKey) Key(context.Context, string) ([]byte, error) { return make([]byte, 32), nil }

// Open makes a world with a fresh fake and an empty store.
func Open(t testing.TB, s Subject) *World {
	t.Helper()
	w := &World{
		Faults: &Faults{}, Store: s.Store(t), t: t, subject: s,
		clock:  &clock{now: time.Date(2026, 9, 14, 5, 0, 0, 0, time.UTC)},
		people: &people{seen: map[hub.AliasID]connectors.Sighting{}},
	}
	w.Fake = s.Fake(w.clock.Now)
	w.Faults.fake = w.Fake
	server := httptest.NewServer(w.Faults)
	t.Cleanup(server.Close)
	t.Cleanup(w.Faults.release)
	w.address = server.URL
	if err := w.Store.DeclareCollections(t.Context(), connectors.Collections()...); err != nil {
		t.Fatal(err)
	}
	w.prepare()
	w.Reopen(nil)
	w.connect()
	return w
}

// prepare wires everything but the store.
func (w *World) prepare() {
	service, err := lrs.NewService(w.t.Context(), w.Store, lrs.ServiceOptions{PageDefault: 100, PageMax: 1000, Steps: 100_000})
	if err != nil {
		w.t.Fatal(err)
	}
	authority, err := lrs.NewAuthority([]byte(`{"objectType":"Agent","account":{"homePage":"urn:acquis:source","name":"` + connection + `"}}`))
	if err != nil {
		w.t.Fatal(err)
	}
	principal := lrs.Principal{Name: connection, Source: connection, Authority: authority, Scopes: lrs.ScopeStatementsWrite | lrs.ScopeStatementsReadMine}
	variables := w.Fake.Variables()
	w.options = connectors.RunnerOptions{
		Providers: []connectors.Provider{w.subject.Provider}, Store: w.Store, Keys: oneKey{}, Door: service, Finder: w.Store,
		Version: lrs.V103, Identities: w.people, Process: "test", Now: w.clock.Now,
		Principal: func(string) (lrs.Principal, error) { return principal, nil },
		Egress: connectors.NewEgress(connectors.EgressOptions{
			Private: []string{"127.0.0.1"}, Rate: -1, MinWait: time.Millisecond, MaxWait: 50 * time.Millisecond,
			Timeout: 2 * time.Second, Attempts: 3, BreakAt: 1000,
		}),
		Secrets: connectors.Vault{Lookup: func(name string) (string, bool) {
			value, known := variables[name]
			return value, known
		}},
	}
}

// Reopen starts another process on the same store; change may replace parts of it.
func (w *World) Reopen(change func(*connectors.RunnerOptions)) {
	w.t.Helper()
	o := w.options
	if change != nil {
		change(&o)
	}
	runner, err := connectors.NewRunner(w.t.Context(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Runner = runner
}

func (w *World) connect() {
	w.t.Helper()
	row := docstore.Row[connectors.Connection]{Key: docstore.Key{Partition: connection, ID: connection}}
	row.Value = connectors.Connection{Name: connection, Kind: w.subject.Provider.Kind, Settings: w.Fake.Settings(w.address)}
	if _, err := connectors.Connections.Save(w.t.Context(), w.Store, row); err != nil {
		w.t.Fatal(err)
	}
}

// Now is the time in the world.
func (w *World) Now() time.Time { return w.clock.Now() }

// Move sets its clock forward or back.
func (w *World) Move(by time.Duration) { w.clock.Move(by) }

// Change changes the connection.
func (w *World) Change(change func(*connectors.Connection)) {
	w.t.Helper()
	row, err := connectors.Connections.Get(w.t.Context(), w.Store, connection, connection)
	w.check(err)
	change(&row.Value)
	_, err = connectors.Connections.Save(w.t.Context(), w.Store, row)
	w.check(err)
}

// Since says since when the connection has its schedule.
func (w *World) Since(at time.Time) {
	w.t.Helper()
	row, err := connectors.States.Find(w.t.Context(), w.Store, connection, "state")
	w.check(err)
	row.Value.Since = at
	_, err = connectors.States.Save(w.t.Context(), w.Store, row)
	w.check(err)
}

// Pull runs the connection once.
func (w *World) Pull(o connectors.Order) connectors.Run {
	w.t.Helper()
	if o.Trigger == "" {
		o.Trigger = connectors.ByPerson
	}
	w.clock.Move(time.Second)
	run, err := w.Runner.Run(w.t.Context(), connection, o)
	if err != nil {
		w.t.Fatalf("the run failed within: %v", err)
	}
	return run
}

// Clean runs the connection once and fails the test unless the run ends clean.
func (w *World) Clean(o connectors.Order) connectors.Run {
	w.t.Helper()
	run := w.Pull(o)
	if run.Outcome != connectors.Clean {
		w.t.Fatalf("the run ended %s: %+v", run.Outcome, run.Errors)
	}
	return run
}

// State is what a connection has come to: everything that is compared after different ways to it.
type State struct {
	Statements []string // that count, without what the store assigned; sorted
	Seats      []connectors.Seat
	Offers     []connectors.Offer
	Sent       map[string]map[string]connectors.Sent
	Gone       []string
	Watermark  string
	Aliases    []hub.AliasID
}

// State reads what the connection has come to.
func (w *World) State() State {
	w.t.Helper()
	ctx := w.t.Context()
	s := State{Statements: w.statements(), Sent: map[string]map[string]connectors.Sent{}}
	state, err := connectors.States.Get(ctx, w.Store, connection, "state")
	w.check(err)
	s.Watermark = string(state.Value.Watermark)
	w.check(connectors.SeatsOf(ctx, w.Store, connection, func(seat connectors.SeatInSet) error {
		if seat.Missing == 0 {
			s.Seats = append(s.Seats, seat.Seat)
		}
		return nil
	}))
	w.check(connectors.OffersOf(ctx, w.Store, connection, func(o connectors.Offer) error {
		s.Offers = append(s.Offers, o)
		return nil
	}))
	for row, err := range connectors.Memory.Rows(ctx, w.Store, docstore.Scan{}) {
		w.check(err)
		s.Sent[row.ID] = row.Value.Sent
		if !row.Value.Gone.IsZero() {
			s.Gone = append(s.Gone, row.ID)
		}
	}
	w.people.mu.Lock()
	defer w.people.mu.Unlock()
	for id := range w.people.seen {
		s.Aliases = append(s.Aliases, id)
	}
	slices.Sort(s.Aliases)
	return s
}

func (w *World) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// statements are those that are stored and not voided, voiding ones left out. A timestamp that the provider did
// not give is left out.
func (w *World) statements() []string {
	w.t.Helper()
	var found []string
	for after := lrs.Instant(0); ; {
		page, err := w.Store.ReadLog(w.t.Context(), after, 500)
		w.check(err)
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			after = e.Position
			if e.Kind == lrs.LogStored && !e.Entry.Voided && !bytes.Contains(e.Entry.Bytes, []byte(lrs.VerbVoided)) {
				found = append(found, w.told(e.Entry.Bytes))
			}
		}
	}
	slices.Sort(found)
	return found
}

// told is a statement without what was assigned to it.
func (w *World) told(stored []byte) string {
	w.t.Helper()
	var s map[string]any
	w.check(json.Unmarshal(stored, &s))
	for _, assigned := range []string{"id", "stored", "authority", "version"} {
		delete(s, assigned)
	}
	if bytes.Contains(stored, []byte(connectors.Undated)) {
		delete(s, "timestamp")
	}
	b, err := json.Marshal(s, json.Deterministic(true))
	w.check(err)
	return string(b)
}

// Log is how many statements were ever stored, voiding ones too.
func (w *World) Log() int {
	w.t.Helper()
	n := 0
	for after := lrs.Instant(0); ; {
		page, err := w.Store.ReadLog(w.t.Context(), after, 500)
		w.check(err)
		if len(page) == 0 {
			return n
		}
		n += len(page)
		after = page[len(page)-1].Position
	}
}

// Faults stand before a fake. Each counts the requests for data from when it was set.
type Faults struct {
	fake Fake

	mu     sync.Mutex
	data   int                                                                    // requests for data since the last Set
	fault  func(n int, w http.ResponseWriter, r *http.Request, next http.Handler) // n from 1
	unlock chan struct{}
}

// Set puts a fault before the fake, nil none. n counts the requests for data from 1.
func (f *Faults) Set(fault func(n int, w http.ResponseWriter, r *http.Request, next http.Handler)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.data, f.fault = 0, fault
}

// Requests is how many requests for data came since the last Set.
func (f *Faults) Requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.data
}

// ServeHTTP implements http.Handler.
func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !f.fake.Data(r) {
		f.fake.ServeHTTP(w, r)
		return
	}
	f.mu.Lock()
	f.data++
	n, fault := f.data, f.fault
	f.mu.Unlock()
	if fault == nil {
		f.fake.ServeHTTP(w, r)
		return
	}
	fault(n, w, r, f.fake)
}

// stall holds an answer back until the client gives up or the test ends.
func (f *Faults) stall(r *http.Request) {
	f.mu.Lock()
	if f.unlock == nil {
		f.unlock = make(chan struct{})
	}
	unlock := f.unlock
	f.mu.Unlock()
	select {
	case <-r.Context().Done():
	case <-unlock:
	}
}

func (f *Faults) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unlock != nil {
		close(f.unlock)
		f.unlock = nil
	}
}

// answerOf is what a handler answers to a request.
func answerOf(next http.Handler, r *http.Request) *httptest.ResponseRecorder {
	kept := httptest.NewRecorder()
	next.ServeHTTP(kept, r)
	return kept
}

// give sends an answer, of its body the first bytes only; -1 for all.
func give(w http.ResponseWriter, kept *httptest.ResponseRecorder, first int) {
	body := kept.Body.Bytes()
	for name, values := range kept.Header() {
		w.Header()[name] = values
	}
	if first >= 0 && first < len(body) {
		body = body[:first]
	}
	w.WriteHeader(cmp.Or(kept.Code, http.StatusOK))
	_, _ = w.Write(body) // the client may be gone
}
