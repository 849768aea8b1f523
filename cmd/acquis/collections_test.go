package main

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"acquis/config"
	"acquis/docstore"
)

// declaring notes the collections that are declared at a store.
type declaring struct {
	backend
	names []string
}

func (d *declaring) DeclareCollections(ctx context.Context, some ...docstore.Collection) error {
	for _, c := range some {
		d.names = append(d.names, c.Name)
	}
	return d.backend.DeclareCollections(ctx, some...)
}

func TestCollections(t *testing.T) {
	t.Run("a copy knows every collection that the program keeps", func(t *testing.T) {
		cfg, err := config.Load("", nil)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Data = t.TempDir()
		store, err := openStore(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		d := &declaring{backend: store}
		if _, err := build(t.Context(), cfg, d, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		if len(d.names) == 0 {
			t.Fatal("nothing was declared")
		}
		for _, name := range d.names {
			if !slices.ContainsFunc(collections(), func(c docstore.Collection) bool { return c.Name == name }) {
				t.Errorf("%s would be left behind: add it to collections", name)
			}
		}
	})
}
