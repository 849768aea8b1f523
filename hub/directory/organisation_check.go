package directory

import (
	"regexp"
	"slices"
	"strings"

	"acquis/hub"
	"acquis/lrs"
)

// At most so much stands in an organisation's document.
const (
	maxEdges      = 60
	maxHeadcounts = 400
)

// organisationID is how whoever imports organisations may call them.
var organisationID = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._:-]*$`)

// laPoste is the SIREN whose many SIRETs are checked by another sum.
const laPoste = "356000000"

// CheckSIRET says why a text is no SIRET, "" when it is one: 14 digits whose last one is a check digit
// (Luhn's; La Poste's are a multiple of five).
func CheckSIRET(siret string) string {
	if len(siret) != 14 || strings.Trim(siret, "0123456789") != "" {
		return "is no SIRET: it has 14 digits without spaces"
	}
	sum, plain := 0, 0
	for i := range siret {
		n := int(siret[i] - '0')
		plain += n
		if i%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	if sum%10 == 0 || strings.HasPrefix(siret, laPoste) && plain%5 == 0 {
		return ""
	}
	return "is no SIRET: its check digit is wrong, a digit was mistyped"
}

// check lists everything that is wrong with an organisation by itself; known says which others there
// are.
func (o *Organisation) check(known func(hub.OrganisationID) bool) (k checker) {
	if len(o.ID) > maxID || !organisationID.MatchString(string(o.ID)) {
		k.add("/id", "id", "must be 1 to %d bytes of letters, digits, and . _ : - after the first", maxID)
	}
	if o.Name == "" || len(o.Name) > maxName || o.Name != cutText(o.Name, maxName) {
		k.add("/name", "text", "must be text of 1 to %d bytes without space around it", maxName)
	}
	if !slices.Contains([]OrganisationKind{Ministry, Directorate, Service, Other}, o.Kind) {
		k.add("/kind", "kind", "must be ministry, directorate, service or other")
	}
	if o.SIRET != "" {
		if fault := CheckSIRET(o.SIRET); fault != "" {
			k.add("/siret", "siret", "%s", fault)
		}
	}
	k.span("", o.Span)
	o.checkParents(&k, known)
	o.checkHeadcounts(&k)
	return k
}

func (o *Organisation) checkParents(k *checker, known func(hub.OrganisationID) bool) {
	if len(o.Parents) > maxEdges {
		k.add("/parents", "count", "there may be at most %d", maxEdges)
	}
	for i, e := range o.Parents {
		pointer := at("/parents", i)
		if !known(e.Parent) {
			k.add(pointer+"/parent", "unknown-organisation", "there is no organisation %.64q", e.Parent)
		}
		k.span(pointer, e.Span)
		for j, other := range o.Parents[:i] {
			if other.Overlaps(e.Span) {
				k.add(pointer, "overlap", "lies at the same time as %s: an organisation stands under one other at a time, end one before the other begins", at("/parents", j))
			}
		}
	}
}

func (o *Organisation) checkHeadcounts(k *checker) {
	if len(o.Headcounts) > maxHeadcounts {
		k.add("/headcounts", "count", "there may be at most %d", maxHeadcounts)
	}
	for i, h := range o.Headcounts {
		pointer := at("/headcounts", i)
		if h.Day == 0 {
			k.add(pointer+"/day", "required", "must say from which day on it holds")
		}
		if h.Count < 0 {
			k.add(pointer+"/count", "count", "must not be below 0")
		}
		if len(h.Population) > maxWord || h.Population != cutText(h.Population, maxWord) {
			k.add(pointer+"/population", "text", "must be text of at most %d bytes without space around it", maxWord)
		}
		if j := slices.IndexFunc(o.Headcounts[:i], func(b Headcount) bool { return b.Day == h.Day && b.Population == h.Population }); j >= 0 {
			k.add(pointer, "duplicate", "is of the same day and population as %s", at("/headcounts", j))
		}
	}
}

// Cycle returns organisations that stand under one another in a circle on some day, the first again at
// the end, nil when there are none. The tree can change only on days at which an edge begins.
func (t *Tree) Cycle() []hub.OrganisationID {
	days := map[hub.Day]bool{}
	for _, o := range t.nodes {
		for _, e := range o.Parents {
			days[max(e.From, 1)] = true
		}
	}
	for day := range days {
		if circle := t.cycleOn(day); circle != nil {
			return circle
		}
	}
	return nil
}

func (t *Tree) cycleOn(day hub.Day) []hub.OrganisationID {
	done := map[hub.OrganisationID]bool{}
	for _, id := range t.IDs() {
		var path []hub.OrganisationID
		for !done[id] {
			if i := slices.Index(path, id); i >= 0 {
				return append(path[i:], id)
			}
			path = append(path, id)
			above, has := t.ParentOn(id, day)
			if !has {
				break
			}
			id = above
		}
		for _, walked := range path {
			done[walked] = true
		}
	}
	return nil
}

// checkCycle refuses a tree that is none, by the names of who stands in the circle.
func (t *Tree) checkCycle() error {
	circle := t.Cycle()
	if circle == nil {
		return nil
	}
	names := make([]string, len(circle))
	for i, id := range circle {
		names[i] = string(id)
		if o := t.nodes[id]; o.Name != "" {
			names[i] = o.Name + " (" + string(id) + ")"
		}
	}
	return &lrs.Error{Kind: lrs.KindInvalid, Detail: "organisations stand under one another in a circle", Violations: []lrs.Violation{{
		Pointer: "/parents", Rule: "cycle", Detail: strings.Join(names, " stands under ") + ": take one of these edges away, or end it before",
	}}}
}
