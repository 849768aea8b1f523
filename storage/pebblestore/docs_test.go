package pebblestore_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"acquis/docstore"
	"acquis/lrs"
	"acquis/storage/pebblestore"
)

// slowDisk is a disk whose syncs of the write-ahead log can be held up.
type slowDisk struct {
	mu      sync.Mutex
	held    chan struct{} // closed when a sync waits
	release chan struct{}
}

func (d *slowDisk) hold() (held <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held, d.release = make(chan struct{}), make(chan struct{})
	return d.held
}

func (d *slowDisk) let() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.release)
	d.held, d.release = nil, nil
}

func (d *slowDisk) String() string { return "slow disk" }

func (d *slowDisk) MaybeError(op errorfs.Op) error {
	if !strings.HasSuffix(op.Path, ".log") || op.Kind != errorfs.OpFileSync && op.Kind != errorfs.OpFileSyncData {
		return nil
	}
	d.mu.Lock()
	held, release := d.held, d.release
	if held != nil {
		d.held = nil
		close(held)
	}
	d.mu.Unlock()
	if release != nil {
		<-release
	}
	return nil
}

var marks = docstore.Collection{Name: "marks", Class: docstore.ImpersonalData}

func openOnSlowDisk(t *testing.T) (*slowDisk, *pebblestore.Store) {
	t.Helper()
	disk := &slowDisk{}
	s := &site{t: t, options: options(errorfs.Wrap(vfs.NewMem(), disk), "data")}
	s.open()
	if err := s.store.DeclareCollections(t.Context(), marks); err != nil {
		t.Fatal(err)
	}
	return disk, s.store
}

func putMark(t *testing.T, store *pebblestore.Store, id string, expected lrs.Instant) (lrs.Instant, error) {
	revisions, err := store.ApplyDocs(t.Context(), docstore.Group{
		Partition: "p", Writes: []docstore.Write{{Collection: marks.Name, ID: id, Expected: expected}},
	})
	if err != nil {
		return 0, err
	}
	return revisions[0], nil
}

// aWhile is how long a test gives a fault time to show. A right store doesn't depend on it.
const aWhile = 50 * time.Millisecond

func TestDocs(t *testing.T) {
	t.Run("changes are told when what took their place would survive a power cut", changesOutlive)
	t.Run("of groups that join one commit each sees what those before it wrote", groupsJoined)
}

func changesOutlive(t *testing.T) {
	disk, store := openOnSlowDisk(t)
	first, err := putMark(t, store, "a", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := putMark(t, store, "b", 0); err != nil {
		t.Fatal(err)
	}
	disk.hold()
	var work sync.WaitGroup
	work.Go(func() {
		if _, err := putMark(t, store, "a", first); err != nil {
			t.Error(err)
		}
	})
	for visible := first; visible == first; { // before it is durable
		a, err := store.GetDoc(t.Context(), docstore.Key{Collection: marks.Name, Partition: "p", ID: "a"})
		if err != nil {
			t.Fatal(err)
		}
		visible = a.Revision
	}
	told := make(chan []docstore.Change, 1)
	work.Go(func() {
		changes, err := store.ReadChanges(t.Context(), marks.Name, 0, 10)
		if err != nil {
			t.Error(err)
		}
		told <- changes
	})
	var changes []docstore.Change
	select {
	case changes = <-told:
		disk.let()
		t.Errorf("%d changes are told while a change that is visible could still be lost", len(changes))
	case <-time.After(aWhile):
		disk.let()
		changes = <-told
	}
	work.Wait()
	if len(changes) != 1 || changes[0].Doc.ID != "b" {
		t.Errorf("told is %+v, want b: a was changed beyond what was promised", changes)
	}
}

func groupsJoined(t *testing.T) {
	disk, store := openOnSlowDisk(t)
	held := disk.hold()
	const writers = 8
	answers := make(chan error, writers+1)
	var work sync.WaitGroup
	put := func(id string) {
		work.Go(func() {
			_, err := putMark(t, store, id, 0)
			answers <- err
		})
	}
	put("first")
	<-held
	for range writers {
		put("contended")
	}
	time.Sleep(aWhile) // they wait for the commit under way
	disk.let()
	work.Wait()
	close(answers)
	succeeded := 0
	for err := range answers {
		switch {
		case err == nil:
			succeeded++
		case !errors.Is(err, lrs.ErrConflict):
			t.Error(err)
		}
	}
	if succeeded != 2 {
		t.Errorf("%d of the writers that expected no document put one, besides the first", succeeded-1)
	}
}
