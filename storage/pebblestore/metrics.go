package pebblestore

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the store does. Collector exports it.
type metrics struct {
	statements prometheus.Counter
	commits    prometheus.Histogram
	group      prometheus.Histogram
	queries    prometheus.Histogram
	steps      prometheus.Histogram
}

func newMetrics() *metrics {
	return &metrics{
		statements: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "acquis_statements_stored_total", Help: "Statements stored since the start.",
		}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "acquis_store_commit_seconds", Help: "Time of one synced commit, from its first request on.",
			Buckets: prometheus.ExponentialBuckets(0.0002, 2, 14),
		}),
		group: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "acquis_store_commit_statements", Help: "Statements joined in one commit.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 14),
		}),
		queries: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "acquis_store_query_seconds", Help: "Time of one page of statements.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 14),
		}),
		steps: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "acquis_store_query_steps", Help: "Index steps that one page of statements took.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 12),
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
	diskBytes = prometheus.NewDesc("acquis_store_disk_bytes", "Bytes on disk, without attachments.", nil, nil)
	walBytes  = prometheus.NewDesc("acquis_store_wal_bytes", "Bytes of the write-ahead log.", nil, nil)
	memBytes  = prometheus.NewDesc("acquis_store_memtable_bytes", "Bytes of the memtables.", nil, nil)
	cacheSize = prometheus.NewDesc("acquis_store_cache_bytes", "Bytes in the block cache.", nil, nil)
	cacheHits = prometheus.NewDesc("acquis_store_cache_hits_total", "Block cache hits.", nil, nil)
	cacheMiss = prometheus.NewDesc("acquis_store_cache_misses_total", "Block cache misses.", nil, nil)
	filterMem = prometheus.NewDesc("acquis_store_id_filter_bytes", "Bytes of the filter of statement ids; 0 when there are too many for it.", nil, nil)
	debt      = prometheus.NewDesc("acquis_store_compaction_debt_bytes", "Bytes that wait for compaction.", nil, nil)
)

func (c collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

func (c collector) Collect(ch chan<- prometheus.Metric) {
	m := c.store.metrics
	m.statements.Collect(ch)
	m.commits.Collect(ch)
	m.group.Collect(ch)
	m.queries.Collect(ch)
	m.steps.Collect(ch)
	db := c.store.db.Metrics()
	gauge := func(desc *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v)
	}
	gauge(diskBytes, float64(db.DiskSpaceUsage()))
	gauge(walBytes, float64(db.WAL.Size))
	gauge(memBytes, float64(db.MemTable.Size))
	gauge(cacheSize, float64(db.BlockCache.Size))
	gauge(filterMem, float64(c.store.ids.bytes()))
	gauge(debt, float64(db.Compact.EstimatedDebt))
	ch <- prometheus.MustNewConstMetric(cacheHits, prometheus.CounterValue, float64(db.BlockCache.Hits))
	ch <- prometheus.MustNewConstMetric(cacheMiss, prometheus.CounterValue, float64(db.BlockCache.Misses))
}
