package programme

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/lrs"
)

// Kind says what a programme is for.
type Kind string

// The kinds.
const (
	Tailored   Kind = "tailored"   // made to measure for an organisation
	Retraining Kind = "retraining" // a new trade, in some months
	Directors  Kind = "directors"  // those who head the central administrations
)

// Programme is what some people go through together.
type Programme struct {
	ID          string         `json:"id"`
	Kind        Kind           `json:"kind"`
	Title       catalogue.Text `json:"title"`
	Description catalogue.Text `json:"description,omitempty"`
	// Organisation is the one it was made for; "" when it is open to all.
	Organisation hub.OrganisationID `json:"organisation,omitempty"`
	During       hub.Span           `json:"during,omitzero"`
	Months       int                `json:"months,omitzero"` // how long it takes a member, 0 for as long as During
	Places       int                `json:"places,omitzero"` // how many are expected to take it, 0 for any number
	Required     catalogue.Rule     `json:"required,omitempty"`
	Cohorts      []Cohort           `json:"cohorts,omitempty"`
	History      []Change           `json:"history,omitempty"` // the oldest first, at most maxHistory
}

// Cohort is those who begin together.
type Cohort struct {
	ID     string   `json:"id"`
	Title  string   `json:"title,omitempty"`
	During hub.Span `json:"during,omitzero"`
}

// Change is one of a programme or of a membership.
type Change struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Action string    `json:"action"`
	Reason string    `json:"reason,omitempty"`
}

const (
	maxHistory = 100
	maxCohorts = 200
	maxTitle   = 200
	maxMonths  = 60
	maxPlaces  = 1_000_000
)

func noted(history []Change, c Change) []Change {
	history = append(slices.Clone(history), c)
	return history[max(0, len(history)-maxHistory):]
}

// faults gathers violations.
type faults []lrs.Violation

func (f *faults) add(pointer, rule, detail string, values ...any) {
	*f = append(*f, lrs.Violation{Pointer: pointer, Rule: rule, Detail: fmt.Sprintf(detail, values...)})
}

func (f faults) err(what string) error {
	if len(f) == 0 {
		return nil
	}
	return &lrs.Error{Kind: lrs.KindInvalid, Detail: what + " cannot be like that, and nothing was changed", Violations: f}
}

// name refuses what cannot name something.
func (f *faults) name(pointer, name string) {
	const most = 100
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
	}
	if name == "" || len(name) > most || strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) {
		f.add(pointer, "id", "must be a name of %d characters at most: lower-case letters, digits and . _ -, such as directeurs-2026", most)
	}
}

func (f *faults) span(pointer string, s hub.Span) {
	if err := s.Judge(); err != nil {
		f.add(pointer, "span", "%v", err)
	}
}

// judge says what is wrong with a programme.
func (p *Programme) judge(known func(hub.ItemID) bool, organisation func(hub.OrganisationID) bool) error {
	var f faults
	f.name("/id", p.ID)
	if !slices.Contains([]Kind{Tailored, Retraining, Directors}, p.Kind) {
		f.add("/kind", "value", "must be %s, %s or %s", Tailored, Retraining, Directors)
	}
	if len(p.Title) == 0 {
		f.add("/title", "required", "must be given in a language at least, such as fr")
	}
	for language, text := range p.Title {
		if lrs.CheckLanguageTag(language) != nil || strings.TrimSpace(text) == "" || utf8.RuneCountInString(text) > maxTitle {
			f.add("/title", "text", "must have from 1 to %d characters under a language tag such as fr", maxTitle)
		}
	}
	if p.Organisation != "" && !organisation(p.Organisation) {
		f.add("/organisation", "unknown", "there is no organisation %.100q", string(p.Organisation))
	}
	f.span("/during", p.During)
	if p.Months < 0 || p.Months > maxMonths || p.Kind == Retraining && p.Months == 0 {
		f.add("/months", "range", "must be a number of months up to %d; a retraining track has 3 or 6 as a rule", maxMonths)
	}
	if p.Places < 0 || p.Places > maxPlaces {
		f.add("/places", "range", "must be a number from 0 to %d", maxPlaces)
	}
	for _, id := range p.Required.Items() {
		if !known(id) {
			f.add("/required", "unknown", "asks for %.100q, which is not in the catalogue", string(id))
		}
	}
	for _, q := range p.Required {
		if len(q.Of) > 0 && (q.AtLeast < 1 || q.AtLeast > len(q.Of)) || len(q.Of) == 0 && len(q.All)+len(q.Sequence) == 0 {
			f.add("/required", "rule", "each requirement must have one list: all, sequence, or of with a number that it can reach")
		}
	}
	if len(p.Cohorts) > maxCohorts {
		f.add("/cohorts", "length", "must be %d at most", maxCohorts)
	}
	for i, c := range p.Cohorts {
		at := fmt.Sprintf("/cohorts/%d", i)
		f.name(at+"/id", c.ID)
		f.span(at+"/during", c.During)
		if slices.ContainsFunc(p.Cohorts[:i], func(o Cohort) bool { return o.ID == c.ID }) {
			f.add(at+"/id", "repeated", "%s stands twice", c.ID)
		}
	}
	return f.err("the programme")
}

// Member is somebody in a programme.
type Member struct {
	Programme string       `json:"programme"`
	Person    hub.PersonID `json:"person"`
	Cohort    string       `json:"cohort,omitempty"`
	During    hub.Span     `json:"during,omitzero"`    // from the first day to the last, which is open while under way
	Abandoned bool         `json:"abandoned,omitzero"` // ended before the end
	History   []Change     `json:"history,omitempty"`  // the oldest first, at most maxHistory
}
