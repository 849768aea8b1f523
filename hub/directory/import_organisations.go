package directory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/sheet"
)

// OrganisationsImport asks to take a file of organisations.
type OrganisationsImport struct {
	File   []byte
	DryRun bool    // only say what would be done
	Skip   bool    // leave out the lines at fault, and take the others
	Day    hub.Day // since when what is new holds, 0 for today
}

// organisationColumns are those of a file of organisations. Several lines of one organisation tell
// several headcounts.
var organisationColumns = []sheet.Column{
	{Name: "id", Required: true},
	{Name: "name", Also: []string{"nom"}, Required: true},
	{Name: "kind", Also: []string{"type"}, Required: true},
	{Name: "siret"},
	{Name: "parent"},
	{Name: "parent_from"},
	{Name: "parent_to"},
	{Name: "headcount", Also: []string{"effectif", "effectifs"}},
	{Name: "headcount_day"},
	{Name: "population"},
	{Name: "from"},
	{Name: "to"},
}

// ImportOrganisations takes a file of organisations: it makes and changes, and takes nothing away. A
// new parent ends the one before. When anything is wrong, every line at fault is listed and nothing is
// changed, unless Skip says to take the others; a circle is always refused, by name.
func (d *Directory) ImportOrganisations(ctx context.Context, c hub.Caller, in OrganisationsImport) (Report, error) {
	report := Report{DryRun: in.DryRun}
	err := c.Has(managers, "import organisations")
	if err == nil {
		err = docstore.Retry(func() error {
			report = Report{DryRun: in.DryRun}
			return d.importOrganisations(ctx, c, in, &report)
		})
	}
	if err == nil && in.DryRun {
		return report, nil
	}
	act := hub.Act{Action: "organisations.import", Target: "organisations", Count: report.Created + report.Updated}
	act.Detail = fmt.Sprintf("created %d, updated %d, unchanged %d, left out %d", report.Created, report.Updated, report.Unchanged, len(report.Faults))
	return report, hub.Record(ctx, d.options.Audit, c, act, err)
}

func (d *Directory) importOrganisations(ctx context.Context, c hub.Caller, in OrganisationsImport, report *Report) error {
	if in.Day == 0 {
		in.Day = d.today()
	}
	lines, err := report.read(in.File, organisationColumns)
	if err != nil {
		return err
	}
	rows, tree, err := d.organisations(ctx)
	if err != nil {
		return err
	}
	var faults sheet.Faults
	planned, at := plan(lines, rows, in.Day, &faults)
	known := func(id hub.OrganisationID) bool {
		_, known := tree.Organisation(id)
		return known || at[id] != 0
	}
	with := maps.Clone(tree.nodes)
	for _, id := range slices.Sorted(maps.Keys(planned)) {
		o := planned[id]
		k := o.check(known)
		for _, v := range k.found {
			faults.Add(at[id], organisationColumn(v.Pointer), v.Rule, "%s", v.Detail)
		}
		with[id] = o
	}
	if err := report.refuse(faults, in.Skip); err != nil {
		return err
	}
	leaveOut(planned, with, at, tree, report)
	if err := NewTree(slices.Collect(maps.Values(with))...).checkCycle(); err != nil {
		return err
	}
	return d.takeOrganisations(ctx, c, in, rows, planned, at, report)
}

// leaveOut takes the organisations of lines at fault out of the plan, and those that would stand under
// one that there is not then.
func leaveOut(planned, with map[hub.OrganisationID]Organisation, at map[hub.OrganisationID]int, tree *Tree, report *Report) {
	drop := func(id hub.OrganisationID) {
		delete(planned, id)
		if before, there := tree.nodes[id]; there {
			with[id] = before
		} else {
			delete(with, id)
		}
	}
	for _, v := range report.Faults {
		for id, line := range at {
			if line == lineOf(v.Pointer) {
				drop(id)
			}
		}
	}
	for again := true; again; {
		again = false
		for id, o := range planned {
			if slices.ContainsFunc(o.Parents, func(e Edge) bool { _, there := with[e.Parent]; return !there }) {
				var faults sheet.Faults
				faults.Add(at[id], "parent", "unknown-organisation", "stands under an organisation whose line is left out")
				report.Faults = append(report.Faults, faults...)
				drop(id)
				again = true
			}
		}
	}
}

// plan is what the lines make of organisations, and the first line of each.
func plan(lines []sheet.Row, rows organisationRows, today hub.Day, faults *sheet.Faults) (map[hub.OrganisationID]Organisation, map[hub.OrganisationID]int) {
	planned, at := map[hub.OrganisationID]Organisation{}, map[hub.OrganisationID]int{}
	first := map[hub.OrganisationID]sheet.Row{}
	for _, r := range lines {
		id := hub.OrganisationID(r.Get("id"))
		if id == "" {
			faults.Add(r.Line, "id", "required", "must be there")
			continue
		}
		o, again := planned[id]
		if !again {
			o, at[id], first[id] = rows.of(id).Value, r.Line, r
		} else {
			for _, column := range []string{"name", "kind", "siret", "parent", "parent_from", "parent_to", "from", "to"} {
				if r.Get(column) != first[id].Get(column) {
					faults.Add(r.Line, column, "clash", "says otherwise than line %d of the same organisation", at[id])
				}
			}
			if r.Get("headcount") == "" {
				faults.Add(r.Line, "", "duplicate", "names the same organisation as line %d: keep one of them", at[id])
			}
		}
		planned[id] = o.told(r, today, faults)
	}
	return planned, at
}

// told is the organisation with what a line says of it.
func (o Organisation) told(r sheet.Row, today hub.Day, faults *sheet.Faults) Organisation {
	f := o.facts()
	f.Name, f.Kind = r.Get("name"), OrganisationKind(strings.ToLower(r.Get("kind")))
	f.SIRET = cmp.Or(strings.Join(strings.Fields(r.Get("siret")), ""), f.SIRET)
	f.From = cmp.Or(dayIn(r, "from", faults), f.From)
	f.To = cmp.Or(dayIn(r, "to", faults), f.To)
	if parent := hub.OrganisationID(r.Get("parent")); parent != "" {
		f.Parents = moved(f.Parents, dayIn(r, "parent_to", faults), dayIn(r, "parent_from", faults), today,
			func(s hub.Span) Edge { return Edge{parent, s} },
			func(e Edge) bool { return e.Parent == parent },
			func(e *Edge) *hub.Span { return &e.Span })
	}
	if count := numberIn(r, "headcount", faults); count >= 0 {
		f.Headcounts = counted(o, Headcount{cmp.Or(dayIn(r, "headcount_day", faults), today), count, r.Get("population")})
	}
	o.state(f)
	return o
}

// counted are the headcounts of an organisation with another one, unless it is known already.
func counted(o Organisation, h Headcount) []Headcount {
	alone := o
	alone.Parents = nil
	if count, known := NewTree(alone).HeadcountOn(o.ID, h.Day, h.Population); known && count == h.Count {
		return o.Headcounts
	}
	kept := slices.DeleteFunc(slices.Clone(o.Headcounts), func(b Headcount) bool { return b.Day == h.Day && b.Population == h.Population })
	return append(kept, h)
}

// organisationColumn is the column that a member of an organisation comes from.
func organisationColumn(pointer string) string {
	member, _, _ := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
	switch member {
	case "parents":
		return "parent"
	case "headcounts":
		return "headcount"
	}
	return member
}

func (d *Directory) takeOrganisations(ctx context.Context, c hub.Caller, in OrganisationsImport, rows organisationRows, planned map[hub.OrganisationID]Organisation, at map[hub.OrganisationID]int, report *Report) error {
	var changed []docstore.Row[Organisation]
	ids := slices.SortedFunc(maps.Keys(planned), func(a, b hub.OrganisationID) int { return at[a] - at[b] })
	for _, id := range ids {
		row := rows.of(id)
		before := row.Value
		row.Value = planned[id]
		action, fresh := "update", row.Revision == 0
		if fresh {
			action = "create"
		}
		members := slices.Sorted(maps.Keys(changedMembers(before.facts(), row.Value.facts())))
		row, differs, err := d.keepChange(c, "import", row, before)
		if err != nil {
			return err
		}
		if !differs {
			action = ""
		} else {
			changed = append(changed, row)
		}
		report.step(Step{Line: at[id], Target: string(id), Action: action, Members: members})
	}
	if in.DryRun || len(changed) == 0 {
		return nil
	}
	_, err := d.saveOrganisations(ctx, rows.guard, changed...)
	return err
}
