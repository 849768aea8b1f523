package mongostore

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"iter"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/lrs"
	"acquis/storage"
)

// export lists what is made of the documents of a collection; ok is false for those that don't count.
func export[R, T any](ctx context.Context, c *mongo.Collection, fields bson.D, read func(R) (thing T, ok bool, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := func() (err error) {
			cursor, err := c.Find(ctx, bson.D{}, options.Find().SetProjection(fields))
			if err != nil {
				return unavailable(err)
			}
			defer func() { err = errors.Join(err, cursor.Close(ctx)) }()
			for cursor.Next(ctx) {
				var record R
				if err := cursor.Decode(&record); err != nil {
					return err
				}
				thing, ok, err := read(record)
				if err != nil {
					return err
				}
				if ok && !yield(thing, nil) {
					return nil
				}
			}
			return unavailable(cursor.Err())
		}()
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}

// ExportKeys implements storage.Exporter.
func (s *Store) ExportKeys(ctx context.Context) iter.Seq2[storage.NamedKey, error] {
	fields := bson.D{{Key: "value", Value: 1}}
	return export(ctx, s.meta, fields, func(r metaRecord) (storage.NamedKey, bool, error) {
		name, ok := strings.CutPrefix(r.Name, "key/")
		return storage.NamedKey{Name: name, Key: r.Value}, ok, nil
	})
}

// ExportAttachments implements storage.Exporter.
func (s *Store) ExportAttachments(ctx context.Context) iter.Seq2[string, error] {
	fields := bson.D{{Key: "_id", Value: 1}}
	return export(ctx, s.attachments, fields, func(r attachmentRecord) (string, bool, error) { return r.SHA2, true, nil })
}

// ExportTombstones implements storage.Exporter.
func (s *Store) ExportTombstones(ctx context.Context) iter.Seq2[storage.Tombstone, error] {
	return export(ctx, s.tombstones, bson.D{}, func(r struct {
		ID string `bson:"_id"`
	},
	) (t storage.Tombstone, ok bool, err error) {
		b, err := base64.RawURLEncoding.DecodeString(r.ID)
		if err != nil || len(b) != len(t) {
			return t, false, errDamaged
		}
		return storage.Tombstone(b), true, nil
	})
}

// ExportDefinitions implements storage.Exporter.
func (s *Store) ExportDefinitions(ctx context.Context) iter.Seq2[storage.CanonicalDefinition, error] {
	return seeing(ctx, s, func(v *view) iter.Seq2[storage.CanonicalDefinition, error] {
		return export(ctx, s.activities, bson.D{}, func(r activityRecord) (d storage.CanonicalDefinition, ok bool, err error) {
			if d.Activity, err = parseTerm(r.ID); err != nil {
				return d, false, err
			}
			d.Definition, _, err = s.merge(ctx, v, &r, lrs.MaxInstant)
			return d, d.Definition != nil, err
		})
	})
}

// ExportInherited implements storage.Exporter.
func (s *Store) ExportInherited(ctx context.Context) iter.Seq2[storage.InheritedTerms, error] {
	fields := bson.D{{Key: "s", Value: 1}, {Key: "e", Value: 1}, {Key: "i", Value: 1}}
	return seeing(ctx, s, func(v *view) iter.Seq2[storage.InheritedTerms, error] {
		return export(ctx, s.statements, fields, func(r statementRecord) (storage.InheritedTerms, bool, error) {
			i := storage.InheritedTerms{Stored: lrs.Instant(r.Stored)}
			for _, text := range r.Inherited {
				t, err := parseTerm(text)
				if err != nil {
					return i, false, err
				}
				i.Terms = append(i.Terms, t)
			}
			slices.SortFunc(i.Terms, func(a, b lrs.Term) int { return bytes.Compare(a[:], b[:]) })
			visible, _ := v.sees(r.Epoch, i.Stored)
			return i, visible && len(i.Terms) > 0, nil
		})
	})
}

// seeing takes a view before what it judges is listed.
func seeing[T any](ctx context.Context, s *Store, list func(*view) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		v, _, err := s.order.views.renew(ctx)
		if err != nil {
			var none T
			yield(none, unavailable(err))
			return
		}
		list(v)(yield)
	}
}

// ExportDocuments implements storage.Exporter.
func (s *Store) ExportDocuments(ctx context.Context) iter.Seq2[storage.KeptDocument, error] {
	return export(ctx, s.documents, bson.D{}, func(r documentRecord) (storage.KeptDocument, bool, error) {
		d, err := keptAt(r.Place)
		d.ID, d.Document = string(r.Name), r.document()
		return d, true, err
	})
}

// keptAt reads what placeBytes wrote of the scope that a document itself lies in.
func keptAt(place []byte) (d storage.KeptDocument, err error) {
	if len(place) == 0 {
		return d, errDamaged
	}
	d.Kind = lrs.DocumentKind(place[0])
	place = place[1:]
	take := func(into []byte) {
		if len(place) < len(into) {
			err = errDamaged
			return
		}
		place = place[copy(into, place):]
	}
	if d.Kind != lrs.ActivityProfileDocument {
		take(d.Agent[:])
	}
	if d.Kind != lrs.AgentProfileDocument {
		take(d.Activity[:])
	}
	if d.Kind == lrs.StateDocument {
		take(make([]byte, len("=")))
		take(d.Registration[:])
	}
	return d, err
}

// ExportCollections implements storage.Exporter.
func (s *Store) ExportCollections(ctx context.Context) ([]string, error) {
	all, err := s.db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return nil, unavailable(err)
	}
	var names []string
	for _, full := range all {
		name, ours := strings.CutPrefix(full, s.docs("").Name())
		if !ours || strings.Contains(name, ".") {
			continue
		}
		held, err := holdsAny(ctx, s.docs(name))
		if err != nil {
			return nil, unavailable(err)
		}
		if held {
			names = append(names, name)
		}
	}
	return names, nil
}
