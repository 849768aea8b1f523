package catalogue

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"acquis/lrs"
)

// Bounds of what is written about items, generous for people, narrow for programs gone wild.
const (
	maxTitle       = 200   // characters
	maxDescription = 4000  // characters
	maxIRI         = 400   // bytes
	maxMinutes     = 60000 // a thousand hours
	maxList        = 200
)

// judge gathers violations of one thing; at says where its members stand.
type judge struct {
	at    func(member string) string
	found []lrs.Violation
}

func (j *judge) add(member, rule, detail string, values ...any) {
	j.found = append(j.found, lrs.Violation{Pointer: j.at(member), Rule: rule, Detail: fmt.Sprintf(detail, values...)})
}

// text refuses a text that is absent where it is needed, too long, or not for people.
func (j *judge) text(member string, t Text, needed bool, most int) {
	if needed && len(t) == 0 {
		j.add(member, "required", "must be given in a language at least, such as fr")
	}
	for _, language := range slices.Sorted(maps.Keys(t)) {
		text := t[language]
		switch {
		case lrs.CheckLanguageTag(language) != nil:
			j.add(member, "language", "%.40q is no language tag: use one such as fr or en-GB", language)
		case strings.TrimSpace(text) == "" || utf8.RuneCountInString(text) > most:
			j.add(member, "length", "must have from 1 to %d characters in %s", most, language)
		case !utf8.ValidString(text) || strings.ContainsFunc(text, isControl):
			j.add(member, "text", "must be text without control characters in %s", language)
		}
	}
}

func isControl(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

// id refuses what cannot name something.
func (j *judge) id(member, id string) {
	const most = 100
	if len(id) == 0 || len(id) > most || strings.ContainsFunc(id, isNoID) || strings.ContainsAny(id[:1], ".-_") {
		j.add(member, "id", "must be a name of %d characters at most: lower-case letters, digits, and . _ - after the first one, such as ia-generative", most)
	}
}

func isNoID(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
}

// one refuses what is none of the values.
func one[S ~string](j *judge, member string, value S, values ...S) {
	if !slices.Contains(values, value) {
		var names []string
		for _, v := range values {
			if v != "" {
				names = append(names, string(v))
			}
		}
		j.add(member, "value", "must be %s", strings.Join(names, ", "))
	}
}
