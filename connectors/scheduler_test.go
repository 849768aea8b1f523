package connectors_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"acquis/connectors"
	"acquis/connectors/connectortest"
	"acquis/docstore"
	"acquis/lrs"
)

func TestParseSchedule(t *testing.T) {
	for _, text := range []string{"30 3 * * *", "*/15 * * * 1-5", "@daily", "@weekly"} {
		if _, err := connectors.ParseSchedule(text); err != nil {
			t.Errorf("%s is refused: %v", text, err)
		}
	}
	for _, text := range []string{"", "@every 5m", "TZ=Europe/Paris 0 3 * * *", "CRON_TZ=Asia/Tokyo 0 3 * * *", "0 0 30 2 *", "* * * *", "* * * * * *", "61 * * * *", "@sometimes"} {
		if _, err := connectors.ParseSchedule(text); lrs.KindOf(err) != lrs.KindInvalid {
			t.Errorf("%q is taken: %v", text, err)
		}
	}
}

func TestSchedule_Last(t *testing.T) {
	daily, err := connectors.ParseSchedule("30 3 * * *")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 9, 14, 5, 0, 0, 0, time.UTC)
	paris := time.FixedZone("UTC+2", 2*60*60)
	for _, c := range []struct {
		name  string
		after time.Time
		last  time.Time
		count int
	}{
		{"the last time counts, and those before are counted", now.AddDate(0, 0, -3), time.Date(2026, 9, 14, 3, 30, 0, 0, time.UTC), 3},
		{"in UTC, whatever the zone of the clock", now.In(paris).Add(-2 * time.Hour), time.Date(2026, 9, 14, 3, 30, 0, 0, time.UTC), 1},
		{"a time that was dealt with is not due again", time.Date(2026, 9, 14, 3, 30, 0, 0, time.UTC), time.Time{}, 0},
		{"what was missed for years is not gone through day by day", time.Time{}, time.Date(2026, 9, 14, 3, 30, 0, 0, time.UTC), 31},
	} {
		t.Run(c.name, func(t *testing.T) {
			if last, count := daily.Last(c.after, now.In(paris)); !last.Equal(c.last) || count != c.count {
				t.Fatalf("%s, %d", last, count)
			}
		})
	}
}

// scheduled is a world whose connection has a schedule, and a scheduler over it.
func scheduled(t *testing.T, change func(*connectors.Connection)) (*connectortest.World, *connectors.Scheduler) {
	t.Helper()
	w := connectortest.Open(t, librarySubject(nil))
	w.Change(func(c *connectors.Connection) {
		c.Schedule, c.Sweep = "0 * * * *", "30 3 * * 0"
		if change != nil {
			change(c)
		}
	})
	w.Since(w.Now())
	return w, connectors.NewScheduler(connectors.SchedulerOptions{Runner: w.Runner})
}

func due(t *testing.T, s *connectors.Scheduler) (connectors.Order, bool) {
	t.Helper()
	order, is, err := s.Due(t.Context(), "under-test")
	if err != nil {
		t.Fatal(err)
	}
	return order, is
}

func TestScheduler_due(t *testing.T) {
	t.Run("nothing is due before its time, and a scheduled time once", func(t *testing.T) {
		w, s := scheduled(t, nil)
		if order, is := due(t, s); is {
			t.Fatalf("%+v", order)
		}
		w.Move(time.Hour + time.Minute)
		order, is := due(t, s)
		if !is || order.Trigger != connectors.BySchedule || order.Missed != 0 || order.Full {
			t.Fatalf("%v %+v", is, order)
		}
		w.Clean(order)
		if order, is := due(t, s); is {
			t.Fatalf("again: %+v", order)
		}
		if _, err := w.Runner.Run(t.Context(), "under-test", order); lrs.KindOf(err) != lrs.KindConflict {
			t.Fatalf("another process ran it again: %v", err)
		}
	})
	t.Run("times that passed while nothing ran are made up for by one run, which says how many", func(t *testing.T) {
		w, s := scheduled(t, nil)
		w.Move(5*time.Hour + 40*time.Minute)
		order, is := due(t, s)
		if !is || order.Trigger != connectors.ByMissed || order.Missed != 5 {
			t.Fatalf("%v %+v", is, order)
		}
		w.Clean(order)
		if order, is := due(t, s); is {
			t.Fatalf("%+v", order)
		}
	})
	t.Run("a sweep goes before a pull and stands for it", func(t *testing.T) {
		w, s := scheduled(t, func(c *connectors.Connection) { c.Sweep = "0 * * * *" })
		w.Move(time.Hour + time.Minute)
		order, is := due(t, s)
		if !is || !order.Full {
			t.Fatalf("%v %+v", is, order)
		}
		w.Clean(order)
		if order, is := due(t, s); is {
			t.Fatalf("%+v", order)
		}
	})
	t.Run("while it is paused nothing is due", func(t *testing.T) {
		w, s := scheduled(t, func(c *connectors.Connection) { c.Paused = true })
		w.Move(24 * time.Hour)
		if order, is := due(t, s); is {
			t.Fatalf("%+v", order)
		}
	})
}

func TestScheduler_retries(t *testing.T) {
	w, s := scheduled(t, nil)
	w.Faults.Set(connectortest.Status(500))
	w.Move(time.Hour + time.Minute)
	order, _ := due(t, s)
	waits := []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 0}
	for n, wait := range waits[:3] {
		if run := w.Pull(order); run.Outcome != connectors.Failed {
			t.Fatalf("it ended %s", run.Outcome)
		}
		w.Move(wait - 10*time.Second)
		if order, is := due(t, s); is {
			t.Fatalf("retry %d comes too early: %+v", n, order)
		}
		w.Move(time.Minute)
		var is bool
		if order, is = due(t, s); !is || order.Trigger != connectors.ByRetry {
			t.Fatalf("retry %d: %v %+v", n, is, order)
		}
	}
	t.Run("after one that succeeds all is well", func(t *testing.T) {
		w.Faults.Set(nil)
		w.Clean(order)
		if order, is := due(t, s); is && order.Trigger == connectors.ByRetry {
			t.Fatalf("%+v", order)
		}
	})
	t.Run("what needs a person is not tried again by itself", func(t *testing.T) {
		w.Faults.Set(connectortest.Status(401))
		if run := w.Pull(connectors.Order{}); run.Outcome != connectors.Stopped {
			t.Fatalf("it ended %s", run.Outcome)
		}
		w.Move(48 * time.Hour)
		if order, is := due(t, s); is {
			t.Fatalf("%+v", order)
		}
	})
}

func TestScheduler_takesOver(t *testing.T) {
	w, s := scheduled(t, nil)
	w.KillAt(4, true)
	if order, is := due(t, s); is {
		t.Fatalf("the dead process was not waited for: %+v", order)
	}
	w.Wait()
	if order, is := due(t, s); !is || order.Trigger != connectors.ByRetry {
		t.Fatalf("%v %+v", is, order)
	}
}

func TestScheduler_runs(t *testing.T) {
	w, _ := scheduled(t, nil)
	ended := make(chan connectors.Run, 4)
	w.Reopen(func(o *connectors.RunnerOptions) { o.Ended = func(r connectors.Run) { ended <- r } })
	s := connectors.NewScheduler(connectors.SchedulerOptions{Runner: w.Runner, Every: 5 * time.Millisecond})
	if _, err := s.Launch(t.Context(), "under-test", connectors.Order{Trigger: connectors.ByPerson}); lrs.KindOf(err) != lrs.KindUnavailable {
		t.Fatalf("it was launched before it ran: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() { defer close(stopped); s.Run(ctx) }()
	w.Move(time.Hour + time.Minute)
	if run := <-ended; run.Outcome != connectors.Clean || run.Trigger != connectors.BySchedule {
		t.Fatalf("%+v", run)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(s.Collector())
	w.Move(3 * time.Hour)
	if run := <-ended; run.Trigger != connectors.BySchedule && run.Trigger != connectors.ByMissed {
		t.Fatalf("%+v", run)
	}
	cancel()
	<-stopped
	if metrics, err := registry.Gather(); err != nil || len(metrics) != 6 {
		t.Fatalf("%d metrics: %v", len(metrics), err)
	}
	row, err := connectors.Connections.Get(t.Context(), w.Store, "under-test", "under-test")
	if err != nil {
		t.Fatal(err)
	}
	state, err := connectors.States.Get(t.Context(), w.Store, "under-test", "state")
	if err != nil {
		t.Fatal(err)
	}
	if row.Value.Overdue(state.Value, w.Now()) || !row.Value.Overdue(state.Value, w.Now().Add(3*time.Hour)) {
		t.Error("the alarm is wrong")
	}
	for row, err := range connectors.Runs.Rows(t.Context(), w.Store, docstore.Scan{}) {
		if err != nil || row.Value.Outcome == connectors.Running || strings.Contains(string(row.Value.After), "secret") {
			t.Errorf("%+v: %v", row.Value, err)
		}
	}
}
