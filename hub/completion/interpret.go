package completion

import (
	"net/url"
	"strings"

	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/directory"
	"acquis/lrs"
)

// Reason says why a statement does not count. "" for one that does.
type Reason string

// The reasons.
const (
	Voided        Reason = "voided"           // it was voided
	Voiding       Reason = "voiding"          // it voids another
	GroupActor    Reason = "group-actor"      // a group did it: who of them is not said
	NoIdentity    Reason = "no-identity"      // its actor has no identifier
	NoActivity    Reason = "no-activity"      // its object is no activity
	Unknown       Reason = "unknown-activity" // no item of the catalogue is known by this activity
	PartOfAnother Reason = "part-of-another"  // it speaks of a part: a part's outcome is not the whole's
	SaysNothing   Reason = "verb-says-nothing"
	Contradictory Reason = "contradictory" // its verb says one thing, its result the opposite
)

// Explain says the reason in a sentence for people.
func (r Reason) Explain() string {
	switch r {
	case Voided:
		return "The statement was voided by another one, so it counts no more."
	case Voiding:
		return "The statement only voids another one."
	case GroupActor:
		return "A group is the actor: which of its members did it is not said."
	case NoIdentity:
		return "The actor has no identifier by which to find the person."
	case NoActivity:
		return "The object is a person or a statement, not an activity."
	case Unknown:
		return "No item of the catalogue is known by this activity: map the activity to an item, and the statement is read again."
	case PartOfAnother:
		return "The activity is a part of another one, and what happens to a part does not complete the whole."
	case SaysNothing:
		return "The verb says nothing about learning, such as an enrolment or a log-in, or it is not known."
	case Contradictory:
		return "The result contradicts the verb, as completed with \"completion\": false does."
	}
	return "The statement counts."
}

// Heard is a statement with what the store says of it.
type Heard struct {
	*lrs.Statement
	ID     lrs.ID
	Stored lrs.Instant
	Source string
	Voided bool
}

// Catalogue tells what activities mean; *catalogue.Picture does.
type Catalogue interface {
	Match(source, activityIRI string) (catalogue.Mapping, bool)
}

// Reading is what a statement comes to.
type Reading struct {
	Key   directory.Key // whose the facts are
	Name  string        // what the actor is called, "" for nothing
	Told  []Told
	Why   Reason // "" when it tells something
	Notes Notes  // of all facts
}

// Told is a fact with what it is about.
type Told struct {
	Item hub.ItemID
	Fact Fact
}

// Interpret reads a statement: the facts that it tells, or the reason why it tells none. It depends on
// its arguments alone.
func Interpret(s Heard, known Catalogue) Reading {
	var r Reading
	key, identified := directory.KeyOf(s.Actor)
	switch {
	case s.Voided:
		r.Why = Voided
	case s.Verb.ID == lrs.VerbVoided:
		r.Why = Voiding
	case s.Actor.Group:
		r.Why = GroupActor
	case !identified:
		r.Why = NoIdentity
	case s.Object.Kind != lrs.ObjectActivity:
		r.Why = NoActivity
	}
	if r.Why != "" {
		return r
	}
	r.Key, r.Name = key, s.Actor.Name
	spoken := aboutWhat(s, known)
	if len(spoken) == 0 {
		r.Why = unmapped(s, known)
		return r
	}
	verb, ok := meaning(s.Verb.ID)
	switch {
	case !ok:
		r.Why = SaysNothing
	case contradicts(verb, s.Result):
		r.Why = Contradictory
	default:
		for _, of := range spoken {
			fact := factOf(s, verb, of)
			r.Notes |= fact.Notes
			r.Told = append(r.Told, Told{of.mapping.Item, fact})
		}
	}
	return r
}

// subject is an item that a statement speaks of.
type subject struct {
	mapping catalogue.Mapping
	part    bool
}

// aboutWhat lists the items that a statement speaks of, each once: that of its object, and those whose
// parts it speaks of, where their mapping lets parts count.
func aboutWhat(s Heard, known Catalogue) (spoken []subject) {
	add := func(m catalogue.Mapping, part bool) {
		if part && !m.Parts {
			return
		}
		for _, other := range spoken {
			if other.mapping.Item == m.Item {
				return
			}
		}
		spoken = append(spoken, subject{m, part})
	}
	iri := s.Object.Activity.ID
	whole, isPart := wholeOf(iri)
	if m, ok := known.Match(s.Source, iri); ok {
		add(m, isPart && m.Form != catalogue.Exact || m.Form == catalogue.Prefix && m.Parts && iri != m.IRI || withinParent(s, known, m))
	}
	if isPart {
		if m, ok := known.Match(s.Source, whole); ok {
			add(m, true)
		}
	}
	for _, parent := range parentsOf(s) {
		if m, ok := known.Match(s.Source, parent); ok {
			add(m, true)
		}
	}
	return spoken
}

// withinParent reports whether a mapping that is not exact takes a part for its whole: when a parent means
// the same item.
func withinParent(s Heard, known Catalogue, m catalogue.Mapping) bool {
	if m.Form == catalogue.Exact {
		return false
	}
	for _, parent := range parentsOf(s) {
		if p, ok := known.Match(s.Source, parent); ok && p.Item == m.Item {
			return true
		}
	}
	return false
}

// unmapped tells an activity that nobody knows from a part of one that somebody does.
func unmapped(s Heard, known Catalogue) Reason {
	iri := s.Object.Activity.ID
	for _, related := range relatedTo(s) {
		if _, ok := known.Match(s.Source, related); ok {
			return PartOfAnother
		}
	}
	if _, ok := known.Match(s.Source, iri); ok {
		return PartOfAnother
	}
	return Unknown
}

// relatedTo lists the activities, besides the object, that decide what a statement is about.
func relatedTo(s Heard) []string {
	related := parentsOf(s)
	if whole, isPart := wholeOf(s.Object.Activity.ID); isPart {
		related = append(related, whole)
	}
	return related
}

// parentsOf lists the parents that a statement names, its object not among them.
func parentsOf(s Heard) (parents []string) {
	if s.Context == nil {
		return nil
	}
	for i := range s.Context.Activities.Parent {
		if id := s.Context.Activities.Parent[i].ID; id != s.Object.Activity.ID {
			parents = append(parents, id)
		}
	}
	return parents
}

// h5pPart is the query parameter by which H5P names a part of a content.
const h5pPart = "subContentId"

// wholeOf returns the content that an H5P activity is a part of.
func wholeOf(iri string) (whole string, isPart bool) {
	if !strings.Contains(iri, h5pPart+"=") {
		return "", false
	}
	address, err := url.Parse(iri)
	if err != nil {
		return "", false
	}
	kept := strings.Split(address.RawQuery, "&")
	others := kept[:0:0]
	for _, pair := range kept {
		if !strings.HasPrefix(pair, h5pPart+"=") {
			others = append(others, pair)
		}
	}
	if len(others) == len(kept) {
		return "", false
	}
	address.RawQuery = strings.Join(others, "&")
	return address.String(), true
}

// contradicts reports whether a result says the opposite of its verb.
func contradicts(verb told, r *lrs.Result) bool {
	if r == nil {
		return false
	}
	return verb.does&Completed != 0 && r.Completion != nil && !*r.Completion ||
		verb.does&Passed != 0 && r.Success != nil && !*r.Success ||
		verb.does&Failed != 0 && r.Success != nil && *r.Success
}

// maxEarnedIRI bounds what is kept of what was earned, so that a document of facts and a record stay within
// their bounds. Whoever calls a certificate by more than that has earned one still.
const maxEarnedIRI = 2000

func factOf(s Heard, verb told, of subject) Fact {
	f := Fact{Stored: s.Stored, Statement: s.ID, At: happened(s), Source: s.Source, Attempt: attemptOf(s.Context)}
	if key, ok := s.ContentKey(); ok {
		f.Content = key
	}
	if verb.closes {
		f.Notes |= Closing
	}
	result := s.Result
	if result == nil {
		result = &lrs.Result{}
	}
	if result.Duration != "" {
		f.Measured = milliseconds(result.Duration)
	}
	if of.part {
		f.Does, f.Notes = Started, f.Notes&^Closing|OfPart
		return f
	}
	f.Does = verb.does
	members := extensions(result.Extensions)
	percent, notes, asScore := progressOf(result, members, of.mapping.Progress)
	f.Notes |= notes
	if f.Progress = percent; percent != nil {
		f.Does |= Progressed
	}
	if verb.scores && !asScore {
		f.Score = scoreOf(result.Score)
	}
	if at := of.mapping.PassedAt; at > 0 && f.Does&Completed != 0 && f.Score != nil && f.Score.Scaled != nil && *f.Score.Scaled >= at {
		f.Does |= Passed
		f.Notes |= ByThreshold
	}
	f.Announced, f.Stage = announcedOf(members), stageOf(members)
	if f.Does&Certified != 0 && len(s.Object.Activity.ID) <= maxEarnedIRI {
		f.Earned = s.Object.Activity.ID
	}
	return f
}

// happened is when it happened. Nothing can have happened after it was told, so a clock that runs ahead
// does not count.
func happened(s Heard) lrs.Instant {
	at, err := lrs.ParseTimestamp(s.Timestamp, lrs.V103)
	if err != nil {
		return s.Stored
	}
	return min(lrs.InstantOf(at), s.Stored)
}
