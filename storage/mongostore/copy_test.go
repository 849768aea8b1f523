package mongostore_test

import (
	"log/slog"
	"testing"

	"acquis/internal/mongotest"
	"acquis/storage"
	"acquis/storage/mongostore"
	"acquis/storage/pebblestore"
	"acquis/storage/storagetest"
)

func TestCopy(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to storagetest.CopyFactory
	}{
		{"from the embedded store", embeddedSite, copySite},
		{"to the embedded store", copySite, embeddedSite},
		{"to another database", copySite, copySite},
	} {
		t.Run(c.name, func(t *testing.T) { storagetest.Copy(t, c.from, c.to) })
	}
}

// copySite makes stores in a database of their own.
func copySite(t testing.TB) storagetest.CopySite {
	s := &fillable{options: options(mongotest.Database(t))}
	closing := func() {
		if s.store != nil {
			closeStore(t, s.store)
		}
		s.store = nil
	}
	t.Cleanup(closing)
	return storagetest.CopySite{Open: func(filling bool) (storage.Copyable, error) { return s.open(t, filling) }, Kill: s.kill, Close: closing, Slow: true}
}

// fillable is a site whose store may be an unfinished copy.
type fillable struct {
	options mongostore.Options
	store   *mongostore.Store
}

func (s *fillable) open(t testing.TB, filling bool) (storage.Copyable, error) {
	o := s.options
	o.Filling = filling
	store, err := mongostore.Open(t.Context(), o)
	if err != nil {
		return nil, err
	}
	s.store = store
	return store, nil
}

func (s *fillable) kill() {
	s.store.Drop()
	s.store = nil
}

// embeddedSite makes stores in a directory. They can't be killed: the test ends what they are doing,
// and opening another closes them.
func embeddedSite(t testing.TB) storagetest.CopySite {
	o := pebblestore.Options{Dir: t.TempDir(), CacheBytes: 1 << 20, MemtableSize: 256 << 10, Logger: slog.New(slog.DiscardHandler)}
	var open *pebblestore.Store
	closing := func() {
		if open == nil {
			return
		}
		if err := open.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
		open = nil
	}
	t.Cleanup(closing)
	return storagetest.CopySite{Kill: func() {}, Close: closing, Open: func(filling bool) (storage.Copyable, error) {
		closing()
		o.Filling = filling
		store, err := pebblestore.Open(o)
		if err != nil {
			return nil, err
		}
		open = store
		return store, nil
	}}
}

func TestAlone(t *testing.T) {
	o := options(mongotest.Database(t))
	first, other := opened(t, o), opened(t, o)
	if err := first.Alone(t.Context()); err == nil {
		t.Error("a store that another process uses claims to be alone")
	}
	other.Drop()
	if err := first.Alone(t.Context()); err != nil {
		t.Errorf("after the other process was killed: %v", err)
	}
}

func opened(t *testing.T, o mongostore.Options) *mongostore.Store {
	t.Helper()
	store, err := mongostore.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, store) })
	return store
}
