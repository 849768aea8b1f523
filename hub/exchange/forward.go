package exchange

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/docstore"
	"acquis/lrs"
)

// TargetKind says what is at the other end of a Forward.
type TargetKind string

// The kinds.
const (
	TargetLRS     TargetKind = "lrs"     // another record store, by xAPI
	TargetWebhook TargetKind = "webhook" // anything else, by Standard Webhooks
)

// RetryClass says how long a target that does not answer is waited for.
type RetryClass string

// The classes.
const (
	RetryPatient RetryClass = "patient" // until it is back: the order is kept
	RetryBrief   RetryClass = "brief"   // a quarter of an hour; then what waits becomes dead letters
)

// Where a new Forward begins, besides at a time.
const (
	FromNow       = "now"
	FromBeginning = "beginning"
)

// Forward is a target that gets the statements which a filter selects, in the order of the log.
type Forward struct {
	Name     string     `json:"name"` // kebab-case; it never changes
	Title    string     `json:"title,omitempty"`
	Kind     TargetKind `json:"kind"`
	Endpoint string     `json:"endpoint"`
	Key      string     `json:"key,omitempty"` // of an LRS: user name of Basic
	// Secrets are references, env:CONNECT_NAME or file:name. An LRS has one. A webhook may have two: each
	// message is signed with both, so that the receiver can change over.
	Secrets []string    `json:"secrets"`
	Version lrs.Version `json:"version,omitempty"` // of xAPI, spoken to an LRS; "": 1.0.3
	Filter  Filter      `json:"filter,omitzero"`
	// WithoutAttachments leaves attachments out; they are never sent to a webhook.
	WithoutAttachments bool       `json:"withoutAttachments,omitempty"`
	Rate               float64    `json:"rate,omitempty"`  // statements a second at most; 0: no limit
	Batch              int        `json:"batch,omitempty"` // statements in a request at most; 0: 500
	Retry              RetryClass `json:"retry,omitempty"` // "": patient
	From               string     `json:"from,omitempty"`  // now, beginning or a time; "": now. Counts when it is made
	Paused             bool       `json:"paused,omitempty"`

	Revision lrs.Instant `json:"-"` // what an update must name
}

// Filter selects statements. Every part that is given must hold; of a list, one element. A statement that voids
// another follows the one that it voids.
type Filter struct {
	Verbs             []string         `json:"verbs,omitempty"`
	Activities        []string         `json:"activities,omitempty"`
	RelatedActivities bool             `json:"relatedActivities,omitempty"` // activities count wherever they stand
	Agents            []jsontext.Value `json:"agents,omitempty"`            // as the parameter agent of xAPI
	RelatedAgents     bool             `json:"relatedAgents,omitempty"`
	Sources           []string         `json:"sources,omitempty"`
	// ExceptSources are not sent: name the source by which the target's own statements come here, so that they
	// do not go back.
	ExceptSources []string `json:"exceptSources,omitempty"`
}

// ForwardState is how far a forward has come. Whoever runs it holds it as a lease: each write names the revision
// that it was read under, so that nothing of a process that was taken for dead gets through.
type ForwardState struct {
	Holder string      `json:"holder,omitempty"` // process that runs it
	Token  int64       `json:"token"`            // rises with each holder
	Beat   int64       `json:"beat"`             // rises with each sign of life
	Cursor lrs.Instant `json:"cursor"`           // of the log: everything up to it is dealt with
	// Sending is the position up to which a numbered message goes that may be under way.
	Sending lrs.Instant `json:"sending,omitempty"`

	Sent     int64     `json:"sent"`
	Passed   int64     `json:"passed"`  // that the filter left out
	Refused  int64     `json:"refused"` // became dead letters
	InRow    int       `json:"inRow,omitempty"`
	LastSent time.Time `json:"lastSent,omitzero"`
	Failure  *Failure  `json:"failure,omitempty"` // why nothing goes at the moment
}

// Failure is why a target gets nothing at the moment.
type Failure struct {
	Since    time.Time     `json:"since"`
	Last     time.Time     `json:"last"`
	Next     time.Time     `json:"next,omitzero"` // when it is tried again; zero: when somebody resumes it
	Attempts int           `json:"attempts"`
	Sentence string        `json:"sentence"` // for people
	Detail   string        `json:"detail,omitempty"`
	Person   bool          `json:"person,omitempty"` // somebody has to do something
	Delay    time.Duration `json:"-"`
}

// LetterKind says what a DeadLetter is about.
type LetterKind string

// The kinds.
const (
	LetterStatement LetterKind = "statement"
	LetterErasure   LetterKind = "erasure"   // the target has a statement that was erased here
	LetterRedaction LetterKind = "redaction" // the target has a statement as it was before it was redacted here
)

// LetterState says what is to come of a DeadLetter.
type LetterState string

// The states. A letter that was delivered is gone.
const (
	LetterOpen    LetterState = "open"
	LetterReplay  LetterState = "replay"  // it is to be sent once more
	LetterSettled LetterState = "settled" // somebody has dealt with it otherwise
)

// DeadLetter is what a target did not take, or cannot be told.
type DeadLetter struct {
	ID        string      `json:"id"` // unique within its forward, in the order of the log
	Forward   string      `json:"forward"`
	Kind      LetterKind  `json:"kind"`
	State     LetterState `json:"state"`
	Statement lrs.ID      `json:"statement"`
	Position  lrs.Instant `json:"position"`
	Reason    string      `json:"reason"`
	Attempts  int         `json:"attempts"`
	First     time.Time   `json:"first"`
	Last      time.Time   `json:"last"`
	By        string      `json:"by,omitempty"` // who replayed or settled it
	Note      string      `json:"note,omitempty"`
}

// receipt says which statements a target has got, so that their erasure can be told later. It knows positions
// and ids only, and of an erased statement nothing.
type receipt struct {
	Sent []byte `json:"sent"` // positions and ids, 24 bytes each
}

const (
	byState    = "state"
	theForward = "forward"
	theState   = "state"
)

// The partition of each is the forward's name, so that what is learned is written together with the state.
var (
	forwards = docstore.Table[Forward]{Collection: docstore.Collection{Name: "forwards", Class: docstore.ImpersonalData}}
	states   = docstore.Table[ForwardState]{Collection: docstore.Collection{Name: "forward_states", Class: docstore.ImpersonalData}}
	receipts = docstore.Table[receipt]{Collection: docstore.Collection{Name: "forward_receipts", Class: docstore.ImpersonalData}}
	letters  = docstore.Table[DeadLetter]{
		Collection: docstore.Collection{Name: "dead_letters", Class: docstore.PseudonymData, Indexes: []string{byState, byStatement}, Subject: byStatement},
		Keys: func(l *DeadLetter) []docstore.IndexKey {
			return []docstore.IndexKey{
				{Index: byState, Key: docstore.Tuple(string(l.State), l.Forward, l.ID)},
				{Index: byStatement, Key: statementKey(l.Statement)},
			}
		},
	}
)

var kebab = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Bounds of what is administered.
const (
	maxName    = 64
	maxBatch   = 900 // with their dead letters they fit into one group of documents
	stdBatch   = 500
	maxList    = 1000
	maxSecrets = 2
)

// faults gathers violations.
type faults struct{ found []lrs.Violation }

func (f *faults) add(pointer, rule, detail string, values ...any) {
	f.found = append(f.found, lrs.Violation{Pointer: pointer, Rule: rule, Detail: fmt.Sprintf(detail, values...)})
}

func (f *faults) err(what string) error {
	if len(f.found) == 0 {
		return nil
	}
	return &lrs.Error{Kind: lrs.KindInvalid, Detail: what + " is not valid", Violations: f.found}
}

func (f *faults) named(name string) {
	if len(name) > maxName || !kebab.MatchString(name) {
		f.add("/name", "name", "must be a name in kebab-case of %d characters at most, such as national-lrs", maxName)
	}
}

func (f *faults) endpoint(text string) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Fragment != "" {
		f.add("/endpoint", "endpoint", "must be an address such as https://lrs.example.org/xapi, without a credential")
	}
}

// judge lists everything that is wrong with a forward.
func (f Forward) judge() error {
	var found faults
	found.named(f.Name)
	found.endpoint(f.Endpoint)
	if f.Kind != TargetLRS && f.Kind != TargetWebhook {
		found.add("/kind", "kind", "must be %s or %s", TargetLRS, TargetWebhook)
	}
	if f.Kind == TargetLRS && f.Key == "" {
		found.add("/key", "key", "an LRS needs the user name of a credential")
	}
	most := maxSecrets
	if f.Kind == TargetLRS {
		most = 1
	}
	if len(f.Secrets) < 1 || len(f.Secrets) > most {
		found.add("/secrets", "secrets", "must hold from 1 to %d references", most)
	}
	if f.Version != "" && f.Version != lrs.V103 && f.Version != lrs.V200 {
		found.add("/version", "version", "must be %s or %s", lrs.V103, lrs.V200)
	}
	if f.Rate < 0 || f.Rate > 1e6 {
		found.add("/rate", "range", "must be from 0 to 1000000; 0 is no limit")
	}
	if f.Batch < 0 || f.Batch > maxBatch {
		found.add("/batch", "range", "must be from 0 to %d; 0 stands for %d", maxBatch, stdBatch)
	}
	if !slices.Contains([]RetryClass{"", RetryPatient, RetryBrief}, f.Retry) {
		found.add("/retry", "retry", "must be %s or %s", RetryPatient, RetryBrief)
	}
	if _, err := f.begin(0); err != nil {
		found.add("/from", "from", "must be now, beginning or a time such as 2026-09-01T00:00:00Z")
	}
	f.Filter.judge(&found)
	return found.err("the forward")
}

// begin is the position after which a new forward begins.
func (f Forward) begin(now lrs.Instant) (lrs.Instant, error) {
	switch f.From {
	case "", FromNow:
		return now, nil
	case FromBeginning:
		return 0, nil
	}
	at, err := lrs.ParseTimestamp(f.From, lrs.V200)
	return lrs.InstantOf(at), err
}

func (f Filter) judge(found *faults) {
	for pointer, iris := range map[string][]string{"/filter/verbs": f.Verbs, "/filter/activities": f.Activities} {
		if len(iris) > maxList {
			found.add(pointer, "length", "must hold %d elements at most", maxList)
			continue
		}
		for i, iri := range iris {
			if err := lrs.CheckIRI(iri); err != nil {
				found.add(fmt.Sprintf("%s/%d", pointer, i), "iri", "must be an IRI: this one %v", err)
			}
		}
	}
	if len(f.Agents) > maxList || len(f.Sources) > maxList || len(f.ExceptSources) > maxList {
		found.add("/filter", "length", "each list must hold %d elements at most", maxList)
	}
	for i, agent := range f.Agents {
		if _, err := lrs.DecodeAgent(agent); err != nil {
			found.add(fmt.Sprintf("/filter/agents/%d", i), "agent", "must be an Agent or identified Group: %v", err)
		}
	}
}
