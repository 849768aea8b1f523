package storagetest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"acquis/docstore"
	"acquis/lrs"
)

// hubDocs are the Model's documents of the hub, and what was deleted, by name.
type hubDocs struct {
	catalogue docstore.Catalogue
	changes   map[docstore.Key]docstore.Change
}

// DeclareCollections makes collections known.
func (m *Model) DeclareCollections(_ context.Context, collections ...docstore.Collection) error {
	return m.hub.catalogue.Declare(collections...)
}

// GetDoc returns a document.
func (m *Model) GetDoc(ctx context.Context, key docstore.Key) (docstore.Doc, error) {
	if err := m.hub.catalogue.JudgeKey(key); err != nil {
		return docstore.Doc{}, err
	}
	leave, err := m.enter(ctx)
	if err != nil {
		return docstore.Doc{}, err
	}
	defer leave()
	c, known := m.hub.changes[key]
	if !known || c.Deleted {
		return docstore.Doc{}, lrs.ErrNotFound
	}
	return c.Doc, nil
}

// ApplyDocs carries out a group.
func (m *Model) ApplyDocs(ctx context.Context, group docstore.Group) ([]lrs.Instant, error) {
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
		d := docstore.Doc{Key: group.Key(w), Revision: m.tick(), Keys: slices.Clone(w.Keys), Bytes: slices.Clone(w.Bytes)}
		m.hub.changes[d.Key] = docstore.Change{Doc: d, Deleted: w.Deleted}
		revisions = append(revisions, d.Revision)
	}
	return revisions, nil
}

// modelEntry is an entry with what it is ordered by.
type modelEntry struct {
	entry docstore.Entry
	order []string
}

// ScanDocs looks at every document and sorts.
func (m *Model) ScanDocs(ctx context.Context, scan docstore.Scan) (docstore.Page, error) {
	if err := m.hub.catalogue.JudgeScan(scan); err != nil {
		return docstore.Page{}, err
	}
	leave, err := m.enter(ctx)
	if err != nil {
		return docstore.Page{}, err
	}
	defer leave()
	var after []string
	if scan.After != "" {
		if err := json.Unmarshal([]byte(scan.After), &after); err != nil {
			return docstore.Page{}, err
		}
	}
	var page docstore.Page
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
func (m *Model) docEntries(scan docstore.Scan) []modelEntry {
	var entries []modelEntry
	add := func(key string, d docstore.Doc, order ...string) {
		if strings.HasPrefix(key, scan.Prefix) && key >= scan.From && (scan.Until == "" || key < scan.Until) {
			entries = append(entries, modelEntry{docstore.Entry{Key: key, Doc: d}, order})
		}
	}
	for _, c := range m.hub.changes {
		d := c.Doc
		switch {
		case c.Deleted || d.Collection != scan.Collection:
		case scan.Index == "":
			add(docstore.Tuple(d.Partition, d.ID), d, d.Partition, d.ID)
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
func (m *Model) ReadChanges(ctx context.Context, collection string, after lrs.Instant, limit int) ([]docstore.Change, error) {
	if _, err := m.hub.catalogue.Collection(collection); err != nil {
		return nil, err
	}
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var changes []docstore.Change
	for _, c := range m.hub.changes {
		if c.Doc.Collection == collection && c.Doc.Revision > after {
			changes = append(changes, c)
		}
	}
	slices.SortFunc(changes, func(a, b docstore.Change) int { return cmp.Compare(a.Doc.Revision, b.Doc.Revision) })
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
