package mongostore

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// probe makes sure, on documents of its own, that the server does what the store's correctness rests
// on, and finds out what it can do besides: servers that speak MongoDB's protocol differ, and their version
// numbers say nothing about it.
func (s *Store) probe(ctx context.Context) error {
	mark := "probe/" + uuid.NewString()
	ids := []any{byID(mark + "/0"), byID(mark + "/1"), byID(mark + "/2")}
	defer s.meta.DeleteMany(context.WithoutCancel(ctx), bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: bson.A{mark + "/0", mark + "/1", mark + "/2"}}}}})
	if _, err := s.meta.InsertOne(ctx, ids[1]); err != nil {
		return startError(err)
	}
	_, err := s.meta.InsertMany(ctx, ids, options.InsertMany().SetOrdered(false))
	bulk, ok := asBulk(err)
	if !ok || len(bulk.WriteErrors) != 1 || bulk.WriteErrors[0].Index != 1 || bulk.WriteErrors[0].Code != codeDuplicate {
		return unfit("an unordered insert must name the one document whose id is taken, by code 11000 and its index", err)
	}
	swap := bson.D{{Key: "$set", Value: bson.D{{Key: "count", Value: int64(1)}}}}
	for _, expected := range []int64{1, 0} {
		result, err := s.meta.UpdateOne(ctx, bson.D{{Key: "_id", Value: mark + "/2"}, {Key: "count", Value: nil}}, swap)
		if err != nil {
			return startError(err)
		}
		if result.MatchedCount != expected {
			return unfit(fmt.Sprintf("a compare-and-swap must match %d documents", expected), fmt.Errorf("it matched %d", result.MatchedCount))
		}
	}
	filter := bson.D{{Key: "_id", Value: mark + "/1"}, {Key: "$expr", Value: bson.D{{Key: "$setIsSubset", Value: bson.A{bson.A{}, bson.A{}}}}}}
	found, err := s.meta.CountDocuments(ctx, filter)
	s.expressions = err == nil && found == 1
	return nil
}

func unfit(what string, err error) error {
	return fmt.Errorf("this database server cannot hold the record store: %s (%v); use MongoDB 4.4 or later", what, err)
}
