package directory

import (
	"context"
	"maps"
	"slices"
	"sync"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// Tree is a picture of the organisations. It never changes.
type Tree struct {
	nodes    map[hub.OrganisationID]Organisation
	children map[hub.OrganisationID][]hub.OrganisationID // by any edge, whenever; sorted
}

// NewTree returns the tree of the organisations.
func NewTree(organisations ...Organisation) *Tree {
	t := &Tree{nodes: map[hub.OrganisationID]Organisation{}, children: map[hub.OrganisationID][]hub.OrganisationID{}}
	for _, o := range organisations {
		t.nodes[o.ID] = o
		for _, e := range o.Parents {
			if !slices.Contains(t.children[e.Parent], o.ID) {
				t.children[e.Parent] = append(t.children[e.Parent], o.ID)
			}
		}
	}
	for _, below := range t.children {
		slices.Sort(below)
	}
	return t
}

// Organisation returns an organisation of the tree.
func (t *Tree) Organisation(id hub.OrganisationID) (Organisation, bool) {
	o, known := t.nodes[id]
	return o, known
}

// IDs are the organisations of the tree, sorted.
func (t *Tree) IDs() []hub.OrganisationID { return slices.Sorted(maps.Keys(t.nodes)) }

// ParentOn returns under which organisation another stands on a day.
func (t *Tree) ParentOn(id hub.OrganisationID, day hub.Day) (hub.OrganisationID, bool) {
	for _, e := range t.nodes[id].Parents {
		if e.Covers(day) {
			return e.Parent, true
		}
	}
	return "", false
}

// PathOn returns an organisation and those above it on a day: itself first, the root last. An
// organisation that is not known stands alone.
func (t *Tree) PathOn(id hub.OrganisationID, day hub.Day) []hub.OrganisationID {
	path := []hub.OrganisationID{id}
	for {
		above, has := t.ParentOn(path[len(path)-1], day)
		if !has || slices.Contains(path, above) { // a tree that is being changed may be one no more for a moment
			return path
		}
		path = append(path, above)
	}
}

// ChildrenOn returns what stands directly below an organisation on a day, sorted.
func (t *Tree) ChildrenOn(id hub.OrganisationID, day hub.Day) (below []hub.OrganisationID) {
	for _, child := range t.children[id] {
		if parent, has := t.ParentOn(child, day); has && parent == id {
			below = append(below, child)
		}
	}
	return below
}

// BelowOn returns organisations and all that stands below them on a day, sorted, each once.
func (t *Tree) BelowOn(day hub.Day, roots ...hub.OrganisationID) []hub.OrganisationID {
	seen := map[hub.OrganisationID]bool{}
	for pending := slices.Clone(roots); len(pending) > 0; {
		id := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if !seen[id] {
			seen[id] = true
			pending = append(pending, t.ChildrenOn(id, day)...)
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// HeadcountOn returns how many people of a population, "" for all, an organisation has on a day, with
// those below it: what is said of the organisation itself, else the sum of what is known of those
// directly below it. False when nothing is known.
func (t *Tree) HeadcountOn(id hub.OrganisationID, day hub.Day, population string) (int, bool) {
	return t.headcount(id, day, population, map[hub.OrganisationID]bool{})
}

func (t *Tree) headcount(id hub.OrganisationID, day hub.Day, population string, seen map[hub.OrganisationID]bool) (sum int, known bool) {
	if seen[id] {
		return 0, false
	}
	seen[id] = true
	var last Headcount
	for _, h := range t.nodes[id].Headcounts {
		if h.Population == population && h.Day <= day && (!known || h.Day >= last.Day) {
			last, known = h, true
		}
	}
	if known {
		return last.Count, true
	}
	for _, child := range t.ChildrenOn(id, day) {
		if count, has := t.headcount(child, day, population, seen); has {
			sum, known = sum+count, true
		}
	}
	return sum, known
}

// treeCache is the last picture and the position of the changes that it knows.
type treeCache struct {
	mu       sync.Mutex
	position lrs.Instant
	tree     *Tree
}

// changesPage is how many changes are read at a time.
const changesPage = 500

// Tree returns the organisations as they are; what another process changes shows within a moment.
func (d *Directory) Tree(ctx context.Context) (*Tree, error) {
	d.tree.mu.Lock()
	defer d.tree.mu.Unlock()
	var nodes map[hub.OrganisationID]Organisation
	if d.tree.tree == nil {
		nodes = map[hub.OrganisationID]Organisation{}
	}
	position := d.tree.position
	for {
		changes, err := Organisations.Changes(ctx, d.store, position, changesPage)
		if err != nil {
			return nil, err
		}
		for _, c := range changes {
			if nodes == nil {
				nodes = maps.Clone(d.tree.tree.nodes)
			}
			if position = c.Row.Revision; c.Deleted {
				delete(nodes, hub.OrganisationID(c.Row.ID))
			} else {
				nodes[c.Row.Value.ID] = c.Row.Value
			}
		}
		if len(changes) < changesPage {
			break
		}
	}
	if nodes != nil {
		d.tree.tree = NewTree(slices.Collect(maps.Values(nodes))...)
	}
	d.tree.position = position
	return d.tree.tree, nil
}

// guard is changed with every change of the tree, so that of two that were decided at once on the same
// picture one begins anew.
type guard struct {
	Changes int `json:"changes"`
}

var treeGuard = docstore.Table[guard]{
	Collection: docstore.Collection{Name: "hub_tree", Class: docstore.ImpersonalData},
}
