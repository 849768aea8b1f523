package config

import (
	"fmt"
	"slices"
	"strings"
)

func (l *loader) isSection(name string) bool {
	return name != "" && slices.ContainsFunc(sections(), func(s section) bool { return s.name == name })
}

// suggestKey ends a fault about an unknown key or section with the one that was probably meant.
func (l *loader) suggestKey(name string) string {
	var candidates []string
	for _, k := range l.keys {
		if k.Section() != "" && k.Label() == name { // the section was forgotten
			return didYouMean(k.Name)
		}
		candidates = append(candidates, k.Name, k.FileName())
	}
	for _, s := range sections() {
		candidates = append(candidates, s.name)
	}
	return didYouMean(nearest(name, candidates))
}

func (l *loader) suggestVariable(name string) string {
	var candidates []string
	for _, k := range l.keys {
		candidates = append(candidates, strings.TrimPrefix(k.Variable(), variablePrefix))
		if file := k.FileVariable(); file != "" {
			candidates = append(candidates, strings.TrimPrefix(file, variablePrefix))
		}
	}
	best := nearest(strings.TrimPrefix(name, variablePrefix), candidates)
	if best == "" {
		return ""
	}
	return didYouMean(variablePrefix + best)
}

func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", name)
}

// nearest is the candidate that takes the fewest edits, whatever the case of letters; "" when even that
// one takes more than a slip of the pen.
func nearest(name string, candidates []string) string {
	best, fewest := "", 2+len(name)/4
	for _, candidate := range candidates {
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d < fewest {
			best, fewest = candidate, d
		}
	}
	return best
}

// distance is Levenshtein's: the fewest letters to add, remove or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
