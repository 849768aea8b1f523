package directory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/sheet"
	"acquis/lrs"
)

// PeopleImport asks to take a file of people.
type PeopleImport struct {
	File   []byte
	DryRun bool    // only say what would be done
	Skip   bool    // leave out the lines at fault, and take the others
	Day    hub.Day // since when what is new holds, 0 for today
	// Scope is the organisation whose people, with all below, the file names completely: who is absent
	// from it has left. "" when it names some.
	Scope hub.OrganisationID
	// End consents to ending who is absent. When that is more than the set share of the scope,
	// EndCount must say how many, as the dry run told.
	End      bool
	EndCount int
}

// peopleColumns are those of a file of people.
var peopleColumns = []sheet.Column{
	{Name: "id"},
	{Name: "matricule"},
	{Name: "ministry", Also: []string{"ministere", "ministère"}},
	{Name: "family_name", Also: []string{"lastname", "nom"}},
	{Name: "given_name", Also: []string{"firstname", "prenom", "prénom"}},
	{Name: "mail", Also: []string{"email", "courriel"}},
	{Name: "mail_from"},
	{Name: "mail_to"},
	{Name: "other_mails"},
	{Name: "issuer"},
	{Name: "sub"},
	{Name: "openid"},
	{Name: "accounts", Also: []string{"comptes"}},
	{Name: "status", Also: []string{"statut"}},
	{Name: "organisation"},
	{Name: "organisation_from"},
	{Name: "organisation_to"},
	{Name: "populations"},
	{Name: "tags"},
}

// personLine is a line of a file of people.
type personLine struct {
	row               sheet.Row
	profile           Profile // names, status, keys, and addresses
	dated             bool    // the mail address has dates in the file
	organisation      hub.OrganisationID
	from, to          hub.Day
	populations, tags []string
	person            docstore.Row[Person] // as it is; of revision 0 when new
}

// ImportPeople takes a file of people: it makes who is new, changes who is known, and ends who is
// absent if that is consented to. A change of organisation ends the one before. When anything is wrong,
// every line at fault is listed and nothing is changed, unless Skip says to take the others. The same
// file again changes nothing. An import that breaks off is done again.
func (d *Directory) ImportPeople(ctx context.Context, c hub.Caller, in PeopleImport) (Report, error) {
	report := Report{DryRun: in.DryRun}
	err := c.Has(managers, "import people")
	if err == nil {
		err = d.importPeople(ctx, c, in, &report)
	}
	if err == nil && in.DryRun {
		return report, nil
	}
	act := hub.Act{Action: "people.import", Target: "people", Count: report.Created + report.Updated + report.Ended}
	act.Detail = fmt.Sprintf("created %d, updated %d, unchanged %d, ended %d, left out %d", report.Created, report.Updated, report.Unchanged, report.Ended, len(report.Faults))
	return report, hub.Record(ctx, d.options.Audit, c, act, err)
}

func (d *Directory) importPeople(ctx context.Context, c hub.Caller, in PeopleImport, report *Report) error {
	if in.Day == 0 {
		in.Day = d.today()
	}
	rows, err := report.read(in.File, peopleColumns)
	if err != nil {
		return err
	}
	tree, err := d.Tree(ctx)
	if err != nil {
		return err
	}
	if _, known := tree.Organisation(in.Scope); in.Scope != "" && !known {
		return lrs.Errorf(lrs.KindInvalid, "the scope: there is no organisation %.64q", in.Scope)
	}
	var faults sheet.Faults
	lines := make([]*personLine, len(rows))
	for i, row := range rows {
		lines[i] = readPerson(row, &faults)
	}
	d.repeated(lines, &faults)
	for _, line := range lines {
		if err := d.identify(ctx, line, in.Day, tree, &faults); err != nil {
			return err
		}
	}
	sameTarget(lines, &faults)
	absent, err := d.absent(ctx, in, tree, lines)
	if err != nil {
		return err
	}
	report.Absent = len(absent)
	if err := report.refuse(faults, in.Skip); err != nil {
		return err
	}
	if err := d.mayEnd(ctx, in, tree, absent); err != nil {
		return err
	}
	return d.carryOut(ctx, c, in, lines, absent, report)
}

// readPerson reads a line.
func readPerson(r sheet.Row, faults *sheet.Faults) *personLine {
	l := &personLine{row: r, organisation: hub.OrganisationID(r.Get("organisation")), populations: r.List("populations"), tags: r.List("tags")}
	l.profile = Profile{GivenName: r.Get("given_name"), FamilyName: r.Get("family_name"), Status: Status(strings.ToLower(r.Get("status")))}
	l.from, l.to = dayIn(r, "organisation_from", faults), dayIn(r, "organisation_to", faults)
	span := hub.Span{From: dayIn(r, "mail_from", faults), To: dayIn(r, "mail_to", faults)}
	l.dated = span != hub.Span{}
	if mail := r.Get("mail"); mail != "" {
		l.profile.Addresses = append(l.profile.Addresses, Address{Mail: mail, Span: span})
	}
	for _, mail := range r.List("other_mails") {
		l.profile.Addresses = append(l.profile.Addresses, Address{Mail: mail, Use: Alternative})
	}
	pair := func(kind KeyKind, home, value string) {
		switch h, v := r.Get(home), r.Get(value); {
		case h != "" && v != "":
			l.profile.Keys = append(l.profile.Keys, Key{Kind: kind, HomePage: h, Value: v})
		case v != "":
			faults.Add(r.Line, value, "pair", "needs the column %s too: it says where it is known", home)
		}
	}
	pair(Matricule, "ministry", "matricule")
	pair(Subject, "issuer", "sub")
	for _, account := range r.List("accounts") {
		home, name, whole := cutLast(account, "#")
		if !whole || home == "" || name == "" {
			faults.Add(r.Line, "accounts", "account", "%.60q is no account: write its home page, a # and its name, as https://pix.example#1234", account)
			continue
		}
		l.profile.Keys = append(l.profile.Keys, Key{Kind: Account, HomePage: home, Value: name})
	}
	if id := r.Get("openid"); id != "" {
		l.profile.Keys = append(l.profile.Keys, Key{Kind: OpenID, Value: id})
	}
	if r.Get("id") == "" && len(l.profile.Keys)+len(l.profile.Addresses) == 0 {
		faults.Add(r.Line, "", "no-key", "has nothing by which the person is known: an id, a number, a mail address, an account; names are none")
	}
	return l
}

// repeated finds lines that have a key or address in common.
func (d *Directory) repeated(lines []*personLine, faults *sheet.Faults) {
	first := map[string]int{}
	for _, l := range lines {
		keys := map[string]bool{}
		if id := l.row.Get("id"); id != "" {
			keys["id "+id] = true
		}
		for _, digest := range d.foundBy(&Person{Keys: l.profile.Keys, Addresses: l.profile.Addresses}) {
			keys[digest] = true
		}
		earliest := 0
		for k := range keys {
			if line, there := first[k]; there && (earliest == 0 || line < earliest) {
				earliest = line
			} else if !there {
				first[k] = l.row.Line
			}
		}
		if earliest != 0 {
			faults.Add(l.row.Line, "", "duplicate", "names the same person as line %d: keep one of them", earliest)
		}
	}
}

// identify finds whom a line is about, and what is wrong with what it would make of that person.
func (d *Directory) identify(ctx context.Context, l *personLine, today hub.Day, tree *Tree, faults *sheet.Faults) error {
	ids, err := d.peopleWith(ctx, l.profile)
	if err != nil {
		return err
	}
	if id := l.row.Get("id"); id != "" {
		known, err := d.person(ctx, hub.PersonID(id))
		if lrs.KindOf(err) == lrs.KindNotFound {
			faults.Add(l.row.Line, "id", "unknown-person", "there is no such person: leave the cell empty for somebody new")
			return nil
		} else if err != nil {
			return err
		}
		is, err := d.survivor(ctx, &known.Value)
		if err != nil {
			return err
		}
		if !slices.Contains(ids, is) {
			ids = append(ids, is)
		}
	}
	switch len(ids) {
	case 0:
		l.person = docstore.Row[Person]{}
	case 1:
		if l.person, err = d.person(ctx, ids[0]); err != nil {
			return err
		}
	default:
		faults.Add(l.row.Line, "", "clash", "has the keys of %d people, among them %s and %s: merge them, or correct the line", len(ids), ids[0], ids[1])
		return nil
	}
	after := l.person.Value
	after.set(l.over(l.person.Value.Profile(), today))
	k := after.check(tree)
	for _, v := range k.found {
		faults.Add(l.row.Line, columnOf(v.Pointer), v.Rule, "%s", v.Detail)
	}
	return nil
}

// columnOf is the column that a member of a person comes from.
func columnOf(pointer string) string {
	member, _, _ := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
	switch member {
	case "givenName":
		return "given_name"
	case "familyName":
		return "family_name"
	case "addresses":
		return "mail"
	case "affiliations":
		return "organisation"
	case "keys":
		return ""
	}
	return member
}

// sameTarget finds lines that are about one person by different keys.
func sameTarget(lines []*personLine, faults *sheet.Faults) {
	first := map[string]int{}
	for _, l := range lines {
		if l.person.Revision == 0 {
			continue
		}
		if line, there := first[l.person.ID]; there {
			if !slices.ContainsFunc(*faults, func(v lrs.Violation) bool { return lineOf(v.Pointer) == l.row.Line && v.Rule == "duplicate" }) {
				faults.Add(l.row.Line, "", "duplicate", "names the same person as line %d, by another key: keep one of them", line)
			}
			continue
		}
		first[l.person.ID] = l.row.Line
	}
}

// over is what the line makes of what was said of somebody. What it leaves out stays.
func (l *personLine) over(before Profile, today hub.Day) Profile {
	f := l.profile
	f.Addresses = nil
	for i, a := range l.profile.Addresses {
		known := slices.ContainsFunc(before.Addresses, func(b Address) bool { return comparedMail(a.Mail) == comparedMail(b.Mail) && b.Overlaps(a.Span) })
		if !known || i == 0 && l.dated && l.row.Get("mail") != "" {
			f.Addresses = append(f.Addresses, a)
		}
	}
	f.Keys = slices.DeleteFunc(slices.Clone(f.Keys), func(k Key) bool {
		return slices.ContainsFunc(before.Keys, func(b Key) bool { return b.compared() == k.compared() })
	})
	if f.Status == "" && before.Status == Left { // who is in the file again is back
		f.Status = Active
	}
	after := f.over(before)
	if l.dated && len(f.Addresses) > 0 { // its dates replace those that are known
		after.Addresses = slices.DeleteFunc(after.Addresses, func(b Address) bool {
			a := f.Addresses[0]
			return comparedMail(a.Mail) == comparedMail(b.Mail) && b != a && b.Overlaps(a.Span)
		})
	}
	if l.organisation != "" {
		after.Affiliations = moved(after.Affiliations, l.to, l.from, today,
			func(s hub.Span) Affiliation { return Affiliation{l.organisation, s} },
			func(a Affiliation) bool { return a.Organisation == l.organisation },
			func(a *Affiliation) *hub.Span { return &a.Span })
	}
	after.Populations = begun(after.Populations, l.populations, today)
	after.Tags = begun(after.Tags, l.tags, today)
	return after
}

// begun adds words that somebody does not bear yet on a day.
func begun(tags []Tag, names []string, day hub.Day) []Tag {
	for _, name := range names {
		if !tagged(tags, name, day) {
			span := hub.Span{}
			if slices.ContainsFunc(tags, func(t Tag) bool { return t.Name == name }) {
				span.From = day
			}
			tags = append(slices.Clip(tags), Tag{name, span})
		}
	}
	return tags
}

// absent are the people of the import's scope whom no line names.
func (d *Directory) absent(ctx context.Context, in PeopleImport, tree *Tree, lines []*personLine) ([]docstore.Row[Person], error) {
	if in.Scope == "" {
		return nil, nil
	}
	named := map[string]bool{}
	for _, l := range lines {
		named[l.person.ID] = true
	}
	people, err := d.scoped(ctx, in, tree)
	return slices.DeleteFunc(people, func(r docstore.Row[Person]) bool { return named[r.ID] }), err
}

// scoped are those of the import's scope who have not left.
func (d *Directory) scoped(ctx context.Context, in PeopleImport, tree *Tree) (people []docstore.Row[Person], err error) {
	for _, id := range tree.BelowOn(in.Day, in.Scope) {
		seen := map[string]bool{}
		for row, err := range People.Rows(ctx, d.store, docstore.Scan{Index: "organisation", Prefix: docstore.Tuple(string(id))}) {
			if err != nil {
				return nil, err
			}
			place, in := row.Value.placeOn(in.Day)
			if in && place == id && row.Value.Status != Left && !seen[row.ID] {
				seen[row.ID] = true
				people = append(people, row)
			}
		}
	}
	return people, nil
}

// mayEnd refuses to end more people than may be ended without saying how many.
func (d *Directory) mayEnd(ctx context.Context, in PeopleImport, tree *Tree, absent []docstore.Row[Person]) error {
	if !in.End || in.DryRun || len(absent) == 0 {
		return nil
	}
	people, err := d.scoped(ctx, in, tree)
	if err != nil {
		return err
	}
	if len(absent)*100 > len(people)*d.options.EndShare && in.EndCount != len(absent) {
		return lrs.Errorf(lrs.KindConflict, "the file leaves out %d of the %d people of %s, which is more than %d %%: if they have left, say so by confirming that %d are to be ended",
			len(absent), len(people), in.Scope, d.options.EndShare, len(absent))
	}
	return nil
}

// importers is how many people are written at once; the store joins their writes.
const importers = 16

// carryOut does what the lines say, save those at fault.
func (d *Directory) carryOut(ctx context.Context, c hub.Caller, in PeopleImport, lines []*personLine, absent []docstore.Row[Person], report *Report) error {
	wrong := map[int]bool{}
	for _, v := range report.Faults {
		wrong[lineOf(v.Pointer)] = true
	}
	var mu sync.Mutex
	note := func(s Step) {
		mu.Lock()
		defer mu.Unlock()
		report.step(s)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(importers)
	for _, l := range lines {
		if wrong[l.row.Line] {
			continue
		}
		group.Go(func() error {
			make := func(before Profile) Profile { return l.over(before, in.Day) }
			s, err := d.takeLine(ctx, c, in, l.person, make)
			s.Line = l.row.Line
			if err == nil {
				note(s)
			}
			return err
		})
	}
	if in.End {
		for _, row := range absent {
			group.Go(func() error {
				s, err := d.takeLine(ctx, c, in, row, func(before Profile) Profile { return ended(before, in.Day) })
				if s.Action = "end"; err == nil {
					note(s)
				}
				return err
			})
		}
	}
	err := group.Wait()
	slices.SortFunc(report.Steps, func(a, b Step) int { return a.Line - b.Line })
	return err
}

// takeLine makes or changes somebody.
func (d *Directory) takeLine(ctx context.Context, c hub.Caller, in PeopleImport, row docstore.Row[Person], make func(Profile) Profile) (Step, error) {
	s := Step{Target: row.ID, Action: "create"}
	if in.DryRun {
		changed := changedMembers(row.Value.Profile(), make(row.Value.Profile()))
		if s.Members = slices.Sorted(maps.Keys(changed)); row.Revision != 0 {
			s.Action = actionOf(s.Members)
		}
		return s, nil
	}
	id := hub.PersonID(row.ID)
	if row.Revision == 0 {
		id = hub.PersonID(d.options.NewID())
	}
	err := docstore.Retry(func() error {
		now := row
		var err error
		if row.Revision != 0 {
			if now, err = d.person(ctx, id); err != nil {
				return err
			}
		}
		_, s.Members, err = d.putPerson(ctx, c, "import", id, now.Revision, make)
		return err
	})
	if s.Target = string(id); row.Revision != 0 {
		s.Action = actionOf(s.Members)
	}
	return s, err
}

func actionOf(members []string) string {
	if len(members) == 0 {
		return ""
	}
	return "update"
}

// ended is somebody who was there for the last time on the day before, and has left unless another
// affiliation is to come.
func ended(f Profile, day hub.Day) Profile {
	if !slices.ContainsFunc(f.Affiliations, func(a Affiliation) bool { return a.From > day }) {
		f.Status = Left
	}
	f.Affiliations = slices.Clone(f.Affiliations)
	for i := range f.Affiliations {
		if a := &f.Affiliations[i]; a.Covers(day) {
			a.To = max(day-1, a.From)
		}
	}
	return f
}
