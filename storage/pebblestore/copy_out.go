package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"acquis/docstore"
	"acquis/lrs"
	"acquis/storage"
)

// Alone implements storage.Exporter: the lock of the directory sees to it.
func (s *Store) Alone(context.Context) error { return nil }

// hasBetween reports whether there is a key from lower, inclusive, to upper, exclusive.
func (s *Store) hasBetween(lower, upper []byte) (bool, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return false, err
	}
	found := it.First()
	return found, errors.Join(it.Error(), it.Close())
}

// export lists what is made of the keys under a prefix, without it, and their values, which hold
// until the next.
func export[T any](ctx context.Context, s *Store, prefix []byte, read func(key, value []byte) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := func() (err error) {
			it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, it.Close()) }()
			for ok := it.First(); ok; ok = it.Next() {
				value, err := it.ValueAndErr()
				if err := errors.Join(err, ctx.Err()); err != nil {
					return err
				}
				thing, err := read(it.Key()[len(prefix):], value)
				if err != nil {
					return err
				}
				if !yield(thing, nil) {
					return nil
				}
			}
			return it.Error()
		}()
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}

// ExportKeys implements storage.Exporter.
func (s *Store) ExportKeys(ctx context.Context) iter.Seq2[storage.NamedKey, error] {
	return export(ctx, s, metaKey("key/"), func(name, key []byte) (storage.NamedKey, error) {
		return storage.NamedKey{Name: string(name), Key: bytes.Clone(key)}, nil
	})
}

// ExportTombstones implements storage.Exporter.
func (s *Store) ExportTombstones(ctx context.Context) iter.Seq2[storage.Tombstone, error] {
	return export(ctx, s, []byte{spaceErased}, func(digest, _ []byte) (storage.Tombstone, error) {
		if len(digest) != len(storage.Tombstone{}) {
			return storage.Tombstone{}, errDamaged
		}
		return storage.Tombstone(digest), nil
	})
}

// ExportDefinitions implements storage.Exporter.
func (s *Store) ExportDefinitions(ctx context.Context) iter.Seq2[storage.CanonicalDefinition, error] {
	return export(ctx, s, []byte{spaceActivity}, func(term, value []byte) (storage.CanonicalDefinition, error) {
		if len(term) != len(lrs.Term{}) || len(value) < len(digest{}) {
			return storage.CanonicalDefinition{}, errDamaged
		}
		return storage.CanonicalDefinition{Activity: lrs.Term(term), Definition: bytes.Clone(value[len(digest{}):])}, nil
	})
}

// ExportInherited implements storage.Exporter.
func (s *Store) ExportInherited(ctx context.Context) iter.Seq2[storage.InheritedTerms, error] {
	return export(ctx, s, []byte{spaceInherited}, func(key, value []byte) (storage.InheritedTerms, error) {
		terms, err := decodeTerms(value)
		return storage.InheritedTerms{Stored: instantAt(key), Terms: terms}, err
	})
}

// ExportDocuments implements storage.Exporter.
func (s *Store) ExportDocuments(ctx context.Context) iter.Seq2[storage.KeptDocument, error] {
	return export(ctx, s, []byte{spaceDocument}, func(key, value []byte) (d storage.KeptDocument, err error) {
		if d, err = keptDocumentAt(key); err != nil {
			return d, err
		}
		d.Document, err = decodeDocument(bytes.Clone(value))
		return d, err
	})
}

// keptDocumentAt reads what keptDocumentKey wrote behind the space.
func keptDocumentAt(key []byte) (d storage.KeptDocument, err error) {
	take := func(n int) []byte {
		if len(key) < n {
			err = errDamaged
			return make([]byte, n)
		}
		taken := key[:n]
		key = key[n:]
		return taken
	}
	d.Kind = lrs.DocumentKind(take(1)[0])
	if d.Kind != lrs.ActivityProfileDocument {
		d.Agent = lrs.Term(take(len(d.Agent)))
	}
	if d.Kind != lrs.AgentProfileDocument {
		d.Activity = lrs.Term(take(len(d.Activity)))
	}
	if d.Kind == lrs.StateDocument {
		d.Registration = lrs.ID(take(len(d.Registration)))
	}
	d.ID = string(key)
	return d, err
}

// ExportAttachments implements storage.Exporter.
func (s *Store) ExportAttachments(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		a := &s.attachments
		folders, err := a.fs.List(a.dir)
		if err != nil {
			yield("", err)
			return
		}
		for _, folder := range folders {
			if strings.HasPrefix(folder, unfinished) {
				continue
			}
			names, err := a.fs.List(a.fs.PathJoin(a.dir, folder))
			if err := errors.Join(err, ctx.Err()); err != nil {
				yield("", err)
				return
			}
			for _, name := range names {
				if !yield(name, nil) {
					return
				}
			}
		}
	}
}

// ExportCollections implements storage.Exporter. It jumps from one collection to the next.
func (s *Store) ExportCollections(context.Context) (names []string, err error) {
	space := docSpace(docRecords)
	it, err := s.db.NewIter(docsIn(space, "", ""))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; {
		parts, err := docstore.SplitTuple(string(it.Key()[len(space):]))
		if err != nil || len(parts) != 3 {
			return nil, errDamaged
		}
		names = append(names, parts[0])
		ok = it.SeekGE(prefixEnd(slices.Concat(space, []byte(docstore.Tuple(parts[0])))))
	}
	return names, it.Error()
}
