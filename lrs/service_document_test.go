package lrs_test

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/lrs"
	"acquis/storage/pebblestore"
)

// openService returns a service over an empty store.
func openService(t *testing.T) *lrs.Service {
	t.Helper()
	return openServiceWith(t, lrs.ServiceOptions{PageDefault: 10, PageMax: 100, Steps: 10000})
}

func openServiceWith(t *testing.T, o lrs.ServiceOptions) *lrs.Service {
	t.Helper()
	store, err := pebblestore.Open(pebblestore.Options{
		Dir: t.TempDir(), CacheBytes: 1 << 20, MemtableSize: 1 << 20, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	service, err := lrs.NewService(t.Context(), store, o)
	if err != nil {
		t.Fatal(err)
	}
	return service
}

func activityProfile(id string) lrs.DocumentKey {
	return lrs.DocumentKey{DocumentScope: lrs.DocumentScope{Kind: lrs.ActivityProfileDocument, Activity: "https://courses.example/1"}, ID: id}
}

func TestServiceDocument(t *testing.T) {
	service, ctx := openService(t), t.Context()
	all := lrs.Principal{Scopes: lrs.ScopeAll}
	absent, present := false, true
	fresh := func(w lrs.DocumentWrite) lrs.DocumentWrite {
		w.Precondition = lrs.Precondition{Exists: &absent}
		return w
	}
	for name, id := range map[string]string{"without an id": "", "with an id that is not UTF-8": "\xff"} {
		t.Run("a document "+name+" is refused", func(t *testing.T) {
			if err := service.PutDocument(ctx, all, fresh(lrs.DocumentWrite{Key: activityProfile(id), Version: lrs.V103})); !errors.Is(err, lrs.ErrInvalid) {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("each refusal has its kind", func(t *testing.T) {
		key := activityProfile("kinds")
		put := func(p lrs.Precondition, v lrs.Version) lrs.Kind {
			return lrs.KindOf(service.PutDocument(ctx, all, lrs.DocumentWrite{Key: key, Version: v, Content: []byte("{}"), ContentType: "application/json", Precondition: p}))
		}
		got := []lrs.Kind{
			put(lrs.Precondition{}, lrs.V103),
			put(lrs.Precondition{Exists: &present}, lrs.V103),
			put(lrs.Precondition{}, lrs.V200),
			put(lrs.Precondition{}, lrs.V200),
			put(lrs.Precondition{Exists: &absent}, lrs.V200),
			put(lrs.Precondition{ETags: []string{lrs.ContentETag([]byte("{}"))}}, lrs.V200),
			put(lrs.Precondition{ETags: []string{"x"}}, lrs.V200),
			lrs.KindOf(service.MergeDocument(ctx, all, lrs.DocumentWrite{Key: key, ContentType: "application/json", Content: []byte(`{"a":1}`), MaxBytes: 6})),
		}
		want := []lrs.Kind{lrs.KindInvalid, lrs.KindPrecondition, 0, lrs.KindConflict, lrs.KindPrecondition, 0, lrs.KindPrecondition, lrs.KindTooLarge}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a merge that changes nothing keeps the bytes", func(t *testing.T) {
		const content = "{ \"a\" : 1.0 }"
		w := lrs.DocumentWrite{Key: activityProfile("same"), ContentType: "application/json", Content: []byte(content)}
		if err := service.MergeDocument(ctx, all, w); err != nil {
			t.Fatal(err)
		}
		w.Content = []byte(`{"a":1}`)
		if err := service.MergeDocument(ctx, all, w); err != nil {
			t.Fatal(err)
		}
		if d, err := service.Document(ctx, all, w.Key); err != nil || string(d.Content) != content {
			t.Errorf("%q %v", d.Content, err)
		}
	})
}
