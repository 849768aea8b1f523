package lint

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

func TestAlerts(t *testing.T) {
	groups, faults := rulefmt.ParseFile("../prometheus/alerts.yaml", false, model.UTF8Validation)
	for _, fault := range faults {
		t.Error(fault)
	}
	proven, err := os.ReadFile("../prometheus/alerts.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var rules []rulefmt.Rule
	for _, group := range groups.Groups {
		rules = append(rules, group.Rules...)
	}
	for _, rule := range rules {
		if rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
			t.Errorf("%s lacks a severity, a summary or a description", rule.Alert)
		}
		if !strings.Contains(string(proven), "alertname: "+rule.Alert+"\n        exp_alerts:") {
			t.Errorf("no test of alerts.test.yaml shows that %s fires", rule.Alert)
		}
	}
}

func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../grafana/acquis.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$__rate_interval", "5m", "$job", "acquis", "$instance", ".*")
	taken := map[[2]int]string{}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			if _, err := parser.ParseExpr(variables.Replace(target.Expr)); err != nil {
				t.Errorf("%s: %v", panel.Title, err)
			}
		}
		for x := panel.GridPos.X; x < panel.GridPos.X+panel.GridPos.W; x++ {
			for y := panel.GridPos.Y; y < panel.GridPos.Y+panel.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s lies upon %q or beyond the edge", panel.Title, other)
				}
				taken[[2]int{x, y}] = panel.Title
			}
		}
	}
}
