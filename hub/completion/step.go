package completion

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

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
	byAlias := map[hub.AliasID][][]docstore.Write{}
	for at := range s.edits {
		f, _ := s.shelf.get(at)
		byAlias[at.alias] = append(byAlias[at.alias], f.writes())
	}
	for alias, r := range s.relinks {
		row := r.row
		row.Value = attribution{People: slices.Sorted(maps.Keys(r.people)), Purged: r.purged}
		w, err := attributionTable.Put(row)
		if err != nil {
			return nil, err
		}
		byAlias[alias] = append(byAlias[alias], []docstore.Write{w})
	}
	for alias, parts := range byAlias {
		groups = append(groups, joined(string(alias), parts)...)
	}
	return groups, nil
}

// joined makes groups of the writes in a partition, each within half of what a group may hold. Those of one part
// stay together, in a group of their own where they are more than that.
func joined(partition string, parts [][]docstore.Write) (groups []docstore.Group) {
	count, size := 0, 0
	for _, part := range parts {
		if len(part) == 0 {
			continue
		}
		bytes := 0
		for i := range part {
			bytes += len(part[i].Bytes)
		}
		if groups == nil || count+len(part) > docstore.MaxWrites/2 || size+bytes > docstore.MaxGroup/2 {
			groups, count, size = append(groups, docstore.Group{Partition: partition}), 0, 0
		}
		last := &groups[len(groups)-1]
		last.Writes = append(last.Writes, part...)
		count, size = count+len(part), size+bytes
	}
	return groups
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
