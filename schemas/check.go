package schemas

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/xeipuuv/gojsonschema"
)

// Schema is a compiled JSON Schema. It never changes, so goroutines may share it.
type Schema struct {
	compiled *gojsonschema.Schema
	source   object // the schema as it was written, where explanations are looked up
}

// Violation is one fault of a document, told to people.
type Violation struct {
	Pointer string // RFC 6901, to the faulty place; for a missing property, to the object that lacks it
	Rule    string // kebab-case: "required", "type", "unknown-property", "iri", "ifi-count"
	Detail  string // a sentence that says how to mend it
	Section string // of the specification, such as "Data 2.4.2"; empty where a partner's schema names none
}

// Check judges a document and returns every violation in the order of the document, none when it is valid. The
// error says that the document is not JSON (or nested deeper than the 10,000 levels that its decoder takes).
//
// It is made for hostile input. The size of a number's exponent costs nothing: magnitudes beyond 1e300 count as
// 1e300. What lies deeper than 128 levels is not looked at: in a statement only an extension's value can be
// valid there, and that is anyone's.
func (s *Schema) Check(document []byte) ([]Violation, error) { return s.check(document, math.MaxInt) }

// check explains at most so many faults.
func (s *Schema) check(document []byte, most int) ([]Violation, error) {
	read, err := readDocument(document)
	if err != nil {
		return nil, fmt.Errorf("this is not a JSON document: %w", err)
	}
	result, err := s.compiled.Validate(gojsonschema.NewRawLoader(read.value))
	if err != nil {
		return nil, fmt.Errorf("schemas: %w", err)
	}
	if result.Valid() && len(read.duplicates) == 0 {
		return nil, nil
	}
	faults := result.Errors()
	explained := explainer{schema: s, document: read.value}.violations(faults[:min(len(faults), most)])
	for _, path := range read.duplicates[:min(len(read.duplicates), most)] {
		explained = append(explained, explainer{schema: s, document: read.value}.duplicate(path))
	}
	return inDocumentOrder(document, explained), nil
}

// inDocumentOrder sorts by place and drops repetitions: a fault can be found along two branches of a schema.
func inDocumentOrder(document []byte, violations []Violation) []Violation {
	order := pointerOrder(document)
	slices.SortFunc(violations, func(a, b Violation) int {
		return cmp.Or(
			cmp.Compare(order[a.Pointer], order[b.Pointer]),
			cmp.Compare(a.Pointer, b.Pointer),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Detail, b.Detail),
			cmp.Compare(a.Section, b.Section),
		)
	})
	return slices.CompactFunc(violations, func(a, b Violation) bool {
		return a.Pointer == b.Pointer && a.Rule == b.Rule && a.Detail == b.Detail
	})
}
