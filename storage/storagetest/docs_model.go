package storagetest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"acquis/lrs"
	"acquis/storage"
)

// hubDocs are the Model's documents of the hub, and what was deleted, by name.
type hubDocs struct {
	catalogue storage.Catalogue
	changes   map[storage.DocKey]storage.DocChange
}

// DeclareCollections makes collections known.
func (m *Model) DeclareCollections(_ context.Context, collections ...storage.Collection) error {
	return m.hub.catalogue.Declare(collections...)
}

// GetDoc returns a document.
func (m *Model) GetDoc(ctx context.Context, key storage.DocKey) (storage.Doc, error) {
	if err := m.hub.catalogue.JudgeKey(key); err != nil {
		return storage.Doc{}, err
	}
	leave, err := m.enter(ctx)
	if err != nil {
		return storage.Doc{}, err
	}
	defer leave()
	c, known := m.hub.changes[key]
	if !known || c.Deleted {
		return storage.Doc{}, lrs.ErrNotFound
	}
	return c.Doc, nil
}

// ApplyDocs carries out a group.
func (m *Model) ApplyDocs(ctx context.Context, group storage.DocGroup) ([]lrs.Instant, error) {
	if err := m.hub.catalogue.JudgeGroup(group); err != nil {
		return nil, err
	}
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	for _, w := range group.Writes {
		found := m.hub.changes[group.Key(w)]
		if found.Deleted {
			found.Doc.Revision = 0
		}
		if err := group.Expect(w, found.Doc.Revision); err != nil {
			return nil, err
		}
	}
	var revisions []lrs.Instant
	for _, w := range group.Writes {
		d := storage.Doc{DocKey: group.Key(w), Revision: m.tick(), Keys: slices.Clone(w.Keys), Bytes: slices.Clone(w.Bytes)}
		m.hub.changes[d.DocKey] = storage.DocChange{Doc: d, Deleted: w.Deleted}
		revisions = append(revisions, d.Revision)
	}
	return revisions, nil
}

// modelEntry is an entry with what it is ordered by.
type modelEntry struct {
	entry storage.DocEntry
	order []string
}

// ScanDocs looks at every document and sorts.
func (m *Model) ScanDocs(ctx context.Context, scan storage.DocScan) (storage.DocPage, error) {
	if err := m.hub.catalogue.JudgeScan(scan); err != nil {
		return storage.DocPage{}, err
	}
	leave, err := m.enter(ctx)
	if err != nil {
		return storage.DocPage{}, err
	}
	defer leave()
	var after []string
	if scan.After != "" {
		if err := json.Unmarshal([]byte(scan.After), &after); err != nil {
			return storage.DocPage{}, err
		}
	}
	var page storage.DocPage
	entries := m.docEntries(scan)
	for i, e := range entries {
		if order := slices.Compare(e.order, after); after != nil && (order == 0 || (order < 0) != scan.Descending) {
			continue
		}
		page.Entries = append(page.Entries, e.entry)
		if len(page.Entries) == scan.Limit && i < len(entries)-1 {
			next, err := json.Marshal(e.order)
			page.Next = string(next)
			return page, err
		}
	}
	return page, nil
}

// docEntries lists all that a scan asks for, in its order.
func (m *Model) docEntries(scan storage.DocScan) []modelEntry {
	var entries []modelEntry
	add := func(key string, d storage.Doc, order ...string) {
		if strings.HasPrefix(key, scan.Prefix) && key >= scan.From && (scan.Until == "" || key < scan.Until) {
			entries = append(entries, modelEntry{storage.DocEntry{Key: key, Doc: d}, order})
		}
	}
	for _, c := range m.hub.changes {
		d := c.Doc
		switch {
		case c.Deleted || d.Collection != scan.Collection:
		case scan.Index == "":
			add(storage.Tuple(d.Partition, d.ID), d, d.Partition, d.ID)
		default:
			for _, k := range d.Keys {
				if k.Index == scan.Index {
					add(k.Key, d, k.Key, d.Partition, d.ID)
				}
			}
		}
	}
	slices.SortFunc(entries, func(a, b modelEntry) int { return slices.Compare(a.order, b.order) })
	if scan.Descending {
		slices.Reverse(entries)
	}
	return entries
}

// ReadChanges looks at every document and sorts.
func (m *Model) ReadChanges(ctx context.Context, collection string, after lrs.Instant, limit int) ([]storage.DocChange, error) {
	if _, err := m.hub.catalogue.Collection(collection); err != nil {
		return nil, err
	}
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var changes []storage.DocChange
	for _, c := range m.hub.changes {
		if c.Doc.Collection == collection && c.Doc.Revision > after {
			changes = append(changes, c)
		}
	}
	slices.SortFunc(changes, func(a, b storage.DocChange) int { return cmp.Compare(a.Doc.Revision, b.Doc.Revision) })
	return changes[:min(limit, len(changes))], nil
}

// ChangesThrough returns the present, which is never given away again.
func (m *Model) ChangesThrough(ctx context.Context) (lrs.Instant, error) {
	return m.ConsistentThrough(ctx)
}

// ForgetDeletions forgets.
func (m *Model) ForgetDeletions(ctx context.Context, collection string, through lrs.Instant) (int, error) {
	if _, err := m.hub.catalogue.Collection(collection); err != nil {
		return 0, err
	}
	leave, err := m.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	n := 0
	for key, c := range m.hub.changes {
		if c.Deleted && key.Collection == collection && c.Doc.Revision <= through {
			delete(m.hub.changes, key)
			n++
		}
	}
	return n, nil
}
