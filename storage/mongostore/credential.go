package mongostore

import (
	"context"
	"encoding/base64"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/lrs"
)

var _ lrs.CredentialStore = (*Store)(nil)

// credentialRecord is a document of credentials.
type credentialRecord struct {
	ID        string `bson:"_id"` // what credentialID makes of the key
	Key       []byte `bson:"key"`
	SecretMAC []byte `bson:"mac"`
	Source    string `bson:"source"`
	Scopes    int64  `bson:"scopes"`
	Authority []byte `bson:"authority"`
}

// credentialID spells a key so that every compatible server takes it: some refuse a NUL in a string.
func credentialID(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// Credential implements lrs.CredentialStore.
func (s *Store) Credential(ctx context.Context, key string) (lrs.Credential, error) {
	var r credentialRecord
	if err := s.credentials.FindOne(ctx, byID(credentialID(key))).Decode(&r); err != nil {
		return lrs.Credential{}, notFound(err)
	}
	return lrs.Credential{
		Key: string(r.Key), SecretMAC: r.SecretMAC, Source: r.Source, Scopes: lrs.Scope(r.Scopes), Authority: r.Authority,
	}, nil
}

// PutCredential implements lrs.CredentialStore.
func (s *Store) PutCredential(ctx context.Context, c lrs.Credential) error {
	r := credentialRecord{
		ID: credentialID(c.Key), Key: []byte(c.Key), SecretMAC: c.SecretMAC, Source: c.Source,
		Scopes: int64(c.Scopes), Authority: c.Authority,
	}
	replace := func() error {
		_, err := s.credentials.ReplaceOne(ctx, byID(r.ID), r, options.Replace().SetUpsert(true))
		return err
	}
	err := replace()
	if isDuplicate(err) { // another process inserted it between the search and the insertion of the upsert
		err = replace()
	}
	return unavailable(err)
}

// HasCredentials implements lrs.CredentialStore.
func (s *Store) HasCredentials(ctx context.Context) (bool, error) {
	err := s.credentials.FindOne(ctx, bson.D{}, options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, unavailable(err)
}
