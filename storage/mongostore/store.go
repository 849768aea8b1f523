// Package mongostore is the MongoDB backend: several processes, one database, replica set or
// sharded cluster.
//
// A writer takes positions of the one order from its own slot and makes them visible by moving one
// number, its mark, in one document (order.go, writers.go); that is how a batch commits, how readers
// know what is complete, and how a writer that hangs is shut out. Statements are inserted once,
// with their terms as a multikey index (statement.go, query.go); what they refer to is linked after
// the mark has passed them and before they are answered (reference.go). No transactions are needed,
// which sharded and compatible servers would have to share.
package mongostore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"acquis/docstore"
	"acquis/lrs"
	"acquis/storage"
)

// Options configure a store. The zero value of a field means its default.
type Options struct {
	// URI is a MongoDB connection string. Its path names the database, "acquis" without one. What it
	// says about concerns and preferences is overruled: writes are acknowledged by a majority and
	// journalled, reads go to the primary.
	URI       string
	Now       func() time.Time // time.Now
	Logger    *slog.Logger     // slog.Default()
	Heartbeat time.Duration    // how often a writer says that it lives and what is complete, 200 ms
	Lease     time.Duration    // how long a writer may say nothing before the others shut it out, 10 s
	Skew      time.Duration    // how far the clocks of two writers may be apart, 5 s
	Patience  time.Duration    // how long one request may be tried again while the database fails, 10 s
	Filling   bool             // the store may be an unfinished copy
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	for _, d := range []struct {
		into  *time.Duration
		value time.Duration
	}{{&o.Heartbeat, 200 * time.Millisecond}, {&o.Lease, 10 * time.Second}, {&o.Skew, 5 * time.Second}, {&o.Patience, 10 * time.Second}} {
		if *d.into == 0 {
			*d.into = d.value
		}
	}
	return o
}

// Store is the MongoDB backend. Any number of them, in as many processes, share a database.
type Store struct {
	options    Options
	client     *mongo.Client
	db         *mongo.Database
	log        *slog.Logger
	now        func() time.Time
	metrics    *metrics
	erasureKey []byte
	// expressions says that the server takes $expr in a filter.
	expressions bool

	statements  *mongo.Collection // the statements, by id
	changes     *mongo.Collection // the positions of the log that are no statement: erasures, redactions, what was erased
	writers     *mongo.Collection // the epochs of the writers, with their marks
	slots       *mongo.Collection // which epoch has which slot
	meta        *mongo.Collection // layout version, keys, counters
	tombstones  *mongo.Collection // keyed digests of erased ids
	erasures    *mongo.Collection // erasures and redactions under way
	references  *mongo.Collection // ids that some statement's object refers to
	activities  *mongo.Collection // canonical definitions
	documents   *mongo.Collection
	attachments *mongo.Collection // which file of the bucket holds which attachment
	bucket      *bucket           // the contents of attachments

	held        held
	causality   causality
	order       *order
	catalogue   docstore.Catalogue
	definitions *definitions
	requests    chan *request
	rounds      chan struct{} // a token for each round that may be under way

	life      context.Context // ends when the store closes or is dropped
	end       context.CancelFunc
	closing   atomic.Bool
	work      sync.WaitGroup // goroutines that end with life
	inFlight  sync.WaitGroup // rounds
	closeOnce sync.Once
	closeErr  error
}

var _ storage.Store = (*Store)(nil)

// Open connects to the database, makes or checks its indexes and joins its writers. An error is one
// line for the operator, without the credentials of the URI.
func Open(ctx context.Context, o Options) (*Store, error) {
	o = o.withDefaults()
	client, db, err := connect(ctx, o)
	if err != nil {
		return nil, err
	}
	s := newStore(o, client, db)
	if err := s.start(ctx); err != nil {
		s.end()
		s.work.Wait()
		return nil, errors.Join(err, disconnect(client))
	}
	return s, nil
}

func newStore(o Options, client *mongo.Client, db *mongo.Database) *Store {
	s := &Store{
		options: o, client: client, db: db, log: o.Logger, now: o.Now, metrics: newMetrics(),
		requests: make(chan *request, 1024), rounds: make(chan struct{}, maxRounds),
	}
	s.life, s.end = context.WithCancel(context.Background())
	for name, into := range s.collections() {
		*into = db.Collection(name)
	}
	s.bucket = newBucket(db, "attachments")
	s.causality.client = client
	s.order = newOrder(s)
	s.definitions = newDefinitions()
	return s
}

// collections names every collection that the store makes.
func (s *Store) collections() map[string]**mongo.Collection {
	return map[string]**mongo.Collection{
		"statements": &s.statements, "changes": &s.changes, "writers": &s.writers, "slots": &s.slots,
		"meta": &s.meta, "tombstones": &s.tombstones, "erasures": &s.erasures, "references": &s.references,
		"activities": &s.activities, "documents": &s.documents, "attachments": &s.attachments,
	}
}

func (s *Store) start(ctx context.Context) error {
	if err := s.checkLayout(ctx); err != nil {
		return err
	}
	if err := s.checkFilling(ctx); err != nil {
		return err
	}
	if err := s.probe(ctx); err != nil {
		return err
	}
	if err := s.buildIndexes(ctx, s.indexes()); err != nil {
		return err
	}
	var err error
	if s.erasureKey, err = s.Key(ctx, "erasure"); err != nil {
		return startError(err)
	}
	if err := s.order.start(ctx); err != nil {
		return startError(err)
	}
	s.work.Go(s.gatherLoop)
	return nil
}

// Ready returns nil while the store takes writes: the primary answers and the writer lives.
func (s *Store) Ready(ctx context.Context) error {
	if s.closing.Load() {
		return errClosed
	}
	return s.order.ready(ctx)
}

// Close lets the requests under way end, leaves the writers and disconnects.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.closing.Store(true)
		s.inFlight.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), s.options.Patience)
		defer cancel()
		err := s.order.leave(ctx)
		s.end()
		s.work.Wait()
		s.closeErr = errors.Join(err, disconnect(s.client))
	})
	return s.closeErr
}

// Drop ends the store as a kill -9 would: nothing is finished, nobody is told. Tests of recovery use
// it.
func (s *Store) Drop() {
	s.closeOnce.Do(func() {
		s.closing.Store(true)
		s.end()
		s.work.Wait()
		s.closeErr = disconnect(s.client)
	})
}

func disconnect(client *mongo.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return client.Disconnect(ctx)
}

// layoutVersion is the version of the collections' shape. A database of a newer one is refused.
const layoutVersion = 1

// metaRecord is a document of meta.
type metaRecord struct {
	Name    string `bson:"_id"`
	Version int32  `bson:"version,omitempty"`
	Value   []byte `bson:"value,omitempty"`
	Count   int64  `bson:"count,omitempty"`
}

func (s *Store) checkLayout(ctx context.Context) error {
	_, err := s.meta.InsertOne(ctx, metaRecord{Name: "layout", Version: layoutVersion})
	if err == nil {
		return nil
	}
	if !isDuplicate(err) {
		return startError(err)
	}
	var layout metaRecord
	if err := s.meta.FindOne(ctx, byID("layout")).Decode(&layout); err != nil {
		return startError(err)
	}
	if layout.Version > layoutVersion {
		return fmt.Errorf("the database %s was written by a newer acquis (layout %d, this one knows %d): start that version, or name another database", s.db.Name(), layout.Version, layoutVersion)
	}
	return nil
}

func byID(id any) bson.D { return bson.D{{Key: "_id", Value: id}} }

var errClosed = lrs.Errorf(lrs.KindUnavailable, "the store is closing: send the request again later")
