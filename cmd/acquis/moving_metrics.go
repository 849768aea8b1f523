package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"acquis/hub/exchange"
)

// forwardMetrics tell how the forwards do that this process runs. Forwards are made by operators, so their
// number is bounded.
type forwardMetrics struct {
	forwarder                         *exchange.Forwarder
	lag, sent, refused, passed, fails *prometheus.Desc
}

func newForwardMetrics(f *exchange.Forwarder) *forwardMetrics {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("acquis_forward_"+name, help, []string{"forward"}, nil)
	}
	return &forwardMetrics{
		forwarder: f,
		lag:       desc("lag_seconds", "How long ago the statement was stored that is to be sent next, 0 when there is none."),
		sent:      desc("sent_total", "Statements sent, over the forward's whole life."),
		refused:   desc("dead_letters_total", "Statements and erasures that became dead letters, over the forward's whole life."),
		passed:    desc("passed_total", "Statements that the filter left out, over the forward's whole life."),
		fails:     desc("failing", "1 while the target takes nothing, else 0."),
	}
}

// Describe implements prometheus.Collector.
func (m *forwardMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.lag, m.sent, m.refused, m.passed, m.fails} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m *forwardMetrics) Collect(to chan<- prometheus.Metric) {
	for _, s := range m.forwarder.Status() {
		failing := 0.0
		if s.State.Failure != nil {
			failing = 1
		}
		to <- prometheus.MustNewConstMetric(m.lag, prometheus.GaugeValue, s.Lag.Seconds(), s.Name)
		to <- prometheus.MustNewConstMetric(m.sent, prometheus.CounterValue, float64(s.State.Sent), s.Name)
		to <- prometheus.MustNewConstMetric(m.refused, prometheus.CounterValue, float64(s.State.Refused), s.Name)
		to <- prometheus.MustNewConstMetric(m.passed, prometheus.CounterValue, float64(s.State.Passed), s.Name)
		to <- prometheus.MustNewConstMetric(m.fails, prometheus.GaugeValue, failing, s.Name)
	}
}

// pullMetrics tell how the pulls do that this process runs.
type pullMetrics struct {
	puller                         *exchange.Puller
	stored, refused, fails, latest *prometheus.Desc
}

func newPullMetrics(p *exchange.Puller) *pullMetrics {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("acquis_pull_"+name, help, []string{"pull"}, nil)
	}
	return &pullMetrics{
		puller:  p,
		stored:  desc("stored_total", "Statements stored by runs that ended clean, over the pull's whole life."),
		refused: desc("refused_total", "Statements that were not taken in by such runs."),
		fails:   desc("failing", "How many runs failed since the last that ended clean."),
		latest:  desc("clean_timestamp_seconds", "When a run last ended clean."),
	}
}

// Describe implements prometheus.Collector.
func (m *pullMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.stored, m.refused, m.fails, m.latest} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m *pullMetrics) Collect(to chan<- prometheus.Metric) {
	for name, s := range m.puller.Status() {
		to <- prometheus.MustNewConstMetric(m.stored, prometheus.CounterValue, float64(s.Total.Stored), name)
		to <- prometheus.MustNewConstMetric(m.refused, prometheus.CounterValue, float64(s.Total.Refused), name)
		to <- prometheus.MustNewConstMetric(m.fails, prometheus.GaugeValue, float64(s.Fails), name)
		if !s.Clean.IsZero() {
			to <- prometheus.MustNewConstMetric(m.latest, prometheus.GaugeValue, float64(s.Clean.Unix()), name)
		}
	}
}
