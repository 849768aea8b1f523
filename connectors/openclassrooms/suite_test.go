package openclassrooms_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
	"acquis/connectors/connectortest"
	"acquis/connectors/connectortest/openclassroomsfake"
	"acquis/connectors/openclassrooms"
	"acquis/schemas"
	"acquis/storage/pebblestore"
)

// suiteFake is a made-up OpenClassrooms for the suite.
type suiteFake struct {
	http.Handler
	world *openclassroomsfake.World

	mu    sync.Mutex
	ahead time.Duration
}

func (s *suiteFake) Settings(address string) jsontext.Value {
	return jsontext.Value(`{"baseUrl":"` + address + `","organisation":"campus","auth":{"clientId":"hub-campus"},"paging":{"size":6}}`)
}

func (s *suiteFake) Variables() map[string]string {
	return map[string]string{"CONNECT_OPENCLASSROOMS_SECRET": "secret"}
}

func (s *suiteFake) Data(r *http.Request) bool { return r.URL.Path != "/oauth2/token" }

func (s *suiteFake) Learn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += 24 * time.Hour
	s.world.SetProgress(1, 1, 100)
}

func (s *suiteFake) Shift() { s.world.Return(0) }

func (s *suiteFake) Revoke() { s.world.Tokens().Revoke() }

var suiteNow = time.Date(2026, time.March, 14, 5, 0, 0, 0, time.UTC)

func subject(members int) connectortest.Subject {
	return connectortest.Subject{
		Provider: openclassrooms.Provider(func() time.Time { return suiteNow }),
		Store: func(t testing.TB) connectortest.Store {
			t.Helper()
			store, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := store.Close(); err != nil {
					t.Error(err)
				}
			})
			return store
		},
		Fake: func(func() time.Time) connectortest.Fake { // its clock is not ours
			s := &suiteFake{}
			now := func() time.Time {
				s.mu.Lock()
				defer s.mu.Unlock()
				return suiteNow.Add(s.ahead)
			}
			s.world = openclassroomsfake.New(openclassroomsfake.Options{Now: now, Members: members, Pending: 1, Administrators: 1, Supervisors: 1, Courses: 3})
			s.world.Remove(0)
			s.Handler = s.world.Handler()
			return s
		},
	}
}

func TestSuite(t *testing.T) { connectortest.Run(t, subject(5)) }

func TestStatements(t *testing.T) {
	w := connectortest.Open(t, subject(25))
	w.Clean(connectors.Order{})
	fake := w.Fake.(*suiteFake)
	fake.mu.Lock()
	fake.ahead = 150 * 24 * time.Hour
	fake.mu.Unlock()
	w.Clean(connectors.Order{})
	state := w.State()
	t.Run("keep the contract of OpenClassrooms", func(t *testing.T) { keepContract(t, "openclassrooms", state.Statements) })
	t.Run("tell progress, completion, certificate and path apart", func(t *testing.T) {
		for _, part := range []string{`/progressed"`, `/completed"`, `/certificate`, `/paths/`, `"announced-duration`} {
			part = strings.TrimPrefix(part, `"`)
			if !slices.ContainsFunc(state.Statements, func(s string) bool { return strings.Contains(s, part) }) {
				t.Errorf("none has %s", part)
			}
		}
	})
	t.Run("hold no name and no address", func(t *testing.T) {
		for _, s := range state.Statements {
			if strings.Contains(s, "ministere") || strings.Contains(s, "Prénom") {
				t.Fatal(s)
			}
		}
	})
	t.Run("stay when progress falls", func(t *testing.T) {
		for n := range 25 {
			for c := range 3 {
				fake.world.SetProgress(n, c, 10)
			}
		}
		run := w.Clean(connectors.Order{Full: true})
		after := w.State()
		if run.Voided != 0 || len(after.Statements) <= len(state.Statements) {
			t.Errorf("%+v", run.Counts)
		}
	})
}

func TestSeats(t *testing.T) {
	t.Run("a member ends after two complete runs without them", func(t *testing.T) {
		w := connectortest.Open(t, subject(5))
		w.Clean(connectors.Order{})
		w.Fake.(*suiteFake).world.Remove(1)
		missing := func() (missing []int) {
			err := connectors.SeatsOf(t.Context(), w.Store, "under-test", func(s connectors.SeatInSet) error {
				missing = append(missing, s.Missing)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(missing)
			return missing
		}
		for _, want := range [][]int{{0, 0, 0, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 2}} {
			w.Clean(connectors.Order{})
			if got := missing(); !slices.Equal(got, want) {
				t.Errorf("missing %v, want %v", got, want)
			}
		}
	})
	t.Run("more than a fifth at once stops the run, and nothing is released", func(t *testing.T) {
		w := connectortest.Open(t, subject(5))
		w.Clean(connectors.Order{})
		before := w.State()
		w.Fake.(*suiteFake).world.Remove(1, 2, 3)
		if run := w.Pull(connectors.Order{}); run.Outcome != connectors.Stopped {
			t.Fatalf("%+v", run)
		}
		if after := w.State(); len(after.Seats) != len(before.Seats) || after.Watermark != before.Watermark {
			t.Errorf("%d seats of %d", len(after.Seats), len(before.Seats))
		}
	})
	t.Run("administrators and supervisors are apart, and an invitation has no account", func(t *testing.T) {
		w := connectortest.Open(t, subject(5))
		w.Clean(connectors.Order{})
		count := map[string]int{}
		for _, s := range w.State().Seats {
			count[string(s.Role)]++
			if s.State == connectors.SeatInvited && s.Holder == "" && len(s.Known) == 1 {
				count["invited"]++
			}
		}
		if count["learner"] != 5 || count["administrator"] != 1 || count["supervisor"] != 1 || count["invited"] != 1 {
			t.Errorf("%v", count)
		}
	})
}

// keepContract judges statements by a contract that ships.
func keepContract(t *testing.T, name string, statements []string) {
	t.Helper()
	contracts, err := schemas.Sources()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(contracts, func(c *schemas.Contract) bool { return c.Name == name })
	for _, statement := range statements {
		var whole map[string]any
		if err := json.Unmarshal([]byte(statement), &whole); err != nil {
			t.Fatal(err)
		}
		whole["id"] = "ec531277-b57b-5c15-8d91-d292c5b2b8f7" // the store's, which the suite leaves out
		if _, dated := whole["timestamp"]; !dated {
			whole["timestamp"] = "2026-09-01T08:00:00Z"
		}
		judged, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range contracts[at].Judge(judged) {
			t.Errorf("%s: %s: %s\n%s", v.Pointer, v.Rule, v.Detail, statement)
		}
	}
	if len(statements) == 0 {
		t.Error("there are no statements")
	}
}
