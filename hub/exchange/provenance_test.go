package exchange_test

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"acquis/hub/exchange"
	"acquis/lrs"
	"acquis/storage/pebblestore"
)

// openStore returns an empty store that knows the package's collections.
func openStore(t *testing.T) *pebblestore.Store {
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
	if err := store.DeclareCollections(t.Context(), exchange.Collections()...); err != nil {
		t.Fatal(err)
	}
	return store
}

func TestProvenance(t *testing.T) {
	store := openStore(t)
	p, ctx := exchange.NewProvenance(store, store), t.Context()
	auditor := lrs.Principal{Roles: lrs.RoleAuditor}
	of := func(id lrs.ID) []exchange.Trace {
		t.Helper()
		traces, err := p.Of(ctx, auditor, id)
		if err != nil {
			t.Fatal(err)
		}
		return traces
	}
	note := func(source string, moved ...lrs.Moved) {
		t.Helper()
		if err := p.Note(ctx, source, "old.example", moved); err != nil {
			t.Fatal(err)
		}
	}
	authority := `{"mbox":"mailto:lrs@old.example"}`
	moved := make([]lrs.Moved, 450)
	for i := range moved {
		moved[i] = lrs.Moved{ID: uuid.New(), Stored: 1, Origin: lrs.Origin{Stored: "2020-01-01T00:00:00Z", Authority: lrs.RawJSON(authority)}}
	}
	moved[7].Refusal = lrs.Errorf(lrs.KindInvalid, "no")
	note("old", moved...)
	t.Run("what the other store had assigned is told", func(t *testing.T) {
		want := []exchange.Trace{{Statement: moved[449].ID, Source: "old", Origin: "old.example", Stored: "2020-01-01T00:00:00Z", Authority: []byte(authority)}}
		if diff := cmp.Diff(want, of(moved[449].ID)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("nothing is told of what was refused or was never moved", func(t *testing.T) {
		if len(of(moved[7].ID))+len(of(uuid.New())) != 0 {
			t.Error("something is")
		}
	})
	t.Run("telling it again changes nothing, also by half", func(t *testing.T) {
		note("old", moved...)
		for i := range moved {
			moved[i].Stored = 0
		}
		note("old", moved[100:300]...)
		if len(of(moved[150].ID)) != 1 {
			t.Errorf("%v", of(moved[150].ID))
		}
	})
	t.Run("a repeat is written down when it came as this source and the telling was lost", func(t *testing.T) {
		service, err := lrs.NewService(ctx, store, lrs.ServiceOptions{PageDefault: 1, PageMax: 1, Steps: 1000})
		if err != nil {
			t.Fatal(err)
		}
		a, err := lrs.NewAuthority([]byte(`{"mbox":"mailto:here@example.org"}`))
		if err != nil {
			t.Fatal(err)
		}
		who := lrs.Principal{Source: "old", Authority: a, Scopes: lrs.ScopeStatementsWrite}
		request := lrs.MoveRequest{Version: lrs.V103, Statements: [][]byte{[]byte(`{"id":"7f0f1c1e-2f7f-4f0a-9a38-2d0a2f6c0001","stored":"2019-01-01T00:00:00Z","actor":{"mbox":"mailto:a@example.org"},"verb":{"id":"https://v.example/did"},"object":{"id":"https://a.example/1"}}`)}}
		if _, err := service.MoveStatements(ctx, who, request); err != nil {
			t.Fatal(err)
		}
		repeat, err := service.MoveStatements(ctx, who, request)
		if err != nil || repeat[0].Stored != 0 {
			t.Fatal(err, repeat)
		}
		note("another", repeat...)
		note("old", repeat...)
		if traces := of(repeat[0].ID); len(traces) != 1 || traces[0].Source != "old" || traces[0].Stored != "2019-01-01T00:00:00Z" {
			t.Errorf("%+v", traces)
		}
	})
	t.Run("what is forgotten is gone, the rest stays", func(t *testing.T) {
		if err := p.Forget(ctx, moved[3].ID); err != nil {
			t.Fatal(err)
		}
		if len(of(moved[3].ID)) != 0 || len(of(moved[4].ID)) != 1 {
			t.Error("the wrong one was forgotten")
		}
	})
	t.Run("it is not for everybody", func(t *testing.T) {
		if _, err := p.Of(ctx, lrs.Principal{Scopes: lrs.ScopeAll}, moved[0].ID); lrs.KindOf(err) != lrs.KindForbidden {
			t.Error(err)
		}
	})
}
