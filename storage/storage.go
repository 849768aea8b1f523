// Package storage sums up what a backend must be. The contracts themselves stand in the packages
// that call them; storagetest holds the suite that every backend passes.
package storage

import (
	"context"
	"io"

	"acquis/docstore"
	"acquis/lrs"
)

// Store is a whole backend.
type Store interface {
	lrs.StatementStore
	lrs.Log
	lrs.Eraser
	lrs.ActivityStore
	lrs.AttachmentStore
	lrs.DocumentStore
	lrs.KeyStore
	docstore.Store

	// Ready returns nil when the store can take writes.
	Ready(ctx context.Context) error

	// Settle returns when every durable job that was pending at the call is done: inherited terms
	// of large fan-ins. Nothing needs it for correctness; tests and tools want to see the end.
	Settle(ctx context.Context) error

	// Close makes everything durable and frees the store. No other call may be under way or follow.
	io.Closer
}
