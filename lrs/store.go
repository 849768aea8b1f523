package lrs

import (
	"context"
	"io"
	"time"
)

// Entry is a stored statement.
type Entry struct {
	ID       ID
	Stored   Instant
	Revision uint32 // how often it was redacted
	Source   string
	Voided   bool
	// Attachments are the SHA-2, in lower case, of the attachments that came with the statement.
	Attachments []string
	Bytes       []byte // the statement as it is served in the exact format; must not be changed
}

// StatementQuery asks for statements in the order of stored. Every term must match, own or
// inherited. Voided statements never match.
type StatementQuery struct {
	Terms     []Term
	Since     Instant // exclusive lower bound, 0 for none
	Until     Instant // inclusive upper bound, 0 for none
	Ascending bool
	Limit     int // most statements wanted, at least 1
	Steps     int // most index steps to spend, at least 1
}

// StatementPage is an answer to a StatementQuery.
type StatementPage struct {
	Entries []Entry
	// Next tells where to go on when the page isn't known to be the last: everything up to and
	// including Next, in the order asked for, is answered. 0 when nothing is left.
	// The page may be short, even empty, when the steps are spent.
	Next Instant
}

// StatementStore keeps statements. Every backend passes storagetest.Statements.
type StatementStore interface {
	// AppendStatements stores the drafts, all or none, in their order, and returns when they would
	// survive a power cut. Each gets a stored time above every earlier one. A draft that repeats a
	// stored statement (Draft.SameAsStored), or that was erased, changes nothing and is no error.
	// When an id is taken by a different statement, nothing is stored and the error is an *Error of
	// KindConflict with one violation per such draft, whose Pointer is the draft's index ("/3").
	// With the statements become visible: voidings in either order of arrival, inherited terms
	// (Term.Inheritable) of a bounded number of referrers in either order of arrival, canonical
	// definitions, and references to attachments.
	AppendStatements(ctx context.Context, drafts []*Draft) error

	// StatementByID returns a statement, voided or not. ErrNotFound when there is none.
	StatementByID(ctx context.Context, id ID) (Entry, error)

	// QueryStatements walks the index. A statement that is stored before the call, and not voided
	// or erased, is never missed; one that comes later may be seen or not.
	QueryStatements(ctx context.Context, q StatementQuery) (StatementPage, error)

	// ConsistentThrough returns an instant up to which, inclusive, no statement can still appear,
	// not even after a restart. On an idle store it is the present.
	ConsistentThrough(ctx context.Context) (Instant, error)
}

// LogKind says what happened at a position of the log.
type LogKind uint8

// The kinds of log entries.
const (
	LogStored   LogKind = iota + 1 // a statement was stored
	LogErased                      // the statement stored at Target was erased
	LogRedacted                    // the statement stored at Target has other bytes and terms now
)

// LogEntry is one step in the history of the store. Positions are stored times: strictly
// increasing, each used once.
type LogEntry struct {
	Position Instant
	Kind     LogKind
	Target   Instant // for LogErased and LogRedacted
	Entry    Entry   // for LogStored: the statement as it is now; zero when it was erased since
}

// Log lets readers follow what happens, in order.
type Log interface {
	// ReadLog returns up to limit entries after the position, oldest first, none beyond
	// ConsistentThrough. Reading on from the last position never skips an entry. Voided statements
	// are included, marked so.
	ReadLog(ctx context.Context, after Instant, limit int) ([]LogEntry, error)
}

// Eraser destroys what the law asks to be destroyed. Voiding is something else: it hides.
type Eraser interface {
	// EraseStatement removes a statement's bytes, its terms, own and inherited by others from it,
	// its voiding effect, and the attachments that no other statement refers to (one that is being put
	// for another statement at this moment goes with a later sweep); it appends
	// LogErased and keeps a keyed digest of the id, so that storing it again changes nothing.
	// ErrNotFound when there is no such statement.
	EraseStatement(ctx context.Context, id ID) error

	// RedactStatement gives a statement other bytes and terms under the same id and stored time and
	// appends LogRedacted. The draft's id must be id. ErrNotFound when there is no such statement.
	RedactStatement(ctx context.Context, id ID, draft *Draft) error

	// EraseAgentDocuments removes every state and profile document of the agent and returns how
	// many there were.
	EraseAgentDocuments(ctx context.Context, agent Actor) (int, error)
}

// ActivityStore answers for canonical activity definitions (Communication 2.5).
type ActivityStore interface {
	// ActivityDefinition returns the definition merged from all statements, the last in stored
	// order winning for each language and property; nil when no statement gave one.
	ActivityDefinition(ctx context.Context, activity string) (RawJSON, error)
}

// AttachmentStore keeps attachments by their SHA-2, each once. Every backend passes
// storagetest.Attachments.
type AttachmentStore interface {
	// PutAttachment reads content to its end and keeps it durably under sha2, lower-case
	// hexadecimal; the bytes are streamed, never held whole. When reading fails nothing is kept.
	// It is idempotent. The caller has verified, by the time content ends, that the digest is right.
	PutAttachment(ctx context.Context, sha2 string, content io.Reader) (size int64, err error)

	// OpenAttachment returns the content and its size. ErrNotFound when there is none.
	OpenAttachment(ctx context.Context, sha2 string) (content io.ReadCloser, size int64, err error)

	// SweepAttachments removes attachments put before the instant that no statement refers to.
	SweepAttachments(ctx context.Context, before time.Time) (removed int, err error)
}

// KeyStore keeps random keys that belong to a store for its whole life.
type KeyStore interface {
	// Key returns 32 random bytes, made at the first call for the name and the same ever after.
	Key(ctx context.Context, name string) ([]byte, error)
}
