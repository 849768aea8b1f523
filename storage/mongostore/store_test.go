package mongostore_test

import (
	"flag"
	"log/slog"
	"os"
	"testing"
	"time"

	"acquis/internal/mongotest"
	"acquis/storage"
	"acquis/storage/mongostore"
	"acquis/storage/storagetest"
)

// TestMain has properties checked a few times only, unless the command says how often: an empty
// database is dear to make.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		if err := flag.Set("rapid.checks", "5"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func TestStore(t *testing.T) {
	storagetest.Run(t, fresh)
	t.Run("Peers", func(t *testing.T) { storagetest.Peers(t, fresh) })
}

// fresh makes stores in a database of their own.
func fresh(t testing.TB) storagetest.Instance {
	s := &site{t: t, options: options(mongotest.Database(t))}
	return storagetest.Instance{Store: s.open(), Reopen: s.reopen, Crash: s.crash, Peer: s.peer, Slow: true}
}

// options make writers notice soon what happens to each other.
func options(uri string) mongostore.Options {
	return mongostore.Options{
		URI: uri, Heartbeat: 20 * time.Millisecond, Lease: 500 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler),
	}
}

// site is where a store lives.
type site struct {
	t       testing.TB
	options mongostore.Options
	store   *mongostore.Store
}

func (s *site) open() storage.Store {
	store, err := mongostore.Open(s.t.Context(), s.options)
	if err != nil {
		s.t.Fatalf("open the store: %v", err)
	}
	s.store = store
	s.t.Cleanup(func() { closeStore(s.t, store) })
	return store
}

func closeStore(t testing.TB, store *mongostore.Store) {
	if err := store.Close(); err != nil {
		t.Errorf("close the store: %v", err)
	}
}

func (s *site) reopen() storage.Store {
	closeStore(s.t, s.store)
	return s.open()
}

// crash drops the store as a kill -9 does and opens another on the same database.
func (s *site) crash() storage.Store {
	s.store.Drop()
	return s.open()
}

// peer opens one more store on the same database.
func (s *site) peer() storage.Store {
	other := &site{t: s.t, options: s.options}
	return other.open()
}
