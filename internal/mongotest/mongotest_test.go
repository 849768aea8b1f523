package mongotest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns the database that a URI names, and its client.
func open(t *testing.T, uri string) *mongo.Database {
	t.Helper()
	parsed, err := connstring.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Disconnect(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return client.Database(parsed.Database)
}

func TestDatabase(t *testing.T) {
	var name string
	t.Run("is fresh and takes documents", func(t *testing.T) {
		database := open(t, Database(t))
		name = database.Name()
		if other := open(t, Database(t)); other.Name() == name {
			t.Errorf("two databases have the name %s", name)
		}
		if _, err := database.Collection("c").InsertOne(t.Context(), bson.D{{Key: "_id", Value: "a"}}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("is dropped when its test ends", func(t *testing.T) {
		names, err := open(t, Database(t)).Client().ListDatabaseNames(t.Context(), bson.D{{Key: "name", Value: name}})
		if err != nil {
			t.Fatal(err)
		}
		if len(names) > 0 {
			t.Errorf("%s is still there", name)
		}
	})
}

func TestServer_answersUnacknowledgedWritesWithNothing(t *testing.T) {
	database := open(t, Database(t))
	hasty := database.Collection("c", options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
	for n := range 3 {
		if _, err := hasty.InsertOne(t.Context(), bson.D{{Key: "_id", Value: n}}); err != nil {
			t.Fatal(err)
		}
		if err := database.RunCommand(t.Context(), bson.D{{Key: "ping", Value: 1}}).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServer_updatesAtomically(t *testing.T) {
	c := open(t, Database(t)).Collection("c")
	id := bson.D{{Key: "_id", Value: "counter"}}
	if _, err := c.InsertOne(t.Context(), append(id, bson.E{Key: "n", Value: int64(0)})); err != nil {
		t.Fatal(err)
	}
	const writers, each = 4, 25
	var wait sync.WaitGroup
	for range writers {
		wait.Go(func() {
			for range each {
				one := bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(1)}}}}
				if err := c.FindOneAndUpdate(t.Context(), id, one).Err(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	var got struct{ N int64 }
	if err := c.FindOne(t.Context(), id).Decode(&got); err != nil || got.N != writers*each {
		t.Errorf("%d after %d increments (%v)", got.N, writers*each, err)
	}
}

func TestWithDatabase(t *testing.T) {
	for _, c := range []struct{ name, server, want string }{
		{"a bare URI gets the name", "mongodb://127.0.0.1:27017/", "mongodb://127.0.0.1:27017/d"},
		{"options stay", "mongodb://a:1,b:2/?replicaSet=rs0", "mongodb://a:1,b:2/d?replicaSet=rs0"},
		{"credentials stay with admin", "mongodb://u:p@a/", "mongodb://u:p@a/d?authSource=admin"},
		{"credentials stay with the database that was named", "mongodb://u:p@a/people", "mongodb://u:p@a/d?authSource=people"},
		{"a named source stays", "mongodb://u:p@a/x?authSource=y", "mongodb://u:p@a/d?authSource=y"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := withDatabase(c.server, "d")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("a fault does not show the password", func(t *testing.T) {
		if _, err := withDatabase("u:secret@a", "d"); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("error %v", err)
		}
	})
}
