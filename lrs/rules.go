package lrs

// Rules are what a source has been told to send, beyond the specification: which verbs, about which
// activities, by which JSON Schemas. They never change, so goroutines may share them.
type Rules interface {
	// Judge lists what the source must not send, each at its statement. The statements are valid.
	Judge(version Version, statements []*Statement) []Objection
}

// Weight is what comes of an Objection.
type Weight uint8

// The weights, the lightest first.
const (
	Noted    Weight = iota + 1 // the statement is stored, the objection counted
	Refused                    // the statement is to be mended: KindInvalid
	Withheld                   // the source lacks the permission: KindForbidden
)

// Objection is a broken rule of a source. Its pointer is relative to the statement.
type Objection struct {
	Statement int // its index in the request; -1 when the whole request is meant
	Weight    Weight
	Violation
}

// Launch binds a principal to one learner's attempt at one activity, so that content may hold its
// token in a browser.
type Launch struct {
	Actor        Actor // with an identifier
	Activity     string
	Registration ID
}
