package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/alecthomas/kong"

	"acquis/internal/campus"
)

// BenchCmd measures an LRS from the outside: Acquis or any other that takes Basic authentication.
// What it sends is prepared beforehand from the campus of the seed, under ids that are new in each run.
type BenchCmd struct {
	Batch  benchBatch  `cmd:"" set:"connections=4" help:"POST arrays of statements."`
	Single benchSingle `cmd:"" set:"connections=32" help:"POST statements one by one."`
	Get    benchGet    `cmd:"" set:"connections=8" help:"GET statements by their id."`
	Query  benchQuery  `cmd:"" set:"connections=8" help:"GET pages of statements by each filter in turn."`
	Mixed  benchMixed  `cmd:"" set:"connections=16" help:"POST, GET and query at once."`
	Raw    benchRaw    `cmd:"" set:"connections=4" help:"The ceiling: the embedded engine alone with the same keys, values and sync, in this process."`
	Load   benchLoad   `cmd:"" set:"connections=4" help:"Insert a number of statements, as fast as they are taken."`
}

// benchFlags are the flags of every mode.
type benchFlags struct {
	Endpoint    string `default:"http://127.0.0.1:8080/xapi" placeholder:"URL" help:"xAPI endpoint, without /statements (${default})."`
	Key         string `env:"ACQUIS_ROOT_KEY" help:"Basic authentication: user name."`
	Secret      string `env:"ACQUIS_ROOT_SECRET" help:"Basic authentication: password."`
	XAPIVersion string `name:"xapi-version" default:"1.0.3" enum:"1.0.3,2.0.0" help:"Version to announce: ${enum} (${default})."`
	Connections int    `default:"${connections}" help:"Connections, each with one request at a time (${default})."`
	Size        int    `default:"1200" help:"Bytes of a statement (${default}; the least is some 900)."`
	Seed        uint64 `default:"1" help:"Seed of the people, activities and verbs (${default})."`
	JSON        bool   `name:"json" help:"Print JSON instead of a table."`
}

// benchTime are the flags of the modes that run for a time.
type benchTime struct {
	Duration time.Duration `default:"10s" help:"How long each row of the table is measured (${default})."`
	Warmup   time.Duration `default:"1s" help:"How long it runs before that, unmeasured (${default})."`
}

func (f *benchFlags) checkFlags() error {
	if f.Connections < 1 {
		return fmt.Errorf("--connections is %d: at least one is needed", f.Connections)
	}
	return nil
}

func (t *benchTime) checkTime() error {
	if t.Duration <= 0 || t.Warmup < 0 {
		return fmt.Errorf("--duration %s --warmup %s: the first must be above zero, the second not below", t.Duration, t.Warmup)
	}
	return nil
}

// bencher is what the modes share once the flags are read.
type bencher struct {
	benchFlags
	target *benchTarget
	campus *campus.Campus
	run    uint64    // sets the ids of this run apart
	notes  io.Writer // progress and remarks, for people
	out    io.Writer // the report
}

// start checks that the LRS answers and takes the credential, before anything is measured.
func (f benchFlags) start(ctx context.Context, app *kong.Context) (*bencher, error) {
	target, err := newBenchTarget(f.Endpoint, f.Key, f.Secret, f.XAPIVersion)
	if err != nil {
		return nil, err
	}
	if err := target.check(ctx); err != nil {
		return nil, err
	}
	run := rand.Uint64()
	return &bencher{
		benchFlags: f,
		target:     target,
		campus:     campus.New(f.Seed, campus.WithRun(run), campus.WithStart(time.Now())),
		run:        run,
		notes:      app.Stderr,
		out:        app.Stdout,
	}, nil
}

// report prints rows; errors of the LRS are part of them, and make the command fail when nothing succeeded.
func (b *bencher) report(mode string, rows []benchRow) error {
	r := benchReport{
		Mode: mode, Endpoint: b.Endpoint, XAPIVersion: b.XAPIVersion,
		Connections: b.Connections, Size: b.Size, Seed: b.Seed, Rows: rows,
	}
	if err := r.print(b.out, b.JSON); err != nil {
		return fmt.Errorf("printing the report: %w", err)
	}
	for _, row := range rows {
		if row.Requests > 0 {
			return nil
		}
	}
	return fmt.Errorf("no request succeeded: see the column errors")
}
