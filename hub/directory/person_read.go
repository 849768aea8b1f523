package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/list"
	"acquis/lrs"
)

// PeopleFilter says which people a list is about; what is left empty lets everybody through. Days are
// today unless On says otherwise.
type PeopleFilter struct {
	Name         string             // how the family name begins, without regard to case and accents
	Organisation hub.OrganisationID // with all below
	Population   string
	Tag          string
	Status       Status
	Key          Key // who has it: of kind mbox, an address
	On           hub.Day
}

// Person returns somebody whom the caller may see, and puts on record that the caller did.
func (d *Directory) Person(ctx context.Context, c hub.Caller, id hub.PersonID) (docstore.Row[Person], error) {
	act := hub.Act{Action: "person.read", Target: "person/" + cutText(string(id), maxID)}
	var row docstore.Row[Person]
	err := c.Has(namers, "read people")
	if err == nil {
		row, err = d.visible(ctx, c, id)
	}
	act.Detail = because(c)
	return row, hub.Record(ctx, d.options.Audit, c, act, err)
}

// because is the reason of a reading, for the record.
func because(c hub.Caller) string {
	if c.Reason == "" {
		return ""
	}
	return "reason: " + cutText(c.Reason, maxReason)
}

// visible reads a person; who may not be seen is not there.
func (d *Directory) visible(ctx context.Context, c hub.Caller, id hub.PersonID) (docstore.Row[Person], error) {
	row, err := d.person(ctx, id)
	if err != nil {
		return row, err
	}
	scope, err := d.Scope(ctx, c.Principal)
	if err == nil && !row.Value.within(scope, d.today()) {
		return docstore.Row[Person]{}, noPerson(id)
	}
	return row, err
}

// within reports whether a person is in a scope on a day: by the organisation of that day, and when
// there is none by the last one.
func (p *Person) within(s Scope, day hub.Day) bool {
	if s.Everything() {
		return true
	}
	id, in := p.placeOn(day)
	return in && s.Reaches(id, day)
}

// placeOn is where a person is listed: the organisation of the day, or the last one.
func (p *Person) placeOn(day hub.Day) (hub.OrganisationID, bool) {
	if id, in := p.OrganisationOn(day); in {
		return id, true
	}
	return p.lastOrganisation()
}

// MaySee reports whether a caller may see a person by name, which other packages ask before they name
// somebody.
func (d *Directory) MaySee(ctx context.Context, c hub.Caller, id hub.PersonID) error {
	if err := c.Has(namers, "read people"); err != nil {
		return err
	}
	_, err := d.visible(ctx, c, id)
	return err
}

// People lists the people whom the caller may see, by organisation when the caller or the filter is
// bound to some, then by name. What is seen is put on record, page by page.
func (d *Directory) People(ctx context.Context, c hub.Caller, f PeopleFilter, q list.Query) (list.Page[docstore.Row[Person]], error) {
	return d.listPeople(ctx, c, "person.list", f, q)
}

// ExportPeople is People for a list that is taken away as a file: it needs the caller's reason.
func (d *Directory) ExportPeople(ctx context.Context, c hub.Caller, f PeopleFilter, q list.Query) (list.Page[docstore.Row[Person]], error) {
	if strings.TrimSpace(c.Reason) == "" {
		return list.Page[docstore.Row[Person]]{}, lrs.Errorf(lrs.KindInvalid, "say what the list of people is for: it is kept on record")
	}
	return d.listPeople(ctx, c, "person.export", f, q)
}

func (d *Directory) listPeople(ctx context.Context, c hub.Caller, action string, f PeopleFilter, q list.Query) (list.Page[docstore.Row[Person]], error) {
	var page list.Page[docstore.Row[Person]]
	err := c.Has(namers, "read people")
	if err == nil {
		page, err = d.findPeople(ctx, c, f, q)
	}
	act := hub.Act{Action: action, Target: "people", Count: len(page.Items), Detail: because(c)}
	if f.Organisation != "" {
		act.Target = "organisation/" + cutText(string(f.Organisation), maxID)
	}
	return page, hub.Record(ctx, d.options.Audit, c, act, err)
}

func (d *Directory) findPeople(ctx context.Context, c hub.Caller, f PeopleFilter, q list.Query) (list.Page[docstore.Row[Person]], error) {
	scope, err := d.Scope(ctx, c.Principal)
	if err != nil {
		return list.Page[docstore.Row[Person]]{}, err
	}
	if f.On == 0 {
		f.On = d.today()
	}
	lanes, byPlace := d.peopleLanes(scope, f)
	found := map[hub.PersonID]bool{}
	return list.Walk(ctx, d.store, People, q, lanes, func(lane list.Lane, p *Person) bool {
		if byPlace {
			if id, in := p.placeOn(f.On); !in || string(id) != lane.Name {
				return false
			}
		}
		if found[p.ID] || !p.within(scope, f.On) || !d.wants(f, p) {
			return false
		}
		found[p.ID] = true // who has two affiliations in one organisation is found twice
		return true
	})
}

// peopleLanes are the scans that find whom a filter wants, and whether they go by organisation.
func (d *Directory) peopleLanes(scope Scope, f PeopleFilter) (lanes []list.Lane, byPlace bool) {
	name := sortText(f.Name)
	if f.Key.Value != "" {
		scan := exactly("found", d.digest(f.Key.compared()))
		return []list.Lane{{Scan: scan}}, false
	}
	if f.Organisation == "" && scope.Everything() {
		switch {
		case f.Population != "":
			return []list.Lane{{Scan: docstore.Scan{Index: "population", Prefix: docstore.TuplePrefix(f.Population, name)}}}, false
		case f.Tag != "":
			return []list.Lane{{Scan: docstore.Scan{Index: "tag", Prefix: docstore.TuplePrefix(f.Tag, name)}}}, false
		default:
			return []list.Lane{{Scan: docstore.Scan{Index: "name", Prefix: name}}}, false
		}
	}
	places := scope.Organisations(f.On)
	if f.Organisation != "" {
		below := scope.tree.BelowOn(f.On, f.Organisation)
		places = slices.DeleteFunc(below, func(id hub.OrganisationID) bool { return !scope.Reaches(id, f.On) })
	}
	for _, id := range places {
		lanes = append(lanes, list.Lane{Name: string(id), Scan: docstore.Scan{Index: "organisation", Prefix: docstore.TuplePrefix(string(id), name)}})
	}
	return lanes, true
}

// wants reports whether a filter lets a person through.
func (d *Directory) wants(f PeopleFilter, p *Person) bool {
	return (f.Name == "" || strings.HasPrefix(p.sortName(), sortText(f.Name))) &&
		(f.Population == "" || p.In(f.Population, f.On)) &&
		(f.Tag == "" || p.Tagged(f.Tag, f.On)) &&
		(f.Status == "" || p.Status == f.Status) &&
		p.MergedInto == ""
}

// PersonColumns are the columns of a CSV of people, as they are on a day. They are read by an import
// too.
func (d *Directory) PersonColumns(on hub.Day) []list.Column[docstore.Row[Person]] {
	if on == 0 {
		on = d.today()
	}
	type row = docstore.Row[Person]
	text := func(name string, of func(*Person) string) list.Column[row] {
		return list.Column[row]{Name: name, Of: func(r *row) string { return of(&r.Value) }}
	}
	return []list.Column[row]{
		text("id", func(p *Person) string { return string(p.ID) }),
		text("family_name", func(p *Person) string { return p.FamilyName }),
		text("given_name", func(p *Person) string { return p.GivenName }),
		text("mail", func(p *Person) string { return p.mailOn(on) }),
		text("status", func(p *Person) string { return string(p.Status) }),
		text("organisation", func(p *Person) string { id, _ := p.OrganisationOn(on); return string(id) }),
		text("populations", func(p *Person) string { return namesOn(p.populations(), on) }),
		text("tags", func(p *Person) string { return namesOn(p.tags(), on) }),
	}
}

// mailOn is the address at which the person is known at work on a day.
func (p *Person) mailOn(day hub.Day) string {
	for _, a := range p.Addresses {
		if a.Covers(day) && (a.Use == "" || a.Use == Professional) {
			return a.Mail
		}
	}
	return ""
}

func namesOn(tags []Tag, day hub.Day) string {
	var names []string
	for _, t := range tags {
		if t.Covers(day) && !slices.Contains(names, t.Name) {
			names = append(names, t.Name)
		}
	}
	return strings.Join(names, "|")
}

// OrganisationFilter says which organisations a list is about.
type OrganisationFilter struct {
	Name  string             // how it begins, without regard to case and accents
	Kind  OrganisationKind   // "" for any
	Under hub.OrganisationID // with all below; "" for any
	On    hub.Day            // 0 for today
}

// Organisations lists the organisations that the caller may see, by name.
func (d *Directory) Organisations(ctx context.Context, c hub.Caller, f OrganisationFilter, q list.Query) (list.Page[docstore.Row[Organisation]], error) {
	none := list.Page[docstore.Row[Organisation]]{}
	if err := c.Has(organisers, "read organisations"); err != nil {
		return none, err
	}
	scope, err := d.Scope(ctx, c.Principal)
	if err != nil {
		return none, err
	}
	if f.On == 0 {
		f.On = d.today()
	}
	scan := docstore.Scan{Index: "name", Prefix: sortText(f.Name)}
	if f.Kind != "" {
		scan = docstore.Scan{Index: "kind", Prefix: docstore.TuplePrefix(string(f.Kind), sortText(f.Name))}
	}
	return list.Walk(ctx, d.store, Organisations, q, []list.Lane{{Scan: scan}}, func(_ list.Lane, o *Organisation) bool {
		return scope.Reaches(o.ID, f.On) && (f.Under == "" || slices.Contains(scope.tree.PathOn(o.ID, f.On), f.Under))
	})
}

// OrganisationColumns are the columns of a CSV of organisations, as they are on a day. They are read by
// an import too.
func (d *Directory) OrganisationColumns(on hub.Day) []list.Column[docstore.Row[Organisation]] {
	if on == 0 {
		on = d.today()
	}
	type row = docstore.Row[Organisation]
	text := func(name string, of func(*Organisation) string) list.Column[row] {
		return list.Column[row]{Name: name, Of: func(r *row) string { return of(&r.Value) }}
	}
	return []list.Column[row]{
		text("id", func(o *Organisation) string { return string(o.ID) }),
		text("name", func(o *Organisation) string { return o.Name }),
		text("kind", func(o *Organisation) string { return string(o.Kind) }),
		text("siret", func(o *Organisation) string { return o.SIRET }),
		text("parent", func(o *Organisation) string { id, _ := NewTree(*o).ParentOn(o.ID, on); return string(id) }),
		text("headcount", func(o *Organisation) string {
			if count, known := NewTree(*o).HeadcountOn(o.ID, on, ""); known {
				return fmt.Sprint(count)
			}
			return ""
		}),
	}
}
