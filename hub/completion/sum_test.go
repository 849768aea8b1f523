package completion_test

import (
	"fmt"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/completion"
	"acquis/hub/directory"
	"acquis/lrs"
)

// given is a person of the tax office, and a catalogue of the modules a to d, a parcours of a and b since March, and one
// of that and c.
func given(tb testing.TB) completion.Given {
	tb.Helper()
	calendar, err := hub.NewCalendar("Europe/Paris")
	if err != nil {
		tb.Fatal(err)
	}
	items := []catalogue.Item{
		{ID: "a", Kind: catalogue.Module, Status: catalogue.Live, Minutes: 30},
		{ID: "b", Kind: catalogue.Module, Status: catalogue.Live},
		{ID: "c", Kind: catalogue.Module, Status: catalogue.Live},
		{ID: "d", Kind: catalogue.Module, Status: catalogue.Live},
		{ID: "both", Kind: catalogue.Parcours, Status: catalogue.Live, Versions: []catalogue.Version{{Number: 1, Begun: true, InForce: hub.Span{From: hub.NewDay(2026, time.March, 1)}, Rule: catalogue.Rule{{All: []hub.ItemID{"a", "b"}}}}}},
		{ID: "more", Kind: catalogue.Parcours, Status: catalogue.Live, Versions: []catalogue.Version{{Number: 1, Begun: true, Rule: catalogue.Rule{{All: []hub.ItemID{"both", "c"}}}}}},
	}
	picture, err := catalogue.NewPicture(items, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tree := directory.NewTree(
		directory.Organisation{ID: "finances"},
		directory.Organisation{ID: "taxes", Parents: []directory.Edge{{Parent: "finances"}}},
		directory.Organisation{ID: "customs", Parents: []directory.Edge{{Parent: "finances"}}},
	)
	person := directory.Person{ID: "p", Affiliations: []directory.Affiliation{
		{Organisation: "taxes", Span: hub.Span{To: hub.NewDay(2026, time.June, 30)}}, {Organisation: "customs", Span: hub.Span{From: hub.NewDay(2026, time.July, 1)}},
	}}
	return completion.Given{Person: person, Items: picture, Tree: tree, Calendar: calendar}
}

// at is an instant of 2026.
func at(month time.Month, day int) lrs.Instant {
	return lrs.InstantOf(time.Date(2026, month, day, 10, 0, 0, 0, time.UTC))
}

// fact is one that was told the day after it happened.
func fact(when lrs.Instant, does completion.Milestones) completion.Fact {
	stored := when + lrs.Instant(24*time.Hour/time.Microsecond)
	return completion.Fact{Stored: stored, At: when, Does: does, Source: "s", Statement: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, stored))}
}

func real(f float64) *float64 { return &f }

func TestSum(t *testing.T) {
	g := given(t)
	sum := func(item hub.ItemID, facts ...completion.Fact) completion.Completion {
		t.Helper()
		return completion.Sum(g, map[hub.ItemID][]completion.Fact{item: facts})[item]
	}
	t.Run("each milestone is dated by the first statement that tells it, and none follows from another", func(t *testing.T) {
		c := sum("a", fact(at(3, 2), completion.Completed), fact(at(3, 9), completion.Completed), fact(at(3, 1), completion.Progressed))
		if c.Completed.At != at(3, 2) || c.Completions != 2 || c.Reached() != completion.Completed|completion.Progressed {
			t.Errorf("%+v %+v", c, c.Completed)
		}
	})
	t.Run("a newer start undoes no completion, and neither does a lower progress", func(t *testing.T) {
		high, low := fact(at(3, 2), completion.Completed), fact(at(4, 2), completion.Started|completion.Progressed)
		high.Progress, low.Progress = real(100), real(40)
		c := sum("a", high, low)
		if c.Completed == nil || *c.Progress != 100 || *c.LastProgress != 40 || c.Started.At != at(4, 2) {
			t.Errorf("%+v", c)
		}
	})
	t.Run("the best score is kept beside the last", func(t *testing.T) {
		var facts []completion.Fact
		for i, scaled := range []float64{0.5, 0.82, 0.6} {
			f := fact(at(3, 2+i), completion.Completed)
			f.Score = &completion.Score{Scaled: &scaled}
			facts = append(facts, f)
		}
		c := sum("a", facts...)
		if *c.Best.Scaled != 0.82 || *c.Last.Scaled != 0.6 || c.Completed.At != at(3, 2) {
			t.Errorf("%+v %+v", c.Best, c.Last)
		}
	})
	t.Run("a repeat counts once, whenever it comes", func(t *testing.T) {
		first, again, other := fact(at(3, 2), completion.Completed), fact(at(3, 2), completion.Completed), fact(at(5, 2), completion.Completed)
		first.Content[0], again.Content[0] = 1, 1
		again.Stored += 1e12
		first.Measured, again.Measured, other.Measured = 60_000, 60_000, 60_000
		c := sum("a", first, again, other)
		if c.Statements != 3 || c.Repeats != 1 || c.Completions != 2 || c.Measured != 120 {
			t.Errorf("%+v", c)
		}
	})
	t.Run("time in an attempt counts once: the closing statements' longest, or what is told on the way if that is more", func(t *testing.T) {
		timed := func(minutes int64, attempt uint64, notes completion.Notes) completion.Fact {
			f := fact(at(3, 2)+lrs.Instant(minutes), 0)
			f.Measured, f.Attempt, f.Notes = minutes*60_000, attempt, notes
			return f
		}
		c := sum("a", timed(12, 1, completion.Closing), timed(20, 1, completion.Closing), timed(5, 1, 0), timed(180, 2, 0), timed(210, 2, completion.OfPart), timed(391, 2, completion.Closing))
		if c.Measured != (20+391)*60 {
			t.Errorf("%d minutes", c.Measured/60)
		}
	})
	t.Run("the announced time is the provider's, else the catalogue's, and apart from the measured one", func(t *testing.T) {
		told := fact(at(3, 2), completion.Progressed)
		told.Announced = 3_600_000
		if with, without := sum("a", told), sum("a", fact(at(3, 2), completion.Progressed)); with.Announced != 3600 || without.Announced != 1800 || with.Measured != 0 {
			t.Errorf("%d and %d", with.Announced, without.Announced)
		}
	})
	t.Run("a completion belongs to the organisation of its day, in Paris", func(t *testing.T) {
		late := fact(lrs.InstantOf(time.Date(2026, time.June, 30, 22, 30, 0, 0, time.UTC)), completion.Completed) // 0:30 on 1 July
		c := sum("a", late)
		if c.Day != hub.NewDay(2026, time.July, 1) || c.Organisation != "customs" {
			t.Errorf("%s in %s", c.Day, c.Organisation)
		}
		if c := sum("a", fact(at(6, 30), completion.Completed)); !cmp.Equal(c.Path, []hub.OrganisationID{"taxes", "finances"}) {
			t.Error(c.Path)
		}
	})
	t.Run("a parcours is completed by its rule, and through it the one that asks for it", func(t *testing.T) {
		all := completion.Sum(g, map[hub.ItemID][]completion.Fact{
			"a": {fact(at(1, 5), completion.Completed)}, "b": {fact(at(2, 5), completion.Completed)}, "c": {fact(at(4, 5), completion.Completed)}, "d": {fact(at(1, 1), completion.Started)},
		})
		both, more := all["both"], all["more"]
		if both.ByRule == nil || both.ByRule.Version != 1 || both.Completed.At != lrs.InstantOf(time.Date(2026, time.February, 28, 23, 0, 0, 0, time.UTC)) || both.Validated != nil {
			t.Errorf("both: %+v", both)
		}
		if more.ByRule == nil || more.Completed.At != at(4, 5) || len(all) != 6 {
			t.Errorf("more: %+v of %d", more, len(all))
		}
	})
	t.Run("a provider's word about a path validates it, and is told apart from the rule", func(t *testing.T) {
		c := sum("both", fact(at(3, 5), completion.Completed))
		if c.Validated == nil || c.ByRule != nil || c.Completed.At != at(3, 5) {
			t.Errorf("%+v", c)
		}
		m := sum("a", fact(at(3, 5), completion.Validated))
		if m.Validated == nil || m.Completed != nil {
			t.Errorf("%+v", m)
		}
	})
	t.Run("what is dated at the first instant of 1970, as by a clock that was never set, counts, and so does what is older", func(t *testing.T) {
		for _, when := range []lrs.Instant{0, -1_000_000} {
			c := sum("a", fact(when, completion.Completed))
			if c.Completed == nil || c.First != when || c.Latest != when || c.Day != hub.NewDay(1970, time.January, 1) {
				t.Errorf("at %d: %+v", when, c)
			}
			if c = sum("a", fact(when, completion.Started), fact(at(3, 2), completion.Completed)); c.First != when || c.Latest != at(3, 2) {
				t.Errorf("first %d, latest %d", c.First, c.Latest)
			}
		}
	})
	t.Run("any order of the facts gives the same", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			var facts []completion.Fact
			for i := range rapid.IntRange(1, 12).Draw(t, "facts") {
				f := fact(at(3, rapid.IntRange(1, 4).Draw(t, "day"))+lrs.Instant(i), completion.Milestones(rapid.IntRange(0, 127).Draw(t, "does")))
				f.At = at(3, rapid.IntRange(1, 3).Draw(t, "day of it"))
				f.Content[0] = byte(rapid.IntRange(0, 3).Draw(t, "content"))
				f.Progress = rapid.Ptr(rapid.Float64Range(0, 100), true).Draw(t, "progress")
				f.Measured, f.Attempt = rapid.Int64Range(0, 1e6).Draw(t, "measured"), uint64(rapid.IntRange(0, 2).Draw(t, "attempt"))
				if rapid.Bool().Draw(t, "scored") {
					f.Score = &completion.Score{Scaled: rapid.Ptr(rapid.Float64Range(0, 1), true).Draw(t, "scaled"), Raw: rapid.Ptr(rapid.Float64Range(0, 9), true).Draw(t, "raw")}
				}
				facts = append(facts, f)
			}
			want := completion.Sum(g, map[hub.ItemID][]completion.Fact{"a": facts})
			got := completion.Sum(g, map[hub.ItemID][]completion.Fact{"a": rapid.Permutation(facts).Draw(t, "order")})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
		})
	})
}
