package directory

import (
	"cmp"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/docstore"
	"acquis/hub"
)

// Person is an agent of the public service.
type Person struct {
	ID           hub.PersonID   `json:"id"`
	GivenName    string         `json:"givenName,omitempty"`
	FamilyName   string         `json:"familyName,omitempty"`
	Addresses    []Address      `json:"addresses,omitempty"`
	Keys         []Key          `json:"keys,omitempty"` // accounts, OpenIDs, subjects, numbers; never a mail address
	Status       Status         `json:"status"`
	Populations  []Tag          `json:"populations,omitempty"` // agent, contractor, digital agent, director...
	Tags         []Tag          `json:"tags,omitempty"`        // retraining cohort, pilot...
	Affiliations []Affiliation  `json:"affiliations,omitempty"`
	MergedInto   hub.PersonID   `json:"mergedInto,omitempty"` // who it is now; "" for itself
	Absorbed     []Absorbed     `json:"absorbed,omitempty"`   // who was merged into it
	Merge        *Merge         `json:"merge,omitempty"`      // of MergedInto, or what is left to do of one that is undone
	Created      time.Time      `json:"created"`
	Updated      time.Time      `json:"updated"`
	History      []PersonChange `json:"history,omitempty"` // the oldest first, at most maxHistory
	// Found are digests of the keys by which an alias finds the person, as they are compared.
	Found []string `json:"found,omitempty"`
}

// Status says whether a person is at work.
type Status string

// The statuses.
const (
	Active Status = "active"
	Absent Status = "absent" // for long: leave, secondment
	Left   Status = "left"   // the scope that the directory holds
)

// Address is a mail address and when it is the person's, both days within.
type Address struct {
	Mail string     `json:"mail"`
	Use  AddressUse `json:"use,omitempty"` // "" for Professional
	hub.Span
}

// AddressUse says what an address is to its holder.
type AddressUse string

// The uses of an address.
const (
	Professional AddressUse = "professional"
	Invited      AddressUse = "invited" // where a provider's invitation went
	Alternative  AddressUse = "alias"   // another one, such as a private one that the holder told
)

// Tag is a word for somebody during a time.
type Tag struct {
	Name string `json:"name"`
	hub.Span
}

// Affiliation is a time in an organisation.
type Affiliation struct {
	Organisation hub.OrganisationID `json:"organisation"`
	hub.Span
}

// Absorbed is what a person brought along who was merged into another.
type Absorbed struct {
	Merge        MergeID       `json:"merge"`
	Person       hub.PersonID  `json:"person"`
	Affiliations []Affiliation `json:"affiliations,omitempty"`
	Populations  []Tag         `json:"populations,omitempty"`
	Tags         []Tag         `json:"tags,omitempty"`
}

// Merge is what a person's document knows of the merge of that person into another.
type Merge struct {
	ID     MergeID      `json:"id"`
	Into   hub.PersonID `json:"into"`
	By     string       `json:"by"`
	Reason string       `json:"reason,omitempty"`
	At     time.Time    `json:"at"`
	Phase  MergePhase   `json:"phase"`
}

// MergePhase says how far a merge is, so that whoever finds it unfinished can finish it.
type MergePhase string

// The phases of a merge.
const (
	Merging    MergePhase = "merging" // the aliases are on their way to Into
	Merged     MergePhase = "merged"
	Separating MergePhase = "separating" // it is undone; the aliases are on their way back
)

// PersonChange is a change of a person's document.
type PersonChange struct {
	At     time.Time                 `json:"at"`
	By     string                    `json:"by"`
	Action string                    `json:"action"` // create, update, import, end, merge, unmerge
	Reason string                    `json:"reason,omitempty"`
	Before map[string]jsontext.Value `json:"before,omitempty"` // the members that changed, as they were
}

// People are the persons, each in the partition of its id. Index keys: found, by which an alias's key
// finds the person; name; organisation, with the name, of each affiliation; population and tag, with
// the name; status, with the name; updated; left, the day the last affiliation ended of who left;
// unsettled, of a merge that is not at its end.
var People = docstore.Table[Person]{
	Collection: docstore.Collection{
		Name: "hub_people", Indexes: []string{"found", "name", "organisation", "population", "tag", "status", "left", "unsettled"},
		Class: docstore.IdentifyingData, Subject: docstore.ByPartition, RetainedFrom: "left",
	},
	Keys: personKeys,
}

func personKeys(p *Person) (keys []docstore.IndexKey) {
	add := func(index, key string) {
		if k := (docstore.IndexKey{Index: index, Key: key}); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	for _, f := range p.Found {
		add("found", f)
	}
	if p.Merge != nil && p.Merge.Phase != Merged {
		add("unsettled", string(p.ID))
	}
	if p.MergedInto != "" {
		return keys // it is listed as who it is now
	}
	name := p.sortName()
	add("name", name)
	add("status", docstore.Tuple(string(p.Status), name))
	for _, a := range p.affiliations() {
		add("organisation", docstore.Tuple(string(a.Organisation), name))
	}
	for _, t := range p.populations() {
		add("population", docstore.Tuple(t.Name, name))
	}
	for _, t := range p.tags() {
		add("tag", docstore.Tuple(t.Name, name))
	}
	if p.Status == Left {
		add("left", docstore.Number(p.leftOn()))
	}
	// Who absorbed many others can have more than a document may; the first are those of its own.
	return keys[:min(len(keys), docstore.MaxKeys)]
}

// affiliations are the person's own, and those of who was merged into the person.
func (p *Person) affiliations() []Affiliation {
	all := p.Affiliations
	for _, a := range p.Absorbed {
		all = slices.Concat(all, a.Affiliations)
	}
	return all
}

func (p *Person) populations() []Tag {
	all := p.Populations
	for _, a := range p.Absorbed {
		all = slices.Concat(all, a.Populations)
	}
	return all
}

func (p *Person) tags() []Tag {
	all := p.Tags
	for _, a := range p.Absorbed {
		all = slices.Concat(all, a.Tags)
	}
	return all
}

// OrganisationOn returns the organisation that the person belongs to on a day. Of several, which only
// a merge brings about, it is the one that began last.
func (p Person) OrganisationOn(day hub.Day) (hub.OrganisationID, bool) {
	var found Affiliation
	for _, a := range p.affiliations() {
		if a.Covers(day) && (found.Organisation == "" || a.From > found.From) {
			found = a
		}
	}
	return found.Organisation, found.Organisation != ""
}

// In reports whether the person is of a population on a day.
func (p Person) In(population string, day hub.Day) bool {
	return tagged(p.populations(), population, day)
}

// Tagged reports whether the person bears a tag on a day.
func (p Person) Tagged(tag string, day hub.Day) bool { return tagged(p.tags(), tag, day) }

func tagged(tags []Tag, name string, day hub.Day) bool {
	return slices.ContainsFunc(tags, func(t Tag) bool { return t.Name == name && t.Covers(day) })
}

// leftOn is the last day of the last affiliation, 0 when none has an end.
func (p *Person) leftOn() (last hub.Day) {
	for _, a := range p.affiliations() {
		last = max(last, a.To)
	}
	return last
}

// lastOrganisation is that of the affiliation that begins last.
func (p *Person) lastOrganisation() (hub.OrganisationID, bool) {
	all := p.affiliations()
	if len(all) == 0 {
		return "", false
	}
	return slices.MaxFunc(all, func(a, b Affiliation) int { return cmp.Compare(a.From, b.From) }).Organisation, true
}
