package programme

import (
	"context"
	"fmt"
	"slices"
	"time"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/completion"
	"acquis/hub/directory"
	"acquis/lrs"
)

func pointerOf(i int) string { return fmt.Sprintf("/members/%d", i) }

// Progress is how far a programme is.
type Progress struct {
	Programme string           `json:"programme"`
	Places    int              `json:"places,omitzero"`
	All       CohortProgress   `json:"all"`
	Cohorts   []CohortProgress `json:"cohorts"` // of those who have one, in the programme's order
	Members   []MemberProgress `json:"members"` // by person
}

// CohortProgress counts the members of a cohort.
type CohortProgress struct {
	Cohort    string `json:"cohort,omitempty"`
	Members   int    `json:"members"`   // all that ever joined
	UnderWay  int    `json:"underWay"`  // joined, not done, not abandoned
	Started   int    `json:"started"`   // began an item that is asked for
	Completed int    `json:"completed"` // did all that is asked for
	Abandoned int    `json:"abandoned"`
	Percent   int    `json:"percent"` // how far they are on average, rounded down
}

// MemberProgress is how far a member is.
type MemberProgress struct {
	Member
	Asked     int            `json:"asked"`              // how many items must be completed
	Done      int            `json:"done"`               // how many of these are
	Percent   int            `json:"percent"`            // done of asked, rounded down
	Started   bool           `json:"started"`            // began one
	Completed hub.Day        `json:"completed,omitzero"` // the day on which all that is asked for was done
	Due       hub.Day        `json:"due,omitzero"`       // the last day, by the cohort or the months
	Items     []ItemProgress `json:"items"`              // in the order in which they are asked for
	Announced int64          `json:"announced,omitzero"` // seconds, of the items that are done
	Measured  int64          `json:"measured,omitzero"`  // seconds, of all items
}

// ItemProgress is how far a member is with an item.
type ItemProgress struct {
	Item      hub.ItemID `json:"item"`
	Started   bool       `json:"started"`
	Completed hub.Day    `json:"completed,omitzero"`
}

// Progress tells how far the members of a programme are whom the caller may see: those of the organisations of their
// subtrees on their last day, or today. What was completed before somebody joined counts too. That
// people were read is put on record.
func (s *Service) Progress(ctx context.Context, caller hub.Caller, id string) (Progress, error) {
	row, err := s.Programme(ctx, caller, id)
	if err != nil {
		return Progress{}, err
	}
	scope, err := s.options.Directory.Scope(ctx, caller.Principal)
	if err != nil {
		return Progress{}, err
	}
	members, err := s.members(ctx, id)
	if err != nil {
		return Progress{}, err
	}
	p := Progress{Programme: id, Places: row.Value.Places, Members: []MemberProgress{}, Cohorts: []CohortProgress{}}
	for _, m := range members {
		seen, err := s.seesMember(ctx, scope, m)
		if err != nil {
			return Progress{}, err
		}
		if !seen {
			continue
		}
		one, err := s.progressOf(ctx, row.Value, m)
		if err != nil {
			return Progress{}, err
		}
		p.Members = append(p.Members, one)
	}
	p.All = counted("", p.Members)
	for _, c := range row.Value.Cohorts {
		of := slices.DeleteFunc(slices.Clone(p.Members), func(m MemberProgress) bool { return m.Cohort != c.ID })
		p.Cohorts = append(p.Cohorts, counted(c.ID, of))
	}
	return p, hub.Record(ctx, s.options.Audit, caller, hub.Act{Action: "programme.read", Target: target(id), Count: len(p.Members)}, nil)
}

func (s *Service) seesMember(ctx context.Context, scope directory.Scope, m Member) (bool, error) {
	if scope.Everything() {
		return true, nil
	}
	person, err := directory.People.Find(ctx, s.store, string(m.Person), string(m.Person))
	if err != nil {
		return false, err
	}
	day := s.today()
	if m.During.To != 0 {
		day = min(day, m.During.To)
	}
	organisation, has := person.Value.OrganisationOn(day)
	return has && scope.Reaches(organisation, day), nil
}

// progressOf sums up one member.
func (s *Service) progressOf(ctx context.Context, p Programme, m Member) (MemberProgress, error) {
	all := map[hub.ItemID]completion.Completion{}
	for row, err := range completion.Completions.Rows(ctx, s.store, docstore.Scan{Prefix: docstore.Tuple(string(m.Person))}) {
		if err != nil {
			return MemberProgress{}, err
		}
		all[row.Value.Item] = row.Value
	}
	out := MemberProgress{Member: m, Items: []ItemProgress{}, Due: due(p, m)}
	out.History = nil
	day := func(at lrs.Instant) hub.Day { return s.options.Calendar.Day(at.Time()) }
	for _, id := range p.Required.Items() {
		c := all[id]
		at, done := c.Done()
		one := ItemProgress{Item: id, Started: c.First != 0}
		if done {
			one.Completed = day(at)
			out.Announced += c.Announced
		}
		out.Measured += c.Measured
		out.Started = out.Started || one.Started
		out.Items = append(out.Items, one)
	}
	out.Asked, out.Done = share(p.Required, func(id hub.ItemID) bool { c := all[id]; _, done := c.Done(); return done })
	if out.Asked > 0 {
		out.Percent = 100 * out.Done / out.Asked
	}
	when, met := p.Required.Met(func(id hub.ItemID) (time.Time, bool) {
		c := all[id]
		at, done := c.Done()
		return at.Time(), done
	})
	if met {
		out.Completed = s.options.Calendar.Day(when)
	}
	return out, nil
}

// share counts how many items a rule asks for, and how many of these are done.
func share(rule catalogue.Rule, isDone func(hub.ItemID) bool) (asked, done int) {
	for _, q := range rule {
		list, enough := slices.Concat(q.All, q.Of, q.Sequence), q.AtLeast
		if len(q.Of) == 0 {
			enough = len(list)
		}
		count := 0
		for _, id := range list {
			if isDone(id) {
				count++
			}
		}
		asked, done = asked+enough, done+min(count, enough)
	}
	return asked, done
}

// due is the day by which a member is to be done: that of the months since the first day, else of the cohort, else of
// the programme; 0 for none.
func due(p Programme, m Member) hub.Day {
	if p.Months > 0 && m.During.From != 0 {
		year, month, day := m.During.From.Date()
		return hub.NewDay(year, month+time.Month(p.Months), day) - 1
	}
	for _, c := range p.Cohorts {
		if c.ID == m.Cohort && c.During.To != 0 {
			return c.During.To
		}
	}
	return p.During.To
}

func counted(cohort string, members []MemberProgress) CohortProgress {
	c := CohortProgress{Cohort: cohort, Members: len(members)}
	percent := 0
	for _, m := range members {
		percent += m.Percent
		switch {
		case m.Completed != 0:
			c.Completed++
		case m.Abandoned:
			c.Abandoned++
		default:
			c.UnderWay++
		}
		if m.Started {
			c.Started++
		}
	}
	if len(members) > 0 {
		c.Percent = percent / len(members)
	}
	return c
}
