package mongostore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// selection is how long an operation waits for a primary, unless the URI says otherwise.
const selection = 5 * time.Second

// Valid returns an error that says what is wrong with a connection string, without its credentials.
func Valid(uri string) error {
	parsed, err := connstring.ParseAndValidate(uri)
	if err != nil {
		return fmt.Errorf("not a MongoDB connection string (mongodb://USER:PASSWORD@HOST:27017/DATABASE?replicaSet=NAME): %s", reason(uri, err))
	}
	if strings.ContainsAny(databaseOf(parsed), `/\. "$*<>:|?`) {
		return fmt.Errorf("the database name %q holds a character that MongoDB does not take", databaseOf(parsed))
	}
	return nil
}

// reason is the text of a parse error, unless it repeats what may be secret.
func reason(uri string, err error) string {
	text := strings.TrimPrefix(err.Error(), "error parsing uri: ")
	_, rest, _ := strings.Cut(uri, "://")
	if user, _, ok := strings.Cut(rest, "@"); ok {
		for _, secret := range strings.Split(user, ":") {
			if secret != "" && strings.Contains(text, secret) {
				return "its user name, password or options are not well formed; what is not a letter or digit must be percent-encoded"
			}
		}
	}
	return text
}

func databaseOf(parsed *connstring.ConnString) string {
	if parsed.Database == "" {
		return "acquis"
	}
	return parsed.Database
}

func connect(ctx context.Context, o Options) (*mongo.Client, *mongo.Database, error) {
	if err := Valid(o.URI); err != nil {
		return nil, nil, err
	}
	parsed, err := connstring.ParseAndValidate(o.URI)
	if err != nil {
		return nil, nil, err
	}
	settings := options.Client().ApplyURI(o.URI).SetAppName("acquis").
		SetWriteConcern(durable()).SetReadConcern(readconcern.Majority()).SetReadPreference(readpref.Primary())
	if !parsed.ServerSelectionTimeoutSet {
		settings.SetServerSelectionTimeout(selection)
	}
	client, err := mongo.Connect(settings)
	if err != nil {
		return nil, nil, fmt.Errorf("the MongoDB connection string cannot be used: %s", reason(o.URI, err))
	}
	if err := client.Ping(ctx, readpref.Primary()); err != nil {
		return nil, nil, errors.Join(startError(err), disconnect(client))
	}
	return client, client.Database(databaseOf(parsed)), nil
}

// durable is the concern of every write: a majority has it in its journal.
func durable() *writeconcern.WriteConcern {
	journal := true
	return &writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}
}

// Codes of server errors, decided by number: compatible servers word them otherwise.
const (
	codeDuplicate      = 11000
	codeUnauthorized   = 13
	codeAuthentication = 18
)

// startError makes one line for the operator of what went wrong at start.
func startError(err error) error {
	var server mongo.ServerError
	switch {
	case errors.As(err, &server) && server.HasErrorCode(codeAuthentication), strings.Contains(err.Error(), "auth error"):
		return errors.New("MongoDB refuses the user name or password of the connection string: check both, and authSource")
	case errors.As(err, &server) && server.HasErrorCode(codeUnauthorized):
		return errors.New("MongoDB does not let this user read and write the database: grant it the role readWrite on it")
	case mongo.IsTimeout(err), mongo.IsNetworkError(err), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no primary of MongoDB answers: check that the hosts of the connection string are up and reachable, and that the replica set has elected one (%w)", err)
	default:
		return fmt.Errorf("MongoDB: %w", err)
	}
}

// index is an index that the store needs.
type index struct {
	collection *mongo.Collection
	keys       bson.D
	sparse     bool // only documents that have the field
}

// buildIndexes makes the indexes that are missing and logs which.
func (s *Store) buildIndexes(ctx context.Context, indexes []index) error {
	for _, i := range indexes {
		if err := s.buildIndex(ctx, i); err != nil {
			return startError(fmt.Errorf("make the index %s of %s: %w", i.name(), i.collection.Name(), err))
		}
	}
	return nil
}

func (s *Store) buildIndex(ctx context.Context, i index) error {
	before, err := indexNames(ctx, i.collection)
	if err != nil || before[i.name()] {
		return err
	}
	settings := options.Index().SetName(i.name())
	if i.sparse {
		settings.SetSparse(true)
	}
	if _, err := i.collection.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: i.keys, Options: settings}); err != nil {
		return err
	}
	s.log.Info("index built", "collection", i.collection.Name(), "index", i.name())
	return nil
}

func (i index) name() string {
	parts := make([]string, len(i.keys))
	for n, k := range i.keys {
		parts[n] = fmt.Sprintf("%s_%v", k.Key, k.Value)
	}
	return strings.Join(parts, "_")
}

func indexNames(ctx context.Context, c *mongo.Collection) (map[string]bool, error) {
	specifications, err := c.Indexes().ListSpecifications(ctx)
	if err != nil {
		return nil, err
	}
	names := make(map[string]bool, len(specifications))
	for _, x := range specifications {
		names[x.Name] = true
	}
	return names, nil
}
