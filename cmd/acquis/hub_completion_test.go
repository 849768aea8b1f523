package main

import (
	"strings"
	"testing"
)

func TestHub_rebuild(t *testing.T) {
	p := serve(t, []string{"ACQUIS_ROOT_KEY=boss", "ACQUIS_ROOT_SECRET=open-sesame"}, "--data", t.TempDir())
	p.awaitMetric(t, "acquis_completion_leads", func(v float64) bool { return v == 1 })
	t.Run("it waits for the end and says what was compared", func(t *testing.T) {
		out, err := command(t.Context(), []string{"ACQUIS_ROOT_KEY=boss", "ACQUIS_ROOT_SECRET=open-sesame"}, "hub", "rebuild", "--url", p.url).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "0 differences") {
			t.Errorf("%v: %s", err, out)
		}
	})
}
