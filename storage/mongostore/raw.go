package mongostore

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/google/uuid"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/lrs"
)

// Raw is the driver alone, for measuring what a store could reach at most: the same documents,
// indexes and concern, without judging, comparing or answering anything. It works in a collection
// of its own that Close drops.
type Raw struct {
	client     *mongo.Client
	statements *mongo.Collection
	stored     atomic.Int64
}

// OpenRaw connects to the database.
func OpenRaw(ctx context.Context, o Options) (*Raw, error) {
	o = o.withDefaults()
	client, db, err := connect(ctx, o)
	if err != nil {
		return nil, err
	}
	s := newStore(o, client, db)
	s.statements = db.Collection("raw_" + uuid.NewString())
	raw := &Raw{client: client, statements: s.statements}
	raw.stored.Store(int64(lrs.InstantOf(o.Now())))
	for _, i := range s.indexes() {
		if i.collection != s.statements {
			continue
		}
		if err := s.buildIndex(ctx, i); err != nil {
			return nil, errors.Join(err, raw.Close())
		}
	}
	return raw, nil
}

// Append inserts the documents of the drafts, each under an id and a stored time of its own, by one
// unordered InsertMany.
func (r *Raw) Append(drafts []*lrs.Draft) error {
	records := make([]*statementRecord, len(drafts))
	for i, d := range drafts {
		records[i] = newStatementRecord(d, lrs.Instant(r.stored.Add(1)), 1)
		records[i].ID = uuid.NewString()
	}
	_, err := r.statements.InsertMany(context.Background(), records, options.InsertMany().SetOrdered(false))
	return err
}

// Close drops the collection and disconnects.
func (r *Raw) Close() error {
	return errors.Join(r.statements.Drop(context.Background()), disconnect(r.client))
}
