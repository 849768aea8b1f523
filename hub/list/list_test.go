package list_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/docstore"
	"acquis/hub/list"
	"acquis/lrs"
	"acquis/storage/pebblestore"
)

type boat struct {
	Name string `json:"name"`
	Port string `json:"port"`
}

var boats = docstore.Table[boat]{
	Collection: docstore.Collection{Name: "boats", Indexes: []string{"port"}, Class: docstore.ImpersonalData},
	Keys: func(b *boat) []docstore.IndexKey {
		return []docstore.IndexKey{{Index: "port", Key: docstore.Tuple(b.Port, b.Name)}}
	},
}

func port(names ...string) (lanes []list.Lane) {
	for _, name := range names {
		lanes = append(lanes, list.Lane{Name: name, Scan: docstore.Scan{Index: "port", Prefix: docstore.Tuple(name)}})
	}
	return lanes
}

func TestWalk(t *testing.T) {
	store, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.DeclareCollections(t.Context(), boats.Collection); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		id := fmt.Sprintf("%02d", i)
		_, err := boats.Save(t.Context(), store, docstore.Row[boat]{Key: docstore.Key{Partition: id, ID: id}, Value: boat{Name: id, Port: []string{"brest", "lorient", "sète"}[i%3]}})
		if err != nil {
			t.Fatal(err)
		}
	}
	all := func(list.Lane, *boat) bool { return true }
	names := func(rows []docstore.Row[boat]) (all []string) {
		for _, r := range rows {
			all = append(all, r.Value.Name)
		}
		return all
	}
	walk := func(t *testing.T, limit int, keep func(list.Lane, *boat) bool, lanes ...string) (found []string) {
		t.Helper()
		for q := (list.Query{Limit: limit}); ; {
			page, err := list.Walk(t.Context(), store, boats, q, port(lanes...), keep)
			if err != nil || len(page.Items) > limit {
				t.Fatal(len(page.Items), err)
			}
			found = append(found, names(page.Items)...)
			if q.After = page.Next; q.After == "" {
				return found
			}
		}
	}
	want := []string{"00", "03", "06", "09", "02", "05", "08", "11"}
	for limit := 1; limit <= 9; limit++ {
		if diff := cmp.Diff(want, walk(t, limit, all, "brest", "sète")); diff != "" {
			t.Errorf("pages of %d join otherwise (-want +got):\n%s", limit, diff)
		}
	}
	t.Run("what is not wanted is left out", func(t *testing.T) {
		if got := walk(t, 2, func(_ list.Lane, b *boat) bool { return b.Name > "05" }, "brest"); !cmp.Equal(got, []string{"06", "09"}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("a lane that goes between two pages moves no other", func(t *testing.T) {
		page, err := list.Walk(t.Context(), store, boats, list.Query{Limit: 5}, port("brest", "lorient", "sète"), all)
		if err != nil {
			t.Fatal(err)
		}
		page, err = list.Walk(t.Context(), store, boats, list.Query{Limit: 9, After: page.Next}, port("lorient", "sète"), all)
		if err != nil || !cmp.Equal(names(page.Items), []string{"04", "07", "10", "02", "05", "08", "11"}) {
			t.Errorf("got %v, %v", names(page.Items), err)
		}
	})
	t.Run("many empty lanes take several pages, and nothing is skipped", func(t *testing.T) {
		var lanes []string
		for i := range 3000 {
			lanes = append(lanes, fmt.Sprintf("a%04d", i))
		}
		if got := walk(t, 5, all, append(lanes, "brest")...); !cmp.Equal(got, want[:4]) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("a position that is none is refused", func(t *testing.T) {
		_, err := list.Walk(t.Context(), store, boats, list.Query{Limit: 1, After: "x"}, port("brest"), all)
		if lrs.KindOf(err) != lrs.KindInvalid {
			t.Errorf("got %v", err)
		}
	})
}

func TestWriter(t *testing.T) {
	columns := []list.Column[boat]{{Name: "name", Of: func(b *boat) string { return b.Name }}, {Name: "port", Of: func(b *boat) string { return b.Port }}}
	items := []boat{{"=1+1", "a;b"}, {"-5", "Sète, \"quai\""}, {"", "x"}}
	for profile, want := range map[list.Profile]string{
		list.Machine: "name,port\r\n=1+1,a;b\r\n-5,\"Sète, \"\"quai\"\"\"\r\n,x\r\n",
		list.Excel:   "\uFEFFname;port\r\n'=1+1;\"a;b\"\r\n'-5;\"Sète, \"\"quai\"\"\"\r\n;x\r\n",
	} {
		t.Run(string(profile), func(t *testing.T) {
			var b strings.Builder
			w, err := list.NewWriter(&b, profile, columns)
			if err == nil {
				err = w.Write(items...)
			}
			if diff := cmp.Diff(want, b.String()); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}
