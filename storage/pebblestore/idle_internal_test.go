package pebblestore

import (
	"log/slog"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestRest(t *testing.T) {
	const busy, much = restWrites + 1, worthFlushing
	type look struct{ live, written uint64 }
	for name, c := range map[string]struct {
		looks []look
		calls bool
	}{
		"a store that has come to rest calls for a flush":      {[]look{{0, 0}, {much, much}, {much, much}}, true},
		"so does one that only writes a ceiling now and then":  {[]look{{much, much}, {much, much + 100}}, true},
		"one that was replayed calls at the first look":        {[]look{{much, 0}}, true},
		"one that goes on writing does not":                    {[]look{{much, much}, {much + busy, much + busy}}, false},
		"one that has written just now does not":               {[]look{{0, 0}, {much, much}}, false},
		"nor does one with little left in the write-ahead log": {[]look{{much - 1, much}, {much - 1, much}}, false},
		"nor one that was flushed, however much it once held":  {[]look{{much, 9 * much}, {100, 9 * much}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var r rest
			var calls bool
			for _, l := range c.looks {
				calls = r.calls(l.live, l.written)
			}
			if calls != c.calls {
				t.Errorf("at the last of %v: %t", c.looks, calls)
			}
		})
	}
}

func TestFlushWhenIdle(t *testing.T) {
	t.Run("a store at rest leaves next to nothing to replay", func(t *testing.T) {
		store, err := Open(Options{Dir: "data", FS: vfs.NewMem(), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		write(t, store, 32<<20) // the engine's first memtables are small, and flushed by themselves
		if err := store.db.Flush(); err != nil {
			t.Fatal(err)
		}
		write(t, store, worthFlushing)
		ticks := make(chan time.Time)
		store.upkeep.Go(func() { store.flushWhenIdle(ticks) })
		for range 3 { // one sees the writing, the next the rest; the last is taken when that was dealt with
			ticks <- time.Time{}
		}
		if live := store.db.Metrics().WAL.Size; live >= worthFlushing {
			t.Errorf("%d bytes would be replayed", live)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
}

func write(t *testing.T, store *Store, size int) {
	t.Helper()
	const piece = 64 << 10
	for range size / piece {
		if err := store.db.Set(metaKey("test"), make([]byte, piece), pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	}
}
