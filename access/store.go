package access

import (
	"context"
	"time"

	"acquis/lrs"
)

// Store keeps what the package knows.
type Store interface {
	lrs.KeyStore

	// Apply makes a change and appends its entry to the audit log, both or neither, durably, and
	// returns the new revision of what was changed. KindConflict when something has another revision
	// than the change names.
	Apply(ctx context.Context, c Change) (lrs.Instant, error)

	// Changes returns what changed after the position, each thing once, as it is now. From 0 it is
	// everything.
	Changes(ctx context.Context, after lrs.Instant) (Changes, error)

	PutToken(ctx context.Context, t Token) error
	// Token returns a token. ErrNotFound when there is none.
	Token(ctx context.Context, id string) (Token, error)
	// DeleteToken takes a token away. One that is not there is no error.
	DeleteToken(ctx context.Context, id string) error
	// SweepTokens removes the tokens that expired before the time.
	SweepTokens(ctx context.Context, before time.Time) (removed int, err error)

	// AppendAudit appends to the audit log.
	AppendAudit(ctx context.Context, entries ...Entry) error
	Audit(ctx context.Context, q AuditQuery) (AuditPage, error)

	// NoteUses keeps when credentials were last used, unless a later time is kept already.
	NoteUses(ctx context.Context, uses map[string]time.Time) error
	// Uses tells when credentials were last used.
	Uses(ctx context.Context) (map[string]time.Time, error)
}

// Change puts one thing, which has the revision that it is to replace, 0 when it is new.
type Change struct {
	Source     *Source
	Credential *Credential
	Schema     *Schema
	Entry      Entry
}

// Changes are things as they are since they changed.
type Changes struct {
	Sources     []Source
	Credentials []Credential
	Schemas     []Schema
	Through     lrs.Instant // where to go on
}
