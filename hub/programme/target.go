package programme

import (
	"fmt"
	"slices"

	"acquis/hub"
	"acquis/hub/completion"
	"acquis/lrs"
)

// Targets say who has the basic digital skills, the "socle", and by when all agents are to have them.
type Targets struct {
	// Socle: who meets any of the conditions has the basic digital skills. Without conditions nobody is said
	// to have them, or not to.
	Socle []Condition `json:"socle"`
	Goal  float64     `json:"goal"`           // the share of the headcount that is to have them, 0 to 1
	By    hub.Day     `json:"by,omitzero"`    // until when
	Small int         `json:"small"`          // figures about fewer agents are not shown; 0 shows all
	Past  []Change    `json:"past,omitempty"` // who changed them, the oldest first
}

// Condition is what a completion of one of some items must show: all that is given here.
type Condition struct {
	Items     []hub.ItemID `json:"items,omitempty"`    // of which one is to be completed; none: any item of the provider
	Provider  string       `json:"provider,omitempty"` // of the item; "" for any, but then there must be items
	Completed bool         `json:"completed,omitzero"` // it is completed
	Certified bool         `json:"certified,omitzero"` // there is a certificate
	Mastery   float64      `json:"mastery,omitzero"`   // the best scaled score is at least this
	Stage     int          `json:"stage,omitzero"`     // this stage was reached, or a higher one
	Badge     string       `json:"badge,omitempty"`    // this was earned
}

// usualTargets are the State's: all agents by the end of 2026.
func usualTargets() Targets {
	return Targets{Goal: 1, By: hub.NewDay(2026, 12, 31), Small: 5, Socle: []Condition{}}
}

const (
	maxConditions = 50
	maxSmall      = 1000
)

func (t *Targets) judge(item func(hub.ItemID) bool) error {
	var f faults
	if !(t.Goal >= 0 && t.Goal <= 1) {
		f.add("/goal", "range", "must be a share from 0 to 1")
	}
	if t.Small < 0 || t.Small > maxSmall {
		f.add("/small", "range", "must be a number from 0 to %d", maxSmall)
	}
	if len(t.Socle) > maxConditions {
		f.add("/socle", "length", "must be %d at most", maxConditions)
	}
	for i, c := range t.Socle {
		at := fmt.Sprintf("/socle/%d", i)
		if len(c.Items) == 0 && c.Provider == "" {
			f.add(at, "required", "must name items or a provider")
		}
		for _, id := range c.Items {
			if !item(id) {
				f.add(at+"/items", "unknown", "%.100q is not in the catalogue", string(id))
			}
		}
		if !c.Completed && !c.Certified && c.Mastery == 0 && c.Stage == 0 && c.Badge == "" {
			f.add(at, "required", "must ask for something: completed, certified, mastery, stage or badge")
		}
		if !(c.Mastery >= 0 && c.Mastery <= 1) {
			f.add(at+"/mastery", "range", "must be a scaled score from 0 to 1")
		}
		if c.Stage < 0 {
			f.add(at+"/stage", "range", "must be the number of a stage, from 1")
		}
	}
	return f.err("the targets")
}

// acquired tells since when a completion shows the basic skills. Stages and badges have no date of their own: theirs
// is that of the completion or certificate, else that of the last activity.
func (t *Targets) acquired(c *completion.Completion, provider string) (at lrs.Instant, ok bool) {
	for i := range t.Socle {
		if since, met := t.Socle[i].metBy(c, provider); met && (!ok || since < at) {
			at, ok = since, true
		}
	}
	return at, ok
}

func (q *Condition) metBy(c *completion.Completion, provider string) (at lrs.Instant, ok bool) {
	if q.Provider != "" && q.Provider != provider || len(q.Items) > 0 && !slices.Contains(q.Items, c.Item) {
		return 0, false
	}
	dated := c.Latest
	for _, mark := range []*completion.Mark{c.Certified, c.Completed} {
		if mark != nil {
			dated = mark.At
		}
	}
	asked := []struct {
		asked, met bool
		at         func() lrs.Instant
	}{
		{q.Completed, c.Completed != nil, func() lrs.Instant { return c.Completed.At }},
		{q.Certified, c.Certified != nil, func() lrs.Instant { return c.Certified.At }},
		{q.Mastery > 0, c.Best != nil && c.Best.Scaled != nil && *c.Best.Scaled >= q.Mastery, func() lrs.Instant { return c.Best.At }},
		{q.Stage > 0, c.Stage != nil && c.Stage.Reached >= q.Stage, func() lrs.Instant { return dated }},
		{q.Badge != "", slices.Contains(c.Earned, q.Badge), func() lrs.Instant { return dated }},
	}
	for _, a := range asked {
		if a.asked && !a.met {
			return 0, false
		}
		if a.asked {
			at = max(at, a.at())
		}
	}
	return at, true
}
