package accessstore

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"acquis/access"
	"acquis/docstore"
	"acquis/lrs"
)

// entryWrite appends an entry. Its id begins with its time, so that entries of the same actor or
// target follow each other in time.
func entryWrite(e access.Entry) (docstore.Write, error) {
	at := docstore.Number(lrs.InstantOf(e.Time))
	e.ID = at + "-" + uuid.NewString()[:13]
	bytes, err := json.Marshal(e)
	keys := append(keyed("actor", e.Actor), keyed("target", e.Target)...)
	return docstore.Write{
		Collection: audit.Name, ID: e.ID, Bytes: bytes, Keys: append(keys, docstore.IndexKey{Index: "at", Key: at}),
	}, err
}

// entriesAtOnce is how many entries are written together.
const entriesAtOnce = 200

// AppendAudit implements access.Store.
func (s *Store) AppendAudit(ctx context.Context, entries ...access.Entry) error {
	for some := range slices.Chunk(entries, entriesAtOnce) {
		writes := make([]docstore.Write, len(some))
		for i, e := range some {
			var err error
			if writes[i], err = entryWrite(e); err != nil {
				return err
			}
		}
		if _, err := s.backend.ApplyDocs(ctx, docstore.Group{Partition: house, Writes: writes}); err != nil {
			return err
		}
	}
	return nil
}

// auditScans is how many pages of an index one page of entries may cost.
const auditScans = 20

// Audit implements access.Store.
func (s *Store) Audit(ctx context.Context, q access.AuditQuery) (access.AuditPage, error) {
	scan := auditScan(q)
	page := access.AuditPage{Entries: []access.Entry{}, Next: q.After}
	for range auditScans {
		scan.After, scan.Limit = page.Next, q.Limit-len(page.Entries)
		found, err := s.backend.ScanDocs(ctx, scan)
		if err != nil {
			return access.AuditPage{}, err
		}
		for _, e := range found.Entries {
			var entry access.Entry
			if err := json.Unmarshal(e.Doc.Bytes, &entry); err != nil {
				return access.AuditPage{}, err
			}
			if answers(entry, q) {
				page.Entries = append(page.Entries, entry)
			}
		}
		page.Next = found.Next
		if page.Next == "" || len(page.Entries) >= q.Limit {
			break
		}
	}
	return page, nil
}

// auditScan picks the index that narrows a query down the most.
func auditScan(q access.AuditQuery) docstore.Scan {
	scan := docstore.Scan{Collection: audit.Name, Descending: true}
	equal := func(index, text string) docstore.Scan {
		scan.Index, scan.From, scan.Until = index, cut(text), cut(text)+"\x01"
		return scan
	}
	switch {
	case q.Target != "":
		return equal("target", q.Target)
	case q.Actor != "":
		return equal("actor", q.Actor)
	}
	scan.Index = "at"
	if !q.Since.IsZero() {
		scan.From = docstore.Number(lrs.InstantOf(q.Since))
	}
	if !q.Until.IsZero() {
		scan.Until = docstore.Number(lrs.InstantOf(q.Until))
	}
	return scan
}

func answers(e access.Entry, q access.AuditQuery) bool {
	return (q.Actor == "" || e.Actor == q.Actor) && (q.Target == "" || e.Target == q.Target) &&
		(q.Action == "" || e.Action == q.Action) && (q.Outcome == "" || e.Outcome == q.Outcome) &&
		(q.Since.IsZero() || !e.Time.Before(q.Since)) && (q.Until.IsZero() || e.Time.Before(q.Until))
}
