package mongostore

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"acquis/lrs"
)

// order is this process's part in the one order that all writers share.
type order struct {
	store   *Store
	views   *views
	current atomic.Pointer[epoch]
	joined  chan struct{} // replaced at every join; closed when there is an epoch
	mu      sync.Mutex
	trouble error // why there is no epoch
}

func newOrder(s *Store) *order {
	o := &order{store: s, joined: make(chan struct{})}
	o.views = newViews(o)
	return o
}

func (o *order) present() lrs.Instant { return lrs.InstantOf(o.store.now()) }

// now is the epoch that lives, nil without one.
func (o *order) now() *epoch { return o.current.Load() }

// start joins the writers and keeps doing so until the store's life ends.
func (o *order) start(ctx context.Context) error {
	e, err := o.join(ctx)
	if err != nil {
		return err
	}
	o.set(e, nil)
	o.store.work.Go(o.keepLoop)
	o.store.work.Go(newWatch(o).loop)
	return nil
}

func (o *order) set(e *epoch, trouble error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.current.Store(e)
	o.trouble = trouble
	if e != nil {
		close(o.joined)
	} else {
		o.joined = make(chan struct{})
	}
}

// keepLoop publishes for the present epoch and joins anew whenever it has failed.
func (o *order) keepLoop() {
	life := o.store.life
	for {
		e := o.now()
		e.publishLoop(life)
		o.set(nil, e.failure())
		if life.Err() != nil || o.store.closing.Load() {
			return
		}
		o.store.metrics.rejoined.Inc()
		o.store.log.Warn("this writer was held up; joining again", "epoch", e.id, "error", e.failure())
		for {
			next, err := o.rejoin(life, e)
			if err == nil {
				o.set(next, nil)
				break
			}
			if life.Err() != nil {
				return
			}
			o.set(nil, err)
			wait(life, o.store.options.Heartbeat)
		}
	}
}

// rejoin ends the failed epoch for all to see, then joins.
func (o *order) rejoin(ctx context.Context, failed *epoch) (*epoch, error) {
	ctx, cancel := context.WithTimeout(ctx, o.store.options.Patience)
	defer cancel()
	if _, err := o.store.writers.UpdateOne(
		ctx,
		bson.D{{Key: "_id", Value: failed.id}, {Key: "live", Value: true}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "live", Value: false}}}},
	); err != nil {
		return nil, err
	}
	return o.join(ctx)
}

// epoch waits a little for an epoch when there is none.
func (o *order) epoch(ctx context.Context) (*epoch, error) {
	late := time.After(min(2*time.Second, o.store.options.Patience))
	for {
		if e := o.now(); e != nil {
			return e, nil
		}
		o.mu.Lock()
		joined, trouble := o.joined, o.trouble
		o.mu.Unlock()
		select {
		case <-joined:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-o.store.life.Done():
			return nil, errClosed
		case <-late:
			return nil, fmt.Errorf("%w: %w", errNoEpoch, trouble)
		}
	}
}

// ready returns nil when this writer's marks are taken.
func (o *order) ready(ctx context.Context) error {
	e := o.now()
	if e == nil {
		return errNoEpoch
	}
	if err := e.publish(ctx); err != nil {
		return unavailable(err)
	}
	return nil
}

// join begins an epoch.
//
// Its record is there, with a mark, before its first position is chosen, and that lies above every
// mark read after the record was there: a reader that does not know the epoch yet has promised
// nothing above those.
func (o *order) join(ctx context.Context) (*epoch, error) {
	records, err := o.readWriters(ctx, 0)
	if err != nil {
		return nil, err
	}
	if err := o.checkClocks(ctx, records); err != nil {
		return nil, err
	}
	record := writerRecord{Slot: -1, Live: true, Mark: highest(records), Done: highest(records), Clock: int64(o.present())}
	for {
		record.Epoch = 1
		if n := len(records); n > 0 {
			record.Epoch = records[n-1].Epoch + 1
		}
		if _, err = o.store.writers.InsertOne(ctx, record); err == nil {
			break
		}
		if !isDuplicate(err) {
			return nil, err
		}
		if records, err = o.readWriters(ctx, 0); err != nil {
			return nil, err
		}
	}
	slot, err := o.takeSlot(ctx, record.Epoch)
	if err != nil {
		return nil, err
	}
	if records, err = o.readWriters(ctx, 0); err != nil {
		return nil, err
	}
	o.store.log.Info("joined the writers", "epoch", record.Epoch, "slot", slot)
	return newEpoch(o, record.Epoch, slot, lrs.Instant(highest(records))), nil
}

func highest(records []writerRecord) int64 {
	var mark int64
	for _, r := range records {
		mark = max(mark, r.Mark)
	}
	return mark
}

// slotRecord is what the slots collection holds: who has the slot, or had it last.
type slotRecord struct {
	Slot  int32 `bson:"_id"`
	Epoch int64 `bson:"epoch"`
}

// takeSlot takes a slot that no live epoch has.
func (o *order) takeSlot(ctx context.Context, epoch int64) (int64, error) {
	records, err := o.readWriters(ctx, 0)
	if err != nil {
		return 0, err
	}
	live := map[int64]bool{}
	for _, r := range records {
		live[r.Epoch] = r.Live
	}
	for slot := range int32(slots) {
		taken, err := o.trySlot(ctx, slot, epoch, live)
		if err != nil {
			return 0, err
		}
		if taken {
			_, err := o.store.writers.UpdateOne(ctx, byID(epoch), bson.D{{Key: "$set", Value: bson.D{{Key: "slot", Value: slot}}}})
			return int64(slot), err
		}
	}
	return 0, fmt.Errorf("all %d places for writers are taken: run fewer acquis processes on this database, or wait for the lease of those that were killed", slots)
}

func (o *order) trySlot(ctx context.Context, slot int32, epoch int64, live map[int64]bool) (bool, error) {
	_, err := o.store.slots.InsertOne(ctx, slotRecord{slot, epoch})
	if err == nil {
		return true, nil
	}
	if !isDuplicate(err) {
		return false, err
	}
	var holder slotRecord
	if err := o.store.slots.FindOne(ctx, byID(slot)).Decode(&holder); err != nil {
		return false, err
	}
	if live[holder.Epoch] || holder.Epoch > epoch {
		return false, nil
	}
	result, err := o.store.slots.UpdateOne(
		ctx,
		bson.D{{Key: "_id", Value: slot}, {Key: "epoch", Value: holder.Epoch}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "epoch", Value: epoch}}}},
	)
	if err != nil {
		return false, err
	}
	return result.ModifiedCount == 1, nil
}

// checkClocks refuses to join writers whose clocks are too far from this one. Only those that beat
// while it watches are judged: the others may be dead, and their clock old.
func (o *order) checkClocks(ctx context.Context, before []writerRecord) error {
	beats := map[int64]int64{}
	for _, r := range before {
		if r.Live {
			beats[r.Epoch] = r.Beat
		}
	}
	if len(beats) == 0 {
		return nil
	}
	wait(ctx, 2*o.store.options.Heartbeat)
	now, err := o.readWriters(ctx, 0)
	if err != nil {
		return err
	}
	for _, r := range now {
		if beat, known := beats[r.Epoch]; known && r.Live && r.Beat != beat {
			if err := o.judgeClock(r, 2*o.store.options.Heartbeat); err != nil {
				return err
			}
		}
	}
	return nil
}

// judgeClock compares clocks with a writer whose record is at most as old as age.
func (o *order) judgeClock(r writerRecord, age time.Duration) error {
	ahead := time.Duration(o.present()-lrs.Instant(r.Clock)) * time.Microsecond
	if bound := o.store.options.Skew; ahead > bound+age || -ahead > bound {
		return &clockError{ahead: ahead, bound: bound}
	}
	return nil
}

// clockError says that this machine's clock and another writer's are too far apart.
type clockError struct{ ahead, bound time.Duration }

func (e *clockError) Error() string {
	direction, by := "ahead of", e.ahead
	if by < 0 {
		direction, by = "behind", -by
	}
	return fmt.Sprintf("this machine's clock is %s %s that of another acquis on the same database, and %s is the most allowed: synchronise both with NTP", by.Round(time.Millisecond), direction, e.bound)
}

// leave ends the epoch in good order.
func (o *order) leave(ctx context.Context) error {
	e := o.now()
	if e == nil {
		return nil
	}
	if err := e.publish(ctx); err != nil {
		return unavailable(err)
	}
	e.mu.Lock()
	swept := e.done >= e.mark
	e.mu.Unlock()
	_, err := o.store.writers.UpdateOne(
		ctx,
		bson.D{{Key: "_id", Value: e.id}, {Key: "live", Value: true}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "live", Value: false}, {Key: "swept", Value: swept}}}},
	)
	return unavailable(err)
}

// through returns the instant up to which nothing can appear, as last read.
func (o *order) through() lrs.Instant { return o.views.latest().through }
