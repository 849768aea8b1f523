package pebblestore_test

import (
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"acquis/internal/campus"
	"acquis/lrs"
	"acquis/storage/pebblestore"
)

// BenchmarkQuery takes pages of 50 out of 10,000 statements that lie in the memtable.
func BenchmarkQuery(b *testing.B) {
	store, err := pebblestore.Open(pebblestore.Options{Dir: "data", FS: vfs.NewMem(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer closeStore(b, store)
	authority, err := lrs.NewAuthority([]byte(`{"account":{"homePage":"https://lrs.example","name":"bench"}}`))
	if err != nil {
		b.Fatal(err)
	}
	world := campus.New(1)
	var drafts []*lrs.Draft
	for i := range 10_000 {
		s, err := lrs.DecodeStatement(world.Bench(i, 0), lrs.V103, lrs.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		drafts = append(drafts, lrs.Accept(s, lrs.Assignment{ID: uuid.New(), Version: lrs.V103, Source: "bench", Authority: authority}))
		if len(drafts) == 100 {
			if err := store.AppendStatements(b.Context(), drafts); err != nil {
				b.Fatal(err)
			}
			if i < 9_999 {
				drafts = nil
			}
		}
	}
	last := drafts[len(drafts)-1].Statement
	for name, terms := range map[string][]lrs.Term{
		"no filter": nil,
		"verb":      {lrs.IRITerm(lrs.TermVerb, last.Verb.ID)},
		"activity":  {lrs.IRITerm(lrs.TermRelatedActivity, last.Context.Activities.Parent[0].ID)},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				page, err := store.QueryStatements(b.Context(), lrs.StatementQuery{Terms: terms, Limit: 50, Steps: 100_000})
				if err != nil || len(page.Entries) == 0 {
					b.Fatal(len(page.Entries), err)
				}
			}
		})
	}
}
