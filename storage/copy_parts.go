package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"

	"acquis/docstore"
	"acquis/lrs"
)

// part is one kind of thing that makes up a store.
type part struct {
	name string
	list func(context.Context, Copyable) iter.Seq2[item, error]
}

// parts are what two stores must have alike when one is a copy of the other: what any reader can
// see, and what he can't but would miss.
func parts(collections []docstore.Collection) []part {
	all := []part{
		{"log", logItems},
		{"inherited terms", items(Copyable.ExportInherited, inheritedItem)},
		{"erased ids", items(Copyable.ExportTombstones, tombstoneItem)},
		{"definitions", items(Copyable.ExportDefinitions, definitionItem)},
		{"attachments", attachmentItems},
		{"documents", items(Copyable.ExportDocuments, documentItem)},
		{"keys", items(Copyable.ExportKeys, keyItem)},
	}
	for _, c := range collections {
		all = append(all, part{"collection " + c.Name, docItems(c.Name)})
	}
	return all
}

func items[T any](list func(Copyable, context.Context) iter.Seq2[T, error], of func(T) item) func(context.Context, Copyable) iter.Seq2[item, error] {
	return func(ctx context.Context, s Copyable) iter.Seq2[item, error] {
		return func(yield func(item, error) bool) {
			for thing, err := range list(s, ctx) {
				if !yield(of(thing), err) || err != nil {
					return
				}
			}
		}
	}
}

// logPage is how many entries of the log are read and imported at a time.
const logPage = 500

// logPages reads the log from a position on.
func logPages(ctx context.Context, log lrs.Log, after lrs.Instant) iter.Seq2[[]lrs.LogEntry, error] {
	return func(yield func([]lrs.LogEntry, error) bool) {
		for {
			page, err := log.ReadLog(ctx, after, logPage)
			if err != nil || len(page) == 0 {
				if err != nil {
					yield(nil, err)
				}
				return
			}
			if !yield(page, nil) {
				return
			}
			after = page[len(page)-1].Position
		}
	}
}

func logItems(ctx context.Context, s Copyable) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for page, err := range logPages(ctx, s, 0) {
			if err != nil {
				yield(item{}, err)
				return
			}
			for _, e := range page {
				if !yield(logItem(e), nil) {
					return
				}
			}
		}
	}
}

func logItem(e lrs.LogEntry) item {
	fields := [][]byte{
		number(e.Kind), number(e.Target), e.Entry.ID[:], number(e.Entry.Revision), []byte(e.Entry.Source),
		boolean(e.Entry.Voided), e.Entry.Bytes,
	}
	for _, sha2 := range e.Entry.Attachments {
		fields = append(fields, []byte(sha2))
	}
	return newItem(e.Position.String(), fields...)
}

func inheritedItem(i InheritedTerms) item {
	var fields [][]byte
	for _, t := range i.Terms {
		fields = append(fields, t[:])
	}
	return newItem(i.Stored.String(), fields...)
}

func tombstoneItem(t Tombstone) item { return newItem(hex.EncodeToString(t[:])) }

func definitionItem(d CanonicalDefinition) item {
	return newItem(hex.EncodeToString(d.Activity[:]), d.Definition)
}

func documentItem(d KeptDocument) item {
	name := fmt.Sprintf("kind %d, agent %x, activity %x, registration %s, id %q", d.Kind, d.Agent, d.Activity, d.Registration, d.ID)
	return newItem(name, []byte(d.ContentType), d.Content, number(d.Updated))
}

func keyItem(k NamedKey) item { return newItem(k.Name, k.Key) }

// attachmentItems reads every attachment to its end.
func attachmentItems(ctx context.Context, s Copyable) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for sha2, err := range s.ExportAttachments(ctx) {
			var sum []byte
			if err == nil {
				sum, err = contentSum(ctx, s, sha2)
			}
			if !yield(newItem(sha2, sum), err) || err != nil {
				return
			}
		}
	}
}

func contentSum(ctx context.Context, s lrs.AttachmentStore, sha2 string) (sum []byte, err error) {
	content, _, err := s.OpenAttachment(ctx, sha2)
	if err != nil {
		return nil, fmt.Errorf("attachment %s: %w", sha2, err)
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	h := sha256.New()
	if _, err := io.Copy(h, content); err != nil {
		return nil, fmt.Errorf("attachment %s: %w", sha2, err)
	}
	return h.Sum(nil), ctx.Err()
}

// docItems lists the documents of a collection. Their revisions are each store's own; what they have
// in common is their order.
func docItems(collection string) func(context.Context, Copyable) iter.Seq2[item, error] {
	return func(ctx context.Context, s Copyable) iter.Seq2[item, error] {
		return func(yield func(item, error) bool) {
			place := 0
			for page, err := range docPages(ctx, s, collection) {
				if err != nil {
					yield(item{}, err)
					return
				}
				for _, d := range page {
					place++
					if !yield(docItem(d, place), nil) {
						return
					}
				}
			}
		}
	}
}

func docItem(d docstore.Doc, place int) item {
	fields := [][]byte{d.Bytes, number(place)}
	for _, k := range d.Keys {
		fields = append(fields, []byte(k.Index), []byte(k.Key))
	}
	return newItem(fmt.Sprintf("%q, %q", d.Partition, d.ID), fields...)
}

// docPages reads the documents of a collection in the order of their last changes, without those
// that were deleted.
func docPages(ctx context.Context, s Copyable, collection string) iter.Seq2[[]docstore.Doc, error] {
	return func(yield func([]docstore.Doc, error) bool) {
		for after := lrs.Instant(0); ; {
			changes, err := s.ReadChanges(ctx, collection, after, docPage)
			if err != nil {
				yield(nil, err)
			}
			if err != nil || len(changes) == 0 {
				return
			}
			var page []docstore.Doc
			for _, c := range changes {
				if !c.Deleted {
					page = append(page, c.Doc)
				}
				after = c.Doc.Revision
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

// docPage is how many documents of the hub are read at a time.
const docPage = 100
