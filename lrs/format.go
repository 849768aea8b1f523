package lrs

import (
	"slices"

	"golang.org/x/text/language"
)

// Format is how much of a statement an answer shows (Communication 2.1.3).
type Format uint8

// The formats.
const (
	FormatExact     Format = iota // as accepted, byte for byte
	FormatIDs                     // only what identifies agents, activities and verbs
	FormatCanonical               // canonical definitions, each language map cut to one language
)

// Formats are the formats by the names that the format parameter takes.
var Formats = map[string]Format{"exact": FormatExact, "ids": FormatIDs, "canonical": FormatCanonical}

// formatter shows statements in the ids and canonical formats: it replaces the places of agents,
// verbs and activities in the stored bytes and leaves the rest alone.
type formatter struct {
	format     Format
	languages  []language.Tag // of Accept-Language, best first
	definition func(activity string) (RawJSON, error)
}

func (f formatter) apply(stored []byte) ([]byte, error) {
	if f.format == FormatExact {
		return stored, nil
	}
	s, err := DecodeStored(stored)
	if err != nil {
		return nil, err
	}
	p := newPatch(stored)
	if f.format == FormatIDs {
		f.identify(p, s)
	} else if err := f.canonicalise(p, s); err != nil {
		return nil, err
	}
	return p.apply(), nil
}

// identify leaves agents, verbs and activities with what identifies them.
func (f formatter) identify(p *patch, s *Statement) {
	actors := s.places.actors
	if s.Authority != nil {
		actors = append(slices.Clip(actors), s.Authority)
	}
	for _, a := range actors {
		p.replace(a.span, func() { p.out = appendActorID(p.out, a) })
	}
	for _, v := range s.places.verbs {
		p.replace(v.span, func() {
			p.out = append(appendQuoted(append(p.out, `{"id":`...), v.ID), '}')
		})
	}
	for _, a := range s.places.activities {
		p.replace(a.span, func() {
			p.out = append(appendQuoted(append(p.out, `{"id":`...), a.ID), '}')
		})
	}
}

// appendActorID appends the least that identifies an actor; an anonymous group is its members.
func appendActorID(b []byte, a *Actor) []byte {
	objectType := "Agent"
	if a.Group {
		objectType = "Group"
	}
	b = appendQuoted(append(b, `{"objectType":`...), objectType)
	switch a.IFI.Kind {
	case Mbox:
		b = appendQuoted(append(b, `,"mbox":`...), a.IFI.Value)
	case MboxSHA1Sum:
		b = appendQuoted(append(b, `,"mbox_sha1sum":`...), a.IFI.Value)
	case OpenID:
		b = appendQuoted(append(b, `,"openid":`...), a.IFI.Value)
	case Account:
		b = appendQuoted(append(b, `,"account":{"homePage":`...), a.IFI.HomePage)
		b = append(appendQuoted(append(b, `,"name":`...), a.IFI.Value), '}')
	default:
		b = append(b, `,"member":[`...)
		for i := range a.Members {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendActorID(b, &a.Members[i])
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// canonicalise gives activities their canonical definitions and cuts language maps to one language.
func (f formatter) canonicalise(p *patch, s *Statement) error {
	for _, v := range s.places.verbs {
		if v.Display == nil {
			continue
		}
		display, err := f.oneLanguage(v.Display)
		if err != nil {
			return err
		}
		p.replace(v.span, func() {
			p.out = appendQuoted(append(p.out, `{"id":`...), v.ID)
			p.out = append(append(append(p.out, `,"display":`...), display...), '}')
		})
	}
	for _, a := range s.places.activities {
		definition, err := f.definition(a.ID)
		if err != nil {
			return err
		}
		if definition == nil {
			definition = a.Definition
		}
		if definition == nil {
			continue
		}
		if definition, err = f.filterDefinition(definition); err != nil {
			return err
		}
		p.replace(a.span, func() {
			p.out = appendQuoted(append(p.out, `{"objectType":"Activity","id":`...), a.ID)
			p.out = append(append(append(p.out, `,"definition":`...), definition...), '}')
		})
	}
	return nil
}

// filterDefinition cuts the language maps of a definition and of its interaction components.
func (f formatter) filterDefinition(definition RawJSON) (RawJSON, error) {
	members, err := readMembers(definition)
	if err != nil {
		return nil, err
	}
	for i, m := range members {
		switch m.name {
		case "name", "description":
			members[i].value, err = f.oneLanguage(m.value)
		case "choices", "scale", "source", "target", "steps":
			members[i].value, err = f.filterComponents(m.value)
		}
		if err != nil {
			return nil, err
		}
	}
	return writeMembers(members), nil
}

func (f formatter) filterComponents(list RawJSON) (RawJSON, error) {
	r := newReader(list)
	defer r.release()
	out := []byte{'['}
	var failed error
	r.array("an array", "", func() {
		members, err := readMembers(r.value())
		for i, m := range members {
			if m.name == "description" && err == nil {
				members[i].value, err = f.oneLanguage(m.value)
			}
		}
		if err != nil && failed == nil {
			failed = err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, writeMembers(members)...)
	})
	return append(out, ']'), failed
}

// oneLanguage cuts a language map to the entry that suits the reader best, the first one when the
// reader did not say or none suits.
func (f formatter) oneLanguage(languageMap RawJSON) (RawJSON, error) {
	members, err := readMembers(languageMap)
	if err != nil || len(members) < 2 {
		return languageMap, err
	}
	return writeMembers(members[bestLanguage(members, f.languages):][:1]), nil
}

// maxLanguages is how many languages of a map are considered: matching is slow with many.
const maxLanguages = 100

func bestLanguage(members []member, wanted []language.Tag) int {
	if len(wanted) == 0 {
		return 0
	}
	var tags []language.Tag
	var index []int
	for i, m := range members[:min(len(members), maxLanguages)] {
		if tag, err := language.Parse(m.name); err == nil {
			tags, index = append(tags, tag), append(index, i)
		}
	}
	if len(tags) == 0 {
		return 0
	}
	_, i, confidence := language.NewMatcher(tags).Match(wanted...)
	if confidence == language.No {
		return 0
	}
	return index[i]
}
