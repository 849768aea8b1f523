package connectors

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// Observation is something that a connector saw: IdentitySeen, SeatSeen, ProgressSeen, ItemSeen or
// SetEnd. It says what the provider says and nothing of the hub's.
type Observation interface{ observation() }

// Account is how the provider calls somebody. It is the actor of every statement about them.
type Account struct {
	HomePage string // an IRI, the provider's, always the same
	Name     string // the provider's id of the person, never a mail address or a name
}

// IsZero reports whether there is no account.
func (a Account) IsZero() bool { return a == Account{} }

// IdentitySeen says that an account exists, and by which other keys the provider itself knows the same
// person. It feeds the alias table; names are shown to whoever links by hand and link nothing.
type IdentitySeen struct {
	Account Account
	Name    string
	Related []Key
	At      time.Time // the provider's word for when it was last so; zero: it has none
}

// KeyKind says what a Key is.
type KeyKind string

// The kinds of keys.
const (
	KeyMbox      KeyKind = "mbox"      // Value is a mail address without mailto:
	KeyAccount   KeyKind = "account"   // Value is an account at HomePage
	KeyIDP       KeyKind = "idp"       // Value is the sub of the identity provider HomePage
	KeyMatricule KeyKind = "matricule" // Value is a staff number of the ministry HomePage
)

// Key is an identifier of a person.
type Key struct {
	Kind     KeyKind
	HomePage string
	Value    string
}

// SeatState says how a seat is used.
type SeatState string

// The states of seats.
const (
	SeatInvited   SeatState = "invited"
	SeatActive    SeatState = "active"
	SeatInactive  SeatState = "inactive"
	SeatSuspended SeatState = "suspended"
	SeatExpired   SeatState = "expired"
	SeatReleased  SeatState = "released"
	SeatOccupied  SeatState = "occupied" // of a metered pool, which knows no other
)

// SeatRole says whose seat it is. Only learners count in a pool.
type SeatRole string

// The roles.
const (
	Learner       SeatRole = "learner"
	Administrator SeatRole = "administrator"
	Supervisor    SeatRole = "supervisor"
)

// SeatSeen says that a seat is taken.
type SeatSeen struct {
	Set          string // which of the connection's sets of seats it is in, such as the provider's organisation
	ID           string // within the set
	Account      Account
	Holder       []Key // by which else the provider knows the holder, as an invitation its address
	Organisation string
	Teams        []string
	State        SeatState
	Role         SeatRole // "" is Learner
	Invited      time.Time
	Joined       time.Time
	FirstUsed    time.Time // the earliest that was ever seen of the seat counts
	LastActive   time.Time
}

// ProgressSeen is one row of the provider's about somebody's learning, with all that it tells. A row that
// is seen no more takes nothing back.
type ProgressSeen struct {
	Set        string // which set of rows it is in, such as the campaign
	ID         string // the provider's id of the row, unique in the connection
	Account    Account
	Anonymised bool // the provider does not know any more whose it was: Account is not looked at
	Milestones []Milestone
}

// Milestone is a step that the row tells of. It becomes one statement. Row, object, verb and name
// together identify it; when anything else of it changes, the next revision takes the place of the former,
// which is voided.
type Milestone struct {
	Name   string // such as completed, or badge
	Verb   Verb
	Object Activity
	// At is when it happened, in the provider's words. Zero: the provider does not say, and the
	// statement bears the time when it was first seen and an extension that says so.
	At      time.Time
	Result  Result
	Context Context
	// Withdrawn says that the provider takes the milestone back, as a corrected attendance list does.
	// What was sent of it is voided.
	Withdrawn bool
}

// Verb is an xAPI verb.
type Verb struct {
	ID      string
	Display map[string]string // by language tag
}

// Activity is an xAPI activity.
type Activity struct {
	ID          string
	Type        string
	Name        map[string]string
	Description map[string]string
	MoreInfo    string
	Extensions  map[string]jsontext.Value
}

// Result is an xAPI result; what is nil or empty is left out.
type Result struct {
	Scaled, Raw, Min, Max *float64
	Success, Completion   *bool
	Duration              time.Duration // measured, to the second; 0: nobody measured it
	Extensions            map[string]jsontext.Value
}

// Context is an xAPI context; what is empty is left out.
type Context struct {
	Registration uuid.UUID
	Platform     string
	Language     string
	Instructor   Account
	Parent       []Activity
	Grouping     []Activity
	Category     []Activity
	Other        []Activity
	Extensions   map[string]jsontext.Value
}

// ItemSeen says that the provider offers something to learn.
type ItemSeen struct {
	ID        string // the provider's
	Activity  string // the IRI by which its milestones call it
	Path      bool   // it is made of others
	Title     map[string]string
	URL       string
	Status    string // in the provider's words
	Live      bool   // it can be begun now
	Language  string
	Announced time.Duration // how long the provider says that it takes; 0: it doesn't
}

// SetKind says what a set is of.
type SetKind string

// The kinds of sets.
const (
	Seats SetKind = "seats"
	Rows  SetKind = "rows"
	Items SetKind = "items"
)

// SetEnd says that everything that is in a set now was yielded by this pull: what was not seen is not in
// it any more. It is not said of a set of which any page failed or that the provider refused to show, and
// of rows in a full pull only.
type SetEnd struct {
	Of  SetKind
	Set string // "" for items
}

func (IdentitySeen) observation() {}
func (SeatSeen) observation()     {}
func (ProgressSeen) observation() {}
func (ItemSeen) observation()     {}
func (SetEnd) observation()       {}
