package campus_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"acquis/internal/campus"
)

// seen is what the tests look at in a statement.
type seen struct {
	ID      string
	Actor   map[string]any
	Verb    struct{ ID string }
	Object  struct{ ObjectType, ID string }
	Context struct {
		Registration      string
		Platform          string
		Instructor        json.RawMessage
		ContextAgents     []json.RawMessage
		ContextGroups     []json.RawMessage
		ContextActivities map[string][]json.RawMessage
	}
	Timestamp   time.Time
	Version     string
	Attachments []struct{ FileURL, SHA2 string }
}

func read(t *testing.T, statement []byte) seen {
	t.Helper()
	var s seen
	if err := json.Unmarshal(statement, &s); err != nil {
		t.Fatalf("not the JSON of a statement: %v\n%s", err, statement)
	}
	return s
}

func TestDemo(t *testing.T) {
	start := time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC)
	c := campus.New(1, campus.WithStart(start))
	demo := c.Demo()

	t.Run("has 2000 statements with ids of their own", func(t *testing.T) {
		ids := map[uuid.UUID]bool{}
		for _, stmt := range demo {
			ids[uuid.MustParse(read(t, stmt.JSON).ID)] = true
		}
		if len(demo) != 2000 || len(ids) != len(demo) {
			t.Errorf("%d statements with %d ids, want 2000 of both", len(demo), len(ids))
		}
	})

	t.Run("is what Statement returns one by one", func(t *testing.T) {
		for i, stmt := range demo {
			alone := c.Statement(i)
			if diff := cmp.Diff(string(stmt.JSON), string(alone.JSON)); diff != "" || stmt.Version != alone.Version {
				t.Fatalf("statement %d differs (-demo +alone):\n%s", i, diff)
			}
		}
	})

	t.Run("happens in the year before the start", func(t *testing.T) {
		for i := range 3000 {
			at := read(t, c.Statement(i).JSON).Timestamp
			if at.Before(start.AddDate(-1, 0, -1)) || at.After(start) {
				t.Fatalf("statement %d happens at %s", i, at)
			}
		}
	})

	t.Run("speaks both versions, with what only 2.0 has only there", func(t *testing.T) {
		versions := map[string]int{}
		for _, stmt := range demo {
			s := read(t, stmt.JSON)
			versions[stmt.Version]++
			of20 := len(s.Context.ContextAgents)+len(s.Context.ContextGroups) > 0
			if stmt.Version == campus.Version103 && (of20 || s.Version != "") {
				t.Fatalf("a statement of 1.0.3 has properties of 2.0: %s", stmt.JSON)
			}
		}
		if versions[campus.Version103] < 1000 || versions[campus.Version200] < 400 || len(versions) != 2 {
			t.Errorf("versions are unbalanced: %v", versions)
		}
	})

	t.Run("refers only to earlier statements, and voids ten", func(t *testing.T) {
		told, voiding := map[string]bool{}, 0
		for _, stmt := range demo {
			s := read(t, stmt.JSON)
			if s.Object.ObjectType == "StatementRef" && !told[s.Object.ID] {
				t.Errorf("%s refers to %s, which was not told before", s.ID, s.Object.ID)
			}
			if strings.HasSuffix(s.Verb.ID, "/voided") {
				voiding++
			}
			told[s.ID] = true
		}
		if voiding != 10 {
			t.Errorf("%d statements void another, want 10", voiding)
		}
	})

	t.Run("shows every kind of object, actor and identifier", func(t *testing.T) {
		found := map[string]bool{}
		for _, stmt := range demo {
			s := read(t, stmt.JSON)
			found["object "+s.Object.ObjectType] = true
			for property := range s.Actor {
				found["actor "+property] = true
			}
			if len(s.Attachments) > 0 {
				found["attachment"] = true
			}
		}
		for _, want := range []string{
			"object Activity", "object Agent", "object StatementRef", "object SubStatement",
			"actor mbox", "actor mbox_sha1sum", "actor openid", "actor account", "actor member", "attachment",
		} {
			if !found[want] {
				t.Errorf("no statement has %s", want)
			}
		}
	})

	t.Run("keeps platform to statements about activities", func(t *testing.T) { // Data 2.4.6
		for _, stmt := range demo {
			if s := read(t, stmt.JSON); s.Context.Platform != "" && s.Object.ObjectType != "Activity" {
				t.Fatalf("platform beside an object that is a %s: %s", s.Object.ObjectType, stmt.JSON)
			}
		}
	})
}

func TestSeed(t *testing.T) {
	t.Run("the same seed gives the same bytes", func(t *testing.T) {
		if !slices.EqualFunc(campus.New(7).Demo(), campus.New(7).Demo(), func(a, b campus.Statement) bool { return bytes.Equal(a.JSON, b.JSON) }) {
			t.Error("two demos of seed 7 differ")
		}
		if a, b := campus.New(7).Bench(123, 0), campus.New(7).Bench(123, 0); !bytes.Equal(a, b) {
			t.Errorf("%s\n%s", a, b)
		}
	})

	t.Run("another seed tells other stories", func(t *testing.T) {
		if bytes.Equal(campus.New(7).Statement(0).JSON, campus.New(8).Statement(0).JSON) {
			t.Error("seeds 7 and 8 give the same first statement")
		}
	})

	t.Run("another run changes ids and nothing else", func(t *testing.T) {
		one, two := campus.New(7), campus.New(7, campus.WithRun(42))
		a, b := one.Bench(0, 0), two.Bench(0, 0)
		a = bytes.Replace(a, []byte(read(t, a).ID), []byte(read(t, b).ID), 1)
		a = bytes.Replace(a, []byte(one.Registration(0)), []byte(two.Registration(0)), 1)
		if diff := cmp.Diff(string(a), string(b)); diff != "" {
			t.Error(diff)
		}
	})

	t.Run("a campus serves many readers at once", func(t *testing.T) {
		c := campus.New(7)
		var readers sync.WaitGroup
		for n := range 4 {
			readers.Go(func() { c.Bench(n, 0); c.Statement(n) })
		}
		readers.Wait()
	})
}

func TestBench(t *testing.T) {
	c := campus.New(3)

	t.Run("is as long as asked", func(t *testing.T) {
		for _, size := range []int{1200, 2000, 20_000} {
			for i := range 500 {
				stmt := c.Bench(i, size)
				read(t, stmt)
				if len(stmt) != size {
					t.Fatalf("statement %d has %d bytes, want %d", i, len(stmt), size)
				}
			}
		}
		if got := len(c.Bench(0, 0)); got != campus.DefaultSize {
			t.Errorf("without a size it has %d bytes, want %d", got, campus.DefaultSize)
		}
	})

	t.Run("below the least size is whole and valid", func(t *testing.T) {
		for i := range 500 {
			stmt := c.Bench(i, 1)
			read(t, stmt)
			if len(stmt) > campus.DefaultSize {
				t.Fatalf("statement %d takes %d bytes at least, more than the default size", i, len(stmt))
			}
		}
	})

	t.Run("starts with the id", func(t *testing.T) {
		stmt := c.Bench(5, 0)
		if want := `{"id":"` + read(t, stmt).ID + `"`; !bytes.HasPrefix(stmt, []byte(want)) {
			t.Errorf("%s does not start with %s", stmt, want)
		}
	})
}

func TestBench_variety(t *testing.T) {
	c := campus.New(3)
	const n = 20_480
	ids, agents, verbs, activities := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	registrations := map[string]string{} // to their agent
	registered := 0
	for i := range n {
		stmt := c.Bench(i, 0)
		s := read(t, stmt)
		agent, err := json.Marshal(s.Actor)
		if err != nil {
			t.Fatal(err)
		}
		ids[s.ID], agents[string(agent)], verbs[s.Verb.ID], activities[s.Object.ID] = true, true, true, true
		if r := s.Context.Registration; r != "" {
			registered++
			if other, known := registrations[r]; known && other != string(agent) {
				t.Fatalf("registration %s has two learners: %s and %s", r, other, agent)
			}
			registrations[r] = string(agent)
		}
	}

	t.Run("has ids of their own", func(t *testing.T) {
		if len(ids) != n {
			t.Errorf("%d ids in %d statements", len(ids), n)
		}
	})
	t.Run("has twelve verbs, 150 activities and thousands of agents", func(t *testing.T) {
		if len(verbs) != campus.Verbs || len(activities) != campus.Activities || len(agents) < 7_000 {
			t.Errorf("%d verbs, %d activities, %d agents", len(verbs), len(activities), len(agents))
		}
	})
	t.Run("has a registration on every second statement, eight of each", func(t *testing.T) {
		if registered != n/2 || len(registrations) != n/16 {
			t.Errorf("%d registered statements of %d registrations, want %d of %d", registered, len(registrations), n/2, n/16)
		}
	})
	t.Run("names what it is filtered by through the accessors", func(t *testing.T) {
		for k := range campus.Verbs {
			if !verbs[c.VerbID(k)] {
				t.Errorf("verb %s is never used", c.VerbID(k))
			}
		}
		for k := range campus.Activities {
			if !activities[c.ActivityID(k)] {
				t.Errorf("activity %s is never used", c.ActivityID(k))
			}
		}
		for k := range n / 16 {
			if registrations[c.Registration(k)] == "" {
				t.Fatalf("registration %d is never used", k)
			}
		}
	})
}

func TestAgentJSON_isUnique(t *testing.T) {
	c := campus.New(1)
	agents := make([]string, campus.People)
	for k := range agents {
		var agent map[string]any
		if err := json.Unmarshal(c.AgentJSON(k), &agent); err != nil {
			t.Fatal(err)
		}
		delete(agent, "name")
		if len(agent) != 2 { // objectType and one identifier (Data 2.4.2.3)
			t.Fatalf("agent %d has not one identifier: %v", k, agent)
		}
		identifier, err := json.Marshal(agent)
		if err != nil {
			t.Fatal(err)
		}
		agents[k] = string(identifier)
	}
	slices.Sort(agents)
	if distinct := len(slices.Compact(slices.Clone(agents))); distinct != campus.People {
		t.Errorf("%d different identifiers, want %d", distinct, campus.People)
	}
}

func TestPerson(t *testing.T) {
	c := campus.New(1)
	for _, n := range []int{0, 7, campus.People + 7} {
		given, family, mail := c.Person(n)
		of := n % campus.People
		if given == "" || family == "" || !strings.Contains(mail, "@ministere-") || !strings.HasSuffix(mail, ".example") {
			t.Errorf("agent %d is %s %s, %s", of, given, family, mail)
		}
		if again, _, same := c.Person(of); again != given || same != mail {
			t.Errorf("agent %d is told in two ways", n)
		}
	}
}

func BenchmarkAppendBench(b *testing.B) {
	c := campus.New(1)
	buf := c.AppendBench(nil, 0, 0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		buf = c.AppendBench(buf[:0], i, campus.DefaultSize)
	}
}
