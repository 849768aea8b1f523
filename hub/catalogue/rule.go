package catalogue

import (
	"slices"
	"time"

	"acquis/hub"
)

// Rule is what a parcours asks for: each of its requirements.
type Rule []Requirement

// Requirement is one of: all items of a list, at least some of a list, a list in its order.
type Requirement struct {
	All      []hub.ItemID `json:"all,omitempty"`
	AtLeast  int          `json:"atLeast,omitzero"` // how many of Of
	Of       []hub.ItemID `json:"of,omitempty"`
	Sequence []hub.ItemID `json:"sequence,omitempty"` // none first completed before the one that stands before it
}

// Items lists what the rule speaks of, each once, in its order.
func (r Rule) Items() (all []hub.ItemID) {
	for _, q := range r {
		for _, id := range slices.Concat(q.All, q.Of, q.Sequence) {
			if !slices.Contains(all, id) {
				all = append(all, id)
			}
		}
	}
	return all
}

// Met tells when the last requirement was met. A rule without any is never met.
func (r Rule) Met(completedOn func(hub.ItemID) (time.Time, bool)) (last time.Time, ok bool) {
	for _, q := range r {
		at, met := q.met(completedOn)
		if !met {
			return time.Time{}, false
		}
		if !ok || at.After(last) {
			last = at
		}
		ok = true
	}
	return last, ok
}

func (q Requirement) met(completedOn func(hub.ItemID) (time.Time, bool)) (time.Time, bool) {
	list, enough := slices.Concat(q.All, q.Of, q.Sequence), q.AtLeast
	if len(q.Of) == 0 {
		enough = len(list)
	}
	var done []time.Time
	for _, id := range list {
		if at, ok := completedOn(id); ok {
			done = append(done, at)
		}
	}
	if enough < 1 || len(done) < enough {
		return time.Time{}, false
	}
	if len(q.Sequence) > 0 && !slices.IsSortedFunc(done, time.Time.Compare) {
		return time.Time{}, false
	}
	slices.SortFunc(done, time.Time.Compare)
	return done[enough-1], true
}
