package mongostore

import (
	"context"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// causality is the latest time of the cluster at which this process learned of a mark. Whatever
// documents are read because of that mark must be read as of then or later, from whichever shard,
// and from a primary that was elected since: on a cluster, a causally consistent session that starts
// from it makes them wait. Servers that stand alone tell no such time and need none.
type causality struct {
	client    *mongo.Client
	mu        sync.Mutex
	cluster   bson.Raw
	operation *bson.Timestamp
}

// learn runs an operation on the marks and remembers when it was.
func (c *causality) learn(ctx context.Context, operation func(context.Context) error) error {
	session, err := c.client.StartSession(options.Session().SetCausalConsistency(true))
	if err != nil {
		return err
	}
	defer session.EndSession(context.WithoutCancel(ctx))
	if err := operation(mongo.NewSessionContext(ctx, session)); err != nil {
		return err
	}
	at, cluster := session.OperationTime(), session.ClusterTime()
	c.mu.Lock()
	defer c.mu.Unlock()
	if at != nil && cluster != nil && (c.operation == nil || c.operation.Before(*at)) {
		c.operation, c.cluster = at, cluster
	}
	return nil
}

// follow makes a context whose reads come after everything learned; end frees it. The context is for
// one goroutine.
func (c *causality) follow(ctx context.Context) (after context.Context, end func(), err error) {
	c.mu.Lock()
	at, cluster := c.operation, c.cluster
	c.mu.Unlock()
	if at == nil || mongo.SessionFromContext(ctx) != nil {
		return ctx, func() {}, nil
	}
	session, err := c.client.StartSession(options.Session().SetCausalConsistency(true))
	if err != nil {
		return nil, nil, err
	}
	end = func() { session.EndSession(context.WithoutCancel(ctx)) }
	if err := session.AdvanceClusterTime(cluster); err != nil {
		end()
		return nil, nil, err
	}
	if err := session.AdvanceOperationTime(at); err != nil {
		end()
		return nil, nil, err
	}
	return mongo.NewSessionContext(ctx, session), end, nil
}
