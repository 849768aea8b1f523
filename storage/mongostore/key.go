package mongostore

import (
	"context"
	"crypto/rand"
	"errors"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"acquis/lrs"
)

var _ lrs.KeyStore = (*Store)(nil)

// Key implements lrs.KeyStore. Of processes that ask for a new key at once, all get the same.
func (s *Store) Key(ctx context.Context, name string) ([]byte, error) {
	name = "key/" + name
	var record metaRecord
	err := s.meta.FindOne(ctx, byID(name)).Decode(&record)
	if err == nil {
		return record.Value, nil
	}
	if !errors.Is(err, mongo.ErrNoDocuments) {
		return nil, unavailable(err)
	}
	value := make([]byte, 32)
	if _, err := rand.Read(value); err != nil {
		return nil, err
	}
	_, err = s.meta.InsertOne(ctx, metaRecord{Name: name, Value: value})
	if err != nil && !isDuplicate(err) {
		return nil, unavailable(err)
	}
	if err := s.meta.FindOne(ctx, byID(name)).Decode(&record); err != nil {
		return nil, unavailable(err)
	}
	return record.Value, nil
}
