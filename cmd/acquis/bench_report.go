package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// benchReport is what a run measured; its JSON names are kept from version to version.
type benchReport struct {
	Mode        string     `json:"mode"`
	Endpoint    string     `json:"endpoint"`
	XAPIVersion string     `json:"xapiVersion"`
	Connections int        `json:"connections"`
	Size        int        `json:"statementBytes"`
	Seed        uint64     `json:"seed"`
	Rows        []benchRow `json:"rows"`
}

// benchRow is one kind of request. Latencies are in milliseconds and of successes only.
type benchRow struct {
	Name                string           `json:"name"`
	Seconds             float64          `json:"seconds"`
	Requests            int64            `json:"requests"`
	RequestsPerSecond   float64          `json:"requestsPerSecond"`
	Statements          int64            `json:"statements"`
	StatementsPerSecond float64          `json:"statementsPerSecond"`
	P50                 float64          `json:"p50ms"`
	P95                 float64          `json:"p95ms"`
	P99                 float64          `json:"p99ms"`
	Max                 float64          `json:"maxMs"`
	Errors              map[string]int64 `json:"errors"` // by status, "network" or "timeout"
}

// benchRows sums up what the workers saw of each row.
func benchRows(names []string, workers []*benchWorker) []benchRow {
	var took time.Duration
	for _, w := range workers {
		took = max(took, w.last)
	}
	rows := make([]benchRow, len(names))
	for n, name := range names {
		all := newBenchTally()
		for _, w := range workers {
			all.merge(w.tallies[n])
		}
		rows[n] = newBenchRow(name, all, took)
	}
	return rows
}

func newBenchRow(name string, t *benchTally, took time.Duration) benchRow {
	millis := func(micros int64) float64 { return float64(micros) / 1000 }
	row := benchRow{
		Name:       name,
		Seconds:    took.Seconds(),
		Requests:   t.latency.TotalCount(),
		Statements: t.statements,
		P50:        millis(t.latency.ValueAtQuantile(50)),
		P95:        millis(t.latency.ValueAtQuantile(95)),
		P99:        millis(t.latency.ValueAtQuantile(99)),
		Max:        millis(t.latency.Max()),
		Errors:     t.errors,
	}
	if took > 0 {
		row.RequestsPerSecond = float64(row.Requests) / row.Seconds
		row.StatementsPerSecond = float64(row.Statements) / row.Seconds
	}
	return row
}

func (r benchReport) print(out io.Writer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	fmt.Fprintf(out, "%s of %s: xAPI %s, %d connections, statements of %d bytes\n\n",
		r.Mode, r.Endpoint, r.XAPIVersion, r.Connections, r.Size)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\trequests/s\tstatements/s\tp50 ms\tp95 ms\tp99 ms\tmax ms\trequests\terrors\t")
	for _, row := range r.Rows {
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t%s\t\n", row.Name, row.RequestsPerSecond,
			row.StatementsPerSecond, row.P50, row.P95, row.P99, row.Max, row.Requests, row.errors())
	}
	return table.Flush()
}

// errors lists them as "409 x 12, network x 1", or "none".
func (r benchRow) errors() string {
	if len(r.Errors) == 0 {
		return "none"
	}
	var list []string
	for _, class := range slices.Sorted(maps.Keys(r.Errors)) {
		list = append(list, fmt.Sprintf("%s x %d", class, r.Errors[class]))
	}
	return strings.Join(list, ", ")
}
