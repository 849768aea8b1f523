package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"
)

// benchPrepared is how many statements are made before the clock starts. They are sent in turns,
// each time under new ids, so that memory does not grow with the time measured.
const benchPrepared = 20_000

// idOffset is where the digits of the id start in a statement that campus.Bench made.
const idOffset = len(`{"id":"`)

type benchBatch struct {
	benchFlags
	benchTime
	Batch int `default:"50" help:"Statements in one POST (${default})."`
}

// Run measures POST of arrays.
func (m *benchBatch) Run(ctx context.Context, app *kong.Context) error {
	return m.post(ctx, app, m.benchTime, "batch", fmt.Sprintf("POST of %d", m.Batch), m.Batch)
}

// Validate is called by kong.
func (m *benchBatch) Validate() error {
	return errors.Join(m.checkFlags(), m.checkTime(), checkBatch(m.Batch))
}

type benchSingle struct {
	benchFlags
	benchTime
}

// Run measures POST of one statement.
func (m *benchSingle) Run(ctx context.Context, app *kong.Context) error {
	return m.post(ctx, app, m.benchTime, "single", "POST of one", 1)
}

// Validate is called by kong.
func (m *benchSingle) Validate() error {
	return errors.Join(m.checkFlags(), m.checkTime())
}

func checkBatch(n int) error {
	if n < 1 {
		return fmt.Errorf("--batch is %d: at least one statement is needed", n)
	}
	return nil
}

func (f benchFlags) post(ctx context.Context, app *kong.Context, t benchTime, mode, row string, batch int) error {
	b, err := f.start(ctx, app)
	if err != nil {
		return err
	}
	posts := b.preparePosts(benchPrepared, batch)
	plan := benchPlan{rows: []string{row}, source: func(worker int) func() (benchRequest, bool) {
		own := posts.of(worker, b.Connections, b.run)
		return func() (benchRequest, bool) { return own.next(0), true }
	}}
	bar := b.timeBar(row, t)
	defer bar.close()
	rows, err := b.measure(ctx, plan, benchWindow{t.Warmup, t.Duration})
	if err != nil {
		return err
	}
	bar.close()
	return b.report(mode, rows)
}

// benchPosts are POST requests made to bytes, with the places of the statement ids in them.
type benchPosts struct {
	batch    int
	requests [][]byte
	ids      [][]int
}

// preparePosts makes requests of batch statements each, at least one for each connection.
func (b *bencher) preparePosts(statements, batch int) *benchPosts {
	p := &benchPosts{batch: batch}
	for i := range max(statements/batch, b.Connections) {
		body, offsets := b.appendBatch(nil, nil, i*batch, batch)
		request := b.target.appendPost(nil, body)
		for n := range offsets {
			offsets[n] += len(request) - len(body)
		}
		p.requests, p.ids = append(p.requests, request), append(p.ids, offsets)
	}
	return p
}

// appendBatch appends statements first to first+n-1, as an array unless n is 1, and where their ids are.
func (b *bencher) appendBatch(body []byte, offsets []int, first, n int) (batch []byte, ids []int) {
	if n == 1 {
		return b.campus.AppendBench(body, first, b.Size), append(offsets, len(body)+idOffset)
	}
	separator := byte('[')
	for i := range n {
		body, separator = append(body, separator), ','
		offsets = append(offsets, len(body)+idOffset)
		body = b.campus.AppendBench(body, first+i, b.Size)
	}
	return append(body, ']'), offsets
}

// benchOwnPosts are the requests that one worker alone sends and stamps.
type benchOwnPosts struct {
	all      *benchPosts
	at, step int
	entropy  io.Reader
}

// of hands worker n of workers every so manieth request; run makes its ids differ from all others'.
func (p *benchPosts) of(worker, workers int, run uint64) *benchOwnPosts {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], run)
	binary.LittleEndian.PutUint64(seed[8:], uint64(worker))
	return &benchOwnPosts{all: p, at: worker, step: workers, entropy: rand.NewChaCha8(seed)}
}

// next returns the next request under new ids.
func (o *benchOwnPosts) next(row int) benchRequest {
	request, ids := o.all.requests[o.at], o.all.ids[o.at]
	for _, at := range ids {
		copy(request[at:], uuid.Must(uuid.NewRandomFromReader(o.entropy)).String())
	}
	if o.at += o.step; o.at >= len(o.all.requests) {
		o.at %= o.step
	}
	return benchRequest{row: row, bytes: request, statements: o.all.batch}
}

type benchLoad struct {
	benchFlags
	Count int `default:"10000" help:"Statements to insert (${default})."`
	Batch int `default:"50" help:"Statements in one POST (${default})."`
}

// Validate is called by kong.
func (m *benchLoad) Validate() error {
	return errors.Join(m.checkFlags(), checkBatch(m.Batch))
}

// Run inserts; the statements are made while it goes, so that any number of them fits in memory.
func (m *benchLoad) Run(ctx context.Context, app *kong.Context) error {
	b, err := m.start(ctx, app)
	if err != nil {
		return err
	}
	rows, err := b.load(ctx, m.Count, m.Batch)
	if err != nil {
		return err
	}
	return b.report("load", rows)
}

func (b *bencher) load(ctx context.Context, count, batch int) ([]benchRow, error) {
	bar := b.countBar("statements", count)
	defer bar.close()
	var sent atomic.Int64
	plan := benchPlan{
		rows: []string{fmt.Sprintf("POST of %d", batch)},
		done: bar.add,
		source: func(int) func() (benchRequest, bool) {
			var body, request []byte
			return func() (benchRequest, bool) {
				first := int(sent.Add(int64(batch))) - batch
				n := min(batch, count-first)
				if n <= 0 {
					return benchRequest{}, false
				}
				body, _ = b.appendBatch(body[:0], nil, first, n)
				request = b.target.appendPost(request[:0], body)
				return benchRequest{bytes: request, statements: n}, true
			}
		},
	}
	return b.measure(ctx, plan, benchWindow{})
}
