package programme_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/completion"
	"acquis/hub/directory"
	"acquis/hub/programme"
	"acquis/internal/mongotest"
	"acquis/lrs"
	"acquis/storage"
	"acquis/storage/mongostore"
	"acquis/storage/pebblestore"
)

// stage is a service under test with all that it needs, whose clock is moved by hand.
type stage struct {
	*programme.Service
	store     storage.Store
	catalogue *catalogue.Catalogue
	directory *directory.Directory
	calendar  hub.Calendar
	mu        sync.Mutex
	now       time.Time
	acts      []hub.Act
}

// Record implements hub.Audit.
func (s *stage) Record(_ context.Context, _ hub.Caller, act hub.Act) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acts = append(s.acts, act)
	return nil
}

func (s *stage) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(time.Microsecond)
	return s.now
}

func (s *stage) later(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

var (
	operator = hub.Caller{Principal: lrs.Principal{Name: "root", Roles: lrs.RoleOperator}, Reason: "a test"}
	manager  = hub.Caller{Principal: lrs.Principal{Name: "south", Roles: lrs.RoleLicenceManager, Subtrees: []string{"south"}}}
	today    = hub.NewDay(2026, time.November, 20)
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func backends(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Run("embedded", func(t *testing.T) { test(t, embedded(t)) })
	t.Run("on MongoDB", func(t *testing.T) {
		store, err := mongostore.Open(t.Context(), mongostore.Options{URI: mongotest.Database(t)})
		must(t, err)
		test(t, open(t, store))
	})
}

func embedded(t testing.TB) *stage {
	t.Helper()
	store, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir()})
	must(t, err)
	return open(t, store)
}

func open(t testing.TB, store storage.Store) *stage {
	t.Helper()
	t.Cleanup(func() { must(t, store.Close()) })
	paris, err := hub.NewCalendar("Europe/Paris")
	must(t, err)
	s := &stage{store: store, calendar: paris, now: paris.Start(today).Add(10 * time.Hour)}
	s.directory, err = directory.New(t.Context(), store, directory.Options{Audit: s, Calendar: paris, Now: s.clock})
	must(t, err)
	s.catalogue, err = catalogue.New(t.Context(), store, catalogue.Options{Audit: s, Calendar: paris, Now: s.clock})
	must(t, err)
	s.Service, err = programme.New(t.Context(), store, programme.Options{Directory: s.directory, Catalogue: s.catalogue, Audit: s, Calendar: paris, Now: s.clock})
	must(t, err)
	must(t, store.DeclareCollections(t.Context(), completion.Completions.Collection))
	for _, o := range []directory.Organisation{
		{ID: "ministry", Name: "Ministère", Kind: directory.Ministry},
		{ID: "north", Name: "Nord", Kind: directory.Directorate, Parents: []directory.Edge{{Parent: "ministry"}}, Headcounts: []directory.Headcount{{Day: 1, Count: 40}}},
		{ID: "south", Name: "Sud", Kind: directory.Directorate, Parents: []directory.Edge{{Parent: "ministry"}}, Headcounts: []directory.Headcount{{Day: 1, Count: 10}}},
	} {
		_, err := s.directory.PutOrganisation(t.Context(), operator, o, 0)
		must(t, err)
	}
	must(t, s.catalogue.PutProvider(t.Context(), operator, catalogue.Provider{ID: "pix", Title: catalogue.Text{"fr": "Pix"}}))
	for _, id := range []hub.ItemID{"a", "b", "c", "socle"} {
		item := catalogue.Item{ID: id, Kind: catalogue.Module, Title: catalogue.Text{"fr": string(id)}, Status: catalogue.Live}
		if id == "socle" {
			item.Provider = "pix"
		}
		_, err := s.catalogue.PutItem(t.Context(), operator, item, nil, catalogue.Consent{})
		must(t, err)
	}
	return s
}

// at is noon of a day, so many days before today.
func (s *stage) at(before int) lrs.Instant {
	return lrs.InstantOf(s.calendar.Start(today - hub.Day(before)).Add(12 * time.Hour))
}

// record is a completion that began 10 days before it ended, and, with days of -1, did not end.
func (s *stage) record(person hub.PersonID, item hub.ItemID, organisation hub.OrganisationID, days int) completion.Completion {
	c := completion.Completion{
		Person: person, Item: item, Kind: catalogue.Module, Announced: 3600, Measured: 1800,
		Organisation: organisation, Path: []hub.OrganisationID{organisation, "ministry"},
	}
	last := max(days, 0)
	c.First, c.Latest = s.at(last+10), s.at(last)
	c.Started = &completion.Mark{At: c.First, Stored: c.First, Statement: lrs.ID(uuid.New())}
	if days >= 0 {
		c.Completed = &completion.Mark{At: c.Latest, Stored: c.Latest, Statement: lrs.ID(uuid.New())}
	}
	c.Day = today - hub.Day(last)
	return c
}

func (s *stage) keep(t testing.TB, records ...completion.Completion) {
	t.Helper()
	for _, c := range records {
		row, err := completion.Completions.Find(t.Context(), s.store, string(c.Person), string(c.Item))
		must(t, err)
		row.Value = c
		_, err = completion.Completions.Save(t.Context(), s.store, row)
		must(t, err)
	}
}

func (s *stage) person(t testing.TB, organisation hub.OrganisationID) hub.PersonID {
	t.Helper()
	row, _, err := s.directory.UpsertPerson(t.Context(), operator, directory.Profile{
		GivenName: "Camille", FamilyName: "Inventé", Affiliations: []directory.Affiliation{{Organisation: organisation}},
		Addresses: []directory.Address{{Mail: uuid.NewString() + "@example.org"}},
	})
	must(t, err)
	return row.Value.ID
}

func rules(err error) (all []string) {
	var e *lrs.Error
	if errors.As(err, &e) {
		for _, v := range e.Violations {
			all = append(all, v.Pointer+" "+v.Rule)
		}
	}
	return all
}

func retraining() programme.Programme {
	return programme.Programme{
		ID: "analyste-2026", Kind: programme.Retraining, Title: catalogue.Text{"fr": "Analyste"}, Months: 6, Places: 12,
		Required: catalogue.Rule{{All: []hub.ItemID{"a", "b"}}, {AtLeast: 1, Of: []hub.ItemID{"c", "socle"}}},
		Cohorts:  []programme.Cohort{{ID: "spring", During: hub.Span{From: today - 200, To: today + 10}}, {ID: "autumn"}},
	}
}

func TestService_Progress(t *testing.T) {
	backends(t, func(t *testing.T, s *stage) {
		_, err := s.Put(t.Context(), operator, retraining(), nil)
		must(t, err)
		done, half, south := s.person(t, "north"), s.person(t, "north"), s.person(t, "south")
		must(t, s.PutMembers(t.Context(), operator, "analyste-2026", []programme.Member{
			{Person: done, Cohort: "spring"}, {Person: half, Cohort: "autumn", During: hub.Span{From: hub.NewDay(2026, 9, 1)}}, {Person: south, Cohort: "spring", Abandoned: true, During: hub.Span{To: today - 1}},
		}))
		s.keep(t, s.record(done, "a", "north", 9), s.record(done, "b", "north", 30), s.record(done, "c", "north", 5), s.record(half, "a", "north", 3), s.record(half, "c", "north", -1))
		t.Run("members are as far as their completions, cohorts as their members", func(t *testing.T) {
			p, err := s.Progress(t.Context(), operator, "analyste-2026")
			must(t, err)
			of := map[hub.PersonID]programme.MemberProgress{}
			for _, m := range p.Members {
				of[m.Person] = m
			}
			if m := of[done]; m.Asked != 3 || m.Done != 3 || m.Percent != 100 || m.Completed != today-5 || m.Due != today+10 || m.Announced != 3*3600 {
				t.Errorf("who is done: %+v", m)
			}
			if m := of[half]; m.Done != 1 || m.Percent != 33 || m.Completed != 0 || !m.Started || m.Due != hub.NewDay(2027, 2, 28) || m.Measured != 2*1800 || m.Announced != 3600 {
				t.Errorf("who is half way: %+v", m)
			}
			want := programme.CohortProgress{Members: 3, UnderWay: 1, Started: 2, Completed: 1, Abandoned: 1, Percent: 44}
			if diff := cmp.Diff(want, p.All); diff != "" {
				t.Error(diff)
			}
			if len(p.Cohorts) != 2 || p.Cohorts[0].Members != 2 || p.Cohorts[1].Percent != 33 {
				t.Errorf("cohorts: %+v", p.Cohorts)
			}
			if last := s.acts[len(s.acts)-1]; last.Action != "programme.read" || last.Count != 3 {
				t.Errorf("on record is %+v", last)
			}
		})
		t.Run("a manager sees the members of their subtree only", func(t *testing.T) {
			p, err := s.Progress(t.Context(), manager, "analyste-2026")
			must(t, err)
			if len(p.Members) != 1 || p.Members[0].Person != south || p.All.Members != 1 {
				t.Errorf("%+v", p.Members)
			}
		})
		t.Run("members are taken all or none, and only who is known", func(t *testing.T) {
			err := s.PutMembers(t.Context(), operator, "analyste-2026", []programme.Member{{Person: half, Cohort: "spring"}, {Person: "nobody"}, {Person: half, Cohort: "winter", During: hub.Span{From: 9, To: 8}}})
			want := []string{"/members/1/person unknown", "/members/2/person repeated", "/members/2/cohort unknown", "/members/2/during span"}
			if diff := cmp.Diff(want, rules(err)); diff != "" {
				t.Error(diff)
			}
			row, err := programme.Members.Get(t.Context(), s.store, "analyste-2026", string(half))
			if err != nil || row.Value.Cohort != "autumn" || len(row.Value.History) != 1 {
				t.Errorf("%+v, %v", row.Value, err)
			}
			if err := s.PutMembers(t.Context(), manager, "analyste-2026", nil); !errors.Is(err, lrs.ErrForbidden) {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestService_Put(t *testing.T) {
	s := embedded(t)
	t.Run("everything that is wrong is said", func(t *testing.T) {
		_, err := s.Put(t.Context(), operator, programme.Programme{
			ID: "No", Kind: "course", Organisation: "nowhere", Months: -1, Places: -1, During: hub.Span{From: 2, To: 1},
			Required: catalogue.Rule{{All: []hub.ItemID{"x"}}, {}}, Cohorts: []programme.Cohort{{ID: "a"}, {ID: "a"}},
		}, nil)
		want := []string{
			"/id id", "/kind value", "/title required", "/organisation unknown", "/during span", "/months range", "/places range",
			"/required unknown", "/required rule", "/cohorts/1/id repeated",
		}
		if diff := cmp.Diff(want, rules(err)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("only the revision that was read is replaced, and the history stays", func(t *testing.T) {
		none := lrs.Instant(0)
		row, err := s.Put(t.Context(), operator, retraining(), &none)
		must(t, err)
		if _, err := s.Put(t.Context(), operator, retraining(), &none); !errors.Is(err, lrs.ErrConflict) {
			t.Errorf("got %v", err)
		}
		row, err = s.Put(t.Context(), operator, retraining(), &row.Revision)
		must(t, err)
		if h := row.Value.History; len(h) != 2 || h[0].Action != "create" || h[1].Action != "update" || h[1].By != "root" {
			t.Errorf("%+v", h)
		}
	})
	t.Run("a programme made for others is not seen", func(t *testing.T) {
		tailored := programme.Programme{ID: "nord", Kind: programme.Tailored, Title: catalogue.Text{"fr": "Nord"}, Organisation: "north"}
		_, err := s.Put(t.Context(), operator, tailored, nil)
		must(t, err)
		if _, err := s.Programme(t.Context(), manager, "nord"); !errors.Is(err, lrs.ErrNotFound) {
			t.Errorf("got %v", err)
		}
		all, err := s.List(t.Context(), manager)
		if err != nil || len(all) != 1 || all[0].Value.ID != "analyste-2026" {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

func (s *stage) aims(t testing.TB, small int, socle ...programme.Condition) {
	t.Helper()
	_, err := s.PutTargets(t.Context(), operator, programme.Targets{Goal: 1, Small: small, Socle: socle}, nil)
	must(t, err)
}

func TestService_Training(t *testing.T) {
	backends(t, func(t *testing.T, s *stage) {
		s.aims(t, 3, programme.Condition{Provider: "pix", Mastery: 0.6}, programme.Condition{Items: []hub.ItemID{"a"}, Certified: true})
		score := 0.7
		for n := range 4 {
			person := hub.PersonID(fmt.Sprint("n", n))
			c := s.record(person, "socle", "north", 5+n)
			if n > 0 {
				c.Best = &completion.Scored{Score: completion.Score{Scaled: &score}, At: s.at(5 + 100*n)}
			}
			s.keep(t, c, s.record(person, "b", "north", -1))
		}
		certified := s.record("s0", "a", "south", 8)
		certified.Certified = certified.Completed
		s.keep(t, certified, s.record("s1", "a", "south", 400))
		period := programme.Query{Period: hub.AcademicYear(today)} // from 1 September
		t.Run("agents are counted once, by organisation with everything below it", func(t *testing.T) {
			f, err := s.Training(t.Context(), operator, period)
			must(t, err)
			if len(f.Rows) != 3 || f.Rows[0].Organisation != "ministry" {
				t.Fatalf("%+v", f)
			}
			m, n := f.Rows[0], f.Rows[1]
			if *m.Headcount != 50 || *m.Started != 5 || *m.Completed != 5 || *m.Completions != 5 || *m.Socle != 4 || *m.Share != 0.08 || *m.Announced != 5 || *m.Measured != 4.5 {
				t.Errorf("the ministry: %s", show(m))
			}
			if *n.Headcount != 40 || *n.Started != 4 || *n.Completed != 4 || *n.Socle != 3 || *n.Share != 0.075 || *n.Measured != 4 {
				t.Errorf("the north: %s", show(n))
			}
		})
		t.Run("figures about few agents are hidden, those about nobody are not", func(t *testing.T) {
			f, err := s.Training(t.Context(), manager, period)
			must(t, err)
			if len(f.Rows) != 1 || f.Rows[0].Organisation != "south" {
				t.Fatalf("the manager sees %+v", f.Rows)
			}
			south := f.Rows[0]
			if south.Completed != nil || south.Announced != nil || south.Share != nil || !slices.Contains(south.Hidden, "socle") || *south.Headcount != 10 {
				t.Errorf("%s", show(south))
			}
			f, err = s.Training(t.Context(), manager, programme.Query{Period: hub.Year(hub.NewDay(2020, 1, 1))})
			must(t, err)
			if got := f.Rows[0]; got.Completed == nil || *got.Completed != 0 {
				t.Errorf("%s", show(got))
			}
		})
		t.Run("what others may see is not found", func(t *testing.T) {
			if _, err := s.Training(t.Context(), manager, programme.Query{Period: period.Period, Organisation: "north"}); !errors.Is(err, lrs.ErrNotFound) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("figures are kept for a while, and say since when", func(t *testing.T) {
			before, err := s.Training(t.Context(), operator, period)
			must(t, err)
			s.keep(t, s.record("n9", "b", "north", 1))
			again, err := s.Training(t.Context(), operator, period)
			must(t, err)
			s.later(6 * time.Minute)
			after, err := s.Training(t.Context(), operator, period)
			must(t, err)
			if *again.Rows[0].Completed != *before.Rows[0].Completed || again.AsOf != before.AsOf || *after.Rows[0].Completed != *before.Rows[0].Completed+1 || after.AsOf == before.AsOf {
				t.Errorf("%s, %s, %s", show(before.Rows[0]), show(again.Rows[0]), show(after.Rows[0]))
			}
		})
		t.Run("without a rule nobody is said to have the basic skills, or not to", func(t *testing.T) {
			s.aims(t, 0)
			f, err := s.Training(t.Context(), operator, period)
			must(t, err)
			if f.Rows[0].Socle != nil || f.Rows[0].Share != nil || f.Rows[2].Completed == nil {
				t.Errorf("%s", show(f.Rows[0]))
			}
		})
	})
}

func show(f programme.Figure) string { return fmt.Sprintf("%+v", cmp.Diff(programme.Figure{}, f)) }

// counted is what Training is to say of an organisation, by way of sets.
type counted struct{ Started, Completed, Acquired, Socle int }

func TestService_Training_againstSets(t *testing.T) {
	s := embedded(t)
	s.aims(t, 0, programme.Condition{Items: []hub.ItemID{"a", "socle"}, Completed: true})
	rapid.Check(t, func(rt *rapid.T) {
		people := []hub.PersonID{"p1", "p2", "p3"}
		from := today - hub.Day(rapid.IntRange(0, 30).Draw(rt, "from"))
		period := hub.Span{From: from, To: from + hub.Day(rapid.IntRange(0, 30).Draw(rt, "days"))}
		sets := map[hub.OrganisationID][4]map[hub.PersonID]bool{}
		for _, id := range []hub.OrganisationID{"ministry", "north", "south"} {
			sets[id] = [4]map[hub.PersonID]bool{{}, {}, {}, {}}
		}
		for _, person := range people {
			for _, item := range []hub.ItemID{"a", "b", "socle"} {
				organisation := rapid.SampledFrom([]hub.OrganisationID{"north", "south"}).Draw(rt, "organisation")
				c := s.record(person, item, organisation, rapid.IntRange(-1, 40).Draw(rt, "days ago"))
				s.keep(t, c)
				for _, id := range c.Path {
					set := sets[id]
					if began := s.calendar.Day(c.Started.At.Time()); period.Covers(began) {
						set[0][person] = true
					}
					if c.Completed == nil {
						continue
					}
					if period.Covers(c.Day) {
						set[1][person] = true
					}
					if item != "b" && period.Covers(c.Day) {
						set[2][person] = true
					}
					if item != "b" && c.Day <= period.To {
						set[3][person] = true
					}
				}
			}
		}
		s.later(time.Hour)
		f, err := s.Training(t.Context(), operator, programme.Query{Period: period})
		if err != nil {
			rt.Fatal(err)
		}
		for _, row := range f.Rows {
			set := sets[row.Organisation]
			want := counted{len(set[0]), len(set[1]), len(set[2]), len(set[3])}
			if got := (counted{*row.Started, *row.Completed, *row.Acquired, *row.Socle}); got != want {
				rt.Fatalf("%s in %v has %+v, want %+v", row.Organisation, period, got, want)
			}
		}
	})
}

func TestService_PutTargets(t *testing.T) {
	s := embedded(t)
	t.Run("all agents by the end of 2026 is what is aimed at first", func(t *testing.T) {
		row, err := s.Targets(t.Context(), manager)
		must(t, err)
		if row.Value.Goal != 1 || row.Value.By != hub.NewDay(2026, 12, 31) || row.Value.Small != 5 || len(row.Value.Socle) != 0 {
			t.Errorf("%+v", row.Value)
		}
	})
	t.Run("everything that is wrong is said", func(t *testing.T) {
		_, err := s.PutTargets(t.Context(), operator, programme.Targets{Goal: 2, Small: -1, Socle: []programme.Condition{
			{Completed: true}, {Items: []hub.ItemID{"x"}, Mastery: 60}, {Provider: "pix", Stage: -1},
		}}, nil)
		want := []string{"/goal range", "/small range", "/socle/0 required", "/socle/1/items unknown", "/socle/1/mastery range", "/socle/2/stage range"}
		if diff := cmp.Diff(want, rules(err)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("each kind of evidence is heeded, with its date", func(t *testing.T) {
		score := 0.8
		base := func() completion.Completion { return s.record("p", "socle", "north", 5) }
		for name, c := range map[string]struct {
			condition programme.Condition
			change    func(*completion.Completion)
			want      bool
		}{
			"a stage":       {programme.Condition{Provider: "pix", Stage: 3}, func(c *completion.Completion) { c.Stage = &completion.Stage{Reached: 3, Of: 5} }, true},
			"a lower stage": {programme.Condition{Provider: "pix", Stage: 3}, func(c *completion.Completion) { c.Stage = &completion.Stage{Reached: 2, Of: 5} }, false},
			"a badge":       {programme.Condition{Provider: "pix", Badge: "urn:socle"}, func(c *completion.Completion) { c.Earned = []string{"urn:socle"} }, true},
			"another badge": {programme.Condition{Provider: "pix", Badge: "urn:socle"}, func(c *completion.Completion) { c.Earned = []string{"urn:x"} }, false},
			"a mastery rate": {programme.Condition{Provider: "pix", Mastery: 0.8}, func(c *completion.Completion) {
				c.Best = &completion.Scored{Score: completion.Score{Scaled: &score}, At: c.Latest}
			}, true},
			"a certification":         {programme.Condition{Provider: "pix", Certified: true}, func(c *completion.Completion) { c.Certified = c.Completed }, true},
			"both that are asked for": {programme.Condition{Provider: "pix", Certified: true, Stage: 1}, func(c *completion.Completion) { c.Certified = c.Completed }, false},
			"another provider":        {programme.Condition{Provider: "x", Completed: true}, func(*completion.Completion) {}, false},
		} {
			s.aims(t, 0, c.condition)
			record := base()
			c.change(&record)
			s.keep(t, record)
			f, err := s.Training(t.Context(), operator, programme.Query{Period: hub.Span{To: today}})
			must(t, err)
			if got := *f.Rows[0].Socle == 1; got != c.want {
				t.Errorf("%s: %v", name, got)
			}
		}
	})
}

// BenchmarkTraining computes figures from 100,000 completions of 20,000 people.
func BenchmarkTraining(b *testing.B) {
	s := embedded(b)
	s.aims(b, 5, programme.Condition{Provider: "pix", Mastery: 0.6})
	const people, each = 20_000, 5
	items := []hub.ItemID{"a", "b", "c", "socle", "d"}
	for n := range people {
		group := docstore.Group{Partition: fmt.Sprintf("p%06d", n)}
		for i := range each {
			c := s.record(hub.PersonID(group.Partition), items[i], []hub.OrganisationID{"north", "south"}[n%2], n%300)
			write, err := completion.Completions.Put(docstore.Row[completion.Completion]{Key: docstore.Key{ID: string(items[i])}, Value: c})
			must(b, err)
			group.Writes = append(group.Writes, write)
		}
		_, err := s.store.ApplyDocs(b.Context(), group)
		must(b, err)
	}
	b.ResetTimer()
	for b.Loop() {
		s.later(time.Hour)
		if _, err := s.Training(b.Context(), operator, programme.Query{Period: hub.Year(today)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(people*each*b.N)/b.Elapsed().Seconds(), "records/s")
}
