package limit

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics have no label that a client chooses.
type metrics struct {
	limited  *prometheus.CounterVec
	failures prometheus.Counter
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "acquis_limited_requests_total",
			Help: "Requests answered with 429, by the limit that they passed.",
		}, []string{"limit"}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "acquis_authentication_failures_total",
			Help: "Credentials and tokens presented that were refused; requests without any are not counted.",
		}),
	}
	for _, limit := range []string{"address", "credential", "daily", "lockout"} {
		m.limited.WithLabelValues(limit) // so that a rate is known from the first refusal on
	}
	if registry == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.limited, m.failures} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("limit: register metrics: %w", err)
		}
	}
	return m, nil
}
