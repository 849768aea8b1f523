package pebblestore

import (
	"context"
	"encoding/json"

	"github.com/cockroachdb/pebble/v2"

	"acquis/lrs"
)

func credentialKey(key string) []byte { return append([]byte{spaceCredential}, key...) }

// Credential implements lrs.CredentialStore.
func (s *Store) Credential(_ context.Context, key string) (lrs.Credential, error) {
	value, err := s.get(s.db, credentialKey(key))
	if err != nil {
		return lrs.Credential{}, err
	}
	if value == nil {
		return lrs.Credential{}, lrs.ErrNotFound
	}
	var c lrs.Credential
	return c, json.Unmarshal(value, &c)
}

// PutCredential implements lrs.CredentialStore.
func (s *Store) PutCredential(_ context.Context, c lrs.Credential) error {
	value, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return s.db.Set(credentialKey(c.Key), value, pebble.Sync)
}

// HasCredentials implements lrs.CredentialStore.
func (s *Store) HasCredentials(context.Context) (bool, error) {
	return s.hasPrefix(s.db, []byte{spaceCredential})
}
