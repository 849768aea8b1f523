package pebblestore

import (
	"encoding/binary"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestCompactions(t *testing.T) {
	t.Run("opening what a kill left waits for no compaction; those that are due begin right after", func(t *testing.T) {
		began, ended := make(chan struct{}, 64), make(chan struct{}, 64)
		options := pebbleOptions(quiet(Options{FS: backlog(t), MemtableSize: 1 << 20}))
		options.EventListener = &pebble.EventListener{
			CompactionBegin: func(pebble.CompactionInfo) { note(began) },
			CompactionEnd:   func(pebble.CompactionInfo) { note(ended) },
		}
		scheduler := newCompactions()
		options.Experimental.CompactionScheduler = scheduler
		db, err := pebble.Open("engine", options)
		if err != nil {
			t.Fatal(err)
		}
		if flushed := db.Metrics().Flush.Count; flushed == 0 {
			t.Error("nothing was replayed: the test shows nothing")
		}
		if len(began) > 0 {
			t.Error("a compaction began before the engine was open")
		}
		scheduler.begin()
		<-ended
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// backlog is an engine that was killed with tables that wait for compaction and a log that waits for a flush.
func backlog(t *testing.T) vfs.FS {
	t.Helper()
	fs := vfs.NewCrashableMem()
	options := pebbleOptions(quiet(Options{FS: fs, MemtableSize: 1 << 20}))
	options.DisableAutomaticCompactions = true
	options.L0StopWritesThreshold = 1000
	db, err := openEngine("engine", options)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 * options.L0CompactionThreshold {
		for n := range 64 {
			if err := db.Set(binary.BigEndian.AppendUint32(nil, uint32(n)), make([]byte, 1<<10), pebble.Sync); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Set([]byte("last"), []byte("in the log"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	killed := fs.CrashClone(vfs.CrashCloneCfg{})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return killed
}

// TestReplayIsBounded holds what docs/adr/0023 says of a start after a kill.
func TestReplayIsBounded(t *testing.T) {
	const memtable, most = 8 << 20, 16 << 20
	t.Run("writers wait for the flush before more log awaits it than two memtables hold", func(t *testing.T) {
		fs, stalled := &heldTables{FS: vfs.NewMem()}, make(chan struct{}, 1)
		options := pebbleOptions(quiet(Options{FS: fs, MemtableSize: memtable}))
		options.EventListener = &pebble.EventListener{WriteStallBegin: func(pebble.WriteStallBeginInfo) { note(stalled) }}
		db, err := openEngine("engine", options)
		if err != nil {
			t.Fatal(err)
		}
		write := func(size int) {
			value := make([]byte, 4<<10)
			for n := range size / len(value) {
				if err := db.Set(binary.BigEndian.AppendUint32(nil, uint32(n)), value, pebble.NoSync); err != nil {
					t.Error(err)
					return
				}
			}
		}
		write(most) // the first memtables of an engine are small
		if err := db.Flush(); err != nil {
			t.Fatal(err)
		}
		fs.held.Lock()
		for len(stalled) > 0 { // it may have waited before
			<-stalled
		}
		var writing sync.WaitGroup
		writing.Go(func() { write(2 * most) })
		<-stalled
		if log := db.Metrics().WAL.Size; log > most || log < most/2 {
			t.Errorf("%d bytes of log await the flush when writers have to wait", log)
		}
		fs.held.Unlock()
		writing.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// heldTables makes no table while it is held, so that no flush gets on.
type heldTables struct {
	vfs.FS
	held sync.RWMutex
}

func (h *heldTables) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasSuffix(name, ".sst") {
		h.held.RLock()
		defer h.held.RUnlock()
	}
	return h.FS.Create(name, category)
}

func quiet(o Options) Options {
	o.Logger = slog.New(slog.DiscardHandler)
	return o.withDefaults()
}

// note never waits: the engine calls it with locks held.
func note(events chan<- struct{}) {
	select {
	case events <- struct{}{}:
	default:
	}
}
