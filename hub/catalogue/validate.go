package catalogue

import (
	"fmt"
	"slices"
	"strings"

	"acquis/hub"
	"acquis/lrs"
)

// judgeItem says what is wrong with an item by itself and beside what it refers to.
func (w *work) judgeItem(j *judge, item Item) {
	j.id("id", string(item.ID))
	one(j, "kind", item.Kind, Module, Parcours)
	j.text("title", item.Title, true, maxTitle)
	j.text("description", item.Description, false, maxDescription)
	one(j, "status", item.Status, Draft, Live, Withdrawn)
	one(j, "modality", item.Modality, Online, Classroom, Hybrid, "")
	if _, known := w.expertises[item.Expertise]; !known && item.Expertise != "" {
		j.add("expertise", "unknown", "%.60q is no expertise: use one of %s, or make it first", item.Expertise, some(w.expertises))
	}
	if _, known := w.providers[item.Provider]; !known && item.Provider != "" {
		j.add("provider", "unknown", "%.60q is no provider: use one of %s, or make it first", item.Provider, some(w.providers))
	}
	for _, language := range item.Languages {
		if lrs.CheckLanguageTag(language) != nil {
			j.add("languages", "language", "%.40q is no language tag: use one such as fr", language)
		}
	}
	if len(item.Languages) > maxList {
		j.add("languages", "length", "must be %d at most", maxList)
	}
	if item.Minutes < 0 || item.Minutes > maxMinutes {
		j.add("minutes", "range", "must be a number of minutes from 0 to %d", maxMinutes)
	}
	if item.Kind == Module && len(item.Versions) > 0 {
		j.add("versions", "rule", "a module has no rule: make it a parcours, or take the rule away")
	}
	w.judgeVersions(j, item)
}

func (w *work) judgeVersions(j *judge, item Item) {
	for i, v := range item.Versions {
		member := fmt.Sprintf("versions/%d", i)
		if err := v.InForce.Judge(); err != nil {
			j.add(member, "span", "%v", err)
		}
		if i > 0 {
			if before := item.Versions[i-1].InForce; v.InForce.From == 0 || before.To == 0 || before.To >= v.InForce.From {
				j.add(member, "span", "must begin after the last day of the version before it, so that one is in force on each day")
			}
		}
		w.judgeRule(j, member, item.ID, v.Rule)
	}
}

func (w *work) judgeRule(j *judge, member string, of hub.ItemID, rule Rule) {
	if len(rule) == 0 || len(rule) > maxList {
		j.add(member, "rule", "must ask for something, in %d requirements at most", maxList)
	}
	for _, q := range rule {
		if forms := count(len(q.All) > 0, len(q.Of) > 0, len(q.Sequence) > 0); forms != 1 {
			j.add(member, "rule", "each requirement must have one list: all, of, or sequence")
			continue
		}
		list := slices.Concat(q.All, q.Of, q.Sequence)
		if len(list) > maxList {
			j.add(member, "rule", "a list must hold %d items at most", maxList)
		}
		if len(q.Of) > 0 && (q.AtLeast < 1 || q.AtLeast > len(q.Of)) || len(q.Of) == 0 && q.AtLeast != 0 {
			j.add(member, "rule", "atLeast stands with of, and is a number from 1 to the %d of its list", len(q.Of))
		}
		for i, id := range list {
			switch _, known := w.items[id]; {
			case slices.Contains(list[:i], id):
				j.add(member, "rule", "names %s twice", id)
			case id == of:
				j.add(member, "cycle", "%s asks for itself: take it out of its own rule", id)
			case !known:
				j.add(member, "unknown", "asks for %.100q, which is not in the catalogue: make it first", string(id))
			}
		}
	}
}

func count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

// some lists a few of the names there are.
func some[V any](known map[string]V) string {
	const few = 12
	names := sortedKeys(known)
	if len(names) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	if len(names) == 0 {
		return "those that are to be made"
	}
	return strings.Join(names, ", ")
}

// judgeMapping says what is wrong with a mapping.
func (w *work) judgeMapping(j *judge, m Mapping) {
	one(j, "form", m.Form, Exact, Prefix, Pattern)
	if len(m.IRI) > maxIRI {
		j.add("iri", "length", "must be %d bytes long at most", maxIRI)
	}
	switch m.Form {
	case Exact:
		if err := lrs.CheckIRI(m.IRI); err != nil {
			j.add("iri", "iri", "must be the id of an activity: this one %v", err)
		}
	case Prefix:
		if fault := prefixFault(m.IRI); fault != "" {
			j.add("iri", "prefix", "%s", fault)
		}
	case Pattern:
		if fault := patternFault(m.IRI); fault != "" {
			j.add("iri", "pattern", "%s", fault)
		}
	}
	if m.Source != "" {
		j.id("source", m.Source)
	}
	if _, known := w.items[m.Item]; !known {
		j.add("item", "unknown", "%.100q is not in the catalogue: make it first", string(m.Item))
	}
	if !(m.PassedAt >= 0 && m.PassedAt <= 1) {
		j.add("passedAt", "range", "must be a scaled score from 0 to 1, where 0 stands for none")
	}
	one(j, "scale", m.Progress.Scale, Percent, Fraction, "")
	one(j, "progressScore", m.Progress.Score, "raw", "scaled", "")
	if len(m.Progress.Extensions) > maxList {
		j.add("extensions", "length", "must be %d at most", maxList)
	}
	for _, iri := range m.Progress.Extensions {
		if err := lrs.CheckIRI(iri); err != nil {
			j.add("extensions", "iri", "must be IRIs: %.100q %v", iri, err)
		}
	}
}

// prefixFault says why a prefix would take in what nobody meant, "" when it would not.
func prefixFault(prefix string) string {
	if err := lrs.CheckIRI(prefix); err != nil {
		return "must begin as the id of an activity does: this one " + err.Error()
	}
	scheme, rest, _ := strings.Cut(prefix, ":")
	if host, isWeb := strings.CutPrefix(rest, "//"); isWeb && !strings.ContainsAny(host, "/?#") {
		return "must go on after the host, with a slash at least: " + prefix + " is also what other hosts begin with"
	}
	if rest == "" {
		return "must go on after " + scheme + ":"
	}
	return ""
}
