package directory

import (
	"context"
	"errors"
	"slices"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// At most so much is kept in one document.
const (
	maxHistory = 200
	maxNames   = 5
	maxRelated = 20
)

// alias reads an alias. KindNotFound when there is none.
func (d *Directory) alias(ctx context.Context, id hub.AliasID) (docstore.Row[Alias], error) {
	row, err := Aliases.Get(ctx, d.store, cmpID(id), cmpID(id))
	if errors.Is(err, lrs.ErrNotFound) {
		return row, lrs.Errorf(lrs.KindNotFound, "there is no identity %.64q", id)
	}
	return row, err
}

// cmpID is an id as a document has it, which can't be empty.
func cmpID(id hub.AliasID) string {
	if id == "" {
		return "-"
	}
	return string(id)
}

// saveAlias writes an alias, and then makes sure that no merge went by between the decision and the
// write: whoever of the two comes later sees the other.
func (d *Directory) saveAlias(ctx context.Context, row docstore.Row[Alias]) (docstore.Row[Alias], error) {
	for {
		row.Value.Updated = d.options.Now().UTC()
		row.Value.Matches = d.matches(&row.Value)
		if over := len(row.Value.History) - maxHistory; over > 0 {
			row.Value.History = slices.Clone(row.Value.History[over:])
		}
		revision, err := Aliases.Save(ctx, d.store, row)
		if err != nil {
			return row, err
		}
		row.Revision = revision
		placed, err := d.place(ctx, row.Value.Standing)
		if err != nil {
			return row, err
		}
		if placed.same(row.Value.Standing) {
			d.known.put(row, revision)
			return row, nil
		}
		row.Value.decide(Link{At: d.options.Now().UTC(), By: ByRules, Action: DecideMove, After: placed})
	}
}

// decide changes the standing and keeps that in the history.
func (a *Alias) decide(l Link) {
	l.Before = a.Standing
	a.Standing = l.After
	a.History = append(slices.Clip(a.History), l)
}

// place moves a standing along the merges as they are now: back from those that were undone, forward
// to who the person is.
func (d *Directory) place(ctx context.Context, s Standing) (Standing, error) {
	if s.State != Linked {
		s.Moves = nil
		return s, nil
	}
	s.Moves = slices.Clone(s.Moves)
	for len(s.Moves) > 0 {
		last := s.Moves[len(s.Moves)-1]
		from, err := d.person(ctx, last.From)
		if err != nil {
			return s, err
		}
		if m := from.Value.Merge; from.Value.MergedInto == s.Person && m != nil && m.ID == last.Merge {
			break
		}
		s.Person, s.Moves = last.From, s.Moves[:len(s.Moves)-1]
	}
	for range longestChain {
		p, err := d.person(ctx, s.Person)
		if err != nil {
			return s, err
		}
		if p.Value.MergedInto == "" {
			break
		}
		s.Moves = append(s.Moves, Move{p.Value.Merge.ID, s.Person})
		s.Person = p.Value.MergedInto
	}
	if len(s.Moves) == 0 {
		s.Moves = nil
	}
	return s, nil
}

// rejudge lets the rules decide anew about an alias.
func (d *Directory) rejudge(ctx context.Context, id hub.AliasID) error {
	return docstore.Retry(func() error {
		row, err := d.alias(ctx, id)
		if errors.Is(err, lrs.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		changed, err := d.apply(ctx, &row.Value)
		if err != nil || !changed {
			return err
		}
		_, err = d.saveAlias(ctx, row)
		return err
	})
}

// apply lets the rules decide about an alias, and reports whether they changed its standing.
func (d *Directory) apply(ctx context.Context, a *Alias) (bool, error) {
	v, err := d.judge(ctx, a)
	if err != nil {
		return false, err
	}
	next := d.byRules(a.Standing, v)
	if next.State == Linked && next.Person != a.Person {
		next.Person = v.files[next.Person]
		if next, err = d.place(ctx, next); err != nil {
			return false, err
		}
	}
	if next.same(a.Standing) {
		return false, nil
	}
	if next.State == Waiting && a.State == "" { // new and nobody's: nothing was decided
		a.Standing = next
		return true, nil
	}
	a.decide(Link{At: d.options.Now().UTC(), By: ByRules, Action: DecideByRule, After: next})
	return true, nil
}

// awaken lets the rules decide anew about all aliases that the digests, of keys of a person, match.
func (d *Directory) awaken(ctx context.Context, digests ...string) error {
	pending := map[hub.AliasID]bool{}
	for _, digest := range digests {
		for row, err := range Aliases.Rows(ctx, d.store, exactly("match", digest)) {
			if err != nil {
				return err
			}
			pending[row.Value.ID] = true
		}
	}
	for id := range pending {
		if err := d.rejudge(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// AliasesOf returns the aliases that are linked to a person, by id.
func (d *Directory) AliasesOf(ctx context.Context, person hub.PersonID) ([]Alias, error) {
	var all []Alias
	if person == "" {
		return nil, nil
	}
	for row, err := range Aliases.Rows(ctx, d.store, exactly("person", string(person))) {
		if err != nil {
			return nil, err
		}
		if row.Value.Person == person {
			all = append(all, row.Value)
		}
	}
	return all, nil
}
