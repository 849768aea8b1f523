package lrs

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"time"
)

// DocumentKind says which of the three document resources holds a document (Communication 2.2).
type DocumentKind uint8

// The document resources.
const (
	StateDocument DocumentKind = iota + 1
	AgentProfileDocument
	ActivityProfileDocument
)

// DocumentScope is what a document belongs to. Which fields count follows from Kind: state has
// Activity, Agent and perhaps Registration; an agent profile has Agent; an activity profile Activity.
type DocumentScope struct {
	Kind         DocumentKind
	Activity     string // IRI
	Agent        Actor
	Registration ID // uuid.Nil when absent
	// AnyRegistration makes a scope of state documents span all registrations and none.
	AnyRegistration bool
}

// DocumentKey names one document: its scope, without AnyRegistration, and its stateId or profileId.
type DocumentKey struct {
	DocumentScope
	ID string
}

// Document is a document with its metadata.
type Document struct {
	ContentType string
	Content     []byte
	Updated     Instant // when it was last written; the store assigns it
}

// DocumentList is what a scope holds.
type DocumentList struct {
	IDs     []string // sorted, each once
	Updated Instant  // when the newest of them was written, 0 without any
}

// ETag is the document's entity tag, without quotes: SHA-1 of its content in hexadecimal
// (Communication 3.1).
func (d Document) ETag() string { return ContentETag(d.Content) }

// LastModified is when the document was last written.
func (d Document) LastModified() time.Time { return d.Updated.Time() }

// Precondition is what must hold for a write to happen. The zero value always holds.
type Precondition struct {
	// Exists: nil does not ask; otherwise the document must, or must not, be there.
	Exists *bool
	// ETags: when not empty, the document must be there with one of these.
	ETags []string
	// NotETags: when not empty, the document must not be there with one of these.
	NotETags []string
}

// Holds reports whether the precondition holds for the current document, nil when there is none.
func (p Precondition) Holds(current *Document) bool {
	if p.Exists != nil && *p.Exists != (current != nil) {
		return false
	}
	if len(p.ETags) == 0 && len(p.NotETags) == 0 {
		return true
	}
	etag := ""
	if current != nil {
		etag = current.ETag()
	}
	if len(p.ETags) > 0 && (current == nil || !slices.Contains(p.ETags, etag)) {
		return false
	}
	return current == nil || !slices.Contains(p.NotETags, etag)
}

// DocumentStore keeps documents. Every backend passes storagetest.Documents.
type DocumentStore interface {
	// Document returns a document. ErrNotFound when there is none.
	Document(ctx context.Context, key DocumentKey) (Document, error)

	// UpdateDocument replaces a document by what change makes of the current one (nil when there
	// is none), atomically, and returns when that would survive a power cut. change may be called
	// more than once and must be pure; when it fails nothing changes and its error is returned.
	UpdateDocument(ctx context.Context, key DocumentKey, change func(current *Document) (Document, error)) error

	// DeleteDocument removes a document if the precondition holds, else ErrPrecondition. Removing
	// what is not there is no error.
	DeleteDocument(ctx context.Context, key DocumentKey, p Precondition) error

	// DocumentIDs lists the scope's documents that were written after since.
	DocumentIDs(ctx context.Context, scope DocumentScope, since Instant) (DocumentList, error)

	// DeleteDocuments removes all documents of the scope.
	DeleteDocuments(ctx context.Context, scope DocumentScope) error
}

// ContentETag is the entity tag of content, without quotes: 40 hexadecimal digits of SHA-1, as
// Communication 3.1 of 1.0.3 asks.
func ContentETag(content []byte) string {
	sum := sha1.Sum(content)
	return hex.EncodeToString(sum[:])
}
