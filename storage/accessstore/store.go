// Package accessstore keeps what package access knows as documents, of whichever backend.
//
// Everything that is administered lies in one partition with the audit log, so that a change and its
// entry are written together or not at all.
package accessstore

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"

	"acquis/access"
	"acquis/docstore"
	"acquis/lrs"
)

// The collections. Sources name whom to write to, the log who did what from where, launch tokens which
// learner: all that can tell about people.
var (
	sources     = docstore.Collection{Name: "access_sources", Indexes: []string{"contact"}, Class: docstore.IdentifyingData, Subject: "contact"}
	credentials = docstore.Collection{Name: "access_credentials", Indexes: []string{"owner"}, Class: docstore.PseudonymData, Subject: "owner"}
	schemas     = docstore.Collection{Name: "access_schemas", Class: docstore.ImpersonalData}
	uses        = docstore.Collection{Name: "access_uses", Class: docstore.PseudonymData, Subject: docstore.ByPartition}
	tokens      = docstore.Collection{Name: "access_tokens", Indexes: []string{"subject", "expires"}, Class: docstore.IdentifyingData, Subject: "subject", RetainedFrom: "expires"}
	audit       = docstore.Collection{Name: "access_audit", Indexes: []string{"actor", "target", "at"}, Class: docstore.IdentifyingData, Subject: "actor", RetainedFrom: "at"}
)

// Collections are what the package keeps.
func Collections() []docstore.Collection {
	return []docstore.Collection{sources, credentials, schemas, uses, tokens, audit}
}

// house is the partition of all that is administered.
const house = "house"

// Backend is what the package needs of a store.
type Backend interface {
	docstore.Store
	lrs.KeyStore
}

// Store implements access.Store.
type Store struct {
	backend Backend
}

// New returns a store over a backend, in which it declares its collections.
func New(ctx context.Context, backend Backend) (*Store, error) {
	return &Store{backend}, backend.DeclareCollections(ctx, Collections()...)
}

// Key implements lrs.KeyStore.
func (s *Store) Key(ctx context.Context, name string) ([]byte, error) {
	return s.backend.Key(ctx, name)
}

// Apply implements access.Store.
func (s *Store) Apply(ctx context.Context, c access.Change) (lrs.Instant, error) {
	var writes []docstore.Write
	put := func(collection docstore.Collection, id string, expected lrs.Instant, thing any, keys ...docstore.IndexKey) error {
		bytes, err := json.Marshal(thing)
		writes = append(writes, docstore.Write{Collection: collection.Name, ID: id, Expected: expected, Keys: keys, Bytes: bytes})
		return err
	}
	var err error
	switch {
	case c.Source != nil:
		err = put(sources, c.Source.Name, c.Source.Revision, c.Source, keyed("contact", c.Source.Contact)...)
	case c.Credential != nil:
		err = put(credentials, c.Credential.Key, c.Credential.Revision, c.Credential, keyed("owner", c.Credential.Source+c.Credential.Account)...)
	case c.Schema != nil:
		err = put(schemas, c.Schema.ID(), c.Schema.Revision, c.Schema)
	}
	if err != nil {
		return 0, err
	}
	entry, err := entryWrite(c.Entry)
	if err != nil {
		return 0, err
	}
	revisions, err := s.backend.ApplyDocs(ctx, docstore.Group{Partition: house, Writes: append(writes, entry)})
	if err != nil {
		return 0, err
	}
	return revisions[0], nil
}

// keyed places something in an index, unless it has no text to be found by.
func keyed(index, text string) []docstore.IndexKey {
	if text == "" {
		return nil
	}
	return []docstore.IndexKey{{Index: index, Key: cut(text)}}
}

// changesPage is how many changes are read at a time.
const changesPage = 200

// Changes implements access.Store.
func (s *Store) Changes(ctx context.Context, after lrs.Instant) (access.Changes, error) {
	through, err := s.backend.ChangesThrough(ctx)
	if err != nil {
		return access.Changes{}, err
	}
	c := access.Changes{Through: max(through, after)}
	if c.Sources, err = changed[access.Source](ctx, s, sources, after, func(t *access.Source, r lrs.Instant) { t.Revision = r }); err != nil {
		return c, err
	}
	if c.Credentials, err = changed[access.Credential](ctx, s, credentials, after, func(t *access.Credential, r lrs.Instant) { t.Revision = r }); err != nil {
		return c, err
	}
	c.Schemas, err = changed[access.Schema](ctx, s, schemas, after, func(t *access.Schema, r lrs.Instant) { t.Revision = r })
	return c, err
}

// changed reads the things of a collection that changed.
func changed[T any](ctx context.Context, s *Store, c docstore.Collection, after lrs.Instant, revise func(*T, lrs.Instant)) (things []T, err error) {
	for {
		page, err := s.backend.ReadChanges(ctx, c.Name, after, changesPage)
		if err != nil {
			return nil, err
		}
		for _, change := range page {
			after = change.Doc.Revision
			if change.Deleted {
				continue
			}
			var thing T
			if err := json.Unmarshal(change.Doc.Bytes, &thing); err != nil {
				return nil, err
			}
			revise(&thing, change.Doc.Revision)
			things = append(things, thing)
		}
		if len(page) < changesPage {
			return things, nil
		}
	}
}

// NoteUses implements access.Store.
func (s *Store) NoteUses(ctx context.Context, used map[string]time.Time) error {
	for key, at := range used {
		if err := s.noteUse(ctx, key, at.UTC()); err != nil {
			return err
		}
	}
	return nil
}

// use is when a credential was last used.
type use struct {
	At time.Time `json:"at"`
}

func (s *Store) noteUse(ctx context.Context, key string, at time.Time) error {
	return s.retry(func() error {
		doc, err := s.find(ctx, docstore.Key{Collection: uses.Name, Partition: key, ID: "last"})
		if err != nil {
			return err
		}
		var kept use
		if doc.Revision != 0 {
			if err := json.Unmarshal(doc.Bytes, &kept); err != nil {
				return err
			}
		}
		if !at.After(kept.At) {
			return nil
		}
		bytes, err := json.Marshal(use{at})
		if err != nil {
			return err
		}
		_, err = s.backend.ApplyDocs(ctx, docstore.Group{Partition: key, Writes: []docstore.Write{
			{Collection: uses.Name, ID: "last", Expected: doc.Revision, Bytes: bytes},
		}})
		return err
	})
}

// Uses implements access.Store.
func (s *Store) Uses(ctx context.Context) (map[string]time.Time, error) {
	all := map[string]time.Time{}
	scan := docstore.Scan{Collection: uses.Name, Limit: changesPage}
	for {
		page, err := s.backend.ScanDocs(ctx, scan)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			var kept use
			if err := json.Unmarshal(e.Doc.Bytes, &kept); err != nil {
				return nil, err
			}
			all[e.Doc.Partition] = kept.At
		}
		if page.Next == "" {
			return all, nil
		}
		scan.After = page.Next
	}
}
