package completion

import (
	"testing"

	"acquis/lrs"
)

func TestScoreOf(t *testing.T) {
	for _, c := range []struct {
		name          string
		raw, min, max string
		want          float64
	}{
		{"the scaled score follows from raw, min and max", "15", "10", "20", 0.5},
		{"also where their differences are beyond all numbers", "1e308", "-1e308", "1e308", 1},
		{"and where they are the smallest that there are", "5e-324", "0", "5e-324", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := scoreOf(&lrs.Score{Raw: c.raw, Min: c.min, Max: c.max})
			if got == nil || got.Scaled == nil || *got.Scaled != c.want {
				t.Fatalf("%+v", got)
			}
		})
	}
}
