package storage

import (
	"context"
	"errors"
	"iter"

	"acquis/lrs"
)

// Copyable is a backend whose stores can be copied to another, of whichever backend, by Copy. Every
// backend passes storagetest.Copy.
type Copyable interface {
	Store
	Exporter
	Importer
}

// Exporter lists what the other contracts only look up. The lists come in any order, each thing
// once; nothing may be written meanwhile.
type Exporter interface {
	// Alone returns nil when no other process uses the store, and otherwise an error that says what
	// to stop. It may watch for as long as that takes to tell.
	Alone(ctx context.Context) error

	ExportKeys(ctx context.Context) iter.Seq2[NamedKey, error]
	// ExportAttachments lists the SHA-2 of the attachments.
	ExportAttachments(ctx context.Context) iter.Seq2[string, error]
	ExportTombstones(ctx context.Context) iter.Seq2[Tombstone, error]
	ExportDefinitions(ctx context.Context) iter.Seq2[CanonicalDefinition, error]
	ExportDocuments(ctx context.Context) iter.Seq2[KeptDocument, error]
	// ExportInherited lists the statements that inherit terms.
	ExportInherited(ctx context.Context) iter.Seq2[InheritedTerms, error]
	// ExportCollections lists the names of the collections that hold documents of the hub.
	ExportCollections(ctx context.Context) ([]string, error)
}

// Importer fills a store that nobody else uses. What is imported twice is there once.
type Importer interface {
	// BeginImport marks an empty store as being filled, durably, or goes on with an import from the
	// same source: it returns how far that came. A store that is marked is opened by those only that
	// ask for it; others get ErrUnfinished. ErrOccupied when the store holds anything else. Whatever is
	// stored afterwards is given a position above i.Through.
	BeginImport(ctx context.Context, i Import) (Import, error)

	// ImportKeys takes the place of the keys that the store has made for itself.
	ImportKeys(ctx context.Context, keys []NamedKey) error

	// ImportLog adds the next entries of the source's log at their positions, with all that follows
	// from the statements: ids, terms, inherited or not, voidings, references to attachments. Canonical
	// definitions don't follow. Only entries at or below Through may come, in their order; which have,
	// BeginImport knows after any end of the process.
	ImportLog(ctx context.Context, entries []lrs.LogEntry) error

	ImportTombstones(ctx context.Context, tombstones []Tombstone) error
	ImportDefinitions(ctx context.Context, definitions []CanonicalDefinition) error
	ImportDocuments(ctx context.Context, documents []KeptDocument) error

	// FinishImport makes the store one like any other.
	FinishImport(ctx context.Context) error
}

// Import says what a store is being filled with, and how far that came.
type Import struct {
	Source  string      `json:"source"  bson:"source"`  // the source's identity
	Through lrs.Instant `json:"through" bson:"through"` // no position of the source is higher
	Done    lrs.Instant `json:"done"    bson:"done"`    // the log is imported up to here
}

// Resume returns the import as it goes on from one that was begun before. ErrOccupied when that had
// another source.
func (i Import) Resume(begun Import) (Import, error) {
	if begun.Source != i.Source {
		return begun, ErrOccupied
	}
	return Import{Source: i.Source, Through: max(i.Through, begun.Through), Done: begun.Done}, nil
}

// NamedKey is a key of lrs.KeyStore.
type NamedKey struct {
	Name string
	Key  []byte
}

// Tombstone is the first 16 bytes of the HMAC-SHA-256 of an erased statement's id, its 16 bytes,
// under the store's key "erasure". All backends make it alike, so that it can move between them.
type Tombstone [16]byte

// CanonicalDefinition is the definition of an activity, which is known by its term only.
type CanonicalDefinition struct {
	Activity   lrs.Term // of kind TermActivity
	Definition lrs.RawJSON
}

// KeptDocument is a document of lrs.DocumentStore. What it belongs to is known by its terms only.
type KeptDocument struct {
	Kind         lrs.DocumentKind
	Agent        lrs.Term // of kind TermAgent, zero for an activity profile
	Activity     lrs.Term // of kind TermActivity, zero for an agent profile
	Registration lrs.ID   // of a state document that has one
	ID           string
	lrs.Document
}

// InheritedTerms are the terms, sorted, that the statement stored at a position has from others and
// not by itself.
type InheritedTerms struct {
	Stored lrs.Instant
	Terms  []lrs.Term
}

var (
	// ErrUnfinished says that a store is being filled and may not be used before that is done.
	ErrUnfinished = errors.New("this store is a copy that was not finished: finish it by the same acquis copy command as before, or remove it")

	// ErrOccupied says that a store can't be filled from a source.
	ErrOccupied = errors.New("the store to copy to is not empty, and no unfinished copy of this source: name an empty one")
)
