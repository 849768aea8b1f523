package pix_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
	"acquis/connectors/connectortest"
	"acquis/connectors/connectortest/fakeserver"
	"acquis/connectors/connectortest/pixfake"
	"acquis/connectors/pix"
)

// BenchmarkReconcile pulls 20,000 participations into an empty store, then again when nothing has changed.
func BenchmarkReconcile(b *testing.B) {
	for b.Loop() {
		s := subject()
		s.Fake = func(func() time.Time) connectortest.Fake {
			f := &suitePix{world: pixfake.New(pixfake.Options{
				Now: func() time.Time { return suiteNow }, Organisations: 2, Campaigns: 4, Participations: 2500, Span: 200 * 24 * time.Hour,
			})}
			f.Handler = f.world.Handler()
			return f
		}
		w := connectortest.Open(b, s)
		start := time.Now()
		first := w.Clean(connectors.Order{})
		b.ReportMetric(time.Since(start).Seconds(), "s/first")
		b.ReportMetric(float64(first.Rows.Seen), "rows")
		start = time.Now()
		w.Clean(connectors.Order{})
		b.ReportMetric(time.Since(start).Seconds(), "s/again")
		start = time.Now()
		w.Clean(connectors.Order{Full: true})
		b.ReportMetric(time.Since(start).Seconds(), "s/sweep")
	}
}

// BenchmarkMillion pulls a million participations and drops them: it shows that memory does not grow with them.
func BenchmarkMillion(b *testing.B) {
	for b.Loop() {
		world := pixfake.New(pixfake.Options{Now: func() time.Time { return suiteNow }, Organisations: 1, Campaigns: 1, Participations: 1_000_000, Span: 200 * 24 * time.Hour})
		server, err := fakeserver.Start(world.Handler())
		if err != nil {
			b.Fatal(err)
		}
		c, err := pix.Provider(time.Now).Open(jsontext.Value(`{"baseUrl":"` + server.URL + `","clientId":"hub-campus"}`))
		if err != nil {
			b.Fatal(err)
		}
		egress := connectors.NewEgress(connectors.EgressOptions{Private: []string{"127.0.0.1"}, Rate: -1})
		var rows, pages int
		var most uint64
		_, err = c.Pull(b.Context(), connectors.Request{
			Client: egress.Client(c.Hosts(), nil), Full: true, Secrets: connectors.Vault{Lookup: func(string) (string, bool) { return "secret", true }},
		}, func(p connectors.Page) error {
			rows += p.Items
			if pages++; pages%500 == 0 {
				var memory runtime.MemStats
				runtime.ReadMemStats(&memory)
				most = max(most, memory.HeapInuse)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(most)/(1<<20), "MiB-heap")
		b.ReportMetric(float64(rows), "rows")
		if err := server.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
