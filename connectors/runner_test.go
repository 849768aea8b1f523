package connectors_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"acquis/connectors"
	"acquis/connectors/connectortest"
	"acquis/docstore"
	"acquis/lrs"
)

// told counts the statements that stand and hold all parts.
func told(w *connectortest.World, parts ...string) int {
	n := 0
	for _, s := range w.State().Statements {
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(s, p) }) {
			n++
		}
	}
	return n
}

func TestRunner_revisions(t *testing.T) {
	fake := newLibrary()
	w := connectortest.Open(t, librarySubject(fake))
	w.Clean(connectors.Order{})
	correct := func(id, pages int) {
		at := slices.IndexFunc(fake.loans, func(l loan) bool { return l.ID == id })
		fake.loans[at].Pages = pages
	}
	t.Run("what changed takes the place of what was said before, which is voided", func(t *testing.T) {
		correct(2, 250)
		run := w.Clean(connectors.Order{Full: true})
		if run.Statements != 2 || run.Voided != 1 || run.Rows.Changed != 1 {
			t.Fatalf("%+v", run.Counts)
		}
		if told(w, `"raw":250`) != 1 || told(w, `"raw":200`) != 0 {
			t.Fatal(w.State().Statements)
		}
	})
	t.Run("what changes back is a new revision, and stands", func(t *testing.T) {
		correct(2, 200)
		if run := w.Clean(connectors.Order{Full: true}); run.Statements != 2 || told(w, `"raw":200`) != 1 || told(w, `"raw":250`) != 0 {
			t.Fatalf("%+v", run.Counts)
		}
	})
	t.Run("when the memory of what was sent is lost, nothing is sent again", func(t *testing.T) {
		before, log := w.State(), w.Log()
		forget(t, w)
		run := w.Clean(connectors.Order{Full: true})
		if run.Statements != 0 || w.Log() != log {
			t.Fatalf("%+v", run.Counts)
		}
		after := w.State()
		if !slices.Equal(before.Statements, after.Statements) || len(before.Sent) != len(after.Sent) {
			t.Fatal("the state differs")
		}
		for row, sent := range before.Sent {
			for milestone, was := range sent {
				if after.Sent[row][milestone] != was {
					t.Errorf("%s %s was found again as %+v, it was %+v", row, milestone, after.Sent[row][milestone], was)
				}
			}
		}
	})
	t.Run("when it is lost and the row changed meanwhile, the next revision is sent", func(t *testing.T) {
		forget(t, w)
		correct(2, 300)
		if run := w.Clean(connectors.Order{Full: true}); run.Statements != 2 || told(w, `"raw":300`) != 1 || told(w, `"raw":200`) != 0 {
			t.Fatalf("%+v", run.Counts)
		}
	})
	t.Run("what the provider takes back is voided, and stands again when it says so again", func(t *testing.T) {
		correct(4, -1)
		if run := w.Clean(connectors.Order{Full: true}); run.Voided != 1 || told(w, `"raw":400`) != 0 {
			t.Fatalf("%+v", run.Counts)
		}
		if run := w.Clean(connectors.Order{Full: true}); run.Statements != 0 {
			t.Fatalf("it was taken back twice: %+v", run.Counts)
		}
		correct(4, 400)
		if run := w.Clean(connectors.Order{Full: true}); run.Statements != 1 || told(w, `"raw":400`) != 1 {
			t.Fatalf("%+v", run.Counts)
		}
	})
}

// forget drops what is remembered of rows.
func forget(t *testing.T, w *connectortest.World) {
	t.Helper()
	for row, err := range connectors.Memory.Rows(t.Context(), w.Store, docstore.Scan{}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Store.ApplyDocs(t.Context(), docstore.Group{Partition: row.Partition, Writes: []docstore.Write{connectors.Memory.Drop(row)}}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRunner_vanished(t *testing.T) {
	fake := newLibrary()
	w := connectortest.Open(t, librarySubject(fake))
	w.Clean(connectors.Order{})
	statements, former := w.State().Statements, fake.loans
	t.Run("a row that a complete set is without is marked, and what was learned stays", func(t *testing.T) {
		fake.loans = slices.Delete(slices.Clone(former), 2, 3)
		run := w.Clean(connectors.Order{Full: true})
		if run.Gone != 1 || run.Statements != 0 || len(w.State().Gone) != 1 || !slices.Equal(statements, w.State().Statements) {
			t.Fatalf("%+v", run.Counts)
		}
	})
	t.Run("it is marked once", func(t *testing.T) {
		if run := w.Clean(connectors.Order{Full: true}); run.Gone != 0 {
			t.Fatalf("%+v", run.Counts)
		}
	})
	t.Run("a row that comes back is as before", func(t *testing.T) {
		fake.loans = former
		if run := w.Clean(connectors.Order{Full: true}); run.Statements != 0 || len(w.State().Gone) != 0 {
			t.Fatalf("%+v", run.Counts)
		}
	})
	t.Run("an account that was made anonymous opens one review and takes nothing back", func(t *testing.T) {
		anonymous := slices.Clone(former)
		for i := range anonymous {
			if anonymous[i].Reader == "reader-1" {
				anonymous[i].Reader = ""
			}
		}
		fake.loans = anonymous
		for range 2 {
			w.Clean(connectors.Order{Full: true})
		}
		n := 0
		for row, err := range connectors.Reviews.Rows(t.Context(), w.Store, docstore.Scan{}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			if row.Value.Kind != connectors.ErasureReview || row.Value.Alias == "" {
				t.Errorf("%+v", row.Value)
			}
		}
		if n != 1 || !slices.Equal(statements, w.State().Statements) {
			t.Fatalf("%d reviews", n)
		}
	})
}

func TestRunner_safety(t *testing.T) {
	fake := newLibrary()
	w := connectortest.Open(t, librarySubject(fake))
	w.Clean(connectors.Order{})
	before, former := w.State(), fake.readers
	for name, left := range map[string][]reader{"all": nil, "two of five": former[:3]} {
		t.Run("a run that would lose "+name+" seats stops and asks a person", func(t *testing.T) {
			fake.readers = left
			run := w.Pull(connectors.Order{})
			after := w.State()
			if run.Outcome != connectors.Stopped || len(run.Errors) != 1 || !strings.Contains(run.Errors[0].Sentence, "seats where it showed 5") {
				t.Fatalf("%s: %+v", run.Outcome, run.Errors)
			}
			if len(after.Seats) != len(before.Seats) || after.Watermark != before.Watermark {
				t.Fatal("it was applied")
			}
		})
	}
	t.Run("consent lets one run pass, and the seats are ended by two complete sets without them", func(t *testing.T) {
		fake.readers = former[:3]
		consent(t, w)
		w.Clean(connectors.Order{})
		if got := missing(t, w); !slices.Equal(got, []int{0, 0, 0, 1, 1}) {
			t.Fatal(got)
		}
		w.Clean(connectors.Order{})
		if got := missing(t, w); !slices.Equal(got, []int{0, 0, 0, 2, 2}) {
			t.Fatal(got)
		}
		fake.readers = former[:1]
		if run := w.Pull(connectors.Order{}); run.Outcome != connectors.Stopped {
			t.Fatalf("consent held twice: %s", run.Outcome)
		}
	})
	t.Run("a seat that comes back is there at once", func(t *testing.T) {
		fake.readers = former
		w.Clean(connectors.Order{})
		if got := missing(t, w); !slices.Equal(got, []int{0, 0, 0, 0, 0}) {
			t.Fatal(got)
		}
	})
}

func consent(t *testing.T, w *connectortest.World) {
	t.Helper()
	row, err := connectors.States.Get(t.Context(), w.Store, "under-test", "state")
	if err != nil {
		t.Fatal(err)
	}
	if row.Value.Stopped == nil || !row.Value.Stopped.Loss {
		t.Fatalf("it does not ask for consent: %+v", row.Value.Stopped)
	}
	row.Value.Consent = &connectors.Consent{By: "operator", At: row.Value.Stopped.At}
	if _, err := connectors.States.Save(t.Context(), w.Store, row); err != nil {
		t.Fatal(err)
	}
}

// missing is from how many complete sets each seat is missing, in rising order.
func missing(t *testing.T, w *connectortest.World) []int {
	t.Helper()
	var found []int
	if err := connectors.SeatsOf(t.Context(), w.Store, "under-test", func(s connectors.SeatInSet) error {
		found = append(found, s.Missing)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found
}

// refusing is a door that takes nothing.
type refusing struct{ err error }

func (d refusing) StoreStatements(context.Context, lrs.Principal, lrs.StoreRequest) ([]lrs.ID, error) {
	return nil, d.err
}

func TestRunner_refused(t *testing.T) {
	w := connectortest.Open(t, librarySubject(nil))
	secret := "what somebody wrote"
	w.Reopen(func(o *connectors.RunnerOptions) {
		o.Door = refusing{&lrs.Error{Kind: lrs.KindInvalid, Detail: secret, Violations: []lrs.Violation{{Pointer: "/3/actor", Rule: "source-actor", Detail: secret}}}}
	})
	run := w.Pull(connectors.Order{})
	if run.Outcome != connectors.Failed || run.Errors[0].Class != connectors.GiveUp || !strings.Contains(run.Errors[0].Detail, "/3/actor breaks source-actor") {
		t.Fatalf("%s: %+v", run.Outcome, run.Errors)
	}
	if strings.Contains(run.Errors[0].Detail+run.Errors[0].Sentence, secret) {
		t.Fatal("the journal quotes the statement")
	}
}

func TestRunner_lease(t *testing.T) {
	fake := newLibrary()
	w := connectortest.Open(t, librarySubject(fake))
	t.Run("a connection is pulled once at a time", func(t *testing.T) {
		first := w.Runner
		w.Faults.Set(func(n int, out http.ResponseWriter, r *http.Request, next http.Handler) {
			if n == 2 {
				w.Reopen(func(o *connectors.RunnerOptions) { o.Process = "another" })
				if _, err := w.Runner.Run(t.Context(), "under-test", connectors.Order{}); lrs.KindOf(err) != lrs.KindConflict {
					t.Errorf("the second run: %v", err)
				}
				w.Runner = first
			}
			next.ServeHTTP(out, r)
		})
		w.Clean(connectors.Order{})
	})
	t.Run("who was taken for dead writes nothing more", func(t *testing.T) {
		fake.Learn()
		slow := w.Runner
		before := w.State()
		w.Faults.Set(func(n int, out http.ResponseWriter, r *http.Request, next http.Handler) {
			if n == 2 {
				w.Faults.Set(nil)
				takeOver(t, w)
			}
			next.ServeHTTP(out, r)
		})
		run, err := slow.Run(t.Context(), "under-test", connectors.Order{})
		if err != nil || run.Outcome != connectors.Cut {
			t.Fatalf("it ended %s: %v", run.Outcome, err)
		}
		if slices.Equal(before.Statements, w.State().Statements) {
			t.Fatal("the heir did not pull")
		}
	})
}

// takeOver lets another process believe that the first is dead, and pull.
func takeOver(t *testing.T, w *connectortest.World) {
	w.Reopen(func(o *connectors.RunnerOptions) { o.Process = "heir" })
	order := connectors.Order{Trigger: connectors.ByRetry}
	if _, err := w.Runner.Run(t.Context(), "under-test", order); lrs.KindOf(err) != lrs.KindConflict {
		t.Errorf("the first look: %v", err)
	}
	w.Wait()
	if run, err := w.Runner.Run(t.Context(), "under-test", order); err != nil || run.Outcome != connectors.Clean {
		t.Errorf("the heir's run ended %s: %v", run.Outcome, err)
	}
}

func TestRunner_anyHistory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fake := newLibrary()
		w := connectortest.Open(t, librarySubject(fake))
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"learn", "shift", "revoke", "cut", "kill", "kill late", "pull", "sweep", "forget"}), 1, 6).Draw(rt, "steps")
		for _, step := range steps {
			at := rapid.IntRange(1, 12).Draw(rt, "at")
			switch step {
			case "learn":
				fake.Learn()
			case "shift":
				fake.Shift()
			case "revoke":
				fake.Revoke()
			case "cut":
				w.StopAt(at)
			case "kill", "kill late":
				w.KillAt(at, step == "kill late")
				w.TakeOver()
			case "pull":
				w.Clean(connectors.Order{})
			case "sweep":
				w.Clean(connectors.Order{Full: true})
			case "forget":
				forget(t, w)
			}
		}
		w.Clean(connectors.Order{Full: true})
		straight := connectortest.Open(t, librarySubject(fake))
		straight.Clean(connectors.Order{})
		if a, b := w.State(), straight.State(); !slices.Equal(a.Statements, b.Statements) || len(a.Seats) != len(b.Seats) || a.Watermark != b.Watermark {
			rt.Fatalf("after %v it came to another end:\n%v\n%v", steps, a, b)
		}
	})
}
