package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// benchRequest is one request to send, and what to count it as.
type benchRequest struct {
	row        int
	bytes      []byte
	statements int // that it carries; none: those in the answer are counted
}

// benchPlan says what is sent: worker n calls its own source, from one goroutine, until it says false.
type benchPlan struct {
	rows   []string
	source func(worker int) func() (benchRequest, bool)
	done   func(statements int) // told of each success, from any goroutine; may be nil
}

// benchWindow is when it is measured: from warm-up's end until the duration after it. Without a
// duration, from the start until the sources end.
type benchWindow struct {
	warmup, duration time.Duration
}

// benchTally is what one worker saw of one row.
type benchTally struct {
	latency    *hdrhistogram.Histogram // in microseconds, of successes
	statements int64
	errors     map[string]int64 // by status, or "network", "timeout"
}

func newBenchTally() *benchTally {
	return &benchTally{
		latency: hdrhistogram.New(1, int64(benchTimeout/time.Microsecond), 3),
		errors:  map[string]int64{},
	}
}

// add counts a success.
func (t *benchTally) add(took time.Duration, statements int) {
	micros := min(max(took.Microseconds(), 1), t.latency.HighestTrackableValue())
	_ = t.latency.RecordValue(micros) // cannot fail: the value is within the bounds
	t.statements += int64(statements)
}

func (t *benchTally) merge(other *benchTally) {
	t.latency.Merge(other.latency)
	t.statements += other.statements
	for class, n := range other.errors {
		t.errors[class] += n
	}
}

// measure runs the plan on b.Connections workers. A request counts when it is sent within the
// window, and is waited for; rates are over the time until the last of them was answered.
func (b *bencher) measure(ctx context.Context, plan benchPlan, window benchWindow) ([]benchRow, error) {
	workers := make([]*benchWorker, b.Connections)
	for n := range workers {
		workers[n] = newBenchWorker(b.target, plan, n)
	}
	start := time.Now().Add(window.warmup)
	var end time.Time
	if window.duration > 0 {
		end = start.Add(window.duration)
	}
	var working sync.WaitGroup
	for _, w := range workers {
		working.Go(func() { w.work(ctx, start, end) })
	}
	working.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return benchRows(plan.rows, workers), nil
}

type benchWorker struct {
	conn    benchConn
	next    func() (benchRequest, bool)
	done    func(statements int)
	tallies []*benchTally
	last    time.Duration // after the start: when the last counted answer came
}

func newBenchWorker(target *benchTarget, plan benchPlan, n int) *benchWorker {
	w := &benchWorker{conn: benchConn{target: target}, next: plan.source(n), done: plan.done}
	for range plan.rows {
		w.tallies = append(w.tallies, newBenchTally())
	}
	return w
}

// work sends until the window or the source ends. An LRS that takes longer for a request than the
// window lasts still has one counted.
func (w *benchWorker) work(ctx context.Context, start, end time.Time) {
	defer w.conn.close()
	counted := false
	for ctx.Err() == nil {
		request, ok := w.next()
		sent := time.Now()
		if !ok || counted && !end.IsZero() && sent.After(end) {
			return
		}
		status, body, err := w.conn.do(ctx, request.bytes)
		answered := time.Now()
		if !sent.Before(start) {
			counted = true
			w.count(request, status, body, err, answered.Sub(sent))
			w.last = answered.Sub(start)
		}
		if err != nil { // an LRS that is gone must not be dialled in a busy loop
			pause(ctx, 100*time.Millisecond)
		}
	}
}

func (w *benchWorker) count(request benchRequest, status int, body []byte, err error, took time.Duration) {
	tally := w.tallies[request.row]
	if class := benchErrorClass(status, err); class != "" {
		tally.errors[class]++
		return
	}
	statements := request.statements
	if statements == 0 {
		statements = countStatements(body)
	}
	tally.add(took, statements)
	if w.done != nil {
		w.done(statements)
	}
}

// countStatements counts without decoding: each statement that an LRS gives out has one "stored".
func countStatements(body []byte) int {
	return bytes.Count(body, []byte(`"stored"`))
}

// benchErrorClass returns "" for a success.
func benchErrorClass(status int, err error) string {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case err != nil:
		return "network"
	case status != http.StatusOK && status != http.StatusNoContent:
		return strconv.Itoa(status)
	default:
		return ""
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
