package hub_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"acquis/hub"
)

func TestDay(t *testing.T) {
	t.Run("day 1 is the first of January of the year 1", func(t *testing.T) {
		if got := hub.NewDay(1, time.January, 1); got != 1 {
			t.Fatalf("it is day %d", got)
		}
	})
	t.Run("a day is read as it was written, and days are ordered as dates", rapid.MakeCheck(func(t *rapid.T) {
		days := rapid.Int32Range(1, 3_000_000)
		a, b := hub.Day(days.Draw(t, "a")), hub.Day(days.Draw(t, "b"))
		read, err := hub.ParseDay(a.String())
		if err != nil || read != a {
			t.Fatalf("%s is read as %s: %v", a, read, err)
		}
		if (a < b) != (a.String() < b.String()) {
			t.Fatalf("%s and %s", a, b)
		}
	}))
	t.Run("what is no date is refused", func(t *testing.T) {
		for _, text := range []string{"", "2026-13-01", "2026-02-29", "01/02/2026", "0000-01-01", "2026-9-1"} {
			if got, err := hub.ParseDay(text); err == nil {
				t.Errorf("%q is read as %s", text, got)
			}
		}
	})
}

func TestCalendar(t *testing.T) {
	paris, err := hub.NewCalendar("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("an evening in UTC is the next day in Paris", func(t *testing.T) {
		if got := paris.Day(time.Date(2026, 8, 31, 22, 30, 0, 0, time.UTC)); got != hub.NewDay(2026, 9, 1) {
			t.Fatalf("it is %s", got)
		}
	})
	t.Run("a day begins at midnight there, in winter and in summer", func(t *testing.T) {
		for day, want := range map[hub.Day]string{
			hub.NewDay(2026, 1, 15): "2026-01-14T23:00:00Z", hub.NewDay(2026, 7, 15): "2026-07-14T22:00:00Z",
		} {
			if got := paris.Start(day).UTC().Format(time.RFC3339); got != want {
				t.Errorf("%s begins at %s", day, got)
			}
		}
	})
	t.Run("the academic year begins on 1 September", func(t *testing.T) {
		first := hub.NewDay(2026, 9, 1)
		if got := hub.AcademicYear(first); got.From != first || got.To.String() != "2027-08-31" {
			t.Fatalf("it is %v", got)
		}
		if got := hub.AcademicYear(first - 1); got.To != first-1 {
			t.Fatalf("it is %v", got)
		}
	})
}

func TestSpan(t *testing.T) {
	t.Run("both ends lie within, and an open end never comes", rapid.MakeCheck(func(t *rapid.T) {
		day := rapid.Int32Range(0, 40)
		span := hub.Span{From: hub.Day(day.Draw(t, "from")), To: hub.Day(day.Draw(t, "to"))}
		other := hub.Span{From: hub.Day(day.Draw(t, "other from")), To: hub.Day(day.Draw(t, "other to"))}
		if span.Judge() != nil || other.Judge() != nil {
			return
		}
		shared := false
		for d := hub.Day(0); d <= 50; d++ {
			shared = shared || span.Covers(d) && other.Covers(d)
		}
		if got := span.Overlaps(other); got != shared {
			t.Fatalf("%v overlaps %v: %v", span, other, got)
		}
	}))
}
