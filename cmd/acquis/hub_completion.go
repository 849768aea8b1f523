package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kong"
	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"

	"acquis/hub/completion"
)

// completionMetrics tell how folding goes.
type completionMetrics struct {
	of                                              *completion.Consolidator
	lag, leads, jobs, statements, records, failures *prometheus.Desc
}

func newCompletionMetrics(c *completion.Consolidator) *completionMetrics {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("acquis_completion_"+name, help, nil, nil)
	}
	return &completionMetrics{
		of:         c,
		lag:        desc("lag_seconds", "How long the oldest statement that is not folded yet had waited when it was read, 0 when there was none."),
		leads:      desc("leads", "1 in the process that folds, 0 in the others."),
		jobs:       desc("jobs", "Changes of the catalogue or the organisations for which records are being made anew."),
		statements: desc("statements_total", "Statements folded by this process."),
		records:    desc("records_total", "Completions written by this process."),
		failures:   desc("failures_total", "Steps of folding that failed and were done again."),
	}
}

// Describe implements prometheus.Collector.
func (m *completionMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.lag, m.leads, m.jobs, m.statements, m.records, m.failures} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m *completionMetrics) Collect(to chan<- prometheus.Metric) {
	s := m.of.Stats()
	leads := 0.0
	if s.Leads {
		leads = 1
	}
	to <- prometheus.MustNewConstMetric(m.lag, prometheus.GaugeValue, s.Lag.Seconds())
	to <- prometheus.MustNewConstMetric(m.leads, prometheus.GaugeValue, leads)
	to <- prometheus.MustNewConstMetric(m.jobs, prometheus.GaugeValue, float64(s.Jobs))
	to <- prometheus.MustNewConstMetric(m.statements, prometheus.CounterValue, float64(s.Statements))
	to <- prometheus.MustNewConstMetric(m.records, prometheus.CounterValue, float64(s.Completions))
	to <- prometheus.MustNewConstMetric(m.failures, prometheus.CounterValue, float64(s.Failures))
}

// hubRebuild folds everything again.
type hubRebuild struct {
	remote
	Replace bool `help:"Put right what differs, and do not only report it."`
	Detach  bool `help:"Do not wait for the end."`
}

// rebuildAnswer is how far it is, as the server tells it.
type rebuildAnswer struct {
	State                                       string
	Statements, Identities, People, Differences int64
	Found                                       []completion.Difference
}

// rebuildEvery is how often the state is asked for.
const rebuildEvery = time.Second

// Run asks for it and waits for its end.
func (c *hubRebuild) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	const at = "/api/completions/rebuild"
	answer, err := a.ask(ctx, "POST", at, map[string]bool{"replace": c.Replace})
	if err != nil {
		return err
	}
	for !c.Detach {
		var state rebuildAnswer
		if err := json.Unmarshal(answer.body, &state, json.MatchCaseInsensitiveNames(true)); err != nil {
			return fmt.Errorf("the answer is not what this command knows: %w", err)
		}
		if state.State == "done" {
			return c.report(app.Stdout, answer, state)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rebuildEvery):
		}
		if answer, err = a.ask(ctx, "GET", at, nil); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(app.Stdout, "Everything is being folded again, beside the live records.")
	return err
}

func (c *hubRebuild) report(out io.Writer, answer remoteReply, state rebuildAnswer) error {
	err := c.show(out, answer, &state, func(out io.Writer) error {
		fmt.Fprintf(out, "%d statements of %d identities and the records of %d people were compared: %d differences.\n", state.Statements, state.Identities, state.People, state.Differences)
		for _, d := range state.Found {
			fmt.Fprintf(out, "%s %s: identity %q person %q item %q\n", d.Fault, d.What, d.Alias, d.Person, d.Item)
		}
		return nil
	})
	if err == nil && state.Differences > 0 && !c.Replace {
		return errors.New("what is kept is not what a fold gives: run it again with --replace, and report it")
	}
	return err
}
