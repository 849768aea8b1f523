package directory

import (
	"context"
	"slices"

	"acquis/hub"
	"acquis/lrs"
)

// Scope is which organisations a principal may see: all, or those of its subtrees.
type Scope struct {
	tree  *Tree
	roots []hub.OrganisationID // none: all
}

// Scope returns what a principal may see. Operators and administrators see everything, others the
// organisations that their credential names, with all below.
func (d *Directory) Scope(ctx context.Context, p lrs.Principal) (Scope, error) {
	tree, err := d.Tree(ctx)
	s := Scope{tree: tree}
	if p.Roles&everywhere == 0 {
		for _, id := range p.Subtrees {
			s.roots = append(s.roots, hub.OrganisationID(id))
		}
	}
	return s, err
}

// Everything reports whether nothing is hidden.
func (s Scope) Everything() bool { return len(s.roots) == 0 }

// Reaches reports whether an organisation lies within the scope, as the tree is on a day.
func (s Scope) Reaches(id hub.OrganisationID, day hub.Day) bool {
	return s.Everything() || slices.ContainsFunc(s.tree.PathOn(id, day), func(above hub.OrganisationID) bool { return slices.Contains(s.roots, above) })
}

// Organisations are those within the scope on a day, sorted.
func (s Scope) Organisations(day hub.Day) []hub.OrganisationID {
	if s.Everything() {
		return s.tree.IDs()
	}
	return s.tree.BelowOn(day, s.roots...)
}

// Tree is the tree that the scope is about.
func (s Scope) Tree() *Tree { return s.tree }
