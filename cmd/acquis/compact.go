package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/alecthomas/kong"
)

// CompactCmd rewrites the embedded store of a stopped acquis.
type CompactCmd struct {
	Config string `type:"path" placeholder:"FILE" help:"Configuration file (YAML)."`
	Data   string `placeholder:"DIR" help:"Data directory, instead of the configuration's."`
}

// Run compacts and says what that gained.
func (c *CompactCmd) Run(ctx context.Context, app *kong.Context) (err error) {
	cfg, err := (&ServeCmd{Config: c.Config, Data: c.Data}).load()
	if err != nil {
		return fmt.Errorf("the configuration has faults:\n%w", err)
	}
	if cfg.Store.URI != "" {
		return errors.New("the configuration names a MongoDB (store.uri), which looks after its own files: there is no data directory to compact")
	}
	store, err := openEmbedded(cfg, newLogger(cfg.Log, app.Stderr))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	before := store.DiskBytes()
	bar := newBar(app.Stderr, "compacting", -1)
	if err := store.Compact(ctx); err != nil {
		return err
	}
	_ = bar.Finish() // a bar that cannot be drawn is not worth failing for
	_, err = fmt.Fprintf(app.Stdout, "%d MiB before, %d MiB now.\n", before>>20, store.DiskBytes()>>20)
	return err
}
