package mongostore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/lrs"
	"acquis/storage"
)

// outcome is what came of a compare-and-swap.
type outcome uint8

const (
	unchanged outcome = iota
	changed
	overtaken
)

var _ lrs.DocumentStore = (*Store)(nil)

// documentRecord is a document of documents. What it belongs to and its id are hashed into ID, Scopes
// and Agent, which are of one short length, whatever clients choose; Place tells a copy what it
// belongs to.
type documentRecord struct {
	ID          string   `bson:"_id"`
	Scopes      []string `bson:"scope"`           // the scope it lies in; for state, also the one of any registration
	Agent       string   `bson:"agent,omitempty"` // whose it is: state and agent profiles
	Place       []byte   `bson:"place"`           // scopeBytes of the scope it lies in
	Name        []byte   `bson:"id"`              // the stateId or profileId; binary, since some servers refuse a NUL in a string
	ContentType string   `bson:"type"`
	Content     []byte   `bson:"content"`
	Updated     int64    `bson:"updated"` // rises with every write of the document
	Revision    int64    `bson:"rev"`     // drawn for every write: a document made anew never passes for its predecessor
}

// maxDocument bounds a document's content, its content type and its id together. MongoDB takes
// documents of 16 MiB; the rest is more than the other fields can need.
const maxDocument = 15 << 20

func documentRecordOf(key lrs.DocumentKey, d lrs.Document) (*documentRecord, error) {
	return keptRecord(storage.KeptDocument{
		Kind: key.Kind, Agent: lrs.IFITerm(lrs.TermAgent, key.Agent.IFI), Activity: lrs.IRITerm(lrs.TermActivity, key.Activity),
		Registration: key.Registration, ID: key.ID, Document: d,
	})
}

func keptRecord(d storage.KeptDocument) (*documentRecord, error) {
	if size := len(d.Content) + len(d.ContentType) + len(d.ID); size > maxDocument {
		return nil, lrs.Errorf(lrs.KindTooLarge,
			"the document has %d bytes, its id and content type included, and this server keeps documents of up to %d bytes: split it over several ids", size, maxDocument)
	}
	place := placeBytes(d, false)
	r := &documentRecord{
		ID: digestText(append(slices.Clone(place), d.ID...)), Scopes: []string{digestText(place)}, Place: place, Name: []byte(d.ID),
		ContentType: d.ContentType, Content: d.Content, Updated: int64(d.Updated), Revision: rand.Int64(),
	}
	if d.Kind == lrs.StateDocument {
		r.Scopes = append(r.Scopes, digestText(placeBytes(d, true)))
	}
	if d.Kind != lrs.ActivityProfileDocument {
		r.Agent = termText(d.Agent)
	}
	return r, nil
}

func (r *documentRecord) document() lrs.Document {
	return lrs.Document{ContentType: r.ContentType, Content: r.Content, Updated: lrs.Instant(r.Updated)}
}

// exactly is the scope that a document itself lies in.
func exactly(scope lrs.DocumentScope) lrs.DocumentScope {
	scope.AnyRegistration = false
	return scope
}

func documentID(key lrs.DocumentKey) string {
	return digestText(append(scopeBytes(exactly(key.DocumentScope)), key.ID...))
}

func scopeID(scope lrs.DocumentScope) string { return digestText(scopeBytes(scope)) }

func agentID(agent lrs.Actor) string { return termText(lrs.IFITerm(lrs.TermAgent, agent.IFI)) }

func digestText(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func scopeBytes(scope lrs.DocumentScope) []byte {
	return placeBytes(storage.KeptDocument{
		Kind: scope.Kind, Agent: lrs.IFITerm(lrs.TermAgent, scope.Agent.IFI), Activity: lrs.IRITerm(lrs.TermActivity, scope.Activity),
		Registration: scope.Registration,
	}, scope.AnyRegistration)
}

// placeBytes spells the fields of a scope that count. All scopes of a kind, with or without
// AnyRegistration, are of one length, so that no two of them and no id behind them can be confused.
func placeBytes(d storage.KeptDocument, anyRegistration bool) []byte {
	b := []byte{byte(d.Kind)}
	switch {
	case d.Kind == lrs.AgentProfileDocument:
		return append(b, d.Agent[:]...)
	case d.Kind == lrs.ActivityProfileDocument:
		return append(b, d.Activity[:]...)
	}
	b = append(append(b, d.Agent[:]...), d.Activity[:]...)
	if anyRegistration {
		return append(b, '*')
	}
	return append(append(b, '='), d.Registration[:]...)
}

// Document implements lrs.DocumentStore.
func (s *Store) Document(ctx context.Context, key lrs.DocumentKey) (lrs.Document, error) {
	r, err := s.document(ctx, documentID(key))
	if err != nil {
		return lrs.Document{}, unavailable(err)
	}
	if r == nil {
		return lrs.Document{}, lrs.ErrNotFound
	}
	return r.document(), nil
}

// document reads a document, nil when there is none.
func (s *Store) document(ctx context.Context, id string) (*documentRecord, error) {
	r := new(documentRecord)
	err := s.documents.FindOne(ctx, byID(id)).Decode(r)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	return r, err
}

// errContended says that others wrote a document again and again in between.
var errContended = lrs.Errorf(lrs.KindUnavailable, "others write this document all the time; nothing was changed: send the request again later")

// UpdateDocument implements lrs.DocumentStore.
func (s *Store) UpdateDocument(ctx context.Context, key lrs.DocumentKey, change func(*lrs.Document) (lrs.Document, error)) error {
	return s.swapDocument(ctx, documentID(key), func(current *documentRecord) (outcome, error) {
		next, err := changedDocument(key, current, lrs.InstantOf(s.now()), change)
		if err != nil {
			return unchanged, err
		}
		if current == nil {
			_, err := s.documents.InsertOne(ctx, next)
			if isDuplicate(err) {
				return overtaken, nil
			}
			return changed, unavailable(err)
		}
		result, err := s.documents.ReplaceOne(ctx, current.asRead(), next)
		if err != nil {
			return unchanged, unavailable(err)
		}
		return swapped(result.MatchedCount), nil
	})
}

// changedDocument is what change makes of the current document, nil for none, at the present time.
func changedDocument(key lrs.DocumentKey, current *documentRecord, present lrs.Instant, change func(*lrs.Document) (lrs.Document, error)) (*documentRecord, error) {
	var before *lrs.Document
	if current != nil {
		d := current.document()
		before, present = &d, max(present, d.Updated+1)
	}
	after, err := change(before)
	if err != nil {
		return nil, err
	}
	after.Updated = present
	return documentRecordOf(key, after)
}

// DeleteDocument implements lrs.DocumentStore.
func (s *Store) DeleteDocument(ctx context.Context, key lrs.DocumentKey, p lrs.Precondition) error {
	return s.swapDocument(ctx, documentID(key), func(current *documentRecord) (outcome, error) {
		if current == nil {
			if !p.Holds(nil) {
				return unchanged, lrs.ErrPrecondition
			}
			return unchanged, nil
		}
		if d := current.document(); !p.Holds(&d) {
			return unchanged, lrs.ErrPrecondition
		}
		result, err := s.documents.DeleteOne(ctx, current.asRead())
		if err != nil {
			return unchanged, unavailable(err)
		}
		return swapped(result.DeletedCount), nil
	})
}

// asRead finds the document as long as nobody has written it since.
func (r *documentRecord) asRead() bson.D {
	return bson.D{{Key: "_id", Value: r.ID}, {Key: "rev", Value: r.Revision}}
}

func swapped(matched int64) outcome {
	if matched == 0 {
		return overtaken
	}
	return changed
}

// swapDocument reads a document and has it written on the condition that it is as it was read, until
// that succeeds. Between the attempts it waits a random while, longer and longer, so that of many
// writers each gets its turn.
func (s *Store) swapDocument(ctx context.Context, id string, attempt func(current *documentRecord) (outcome, error)) error {
	start := time.Now()
	for limit := time.Millisecond; ; limit = min(2*limit, longestPause) {
		current, err := s.document(ctx, id)
		if err != nil {
			return unavailable(err)
		}
		came, err := attempt(current)
		if err != nil || came != overtaken {
			return err
		}
		if time.Since(start) > s.options.Patience {
			return errContended
		}
		wait(ctx, rand.N(limit))
	}
}

const longestPause = 64 * time.Millisecond

// DocumentIDs implements lrs.DocumentStore.
func (s *Store) DocumentIDs(ctx context.Context, scope lrs.DocumentScope, since lrs.Instant) (lrs.DocumentList, error) {
	cursor, err := s.documents.Find(
		ctx,
		append(inScope(scope), bson.E{Key: "updated", Value: bson.D{{Key: "$gt", Value: int64(since)}}}),
		options.Find().SetProjection(bson.D{{Key: "_id", Value: 0}, {Key: "id", Value: 1}, {Key: "updated", Value: 1}}),
	)
	if err != nil {
		return lrs.DocumentList{}, unavailable(err)
	}
	var found []documentRecord
	if err := cursor.All(ctx, &found); err != nil {
		return lrs.DocumentList{}, unavailable(err)
	}
	var list lrs.DocumentList
	for _, r := range found {
		list.IDs = append(list.IDs, string(r.Name))
		list.Updated = max(list.Updated, lrs.Instant(r.Updated))
	}
	slices.Sort(list.IDs)
	list.IDs = slices.Compact(list.IDs)
	return list, nil
}

// inScope finds the documents of a scope.
func inScope(scope lrs.DocumentScope) bson.D {
	return bson.D{{Key: "scope", Value: scopeID(scope)}}
}

// DeleteDocuments implements lrs.DocumentStore.
func (s *Store) DeleteDocuments(ctx context.Context, scope lrs.DocumentScope) error {
	_, err := s.documents.DeleteMany(ctx, inScope(scope))
	return unavailable(err)
}

// EraseAgentDocuments implements lrs.Eraser.
func (s *Store) EraseAgentDocuments(ctx context.Context, agent lrs.Actor) (int, error) {
	result, err := s.documents.DeleteMany(ctx, bson.D{{Key: "agent", Value: agentID(agent)}})
	if err != nil {
		return 0, unavailable(err)
	}
	return int(result.DeletedCount), nil
}
