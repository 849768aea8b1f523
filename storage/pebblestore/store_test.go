package pebblestore_test

import (
	"log/slog"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"acquis/storage"
	"acquis/storage/pebblestore"
	"acquis/storage/storagetest"
)

func TestStore(t *testing.T) { storagetest.Run(t, inMemory) }

// TestStoreOnDisk runs what depends most on the file system on the real one.
func TestStoreOnDisk(t *testing.T) {
	onDisk := func(t testing.TB) storagetest.Instance {
		s := &site{t: t, options: options(vfs.Default, t.TempDir())}
		return storagetest.Instance{Store: s.open(), Reopen: s.reopen}
	}
	t.Run("Attachments", func(t *testing.T) { storagetest.Attachments(t, onDisk) })
	t.Run("Keys", func(t *testing.T) { storagetest.Keys(t, onDisk) })
}

// inMemory makes stores on a file system in memory that can lose what was not synced, as a power
// cut does, which is worse than what a kill -9 does.
func inMemory(t testing.TB) storagetest.Instance {
	s := &site{t: t, options: options(vfs.NewCrashableMem(), "data")}
	return storagetest.Instance{Store: s.open(), Reopen: s.reopen, Crash: s.crash}
}

// options keeps stores small, so that memtables are flushed in the middle of a test.
func options(fs vfs.FS, dir string) pebblestore.Options {
	return pebblestore.Options{
		Dir: dir, FS: fs, CacheBytes: 1 << 20, MemtableSize: 256 << 10, Logger: slog.New(slog.DiscardHandler),
	}
}

// site is where a store lives.
type site struct {
	t       testing.TB
	options pebblestore.Options
	store   *pebblestore.Store
}

func (s *site) open() storage.Store {
	store, err := pebblestore.Open(s.options)
	if err != nil {
		s.t.Fatalf("open the store: %v", err)
	}
	s.store = store
	s.t.Cleanup(func() { closeStore(s.t, store) })
	return store
}

func closeStore(t testing.TB, store *pebblestore.Store) {
	if err := store.Close(); err != nil {
		t.Errorf("close the store: %v", err)
	}
}

func (s *site) reopen() storage.Store {
	closeStore(s.t, s.store)
	return s.open()
}

// crash opens a store on what a power cut leaves: everything that was synced, and by chance some of
// the rest. The former store goes on working in its own world until the test ends.
func (s *site) crash() storage.Store {
	survivors := vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(1, 2))}
	s.options.FS = s.options.FS.(*vfs.MemFS).CrashClone(survivors)
	return s.open()
}
