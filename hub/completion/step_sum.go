package completion

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/lrs"
)

// sumAll sums up what is dirty and returns the writes of what changed.
func (s *step) sumAll(ctx context.Context, holders map[hub.PersonID]*holder) (groups []docstore.Group, err error) {
	var mu sync.Mutex
	people := slices.Collect(maps.Keys(s.dirty))
	err = inParallel(ctx, people, func(ctx context.Context, p hub.PersonID) error {
		writes, err := s.sum(ctx, p, holders[p], s.dirty[p])
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for some := range slices.Chunk(writes, docstore.MaxWrites/2) {
			groups = append(groups, docstore.Group{Partition: string(p), Writes: some})
		}
		return nil
	})
	return groups, err
}

// sum sums up what is dirty of a person.
func (s *step) sum(ctx context.Context, p hub.PersonID, h *holder, d *dirt) ([]docstore.Write, error) {
	r := &record{step: s, person: p, holder: h, old: map[hub.ItemID]docstore.Doc{}}
	r.summary = newSummary(Given{Person: h.person, Items: s.picture, Tree: s.tree, Calendar: s.options.Calendar}, nil)
	if d.all || !h.exists {
		return r.whole(ctx)
	}
	return r.some(ctx, slices.Sorted(maps.Keys(d.items)))
}

// record is the completions of one person in the making.
type record struct {
	*step
	person  hub.PersonID
	holder  *holder
	summary *summary
	old     map[hub.ItemID]docstore.Doc // as they are kept; revision 0 for none
	fault   error                       // of reading, while the summary could not tell it
}

// read gathers the facts of an item.
func (r *record) read(ctx context.Context, item hub.ItemID) error {
	facts := []Fact{}
	for _, alias := range r.holder.aliases {
		f, err := r.shelf.open(ctx, place{alias, item})
		if err != nil {
			return err
		}
		some, err := f.all(ctx, r.store)
		if err != nil {
			return err
		}
		facts = append(facts, some...)
	}
	r.summary.facts[item] = facts
	return nil
}

// whole sums up everything of the person, and drops what nothing is left of.
func (r *record) whole(ctx context.Context) (writes []docstore.Write, err error) {
	wanted := map[hub.ItemID]bool{}
	scan := docstore.Scan{Collection: Completions.Name, Prefix: docstore.Tuple(string(r.person)), Limit: changesPage}
	for {
		page, err := r.store.ScanDocs(ctx, scan)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			r.old[hub.ItemID(e.Doc.ID)] = e.Doc
			wanted[hub.ItemID(e.Doc.ID)] = true
		}
		if scan.After = page.Next; scan.After == "" {
			break
		}
	}
	if r.holder.exists {
		for _, alias := range r.holder.aliases {
			items, err := r.shelf.openAll(ctx, alias)
			if err != nil {
				return nil, err
			}
			for _, item := range items {
				wanted[item] = true
				for _, parcours := range r.picture.ParcoursWith(item) {
					wanted[parcours] = true
				}
			}
		}
		for item := range wanted {
			if err := r.read(ctx, item); err != nil {
				return nil, err
			}
		}
	}
	for item := range wanted {
		c := Completion{}
		if r.holder.exists {
			c = r.summary.completion(item)
		}
		if writes, _, err = r.add(ctx, writes, item, c); err != nil {
			return nil, err
		}
	}
	return writes, nil
}

// some sums up some items, and the parcours of which one was completed by that, or is so no more.
func (r *record) some(ctx context.Context, items []hub.ItemID) (writes []docstore.Write, err error) {
	r.summary.kept = func(item hub.ItemID) (Completion, bool) {
		doc, err := r.former(ctx, item)
		if err != nil || doc.Revision == 0 {
			r.fault = errors.Join(r.fault, err)
			return Completion{}, false
		}
		c, err := decodeCompletion(doc)
		r.fault = errors.Join(r.fault, err)
		return c, err == nil
	}
	var judged []hub.ItemID
	for _, item := range items {
		if err := r.read(ctx, item); err != nil {
			return nil, err
		}
		if known, ok := r.picture.Item(item); ok && known.Kind == catalogue.Parcours {
			judged = append(append(judged, item), r.picture.ParcoursWith(item)...)
		}
	}
	for _, item := range items {
		if slices.Contains(judged, item) {
			continue
		}
		var moved bool
		if writes, moved, err = r.add(ctx, writes, item, r.summary.completion(item)); err != nil {
			return nil, err
		}
		if moved {
			judged = append(judged, r.picture.ParcoursWith(item)...)
		}
	}
	slices.Sort(judged)
	judged = slices.Compact(judged)
	for _, parcours := range judged {
		if err := r.read(ctx, parcours); err != nil {
			return nil, err
		}
	}
	for _, parcours := range judged {
		if writes, _, err = r.add(ctx, writes, parcours, r.summary.completion(parcours)); err != nil {
			return nil, err
		}
	}
	return writes, r.fault
}

// former returns a completion's document as it is kept.
func (r *record) former(ctx context.Context, item hub.ItemID) (docstore.Doc, error) {
	if doc, ok := r.old[item]; ok {
		return doc, nil
	}
	doc, err := r.store.GetDoc(ctx, docstore.Key{Collection: Completions.Name, Partition: string(r.person), ID: string(item)})
	if errors.Is(err, lrs.ErrNotFound) {
		doc, err = docstore.Doc{}, nil
	}
	if err == nil {
		r.old[item] = doc
	}
	return doc, err
}

func decodeCompletion(doc docstore.Doc) (c Completion, err error) {
	err = json.Unmarshal(doc.Bytes, &c)
	return c, err
}

// add adds the write that makes a document as the completion is, if it is not so already, and tells whether
// the time of completion changes by it.
func (r *record) add(ctx context.Context, writes []docstore.Write, item hub.ItemID, c Completion) (_ []docstore.Write, moved bool, err error) {
	doc, err := r.former(ctx, item)
	if err != nil || doc.Revision == 0 && c.vacant() {
		return writes, false, err
	}
	row := docstore.Row[Completion]{Key: docstore.Key{Collection: Completions.Name, Partition: string(r.person), ID: string(item)}, Revision: doc.Revision, Value: c}
	w, err := Completions.Put(row)
	if err != nil || string(w.Bytes) == string(doc.Bytes) {
		return writes, false, err
	}
	var was Completion
	if doc.Revision != 0 {
		if was, err = decodeCompletion(doc); err != nil {
			return nil, false, err
		}
	}
	before, wasDone := was.Done()
	now, done := c.Done()
	moved = before != now || wasDone != done
	switch {
	case c.vacant() && was.Kept:
		row.Value = Completion{Kept: true}
	case c.vacant():
		return append(writes, Completions.Drop(row)), moved, nil
	case was.Kept:
		row.Value.Kept = true
	default:
		return append(writes, w), moved, nil
	}
	if w, err = Completions.Put(row); err != nil || string(w.Bytes) == string(doc.Bytes) {
		return writes, moved, err
	}
	return append(writes, w), moved, nil
}
