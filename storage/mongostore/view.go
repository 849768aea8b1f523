package mongostore

import (
	"context"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/lrs"
)

// view is what a reader knows of the writers' marks. It must be taken before the documents that it
// judges are read: then a document at or below the mark of its epoch is complete, and one that was
// taken back before the mark passed it is not among them.
type view struct {
	marks   map[int64]lrs.Instant // by epoch
	ended   map[int64]bool        // epochs whose mark is final
	own     int64                 // this process's epoch, 0 for none
	ownMark lrs.Instant           // its mark, never behind
	through lrs.Instant           // nothing can appear at or below it
}

// sees reports whether what the epoch has at the position is visible. When it is not, doubt says
// that a later view may show that it was before this one was taken: another writer's mark may have
// moved since.
func (v *view) sees(epoch int64, position lrs.Instant) (visible, doubt bool) {
	if epoch == v.own {
		return position <= v.ownMark, false
	}
	if mark, known := v.marks[epoch]; known && position <= mark {
		return true, false
	}
	return false, !v.ended[epoch]
}

// views keeps the latest view and renews it.
type views struct {
	order *order
	mu    sync.Mutex
	last  *view
	ended map[int64]lrs.Instant // final marks; epochs up to horizon are all in it
	until int64                 // the horizon: no need to read epochs up to it again
}

func newViews(o *order) *views {
	return &views{order: o, ended: map[int64]lrs.Instant{}, last: &view{}}
}

// latest returns a view without asking the database: the last one that was read, with this
// process's own mark as it is now. What it shows is true; it may not show all there is.
func (v *views) latest() *view {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.withOwn(v.last)
}

// withOwn adds what this process knows of itself.
func (v *views) withOwn(base *view) *view {
	own := v.order.now()
	if own == nil {
		return base
	}
	with := *base
	// A mark may be read back before its writer has heard that it was taken.
	with.own, with.ownMark = own.id, max(own.published(), base.marks[own.id])
	return &with
}

// renew reads the marks.
func (v *views) renew(ctx context.Context) (*view, []writerRecord, error) {
	v.mu.Lock()
	horizon := v.until
	v.mu.Unlock()
	var records []writerRecord
	err := v.order.store.causality.learn(ctx, func(ctx context.Context) (err error) {
		records, err = v.order.readWriters(ctx, horizon)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.learn(records)
	return v.withOwn(v.last), records, nil
}

// learn makes a view of the writers' records, which must be in the order of their epochs: a writer
// that is missing came after all those that were read, and starts above every mark it found.
func (v *views) learn(records []writerRecord) {
	marks, ended := map[int64]lrs.Instant{}, map[int64]bool{}
	through, final, allEnded := lrs.MaxInstant, lrs.Instant(0), true
	for _, r := range records {
		mark := lrs.Instant(r.Mark)
		if r.Live {
			marks[r.Epoch] = max(mark, v.last.marks[r.Epoch])
			through, allEnded = min(through, mark), false
			continue
		}
		v.ended[r.Epoch] = mark
		final = max(final, mark)
		if allEnded && r.Swept && r.Done >= r.Mark {
			v.until = max(v.until, r.Epoch)
		}
	}
	if through == lrs.MaxInstant {
		through = final
	}
	for e, mark := range v.ended {
		marks[e], ended[e] = mark, true
	}
	v.last = &view{marks: marks, ended: ended, through: max(through, v.last.through)}
}

// readWriters reads the epochs above the horizon, in order.
func (o *order) readWriters(ctx context.Context, horizon int64) ([]writerRecord, error) {
	cursor, err := o.store.writers.Find(
		ctx,
		bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: horizon}}}},
		options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetBatchSize(10_000),
	)
	if err != nil {
		return nil, err
	}
	var records []writerRecord
	err = cursor.All(ctx, &records)
	return records, err
}
