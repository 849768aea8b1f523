package storagetest

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"
)

// Keys tests lrs.KeyStore.
func Keys(t *testing.T, f Factory) {
	check(t, f, []rule{
		{"a key is 32 bytes, another for each name, the same ever after", keyStays},
		{"concurrent first callers get the same key", contendedKey},
	})
}

func (s *subject) key(name string) []byte {
	s.Helper()
	key, err := s.Store.Key(s.ctx, name)
	s.must(err)
	if len(key) != 32 {
		s.Fatalf("the key %q has %d bytes, want 32", name, len(key))
	}
	return key
}

func keyStays(s *subject) {
	cursors, credentials := s.key("cursors"), s.key("credentials")
	if bytes.Equal(cursors, credentials) || bytes.Equal(cursors, make([]byte, 32)) {
		s.Fatalf("keys are not random: %x and %x", cursors, credentials)
	}
	s.wantSame(s.key("cursors"), cursors)
	s.restart()
	s.wantSame(s.key("cursors"), cursors)
	s.wantSame(s.key("credentials"), credentials)
}

func contendedKey(s *subject) {
	for round := range 5 {
		name := fmt.Sprintf("key %d", round)
		keys := make([][]byte, 8)
		var callers errgroup.Group
		for i := range keys {
			callers.Go(func() (err error) {
				keys[i], err = s.Store.Key(s.ctx, name)
				return err
			})
		}
		s.must(callers.Wait())
		for _, key := range keys {
			s.wantSame(key, s.key(name))
		}
	}
}
