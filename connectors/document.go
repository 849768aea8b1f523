package connectors

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/docstore"
	"acquis/hub"
)

// Connection is an account at a provider that is pulled from. Its source, which has its name, is made
// with it.
type Connection struct {
	Name     string         `json:"name"` // kebab-case; it never changes
	Kind     string         `json:"kind"` // of Provider; it never changes
	Title    string         `json:"title,omitempty"`
	Settings jsontext.Value `json:"settings"` // the provider's, secrets as references

	Schedule string `json:"schedule,omitempty"` // five fields of cron in UTC, or @daily and its like; "": only when told
	Sweep    string `json:"sweep,omitempty"`    // likewise, when everything is read
	Paused   bool   `json:"paused,omitempty"`   // the schedule rests
	// ExpectedHours is within how many hours it must have succeeded, else it raises an alarm. 0: twice the
	// longest time between two pulls of the schedule.
	ExpectedHours int `json:"expectedHours,omitempty"`
	// MaxLoss is how many of a hundred seats, rows or items may be gone at once before a person is
	// asked. 0: 20.
	MaxLoss int `json:"maxLoss,omitempty"`
}

// State is how far a connection has come.
type State struct {
	Watermark   jsontext.Value `json:"watermark,omitempty"`
	Run         int64          `json:"run,omitempty"`   // the number of the last run
	Clean       int64          `json:"clean,omitempty"` // that of the last that ended clean and wrote
	LastSuccess time.Time      `json:"lastSuccess,omitzero"`
	LastSweep   time.Time      `json:"lastSweep,omitzero"`
	Since       time.Time      `json:"since,omitzero"`      // when the connection was made or resumed
	PullTick    time.Time      `json:"pullTick,omitzero"`   // the last scheduled time that was dealt with
	SweepTick   time.Time      `json:"sweepTick,omitzero"`  // likewise
	RetryAt     time.Time      `json:"retryAt,omitzero"`    // when a failed run is tried again
	RetryFull   bool           `json:"retryFull,omitempty"` // it was a sweep
	Retries     int            `json:"retries,omitempty"`
	Stopped     *Stop          `json:"stopped,omitempty"` // the schedule rests until somebody runs it, or consents
	Consent     *Consent       `json:"consent,omitempty"`
}

// Stop is why the schedule of a connection rests.
type Stop struct {
	Run      int64     `json:"run"`
	At       time.Time `json:"at"`
	Sentence string    `json:"sentence"`
	Detail   string    `json:"detail,omitempty"`
	Loss     bool      `json:"loss,omitempty"` // it is the safety stop, which consent lets pass
}

// Consent lets the next run pass the safety stop, once.
type Consent struct {
	By string    `json:"by"` // the key of the credential
	At time.Time `json:"at"`
}

// SetState is what is known of a set.
type SetState struct {
	Of     SetKind `json:"of"`
	Set    string  `json:"set"`
	Full   int64   `json:"full"`   // the last clean run that saw it whole
	Before int64   `json:"before"` // the one before that
	Size   int     `json:"size"`   // how many it saw
	// What the run Next saw, which counts when that ends clean.
	Next     int64 `json:"next,omitempty"`
	NextSize int   `json:"nextSize,omitempty"`
}

// at is the state as it counts when clean is the last clean run.
func (s SetState) at(clean int64) SetState {
	if s.Next != 0 && s.Next <= clean {
		return SetState{Of: s.Of, Set: s.Set, Full: s.Next, Before: s.Full, Size: s.NextSize}
	}
	s.Next, s.NextSize = 0, 0
	return s
}

// Seat is a seat as the last complete set has it. It names nobody: holders are aliases.
type Seat struct {
	Connection   string        `json:"connection"`
	Set          string        `json:"set"`
	ID           string        `json:"id"` // a keyed digest of the provider's
	Organisation string        `json:"organisation,omitempty"`
	Teams        []string      `json:"teams,omitempty"`
	State        SeatState     `json:"state"`
	Role         SeatRole      `json:"role"`
	Holder       hub.AliasID   `json:"holder,omitempty"` // the account
	Known        []hub.AliasID `json:"known,omitempty"`  // by which else the provider knows the holder
	Invited      time.Time     `json:"invited,omitzero"`
	Joined       time.Time     `json:"joined,omitzero"`
	FirstUsed    time.Time     `json:"firstUsed,omitzero"`
	LastActive   time.Time     `json:"lastActive,omitzero"`
}

// Offer is an item of a provider's catalogue as the last complete set has it.
type Offer struct {
	Connection string            `json:"connection"`
	ID         string            `json:"id"`
	Activity   string            `json:"activity"`
	Path       bool              `json:"path,omitempty"`
	Title      map[string]string `json:"title,omitempty"`
	URL        string            `json:"url,omitempty"`
	Status     string            `json:"status,omitempty"`
	Live       bool              `json:"live,omitempty"`
	Language   string            `json:"language,omitempty"`
	Announced  int64             `json:"announced,omitempty"` // seconds
}

// marked is something in a set: as it counts, and as a run that has not ended clean yet saw it.
type marked[T any] struct {
	Set      string `json:"set"`
	Value    T      `json:"value"`
	Mark     int64  `json:"mark,omitempty"` // the last clean run that saw it; 0: none has yet
	Next     *T     `json:"next,omitempty"`
	NextMark int64  `json:"nextMark,omitempty"`
}

// at is the thing as it counts when clean is the last clean run.
func (m marked[T]) at(clean int64) marked[T] {
	if m.NextMark != 0 && m.NextMark <= clean {
		return marked[T]{Set: m.Set, Value: *m.Next, Mark: m.NextMark}
	}
	m.Next, m.NextMark = nil, 0
	return m
}

// Row is what is remembered of a row of the provider's: what was sent of it.
type Row struct {
	Connection string      `json:"connection"`
	Set        string      `json:"set"`
	Alias      hub.AliasID `json:"alias,omitempty"`      // whose it is, or was
	Anonymised bool        `json:"anonymised,omitempty"` // the provider does not know any more
	Seen       int64       `json:"seen"`                 // the last run that noted it: a sweep, or one in which it changed
	Gone       time.Time   `json:"gone,omitzero"`        // since when a complete set has been without it
	// Sent are its milestones by a digest of object, verb and name.
	Sent map[string]Sent `json:"sent,omitempty"`
}

// Sent is what was sent last of a milestone.
type Sent struct {
	Digest    string `json:"digest,omitempty"` // of the content; "" when it was withdrawn
	Revision  int    `json:"revision"`
	Withdrawn bool   `json:"withdrawn,omitempty"`
}

// Review is something about a person that somebody has to decide.
type Review struct {
	Connection string      `json:"connection"`
	Kind       string      `json:"kind"` // ErasureReview
	Alias      hub.AliasID `json:"alias"`
	Opened     time.Time   `json:"opened"`
	Closed     time.Time   `json:"closed,omitzero"`
	By         string      `json:"by,omitempty"` // who closed it
}

// ErasureReview: the provider has made an account anonymous, whose learning is known here by name.
const ErasureReview = "erasure"

// lease says who runs a connection. Whoever writes for a run renews it in the same group.
type lease struct {
	Holder string `json:"holder"` // "" when nobody does
	Token  int64  `json:"token"`  // rises with each holder
	Beat   int64  `json:"beat"`   // rises with each sign of life
}

// tick is the one record of a scheduled time.
type tick struct {
	Run int64 `json:"run"`
}

// The ids of documents of which a connection has one.
const (
	theState = "state"
	theLease = "lease"
)

// Index names.
const (
	byAlias   = "alias"
	bySet     = "set"
	byPending = "pending"
	byStarted = "started"
	byOpen    = "open"
)

// The tables. The partition is the connection's name in each, so that a run writes what it learned together
// with its lease.
var (
	Connections = docstore.Table[Connection]{Collection: docstore.Collection{Name: "connections", Class: docstore.ImpersonalData}}
	States      = docstore.Table[State]{Collection: docstore.Collection{Name: "connection_states", Class: docstore.ImpersonalData}}
	Sets        = docstore.Table[SetState]{Collection: docstore.Collection{Name: "connection_sets", Class: docstore.ImpersonalData}}
	Runs        = docstore.Table[Run]{
		Collection: docstore.Collection{Name: "connection_runs", Class: docstore.ImpersonalData, Indexes: []string{byStarted}, RetainedFrom: byStarted},
		Keys: func(r *Run) []docstore.IndexKey {
			return []docstore.IndexKey{{Index: byStarted, Key: docstore.Number(r.Started.UnixMicro())}}
		},
	}
	Memory = docstore.Table[Row]{
		Collection: docstore.Collection{Name: "connection_rows", Class: docstore.PseudonymData, Indexes: []string{byAlias, bySet}, Subject: byAlias},
		Keys:       rowKeys,
	}
	Reviews = docstore.Table[Review]{
		Collection: docstore.Collection{Name: "connection_reviews", Class: docstore.PseudonymData, Indexes: []string{byAlias, byOpen}, Subject: byAlias},
		Keys: func(r *Review) []docstore.IndexKey {
			keys := []docstore.IndexKey{{Index: byAlias, Key: string(r.Alias)}}
			if r.Closed.IsZero() {
				keys = append(keys, docstore.IndexKey{Index: byOpen, Key: docstore.Number(r.Opened.UnixMicro())})
			}
			return keys
		},
	}
	seats = docstore.Table[marked[Seat]]{
		Collection: docstore.Collection{Name: "connection_seats", Class: docstore.PseudonymData, Indexes: []string{byAlias, byPending}, Subject: byAlias},
		Keys:       seatKeys,
	}
	offers = docstore.Table[marked[Offer]]{
		Collection: docstore.Collection{Name: "connection_offers", Class: docstore.ImpersonalData, Indexes: []string{byPending}},
		Keys:       func(m *marked[Offer]) []docstore.IndexKey { return pendingKey(m.Value.Connection, m.Next, m.NextMark) },
	}
	leases = docstore.Table[lease]{Collection: docstore.Collection{Name: "connection_leases", Class: docstore.ImpersonalData}}
	ticks  = docstore.Table[tick]{Collection: docstore.Collection{Name: "connection_ticks", Class: docstore.ImpersonalData}}
)

// Collections are those that the package keeps.
func Collections() []docstore.Collection {
	return []docstore.Collection{
		Connections.Collection, States.Collection, Sets.Collection, Runs.Collection, Memory.Collection, Reviews.Collection,
		seats.Collection, offers.Collection, leases.Collection, ticks.Collection,
	}
}
