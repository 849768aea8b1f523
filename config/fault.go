package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Origin is the place a value came from: a line of a file, or a variable. The zero Origin is a value
// that nobody set.
type Origin struct {
	File     string
	Line     int // 0 when the whole file is meant
	Variable string
}

// String is file:line, or the name of the variable.
func (o Origin) String() string {
	switch {
	case o.Variable != "":
		return o.Variable
	case o.Line > 0:
		return fmt.Sprintf("%s:%d", o.File, o.Line)
	}
	return o.File
}

// Fault is one thing to mend. Its Problem never quotes a secret.
type Fault struct {
	Origin  Origin
	Key     string // "" where no key is meant
	Problem string
}

// String is one line: the place, the key, the problem.
func (f Fault) String() string {
	var parts []string
	for _, part := range []string{f.Origin.String(), f.Key, f.Problem} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// Faults is every fault of a configuration: those of the file by line, then those of variables by name.
type Faults []Fault

// Error has a line for each fault.
func (f Faults) Error() string {
	var b strings.Builder
	if len(f) == 1 {
		b.WriteString("the configuration has a fault:")
	} else {
		fmt.Fprintf(&b, "the configuration has %d faults:", len(f))
	}
	for _, fault := range f {
		b.WriteString("\n  " + fault.String())
	}
	return b.String()
}

// err is f in its final order, or nil when there is no fault.
func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(
			cmp.Compare(a.Origin.Variable, b.Origin.Variable),
			cmp.Compare(a.Origin.Line, b.Origin.Line),
		)
	})
	return f
}
