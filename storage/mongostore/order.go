package mongostore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"acquis/lrs"
)

// slots is how many writers there may be at a time. Positions of a writer are congruent to its slot
// modulo slots, so that two writers never take the same one; more slots space the positions of one
// writer further apart (32 leave it 31,250 a second before they run ahead of its clock).
const slots = 32

// writerRecord is what the writers collection holds of an epoch: the time between a writer's coming
// and its going, or its being shut out.
type writerRecord struct {
	Epoch int64 `bson:"_id"` // rising: a later one is inserted later
	Slot  int32 `bson:"slot"`
	Live  bool  `bson:"live"`
	Beat  int64 `bson:"beat"` // rises while the writer lives
	// Mark is the promise that makes up the order: everything this epoch has at or below it is
	// complete and visible, and nothing will be added there. What it has above is invisible; once the
	// epoch is not live any more, for ever.
	Mark int64 `bson:"mark"`
	// Done is the position up to which references are linked, too. What lies between Done and Mark
	// when an epoch ends is linked again by another writer.
	Done  int64 `bson:"done"`
	Clock int64 `bson:"clock"` // the writer's clock at the beat, to judge how far clocks are apart
	Swept bool  `bson:"swept"` // what lay above the mark at the end has been removed
}

// epoch is this process's present epoch.
type epoch struct {
	order *order
	id    int64
	slot  int64

	mu     sync.Mutex
	last   lrs.Instant // the highest position taken or promised not to be taken
	mark   lrs.Instant // as published
	done   lrs.Instant // as published
	rounds []*round    // in the order of their positions, until they are linked
	failed error
	dead   chan struct{} // closed when the epoch has failed
	wake   chan struct{} // asks for the mark to be published
}

// round is some positions in a row that become visible together.
type round struct {
	epoch     *epoch
	first     lrs.Instant
	last      lrs.Instant
	settled   bool // nothing of it can be added or taken away any more
	linked    bool
	published chan struct{} // closed when the mark has passed it
}

func newEpoch(o *order, id int64, slot int64, floor lrs.Instant) *epoch {
	return &epoch{
		order: o, id: id, slot: slot, last: floor, mark: floor, done: floor,
		dead: make(chan struct{}), wake: make(chan struct{}, 1),
	}
}

// begin takes n positions.
func (e *epoch) begin(n int) (*round, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed != nil {
		return nil, e.failed
	}
	first := int64(max(e.last+1, e.order.present()))
	first += (e.slot - first%slots + slots) % slots
	r := &round{
		epoch: e, first: lrs.Instant(first), last: lrs.Instant(first + int64(n-1)*slots),
		published: make(chan struct{}),
	}
	e.last = r.last
	e.rounds = append(e.rounds, r)
	return r, nil
}

// position is the i-th position of the round.
func (r *round) position(i int) lrs.Instant { return r.first + lrs.Instant(i)*slots }

// commit makes the round visible and returns when that would survive a power cut, or when the epoch
// has failed and it never will be visible, or perhaps was at the last moment.
func (r *round) commit() error {
	r.settle()
	select {
	case <-r.published:
		return nil
	case <-r.epoch.dead:
		select {
		case <-r.published:
			return nil
		default:
			return r.epoch.failure()
		}
	}
}

// settle lets the mark pass the round, without waiting. A round of which nothing was stored, or
// from which everything was taken away again, ends with it.
func (r *round) settle() {
	r.epoch.mu.Lock()
	r.settled = true
	r.epoch.mu.Unlock()
	r.epoch.poke()
}

// link says that everything the round refers to is linked.
func (r *round) link() {
	r.epoch.mu.Lock()
	r.linked = true
	r.epoch.mu.Unlock()
}

// drop ends a round that has nothing visible and nothing to link.
func (r *round) drop() {
	r.link()
	r.settle()
}

func (e *epoch) poke() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// fail ends the epoch: what has not been published never will be. Its positions above the mark are
// dead, whatever of them still reaches the database.
func (e *epoch) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed == nil {
		e.failed = err
		close(e.dead)
	}
}

func (e *epoch) failure() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.failed
}

func (e *epoch) published() lrs.Instant {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.mark
}

// promise is the highest mark and done that hold now. An idle writer promises the present, and takes
// no position at or below it from then on.
func (e *epoch) promise() (mark, done lrs.Instant) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = max(e.last, e.order.present())
	mark, done = e.last, e.last
	for _, r := range e.rounds {
		if !r.linked {
			done = min(done, r.first-1)
		}
		if !r.settled {
			mark = min(mark, r.first-1)
		}
	}
	return max(mark, e.mark), max(min(done, mark), e.done)
}

// keep notes what was published and wakes the rounds that waited for it.
func (e *epoch) keep(mark, done lrs.Instant) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mark, e.done = max(e.mark, mark), max(e.done, done)
	rest := e.rounds[:0]
	for _, r := range e.rounds {
		if r.settled && r.last <= mark {
			select {
			case <-r.published:
			default:
				close(r.published)
			}
		}
		if !r.linked || r.last > done {
			rest = append(rest, r)
		}
	}
	clear(e.rounds[len(rest):])
	e.rounds = rest
}

// publish writes the promise. It is one compare-and-swap: an epoch that was shut out learns it here,
// before anything is answered.
func (e *epoch) publish(ctx context.Context) error {
	mark, done := e.promise()
	var result *mongo.UpdateResult
	err := e.order.store.causality.learn(ctx, func(ctx context.Context) (err error) {
		result, err = e.order.store.writers.UpdateOne(
			ctx,
			bson.D{{Key: "_id", Value: e.id}, {Key: "live", Value: true}},
			bson.D{
				// Readiness publishes besides the loop, and a request that timed out may arrive late.
				{Key: "$max", Value: bson.D{{Key: "mark", Value: int64(mark)}, {Key: "done", Value: int64(done)}}},
				{Key: "$set", Value: bson.D{{Key: "clock", Value: int64(e.order.present())}}},
				{Key: "$inc", Value: bson.D{{Key: "beat", Value: int64(1)}}},
			},
		)
		return err
	})
	if err != nil {
		return err
	}
	if result.MatchedCount == 0 {
		return errShutOut
	}
	e.keep(mark, done)
	return nil
}

var (
	errShutOut = lrs.Errorf(lrs.KindUnavailable, "this server was held up for so long that the others went on without it; nothing was stored: send the request again")
	errNoEpoch = lrs.Errorf(lrs.KindUnavailable, "the database has taken no writes for a while: send the request again later")
)

// publishLoop publishes at every beat and whenever a round has settled, until the epoch fails or
// life ends. A beat that the database does not take is tried again for as long as patience lasts: the
// mark only ever rises, so it may be written twice.
func (e *epoch) publishLoop(life context.Context) {
	ticker := time.NewTicker(e.order.store.options.Heartbeat)
	defer ticker.Stop()
	var since time.Time // when publishing began to fail
	for {
		select {
		case <-life.Done():
			e.fail(errClosed)
			return
		case <-e.dead:
			return
		case <-ticker.C:
		case <-e.wake:
		}
		err := e.publishOnce(life)
		switch {
		case err == nil:
			since = time.Time{}
			continue
		case err == errShutOut:
			e.fail(err)
			return
		case since.IsZero():
			since = time.Now()
			e.order.store.log.Warn("the database does not take the writer's mark; trying again", "error", err)
		case time.Since(since) > e.order.store.options.Patience:
			e.fail(fmt.Errorf("%w: %w", errNoEpoch, err))
			return
		}
		if isTransient(err) || life.Err() != nil {
			wait(life, e.order.store.options.Heartbeat)
			e.poke()
			continue
		}
		e.fail(fmt.Errorf("publish the mark of the writer: %w", err))
		return
	}
}

func (e *epoch) publishOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.order.store.options.Patience)
	defer cancel()
	return e.publish(ctx)
}

// wait sleeps unless ctx ends first.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
