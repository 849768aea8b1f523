package directory

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// facts are what can be said of an organisation.
type facts struct {
	Name       string           `json:"name"`
	Kind       OrganisationKind `json:"kind"`
	SIRET      string           `json:"siret,omitempty"`
	Parents    []Edge           `json:"parents,omitempty"`
	Headcounts []Headcount      `json:"headcounts,omitempty"`
	hub.Span
}

func (o *Organisation) facts() facts {
	return facts{o.Name, o.Kind, o.SIRET, o.Parents, o.Headcounts, o.Span}
}

// Organisation returns an organisation that the caller may see. KindNotFound when there is none.
func (d *Directory) Organisation(ctx context.Context, c hub.Caller, id hub.OrganisationID) (docstore.Row[Organisation], error) {
	if err := c.Has(organisers, "read organisations"); err != nil {
		return docstore.Row[Organisation]{}, err
	}
	scope, err := d.Scope(ctx, c.Principal)
	if err != nil {
		return docstore.Row[Organisation]{}, err
	}
	none := lrs.Errorf(lrs.KindNotFound, "there is no organisation %.64q that you may see", id)
	if id == "" || !scope.Reaches(id, d.today()) {
		return docstore.Row[Organisation]{}, none
	}
	row, err := Organisations.Get(ctx, d.store, organisationsPartition, string(id))
	if errors.Is(err, lrs.ErrNotFound) {
		return row, none
	}
	return row, err
}

// PutOrganisation makes an organisation when revision is 0, or replaces what is said of the one that
// has the revision. A circle of organisations is refused by name.
func (d *Directory) PutOrganisation(ctx context.Context, c hub.Caller, o Organisation, revision lrs.Instant) (docstore.Row[Organisation], error) {
	action := "update"
	if revision == 0 {
		action = "create"
	}
	act := hub.Act{Action: "organisation." + action, Target: "organisation/" + cutText(string(o.ID), maxID)}
	err := c.Has(managers, action+" an organisation")
	var row docstore.Row[Organisation]
	if err == nil {
		err = docstore.Retry(func() error {
			rows, tree, err := d.organisations(ctx)
			if err != nil {
				return err
			}
			row = rows.of(o.ID)
			if row.Revision != revision {
				return changedMeanwhile(&docstore.Conflict{Key: row.Key, Expected: revision, Found: row.Revision})
			}
			var changed bool
			if row, changed, err = d.stage(c, action, row, o.facts(), tree); err != nil || !changed {
				return err
			}
			saved, err := d.saveOrganisations(ctx, rows.guard, row)
			if err == nil {
				row = saved[0]
			}
			return err
		})
	}
	return row, hub.Record(ctx, d.options.Audit, c, act, err)
}

// organisationRows are all organisations with their revisions, and the guard that was read before.
type organisationRows struct {
	guard docstore.Row[guard]
	rows  map[hub.OrganisationID]docstore.Row[Organisation]
}

func (r organisationRows) of(id hub.OrganisationID) docstore.Row[Organisation] {
	row, known := r.rows[id]
	if !known {
		row.Key = docstore.Key{Collection: Organisations.Name, Partition: organisationsPartition, ID: string(id)}
		row.Value.ID = id
	}
	return row
}

// organisations reads all organisations as they are, to be changed.
func (d *Directory) organisations(ctx context.Context) (organisationRows, *Tree, error) {
	all := organisationRows{rows: map[hub.OrganisationID]docstore.Row[Organisation]{}}
	var err error
	if all.guard, err = treeGuard.Find(ctx, d.store, organisationsPartition, "guard"); err != nil {
		return all, nil, err
	}
	for row, err := range Organisations.Rows(ctx, d.store, docstore.Scan{}) {
		if err != nil {
			return all, nil, err
		}
		all.rows[row.Value.ID] = row
	}
	return all, treeOf(all.rows), nil
}

func treeOf(rows map[hub.OrganisationID]docstore.Row[Organisation]) *Tree {
	nodes := make([]Organisation, 0, len(rows))
	for _, row := range rows {
		nodes = append(nodes, row.Value)
	}
	return NewTree(nodes...)
}

// stage makes a row say the facts, if nothing is wrong with them, and reports whether it changes.
func (d *Directory) stage(c hub.Caller, action string, row docstore.Row[Organisation], f facts, tree *Tree) (docstore.Row[Organisation], bool, error) {
	before := row.Value
	o := Organisation{ID: before.ID}
	o.Name, o.Kind, o.SIRET, o.Parents, o.Headcounts, o.Span = f.Name, f.Kind, f.SIRET, f.Parents, f.Headcounts, f.Span
	k := o.check(func(id hub.OrganisationID) bool {
		_, known := tree.Organisation(id)
		return known || id == o.ID // which is a circle, and said to be one
	})
	if err := k.err(lrs.KindInvalid, "the organisation cannot be kept like this"); err != nil {
		return row, false, err
	}
	row.Value.state(f)
	with := maps.Clone(tree.nodes)
	with[o.ID] = o
	if err := NewTree(slices.Collect(maps.Values(with))...).checkCycle(); err != nil {
		return row, false, err
	}
	return d.keepChange(c, action, row, before)
}

// state makes the organisation say the facts, in the order in which they are kept.
func (o *Organisation) state(f facts) {
	f.Parents, f.Headcounts = slices.Clone(f.Parents), slices.Clone(f.Headcounts)
	slices.SortFunc(f.Parents, func(a, b Edge) int { return cmp.Compare(a.From, b.From) })
	slices.SortFunc(f.Headcounts, func(a, b Headcount) int {
		return cmp.Or(strings.Compare(a.Population, b.Population), cmp.Compare(a.Day, b.Day))
	})
	o.Name, o.Kind, o.SIRET, o.Parents, o.Headcounts, o.Span = f.Name, f.Kind, f.SIRET, f.Parents, f.Headcounts, f.Span
}

// keepChange keeps a change of an organisation in its history, and reports whether there is any.
func (d *Directory) keepChange(c hub.Caller, action string, row docstore.Row[Organisation], before Organisation) (docstore.Row[Organisation], bool, error) {
	o := &row.Value
	changed := changedMembers(before.facts(), o.facts())
	if row.Revision != 0 && changed == nil {
		return row, false, nil
	}
	if row.Revision == 0 {
		changed = nil
	}
	o.Updated = d.options.Now().UTC()
	o.History = append(slices.Clip(o.History), OrganisationChange{At: o.Updated, By: c.Name, Action: action, Reason: cutText(c.Reason, maxReason), Before: changed})
	if over := len(o.History) - maxHistory; over > 0 {
		o.History = slices.Clone(o.History[over:])
	}
	return row, true, nil
}

// organisationsAtOnce is how many are written in one group.
const organisationsAtOnce = 200

// saveOrganisations writes organisations, each part of them with the guard, so that what was decided
// on one picture of the tree is not written into another.
func (d *Directory) saveOrganisations(ctx context.Context, g docstore.Row[guard], rows ...docstore.Row[Organisation]) ([]docstore.Row[Organisation], error) {
	for part := range slices.Chunk(rows, organisationsAtOnce) {
		g.Value.Changes++
		w, err := treeGuard.Put(g)
		if err != nil {
			return nil, err
		}
		writes := []docstore.Write{w}
		for _, row := range part {
			if w, err = Organisations.Put(row); err != nil {
				return nil, err
			}
			writes = append(writes, w)
		}
		revisions, err := d.store.ApplyDocs(ctx, docstore.Group{Partition: organisationsPartition, Writes: writes})
		if err != nil {
			return nil, err
		}
		g.Revision = revisions[0]
		for i := range part {
			part[i].Revision = revisions[i+1]
		}
	}
	return rows, nil
}
