package schemas

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/xeipuuv/gojsonschema"
)

// What a contract may cost. Each value of a statement meets a subschema at most once, and each byte an
// instruction of a pattern, so the weight bounds the work of judging: to three seconds for the largest statement under
// the worst contract that could be thought of, where those that ship take milliseconds.
const (
	maxDocument = 256 << 10 // bytes
	maxNesting  = 48        // levels of a schema within a schema
	maxWeight   = 2000      // subschemas and instructions of patterns, each $ref written out
	maxPattern  = 500       // bytes
	maxProgram  = 500       // instructions of a pattern, repetitions by number written out
	maxText     = 10_000    // of a minLength or a maxLength
)

// guard looks at a schema for what draft-07 allows and a contract does not:
//   - a $ref to anything but a definition, and one that leads back to itself, however far down;
//   - more than the limits above;
//   - a regular expression that RE2 can't take, or that makes validators which backtrack run for ever;
//   - a keyword or a format that nobody checks, and which would pass everything without a word.
type guard struct {
	root     object
	programs map[string]int // instructions of each pattern
	faults   []Violation
}

func (g *guard) fault(path []string, rule, format string, args ...any) {
	g.faults = append(g.faults, Violation{Pointer: pointer(path), Rule: rule, Detail: fmt.Sprintf(format, args...)})
}

func (g *guard) check() {
	g.schema(g.root, nil, 1)
	if len(g.faults) > 0 {
		return // weighing follows references, which must be sound
	}
	w := scales{root: g.root, programs: g.programs, known: map[string]int{}}
	if weight, circle := w.weigh(g.root, nil); circle != "" {
		g.fault(nil, "recursion", "The $ref %q comes back to itself: a contract has no recursion.", circle)
	} else if weight > maxWeight {
		g.fault(nil, "too-costly", "With each $ref written out the schema has more than %d subschemas and steps of patterns: make it smaller.", maxWeight)
	}
}

func (g *guard) schema(node any, path []string, level int) {
	schema, ok := node.(object)
	if !ok {
		return // true or false
	}
	if level > maxNesting {
		g.fault(path, "too-costly", "The schema is nested deeper than %d levels.", maxNesting)
		return
	}
	for keyword, value := range schema {
		g.keyword(keyword, value, append(slices.Clone(path), keyword), level)
	}
	for at, sub := range subschemas(schema) {
		g.schema(sub, slices.Concat(path, at), level+1)
	}
}

func (g *guard) keyword(keyword string, value any, path []string, level int) {
	text, _ := value.(string)
	switch keyword {
	case "$ref":
		name, under := strings.CutPrefix(text, "#/definitions/")
		if !under || strings.Contains(name, "/") {
			g.fault(path, "reference", "The $ref %q does not point to a definition: write #/definitions/ and its name.", text)
		}
	case "definitions":
		if level > 1 {
			g.fault(path, "reference", "Definitions stand at the root of the schema.")
		}
	case "format":
		if _, ours := formatNamed(text); !ours && (text == "regex" || !gojsonschema.FormatCheckers.Has(text)) {
			g.fault(path, "format", "The format %q is not known, so it would accept everything.", text)
		}
	case "pattern":
		g.pattern(text, path)
	case "patternProperties":
		patterns, _ := value.(object)
		for pattern := range patterns {
			g.pattern(pattern, append(slices.Clone(path), pattern))
		}
	case "minLength", "maxLength":
		if number, given := value.(json.Number); given && !atMost(number, maxText) {
			g.fault(path, "too-costly", "Lengths are whole numbers up to %d.", maxText)
		}
	default:
		if !known(keyword) {
			g.fault(path, "keyword", "The keyword %q is not one of draft-07, so it would have no effect: mend or remove it, or let its name begin with x-.", keyword)
		}
	}
}

func atMost(number json.Number, most int) bool {
	n, err := strconv.Atoi(number.String())
	return err == nil && n <= most
}

func known(keyword string) bool {
	return strings.HasPrefix(keyword, "x-") || slices.Contains(draftKeywords, keyword)
}

// draftKeywords are those of draft-07, save contentEncoding and contentMediaType, which nobody checks.
var draftKeywords = strings.Fields(`$id $schema $comment title description default readOnly examples
	multipleOf maximum exclusiveMaximum minimum exclusiveMinimum
	items additionalItems maxItems minItems uniqueItems contains
	maxProperties minProperties required properties additionalProperties dependencies propertyNames
	enum const type if then else allOf anyOf oneOf not`)

// members refuses what an object of the header may not hold.
func (g *guard) members(object object, path []string, names ...string) {
	for name := range object {
		if !slices.Contains(names, name) {
			g.fault(append(slices.Clone(path), name), "header", "The property %q is not known here; there are %s.", name, strings.Join(names, ", "))
		}
	}
}

// subschemas yields every schema within a schema, with the way to it.
func subschemas(schema object) iter.Seq2[[]string, any] {
	return func(yield func([]string, any) bool) {
		for _, keyword := range []string{"additionalItems", "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else", "items"} {
			if sub, given := schema[keyword]; given && !isList(sub) && !yield([]string{keyword}, sub) {
				return
			}
		}
		for _, keyword := range []string{"allOf", "anyOf", "oneOf", "items"} {
			list, _ := schema[keyword].([]any)
			for i, sub := range list {
				if !yield([]string{keyword, strconv.Itoa(i)}, sub) {
					return
				}
			}
		}
		for _, keyword := range []string{"properties", "patternProperties", "definitions", "dependencies"} {
			named, _ := schema[keyword].(object)
			for _, name := range slices.Sorted(maps.Keys(named)) {
				if sub := named[name]; !isList(sub) && !yield([]string{keyword, name}, sub) { // a dependency may be a list of names
					return
				}
			}
		}
	}
}

func isList(value any) bool {
	_, ok := value.([]any)
	return ok
}

// scales weighs a schema as if each reference were written out, without doing so.
type scales struct {
	root     object
	programs map[string]int
	known    map[string]int // by reference
}

// weigh returns the weight, or the reference that leads back to itself.
func (s scales) weigh(node any, within []string) (weight int, circle string) {
	schema, ok := node.(object)
	if !ok {
		return 1, ""
	}
	if reference, ok := schema["$ref"].(string); ok {
		return s.weighReference(reference, within)
	}
	pattern, _ := schema["pattern"].(string)
	weight = 1 + s.programs[pattern]
	for at, sub := range subschemas(schema) {
		if at[0] == "definitions" {
			continue // they count where they are referred to
		}
		below, circle := s.weigh(sub, within)
		if circle != "" {
			return 0, circle
		}
		weight = min(weight+below, maxWeight+1)
		if at[0] == "patternProperties" {
			weight += s.programs[at[1]]
		}
	}
	return weight, ""
}

func (s scales) weighReference(reference string, within []string) (weight int, circle string) {
	if slices.Contains(within, reference) {
		return 0, reference
	}
	if weight, done := s.known[reference]; done {
		return weight, ""
	}
	target, err := resolve(s.root, reference)
	if err != nil {
		return 1, "" // Compile refuses it
	}
	weight, circle = s.weigh(target, append(within, reference))
	s.known[reference] = weight
	return weight, circle
}

func (g *guard) pattern(pattern string, path []string) {
	if len(pattern) > maxPattern {
		g.fault(path, "pattern", "The regular expression has more than %d bytes.", maxPattern)
		return
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		g.fault(path, "pattern", "This is not a regular expression of RE2, which knows neither looking around nor back-references: %v.", err)
		return
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(program.Inst) > maxProgram {
		g.fault(path, "pattern", "The regular expression is too costly: repeat less by number.")
		return
	}
	g.programs[pattern] = len(program.Inst)
	// A group that captures keeps its repetition apart from the one within it, which the parser would join.
	if captured, err := syntax.Parse(strings.ReplaceAll(pattern, "(?:", "("), syntax.Perl); err == nil && explodes(captured) {
		g.fault(path, "pattern", "A repetition stands directly in a repetition, as in (a+)+, which validators that backtrack can take for ever to try: let something that is always there stand between.")
	}
}

// explodes reports a repetition whose body can be a repetition alone, so that a text can be cut into repeats in
// exponentially many ways.
func explodes(re *syntax.Regexp) bool {
	if repeats(re) && canBeRepetition(re.Sub[0]) {
		return true
	}
	return slices.ContainsFunc(re.Sub, explodes)
}

// repeats reports whether re repeats its only part without a bound, or often.
func repeats(re *syntax.Regexp) bool {
	const often = 10
	return re.Op == syntax.OpStar || re.Op == syntax.OpPlus || re.Op == syntax.OpRepeat && (re.Max < 0 || re.Max > often)
}

func canBeRepetition(re *syntax.Regexp) bool {
	switch {
	case repeats(re):
		return true
	case re.Op == syntax.OpCapture || re.Op == syntax.OpQuest || re.Op == syntax.OpRepeat:
		return canBeRepetition(re.Sub[0])
	case re.Op == syntax.OpAlternate:
		return slices.ContainsFunc(re.Sub, canBeRepetition)
	case re.Op == syntax.OpConcat:
		needed := slices.DeleteFunc(slices.Clone(re.Sub), canBeEmpty)
		return len(needed) == 0 && slices.ContainsFunc(re.Sub, canBeRepetition) || len(needed) == 1 && canBeRepetition(needed[0])
	default:
		return false
	}
}

func canBeEmpty(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpStar, syntax.OpQuest, syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	case syntax.OpRepeat:
		return re.Min == 0 || canBeEmpty(re.Sub[0])
	case syntax.OpPlus, syntax.OpCapture:
		return canBeEmpty(re.Sub[0])
	case syntax.OpConcat:
		return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !canBeEmpty(sub) })
	case syntax.OpAlternate:
		return slices.ContainsFunc(re.Sub, canBeEmpty)
	default:
		return false
	}
}
