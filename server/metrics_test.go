package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"acquis/server"
)

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	srv, err := server.New(server.Options{Metrics: registry}, at("/", func(r *gin.RouterGroup) {
		r.GET("/things/:id", func(c *gin.Context) { c.Status(http.StatusNoContent) })
		r.GET("/panic", func(*gin.Context) { panic("x") })
		r.GET("/running", func(c *gin.Context) {
			if got := gather(t, registry, "acquis_http_requests_in_flight")[""]; got != 1 {
				t.Errorf("%v requests in flight, want 1", got)
			}
		})
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range []string{
		"GET /things/1", "GET /things/2", "PUT /things/1", "GET /nothing/1", "GET /nothing/2", "BREW /x", "STEW /x", "GET /panic", "GET /running",
	} {
		method, path, _ := strings.Cut(request, " ")
		srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, nil))
	}

	t.Run("requests are counted by route template, method and status", func(t *testing.T) {
		want := map[string]float64{
			"GET /things/:id 204": 2, "PUT unmatched 405": 1, "GET unmatched 404": 2, "other unmatched 404": 2,
			"GET /panic 500": 1, "GET /running 200": 1,
		}
		if diff := cmp.Diff(want, gather(t, registry, "acquis_http_requests_total")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("durations are counted by route template and method", func(t *testing.T) {
		want := map[string]float64{
			"GET /things/:id": 2, "PUT unmatched": 1, "GET unmatched": 2, "other unmatched": 2, "GET /panic": 1, "GET /running": 1,
		}
		if diff := cmp.Diff(want, gather(t, registry, "acquis_http_request_duration_seconds")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("nothing is in flight at the end", func(t *testing.T) {
		if got := gather(t, registry, "acquis_http_requests_in_flight")[""]; got != 0 {
			t.Errorf("%v in flight", got)
		}
	})
	t.Run("a registry that has them already is refused", func(t *testing.T) {
		if _, err := server.New(server.Options{Metrics: registry}); err == nil {
			t.Error("no error")
		}
	})
}

// gather returns the values of a metric by "method route status"; a histogram's are its counts.
func gather(t *testing.T, registry prometheus.Gatherer, name string) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range m.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			key := strings.TrimSpace(labels["method"] + " " + labels["route"] + " " + labels["status"])
			values[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return values
}
