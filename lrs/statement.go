package lrs

import "github.com/google/uuid"

// ID is the UUID of a statement, a registration.
type ID = uuid.UUID

// VerbVoided is the reserved verb of a voiding statement (Data 2.3.2).
const VerbVoided = "http://adlnet.gov/expapi/verbs/voided"

// RawJSON is a JSON value as it was received: numbers, key order and white space kept.
type RawJSON []byte

// span is a half-open range of bytes in Statement.raw.
type span struct{ start, end int }

// Statement is a decoded statement (Data 2.4) together with the bytes it came from. It is never
// changed after decoding; its fields alias the received body.
type Statement struct {
	ID          ID // uuid.Nil when absent
	Actor       Actor
	Verb        Verb
	Object      Object
	Result      *Result
	Context     *Context
	Timestamp   string // as received, "" when absent
	Stored      string // as received; the store assigns its own
	Authority   *Actor // as received; the store assigns its own
	Version     string // as received, "" when absent
	Attachments []Attachment

	raw    []byte
	places places
}

// places says where in raw the properties stand that the store assigns or normalises.
type places struct {
	id, timestamp, stored, version span   // of the values; zero when absent
	loneActivities                 []span // contextActivities values that are no arrays
	activities                     []*Activity
	verbs                          []*Verb
	actors                         []*Actor // outermost only: members lie within their group
}

// Raw returns the statement's bytes as received.
func (s *Statement) Raw() []byte { return s.raw }

// SubStatement is the object of a statement that tells of another, not yet true, statement
// (Data 2.4.4.3).
type SubStatement struct {
	Actor       Actor
	Verb        Verb
	Object      Object
	Result      *Result
	Context     *Context
	Timestamp   string
	Attachments []Attachment
}

// Actor is an Agent or a Group (Data 2.4.2).
type Actor struct {
	Group   bool
	Name    string
	IFI     IFI // zero for an anonymous group
	Members []Actor

	span span
}

// IFIKind names the property that holds an inverse functional identifier.
type IFIKind uint8

// The four inverse functional identifiers (Data 2.4.2.3).
const (
	NoIFI IFIKind = iota
	Mbox
	MboxSHA1Sum
	OpenID
	Account
)

// IFI is an inverse functional identifier. Value is the mailto IRI, the hexadecimal digest, the
// OpenID or the account's name; HomePage is the account's.
type IFI struct {
	Kind     IFIKind
	Value    string
	HomePage string
}

// Verb is the verb of a statement (Data 2.4.3).
type Verb struct {
	ID      string
	Display RawJSON // language map, nil when absent

	span span
}

// ObjectKind says what a statement's object is.
type ObjectKind uint8

// The kinds of object (Data 2.4.4).
const (
	ObjectActivity ObjectKind = iota + 1
	ObjectActor
	ObjectStatementRef
	ObjectSubStatement
)

// Object is the object of a statement; the field that Kind names is set.
type Object struct {
	Kind         ObjectKind
	Activity     *Activity
	Actor        *Actor
	StatementRef ID
	SubStatement *SubStatement
}

// Activity is an activity as a statement gives it (Data 2.4.4.1).
type Activity struct {
	ID         string
	Definition RawJSON // nil when absent

	span span
}

// Result is the outcome of a statement (Data 2.4.5). Scores stay as they were written.
type Result struct {
	Score      *Score
	Success    *bool
	Completion *bool
	Response   *string
	Duration   string
	Extensions RawJSON
}

// Score is a result's score; each number is the received literal, "" when absent.
type Score struct{ Scaled, Raw, Min, Max string }

// Context is the context of a statement (Data 2.4.6).
type Context struct {
	Registration ID // uuid.Nil when absent
	Instructor   *Actor
	Team         *Actor
	Activities   ContextActivities
	Agents       []ContextActor // 2.0: contextAgents
	Groups       []ContextActor // 2.0: contextGroups
	Revision     *string
	Platform     *string
	Language     string
	Statement    ID // uuid.Nil when absent
	Extensions   RawJSON
}

// ContextActivities are the four lists of Data 2.4.6.2; a lone activity counts as a list of one.
type ContextActivities struct{ Parent, Grouping, Category, Other []Activity }

// ContextActor is an element of contextAgents or contextGroups (2.0: 4.2.2.5).
type ContextActor struct {
	Actor         Actor
	RelevantTypes []string
}

// Attachment describes an attachment (Data 2.4.11). Its bytes are elsewhere, under SHA2.
type Attachment struct {
	UsageType   string
	Display     RawJSON
	Description RawJSON
	ContentType string
	Length      int64
	SHA2        string // hexadecimal, as received
	FileURL     string
}
