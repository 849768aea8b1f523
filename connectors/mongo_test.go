package connectors_test

import (
	"testing"

	"acquis/connectors"
	"acquis/connectors/connectortest"
	"acquis/internal/mongotest"
	"acquis/storage/mongostore"
)

// TestRunner_onMongoDB holds the other backend to the same end: what a pull, a kill, a take-over, a change and
// a sweep come to.
func TestRunner_onMongoDB(t *testing.T) {
	subject := librarySubject(nil)
	ends := map[string]connectortest.State{}
	for name, open := range map[string]func(testing.TB) connectortest.Store{"embedded": openStore, "mongodb": openMongo} {
		subject.Store = open
		w := connectortest.Open(t, subject)
		w.KillAt(6, true)
		w.TakeOver()
		w.Fake.Learn()
		w.Clean(connectors.Order{})
		if run := w.Clean(connectors.Order{Full: true}); run.Statements != 0 {
			t.Errorf("%s: %+v", name, run.Counts)
		}
		ends[name] = w.State()
	}
	connectortest.Equal(t, ends["embedded"], ends["mongodb"])
}

func openMongo(t testing.TB) connectortest.Store {
	t.Helper()
	store, err := mongostore.Open(t.Context(), mongostore.Options{URI: mongotest.Database(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}
