package server

import (
	"fmt"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts requests. Every label comes from a closed set, so the number of series is bounded
// by the routes, whatever clients send.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "acquis_http_requests_total",
			Help: "Requests answered, by route template, method and status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "acquis_http_request_duration_seconds",
			Help:    "From the end of the request's header to the end of its handler.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "acquis_http_requests_in_flight",
			Help: "Requests being handled.",
		}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.inFlight} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("server: register metrics: %w", err)
		}
	}
	return m, nil
}

// observe counts a request when it ends, by a panic too.
func (m *metrics) observe(now func() time.Time) gin.HandlerFunc {
	return func(c *gin.Context) {
		m.inFlight.Inc()
		start := now()
		defer func() {
			m.inFlight.Dec()
			route, method := routeLabel(c), methodLabel(c.Request.Method)
			m.requests.WithLabelValues(route, method, strconv.Itoa(c.Writer.Status())).Inc()
			m.duration.WithLabelValues(route, method).Observe(now().Sub(start).Seconds())
		}()
		c.Next()
	}
}
