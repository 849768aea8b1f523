package catalogue

import "acquis/hub"

// Form says how a mapping names activities.
type Form string

// The forms, from the one that goes first to the one that yields to the others.
const (
	Exact   Form = "exact"   // one activity IRI, compared as it is written
	Prefix  Form = "prefix"  // all that begin alike; the longest prefix goes first
	Pattern Form = "pattern" // all that a regular expression (RE2) matches from their first to their last character
)

// Mapping says that activities mean an item, and how to read what is said about them.
type Mapping struct {
	ID     string     `json:"id"` // follows from form, IRI and source
	Form   Form       `json:"form"`
	IRI    string     `json:"iri"`              // the IRI, prefix or pattern
	Source string     `json:"source,omitempty"` // whose statements it is about, "" for everybody's
	Item   hub.ItemID `json:"item"`

	Progress Progress `json:"progress,omitzero"`
	// PassedAt is the least scaled score (0 to 1] with which who completes the item passes it too; 0
	// when only a statement that says so does.
	PassedAt float64 `json:"passedAt,omitzero"`
	// Parts says that statements about parts of the activity, which name it as their parent or lie below a
	// prefix, show that it was started. They never complete it.
	Parts bool `json:"parts,omitzero"`
}

// Scale says what the whole is, where progress is written as a number.
type Scale string

// The scales.
const (
	Percent  Scale = "percent"  // 0 to 100
	Fraction Scale = "fraction" // 0 to 1
)

// Progress says where the statements of a mapping tell progress, besides the extension of cmi5 under https and http,
// which comes first.
type Progress struct {
	Scale      Scale    `json:"scale,omitempty"`      // of every extension and of a raw score; "" is percent
	Extensions []string `json:"extensions,omitempty"` // of the result, in the order in which they are tried
	Score      string   `json:"score,omitempty"`      // "raw" or "scaled" when that score tells progress
}
