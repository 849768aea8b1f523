package directory

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// Profile is what somebody says of a person.
type Profile struct {
	GivenName    string        `json:"givenName,omitempty"`
	FamilyName   string        `json:"familyName,omitempty"`
	Addresses    []Address     `json:"addresses,omitempty"`
	Keys         []Key         `json:"keys,omitempty"`
	Status       Status        `json:"status,omitempty"` // "" for active
	Populations  []Tag         `json:"populations,omitempty"`
	Tags         []Tag         `json:"tags,omitempty"`
	Affiliations []Affiliation `json:"affiliations,omitempty"`
}

// Profile returns what can be said of the person.
func (p *Person) Profile() Profile {
	return Profile{p.GivenName, p.FamilyName, p.Addresses, p.Keys, p.Status, p.Populations, p.Tags, p.Affiliations}
}

// set makes the person be as a profile says.
func (p *Person) set(f Profile) {
	if f.Status == "" {
		f.Status = Active
	}
	p.GivenName, p.FamilyName, p.Addresses, p.Keys, p.Status = f.GivenName, f.FamilyName, f.Addresses, f.Keys, f.Status
	p.Populations, p.Tags, p.Affiliations = f.Populations, f.Tags, f.Affiliations
}

// over is the profile of somebody as said before, with what is said now: names and status when they
// are given; addresses, keys, populations, tags and affiliations in addition, in place of those that
// are the same and begin on the same day.
func (f Profile) over(before Profile) Profile {
	if f.GivenName != "" {
		before.GivenName = f.GivenName
	}
	if f.FamilyName != "" {
		before.FamilyName = f.FamilyName
	}
	if f.Status != "" {
		before.Status = f.Status
	}
	before.Addresses = joined(before.Addresses, f.Addresses, func(a, b Address) bool { return comparedMail(a.Mail) == comparedMail(b.Mail) && a.From == b.From })
	before.Keys = joined(before.Keys, f.Keys, func(a, b Key) bool { return a.compared() == b.compared() })
	sameTag := func(a, b Tag) bool { return a.Name == b.Name && a.From == b.From }
	before.Populations = joined(before.Populations, f.Populations, sameTag)
	before.Tags = joined(before.Tags, f.Tags, sameTag)
	before.Affiliations = joined(before.Affiliations, f.Affiliations, func(a, b Affiliation) bool {
		return a.Organisation == b.Organisation && a.From == b.From
	})
	return before
}

func joined[T any](before, now []T, same func(a, b T) bool) []T {
	all := slices.Clone(before)
	for _, n := range now {
		if i := slices.IndexFunc(all, func(b T) bool { return same(b, n) }); i >= 0 {
			all[i] = n
		} else {
			all = append(all, n)
		}
	}
	return all
}

// PutPerson makes a person with an id of its own when revision is 0, or replaces what is said of the
// one that has the revision. Aliases that wait for one of its keys are linked before it answers.
func (d *Directory) PutPerson(ctx context.Context, c hub.Caller, id hub.PersonID, f Profile, revision lrs.Instant) (docstore.Row[Person], error) {
	action := "update"
	if revision == 0 {
		action, id = "create", hub.PersonID(d.options.NewID())
	}
	act := hub.Act{Action: "person." + action, Target: "person/" + cutText(string(id), maxID)}
	err := c.Has(managers, action+" a person")
	var row docstore.Row[Person]
	var changed []string
	if err == nil {
		row, changed, err = d.putPerson(ctx, c, action, id, revision, func(Profile) Profile { return f })
	}
	act.Detail = strings.Join(changed, " ")
	err = changedMeanwhile(err)
	return row, hub.Record(ctx, d.options.Audit, c, act, err)
}

// UpsertPerson says something of the person who has one of the keys or addresses of the profile, or
// makes that person. It returns whether the person is new. KindConflict when several people have them.
func (d *Directory) UpsertPerson(ctx context.Context, c hub.Caller, f Profile) (row docstore.Row[Person], created bool, err error) {
	act := hub.Act{Action: "person.upsert", Target: "person/new"}
	if err = c.Has(managers, "upsert a person"); err == nil {
		err = docstore.Retry(func() error {
			row, created, err = d.upsert(ctx, c, f)
			return err
		})
	}
	if err == nil {
		act.Target = "person/" + row.ID
	}
	return row, created, hub.Record(ctx, d.options.Audit, c, act, err)
}

func (d *Directory) upsert(ctx context.Context, c hub.Caller, f Profile) (docstore.Row[Person], bool, error) {
	ids, err := d.peopleWith(ctx, f)
	switch {
	case err != nil:
		return docstore.Row[Person]{}, false, err
	case len(ids) > 1:
		return docstore.Row[Person]{}, false, lrs.Errorf(lrs.KindConflict, "%d people have these keys and addresses, among them %s and %s: merge them, or name fewer", len(ids), ids[0], ids[1])
	case len(ids) == 0:
		row, _, err := d.putPerson(ctx, c, "create", hub.PersonID(d.options.NewID()), 0, func(Profile) Profile { return f })
		return row, true, err
	}
	known, err := d.person(ctx, ids[0])
	if err != nil {
		return known, false, err
	}
	row, _, err := d.putPerson(ctx, c, "update", ids[0], known.Revision, f.over)
	return row, false, err
}

// peopleWith are those, as who they are now, who have one of the profile's keys or addresses.
func (d *Directory) peopleWith(ctx context.Context, f Profile) ([]hub.PersonID, error) {
	ids := map[hub.PersonID]bool{}
	claims, err := d.claims(ctx, &Person{Addresses: f.Addresses, Keys: f.Keys})
	for _, c := range claims {
		ids[c.other] = true
	}
	return slices.Sorted(maps.Keys(ids)), err
}

// putPerson makes a person say what make makes of what was said before, and returns which members
// changed. When none did nothing is written.
func (d *Directory) putPerson(ctx context.Context, c hub.Caller, action string, id hub.PersonID, revision lrs.Instant, make func(Profile) Profile) (docstore.Row[Person], []string, error) {
	row := docstore.Row[Person]{Key: docstore.Key{Collection: People.Name, Partition: string(id), ID: string(id)}, Value: Person{ID: id, Created: d.options.Now().UTC()}}
	if revision != 0 {
		var err error
		if row, err = d.person(ctx, id); err != nil {
			return row, nil, err
		}
		if row.Revision != revision {
			return row, nil, &docstore.Conflict{Key: row.Key, Expected: revision, Found: row.Revision}
		}
		if row.Value.MergedInto != "" {
			return row, nil, lrs.Errorf(lrs.KindConflict, "the person %s was merged into %s: change that one", id, row.Value.MergedInto)
		}
	}
	before := row.Value
	row.Value.set(make(before.Profile()))
	tree, err := d.Tree(ctx)
	if err != nil {
		return row, nil, err
	}
	k := row.Value.check(tree)
	if err := k.err(lrs.KindInvalid, "the person cannot be kept like this"); err != nil {
		return row, nil, err
	}
	if err := d.checkClaims(ctx, &row.Value); err != nil {
		return row, nil, err
	}
	changed := slices.Sorted(maps.Keys(changedMembers(before.Profile(), row.Value.Profile())))
	if revision != 0 && len(changed) == 0 {
		return row, nil, nil
	}
	row, err = d.savePerson(ctx, c, action, row, before)
	if err != nil {
		return row, nil, err
	}
	if found := slices.Concat(before.Found, row.Value.Found); !slices.Equal(before.Found, row.Value.Found) || slices.Contains(changed, "addresses") {
		slices.Sort(found)
		err = d.awaken(ctx, slices.Compact(found)...)
	}
	return row, changed, err
}

// savePerson writes a person, with the change in its history.
func (d *Directory) savePerson(ctx context.Context, c hub.Caller, action string, row docstore.Row[Person], before Person) (docstore.Row[Person], error) {
	p := &row.Value
	p.Updated, p.Found = d.options.Now().UTC(), d.foundBy(p)
	change := PersonChange{At: p.Updated, By: c.Name, Action: action, Reason: cutText(c.Reason, maxReason)}
	if row.Revision != 0 {
		change.Before = changedMembers(before.Profile(), p.Profile())
	}
	p.History = append(slices.Clip(p.History), change)
	if over := len(p.History) - maxHistory; over > 0 {
		p.History = slices.Clone(p.History[over:])
	}
	revision, err := People.Save(ctx, d.store, row)
	row.Revision = revision
	return row, err
}

// changedMembers are the members of before, as JSON, that are otherwise now; null for what was not
// there.
func changedMembers(before, now any) map[string]jsontext.Value {
	was, is := membersOf(before), membersOf(now)
	changed := map[string]jsontext.Value{}
	for name, value := range was {
		if !bytes.Equal(value, is[name]) {
			changed[name] = value
		}
	}
	for name := range is {
		if _, there := was[name]; !there {
			changed[name] = jsontext.Value("null")
		}
	}
	if len(changed) == 0 {
		return nil
	}
	return changed
}

func membersOf(v any) map[string]jsontext.Value {
	members := map[string]jsontext.Value{}
	b, err := json.Marshal(v, json.Deterministic(true))
	if err == nil {
		err = json.Unmarshal(b, &members)
	}
	if err != nil { // a profile is always an object
		return nil
	}
	return members
}

// changedMeanwhile says in people's words that a document has another revision.
func changedMeanwhile(err error) error {
	var changed *docstore.Conflict
	if errors.As(err, &changed) {
		return lrs.Errorf(lrs.KindConflict, "this was changed by somebody else meanwhile: read it again and decide anew")
	}
	return err
}
