package mongostore

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"acquis/lrs"
)

// metrics counts what the store does. Collector exports it.
type metrics struct {
	statements prometheus.Counter
	commits    prometheus.Histogram
	group      prometheus.Histogram
	queries    prometheus.Histogram
	steps      prometheus.Histogram
	rejoined   prometheus.Counter
}

func newMetrics() *metrics {
	return &metrics{
		statements: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "acquis_statements_stored_total", Help: "Statements stored since the start.",
		}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "acquis_store_commit_seconds", Help: "Time of one round of statements, from the first insert to the last link.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}),
		group: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "acquis_store_commit_statements", Help: "Statements joined in one commit.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 14),
		}),
		queries: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "acquis_store_query_seconds", Help: "Time of one page of statements.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
		steps: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "acquis_store_query_steps", Help: "Index steps that one page of statements took.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 12),
		}),
		rejoined: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "acquis_store_writer_rejoined_total", Help: "How often this process had to begin a new epoch: it or the database was held up.",
		}),
	}
}

func (m *metrics) observeQuery(steps int, took time.Duration) {
	m.queries.Observe(took.Seconds())
	m.steps.Observe(float64(steps))
}

func (m *metrics) observeCommit(statements int, took time.Duration) {
	m.statements.Add(float64(statements))
	m.commits.Observe(took.Seconds())
	m.group.Observe(float64(statements))
}

// Collector exports the store's metrics.
func (s *Store) Collector() prometheus.Collector { return collector{s} }

type collector struct{ store *Store }

var (
	writersLive = prometheus.NewDesc("acquis_store_writers", "Writers that live on this database, as this one sees it.", nil, nil)
	throughLag  = prometheus.NewDesc("acquis_store_consistent_lag_seconds", "How far consistent-through is behind the present: a writer that hangs holds it back.", nil, nil)
)

func (c collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

func (c collector) Collect(ch chan<- prometheus.Metric) {
	m := c.store.metrics
	for _, metric := range []prometheus.Collector{m.statements, m.commits, m.group, m.queries, m.steps, m.rejoined} {
		metric.Collect(ch)
	}
	v := c.store.order.views.latest()
	behind := lrs.InstantOf(c.store.now()).Time().Sub(v.through.Time())
	ch <- prometheus.MustNewConstMetric(writersLive, prometheus.GaugeValue, float64(len(v.marks)-len(v.ended)))
	ch <- prometheus.MustNewConstMetric(throughLag, prometheus.GaugeValue, max(0, behind.Seconds()))
}
