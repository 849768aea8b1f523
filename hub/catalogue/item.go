package catalogue

import (
	"maps"
	"time"

	"acquis/hub"
)

// Kind tells modules from parcours.
type Kind string

// The kinds.
const (
	Module   Kind = "module"   // something that is learned in one place
	Parcours Kind = "parcours" // modules, or other parcours, of which its rule asks some
)

// Status says whether an item is on offer. No item is ever taken away: what was learned stays.
type Status string

// The statuses.
const (
	Draft     Status = "draft"     // not on offer yet; a parcours is not completed by its rule
	Live      Status = "live"      // on offer
	Withdrawn Status = "withdrawn" // no longer on offer; who is under way can end it
)

// Modality says where an item is learned.
type Modality string

// The modalities.
const (
	Online    Modality = "online"
	Classroom Modality = "classroom"
	Hybrid    Modality = "hybrid"
)

// Item is something that can be completed.
type Item struct {
	ID          hub.ItemID `json:"id"`
	Kind        Kind       `json:"kind"`
	Title       Text       `json:"title"`
	Description Text       `json:"description,omitempty"`
	Expertise   string     `json:"expertise,omitempty"` // id of an Expertise
	Provider    string     `json:"provider,omitempty"`  // id of a Provider
	Languages   []string   `json:"languages,omitempty"` // in which it can be taken, as language tags
	Minutes     int        `json:"minutes,omitzero"`    // the duration that is announced, 0 for none
	Modality    Modality   `json:"modality,omitempty"`
	Status      Status     `json:"status"`
	Versions    []Version  `json:"versions,omitempty"` // of a parcours, the oldest first; their spans share no day
}

// Version is the rule of a parcours during some time.
type Version struct {
	Number  int      `json:"number"` // from 1
	InForce hub.Span `json:"inForce,omitzero"`
	// Begun says that the version counts: its first day has come. The catalogue sets it, so that what
	// is completed depends on the catalogue alone and not on the time at which one asks.
	Begun bool `json:"begun,omitzero"`
	Rule  Rule `json:"rule"`
}

// Met tells when the rule of the parcours was met, and in which version: the one in force when that
// was so. Who met a rule before its version came into force completes the parcours on the version's
// first day; what one version gave, a later one does not take away. completedOn tells when an item was first
// completed, whatever it is; in is the calendar in which days begin.
func (i Item) Met(in hub.Calendar, completedOn func(hub.ItemID) (time.Time, bool)) (when time.Time, version int, ok bool) {
	if i.Kind != Parcours || i.Status == Draft {
		return time.Time{}, 0, false
	}
	for _, v := range i.Versions {
		at, met := v.met(in, completedOn)
		if met && (!ok || at.Before(when)) {
			when, version, ok = at, v.Number, true
		}
	}
	return when, version, ok
}

func (v Version) met(in hub.Calendar, completedOn func(hub.ItemID) (time.Time, bool)) (time.Time, bool) {
	if !v.Begun {
		return time.Time{}, false
	}
	at, met := v.Rule.Met(completedOn)
	if !met {
		return time.Time{}, false
	}
	if from := v.InForce.From; from != 0 {
		if start := in.Start(from); at.Before(start) {
			at = start
		}
	}
	if to := v.InForce.To; to != 0 && !at.Before(in.Start(to+1)) {
		return time.Time{}, false
	}
	return at, true
}

// Items lists what the versions of a parcours speak of, each once, in the order of first mention.
func (i Item) Items() (all []hub.ItemID) {
	seen := map[hub.ItemID]bool{}
	for _, v := range i.Versions {
		for _, id := range v.Rule.Items() {
			if !seen[id] {
				seen[id] = true
				all = append(all, id)
			}
		}
	}
	return all
}

// Expertise is a field of knowledge.
type Expertise struct {
	ID    string `json:"id"`
	Title Text   `json:"title"`
	Order int    `json:"order"` // where it stands in lists, from 1
}

// Provider is whoever offers items.
type Provider struct {
	ID    string `json:"id"`
	Title Text   `json:"title"`
}

// Text is the same in several languages, by language tag.
type Text map[string]string

// In returns the text in the first of the languages that it has, else in French, in English, or in
// whichever it has; "" for an empty one.
func (t Text) In(languages ...string) string {
	for _, language := range append(languages, "fr", "en") {
		if text, ok := t[language]; ok {
			return text
		}
	}
	first := ""
	for language := range t {
		if first == "" || language < first {
			first = language
		}
	}
	return t[first]
}

// with is the text with another one in a language, without it when that is empty.
func (t Text) with(language, text string) Text {
	next := maps.Clone(t)
	if next == nil {
		next = Text{}
	}
	if next[language] = text; text == "" {
		delete(next, language)
	}
	return next
}
