package access

import (
	"time"

	"acquis/lrs"
)

// CredentialKind says whose a credential is.
type CredentialKind string

// The kinds.
const (
	OfSource  CredentialKind = "source"  // of a partner platform
	OfAccount CredentialKind = "account" // of a service account: an API key
)

// Credential is what a source or a service account identifies itself with: a key and, at most two at
// a time, secrets of which only keyed digests are kept.
type Credential struct {
	Key      string         `json:"key"` // the user name of Basic, the client id of OAuth 2
	Kind     CredentialKind `json:"kind"`
	Source   string         `json:"source,omitempty"`  // of kind OfSource
	Account  string         `json:"account,omitempty"` // of kind OfAccount: its name
	Scopes   lrs.Scope      `json:"scopes,omitzero"`
	Roles    lrs.Role       `json:"roles,omitzero"`     // accounts only
	Subtrees []string       `json:"subtrees,omitempty"` // organisations that the roles are about
	// External: it has no secret; tokens of the configured issuer whose client is Key stand for it.
	External bool      `json:"external,omitempty"`
	Note     string    `json:"note,omitempty"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"` // zero: never
	Disabled bool      `json:"disabled,omitempty"`

	Secrets  []Secret    `json:"secrets,omitempty"` // at most two, the newest first
	LastUsed time.Time   `json:"lastUsed,omitzero"` // to the minute; told by Admin, never kept here
	Revision lrs.Instant `json:"-"`
}

// Secret is one secret of a credential. The secret itself is shown once and kept nowhere.
type Secret struct {
	MAC     []byte    `json:"mac,omitempty"` // HMAC-SHA-256 under the store's key "credentials"; never told
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
}
