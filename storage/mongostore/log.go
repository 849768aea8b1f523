package mongostore

import (
	"cmp"
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/lrs"
)

// changeRecord is a position of the log that holds no statement: an erasure or redaction, or, with
// kind LogStored, a statement that was erased since.
type changeRecord struct {
	Position int64 `bson:"_id"`
	Epoch    int64 `bson:"e"`
	Kind     int32 `bson:"k"`
	Target   int64 `bson:"t,omitempty"`
}

// ReadLog implements lrs.Log.
func (s *Store) ReadLog(ctx context.Context, after lrs.Instant, limit int) ([]lrs.LogEntry, error) {
	v, _, err := s.order.views.renew(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	ctx, end, err := s.causality.follow(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	defer end()
	var entries []lrs.LogEntry
	for after < v.through && len(entries) < limit {
		some, through, err := s.readSome(ctx, v, after, limit)
		if err != nil {
			return nil, unavailable(err)
		}
		entries, after = append(entries, some...), through
	}
	return entries[:min(limit, len(entries))], nil
}

// readSome reads the next entries, and how far they are complete. What is not visible at or below
// consistent-through belongs to ended epochs and never counts.
//
// The statements are read first: one that is erased meanwhile is then missing or has its entry among
// the changes, which is written before the statement goes.
func (s *Store) readSome(ctx context.Context, v *view, after lrs.Instant, limit int) (entries []lrs.LogEntry, through lrs.Instant, err error) {
	var statements []statementRecord
	var changes []changeRecord
	if err := readSpan(ctx, s.statements, "s", after, v.through, limit, &statements); err != nil {
		return nil, 0, err
	}
	if err := readSpan(ctx, s.changes, "_id", after, v.through, limit, &changes); err != nil {
		return nil, 0, err
	}
	through = v.through
	if len(statements) == limit {
		through = min(through, lrs.Instant(statements[limit-1].Stored))
	}
	if len(changes) == limit {
		through = min(through, lrs.Instant(changes[limit-1].Position))
	}
	taken := map[lrs.Instant]bool{}
	for _, c := range changes {
		position := lrs.Instant(c.Position)
		taken[position] = true
		if visible, _ := v.sees(c.Epoch, position); visible && position <= through {
			entries = append(entries, lrs.LogEntry{Position: position, Kind: lrs.LogKind(c.Kind), Target: lrs.Instant(c.Target)})
		}
	}
	for i := range statements {
		position := lrs.Instant(statements[i].Stored)
		if visible, _ := v.sees(statements[i].Epoch, position); !visible || position > through || taken[position] {
			continue
		}
		entry, err := statements[i].entry()
		if err != nil {
			return nil, 0, err
		}
		entries = append(entries, lrs.LogEntry{Position: position, Kind: lrs.LogStored, Entry: entry})
	}
	slices.SortFunc(entries, func(a, b lrs.LogEntry) int { return cmp.Compare(a.Position, b.Position) })
	return entries, through, nil
}

// readSpan reads the next documents in (after, through] in order.
func readSpan(ctx context.Context, c *mongo.Collection, key string, after, through lrs.Instant, limit int, into any) error {
	cursor, err := c.Find(
		ctx, bson.D{{Key: key, Value: bson.D{{Key: "$gt", Value: int64(after)}, {Key: "$lte", Value: int64(through)}}}},
		options.Find().SetSort(bson.D{{Key: key, Value: 1}}).SetLimit(int64(limit)).SetBatchSize(int32(limit)+1),
	)
	if err != nil {
		return err
	}
	return cursor.All(ctx, into)
}
