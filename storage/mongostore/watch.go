package mongostore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"acquis/lrs"
)

// watch looks at the other writers: it keeps the view recent, shuts out those that say nothing any
// more, and finishes what the ended ones left.
type watch struct {
	order      *order
	seen       map[int64]beatSeen
	recovering sync.Map // epochs that this process is finishing
}

// beatSeen is a writer's beat and when this process first saw it.
type beatSeen struct {
	beat  int64
	since time.Time
}

func newWatch(o *order) *watch { return &watch{order: o, seen: map[int64]beatSeen{}} }

func (w *watch) loop() {
	life := w.order.store.life
	ticker := time.NewTicker(w.order.store.options.Heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-life.Done():
			return
		case <-ticker.C:
		}
		if err := w.look(life); err != nil && life.Err() == nil {
			w.order.store.log.Warn("looking after the other writers failed; trying again", "error", err)
		}
	}
}

// look takes one turn.
func (w *watch) look(life context.Context) error {
	ctx, cancel := context.WithTimeout(life, w.order.store.options.Patience)
	defer cancel()
	_, records, err := w.order.views.renew(ctx)
	if err != nil {
		clear(w.seen) // silence counts only while this process can hear
		return err
	}
	own := w.order.now()
	var errs []error
	for _, r := range records {
		switch {
		case own != nil && r.Epoch == own.id:
		case r.Live:
			errs = append(errs, w.judge(ctx, r, own))
		case !r.Swept || r.Done < r.Mark:
			w.recover(r)
		}
	}
	return errors.Join(errs...)
}

// recover finishes what an ended writer left, besides.
func (w *watch) recover(r writerRecord) {
	if _, busy := w.recovering.LoadOrStore(r.Epoch, true); busy {
		return
	}
	s := w.order.store
	s.work.Go(func() {
		defer w.recovering.Delete(r.Epoch)
		if err := s.recover(s.life, r); err != nil && s.life.Err() == nil {
			s.log.Warn("finishing what a writer left failed; trying again", "error", err)
		}
	})
}

// judge shuts out a writer whose beat has not changed for the length of a lease. Whether its clock
// is right plays no part.
func (w *watch) judge(ctx context.Context, r writerRecord, own *epoch) error {
	last, known := w.seen[r.Epoch]
	if !known || last.beat != r.Beat {
		w.seen[r.Epoch] = beatSeen{r.Beat, time.Now()}
		if known && own != nil && own.id > r.Epoch { // of two that disagree, the later one yields
			if err := w.order.judgeClock(r, time.Since(last.since)); err != nil {
				own.fail(fmt.Errorf("%w: %w", errNoEpoch, err))
				return err
			}
		}
		return nil
	}
	if time.Since(last.since) < w.order.store.options.Lease {
		return nil
	}
	result, err := w.order.store.writers.UpdateOne(
		ctx,
		bson.D{{Key: "_id", Value: r.Epoch}, {Key: "live", Value: true}, {Key: "beat", Value: r.Beat}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "live", Value: false}}}},
	)
	if err != nil {
		return err
	}
	if result.ModifiedCount == 1 {
		w.order.store.log.Warn("shut out a writer that says nothing any more", "epoch", r.Epoch, "mark", lrs.Instant(r.Mark).String())
	}
	delete(w.seen, r.Epoch)
	return nil
}
