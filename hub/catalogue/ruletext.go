package catalogue

import (
	"strconv"
	"strings"

	"acquis/hub"
	"acquis/lrs"
)

// ParseRule reads a rule as people write it in a cell: requirements with + between, each of which is a
// list of ids after what it wants of them, all when nothing is said.
//
//	all: a b c
//	a b c
//	2 of: a b c + sequence: d e
func ParseRule(text string) (Rule, error) {
	var rule Rule
	for part := range strings.SplitSeq(text, "+") {
		wanted, list, split := strings.Cut(part, ":")
		if !split {
			wanted, list = "all", part
		}
		ids := idsOf(list)
		wanted = strings.Join(strings.Fields(strings.ToLower(wanted)), " ")
		number, isOf := strings.CutSuffix(wanted, " of")
		n, err := strconv.Atoi(number)
		switch {
		case len(ids) == 0:
			return nil, lrs.Errorf(lrs.KindInvalid, "%.60q names no item: write a rule as all: a b, as 2 of: a b c, or as sequence: a b", strings.TrimSpace(part))
		case wanted == "all":
			rule = append(rule, Requirement{All: ids})
		case wanted == "sequence":
			rule = append(rule, Requirement{Sequence: ids})
		case isOf && err == nil && n > 0:
			rule = append(rule, Requirement{AtLeast: n, Of: ids})
		default:
			return nil, lrs.Errorf(lrs.KindInvalid, "%.60q is not what a rule can ask: write all:, a number and of:, or sequence:", wanted)
		}
	}
	return rule, nil
}

func idsOf(list string) (ids []hub.ItemID) {
	for _, id := range strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\n' || r == '\r' }) {
		ids = append(ids, hub.ItemID(id))
	}
	return ids
}

// String writes the rule so that ParseRule reads it.
func (r Rule) String() string {
	parts := make([]string, len(r))
	for i, q := range r {
		switch {
		case len(q.Of) > 0:
			parts[i] = strconv.Itoa(q.AtLeast) + " of: " + joined(q.Of)
		case len(q.Sequence) > 0:
			parts[i] = "sequence: " + joined(q.Sequence)
		default:
			parts[i] = "all: " + joined(q.All)
		}
	}
	return strings.Join(parts, " + ")
}

func joined(ids []hub.ItemID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	return strings.Join(words, " ")
}
