package connectors

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// statuses is what the metrics tell of connections.
type statuses struct {
	mu    sync.Mutex
	known map[string]*status
}

type status struct {
	success    time.Time
	overdue    bool
	stopped    bool
	runs       map[Outcome]int
	statements int
	seconds    float64
}

func newStatuses() *statuses { return &statuses{known: map[string]*status{}} }

func (s *statuses) of(name string) *status {
	known := s.known[name]
	if known == nil {
		known = &status{runs: map[Outcome]int{}}
		s.known[name] = known
	}
	return known
}

// note takes what the store says of a connection.
func (s *statuses) note(c Connection, state State, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.of(c.Name)
	of.success, of.stopped, of.overdue = state.LastSuccess, state.Stopped != nil, c.Overdue(state, now)
}

// ended counts a run of this process.
func (s *statuses) ended(r Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.of(r.Connection)
	of.runs[r.Outcome]++
	of.seconds = r.Duration
	if !r.Dry {
		of.statements += r.Statements
	}
}

// keep forgets connections that are no more.
func (s *statuses) keep(names map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.known {
		if !names[name] {
			delete(s.known, name)
		}
	}
}

// collector tells of the connections. Their names are given by operators, so their number is bounded.
type collector struct {
	statuses                                                *statuses
	success, overdue, stopped, runs, statements, lastLength *prometheus.Desc
}

// Collector returns the metrics of the connections.
func (s *Scheduler) Collector() prometheus.Collector {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("acquis_connection_"+name, help, append([]string{"connection"}, labels...), nil)
	}
	return &collector{
		statuses:   s.statuses,
		success:    describe("last_success_timestamp_seconds", "When a pull of the connection last ended clean; 0 when none has."),
		overdue:    describe("overdue", "1 when the connection has not succeeded for longer than is expected of it."),
		stopped:    describe("stopped", "1 when the connection waits for a person."),
		runs:       describe("runs_total", "Runs that ended in this process, by outcome.", "outcome"),
		statements: describe("statements_total", "Statements that runs of this process stored, voiding ones too."),
		lastLength: describe("last_run_seconds", "How long the last run in this process took."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.success, c.overdue, c.stopped, c.runs, c.statements, c.lastLength} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	c.statuses.mu.Lock()
	defer c.statuses.mu.Unlock()
	one := map[bool]float64{true: 1}
	for name, s := range c.statuses.known {
		gauge := func(d *prometheus.Desc, value float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, name)
		}
		at := 0.0
		if !s.success.IsZero() {
			at = float64(s.success.Unix())
		}
		gauge(c.success, at)
		gauge(c.overdue, one[s.overdue])
		gauge(c.stopped, one[s.stopped])
		gauge(c.lastLength, s.seconds)
		ch <- prometheus.MustNewConstMetric(c.statements, prometheus.CounterValue, float64(s.statements), name)
		for outcome, n := range s.runs {
			ch <- prometheus.MustNewConstMetric(c.runs, prometheus.CounterValue, float64(n), name, string(outcome))
		}
	}
}
