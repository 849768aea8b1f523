package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"

	"acquis/internal/campus"
	"acquis/lrs"
	"acquis/storage/mongostore"
	"acquis/storage/pebblestore"
)

// benchRaw measures what the engine alone would reach with what serve writes for the same
// statements.
type benchRaw struct {
	benchTime
	Store       string `placeholder:"URI" help:"A MongoDB (mongodb://...) to measure instead: the driver alone inserts the documents that serve would, in a collection that is dropped in the end."`
	Data        string `placeholder:"DIR" help:"Where the engine's throw-away directory is made; on the disk that serve uses (the temporary directory)."`
	Connections int    `default:"${connections}" help:"Writers, each with one batch at a time (${default})."`
	Batch       int    `default:"50" help:"Statements in one synced batch (${default})."`
	Size        int    `default:"1200" help:"Bytes of a statement (${default})."`
	Seed        uint64 `default:"1" help:"Seed of the people, activities and verbs (${default})."`
	JSON        bool   `name:"json" help:"Print JSON instead of a table."`
}

// Validate is called by kong.
func (m *benchRaw) Validate() error {
	flags := benchFlags{Connections: m.Connections}
	return errors.Join(flags.checkFlags(), m.checkTime(), checkBatch(m.Batch))
}

// rawEngine is what lies below a store.
type rawEngine interface {
	Append(drafts []*lrs.Draft) error
	Close() error
}

// Run measures synced batches.
func (m *benchRaw) Run(ctx context.Context, app *kong.Context) (err error) {
	batches, err := m.prepare()
	if err != nil {
		return err
	}
	raw, where, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, raw.Close()) }()
	workers, err := m.measure(ctx, raw, batches)
	if err != nil {
		return err
	}
	b := &bencher{
		benchFlags: benchFlags{Endpoint: where, XAPIVersion: string(lrs.V103), Connections: m.Connections, Size: m.Size, Seed: m.Seed, JSON: m.JSON},
		out:        app.Stdout,
	}
	return b.report("raw", benchRows([]string{fmt.Sprintf("batch of %d", m.Batch)}, workers))
}

// open opens the embedded engine in a throw-away directory, or the database.
func (m *benchRaw) open(ctx context.Context) (raw rawEngine, where string, err error) {
	if m.Store != "" {
		raw, err := mongostore.OpenRaw(ctx, mongostore.Options{URI: m.Store, Logger: slog.New(slog.DiscardHandler)})
		return raw, "the MongoDB driver alone", err
	}
	dir, err := os.MkdirTemp(m.Data, "acquis-raw-")
	if err != nil {
		return nil, "", err
	}
	engine, err := pebblestore.OpenRaw(pebblestore.Options{Dir: dir})
	if err != nil {
		return nil, "", errors.Join(err, os.RemoveAll(dir))
	}
	return throwAway{engine, dir}, "the engine in " + dir, nil
}

// throwAway removes the engine's directory with it.
type throwAway struct {
	rawEngine
	dir string
}

func (t throwAway) Close() error { return errors.Join(t.rawEngine.Close(), os.RemoveAll(t.dir)) }

// prepare makes each writer's batches.
func (m *benchRaw) prepare() ([][][]*lrs.Draft, error) {
	authority, err := lrs.NewAuthority([]byte(`{"objectType":"Agent","account":{"homePage":"urn:acquis:credential","name":"bench"}}`))
	if err != nil {
		return nil, err
	}
	world := campus.New(m.Seed)
	batches := make([][][]*lrs.Draft, m.Connections)
	for i := range max(benchPrepared/m.Batch, m.Connections) {
		var batch []*lrs.Draft
		for n := range m.Batch {
			statement, err := lrs.DecodeStatement(world.Bench(i*m.Batch+n, m.Size), lrs.V103, lrs.Limits{})
			if err != nil {
				return nil, err
			}
			batch = append(batch, lrs.Accept(statement, lrs.Assignment{
				ID: uuid.New(), Version: lrs.V103, Source: "bench", Authority: authority, Define: true,
			}))
		}
		writer := i % m.Connections
		batches[writer] = append(batches[writer], batch)
	}
	return batches, nil
}

func (m *benchRaw) measure(ctx context.Context, raw rawEngine, batches [][][]*lrs.Draft) ([]*benchWorker, error) {
	start := time.Now().Add(m.Warmup)
	end := start.Add(m.Duration)
	workers := make([]*benchWorker, m.Connections)
	failed := make([]error, m.Connections)
	var working sync.WaitGroup
	for n := range workers {
		workers[n] = &benchWorker{tallies: []*benchTally{newBenchTally()}}
		working.Go(func() {
			for i := 0; failed[n] == nil && ctx.Err() == nil && time.Now().Before(end); i++ {
				batch := batches[n][i%len(batches[n])]
				began := time.Now()
				failed[n] = raw.Append(batch)
				if took := time.Since(began); !began.Before(start) {
					workers[n].tallies[0].add(took, len(batch))
					workers[n].last = time.Since(start)
				}
			}
		})
	}
	working.Wait()
	return workers, errors.Join(append(failed, ctx.Err())...)
}
