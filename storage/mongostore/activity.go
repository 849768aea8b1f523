package mongostore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/lrs"
)

// activityRecord is a canonical definition. What several writers add in any order of arrival must
// end as if it had come in stored order: each addition is kept with its position until nothing can
// come before it any more, and is merged into Base then.
type activityRecord struct {
	ID       string     `bson:"_id"` // the activity's term
	Revision int64      `bson:"rev"`
	Base     []byte     `bson:"base,omitempty"`
	Tail     []addition `bson:"tail"`
}

// addition is a definition that the statement at a position gives.
type addition struct {
	Stored     int64  `bson:"s"`
	Epoch      int64  `bson:"e"`
	Definition []byte `bson:"d"`
}

// knownDefinitions is how many activities' last definitions are remembered, to skip what was merged
// before.
const knownDefinitions = 8192

// definitions remembers what needs no looking up, as long as no process changes any definition.
type definitions struct {
	known *lru.Cache[string, knownDefinition]
}

// knownDefinition is the digest of the definition that was last found to change nothing, and the
// counter of all changes at that time.
type knownDefinition struct {
	digest [sha256.Size]byte
	count  int64
}

func newDefinitions() *definitions {
	known, _ := lru.New[string, knownDefinition](knownDefinitions) // fails on a size below 1 only
	return &definitions{known: known}
}

// define adds the definitions of the round that change something.
func (u *unit) define(ctx context.Context) error {
	given := map[string][]addition{}
	var order []string
	for _, r := range u.records() {
		for _, d := range u.drafts[r].Definitions {
			if given[d.Activity] == nil {
				order = append(order, d.Activity)
			}
			given[d.Activity] = append(given[d.Activity], addition{r.Stored, r.Epoch, d.Definition})
		}
	}
	if len(order) == 0 {
		return nil
	}
	for _, activity := range order {
		if err := u.store.defineOne(ctx, activity, given[activity], u.counters.Definitions); err != nil {
			return err
		}
	}
	return nil
}

// defineOne adds definitions to an activity; count is the counter of changes as read before.
func (s *Store) defineOne(ctx context.Context, activity string, given []addition, count int64) error {
	last := sha256.Sum256(given[len(given)-1].Definition)
	if known, ok := s.definitions.known.Get(activity); ok && known.count == count && sameDigest(given, known.digest) {
		return nil
	}
	for {
		written, err := s.tryDefine(ctx, activity, given)
		if err != nil {
			return err
		}
		switch written {
		case unchanged:
			s.definitions.known.Add(activity, knownDefinition{last, count})
			return nil
		case changed:
			return s.count(ctx, "definitions")
		}
	}
}

func sameDigest(given []addition, digest [sha256.Size]byte) bool {
	return !slices.ContainsFunc(given, func(a addition) bool { return sha256.Sum256(a.Definition) != digest })
}

// outcome is what came of a compare-and-swap.
type outcome uint8

const (
	unchanged outcome = iota
	changed
	overtaken
)

func (s *Store) tryDefine(ctx context.Context, activity string, given []addition) (outcome, error) {
	v, _, err := s.order.views.renew(ctx)
	if err != nil {
		return unchanged, err
	}
	r, err := s.activity(ctx, activity)
	if err != nil {
		return unchanged, err
	}
	next := activityRecord{ID: r.ID, Revision: r.Revision + 1}
	current, open, err := r.settle(v, &next)
	if err != nil {
		return unchanged, err
	}
	added := false
	for _, a := range given {
		merged, err := lrs.MergeDefinition(current, a.Definition)
		if err != nil {
			return unchanged, err
		}
		// While the fate of another addition is open, nobody knows whether this one changes anything.
		if open || !bytes.Equal(merged, current) {
			next.Tail, added = append(next.Tail, a), true
		}
		current = merged
	}
	if !added {
		return unchanged, nil
	}
	return s.swapActivity(ctx, r, &next)
}

func (s *Store) swapActivity(ctx context.Context, r, next *activityRecord) (outcome, error) {
	if r.Revision == 0 {
		_, err := s.activities.InsertOne(ctx, next)
		if isDuplicate(err) {
			return overtaken, nil
		}
		return changed, err
	}
	result, err := s.activities.ReplaceOne(ctx, bson.D{{Key: "_id", Value: r.ID}, {Key: "rev", Value: r.Revision}}, next)
	if err != nil {
		return unchanged, err
	}
	if result.MatchedCount == 0 {
		return overtaken, nil
	}
	return changed, nil
}

// settle merges into next's Base what nothing can precede any more, keeps in its Tail what is newer,
// and drops what never counts. It returns the definition as it is now; open says that it may still
// change by an addition whose writer has not finished.
func (r *activityRecord) settle(v *view, next *activityRecord) (current lrs.RawJSON, open bool, err error) {
	slices.SortFunc(r.Tail, func(a, b addition) int { return int(a.Stored - b.Stored) })
	next.Base = r.Base
	current = r.Base
	for _, a := range r.Tail {
		visible, doubt := v.sees(a.Epoch, lrs.Instant(a.Stored))
		if !visible {
			if doubt || a.Epoch == v.own {
				open = true
				next.Tail = append(next.Tail, a)
			}
			continue
		}
		if current, err = lrs.MergeDefinition(current, a.Definition); err != nil {
			return nil, false, err
		}
		if lrs.Instant(a.Stored) <= v.through {
			next.Base = current
		} else {
			next.Tail = append(next.Tail, a)
		}
	}
	return current, open, nil
}

func (s *Store) activity(ctx context.Context, activity string) (*activityRecord, error) {
	id := termText(lrs.IRITerm(lrs.TermActivity, activity))
	r := new(activityRecord)
	err := s.activities.FindOne(ctx, byID(id)).Decode(r)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return &activityRecord{ID: id}, nil
	}
	return r, err
}

// ActivityDefinition implements lrs.ActivityStore.
func (s *Store) ActivityDefinition(ctx context.Context, activity string) (lrs.RawJSON, error) {
	v := s.order.views.latest()
	for renewed := false; ; renewed = true {
		r, err := s.activity(ctx, activity)
		if err != nil {
			return nil, unavailable(err)
		}
		current, open, err := r.settle(v, &activityRecord{})
		if err != nil || !open || renewed {
			return current, err
		}
		if v, _, err = s.order.views.renew(ctx); err != nil {
			return nil, unavailable(err)
		}
	}
}

// undefine removes the definitions of activities that no other statement than id mentions itself.
func (s *Store) undefine(ctx context.Context, id string, activities []string) error {
	for _, activity := range activities {
		term := termText(lrs.IRITerm(lrs.TermRelatedActivity, activity))
		err := s.statements.FindOne(ctx, bson.D{
			{Key: "t", Value: term},
			{Key: "i", Value: bson.D{{Key: "$ne", Value: term}}},
			{Key: "_id", Value: bson.D{{Key: "$ne", Value: id}}},
		}, options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Err()
		if err == nil {
			continue
		}
		if !errors.Is(err, mongo.ErrNoDocuments) {
			return err
		}
		if _, err := s.activities.DeleteOne(ctx, byID(termText(lrs.IRITerm(lrs.TermActivity, activity)))); err != nil {
			return err
		}
		if err := s.count(ctx, "definitions"); err != nil {
			return err
		}
	}
	return nil
}

// counters tell at the price of one small document that something has not changed or does not exist.
type counters struct {
	Definitions int64 `bson:"definitions"` // changes of canonical definitions
	Erasures    int64 `bson:"erasures"`    // erasures, counted before anything of them is done
	Redactions  int64 `bson:"redactions"`  // likewise
}

func (s *Store) readCounters(ctx context.Context) (c counters, err error) {
	err = s.meta.FindOne(ctx, byID("counters")).Decode(&c)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return counters{}, nil
	}
	return c, err
}

func (s *Store) count(ctx context.Context, what string) error {
	_, err := s.meta.UpdateOne(ctx, byID("counters"),
		bson.D{{Key: "$inc", Value: bson.D{{Key: what, Value: int64(1)}}}}, options.UpdateOne().SetUpsert(true))
	return err
}
