package directory_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/hub"
	"acquis/hub/directory"
)

// moved is a service that changed its directorate on 1 July 2026.
func movedTree() *directory.Tree {
	return directory.NewTree(
		directory.Organisation{ID: "ministry"},
		directory.Organisation{ID: "east", Parents: []directory.Edge{{Parent: "ministry"}}, Headcounts: []directory.Headcount{
			{Day: day("2026-01-01"), Count: 100}, {Day: day("2026-06-01"), Count: 120}, {Day: day("2026-01-01"), Count: 7, Population: "director"},
		}},
		directory.Organisation{ID: "west", Parents: []directory.Edge{{Parent: "ministry"}}},
		directory.Organisation{
			ID: "service", Headcounts: []directory.Headcount{{Day: day("2026-01-01"), Count: 40}},
			Parents: []directory.Edge{{Parent: "east", Span: hub.Span{To: day("2026-06-30")}}, {Parent: "west", Span: hub.Span{From: day("2026-07-01")}}},
		},
	)
}

func TestTree(t *testing.T) {
	tree := movedTree()
	t.Run("a path leads to the root as it was on the day", func(t *testing.T) {
		for on, want := range map[string][]hub.OrganisationID{
			"2026-06-30": {"service", "east", "ministry"}, "2026-07-01": {"service", "west", "ministry"},
		} {
			if diff := cmp.Diff(want, tree.PathOn("service", day(on))); diff != "" {
				t.Errorf("on %s (-want +got):\n%s", on, diff)
			}
		}
	})
	t.Run("an organisation that nobody knows stands alone", func(t *testing.T) {
		if got := tree.PathOn("nowhere", day("2026-07-01")); len(got) != 1 {
			t.Errorf("its path is %v", got)
		}
	})
	t.Run("what lies below is as it was on the day", func(t *testing.T) {
		if diff := cmp.Diff([]hub.OrganisationID{"east", "service"}, tree.BelowOn(day("2026-06-30"), "east")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]hub.OrganisationID{"east"}, tree.BelowOn(day("2026-07-01"), "east")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a headcount is that in force on the day", func(t *testing.T) {
		for on, want := range map[string]int{"2026-05-31": 100, "2026-06-01": 120} {
			if got, known := tree.HeadcountOn("east", day(on), ""); got != want || !known {
				t.Errorf("on %s it is %d", on, got)
			}
		}
		if _, known := tree.HeadcountOn("east", day("2025-12-31"), ""); known {
			t.Error("before the first one it is known")
		}
	})
	t.Run("without one of its own it is the sum of those below, of the same population", func(t *testing.T) {
		if got, _ := tree.HeadcountOn("ministry", day("2026-07-01"), ""); got != 160 {
			t.Errorf("it is %d", got)
		}
		if got, _ := tree.HeadcountOn("ministry", day("2026-07-01"), "director"); got != 7 {
			t.Errorf("of directors it is %d", got)
		}
		if _, known := tree.HeadcountOn("service", day("2026-07-01"), "director"); known {
			t.Error("directors of the service are known")
		}
	})
	t.Run("walking a picture that has a cycle ends", func(t *testing.T) {
		round := directory.NewTree(directory.Organisation{ID: "a", Parents: []directory.Edge{{Parent: "b"}}}, directory.Organisation{ID: "b", Parents: []directory.Edge{{Parent: "a"}}})
		if got := round.PathOn("a", 1); len(got) != 2 {
			t.Errorf("the path is %v", got)
		}
		if got := round.BelowOn(1, "a"); len(got) != 2 {
			t.Errorf("below is %v", got)
		}
		if _, known := round.HeadcountOn("a", 1, ""); known {
			t.Error("the headcount is known")
		}
	})
}
