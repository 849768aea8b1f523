package docstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/docstore"
	"acquis/lrs"
	"acquis/storage/pebblestore"
)

type visit struct {
	Room   string         `json:"room"`
	Guests map[string]int `json:"guests,omitempty"`
}

var visits = docstore.Table[visit]{
	Collection: docstore.Collection{Name: "visits", Indexes: []string{"room"}, Class: docstore.ImpersonalData},
	Keys:       func(v *visit) []docstore.IndexKey { return []docstore.IndexKey{{Index: "room", Key: v.Room}} },
}

func openVisits(t *testing.T) docstore.Store {
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
	if err := store.DeclareCollections(t.Context(), visits.Collection); err != nil {
		t.Fatal(err)
	}
	return store
}

func visitRow(id, room string) docstore.Row[visit] {
	return docstore.Row[visit]{Key: docstore.Key{Collection: visits.Name, Partition: "p", ID: id}, Value: visit{Room: room}}
}

func TestTable(t *testing.T) {
	t.Run("a row is read as it was saved, with its revision", func(t *testing.T) {
		store, row := openVisits(t), visitRow("1", "a")
		row.Value.Guests = map[string]int{"x": 1, "y": 2, "z": 3}
		revision, err := visits.Save(t.Context(), store, row)
		if err != nil {
			t.Fatal(err)
		}
		row.Revision = revision
		got, err := visits.Get(t.Context(), store, "p", "1")
		if diff := cmp.Diff(row, got); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
	})
	t.Run("what is not there is found as a row of revision 0", func(t *testing.T) {
		store := openVisits(t)
		if _, err := visits.Get(t.Context(), store, "p", "1"); !errors.Is(err, lrs.ErrNotFound) {
			t.Fatalf("get answers %v", err)
		}
		got, err := visits.Find(t.Context(), store, "p", "1")
		if err != nil || got.Revision != 0 || got.ID != "1" {
			t.Fatalf("find answers %+v, %v", got, err)
		}
	})
	t.Run("what cannot be a name names nothing", func(t *testing.T) {
		store := openVisits(t)
		for _, name := range []string{"", "\x00", "\xff", strings.Repeat("a", docstore.MaxKey+1)} {
			if _, err := visits.Get(t.Context(), store, "p", name); !errors.Is(err, lrs.ErrNotFound) {
				t.Errorf("the id %.10q: %v", name, err)
			}
			if _, err := visits.Get(t.Context(), store, name, "1"); !errors.Is(err, lrs.ErrNotFound) {
				t.Errorf("the partition %.10q: %v", name, err)
			}
		}
	})
	t.Run("rows walk every page in the order of the index", func(t *testing.T) {
		store := openVisits(t)
		for i, room := range []string{"c", "a", "e", "b", "d"} {
			if _, err := visits.Save(t.Context(), store, visitRow(string(rune('1'+i)), room)); err != nil {
				t.Fatal(err)
			}
		}
		rooms := ""
		for row, err := range visits.Rows(t.Context(), store, docstore.Scan{Index: "room", Limit: 2}) {
			if err != nil {
				t.Fatal(err)
			}
			rooms += row.Value.Room
		}
		if rooms != "abcde" {
			t.Fatalf("the rooms come as %s", rooms)
		}
	})
	t.Run("changes tell what is new and what is gone", func(t *testing.T) {
		store := openVisits(t)
		revision, err := visits.Save(t.Context(), store, visitRow("1", "a"))
		if err != nil {
			t.Fatal(err)
		}
		row := visitRow("1", "a")
		row.Revision = revision
		if _, err := store.ApplyDocs(t.Context(), docstore.Group{Partition: "p", Writes: []docstore.Write{visits.Drop(row)}}); err != nil {
			t.Fatal(err)
		}
		changes, err := visits.Changes(t.Context(), store, 0, 10)
		if err != nil || len(changes) != 1 || !changes[0].Deleted || changes[0].Row.ID != "1" || changes[0].Row.Revision <= revision {
			t.Fatalf("changes are %+v, %v", changes, err)
		}
	})
	t.Run("equal values have equal bytes", func(t *testing.T) {
		row := visitRow("1", "a")
		row.Value.Guests = map[string]int{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}
		first, err := visits.Put(row)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			again, err := visits.Put(row)
			if err != nil || string(again.Bytes) != string(first.Bytes) {
				t.Fatalf("%s is not %s (%v)", again.Bytes, first.Bytes, err)
			}
		}
	})
}

func TestRetry(t *testing.T) {
	t.Run("what others changed meanwhile is done again", func(t *testing.T) {
		times := 0
		err := docstore.Retry(func() error {
			if times++; times < 3 {
				return &docstore.Conflict{}
			}
			return nil
		})
		if err != nil || times != 3 {
			t.Fatalf("done %d times, %v", times, err)
		}
	})
	t.Run("another error ends it", func(t *testing.T) {
		times, broken := 0, errors.New("broken")
		err := docstore.Retry(func() error { times++; return broken })
		if !errors.Is(err, broken) || times != 1 {
			t.Fatalf("done %d times, %v", times, err)
		}
	})
}
