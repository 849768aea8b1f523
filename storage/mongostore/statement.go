package mongostore

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"acquis/lrs"
)

// statementRecord is a document of statements. It is inserted once; later only voiding, inherited
// terms, Erase and Redact change it, each so that doing it twice does no harm.
type statementRecord struct {
	ID          string   `bson:"_id"`
	Stored      int64    `bson:"s"`
	Epoch       int64    `bson:"e"`
	Terms       []string `bson:"t"`           // own and inherited
	Inherited   []string `bson:"i,omitempty"` // those of Terms that are
	Source      string   `bson:"src"`
	Target      string   `bson:"r,omitempty"` // id of the statement that its object refers to
	Defines     bool     `bson:"d,omitempty"` // it gives definitions that count
	Voids       bool     `bson:"w,omitempty"` // it voids its target, and so can't be voided
	Voided      bool     `bson:"v,omitempty"`
	Link        int64    `bson:"l"` // rises with every change of Inherited, Voided, Bytes
	Revision    uint32   `bson:"rev,omitempty"`
	Attachments []string `bson:"a,omitempty"`
	Bytes       []byte   `bson:"b"` // zstd
}

func newStatementRecord(d *lrs.Draft, stored lrs.Instant, epoch int64) *statementRecord {
	r := &statementRecord{
		ID: d.ID.String(), Stored: int64(stored), Epoch: epoch, Terms: termTexts(d.Terms), Source: d.Source,
		Voids: d.Voids, Defines: len(d.Definitions) > 0, Attachments: d.Attachments, Bytes: compress(d.Seal(stored)),
	}
	if d.Target != uuid.Nil {
		r.Target = d.Target.String()
	}
	return r
}

func (r *statementRecord) entry() (lrs.Entry, error) {
	id, err := uuid.Parse(r.ID)
	if err != nil {
		return lrs.Entry{}, fmt.Errorf("%w: id of the statement stored at %d", errDamaged, r.Stored)
	}
	b, err := decompress(r.Bytes)
	if err != nil {
		return lrs.Entry{}, fmt.Errorf("%w: bytes of statement %s: %w", errDamaged, r.ID, err)
	}
	return lrs.Entry{
		ID: id, Stored: lrs.Instant(r.Stored), Revision: r.Revision, Source: r.Source, Voided: r.Voided,
		Attachments: r.Attachments, Bytes: b,
	}, nil
}

var errDamaged = errors.New("mongostore: a stored value is damaged")

// termText is how a term stands in the index: short, and of a type that every compatible server
// indexes.
func termText(t lrs.Term) string { return base64.RawURLEncoding.EncodeToString(t[:]) }

func termTexts(terms []lrs.Term) []string {
	texts := make([]string, len(terms))
	for i, t := range terms {
		texts[i] = termText(t)
	}
	return texts
}

// codec compresses statements; both directions may be used by many at once.
var codec = sync.OnceValue(func() (c struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
},
) {
	c.encoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest)) // fails on bad options only
	c.decoder, _ = zstd.NewReader(nil)
	return c
})

func compress(b []byte) []byte { return codec().encoder.EncodeAll(b, make([]byte, 0, len(b)/2)) }

func decompress(b []byte) ([]byte, error) { return codec().decoder.DecodeAll(b, nil) }

// StatementByID implements lrs.StatementStore.
func (s *Store) StatementByID(ctx context.Context, id lrs.ID) (lrs.Entry, error) {
	r, err := s.visible(ctx, id.String())
	if err != nil {
		return lrs.Entry{}, err
	}
	return r.entry()
}

// visible reads a statement that is complete. ErrNotFound when there is none.
func (s *Store) visible(ctx context.Context, id string) (*statementRecord, error) {
	r, state, err := s.examine(ctx, id)
	if err != nil {
		return nil, err
	}
	if state != complete {
		return nil, lrs.ErrNotFound
	}
	return r, nil
}

// standing says how far a document of statements counts.
type standing uint8

const (
	absent   standing = iota
	complete          // it is a statement of the store
	underway          // its writer has not finished; it may become complete, or go
	leftover          // its epoch has ended without it: it never counts
)

// examine reads the document of an id and says how far it counts.
func (s *Store) examine(ctx context.Context, id string) (*statementRecord, standing, error) {
	v := s.order.views.latest()
	for renewed := false; ; renewed = true {
		r := new(statementRecord)
		after, end, err := s.causality.follow(ctx)
		if err != nil {
			return nil, absent, unavailable(err)
		}
		err = s.statements.FindOne(after, byID(id)).Decode(r)
		end()
		if errors.Is(err, mongo.ErrNoDocuments) {
			return nil, absent, nil
		}
		if err != nil {
			return nil, absent, unavailable(err)
		}
		visible, doubt := v.sees(r.Epoch, lrs.Instant(r.Stored))
		switch {
		case visible:
			return r, complete, nil
		case !doubt && r.Epoch == v.own, doubt && renewed:
			return r, underway, nil
		case !doubt:
			return r, leftover, nil
		}
		if v, _, err = s.order.views.renew(ctx); err != nil {
			return nil, absent, unavailable(err)
		}
	}
}

// ConsistentThrough implements lrs.StatementStore. It is as recent as the last look at the marks of
// the writers, one heartbeat ago at most.
func (s *Store) ConsistentThrough(context.Context) (lrs.Instant, error) {
	return s.order.through(), nil
}

// byPosition finds the one document that an epoch put under an id, and no other.
func (r *statementRecord) byPosition() bson.D {
	return bson.D{{Key: "_id", Value: r.ID}, {Key: "e", Value: r.Epoch}, {Key: "s", Value: r.Stored}}
}

func parseTerm(text string) (lrs.Term, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != len(lrs.Term{}) {
		return lrs.Term{}, errDamaged
	}
	return lrs.Term(b), nil
}
