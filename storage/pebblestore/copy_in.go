package pebblestore

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/google/uuid"

	"acquis/lrs"
	"acquis/storage"
)

var _ storage.Copyable = (*Store)(nil)

var errNotFilling = errors.New("pebblestore: no import was begun")

// fillingKey holds the storage.Import of a store that is being filled.
func fillingKey() []byte { return metaKey("filling") }

// filling returns the import under way, nil without one.
func (s *Store) filling() (*storage.Import, error) {
	value, err := s.get(s.db, fillingKey())
	if err != nil || value == nil {
		return nil, err
	}
	i := new(storage.Import)
	return i, json.Unmarshal(value, i)
}

func (s *Store) checkFilling(allowed bool) error {
	i, err := s.filling()
	if err == nil && i != nil && !allowed {
		return storage.ErrUnfinished
	}
	return err
}

// BeginImport implements storage.Importer.
func (s *Store) BeginImport(ctx context.Context, i storage.Import) (storage.Import, error) {
	begun, err := s.filling()
	if err != nil {
		return i, err
	}
	if begun != nil {
		i, err = i.Resume(*begun)
	} else {
		err = s.wantEmpty()
	}
	if err != nil {
		return i, err
	}
	return i, s.exclusively(ctx, func(u *unit) error {
		u.store.sequence.advance(i.Through) // the commit carries a ceiling above it
		return u.setFilling(i)
	})
}

func (s *Store) exclusively(ctx context.Context, change func(*unit) error) error {
	return s.submit(ctx, &request{change: change})
}

func (u *unit) setFilling(i storage.Import) error {
	value, err := json.Marshal(i)
	if err == nil {
		u.set(fillingKey(), value)
	}
	return err
}

// wantEmpty refuses a store that holds anything but what every new one has.
func (s *Store) wantEmpty() error {
	for _, around := range []struct{ lower, upper []byte }{
		{[]byte{0}, []byte{spaceMeta}}, {[]byte{spaceMeta + 1}, []byte{0xff}},
	} {
		occupied, err := s.hasBetween(around.lower, around.upper)
		if err != nil {
			return err
		}
		if occupied {
			return storage.ErrOccupied
		}
	}
	for _, err := range s.ExportAttachments(context.Background()) {
		if err != nil {
			return err
		}
		return storage.ErrOccupied
	}
	return nil
}

// advance makes the sequence go on above t.
func (q *sequence) advance(t lrs.Instant) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = max(q.last, t)
}

// ImportKeys implements storage.Importer.
func (s *Store) ImportKeys(ctx context.Context, keys []storage.NamedKey) error {
	return s.exclusively(ctx, func(u *unit) error {
		for _, k := range keys {
			u.set(metaKey("key/"+k.Name), k.Key)
			if k.Name == "erasure" {
				s.erasureKey = slices.Clone(k.Key)
			}
		}
		return nil
	})
}

// ImportLog implements storage.Importer. How far it came is written in the same batch.
func (s *Store) ImportLog(ctx context.Context, entries []lrs.LogEntry) error {
	return s.exclusively(ctx, func(u *unit) error {
		i, err := s.filling()
		if err != nil {
			return err
		}
		if i == nil {
			return errNotFilling
		}
		for _, e := range entries {
			if e.Position <= i.Done {
				continue
			}
			if err := u.importEntry(e); err != nil {
				u.broken = err
				return err
			}
			i.Done = e.Position
		}
		return u.setFilling(*i)
	})
}

func (u *unit) importEntry(e lrs.LogEntry) error {
	switch {
	case e.Kind != lrs.LogStored:
		u.set(instantKey(spaceLog, e.Position), record{kind: e.Kind, target: e.Target}.encode(nil))
		return nil
	case e.Entry.ID == uuid.Nil:
		u.set(instantKey(spaceLog, e.Position), record{kind: e.Kind, gone: true}.encode(nil))
		return nil
	default:
		return u.importStatement(e.Position, e.Entry)
	}
}

// importStatement does what append does for a draft, at a position that is given.
func (u *unit) importStatement(stored lrs.Instant, e lrs.Entry) error {
	d, err := draftOf(e)
	if err != nil {
		return err
	}
	known, err := u.id(d.ID)
	if err != nil {
		return err
	}
	u.expect(d)
	known.stored = stored
	u.setID(d.ID, known)
	u.statements++
	if known.referenced {
		u.job(stored, d.ID)
	}
	u.keep(stored, record{kind: lrs.LogStored, revision: e.Revision, id: e.ID, source: e.Source, attached: e.Attachments, bytes: e.Bytes})
	u.post(d.Terms, stored)
	return u.relate(stored, d, known)
}

// draftOf is the draft of a stored statement, as far as indexing needs it: without bytes to seal,
// and without definitions, which are imported as they were merged.
func draftOf(e lrs.Entry) (*lrs.Draft, error) {
	statement, err := lrs.DecodeStored(e.Bytes)
	if err != nil {
		return nil, err
	}
	d := &lrs.Draft{
		ID: e.ID, Source: e.Source, Statement: statement, Terms: lrs.Terms(statement, e.Source),
		Target: lrs.TargetOf(statement), Attachments: e.Attachments,
	}
	d.Voids = d.Target != uuid.Nil && statement.Verb.ID == lrs.VerbVoided
	return d, nil
}

// ImportTombstones implements storage.Importer.
func (s *Store) ImportTombstones(ctx context.Context, tombstones []storage.Tombstone) error {
	return s.exclusively(ctx, func(u *unit) error {
		for _, t := range tombstones {
			u.set(append([]byte{spaceErased}, t[:]...), nil)
		}
		s.anyErased = true
		return nil
	})
}

// ImportDefinitions implements storage.Importer.
func (s *Store) ImportDefinitions(ctx context.Context, definitions []storage.CanonicalDefinition) error {
	return s.exclusively(ctx, func(u *unit) error {
		for _, d := range definitions {
			last := digest{} // of no definition: the next one is merged
			u.set(append([]byte{spaceActivity}, d.Activity[:]...), append(last[:], d.Definition...))
		}
		return nil
	})
}

// ImportDocuments implements storage.Importer.
func (s *Store) ImportDocuments(ctx context.Context, documents []storage.KeptDocument) error {
	return s.exclusively(ctx, func(u *unit) error {
		for _, d := range documents {
			u.set(keptDocumentKey(d), encodeDocument(d.Document))
		}
		return nil
	})
}

// keptDocumentKey is documentKey of a document whose scope is known by terms.
func keptDocumentKey(d storage.KeptDocument) []byte {
	key := []byte{spaceDocument, byte(d.Kind)}
	if d.Kind != lrs.ActivityProfileDocument {
		key = append(key, d.Agent[:]...)
	}
	if d.Kind != lrs.AgentProfileDocument {
		key = append(key, d.Activity[:]...)
	}
	if d.Kind == lrs.StateDocument {
		key = append(key, d.Registration[:]...)
	}
	return append(key, d.ID...)
}

// FinishImport implements storage.Importer.
func (s *Store) FinishImport(ctx context.Context) error {
	return s.exclusively(ctx, func(u *unit) error {
		u.del(fillingKey())
		return nil
	})
}
