package programme

import (
	"context"
	"sync"
	"time"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/completion"
	"acquis/lrs"
)

// tally counts for one organisation, with everything below it.
type tally struct {
	started, completed, present int // agents who began, completed, or did something in the period
	acquired, skilled           int // agents who came to the basic skills in it, and who had them at its end
	completions                 int // records
	announced, measured         int64
}

// tallied are the figures of a period, by organisation, as they were at a time.
type tallied struct {
	at  time.Time
	by  map[hub.OrganisationID]*tally
	all tally
}

// tallies remembers figures for a while: computing them reads every completion.
type tallies struct {
	mu   sync.Mutex // held while figures are computed, so that nobody computes the same beside it
	kept map[hub.Span]*tallied
}

const maxPeriods = 24

func (t *tallies) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = nil
}

// tallied returns the figures of a period.
func (s *Service) tallied(ctx context.Context, period hub.Span) (*tallied, error) {
	s.figures.mu.Lock()
	defer s.figures.mu.Unlock()
	if found := s.figures.kept[period]; found != nil && s.options.Now().Sub(found.at) < s.options.Keep {
		return found, nil
	}
	wanted, err := s.targets(ctx)
	if err != nil {
		return nil, err
	}
	picture, err := s.options.Catalogue.Refresh(ctx)
	if err != nil {
		return nil, err
	}
	c := counter{period: period, targets: &wanted.Value, picture: picture, calendar: s.options.Calendar, by: map[hub.OrganisationID]*tally{}}
	at := s.options.Now()
	for row, err := range completion.Completions.Rows(ctx, s.store, docstore.Scan{Limit: 1000}) {
		if err != nil {
			return nil, err
		}
		c.add(&row.Value)
	}
	c.turn("")
	if len(s.figures.kept) >= maxPeriods || s.figures.kept == nil {
		s.figures.kept = map[hub.Span]*tallied{}
	}
	result := &tallied{at: at, by: c.by, all: c.all}
	s.figures.kept[period] = result
	return result, nil
}

// counter counts completions that come person by person, so that its memory does not grow with them.
type counter struct {
	period   hub.Span
	targets  *Targets
	picture  *catalogue.Picture
	calendar hub.Calendar

	person hub.PersonID
	marks  map[hub.OrganisationID]marks // of the person
	own    marks                        // of the person, anywhere
	by     map[hub.OrganisationID]*tally
	all    tally
}

// marks are what is true of a person.
type marks uint8

const (
	hasStarted marks = 1 << iota
	hasCompleted
	hasAcquired // in the period
	hasSkills   // up to its end
	isPresent   // a record counts for the hours of the period
)

func (c *counter) add(r *completion.Completion) {
	if r.Person != c.person {
		c.turn(r.Person)
	}
	var m marks
	if r.Started != nil && c.within(r.Started.At) || r.Started == nil && r.First != 0 && c.within(r.First) {
		m |= hasStarted
	}
	done, completed := r.Done()
	completed = completed && c.within(done)
	if completed {
		m |= hasCompleted
	}
	item, _ := c.picture.Item(r.Item)
	if since, ok := c.targets.acquired(r, item.Provider); ok {
		if c.within(since) {
			m |= hasAcquired
		}
		if day := c.calendar.Day(since.Time()); c.period.To == 0 || day <= c.period.To {
			m |= hasSkills
		}
	}
	measures := c.period.Covers(r.Day)
	if measures {
		m |= isPresent
	}
	if m == 0 {
		return
	}
	c.own |= m
	count := func(t *tally) {
		if completed {
			t.completions++
		}
		if completed && r.Kind != catalogue.Parcours { // whose items have been counted
			t.announced += r.Announced
		}
		if measures {
			t.measured += r.Measured
		}
	}
	count(&c.all)
	for _, id := range r.Path {
		t := c.by[id]
		if t == nil {
			t = &tally{}
			c.by[id] = t
		}
		count(t)
		c.marks[id] |= m
	}
}

func (c *counter) within(at lrs.Instant) bool { return c.period.Covers(c.calendar.Day(at.Time())) }

// turn counts what is true of the person, and goes on to the next.
func (c *counter) turn(next hub.PersonID) {
	c.all.mark(c.own)
	for id, m := range c.marks {
		c.by[id].mark(m)
	}
	c.person, c.own = next, 0
	if c.marks == nil {
		c.marks = map[hub.OrganisationID]marks{}
	}
	clear(c.marks)
}

func (t *tally) mark(m marks) {
	for bit, count := range map[marks]*int{hasStarted: &t.started, hasCompleted: &t.completed, hasAcquired: &t.acquired, hasSkills: &t.skilled, isPresent: &t.present} {
		if m&bit != 0 {
			*count++
		}
	}
}
