package pix_test

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
	"acquis/connectors/connectortest/pixfake"
	"acquis/connectors/pix"
	"acquis/schemas"
	"acquis/storage/pebblestore"
)

// suitePix is a made-up Pix for the suite. Its clock goes ahead of the suite's when something is learned.
type suitePix struct {
	http.Handler
	world *pixfake.World

	mu    sync.Mutex
	ahead time.Duration
}

func (s *suitePix) Settings(address string) jsontext.Value {
	return jsontext.Value(`{"baseUrl":"` + address + `","clientId":"hub-campus","externalId":"mail","organisations":{"1001":"dinum"}}`)
}

func (s *suitePix) Variables() map[string]string {
	return map[string]string{"CONNECT_PIX_SECRET": "secret"}
}

func (s *suitePix) Data(r *http.Request) bool { return r.URL.Path != "/token" }

func (s *suitePix) Learn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += 12 * 24 * time.Hour
}

func (s *suitePix) Shift() { s.world.Restore(pixfake.ParticipationID(0, 0)) }

func (s *suitePix) Revoke() { s.world.RevokeTokens() }

var suiteNow = time.Date(2026, time.September, 14, 5, 0, 0, 0, time.UTC)

func subject() connectortest.Subject {
	return connectortest.Subject{
		Provider: pix.Provider(func() time.Time { return suiteNow }),
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
		Fake: func(func() time.Time) connectortest.Fake { // Pix's clock is not ours
			s := &suitePix{}
			now := func() time.Time {
				s.mu.Lock()
				defer s.mu.Unlock()
				return suiteNow.Add(s.ahead)
			}
			s.world = pixfake.New(pixfake.Options{Now: now, Organisations: 1, Campaigns: 2, Participations: 15})
			s.world.Vanish(pixfake.ParticipationID(0, 0))
			s.Handler = s.world.Handler()
			return s
		},
	}
}

func TestSuite(t *testing.T) { connectortest.Run(t, subject()) }

func TestStatements(t *testing.T) {
	w := connectortest.Open(t, subject())
	run := w.Clean(connectors.Order{})
	state := w.State()
	t.Run("keep the contract of Pix", func(t *testing.T) { keepContract(t, "pix", state.Statements) })
	t.Run("are of all three verbs", func(t *testing.T) {
		for _, verb := range []string{"initialized", "completed", "earned"} {
			if !slices.ContainsFunc(state.Statements, func(s string) bool { return strings.Contains(s, "/"+verb+`"`) }) {
				t.Errorf("none is %s", verb)
			}
		}
		if run.Statements < 20 {
			t.Errorf("%d statements", run.Statements)
		}
	})
	t.Run("hold no name and no address", func(t *testing.T) {
		for _, s := range state.Statements {
			if strings.Contains(s, "ministere") || strings.Contains(s, "Prénom") {
				t.Fatal(s)
			}
		}
	})
	t.Run("of an anonymised account stay, and a review is opened", func(t *testing.T) {
		fake := w.Fake.(*suitePix)
		fake.world.AnonymiseHolder(pixfake.ParticipationID(0, 1))
		swept := w.Clean(connectors.Order{Full: true})
		if after := w.State(); swept.Voided != 0 || swept.Reviews == 0 || len(after.Statements) != len(state.Statements) {
			t.Errorf("%+v, %d statements", swept.Counts, len(after.Statements))
		}
	})
	t.Run("of a row that vanished stay, and the row is marked", func(t *testing.T) {
		fake := w.Fake.(*suitePix)
		fake.world.Vanish(pixfake.ParticipationID(0, 2))
		swept := w.Clean(connectors.Order{Full: true})
		if after := w.State(); swept.Voided != 0 || swept.Gone != 1 || len(after.Gone) != 1 || len(after.Statements) != len(state.Statements) {
			t.Errorf("%+v, gone %v", swept.Counts, after.Gone)
		}
	})
	t.Run("are revised when a result is corrected", func(t *testing.T) {
		fake, rate := w.Fake.(*suitePix), 0.01
		var sent int64
		for i := range 15 {
			if n := pixfake.ParticipationID(0, i); i > 2 && fake.world.Shared(n) {
				sent = n
			}
		}
		fake.world.SetRate(sent, &rate)
		swept := w.Clean(connectors.Order{Full: true})
		if swept.Voided != 1 || swept.Statements != 2 {
			t.Errorf("%+v", swept.Counts)
		}
		keepContract(t, "pix", w.State().Statements)
	})
	t.Run("stay as they are when a campaign gets another name", func(t *testing.T) {
		w.Fake.(*suitePix).world.Rename(0, "Socle, nouvelle édition")
		if swept := w.Clean(connectors.Order{Full: true}); swept.Statements != 0 {
			t.Errorf("%+v", swept.Counts)
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
