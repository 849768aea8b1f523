package pebblestore_test

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"acquis/storage"
	"acquis/storage/pebblestore"
	"acquis/storage/storagetest"
)

func TestCopy(t *testing.T) { storagetest.Copy(t, copySite, copySite) }

// copySite makes stores on a file system in memory whose killing loses what was not synced.
func copySite(t testing.TB) storagetest.CopySite {
	s := &fillable{t: t, options: options(vfs.NewCrashableMem(), "data")}
	t.Cleanup(s.close)
	return storagetest.CopySite{Open: s.open, Kill: s.kill, Close: s.close}
}

// fillable is a site whose store may be an unfinished copy.
type fillable struct {
	t       testing.TB
	options pebblestore.Options
	stores  []*pebblestore.Store // those that are open: the last one, and those that were killed
}

func (s *fillable) open(filling bool) (storage.Copyable, error) {
	s.options.Filling = filling
	store, err := pebblestore.Open(s.options)
	if err != nil {
		return nil, err
	}
	s.stores = append(s.stores, store)
	return store, nil
}

// kill leaves the store working in a world of its own until the test ends.
func (s *fillable) kill() {
	survivors := vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(1, 2))}
	s.options.FS = s.options.FS.(*vfs.MemFS).CrashClone(survivors)
}

func (s *fillable) close() {
	for _, store := range s.stores {
		closeStore(s.t, store)
	}
	s.stores = nil
}
