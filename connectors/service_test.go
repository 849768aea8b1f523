package connectors_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
	"acquis/connectors/connectortest"
	"acquis/hub"
	"acquis/lrs"
)

// office keeps sources and acts in memory.
type office struct {
	sources []string
	acts    []hub.Act
}

func (o *office) EnsureSource(_ context.Context, _ hub.Caller, name, _ string, _ connectors.SourceRules) error {
	o.sources = append(o.sources, name)
	return nil
}

func (o *office) Record(_ context.Context, _ hub.Caller, act hub.Act) error {
	o.acts = append(o.acts, act)
	return nil
}

func as(roles lrs.Role) hub.Caller {
	return hub.Caller{Principal: lrs.Principal{Name: "somebody", Roles: roles}}
}

func serviceOver(w *connectortest.World) (*connectors.Service, *connectors.Scheduler, *office) {
	o := &office{}
	scheduler := connectors.NewScheduler(connectors.SchedulerOptions{Runner: w.Runner, Every: time.Hour})
	return connectors.NewService(connectors.ServiceOptions{Runner: w.Runner, Scheduler: scheduler, Sources: o, Audit: o}), scheduler, o
}

func TestService_put(t *testing.T) {
	w := connectortest.Open(t, librarySubject(nil))
	s, _, office := serviceOver(w)
	under, err := s.Get(t.Context(), as(lrs.RoleAuditor), "under-test")
	if err != nil {
		t.Fatal(err)
	}
	c := connectors.Connection{Name: "second", Kind: "library", Settings: under.Settings, Schedule: "@daily"}
	t.Run("an operator makes it, and its source with it", func(t *testing.T) {
		made, err := s.Put(t.Context(), as(lrs.RoleOperator), c, 0)
		if err != nil || made.Revision == 0 || made.NextPull.IsZero() || !slices.Equal(office.sources, []string{"second"}) {
			t.Fatalf("%+v %v: %v", made, office.sources, err)
		}
		c.Title = "Second"
		changed, err := s.Put(t.Context(), as(lrs.RoleOperator), c, made.Revision)
		if err != nil || changed.Title != "Second" || len(office.sources) != 1 {
			t.Fatalf("%+v: %v", changed, err)
		}
		if _, err := s.Put(t.Context(), as(lrs.RoleOperator), c, made.Revision); lrs.KindOf(err) != lrs.KindConflict {
			t.Fatalf("a stale change: %v", err)
		}
		if _, err := s.Put(t.Context(), as(lrs.RoleOperator), c, 0); lrs.KindOf(err) != lrs.KindConflict {
			t.Fatalf("made twice: %v", err)
		}
	})
	t.Run("every fault is told, and nothing is made", func(t *testing.T) {
		made := len(office.sources)
		_, err := s.Put(t.Context(), as(lrs.RoleOperator), connectors.Connection{
			Name: "Not A Name", Kind: "library", Title: "two\nlines", Schedule: "every day", Sweep: "@every 5m", MaxLoss: 101, ExpectedHours: -1,
			Settings: jsontext.Value(`{"url":"https://127.0.0.1","secret":"the secret itself"}`),
		}, 0)
		e, is := err.(*lrs.Error)
		if !is || e.Kind != lrs.KindInvalid {
			t.Fatal(err)
		}
		var at []string
		for _, v := range e.Violations {
			at = append(at, v.Pointer)
		}
		if want := []string{"/expectedHours", "/maxLoss", "/name", "/schedule", "/settings", "/sweep", "/title"}; !slices.Equal(at, want) || len(office.sources) != made {
			t.Fatalf("faults at %v", at)
		}
	})
	t.Run("others may not, and the attempt is on record", func(t *testing.T) {
		for _, roles := range []lrs.Role{0, lrs.RoleAuditor, lrs.RoleLicenceManager, lrs.RoleBIReader} {
			before := len(office.acts)
			if _, err := s.Put(t.Context(), as(roles), c, 0); lrs.KindOf(err) != lrs.KindForbidden {
				t.Errorf("%s: %v", roles, err)
			}
			if _, err := s.Launch(t.Context(), as(roles), "second", connectors.Order{}); lrs.KindOf(err) != lrs.KindForbidden {
				t.Errorf("%s: %v", roles, err)
			}
			for _, act := range office.acts[before:] {
				if act.Outcome != hub.Denied {
					t.Errorf("%s: %+v", roles, act)
				}
			}
			if len(office.acts) != before+2 {
				t.Errorf("%s: %d acts", roles, len(office.acts)-before)
			}
		}
		if _, err := s.List(t.Context(), as(lrs.RoleBIReader)); lrs.KindOf(err) != lrs.KindForbidden {
			t.Error(err)
		}
	})
	t.Run("what a provider is cannot be changed", func(t *testing.T) {
		now, err := s.Get(t.Context(), as(lrs.RoleOperator), "second")
		if err != nil {
			t.Fatal(err)
		}
		c := now.Connection
		c.Kind = "another"
		if _, err := s.Put(t.Context(), as(lrs.RoleOperator), c, now.Revision); lrs.KindOf(err) != lrs.KindInvalid {
			t.Fatal(err)
		}
	})
	t.Run("a connection that is not there is not found", func(t *testing.T) {
		for _, name := range []string{"none", "", "no name", "../x"} {
			if _, err := s.Get(t.Context(), as(lrs.RoleOperator), name); lrs.KindOf(err) != lrs.KindNotFound {
				t.Errorf("%q: %v", name, err)
			}
			if _, err := s.Run(t.Context(), as(lrs.RoleOperator), name, "1"); lrs.KindOf(err) != lrs.KindNotFound {
				t.Errorf("run 1 of %q: %v", name, err)
			}
		}
	})
}

func TestService_pause(t *testing.T) {
	w, scheduler := scheduled(t, nil)
	s, _, _ := serviceOver(w)
	if _, err := s.Pause(t.Context(), as(lrs.RoleOperator), "under-test", true); err != nil {
		t.Fatal(err)
	}
	w.Move(5 * time.Hour)
	if order, is := due(t, scheduler); is {
		t.Fatalf("%+v", order)
	}
	shown, err := s.Pause(t.Context(), as(lrs.RoleOperator), "under-test", false)
	if err != nil || shown.Paused || shown.Overdue {
		t.Fatalf("%+v: %v", shown, err)
	}
	if order, is := due(t, scheduler); is {
		t.Fatalf("what passed during the pause is made up for: %+v", order)
	}
	w.Move(time.Hour)
	if _, is := due(t, scheduler); !is {
		t.Fatal("it does not go on")
	}
}

func TestService_runs(t *testing.T) {
	fake := newLibrary()
	w := connectortest.Open(t, librarySubject(fake))
	ended := make(chan connectors.Run)
	w.Reopen(func(o *connectors.RunnerOptions) { o.Ended = func(r connectors.Run) { ended <- r } })
	s, scheduler, _ := serviceOver(w)
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() { defer close(stopped); scheduler.Run(ctx) }()
	defer func() { cancel(); <-stopped }()
	operator := as(lrs.RoleOperator)
	launch := func(o connectors.Order) (run connectors.Run) {
		for {
			begun, err := s.Launch(t.Context(), operator, "under-test", o)
			if lrs.KindOf(err) == lrs.KindUnavailable || lrs.KindOf(err) == lrs.KindConflict { // it is about to begin, or the former to end
				continue
			}
			if err != nil || begun.Outcome != connectors.Running {
				t.Fatalf("%+v: %v", begun, err)
			}
			return <-ended
		}
	}
	if run := launch(connectors.Order{Dry: true}); run.Statements == 0 || !run.Dry || run.By != "somebody" {
		t.Fatalf("%+v", run)
	}
	for range 3 {
		launch(connectors.Order{})
	}
	t.Run("the journal is read in pages, the newest first", func(t *testing.T) {
		var numbers []int64
		for after := ""; ; {
			page, err := s.Runs(t.Context(), as(lrs.RoleLicenceManager), "under-test", after, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.Runs {
				numbers = append(numbers, r.Number)
			}
			if after = page.Next; after == "" {
				break
			}
		}
		if !slices.Equal(numbers, []int64{4, 3, 2, 1}) {
			t.Fatal(numbers)
		}
		all, err := s.Runs(t.Context(), operator, "", "", 2)
		if err != nil || len(all.Runs) != 2 || all.Runs[0].Number != 4 || all.Next == "" {
			t.Fatalf("%+v: %v", all, err)
		}
		if one, err := s.Run(t.Context(), operator, "under-test", "2"); err != nil || one.Number != 2 || len(one.Samples) == 0 {
			t.Fatalf("%+v: %v", one, err)
		}
	})
	t.Run("a check tells what a full pull takes at least", func(t *testing.T) {
		found, err := s.Check(t.Context(), operator, "under-test")
		if err != nil || found.Calls != 3 || len(found.Says) == 0 || found.Seconds != 0 {
			t.Fatalf("%+v: %v", found, err)
		}
	})
	t.Run("consent is taken where it is asked for, and by whom it may be given", func(t *testing.T) {
		if _, err := s.Consent(t.Context(), operator, "under-test"); lrs.KindOf(err) != lrs.KindConflict {
			t.Fatal(err)
		}
		fake.mu.Lock()
		fake.readers = fake.readers[:2]
		fake.mu.Unlock()
		if run := launch(connectors.Order{}); run.Outcome != connectors.Stopped {
			t.Fatalf("%+v", run)
		}
		if _, err := s.Consent(t.Context(), as(lrs.RoleAuditor), "under-test"); lrs.KindOf(err) != lrs.KindForbidden {
			t.Fatal(err)
		}
		shown, err := s.Consent(t.Context(), as(lrs.RoleLicenceManager), "under-test")
		if err != nil || shown.Consent == nil || shown.Stopped == nil {
			t.Fatalf("%+v: %v", shown, err)
		}
		if run := launch(connectors.Order{}); run.Outcome != connectors.Clean {
			t.Fatalf("%+v", run)
		}
	})
}
