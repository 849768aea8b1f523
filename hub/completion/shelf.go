package completion

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// folder is the facts of one alias and item, as they are and as they will be.
type folder struct {
	place
	leaves []*leaf // the first one first; the others by where they begin; nil for those not read
	gone   []*leaf // others without facts, whose documents go
}

// openFolder reads the first leaf of a place; where there is none, the folder is empty.
func openFolder(ctx context.Context, s docstore.Store, at place) (*folder, error) {
	f := &folder{place: at}
	first, err := f.read(ctx, s, 0)
	if errors.Is(err, lrs.ErrNotFound) {
		first, err = &leaf{}, nil
	}
	if err != nil {
		return nil, err
	}
	f.leaves = make([]*leaf, 1+len(first.others))
	f.leaves[0] = first
	return f, nil
}

func (f *folder) read(ctx context.Context, s docstore.Store, from lrs.Instant) (*leaf, error) {
	doc, err := s.GetDoc(ctx, docstore.Key{Collection: factDocs.Name, Partition: string(f.alias), ID: leafID(f.item, from)})
	if err != nil {
		return nil, err
	}
	return readLeaf(doc)
}

// at returns leaf n.
func (f *folder) at(ctx context.Context, s docstore.Store, n int) (*leaf, error) {
	if f.leaves[n] == nil {
		l, err := f.read(ctx, s, f.leaves[0].others[n-1])
		if err != nil {
			return nil, err
		}
		f.leaves[n] = l
	}
	return f.leaves[n], nil
}

// index says which leaf a position belongs to.
func (f *folder) index(stored lrs.Instant) int {
	n, found := slices.BinarySearch(f.leaves[0].others, stored)
	if found {
		n++
	}
	return n
}

// has reports whether a fact is there.
func (f *folder) has(ctx context.Context, s docstore.Store, stored lrs.Instant) (bool, error) {
	l, err := f.at(ctx, s, f.index(stored))
	if err != nil {
		return false, err
	}
	_, found := l.find(stored)
	return found, nil
}

// edit puts facts under their positions, and takes away those that are nil.
func (f *folder) edit(ctx context.Context, s docstore.Store, edits map[lrs.Instant]*Fact) error {
	positions := make([]lrs.Instant, 0, len(edits))
	for stored := range edits {
		positions = append(positions, stored)
	}
	slices.Sort(positions)
	for _, stored := range positions {
		l, err := f.at(ctx, s, f.index(stored))
		if err != nil {
			return err
		}
		l.set(stored, edits[stored])
	}
	f.balance()
	return nil
}

// balance parts leaves that grew too large and takes away those that are empty.
func (f *folder) balance() {
	first := f.leaves[0]
	leaves, others := []*leaf{first}, []lrs.Instant(nil)
	add := func(from lrs.Instant, l *leaf) {
		leaves, others = append(leaves, l), append(others, from)
	}
	for n, l := range f.leaves {
		switch {
		case n > 0 && l == nil:
			add(first.others[n-1], nil)
		case n > 0 && len(l.facts) == 0 && !l.kept:
			f.gone = append(f.gone, l)
		default:
			if n > 0 {
				add(l.from, l)
			}
			for _, more := range l.split() {
				add(more.from, more)
			}
		}
	}
	first.others, f.leaves = others, leaves
}

// all returns every fact.
func (f *folder) all(ctx context.Context, s docstore.Store) ([]Fact, error) {
	var facts []Fact
	for n := range f.leaves {
		l, err := f.at(ctx, s, n)
		if err != nil {
			return nil, err
		}
		if n == 0 && len(f.leaves) == 1 {
			return l.facts, nil
		}
		facts = append(facts, l.facts...)
	}
	return facts, nil
}

// writes are what makes the documents as the folder is.
func (f *folder) writes() (writes []docstore.Write) {
	for _, l := range slices.Concat(f.leaves, f.gone) {
		if l == nil {
			continue
		}
		if w, changed := l.write(f.item); changed {
			writes = append(writes, w)
		}
	}
	return writes
}

// readAlias reads every folder of an alias.
func readAlias(ctx context.Context, s docstore.Store, alias hub.AliasID) (map[hub.ItemID]*folder, error) {
	folders := map[hub.ItemID]*folder{}
	scan := docstore.Scan{Collection: factDocs.Name, Prefix: docstore.Tuple(string(alias)), Limit: 200}
	for {
		page, err := s.ScanDocs(ctx, scan)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			item := itemOfLeaf(e.Doc.ID)
			l, err := readLeaf(e.Doc)
			if err != nil {
				return nil, err
			}
			f := folders[item]
			if f == nil {
				f = &folder{place: place{alias, item}}
				folders[item] = f
			}
			f.leaves = append(f.leaves, l)
		}
		if scan.After = page.Next; scan.After == "" {
			break
		}
	}
	for _, f := range folders {
		slices.SortFunc(f.leaves, func(a, b *leaf) int { return cmp.Compare(a.from, b.from) })
		if f.leaves[0].from != 0 || len(f.leaves) != 1+len(f.leaves[0].others) {
			return nil, errDamaged
		}
	}
	return folders, nil
}

// shelf is the folders that a step has opened. It is safe for concurrent use by places that differ.
type shelf struct {
	store   docstore.Store
	mu      sync.Mutex
	folders map[place]*folder
	whole   map[hub.AliasID]bool // every folder of the alias is here
}

func newShelf(s docstore.Store) *shelf {
	return &shelf{store: s, folders: map[place]*folder{}, whole: map[hub.AliasID]bool{}}
}

func (s *shelf) get(at place) (f *folder, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, known = s.folders[at]
	return f, known || s.whole[at.alias]
}

// keep puts a folder on the shelf, unless one is there, and returns which is.
func (s *shelf) keep(f *folder) *folder {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.folders[f.place]; other != nil {
		return other
	}
	s.folders[f.place] = f
	return f
}

// open returns a folder, empty for a place without facts.
func (s *shelf) open(ctx context.Context, at place) (*folder, error) {
	f, known := s.get(at)
	if f != nil {
		return f, nil
	}
	if known {
		return s.keep(&folder{place: at, leaves: []*leaf{{}}}), nil
	}
	f, err := openFolder(ctx, s.store, at)
	if err != nil {
		return nil, err
	}
	return s.keep(f), nil
}

// openAll opens every folder of an alias and lists their items.
func (s *shelf) openAll(ctx context.Context, alias hub.AliasID) ([]hub.ItemID, error) {
	s.mu.Lock()
	whole := s.whole[alias]
	s.mu.Unlock()
	if !whole {
		folders, err := readAlias(ctx, s.store, alias)
		if err != nil {
			return nil, err
		}
		for _, f := range folders {
			s.keep(f)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whole[alias] = true
	var items []hub.ItemID
	for at := range s.folders {
		if at.alias == alias {
			items = append(items, at.item)
		}
	}
	return items, nil
}

// writers is how many goroutines write documents at once; the store joins what they write.
const writers = 256

// revisions remembers those of the documents that are written twice in a step.
type revisions struct {
	mu sync.Mutex
	of map[docstore.Key]lrs.Instant
}

// write carries out groups in parallel.
func (c *Consolidator) write(ctx context.Context, groups []docstore.Group, written *revisions) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for _, g := range groups {
		group.Go(func() error {
			given, err := c.store.ApplyDocs(ctx, g)
			if err != nil {
				return err
			}
			for i, w := range g.Writes {
				if w.Collection == attributionTable.Name {
					written.mu.Lock()
					written.of[g.Key(w)] = given[i]
					written.mu.Unlock()
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// inParallel does something with each of many, as many at once as there are processors to do it, and some more
// for those that wait for a disk.
func inParallel[T any](ctx context.Context, many []T, do func(context.Context, T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4 * runtime.GOMAXPROCS(0))
	for _, one := range many {
		group.Go(func() error { return do(ctx, one) })
	}
	return group.Wait()
}
