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
	"acquis/hub/directory"
	"acquis/lrs"
)

// holder is a person with the aliases whose facts are theirs. Names, addresses and the like are left out.
type holder struct {
	exists  bool
	person  directory.Person
	aliases []hub.AliasID
}

// dirt is what of a person's completions is to be summed up again.
type dirt struct {
	all   bool
	items map[hub.ItemID]bool
}

// relink is an alias on its way from some people to others.
type relink struct {
	row    docstore.Row[attribution]
	people map[hub.PersonID]bool // all into whose completions its facts were or will be summed
	wanted map[hub.PersonID]bool // whose it was seen to be in this step
	purged bool
}

// step is a piece of work: changes of facts, and what follows from them. Its documents are written when it
// is finished.
type step struct {
	*Consolidator
	picture *catalogue.Picture
	tree    *directory.Tree
	shelf   *shelf
	edits   map[place]map[lrs.Instant]*Fact
	seen    []directory.Sighting
	dirty   map[hub.PersonID]*dirt
	relinks map[hub.AliasID]*relink
	notes   []note
	facts   int
}

func (c *Consolidator) begin(ctx context.Context) (*step, error) {
	tree, err := c.directory.Tree(ctx)
	if err != nil {
		return nil, err
	}
	return &step{
		Consolidator: c, picture: c.pictures.now, tree: tree, shelf: newShelf(c.store),
		edits: map[place]map[lrs.Instant]*Fact{}, dirty: map[hub.PersonID]*dirt{}, relinks: map[hub.AliasID]*relink{},
	}, nil
}

// edit puts a fact in a place, or takes away the one that is there.
func (s *step) edit(at place, stored lrs.Instant, f *Fact) {
	edits := s.edits[at]
	if edits == nil {
		edits = map[lrs.Instant]*Fact{}
		s.edits[at] = edits
	}
	edits[stored] = f
}

// put puts what a statement tells.
func (s *step) put(r *Reading, alias hub.AliasID) {
	for i := range r.Told {
		s.edit(place{alias, r.Told[i].Item}, r.Told[i].Fact.Stored, &r.Told[i].Fact)
		s.facts++
	}
	if len(r.Told) > 0 {
		s.seen = append(s.seen, directory.Sighting{Key: r.Key, Name: r.Name, At: r.Told[0].Fact.At})
	}
}

func (s *step) soil(p hub.PersonID, items ...hub.ItemID) {
	d := s.dirty[p]
	if d == nil {
		d = &dirt{items: map[hub.ItemID]bool{}}
		s.dirty[p] = d
	}
	for _, item := range items {
		d.items[item] = true
	}
}

func (s *step) soilAll(p hub.PersonID) {
	s.soil(p)
	s.dirty[p].all = true
	s.holders.drop(p)
}

// attributed returns into whose completions the facts of an alias are summed.
func (c *Consolidator) attributed(ctx context.Context, alias hub.AliasID) (docstore.Row[attribution], error) {
	if row, ok := c.aliases.get(alias); ok {
		return row, nil
	}
	row, err := attributionTable.Find(ctx, c.store, string(alias), attributionID)
	if err == nil {
		c.aliases.put(alias, row)
	}
	return row, err
}

// place makes sure that the facts of an alias are summed into the completions of the person whose it is, "" for
// nobody, and into no others'. It tells whether they were so before.
func (s *step) place(ctx context.Context, alias hub.AliasID, person hub.PersonID) (settled bool, err error) {
	row, err := s.attributed(ctx, alias)
	if err != nil {
		return false, err
	}
	r := s.relinks[alias]
	var want []hub.PersonID
	if person != "" {
		want = []hub.PersonID{person}
	}
	if r == nil && (row.Revision == 0 || row.Value.Settled) && slices.Equal(row.Value.People, want) {
		return true, nil
	}
	if r == nil {
		r = &relink{row: row, people: map[hub.PersonID]bool{}, wanted: map[hub.PersonID]bool{}, purged: row.Value.Purged}
		s.relinks[alias] = r
		for _, former := range row.Value.People {
			r.people[former] = true
			s.soilAll(former)
		}
	}
	for _, p := range want {
		r.wanted[p] = true
		if !r.people[p] {
			r.people[p] = true
			s.soilAll(p)
		}
	}
	return false, nil
}

// finish works out what follows from the edits, and writes everything.
func (s *step) finish(ctx context.Context) error {
	if err := s.resolve(ctx); err != nil {
		return err
	}
	holders, err := s.hold(ctx)
	if err != nil {
		return err
	}
	places := slices.Collect(maps.Keys(s.edits))
	err = inParallel(ctx, places, func(ctx context.Context, at place) error {
		f, err := s.shelf.open(ctx, at)
		if err != nil {
			return err
		}
		return f.edit(ctx, s.store, s.edits[at])
	})
	if err != nil {
		return err
	}
	first, err := s.factGroups()
	if err != nil {
		return err
	}
	completions, err := s.sumAll(ctx, holders)
	if err != nil {
		return err
	}
	phases := [][]docstore.Group{append(first, completions...)}
	if len(s.relinks) > 0 { // an alias is settled once every completion tells so
		phases = [][]docstore.Group{first, completions}
	}
	for alias := range s.relinks {
		s.aliases.drop(alias)
	}
	if err := s.conclude(ctx, phases, s.settle, s.notes); err != nil {
		return err
	}
	s.stats.facts.Add(uint64(s.facts))
	for _, g := range completions {
		s.stats.completions.Add(uint64(len(g.Writes)))
	}
	return nil
}

// resolve finds whose the aliases are whose facts change.
func (s *step) resolve(ctx context.Context) error {
	known, err := s.directory.Observe(ctx, s.seen)
	if err != nil {
		return err
	}
	items := map[hub.AliasID][]hub.ItemID{}
	for at := range s.edits {
		items[at.alias] = append(items[at.alias], at.item)
	}
	for id, changed := range items {
		a, observed := known[id]
		if observed {
			if err := s.regainLater(ctx, id); err != nil {
				return err
			}
			settled, err := s.place(ctx, id, linkedTo(a))
			if err != nil {
				return err
			}
			if settled && a.Person != "" && linkedTo(a) != "" {
				s.soil(a.Person, changed...)
			}
			continue
		}
		row, err := s.attributed(ctx, id)
		if err != nil {
			return err
		}
		for _, p := range row.Value.People {
			s.soil(p, changed...)
		}
	}
	return nil
}

func linkedTo(a directory.Alias) hub.PersonID {
	if a.State != directory.Linked {
		return ""
	}
	return a.Person
}

// hold reads the people whose completions are dirty. An alias found to be theirs that was not so far makes
// more of them dirty, until no more are found.
func (s *step) hold(ctx context.Context) (map[hub.PersonID]*holder, error) {
	holders := map[hub.PersonID]*holder{}
	for {
		var missing []hub.PersonID
		for p := range s.dirty {
			if h, ok := s.holders.get(p); ok && holders[p] == nil {
				holders[p] = h
			} else if holders[p] == nil {
				missing = append(missing, p)
			}
		}
		if len(missing) == 0 {
			return holders, nil
		}
		var mu sync.Mutex
		err := inParallel(ctx, missing, func(ctx context.Context, p hub.PersonID) error {
			h, err := s.readHolder(ctx, p)
			mu.Lock()
			defer mu.Unlock()
			holders[p] = h
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, p := range missing {
			for _, alias := range holders[p].aliases {
				if _, err := s.place(ctx, alias, p); err != nil {
					return nil, err
				}
			}
			s.holders.put(p, holders[p])
		}
	}
}

func (c *Consolidator) readHolder(ctx context.Context, p hub.PersonID) (*holder, error) {
	row, err := directory.People.Get(ctx, c.store, string(p), string(p))
	if errors.Is(err, lrs.ErrNotFound) {
		return &holder{}, nil
	}
	if err != nil {
		return nil, err
	}
	aliases, err := c.directory.AliasesOf(ctx, p)
	if err != nil {
		return nil, err
	}
	h := &holder{exists: true, person: directory.Person{ID: p, Affiliations: row.Value.Affiliations}}
	for _, a := range row.Value.Absorbed {
		h.person.Absorbed = append(h.person.Absorbed, directory.Absorbed{Merge: a.Merge, Person: a.Person, Affiliations: a.Affiliations})
	}
	for _, a := range aliases {
		if linkedTo(a) == p {
			h.aliases = append(h.aliases, a.ID)
		}
	}
	slices.Sort(h.aliases)
	return h, nil
}

// factGroups are the writes of facts and of aliases that set out from some people to others, by alias.
func (s *step) factGroups() (groups []docstore.Group, err error) {
	byAlias := map[hub.AliasID][]docstore.Write{}
	for at := range s.edits {
		f, _ := s.shelf.get(at)
		byAlias[at.alias] = append(byAlias[at.alias], f.writes()...)
	}
	for alias, r := range s.relinks {
		row := r.row
		row.Value = attribution{People: slices.Sorted(maps.Keys(r.people)), Purged: r.purged}
		w, err := attributionTable.Put(row)
		if err != nil {
			return nil, err
		}
		byAlias[alias] = append(byAlias[alias], w)
	}
	for alias, writes := range byAlias {
		if len(writes) > 0 {
			groups = append(groups, docstore.Group{Partition: string(alias), Writes: writes})
		}
	}
	return groups, nil
}

// settle are the writes of aliases that arrived. One that was seen to be of several people meanwhile stays on
// its way: a change of it is still to be followed.
func (s *step) settle(revisions map[docstore.Key]lrs.Instant) (groups []docstore.Group, err error) {
	for alias, r := range s.relinks {
		if len(r.wanted) > 1 {
			continue
		}
		row := r.row
		row.Revision = revisions[row.Key]
		row.Value = attribution{People: slices.Sorted(maps.Keys(r.wanted)), Settled: true, Purged: r.purged}
		w, err := attributionTable.Put(row)
		if err != nil {
			return nil, err
		}
		groups = append(groups, docstore.Group{Partition: string(alias), Writes: []docstore.Write{w}})
	}
	return groups, nil
}

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
	before, _ := was.Done()
	now, _ := c.Done()
	switch {
	case c.vacant() && was.Kept:
		row.Value = Completion{Kept: true}
	case c.vacant():
		return append(writes, Completions.Drop(row)), before != now, nil
	case was.Kept:
		row.Value.Kept = true
	default:
		return append(writes, w), before != now, nil
	}
	if w, err = Completions.Put(row); err != nil || string(w.Bytes) == string(doc.Bytes) {
		return writes, before != now, err
	}
	return append(writes, w), before != now, nil
}
