package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"acquis/lrs"
)

func TestObjected(t *testing.T) {
	var log bytes.Buffer
	m := newSourceMetrics(prometheus.NewRegistry(), slog.New(slog.NewTextHandler(&log, nil)))
	m.objected(lrs.Principal{Source: "cards"}, []lrs.Objection{
		{Violation: lrs.Violation{Pointer: "/result/extensions/mailto:ann@example.org/score", Rule: "value", Detail: "must not be ann's"}},
		{Violation: lrs.Violation{Pointer: "/context/platform", Rule: "platform"}, Weight: lrs.Noted, Statement: 1},
	})
	t.Run("the log says which rule was broken where, and not what the sender called an extension", func(t *testing.T) {
		for _, want := range []string{"pointer=/result/extensions rule=value", "pointer=/context/platform rule=platform", "outcome=noted", "outcome=refused"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%q is missing in %s", want, log.String())
			}
		}
		if strings.Contains(log.String(), "ann") {
			t.Errorf("%s", log.String())
		}
	})
}
