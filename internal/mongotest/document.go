package mongotest

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// Put stores a document in a collection of the database that a URI names, so that tests outside of the backend can
// put there what they want to see refused. The document must have an _id; it replaces the one that has it.
func Put(tb testing.TB, uri, collection string, document map[string]any) {
	tb.Helper()
	if err := put(tb.Context(), uri, collection, document); err != nil {
		tb.Fatalf("putting a document into %s: %v", collection, err)
	}
}

func put(ctx context.Context, uri, collection string, document map[string]any) error {
	named, err := connstring.Parse(uri)
	if err != nil {
		return err
	}
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return err
	}
	byID := bson.D{{Key: "_id", Value: document["_id"]}}
	_, err = client.Database(named.Database).Collection(collection).ReplaceOne(ctx, byID, document, options.Replace().SetUpsert(true))
	return errors.Join(err, client.Disconnect(context.WithoutCancel(ctx)))
}
