package openclassrooms_test

import (
	"testing"
	"time"

	"acquis/connectors"
	"acquis/connectors/connectortest"
)

// BenchmarkReconcile pulls 600 members and what they follow into an empty store, then again when nothing has changed.
func BenchmarkReconcile(b *testing.B) {
	for b.Loop() {
		w := connectortest.Open(b, subject(600))
		start := time.Now()
		first := w.Clean(connectors.Order{})
		b.ReportMetric(time.Since(start).Seconds(), "s/first")
		b.ReportMetric(float64(first.Seats.Seen), "seats")
		start = time.Now()
		w.Clean(connectors.Order{})
		b.ReportMetric(time.Since(start).Seconds(), "s/again")
	}
}
