package catalogue

import (
	"errors"
	"regexp/syntax"
	"slices"
	"unicode"
)

// Bounds of a pattern. What two patterns have in common is looked for among the pairs of their steps.
const (
	maxSteps   = 400
	leastBegin = 4 // characters with which all that a pattern matches begins
)

// patternFault says why a pattern is not taken, "" when it is.
func patternFault(pattern string) string {
	if _, err := syntax.Parse(pattern, syntax.Perl); err != nil {
		return "must be a regular expression as RE2 has them: " + reason(err)
	}
	if _, err := anchored(pattern); err != nil {
		return "must be a regular expression as RE2 has them: " + reason(err)
	}
	if len(literalBegin(pattern)) < leastBegin {
		return "must begin with plain text, " + `such as https://example\.org/: each pattern is tried on each activity that begins with its text`
	}
	steps, err := program(pattern)
	switch {
	case err != nil:
		return "must be a regular expression as RE2 has them: " + reason(err)
	case len(steps.Inst) > maxSteps:
		return "is too large: write it shorter, with fewer repetitions"
	case slices.ContainsFunc(steps.Inst, func(i syntax.Inst) bool { return i.Op == syntax.InstEmptyWidth }):
		return `must do without ^, $, \b and the like: a pattern matches whole ids anyway`
	}
	return ""
}

func reason(err error) string {
	var fault *syntax.Error
	if errors.As(err, &fault) {
		return fault.Code.String() + ": " + fault.Expr
	}
	return "it cannot be read"
}

func program(pattern string) (*syntax.Prog, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	return syntax.Compile(parsed.Simplify())
}

// pair is a step of each of two programs.
type pair struct{ a, b uint32 }

// came is how a pair was reached.
type came struct {
	from pair
	by   rune
}

// overlap returns a text that both patterns match whole, false when there is none. Both must be ones
// that patternFault takes.
func overlap(first, second string) (witness string, both bool) {
	a, err := program(first)
	if err != nil {
		return "", false
	}
	b, err := program(second)
	if err != nil {
		return "", false
	}
	start := pair{uint32(a.Start), uint32(b.Start)}
	reached := map[pair]came{start: {from: start}}
	queue := []pair{start}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		as, bs := rest(a, at.a), rest(b, at.b)
		if ends(a, as) && ends(b, bs) {
			return spelled(reached, start, at), true
		}
		for _, i := range as {
			for _, k := range bs {
				r, shared := sharedRune(&a.Inst[i], &b.Inst[k])
				next := pair{a.Inst[i].Out, b.Inst[k].Out}
				if _, known := reached[next]; shared && !known {
					reached[next] = came{at, r}
					queue = append(queue, next)
				}
			}
		}
	}
	return "", false
}

// rest lists the steps that read a character, or end, which are reached from one without reading any.
func rest(p *syntax.Prog, from uint32) (steps []uint32) {
	seen := map[uint32]bool{}
	var walk func(uint32)
	walk = func(at uint32) {
		if seen[at] {
			return
		}
		seen[at] = true
		switch inst := &p.Inst[at]; inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			walk(inst.Out)
			walk(inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			walk(inst.Out)
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL, syntax.InstMatch:
			steps = append(steps, at)
		}
	}
	walk(from)
	return steps
}

func ends(p *syntax.Prog, steps []uint32) bool {
	return slices.ContainsFunc(steps, func(at uint32) bool { return p.Inst[at].Op == syntax.InstMatch })
}

// sharedRune finds a character that both steps read.
func sharedRune(a, b *syntax.Inst) (rune, bool) {
	if a.Op == syntax.InstMatch || b.Op == syntax.InstMatch {
		return 0, false
	}
	as, bs := ranges(a), ranges(b)
	for i := 0; i+1 < len(as); i += 2 {
		for k := 0; k+1 < len(bs); k += 2 {
			low := max(as[i], bs[k])
			if low >= firstSurrogate && low < afterSurrogates { // which no text holds
				low = afterSurrogates
			}
			if low <= min(as[i+1], bs[k+1]) {
				return low, true
			}
		}
	}
	return 0, false
}

const firstSurrogate, afterSurrogates = 0xD800, 0xE000

// ranges lists the characters that a step reads: first and last of each run.
func ranges(i *syntax.Inst) []rune {
	switch i.Op {
	case syntax.InstRuneAny:
		return []rune{0, unicode.MaxRune}
	case syntax.InstRuneAnyNotNL:
		return []rune{0, '\n' - 1, '\n' + 1, unicode.MaxRune}
	}
	if len(i.Rune) != 1 {
		return i.Rune
	}
	all := []rune{i.Rune[0], i.Rune[0]}
	if syntax.Flags(i.Arg)&syntax.FoldCase != 0 {
		for r := unicode.SimpleFold(i.Rune[0]); r != i.Rune[0]; r = unicode.SimpleFold(r) {
			all = append(all, r, r)
		}
	}
	return all
}

// spelled is the text along which a pair was reached.
func spelled(reached map[pair]came, start, at pair) string {
	var text []rune
	for at != start {
		text = append(text, reached[at].by)
		at = reached[at].from
	}
	slices.Reverse(text)
	return string(text)
}
