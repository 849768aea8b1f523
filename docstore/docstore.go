// Package docstore is the contract for typed documents: whatever is kept besides statements. It stands below
// access, hub, connectors and feeds, which call it; storage sums it up and the backends implement it.
package docstore

import (
	"context"
	"fmt"

	"acquis/lrs"
)

// Store keeps the hub's typed documents: whatever the hub knows besides statements. Every backend
// passes storagetest.Docs.
//
// A document has one number, its revision. It is at once what a writer must name to replace it and
// the position of its last change in the store's one order, so that the two can't disagree. It is
// never used twice, not even by another document of the same name after a deletion.
//
// A refused call (an unknown collection, a key that is not text) is a mistake of the caller's: an
// error of no kind, and nothing is changed. When a write fails otherwise, save with a *Conflict,
// it may have happened or not, as a whole: reading again tells.
type Store interface {
	// DeclareCollections makes the collections known and makes what they need. It is repeated at
	// each start; calls that name others are refused. An index that a collection gains later finds
	// the documents that were put since.
	DeclareCollections(ctx context.Context, collections ...Collection) error

	// GetDoc returns a document. ErrNotFound when there is none.
	GetDoc(ctx context.Context, key Key) (Doc, error)

	// ApplyDocs carries out the writes of a group, all or none, and returns when they would survive
	// a power cut. The answer is the new revision of each, in the order of the writes, strictly
	// increasing, above all that was there before. A *Conflict says which document is not as a
	// write expects it, and nothing is changed.
	ApplyDocs(ctx context.Context, group Group) ([]lrs.Instant, error)

	// ScanDocs returns a page of a collection in the order of an index. An entry that is there
	// during all pages is in exactly one of them; one that comes or goes meanwhile may be in one or
	// none. Of a group that is written meanwhile, parts may be seen.
	ScanDocs(ctx context.Context, scan Scan) (Page, error)

	// ReadChanges returns the documents of a collection that changed after the position, at most
	// limit, each once, as it is now, in the order of its last change, none beyond ChangesThrough.
	// A reader that goes on from the last revision it was given misses no document and no deletion,
	// however late a write was answered and whenever the store dies. From 0 it lists the whole
	// collection, and that is how a collection is copied.
	ReadChanges(ctx context.Context, collection string, after lrs.Instant, limit int) ([]Change, error)

	// ChangesThrough returns a position up to which, inclusive, no change can still appear, not even
	// after a restart. On an idle store it is the present.
	ChangesThrough(ctx context.Context) (lrs.Instant, error)

	// ForgetDeletions drops what is kept about documents of the collection that were deleted up to
	// the position, inclusive, and returns how many those are. Readers of changes that have not
	// passed it yet must start again from nothing.
	ForgetDeletions(ctx context.Context, collection string, through lrs.Instant) (int, error)
}

// DataClass says what the documents of a collection tell about people.
type DataClass uint8

// The data classes.
const (
	ImpersonalData  DataClass = iota + 1 // nothing
	PseudonymData                        // what somebody did or has, under a random person id
	IdentifyingData                      // who somebody is: names, addresses, accounts
)

// ByPartition, in place of an index, says that the partition key is meant.
const ByPartition = "partition"

// Collection declares documents of one kind.
type Collection struct {
	Name    string   // lower-case letters, digits and _, a letter first, at most 40
	Indexes []string // the names of its secondary indexes, made like the collection's

	Class DataClass
	// Subject names the index by which the documents about a person are found, or is ByPartition. ""
	// for impersonal data only.
	Subject string
	// RetainedFrom names the index of the date at which the time that a document may be kept
	// begins, whose keys are made by Number. "" when that time never begins by itself.
	RetainedFrom string
}

// Key names a document. Partition and ID are text as index keys are, and not empty.
type Key struct {
	Collection string
	Partition  string // what is written together lies together
	ID         string
}

// IndexKey places a document in an index. Keys are ordered by their bytes. A key is UTF-8 text
// without U+0000, at most 512 bytes long; Tuple and Number make keys of several parts and of numbers.
type IndexKey struct {
	Index string
	Key   string
}

// Doc is a stored document.
type Doc struct {
	Key
	Revision lrs.Instant
	Keys     []IndexKey // as they were given
	Bytes    []byte     // must not be changed
}

// Write puts or deletes one document.
type Write struct {
	Collection string
	ID         string
	// Expected is the revision that the document must have, 0 when there must be none.
	Expected lrs.Instant
	// Deleted takes the document away; Keys and Bytes must be empty then, Expected must not.
	Deleted bool
	Keys    []IndexKey // none twice
	Bytes   []byte
}

// Group is what is written together: documents of one partition, of any collections, each once.
type Group struct {
	Partition string
	Writes    []Write
}

// Key is the key of the document that a write of the group is about.
func (g Group) Key(w Write) Key {
	return Key{Collection: w.Collection, Partition: g.Partition, ID: w.ID}
}

// Scan asks for the documents of a collection in the order of an index. Entries with equal keys
// follow each other by partition, then id.
type Scan struct {
	Collection string
	Index      string // "" for the primary index, whose keys are Tuple(partition, id)
	Prefix     string // of the keys
	From       string // the first key, inclusive, "" for no bound
	Until      string // the last key, exclusive, "" for no bound
	Descending bool
	Limit      int    // most entries wanted, at least 1
	After      string // Next of the page before, "" for the first
}

// Entry is a document found by a key. A document with several keys in an index is found by each.
type Entry struct {
	Key string
	Doc Doc
}

// Page is an answer to a Scan.
type Page struct {
	Entries []Entry
	Next    string // where to go on, "" when nothing was left
}

// Change is a document as it is since its last change.
type Change struct {
	Doc     Doc // its revision is the position of the change
	Deleted bool
}

// Conflict says that a document is not as the writer expected it. It is of lrs.KindConflict.
type Conflict struct {
	Key
	Expected lrs.Instant // 0 for none
	Found    lrs.Instant // 0 for none
}

func (e *Conflict) Error() string {
	name := fmt.Sprintf("document %s/%s/%s", e.Collection, e.Partition, e.ID)
	switch {
	case e.Expected == 0:
		return name + " is there already: read it and put it with its revision"
	case e.Found == 0:
		return name + " is gone: read again and decide anew"
	default:
		return fmt.Sprintf("%s changed at %s, later than the revision of %s that was expected: read it again and decide anew", name, e.Found, e.Expected)
	}
}

// Unwrap gives the conflict its kind.
func (e *Conflict) Unwrap() error { return lrs.Errorf(lrs.KindConflict, "%s", e.Error()) }
