package access

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/lrs"
)

// Entry is a line of the audit log. The log is only ever appended to.
type Entry struct {
	ID      string         `json:"id"`                // in the order of time; the store makes it
	Time    time.Time      `json:"time"`              // when it happened; of several alike, the last
	Actor   string         `json:"actor"`             // the key of the credential that did it, or that was refused
	Action  string         `json:"action"`            // such as source.update
	Target  string         `json:"target,omitempty"`  // such as source/pix
	Address string         `json:"address,omitempty"` // from where
	Outcome Outcome        `json:"outcome"`
	Detail  string         `json:"detail,omitempty"`
	Count   int            `json:"count,omitzero"`   // how many alike it stands for, when more than one
	Before  jsontext.Value `json:"before,omitempty"` // without secrets
	After   jsontext.Value `json:"after,omitempty"`
}

// Outcome says how an act ended.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Denied  Outcome = "denied"  // not permitted, or not known
	Invalid Outcome = "invalid" // permitted, and refused for what it said
)

// Caller is who acts, and from where.
type Caller struct {
	lrs.Principal
	Address string
}

// AuditQuery asks for entries, the newest first.
type AuditQuery struct {
	Actor, Action, Target string    // "" for any
	Outcome               Outcome   // "" for any
	Since, Until          time.Time // inclusive, exclusive; zero for no bound
	Limit                 int       // most entries wanted, at least 1; a page may be shorter, even empty
	After                 string    // Next of the page before
}

// AuditPage is an answer to an AuditQuery.
type AuditPage struct {
	Entries []Entry `json:"entries"`
	Next    string  `json:"next,omitempty"` // "" when nothing is left
}
