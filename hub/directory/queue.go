package directory

import (
	"context"
	"slices"
	"strings"
	"time"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/list"
	"acquis/lrs"
)

// AliasFilter says which aliases a list is about.
type AliasFilter struct {
	State     State        // "" for any
	Contested bool         // of the linked ones, those that others claim
	Person    hub.PersonID // linked to
}

// Suggestion is somebody whose an alias may be, for the one who decides.
type Suggestion struct {
	Person hub.PersonID `json:"person"`
	Name   string       `json:"name"`
	// Because says why: "rule" when a rule finds the person among others, "name" when only the name is
	// alike, which is a hint and no more: two people can bear one name.
	Because string `json:"because"`
}

// The reasons of suggestions.
const (
	BecauseRule = "rule"
	BecauseName = "name"
)

// Identities lists aliases, those heard of last at the end. Waiting and ambiguous ones are the queue.
func (d *Directory) Identities(ctx context.Context, c hub.Caller, f AliasFilter, q list.Query) (list.Page[docstore.Row[Alias]], error) {
	var page list.Page[docstore.Row[Alias]]
	err := c.Has(matchers, "read identities")
	if err == nil {
		scan := docstore.Scan{}
		switch {
		case f.Person != "":
			scan = exactly("person", string(f.Person))
		case f.Contested:
			scan.Index = "contested"
		case f.State != "":
			scan.Index, scan.Prefix = "state", docstore.Tuple(string(f.State))
		}
		page, err = list.Walk(ctx, d.store, Aliases, q, []list.Lane{{Scan: scan}}, func(_ list.Lane, a *Alias) bool {
			return (f.State == "" || a.State == f.State) && (f.Person == "" || a.Person == f.Person) && (!f.Contested || a.contested())
		})
	}
	return page, hub.Record(ctx, d.options.Audit, c, hub.Act{Action: "identity.list", Target: "identities", Count: len(page.Items), Detail: because(c)}, err)
}

func (a *Alias) contested() bool { return a.State == Linked && len(a.Candidates) > 0 }

// Identity returns an alias with its history and, when it waits, whose it may be.
func (d *Directory) Identity(ctx context.Context, c hub.Caller, id hub.AliasID) (row docstore.Row[Alias], whose []Suggestion, err error) {
	if err = c.Has(matchers, "read identities"); err == nil {
		if row, err = d.alias(ctx, id); err == nil {
			whose, err = d.suggestions(ctx, &row.Value)
		}
	}
	act := hub.Act{Action: "identity.read", Target: "identity/" + cutText(string(id), maxID), Detail: because(c)}
	return row, whose, hub.Record(ctx, d.options.Audit, c, act, err)
}

// maxSuggestions bounds how many people are suggested for their names.
const maxSuggestions = 5

// suggestions are the candidates of the rules, and when the alias is nobody's people of the same name.
func (d *Directory) suggestions(ctx context.Context, a *Alias) (found []Suggestion, err error) {
	suggested := func(id hub.PersonID) bool {
		return slices.ContainsFunc(found, func(s Suggestion) bool { return s.Person == id })
	}
	for _, id := range a.Candidates {
		row, err := d.person(ctx, id)
		if err != nil {
			return nil, err
		}
		found = append(found, Suggestion{id, row.Value.fullName(), BecauseRule})
	}
	if !a.unmatched() {
		return found, nil
	}
	named := 0
	for _, name := range a.Names {
		for _, sorted := range bothOrders(name) {
			for row, err := range People.Rows(ctx, d.store, exactly("name", sorted)) {
				if err != nil {
					return nil, err
				}
				if id := row.Value.ID; named < maxSuggestions && !suggested(id) && !slices.Contains(a.Refused, id) {
					found = append(found, Suggestion{id, row.Value.fullName(), BecauseName})
					named++
				}
			}
		}
	}
	return found, nil
}

func (p *Person) fullName() string { return strings.TrimSpace(p.GivenName + " " + p.FamilyName) }

// bothOrders are the ways to read a name whose parts stand in whichever order.
func bothOrders(name string) (sorted []string) {
	words := strings.Fields(name)
	for i := range words {
		sorted = append(sorted, sortText(strings.Join(append(slices.Clone(words[i:]), words[:i]...), " ")))
	}
	return sorted[:min(len(sorted), 6)]
}

// IdentityColumns are the columns of a CSV of identities.
func (d *Directory) IdentityColumns() []list.Column[docstore.Row[Alias]] {
	type row = docstore.Row[Alias]
	text := func(name string, of func(*Alias) string) list.Column[row] {
		return list.Column[row]{Name: name, Of: func(r *row) string { return of(&r.Value) }}
	}
	at := func(i lrs.Instant) string { return i.Time().Format(time.RFC3339) }
	return []list.Column[row]{
		text("id", func(a *Alias) string { return string(a.ID) }),
		text("kind", func(a *Alias) string { return string(a.Key.Kind) }),
		text("value", func(a *Alias) string { return a.Key.Value }),
		text("home_page", func(a *Alias) string { return a.Key.HomePage }),
		text("state", func(a *Alias) string { return string(a.State) }),
		text("person", func(a *Alias) string { return string(a.Person) }),
		text("rule", func(a *Alias) string { return string(a.Rule) }),
		text("confidence", func(a *Alias) string { return string(a.Confidence) }),
		text("first_seen", func(a *Alias) string { return at(a.FirstSeen) }),
		text("last_seen", func(a *Alias) string { return at(a.LastSeen) }),
	}
}
