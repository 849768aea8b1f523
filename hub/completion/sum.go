package completion

import (
	"maps"
	"slices"
	"time"

	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/directory"
	"acquis/lrs"
)

// Items answers for the catalogue; *catalogue.Picture does.
type Items interface {
	Item(hub.ItemID) (catalogue.Item, bool)
	ParcoursWith(hub.ItemID) []hub.ItemID
}

// Given is everything, besides facts, that completions of a person depend on.
type Given struct {
	Person   directory.Person
	Items    Items
	Tree     *directory.Tree
	Calendar hub.Calendar
}

// Sum makes the completions of a person: of each item that facts are about, and of each parcours whose
// rule is met. The facts are those of all aliases of the person. Their order, and which repetition comes first, does not matter.
func Sum(g Given, facts map[hub.ItemID][]Fact) map[hub.ItemID]Completion {
	s := newSummary(g, nil)
	for item, told := range facts {
		s.facts[item] = told
	}
	wanted := map[hub.ItemID]bool{}
	for item := range facts {
		wanted[item] = true
		for _, parcours := range g.Items.ParcoursWith(item) {
			wanted[parcours] = true
		}
	}
	all := map[hub.ItemID]Completion{}
	for item := range wanted {
		if c := s.completion(item); !c.vacant() {
			all[item] = c
		}
	}
	return all
}

// summary sums up some items of one person. What is not to be summed up is asked of kept.
type summary struct {
	Given
	facts map[hub.ItemID][]Fact
	done  map[hub.ItemID]Completion
	kept  func(hub.ItemID) (Completion, bool) // nil: facts holds everything
}

func newSummary(g Given, kept func(hub.ItemID) (Completion, bool)) *summary {
	return &summary{Given: g, facts: map[hub.ItemID][]Fact{}, done: map[hub.ItemID]Completion{}, kept: kept}
}

// completion sums up an item, and before it what its rule asks for.
func (s *summary) completion(id hub.ItemID) Completion {
	if c, ok := s.done[id]; ok {
		return c
	}
	item, _ := s.Items.Item(id)
	c := Completion{Person: s.Person.ID, Item: id, Kind: item.Kind}
	c.add(s.facts[id])
	if item.Kind == catalogue.Parcours {
		s.judge(&c, item)
	}
	if c.Announced == 0 && !c.vacant() {
		c.Announced = int64(item.Minutes) * 60
	}
	s.settle(&c)
	s.done[id] = c
	return c
}

// judge tells whether a parcours is done: by the provider's word or by its rule, whichever came first.
func (s *summary) judge(c *Completion, item catalogue.Item) {
	if c.Completed != nil && (c.Validated == nil || c.Completed.before(c.Validated)) {
		c.Validated = c.Completed
	}
	c.Completed = c.Validated
	at, version, met := item.Met(s.Calendar, func(part hub.ItemID) (time.Time, bool) {
		done, ok := s.doneAt(part)
		return done.Time(), ok
	})
	if !met {
		return
	}
	c.ByRule = &RuleMark{At: lrs.InstantOf(at), Version: version}
	if c.Completed == nil || c.ByRule.At < c.Completed.At {
		c.Completed = &Mark{At: c.ByRule.At}
	}
}

func (s *summary) doneAt(item hub.ItemID) (lrs.Instant, bool) {
	if _, ours := s.facts[item]; !ours && s.kept != nil {
		if c, summed := s.done[item]; summed {
			return c.Done()
		}
		if c, ok := s.kept(item); ok {
			return c.Done()
		}
		return 0, false
	}
	c := s.completion(item)
	return c.Done()
}

// settle finds the day and the organisation of a record.
func (s *summary) settle(c *Completion) {
	if c.vacant() {
		return
	}
	at := c.Latest
	if c.ByRule != nil {
		if c.Statements == 0 {
			c.First, c.Latest = c.ByRule.At, c.ByRule.At
		}
		c.First, c.Latest = min(c.First, c.ByRule.At), max(c.Latest, c.ByRule.At)
		at = c.Latest
	}
	if c.Completed != nil {
		at = c.Completed.At
	}
	c.Day = s.Calendar.Day(at.Time())
	if organisation, ok := s.Person.OrganisationOn(c.Day); ok {
		c.Organisation, c.Path = organisation, s.Tree.PathOn(organisation, c.Day)
	}
}

func firstOf(a, b lrs.Instant) lrs.Instant {
	if a == 0 || b < a {
		return b
	}
	return a
}

func (m *Mark) before(other *Mark) bool {
	if m.At != other.At {
		return m.At < other.At
	}
	return m.Stored < other.Stored
}

// add sums up facts of one item.
func (c *Completion) add(facts []Fact) {
	if len(facts) == 0 {
		return
	}
	ordered := slices.Clone(facts)
	slices.SortFunc(ordered, func(a, b Fact) int {
		switch {
		case a.before(&b):
			return -1
		case b.before(&a):
			return 1
		}
		return 0
	})
	c.First, c.Latest = ordered[0].At, ordered[0].At // which may be any time, the first instant of 1970 too
	told := make(map[lrs.ContentKey]bool, len(ordered))
	sources, earned := map[string]bool{}, map[string]bool{}
	spent := timeSpent{}
	for i := range ordered {
		f := &ordered[i]
		c.Statements++
		c.FirstStored, c.LastStored = firstOf(c.FirstStored, f.Stored), max(c.LastStored, f.Stored)
		sources[f.Source] = true
		if f.Content != (lrs.ContentKey{}) {
			if told[f.Content] {
				c.Repeats++
				continue
			}
			told[f.Content] = true
		}
		c.Latest = max(c.Latest, f.At)
		c.mark(f)
		c.value(f)
		if f.Earned != "" {
			earned[f.Earned] = true
		}
		spent.add(f)
	}
	c.Sources = slices.Sorted(maps.Keys(sources))
	if len(earned) > 0 {
		c.Earned = slices.Sorted(maps.Keys(earned))
		c.Earned = c.Earned[:min(len(c.Earned), maxEarned)]
	}
	c.Measured = spent.total() / 1000
}

// mark notes what a fact is the first to reach; facts come in their order.
func (c *Completion) mark(f *Fact) {
	for i, mark := range []**Mark{&c.Started, &c.Progressed, &c.Completed, &c.Passed, &c.Failed, &c.Certified, &c.Validated} {
		if f.Does&(1<<i) != 0 && *mark == nil {
			*mark = &Mark{At: f.At, Stored: f.Stored, Statement: f.Statement, Source: f.Source}
		}
	}
	if f.Does&Completed != 0 {
		c.Completions++
	}
	c.Clamped = c.Clamped || f.Notes&Clamped != 0
}

func (c *Completion) value(f *Fact) {
	if f.Progress != nil {
		c.LastProgress = f.Progress
		if c.Progress == nil || *f.Progress > *c.Progress {
			c.Progress = f.Progress
		}
	}
	if f.Score != nil {
		scored := &Scored{*f.Score, f.At, f.Statement}
		c.Last = scored
		if c.Best == nil || f.Score.above(&c.Best.Score) {
			c.Best = scored
		}
	}
	if f.Announced != 0 {
		c.Announced = f.Announced / 1000
	}
	if f.Stage != (Stage{}) && (c.Stage == nil || f.Stage.Reached > c.Stage.Reached) {
		stage := f.Stage
		c.Stage = &stage
	}
}

// timeSpent adds durations up so that no time counts twice. What closes an attempt (completed, passed,
// terminated...) tells how long the attempt lasted so far: the longest counts. What is told on the way, about
// the item or its parts, adds up, and counts where it is more than that. Where nothing tells attempts
// apart, each closing statement is an attempt of its own.
type timeSpent map[uint64]*attemptTime

type attemptTime struct{ closed, onTheWay int64 }

func (t timeSpent) add(f *Fact) {
	if f.Measured == 0 {
		return
	}
	a := t[f.Attempt]
	if a == nil {
		a = &attemptTime{}
		t[f.Attempt] = a
	}
	switch {
	case f.Notes&Closing == 0:
		a.onTheWay += f.Measured
	case f.Attempt == 0:
		a.closed += f.Measured
	default:
		a.closed = max(a.closed, f.Measured)
	}
}

func (t timeSpent) total() (ms int64) {
	for _, a := range t {
		ms += max(a.closed, a.onTheWay)
	}
	return ms
}
