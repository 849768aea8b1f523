package catalogue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/internal/mongotest"
	"acquis/lrs"
	"acquis/storage/mongostore"
	"acquis/storage/pebblestore"
)

// stage is a catalogue under test, whose clock stands still.
type stage struct {
	*catalogue.Catalogue
	store docstore.Store
	mu    sync.Mutex
	now   time.Time
	acts  []hub.Act
}

var (
	noon     = time.Date(2026, time.September, 1, 10, 0, 0, 0, time.UTC)
	operator = hub.Caller{Principal: lrs.Principal{Name: "root", Roles: lrs.RoleOperator}, Reason: "a test"}
	reader   = hub.Caller{Principal: lrs.Principal{Name: "bi", Roles: lrs.RoleBIReader}}
)

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

// backends runs a test on each backend, empty.
func backends(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Run("embedded", func(t *testing.T) { test(t, embedded(t)) })
	t.Run("on MongoDB", func(t *testing.T) {
		store, err := mongostore.Open(t.Context(), mongostore.Options{URI: mongotest.Database(t)})
		must(t, err)
		t.Cleanup(func() { must(t, store.Close()) })
		test(t, open(t, store))
	})
}

func embedded(t testing.TB) *stage {
	t.Helper()
	store, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir()})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return open(t, store)
}

func open(t testing.TB, store docstore.Store) *stage {
	t.Helper()
	paris, err := hub.NewCalendar("Europe/Paris")
	must(t, err)
	s := &stage{store: store, now: noon}
	s.Catalogue, err = catalogue.New(t.Context(), store, catalogue.Options{Audit: s, Calendar: paris, Now: s.clock})
	must(t, err)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func module(id hub.ItemID) catalogue.Item {
	return catalogue.Item{ID: id, Kind: catalogue.Module, Title: catalogue.Text{"fr": "Module " + string(id)}, Status: catalogue.Live}
}

func parcours(id hub.ItemID, parts ...hub.ItemID) catalogue.Item {
	return catalogue.Item{
		ID: id, Kind: catalogue.Parcours, Title: catalogue.Text{"en": "Parcours " + string(id)}, Status: catalogue.Live,
		Versions: []catalogue.Version{{Rule: catalogue.Rule{{All: parts}}}},
	}
}

func (s *stage) put(t *testing.T, items ...catalogue.Item) {
	t.Helper()
	for _, item := range items {
		_, err := s.PutItem(t.Context(), operator, item, nil, catalogue.Consent{})
		must(t, err)
	}
}

// rules lists the rules that an error says were broken, and where.
func rules(err error) (all []string) {
	var e *lrs.Error
	if errors.As(err, &e) {
		for _, v := range e.Violations {
			all = append(all, v.Pointer+" "+v.Rule)
		}
	}
	return all
}

func TestCatalogue_PutItem(t *testing.T) {
	backends(t, func(t *testing.T, s *stage) {
		t.Run("an item is read as it was put, and the picture has it at once", func(t *testing.T) {
			s.put(t, module("a"), module("b"), parcours("p", "a", "b"))
			row, err := s.Item(t.Context(), reader, "p")
			must(t, err)
			want := parcours("p", "a", "b")
			want.Versions[0].Number, want.Versions[0].Begun = 1, true
			if diff := cmp.Diff(want, row.Value); diff != "" || row.Revision == 0 {
				t.Error(diff)
			}
			if got, ok := s.Picture().Item("p"); !ok || !cmp.Equal(got, want) {
				t.Errorf("the picture has %+v", got)
			}
		})
		t.Run("only the revision that was read is replaced", func(t *testing.T) {
			row, err := s.Item(t.Context(), reader, "a")
			must(t, err)
			changed := row.Value
			changed.Minutes = 20
			_, err = s.PutItem(t.Context(), operator, changed, &row.Revision, catalogue.Consent{})
			must(t, err)
			if _, err = s.PutItem(t.Context(), operator, changed, &row.Revision, catalogue.Consent{}); !errors.Is(err, lrs.ErrConflict) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("a cycle is refused by the names of what is in it", func(t *testing.T) {
			s.put(t, parcours("q", "p"), parcours("r", "q"))
			p := parcours("p", "a", "r")
			p.Status = catalogue.Live
			_, err := s.PutItem(t.Context(), operator, p, nil, catalogue.Consent{Correct: true})
			if err == nil || !strings.Contains(err.Error(), "p (Parcours p) asks for r (Parcours r) asks for q (Parcours q) asks for p (Parcours p)") {
				t.Errorf("got %v", err)
			}
			if row, err := s.Item(t.Context(), reader, "p"); err != nil || len(row.Value.Items()) != 2 {
				t.Errorf("it is %+v now, %v", row.Value, err)
			}
		})
		t.Run("everything that is wrong is said at once", func(t *testing.T) {
			_, err := s.PutItem(t.Context(), operator, catalogue.Item{
				ID: "No", Kind: "course", Status: "open", Modality: "radio", Expertise: "x", Provider: "y", Languages: []string{"français"}, Minutes: -1,
				Versions: []catalogue.Version{
					{InForce: hub.Span{From: 10, To: 5}, Rule: catalogue.Rule{{All: []hub.ItemID{"a", "a", "nowhere"}}}},
					{Rule: catalogue.Rule{{AtLeast: 3, Of: []hub.ItemID{"a", "b"}}, {}}},
				},
			}, nil, catalogue.Consent{})
			want := []string{
				"/id id", "/kind value", "/title required", "/status value", "/modality value", "/expertise unknown", "/provider unknown", "/languages language", "/minutes range",
				"/versions/0 span", "/versions/0 rule", "/versions/0 unknown", "/versions/1 span", "/versions/1 rule", "/versions/1 rule",
			}
			if diff := cmp.Diff(want, rules(err)); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("a rule that was in force changes on purpose only", func(t *testing.T) {
			p := parcours("p", "a")
			if _, err := s.PutItem(t.Context(), operator, p, nil, catalogue.Consent{}); !slices.Equal(rules(err), []string{"/versions/0 fixed"}) {
				t.Errorf("got %v", err)
			}
			_, err := s.PutItem(t.Context(), operator, p, nil, catalogue.Consent{Correct: true})
			must(t, err)
		})
		t.Run("who may not change it may read it, and the attempt is on record", func(t *testing.T) {
			if _, err := s.PutItem(t.Context(), reader, module("z"), nil, catalogue.Consent{}); !errors.Is(err, lrs.ErrForbidden) {
				t.Errorf("got %v", err)
			}
			if last := s.acts[len(s.acts)-1]; last.Outcome != hub.Denied || last.Target != "item/z" {
				t.Errorf("on record is %+v", last)
			}
			if _, err := s.Item(t.Context(), hub.Caller{}, "p"); !errors.Is(err, lrs.ErrForbidden) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("the history tells who changed what, the newest first", func(t *testing.T) {
			edits, next, err := s.History(t.Context(), reader, "item/p", 10, "")
			must(t, err)
			if len(edits) != 2 || next != "" || edits[0].Action != catalogue.Changed || edits[1].Action != catalogue.Added || edits[0].By != "root" || edits[0].Reason != "a test" || !strings.Contains(string(edits[0].Before), `"b"`) {
				t.Errorf("got %+v, %q", edits, next)
			}
		})
	})
}

func TestCatalogue_versions(t *testing.T) {
	s := embedded(t)
	s.put(t, module("a"), module("b"))
	p := parcours("p", "a", "b")
	p.Versions = append(p.Versions, catalogue.Version{InForce: hub.Span{From: hub.NewDay(2026, 10, 1)}, Rule: catalogue.Rule{{All: []hub.ItemID{"a"}}}})
	s.put(t, p)

	t.Run("a version ends the day before the next one begins", func(t *testing.T) {
		item, _ := s.Picture().Item("p")
		if got := item.Versions[0].InForce.To; got != hub.NewDay(2026, 9, 30) {
			t.Errorf("it ends on %s", got)
		}
	})
	t.Run("a version counts once its day has come, which is on record", func(t *testing.T) {
		item, _ := s.Picture().Item("p")
		must(t, s.Begin(t.Context()))
		if again, _ := s.Picture().Item("p"); item.Versions[1].Begun || !cmp.Equal(item, again) {
			t.Errorf("on 1 September it is %+v", again)
		}
		s.now = time.Date(2026, time.September, 30, 22, 0, 0, 0, time.UTC) // midnight in Paris
		must(t, s.Begin(t.Context()))
		item, _ = s.Picture().Item("p")
		edits, _, err := s.History(t.Context(), reader, "item/p", 1, "")
		if !item.Versions[1].Begun || err != nil || edits[0].By != "acquis" {
			t.Errorf("on 1 October it is %+v, by %+v", item, edits)
		}
	})
	t.Run("the end of a version may move to yesterday, not before", func(t *testing.T) {
		item, _ := s.Picture().Item("p")
		for day, want := range map[hub.Day]int{hub.NewDay(2026, 9, 30): 0, hub.NewDay(2026, 9, 29): 1} {
			changed := item
			changed.Versions = slices.Clone(item.Versions)
			changed.Versions[1].InForce.To = day + 1
			if day < hub.NewDay(2026, 9, 30) {
				changed.Versions[1].InForce.To = 0
				changed.Versions[0].InForce.To = day
			}
			_, err := s.PutItem(t.Context(), operator, changed, nil, catalogue.Consent{})
			if got := rules(err); len(got) != want {
				t.Errorf("ending on %s: %v", day, err)
			}
		}
	})
}

func TestCatalogue_Mappings(t *testing.T) {
	backends(t, func(t *testing.T, s *stage) {
		s.put(t, module("a"), module("b"))
		t.Run("one step maps an unknown activity", func(t *testing.T) {
			if _, ok := s.Picture().Match("pix", "https://pix.example.org/campagnes/X"); ok {
				t.Fatal("it is known before")
			}
			_, err := s.MapTo(t.Context(), operator, "", "https://pix.example.org/campagnes/X", "a")
			must(t, err)
			if m, ok := s.Picture().Match("pix", "https://pix.example.org/campagnes/X"); !ok || m.Item != "a" {
				t.Errorf("it is under %+v", m)
			}
		})
		t.Run("what is mapped goes to another item on purpose only", func(t *testing.T) {
			_, err := s.MapTo(t.Context(), operator, "", "https://pix.example.org/campagnes/X", "b")
			if !slices.Equal(rules(err), []string{"/item clash"}) {
				t.Errorf("got %v", err)
			}
			row, err := s.PutMapping(t.Context(), operator, catalogue.Mapping{Form: catalogue.Exact, IRI: "https://pix.example.org/campagnes/X", Item: "b"}, catalogue.Consent{Move: true})
			must(t, err)
			if row.Value.Item != "b" {
				t.Errorf("it is %+v", row.Value)
			}
		})
		t.Run("patterns that both match are refused by name, with an example", func(t *testing.T) {
			_, err := s.PutMapping(t.Context(), operator, catalogue.Mapping{Form: catalogue.Pattern, IRI: `https://m\.example/[0-9]+/quiz`, Item: "a"}, catalogue.Consent{})
			must(t, err)
			_, err = s.PutMapping(t.Context(), operator, catalogue.Mapping{Form: catalogue.Pattern, IRI: `https://m\.example/7.*z`, Item: "b"}, catalogue.Consent{})
			if err == nil || !strings.Contains(err.Error(), `of b and the pattern https://m\.example/[0-9]+/quiz of a both match "https://m.example/7/quiz"`) {
				t.Errorf("got %v", err)
			}
			_, err = s.PutMapping(t.Context(), operator, catalogue.Mapping{Form: catalogue.Pattern, IRI: `https://m\.example/7.*z`, Item: "b", Source: "moodle"}, catalogue.Consent{})
			must(t, err) // a source's own goes first
		})
		t.Run("a mapping that is taken away means nothing any more, and stays in the history", func(t *testing.T) {
			found, more, err := s.Mappings(t.Context(), reader, catalogue.MappingFilter{Item: "b", Form: catalogue.Exact, Limit: 10})
			if err != nil || more || len(found) != 1 {
				t.Fatalf("found %+v, %v", found, err)
			}
			must(t, s.RemoveMapping(t.Context(), operator, found[0].ID, nil))
			if _, ok := s.Picture().Match("", "https://pix.example.org/campagnes/X"); ok {
				t.Error("it still means something")
			}
			if err := s.RemoveMapping(t.Context(), operator, found[0].ID, nil); !errors.Is(err, lrs.ErrNotFound) {
				t.Errorf("taking it away again: %v", err)
			}
			edits, _, err := s.History(t.Context(), reader, "mapping/"+found[0].ID, 10, "")
			if err != nil || len(edits) != 3 || edits[0].Action != catalogue.Removed {
				t.Errorf("history %+v, %v", edits, err)
			}
		})
	})
}

func TestCatalogue_judgesMappings(t *testing.T) {
	s := embedded(t)
	s.put(t, module("a"))
	for name, c := range map[string]struct {
		mapping catalogue.Mapping
		want    []string
	}{
		"an exact IRI":                         {catalogue.Mapping{Form: catalogue.Exact, IRI: "urn:x"}, nil},
		"no IRI":                               {catalogue.Mapping{Form: catalogue.Exact, IRI: "x"}, []string{"/iri iri"}},
		"no form":                              {catalogue.Mapping{IRI: "urn:x"}, []string{"/form value"}},
		"a prefix below a host":                {catalogue.Mapping{Form: catalogue.Prefix, IRI: "https://example.org/"}, nil},
		"a prefix that other hosts begin with": {catalogue.Mapping{Form: catalogue.Prefix, IRI: "https://example.org"}, []string{"/iri prefix"}},
		"a prefix of all names":                {catalogue.Mapping{Form: catalogue.Prefix, IRI: "urn:"}, []string{"/iri prefix"}},
		"a pattern":                            {catalogue.Mapping{Form: catalogue.Pattern, IRI: `https://example\.org/(fr|en)/\d+`}, nil},
		"a pattern of anything":                {catalogue.Mapping{Form: catalogue.Pattern, IRI: `.*`}, []string{"/iri pattern"}},
		"a pattern that does not compile":      {catalogue.Mapping{Form: catalogue.Pattern, IRI: `urn:x)|(?:y`}, []string{"/iri pattern"}},
		"a pattern that RE2 has not":           {catalogue.Mapping{Form: catalogue.Pattern, IRI: `urn:x(?=y)`}, []string{"/iri pattern"}},
		"a pattern with an anchor":             {catalogue.Mapping{Form: catalogue.Pattern, IRI: `urn:x$`}, []string{"/iri pattern"}},
		"a pattern that explodes":              {catalogue.Mapping{Form: catalogue.Pattern, IRI: `urn:(a{500}){2}`}, []string{"/iri pattern"}},
		"a threshold beyond 1":                 {catalogue.Mapping{Form: catalogue.Exact, IRI: "urn:y", PassedAt: 70}, []string{"/passedAt range"}},
		"an unknown item":                      {catalogue.Mapping{Form: catalogue.Exact, IRI: "urn:y", Item: "b"}, []string{"/item unknown"}},
		"an unknown way to tell progress":      {catalogue.Mapping{Form: catalogue.Exact, IRI: "urn:y", Progress: catalogue.Progress{Scale: "10", Score: "max", Extensions: []string{"x"}}}, []string{"/scale value", "/progressScore value", "/extensions iri"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.mapping.Item == "" {
				c.mapping.Item = "a"
			}
			_, err := s.PutMapping(t.Context(), operator, c.mapping, catalogue.Consent{})
			if diff := cmp.Diff(c.want, rules(err)); diff != "" || err != nil && lrs.KindOf(err) != lrs.KindInvalid {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
}

func TestCatalogue_List(t *testing.T) {
	s := embedded(t)
	must(t, s.PutExpertise(t.Context(), operator, catalogue.Expertise{ID: "data", Title: catalogue.Text{"fr": "Données"}, Order: 1}))
	for n := range 5 {
		item := module(hub.ItemID(fmt.Sprint("m", n)))
		if n%2 == 0 {
			item.Expertise, item.Languages, item.Modality = "data", []string{"fr"}, catalogue.Online
		}
		s.put(t, item)
	}
	s.put(t, parcours("p", "m1"))
	for name, c := range map[string]struct {
		filter catalogue.Filter
		want   string
	}{
		"everything":    {catalogue.Filter{}, "m0 m1 m2 m3 m4 p"},
		"by kind":       {catalogue.Filter{Kind: catalogue.Parcours}, "p"},
		"by expertise":  {catalogue.Filter{Expertise: "data"}, "m0 m2 m4"},
		"by language":   {catalogue.Filter{Language: "fr", Modality: catalogue.Online}, "m0 m2 m4"},
		"by words":      {catalogue.Filter{Text: "MODULE m3"}, "m3"},
		"by what it is": {catalogue.Filter{Part: "m1"}, "p"},
		"the next page": {catalogue.Filter{After: "m3"}, "m4 p"},
		"withdrawn":     {catalogue.Filter{Status: catalogue.Withdrawn}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.filter.Limit = 10
			items, more, err := s.List(t.Context(), reader, c.filter)
			var got []string
			for _, i := range items {
				got = append(got, string(i.ID))
			}
			if strings.Join(got, " ") != c.want || more || err != nil {
				t.Errorf("got %v, %v, %v", got, more, err)
			}
		})
	}
	t.Run("a page holds as many as are wanted, and says that there are more", func(t *testing.T) {
		items, more, err := s.List(t.Context(), reader, catalogue.Filter{Limit: 2})
		if len(items) != 2 || !more || err != nil {
			t.Errorf("got %d, %v, %v", len(items), more, err)
		}
	})
}

func TestCatalogue_atOnce(t *testing.T) {
	backends(t, func(t *testing.T, s *stage) {
		s.put(t, module("m"), parcours("p", "m"), parcours("q", "m"))
		other := open(t, s.store)
		var group sync.WaitGroup
		errs := make([]error, 2)
		for n, c := range []*stage{s, other} {
			group.Go(func() {
				ids := []hub.ItemID{"p", "q"}
				_, errs[n] = c.PutItem(t.Context(), operator, parcours(ids[n], "m", ids[1-n]), nil, catalogue.Consent{Correct: true})
			})
		}
		group.Wait()
		t.Run("of two changes that make a cycle together, one is refused", func(t *testing.T) {
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Errorf("got %v and %v", errs[0], errs[1])
			}
		})
		t.Run("each process sees what the other changed", func(t *testing.T) {
			if _, err := s.MapTo(t.Context(), operator, "", "urn:x", "m"); err != nil {
				t.Fatal(err)
			}
			picture, err := other.Refresh(t.Context())
			must(t, err)
			if _, ok := picture.Match("", "urn:x"); !ok || picture.Through == 0 {
				t.Errorf("it does not, up to %s", picture.Through)
			}
		})
	})
}
