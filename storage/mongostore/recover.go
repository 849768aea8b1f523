package mongostore

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/lrs"
)

// recover finishes what an ended epoch left: it removes what lies above the mark, which nobody will
// ever see, links what lies between Done and the mark, and goes on with erasures. Several processes
// may do it at once.
func (s *Store) recover(ctx context.Context, w writerRecord) error {
	if err := s.sweepLeftovers(ctx, w); err != nil {
		return fmt.Errorf("sweep what epoch %d left: %w", w.Epoch, err)
	}
	if err := s.linkAgain(ctx, w); err != nil {
		return fmt.Errorf("link what epoch %d stored last: %w", w.Epoch, err)
	}
	if err := s.resumeErasures(ctx, w.Epoch); err != nil {
		return fmt.Errorf("go on with the erasures of epoch %d: %w", w.Epoch, err)
	}
	_, err := s.writers.UpdateOne(
		ctx, bson.D{{Key: "_id", Value: w.Epoch}, {Key: "live", Value: false}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "done", Value: w.Mark}, {Key: "swept", Value: true}}}},
	)
	if err == nil {
		s.log.Info("finished what a writer left", "epoch", w.Epoch)
	}
	return err
}

func (s *Store) sweepLeftovers(ctx context.Context, w writerRecord) error {
	above := bson.D{{Key: "$gt", Value: w.Mark}}
	if _, err := s.statements.DeleteMany(ctx, bson.D{{Key: "s", Value: above}, {Key: "e", Value: w.Epoch}}); err != nil {
		return err
	}
	_, err := s.changes.DeleteMany(ctx, bson.D{{Key: "_id", Value: above}, {Key: "e", Value: w.Epoch}})
	return err
}

// linkAgain links the statements above Done, their referrers included even where nothing changes: a
// statement may have been linked without those.
func (s *Store) linkAgain(ctx context.Context, w writerRecord) error {
	cursor, err := s.statements.Find(
		ctx, bson.D{{Key: "s", Value: bson.D{{Key: "$gt", Value: w.Done}, {Key: "$lte", Value: w.Mark}}}, {Key: "e", Value: w.Epoch}},
		options.Find().SetSort(storedIndex).SetHint(storedIndex).
			SetProjection(bson.D{{Key: "_id", Value: 1}, {Key: "r", Value: 1}, {Key: "w", Value: 1}}),
	)
	if err != nil {
		return err
	}
	defer cursor.Close(ctx)
	for {
		var batch []statementRecord
		for len(batch) < inlineLinks && cursor.Next(ctx) {
			var r statementRecord
			if err := cursor.Decode(&r); err != nil {
				return err
			}
			batch = append(batch, r)
		}
		if len(batch) == 0 {
			return cursor.Err()
		}
		if err := s.linkThoroughly(ctx, batch); err != nil {
			return err
		}
	}
}

func (s *Store) linkThoroughly(ctx context.Context, records []statementRecord) error {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	referred, err := idsAmong(ctx, s.references, ids)
	if err != nil {
		return err
	}
	var roots []root
	for i := range records {
		for _, r := range rootsOf(&records[i], referred[records[i].ID]) {
			r.force = true
			roots = append(roots, r)
		}
	}
	return (&linking{store: s, queue: roots}).run(ctx)
}

// Settle implements storage.Store: it returns when every epoch, this one included, has linked all
// that it had published at the call, and erasures left by ended ones are done.
func (s *Store) Settle(ctx context.Context) error {
	wanted := map[int64]int64{}
	for first := true; ; first = false {
		_, records, err := s.order.views.renew(ctx)
		if err != nil {
			return unavailable(err)
		}
		settled := true
		for _, r := range records {
			if first {
				wanted[r.Epoch] = r.Mark
			}
			if r.Live {
				settled = settled && r.Done >= wanted[r.Epoch]
			} else {
				settled = settled && r.Swept && r.Done >= r.Mark
			}
		}
		if settled && !first {
			return nil
		}
		wait(ctx, s.options.Heartbeat/2+time.Millisecond)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

var _ lrs.StatementStore = (*Store)(nil)
