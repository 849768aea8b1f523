package connectors

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Trigger says why a run began.
type Trigger string

// The triggers.
const (
	BySchedule Trigger = "schedule"
	ByMissed   Trigger = "missed" // a scheduled time passed while nothing ran
	ByRetry    Trigger = "retry"
	ByPerson   Trigger = "person"
)

// Outcome says how a run ended.
type Outcome string

// The outcomes.
const (
	Running Outcome = "running"
	Clean   Outcome = "clean"
	Failed  Outcome = "failed"
	Stopped Outcome = "stopped" // a person has to decide
	Cut     Outcome = "cut"     // the process ended or was told to
)

// Run is an entry of the journal.
type Run struct {
	Connection string  `json:"connection"`
	Number     int64   `json:"number"`
	Trigger    Trigger `json:"trigger"`
	By         string  `json:"by,omitempty"` // the key of the credential that asked for it
	Full       bool    `json:"full,omitempty"`
	Dry        bool    `json:"dry,omitempty"`
	// Scheduled is the time of the schedule that it is for; Missed how many such times passed before.
	Scheduled time.Time `json:"scheduled,omitzero"`
	Missed    int       `json:"missed,omitempty"`

	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended,omitzero"`
	Duration float64   `json:"duration,omitempty"` // seconds
	Outcome  Outcome   `json:"outcome"`

	Pages    int `json:"pages"`
	Items    int `json:"items"`
	Expected int `json:"expected,omitempty"` // how many items it will be, as far as is known
	Counts
	Skipped  []Skip     `json:"skipped,omitempty"`
	Fields   []Field    `json:"fields,omitempty"`
	Errors   []RunError `json:"errors,omitempty"`
	Examples []Example  `json:"examples,omitempty"` // of a dry run: what would change
	Samples  []Sample   `json:"samples,omitempty"`

	Before jsontext.Value `json:"watermarkBefore,omitempty"`
	After  jsontext.Value `json:"watermarkAfter,omitempty"`
}

// Counts are what a run saw and did; in a dry run, what it would have done.
type Counts struct {
	Identities int   `json:"identities"`
	Rows       Tally `json:"rows"`
	Seats      Tally `json:"seats"`
	Offers     Tally `json:"offers"`
	Statements int   `json:"statements"` // stored, voiding ones too
	Voided     int   `json:"voided"`
	Gone       int   `json:"gone"`    // rows that a complete set was without
	Reviews    int   `json:"reviews"` // opened
}

// Tally counts things of a kind.
type Tally struct {
	Seen    int `json:"seen"`
	New     int `json:"new"`
	Changed int `json:"changed"`
	Same    int `json:"same"`
}

func (t *Tally) add(known, changed bool) {
	t.Seen++
	switch {
	case !known:
		t.New++
	case changed:
		t.Changed++
	default:
		t.Same++
	}
}

// RunError is a fault in the journal.
type RunError struct {
	At       time.Time `json:"at"`
	Class    Class     `json:"class"`
	Sentence string    `json:"sentence"`
	Detail   string    `json:"detail,omitempty"`
	Count    int       `json:"count,omitempty"` // how many alike, when more than one
}

// Example is a change that a dry run would have made. It names no person.
type Example struct {
	What      string `json:"what"` // statement, voiding, seat
	Verb      string `json:"verb,omitempty"`
	Object    string `json:"object,omitempty"`
	Milestone string `json:"milestone,omitempty"`
	State     string `json:"state,omitempty"`
}

// Bounds of a journal entry.
const (
	maxKinds    = 50 // of skips, fields, errors
	maxExamples = 20
	maxSamples  = 6
)

// skip adds to the count of a reason; beyond the bound, to a common one.
func (r *Run) skip(s Skip) {
	for i := range r.Skipped {
		if r.Skipped[i].Reason == s.Reason {
			r.Skipped[i].Items += s.Items
			return
		}
	}
	if len(r.Skipped) >= maxKinds {
		s.Reason = "other reasons"
		if r.Skipped[len(r.Skipped)-1].Reason == s.Reason {
			r.Skipped[len(r.Skipped)-1].Items += s.Items
			return
		}
	}
	r.Skipped = append(r.Skipped, s)
}

// field adds to the count of a field.
func (r *Run) field(f Field) {
	for i := range r.Fields {
		if r.Fields[i].Item == f.Item && r.Fields[i].Name == f.Name {
			r.Fields[i].Found += f.Found
			r.Fields[i].Of += f.Of
			return
		}
	}
	if len(r.Fields) < 4*maxKinds {
		r.Fields = append(r.Fields, f)
	}
}

// failed notes a fault.
func (r *Run) failed(f *Fault, at time.Time) {
	for i := range r.Errors {
		if r.Errors[i].Sentence == f.Sentence && r.Errors[i].Detail == f.Detail {
			r.Errors[i].Count = max(r.Errors[i].Count, 1) + 1
			return
		}
	}
	if len(r.Errors) < maxKinds {
		r.Errors = append(r.Errors, RunError{At: at, Class: f.Class, Sentence: f.Sentence, Detail: truncated(f.Detail, 500)})
	}
}

// example notes what a dry run would do.
func (r *Run) example(e Example) {
	if r.Dry && len(r.Examples) < maxExamples {
		r.Examples = append(r.Examples, e)
	}
}
