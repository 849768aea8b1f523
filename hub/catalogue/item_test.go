package catalogue_test

import (
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"acquis/hub"
	"acquis/hub/catalogue"
)

var ids = []hub.ItemID{"a", "b", "c", "d"}

// drawRule draws a rule over the ids.
func drawRule(t *rapid.T) (rule catalogue.Rule) {
	for range rapid.IntRange(1, 2).Draw(t, "requirements") {
		some := rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 1, len(ids), rapid.ID[hub.ItemID]).Draw(t, "items")
		switch rapid.IntRange(0, 2).Draw(t, "form") {
		case 0:
			rule = append(rule, catalogue.Requirement{All: some})
		case 1:
			rule = append(rule, catalogue.Requirement{Of: some, AtLeast: rapid.IntRange(1, len(some)).Draw(t, "at least")})
		default:
			rule = append(rule, catalogue.Requirement{Sequence: some})
		}
	}
	return rule
}

// holds tells whether a rule is met once the items in done were completed, in that order; items
// completed at the same time stand in one element.
func holds(rule catalogue.Rule, done [][]hub.ItemID) bool {
	step := func(id hub.ItemID) int {
		return slices.IndexFunc(done, func(together []hub.ItemID) bool { return slices.Contains(together, id) })
	}
	for _, q := range rule {
		count := 0
		for _, id := range q.Of {
			if step(id) >= 0 {
				count++
			}
		}
		if count < q.AtLeast {
			return false
		}
		before := 0
		for _, id := range q.All {
			if step(id) < 0 {
				return false
			}
		}
		for _, id := range q.Sequence {
			if step(id) < before {
				return false
			}
			before = step(id)
		}
	}
	return len(rule) > 0
}

func TestItem_Met(t *testing.T) {
	paris, err := hub.NewCalendar("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	first := hub.NewDay(2026, time.March, 20)
	noon := func(day int) time.Time { return paris.Start(first + hub.Day(day)).Add(12 * time.Hour) }

	t.Run("a parcours is completed on the first day on which a version in force is met", rapid.MakeCheck(func(t *rapid.T) {
		const days = 20
		parcours := catalogue.Item{ID: "p", Kind: catalogue.Parcours, Status: catalogue.Live}
		from := 0
		for n := range rapid.IntRange(1, 3).Draw(t, "versions") {
			from += rapid.IntRange(0, 4).Draw(t, "gap")
			to := from + rapid.IntRange(0, 6).Draw(t, "days")
			v := catalogue.Version{Number: n + 1, Begun: true, Rule: drawRule(t), InForce: hub.Span{From: first + hub.Day(from), To: first + hub.Day(to)}}
			parcours.Versions = append(parcours.Versions, v)
			from = to + 1
		}
		on := map[hub.ItemID]int{} // the day of completion
		for _, id := range ids {
			if day := rapid.IntRange(-5, days).Draw(t, "completed on"); day < days-3 {
				on[id] = day
			}
		}
		var wantDay, wantVersion int
		found := false
		var done [][]hub.ItemID
		for day := -5; day < 2*days && !found; day++ {
			var today []hub.ItemID
			for id, d := range on {
				if d == day {
					today = append(today, id)
				}
			}
			done = append(done, today)
			for _, v := range parcours.Versions {
				if v.InForce.Covers(first+hub.Day(day)) && holds(v.Rule, done) {
					wantDay, wantVersion, found = day, v.Number, true
				}
			}
		}
		when, version, ok := parcours.Met(paris, func(id hub.ItemID) (time.Time, bool) {
			day, ok := on[id]
			return noon(day), ok
		})
		if ok != found || version != wantVersion || ok && paris.Day(when) != first+hub.Day(wantDay) {
			t.Fatalf("met %v on %s by version %d, want %v on %s by version %d", ok, when, version, found, first+hub.Day(wantDay), wantVersion)
		}
	}))
	t.Run("a later version takes nothing away", rapid.MakeCheck(func(t *rapid.T) {
		parcours := catalogue.Item{Kind: catalogue.Parcours, Status: catalogue.Live, Versions: []catalogue.Version{{Number: 1, Begun: true, Rule: drawRule(t)}}}
		on := func(id hub.ItemID) (time.Time, bool) { return noon(slices.Index(ids, id)), true }
		when, version, ok := parcours.Met(paris, on)
		end := first + hub.Day(rapid.IntRange(len(ids), 9).Draw(t, "end"))
		parcours.Versions[0].InForce.To = end
		parcours.Versions = append(parcours.Versions, catalogue.Version{Number: 2, Begun: true, InForce: hub.Span{From: end + 1}, Rule: drawRule(t)})
		when2, version2, ok2 := parcours.Met(paris, on)
		if ok && (!ok2 || version2 != version || !when2.Equal(when)) {
			t.Fatalf("it was met at %s by %d, and is at %s by %d (%v)", when, version, when2, version2, ok2)
		}
	}))
	t.Run("what was learned before a version began completes on its first day", func(t *testing.T) {
		parcours := catalogue.Item{Kind: catalogue.Parcours, Status: catalogue.Live, Versions: []catalogue.Version{
			{Number: 1, Begun: true, InForce: hub.Span{To: first - 1}, Rule: catalogue.Rule{{All: []hub.ItemID{"a", "b"}}}},
			{Number: 2, Begun: true, InForce: hub.Span{From: first}, Rule: catalogue.Rule{{All: []hub.ItemID{"a"}}}},
		}}
		when, version, ok := parcours.Met(paris, func(id hub.ItemID) (time.Time, bool) { return noon(-30), id == "a" })
		if !ok || version != 2 || !when.Equal(paris.Start(first)) {
			t.Fatalf("met %v at %s by %d", ok, when, version)
		}
	})
	t.Run("drafts, versions that have not begun and modules are not completed by a rule", func(t *testing.T) {
		always := func(hub.ItemID) (time.Time, bool) { return noon(0), true }
		rule := catalogue.Rule{{All: ids}}
		for name, item := range map[string]catalogue.Item{
			"draft":     {Kind: catalogue.Parcours, Status: catalogue.Draft, Versions: []catalogue.Version{{Number: 1, Begun: true, Rule: rule}}},
			"not begun": {Kind: catalogue.Parcours, Status: catalogue.Live, Versions: []catalogue.Version{{Number: 1, Rule: rule}}},
			"module":    {Kind: catalogue.Module, Status: catalogue.Live},
			"no rule":   {Kind: catalogue.Parcours, Status: catalogue.Live, Versions: []catalogue.Version{{Number: 1, Begun: true}}},
		} {
			if _, _, ok := item.Met(paris, always); ok {
				t.Errorf("%s: met", name)
			}
		}
	})
}
