package directory

import (
	"context"
	"slices"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// MergePeople says that two people are one: from is into from now on, and so are from's aliases. The
// document of from stays as it is, so that SeparatePeople can undo exactly that. KindConflict when one
// of them is merged into somebody else.
func (d *Directory) MergePeople(ctx context.Context, c hub.Caller, from, into hub.PersonID) (Person, error) {
	act := hub.Act{Action: "person.merge", Target: "person/" + cutText(string(from), maxID), Detail: "into person/" + cutText(string(into), maxID)}
	err := c.Has(managers, "merge people")
	if err == nil {
		err = docstore.Retry(func() error { return d.merge(ctx, c, from, into) })
	}
	if err = hub.Record(ctx, d.options.Audit, c, act, err); err != nil {
		return Person{}, err
	}
	if err := d.finishMerge(ctx, from); err != nil {
		return Person{}, err
	}
	row, err := d.person(ctx, into)
	return row.Value, err
}

// merge writes down that from is into. With that it is decided; what is left is done by finishMerge.
func (d *Directory) merge(ctx context.Context, c hub.Caller, from, into hub.PersonID) error {
	if from == into {
		return lrs.Errorf(lrs.KindInvalid, "a person cannot be merged into itself")
	}
	source, err := d.person(ctx, from)
	if err != nil {
		return err
	}
	target, err := d.person(ctx, into)
	if err != nil {
		return err
	}
	if err := free(&source.Value); err != nil {
		return err
	}
	if err := free(&target.Value); err != nil {
		return err
	}
	before := source.Value
	source.Value.MergedInto = into
	source.Value.Merge = &Merge{
		ID: MergeID(d.options.NewID()), Into: into, By: c.Name, Reason: cutText(c.Reason, maxReason), At: d.options.Now().UTC(), Phase: Merging,
	}
	if _, err := d.savePerson(ctx, c, "merge", source, before); err != nil {
		return err
	}
	// Somebody may have merged into into the other at the same moment: a circle is nobody.
	is, err := d.survivor(ctx, &target.Value)
	if err == nil {
		var now docstore.Row[Person]
		if now, err = d.person(ctx, is); err == nil && now.Value.MergedInto == "" {
			return nil
		}
	}
	if err := d.separate(ctx, c, from); err != nil {
		return err
	}
	return lrs.Errorf(lrs.KindConflict, "the person %s was merged meanwhile: read it again and decide anew", into)
}

// free refuses a person that is somebody else, or is about to be.
func free(p *Person) error {
	switch {
	case p.MergedInto != "":
		return lrs.Errorf(lrs.KindConflict, "the person %s was merged into %s: separate them first", p.ID, p.MergedInto)
	case p.Merge != nil:
		return lrs.Errorf(lrs.KindUnavailable, "the person %s is being separated from %s: try again in a moment", p.ID, p.Merge.Into)
	}
	return nil
}

// SeparatePeople undoes the merge of a person: the person is itself again, and the aliases that the
// merge moved go back, save those about which somebody decided since. KindConflict when the person is
// not merged, or into somebody who was merged since, which is to be undone first.
func (d *Directory) SeparatePeople(ctx context.Context, c hub.Caller, person hub.PersonID) (Person, error) {
	act := hub.Act{Action: "person.unmerge", Target: "person/" + cutText(string(person), maxID)}
	err := c.Has(managers, "merge people")
	if err == nil {
		err = docstore.Retry(func() error {
			row, err := d.person(ctx, person)
			if err != nil {
				return err
			}
			if row.Value.MergedInto == "" {
				return lrs.Errorf(lrs.KindConflict, "the person %s is not merged into another", person)
			}
			into, err := d.person(ctx, row.Value.MergedInto)
			if err != nil {
				return err
			}
			if into.Value.MergedInto != "" {
				return lrs.Errorf(lrs.KindConflict, "the person %s, into whom this one was merged, was merged into %s since: separate those first", into.Value.ID, into.Value.MergedInto)
			}
			act.Detail = "from person/" + string(row.Value.MergedInto)
			return d.separate(ctx, c, person)
		})
	}
	if err = hub.Record(ctx, d.options.Audit, c, act, err); err != nil {
		return Person{}, err
	}
	if err := d.finishMerge(ctx, person); err != nil {
		return Person{}, err
	}
	row, err := d.person(ctx, person)
	return row.Value, err
}

// separate writes down that a person is itself again.
func (d *Directory) separate(ctx context.Context, c hub.Caller, person hub.PersonID) error {
	row, err := d.person(ctx, person)
	if err != nil || row.Value.Merge == nil {
		return err
	}
	before, m := row.Value, *row.Value.Merge
	m.Phase = Separating
	row.Value.MergedInto, row.Value.Merge = "", &m
	_, err = d.savePerson(ctx, c, "unmerge", row, before)
	return err
}

// finishMerge does what is left of a merge, or of its undoing. It may be done by several at once, and
// again after it broke off.
func (d *Directory) finishMerge(ctx context.Context, from hub.PersonID) error {
	row, err := d.person(ctx, from)
	if err != nil || row.Value.Merge == nil || row.Value.Merge.Phase == Merged {
		return err
	}
	m := *row.Value.Merge
	if err := d.absorb(ctx, &row.Value, m); err != nil {
		return err
	}
	for _, holder := range []hub.PersonID{from, m.Into} {
		if err := d.placeAliases(ctx, holder); err != nil {
			return err
		}
	}
	return docstore.Retry(func() error {
		row, err := d.person(ctx, from)
		if err != nil || row.Value.Merge == nil || row.Value.Merge.ID != m.ID || row.Value.Merge.Phase != m.Phase {
			return err
		}
		if m.Phase == Separating {
			row.Value.Merge = nil
		} else {
			m.Phase = Merged
			row.Value.Merge = &m
		}
		_, err = People.Save(ctx, d.store, row)
		return err
	})
}

// absorb gives to those who from is now what from brings along, or takes it from them.
func (d *Directory) absorb(ctx context.Context, from *Person, m Merge) error {
	brought := []Absorbed{{Merge: m.ID, Person: from.ID, Affiliations: from.Affiliations, Populations: from.Populations, Tags: from.Tags}}
	for _, a := range from.Absorbed { // who was merged into from came along
		a.Merge = m.ID
		brought = append(brought, a)
	}
	holder := m.Into
	for range longestChain {
		var next hub.PersonID
		err := docstore.Retry(func() error {
			row, err := d.person(ctx, holder)
			if err != nil {
				return err
			}
			next = row.Value.MergedInto
			kept := slices.DeleteFunc(slices.Clone(row.Value.Absorbed), func(a Absorbed) bool { return a.Merge == m.ID })
			if m.Phase == Merging {
				kept = append(kept, brought...)
			}
			row.Value.Absorbed = kept
			_, err = People.Save(ctx, d.store, row)
			return err
		})
		if err != nil || next == "" {
			return err
		}
		holder = next
	}
	return nil
}

// placeAliases moves the aliases of a person to where the merges say that they belong.
func (d *Directory) placeAliases(ctx context.Context, person hub.PersonID) error {
	aliases, err := d.AliasesOf(ctx, person)
	if err != nil {
		return err
	}
	for _, a := range aliases {
		moved := false
		err := docstore.Retry(func() error {
			row, err := d.alias(ctx, a.ID)
			if err != nil {
				return err
			}
			placed, err := d.place(ctx, row.Value.Standing)
			if err != nil || placed.same(row.Value.Standing) {
				return err
			}
			row.Value.decide(Link{At: d.options.Now().UTC(), By: ByRules, Action: DecideMove, After: placed})
			_, err = d.saveAlias(ctx, row)
			moved = err == nil
			return err
		})
		if err == nil && moved { // what follows from it follows to where it is
			err = d.awaken(ctx, a.Matches...)
		}
		if err != nil && lrs.KindOf(err) != lrs.KindNotFound {
			return err
		}
	}
	return nil
}

// FinishMerges does what is left of merges that broke off.
func (d *Directory) FinishMerges(ctx context.Context) error {
	for row, err := range People.Rows(ctx, d.store, docstore.Scan{Index: "unsettled"}) {
		if err != nil {
			return err
		}
		if err := d.finishMerge(ctx, row.Value.ID); err != nil {
			return err
		}
	}
	return nil
}
