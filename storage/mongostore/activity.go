package mongostore

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/lrs"
)

// activityRecord is a canonical definition. What several writers add must end as if it had come in
// stored order, and what changes nothing must cost nothing. So a writer whose definition changes
// something, or who finds that another's does, only notes from which position on statements have to be
// read; when nothing can come before the last of them any more, they are merged into Base, in order.
type activityRecord struct {
	ID       string `bson:"_id"`           // the activity's term
	IRI      string `bson:"iri,omitempty"` // the activity, once something was noted
	Revision int64  `bson:"rev"`
	Base     []byte `bson:"base,omitempty"`
	// From is the lowest position whose statement may change Base, 0 when none does.
	From    int64 `bson:"from,omitempty"`
	Touched int64 `bson:"touched,omitempty"` // the writer's clock when that was last noted
	// Redacted are definitions that redactions gave: those of statements stored long before.
	Redacted []addition `bson:"redacted,omitempty"`
}

// addition is a definition that counts as given at a position.
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

// define notes the definitions of the round that may change something.
func (u *unit) define(ctx context.Context) error {
	given := map[string][]addition{}
	for _, r := range u.records() {
		for _, d := range u.drafts[r].Definitions {
			given[d.Activity] = append(given[d.Activity], addition{r.Stored, r.Epoch, d.Definition})
		}
	}
	s := u.store
	for activity, definitions := range given {
		if known, ok := s.definitions.known.Get(activity); ok && known.count == u.counters.Definitions && sameDigest(definitions, known.digest) {
			delete(given, activity)
		}
	}
	records, err := s.activitiesOf(ctx, slices.Collect(maps.Keys(given)))
	if err != nil {
		return err
	}
	for activity, definitions := range given {
		if err := s.note(ctx, activity, records[activity], definitions, u.counters.Definitions); err != nil {
			return err
		}
	}
	return nil
}

func sameDigest(given []addition, digest [sha256.Size]byte) bool {
	return !slices.ContainsFunc(given, func(a addition) bool { return sha256.Sum256(a.Definition) != digest })
}

// note writes down that definitions given to an activity change it, or may; count is the counter of
// changes as read before r was.
func (s *Store) note(ctx context.Context, activity string, r *activityRecord, given []addition, count int64) error {
	for {
		changes, err := r.changedBy(given)
		if err != nil {
			return err
		}
		if !changes {
			s.definitions.known.Add(activity, knownDefinition{sha256.Sum256(given[len(given)-1].Definition), count})
			return nil
		}
		if r, err = s.settled(ctx, r); err != nil {
			return err
		}
		if r.From == 0 && r.IRI != "" {
			if changes, err = r.changedBy(given); err != nil || !changes {
				return err
			}
		}
		next, lowest, now := *r, given[0].Stored, int64(s.order.present())
		if r.From != 0 && r.From <= lowest && now-r.Touched < int64(touchEvery/time.Microsecond) {
			return nil
		}
		next.Revision++
		next.IRI = activity
		if next.Touched = max(r.Touched, now); r.From == 0 || lowest < r.From {
			next.From = lowest
		}
		swapped, err := s.swapActivity(ctx, r, &next)
		if err != nil {
			return err
		}
		if swapped && r.From == 0 {
			return s.count(ctx, "definitions")
		}
		if swapped {
			return nil
		}
		if r, err = s.activity(ctx, activity); err != nil {
			return err
		}
	}
}

// touchEvery is how old a note may be for another writer to rely on it.
const touchEvery = time.Second

// changedBy reports whether definitions change what is settled, or whether that is open.
func (r *activityRecord) changedBy(given []addition) (bool, error) {
	if !r.isSettled() {
		return true, nil
	}
	for _, a := range given {
		merged, err := lrs.MergeDefinition(r.Base, a.Definition)
		if err != nil || !bytes.Equal(merged, r.Base) {
			return true, err
		}
	}
	return false, nil
}

// isSettled reports whether Base is the definition.
func (r *activityRecord) isSettled() bool { return r.From == 0 && len(r.Redacted) == 0 }

// settled merges into the record what nothing can come before any more, when it is time for that: all
// writers that relied on the last note have taken their positions by then, however far their clocks
// are apart, and Consistent-Through has passed these.
func (s *Store) settled(ctx context.Context, r *activityRecord) (*activityRecord, error) {
	v := s.order.views.latest()
	margin := lrs.Instant((2*s.options.Skew + touchEvery + time.Second) / time.Microsecond)
	if r.isSettled() || v.through < lrs.Instant(r.Touched)+margin {
		return r, nil
	}
	merged, rest, err := s.merge(ctx, v, r, v.through)
	if err != nil {
		return nil, err
	}
	next := &activityRecord{ID: r.ID, IRI: r.IRI, Revision: r.Revision + 1, Base: merged, Redacted: rest}
	swapped, err := s.swapActivity(ctx, r, next)
	if err != nil || swapped {
		return next, err
	}
	return s.activity(ctx, r.IRI)
}

// merge lays over Base, in order, the definitions of the statements from From on, up to a position, and
// those of redactions; rest are redactions behind it.
func (s *Store) merge(ctx context.Context, v *view, r *activityRecord, through lrs.Instant) (merged lrs.RawJSON, rest []addition, err error) {
	var given []addition
	for _, a := range r.Redacted {
		switch visible, doubt := v.sees(a.Epoch, lrs.Instant(a.Stored)); {
		case visible && lrs.Instant(a.Stored) <= through:
			given = append(given, a)
		case visible, doubt, a.Epoch == v.own:
			rest = append(rest, a)
		}
	}
	if r.From != 0 {
		stated, err := s.stated(ctx, v, r.IRI, lrs.Instant(r.From), through)
		if err != nil {
			return nil, nil, err
		}
		given = append(given, stated...)
	}
	slices.SortStableFunc(given, func(a, b addition) int { return cmp.Compare(a.Stored, b.Stored) })
	merged = r.Base
	for _, a := range given {
		if merged, err = lrs.MergeDefinition(merged, a.Definition); err != nil {
			return nil, nil, err
		}
	}
	return merged, rest, nil
}

// stated reads the definitions that visible statements give to the activity.
func (s *Store) stated(ctx context.Context, v *view, activity string, from, through lrs.Instant) ([]addition, error) {
	cursor, err := s.statements.Find(
		ctx, bson.D{
			{Key: "t", Value: termText(lrs.IRITerm(lrs.TermRelatedActivity, activity))},
			{Key: "s", Value: bson.D{{Key: "$gte", Value: int64(from)}, {Key: "$lte", Value: int64(through)}}},
			{Key: "d", Value: true},
		},
		options.Find().SetSort(bson.D{{Key: "s", Value: 1}}).SetHint(termIndex),
	)
	if err != nil {
		return nil, err
	}
	defer cursor.Close(ctx)
	var given []addition
	for cursor.Next(ctx) {
		var r statementRecord
		if err := cursor.Decode(&r); err != nil {
			return nil, err
		}
		if visible, _ := v.sees(r.Epoch, lrs.Instant(r.Stored)); !visible {
			continue
		}
		entry, err := r.entry()
		if err != nil {
			return nil, err
		}
		statement, err := lrs.DecodeStored(entry.Bytes)
		if err != nil {
			return nil, err
		}
		for _, d := range lrs.DefinitionsOf(statement) {
			if d.Activity == activity {
				given = append(given, addition{r.Stored, r.Epoch, bytes.Clone(d.Definition)})
			}
		}
	}
	return given, cursor.Err()
}

func (s *Store) swapActivity(ctx context.Context, r, next *activityRecord) (bool, error) {
	if r.Revision == 0 {
		_, err := s.activities.InsertOne(ctx, next)
		if isDuplicate(err) {
			return false, nil
		}
		return err == nil, err
	}
	result, err := s.activities.ReplaceOne(ctx, bson.D{{Key: "_id", Value: r.ID}, {Key: "rev", Value: r.Revision}}, next)
	if err != nil {
		return false, err
	}
	return result.MatchedCount == 1, nil
}

func (s *Store) activity(ctx context.Context, activity string) (*activityRecord, error) {
	records, err := s.activitiesOf(ctx, []string{activity})
	return records[activity], err
}

// activitiesOf reads the records of activities, an empty one for each that has none.
func (s *Store) activitiesOf(ctx context.Context, activities []string) (map[string]*activityRecord, error) {
	if len(activities) == 0 {
		return nil, nil
	}
	records, ids := make(map[string]*activityRecord, len(activities)), make([]string, len(activities))
	byTerm := make(map[string]*activityRecord, len(activities))
	for i, activity := range activities {
		ids[i] = termText(lrs.IRITerm(lrs.TermActivity, activity))
		records[activity] = &activityRecord{ID: ids[i]}
		byTerm[ids[i]] = records[activity]
	}
	cursor, err := s.activities.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}})
	if err != nil {
		return records, err
	}
	var found []activityRecord
	if err := cursor.All(ctx, &found); err != nil {
		return records, err
	}
	for _, r := range found {
		*byTerm[r.ID] = r
	}
	return records, nil
}

// ActivityDefinition implements lrs.ActivityStore.
func (s *Store) ActivityDefinition(ctx context.Context, activity string) (lrs.RawJSON, error) {
	definition, err := s.definitionOf(ctx, activity)
	return definition, unavailable(err)
}

func (s *Store) definitionOf(ctx context.Context, activity string) (lrs.RawJSON, error) {
	r, err := s.activity(ctx, activity)
	if err != nil || r.isSettled() {
		return r.Base, err
	}
	if r, err = s.settled(ctx, r); err != nil {
		return nil, err
	}
	v, _, err := s.order.views.renew(ctx) // before the statements are read
	if err != nil {
		return nil, err
	}
	after, end, err := s.causality.follow(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	merged, _, err := s.merge(after, v, r, lrs.MaxInstant)
	return merged, err
}

// redefine keeps the definitions of a redaction, which count as given at its place in the log.
func (s *Store) redefine(ctx context.Context, activity string, given addition) error {
	for {
		r, err := s.activity(ctx, activity)
		if err != nil {
			return err
		}
		next := *r
		next.Revision++
		next.IRI, next.Touched = activity, max(r.Touched, int64(s.order.present()))
		next.Redacted = append(slices.Clone(r.Redacted), given)
		swapped, err := s.swapActivity(ctx, r, &next)
		if err != nil {
			return err
		}
		if swapped {
			return s.count(ctx, "definitions")
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
