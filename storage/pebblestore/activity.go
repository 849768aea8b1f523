package pebblestore

import (
	"bytes"
	"context"
	"crypto/sha256"

	"acquis/lrs"
)

// digest tells definitions apart.
type digest [16]byte

func digestOf(b []byte) (d digest) {
	sum := sha256.Sum256(b)
	copy(d[:], sum[:])
	return d
}

// define merges a definition into the canonical one; nothing is written when nothing changes.
func (u *unit) define(def lrs.Definition) error {
	sum := digestOf(def.Definition)
	if last, ok := u.lastDigest(def.Activity); ok && last == sum {
		return nil
	}
	current, known := u.definitions[def.Activity]
	if !known {
		var err error
		if _, current, err = u.store.definition(def.Activity); err != nil {
			return err
		}
	}
	merged, err := lrs.MergeDefinition(current, def.Definition)
	if err != nil {
		return err
	}
	if u.definitions == nil {
		u.definitions, u.digests = map[string]lrs.RawJSON{}, map[string]digest{}
	}
	u.definitions[def.Activity], u.digests[def.Activity] = merged, sum
	if !bytes.Equal(merged, current) {
		u.set(activityKey(def.Activity), append(sum[:], merged...))
	}
	return nil
}

func (u *unit) lastDigest(activity string) (digest, bool) {
	if d, ok := u.digests[activity]; ok {
		return d, true
	}
	return u.store.definitions.Get(activity)
}

func activityKey(iri string) []byte {
	t := lrs.IRITerm(lrs.TermActivity, iri)
	return append([]byte{spaceActivity}, t[:]...)
}

// definition reads a canonical definition, nil when there is none.
func (s *Store) definition(activity string) (digest, lrs.RawJSON, error) {
	value, err := s.get(s.db, activityKey(activity))
	if err != nil || value == nil {
		return digest{}, nil, err
	}
	if len(value) < len(digest{}) {
		return digest{}, nil, errDamaged
	}
	return digest(value[:len(digest{})]), value[len(digest{}):], nil
}

// ActivityDefinition implements lrs.ActivityStore.
func (s *Store) ActivityDefinition(_ context.Context, activity string) (lrs.RawJSON, error) {
	_, definition, err := s.definition(activity)
	return definition, err
}
