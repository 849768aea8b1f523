package directory

import (
	"context"
	"slices"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// Who may do what with people and identities.
const (
	managers   = lrs.RoleAdministrator | lrs.RoleOperator            // change people, organisations and identities
	matchers   = managers | lrs.RoleAuditor                          // see the queue of identities
	namers     = managers | lrs.RoleAuditor | lrs.RoleLicenceManager // see people by name
	organisers = namers | lrs.RoleBIReader                           // see organisations
	everywhere = lrs.RoleAdministrator | lrs.RoleOperator            // whatever their subtrees
)

// Link links an alias to a person, because somebody says so. It stays so whatever the rules find. An
// alias of somebody else must be unlinked first: KindConflict.
func (d *Directory) Link(ctx context.Context, c hub.Caller, id hub.AliasID, person hub.PersonID) (Alias, error) {
	return d.change(ctx, c, DecideLink, id, func(a *Alias) (Standing, error) {
		placed, err := d.place(ctx, Standing{State: Linked, Person: person, Rule: ByHand, Confidence: Certain, LinkedAt: d.options.Now().UTC()})
		if err != nil {
			return Standing{}, err
		}
		if a.State == Linked && a.Person != placed.Person {
			return Standing{}, lrs.Errorf(lrs.KindConflict, "the identity is linked to the person %s: unlink it first", a.Person)
		}
		refused := slices.DeleteFunc(slices.Clone(a.Refused), func(p hub.PersonID) bool { return p == person || p == placed.Person })
		if len(refused) > 0 {
			placed.Refused = refused
		}
		return placed, nil
	})
}

// Unlink takes an alias from its person. No rule links it to that person again; it may find another.
func (d *Directory) Unlink(ctx context.Context, c hub.Caller, id hub.AliasID) (Alias, error) {
	return d.change(ctx, c, DecideUnlink, id, func(a *Alias) (Standing, error) {
		if a.State != Linked {
			return Standing{}, lrs.Errorf(lrs.KindConflict, "the identity is not linked to anybody")
		}
		refused := append(slices.Clone(a.Refused), a.Person)
		for _, m := range a.Moves { // the person is also whom merges moved it from
			refused = append(refused, m.From)
		}
		slices.Sort(refused)
		return Standing{State: Waiting, Refused: slices.Compact(refused)}, nil
	})
}

// Ignore says that an alias is nobody's: a test account, a kiosk. It does not wait any more and is
// linked by no rule.
func (d *Directory) Ignore(ctx context.Context, c hub.Caller, id hub.AliasID) (Alias, error) {
	return d.change(ctx, c, DecideIgnore, id, func(a *Alias) (Standing, error) {
		if a.State == Linked {
			return Standing{}, lrs.Errorf(lrs.KindConflict, "the identity is linked to the person %s: unlink it first", a.Person)
		}
		return Standing{State: Ignored, Refused: a.Refused}, nil
	})
}

// UndoDecision takes back the last decision about an alias that somebody took and nobody undid: it
// stands as before, moved along the merges as they are now. KindConflict when there is none.
func (d *Directory) UndoDecision(ctx context.Context, c hub.Caller, id hub.AliasID) (Alias, error) {
	return d.change(ctx, c, DecideUndo, id, func(a *Alias) (Standing, error) {
		for i := len(a.History) - 1; i >= 0; i-- {
			l := &a.History[i]
			if l.Undone || l.Action != DecideLink && l.Action != DecideUnlink && l.Action != DecideIgnore {
				continue
			}
			a.History = slices.Clone(a.History)
			a.History[i].Undone = true
			return d.place(ctx, l.Before)
		}
		return Standing{}, lrs.Errorf(lrs.KindConflict, "nothing was decided about the identity that can be undone")
	})
}

// change lets somebody decide about an alias, keeps that in its history and puts it on record. What
// follows from it by rule is done before it answers.
func (d *Directory) change(ctx context.Context, c hub.Caller, action Decision, id hub.AliasID, decide func(*Alias) (Standing, error)) (Alias, error) {
	act := hub.Act{Action: "identity." + string(action), Target: "identity/" + cutText(string(id), maxID)}
	err := c.Has(managers, "decide about identities")
	var row docstore.Row[Alias]
	if err == nil {
		err = docstore.Retry(func() (err error) {
			if row, err = d.alias(ctx, id); err != nil {
				return err
			}
			next, err := decide(&row.Value)
			if err != nil {
				return err
			}
			row.Value.decide(Link{At: d.options.Now().UTC(), By: c.Name, Action: action, Reason: cutText(c.Reason, maxReason), After: next})
			row, err = d.saveAlias(ctx, row)
			return err
		})
	}
	if err == nil {
		act.Detail = "is " + string(row.Value.State)
		if row.Value.Person != "" {
			act.Detail += " to person/" + string(row.Value.Person)
		}
	}
	if err = hub.Record(ctx, d.options.Audit, c, act, err); err != nil {
		return Alias{}, err
	}
	if err := d.awaken(ctx, row.Value.Matches...); err != nil { // itself too: another may be found now
		return Alias{}, err
	}
	row, err = d.alias(ctx, id)
	return row.Value, err
}

// Sizes of what callers write, in bytes.
const (
	maxID     = 64
	maxReason = 500
)
