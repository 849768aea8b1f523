package catalogue

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"acquis/hub"
	"acquis/lrs"
)

// Picture is the catalogue as it is at a time, ready to be asked. It never changes and may be shared.
type Picture struct {
	// Through is the position up to which changes of items and mappings are in it, inclusive.
	Through lrs.Instant
	*scene
}

// scene is what pictures share between which nothing changed.
type scene struct {
	items    map[hub.ItemID]Item
	holders  map[hub.ItemID][]hub.ItemID // parcours that speak of an item
	rank     map[hub.ItemID]int          // above that of all that a parcours speaks of
	exact    map[named]Mapping
	prefixes map[named]Mapping
	lengths  []int // of prefixes, the longest first
	patterns []compiledPattern

	mu     sync.RWMutex
	recent map[named]answer // of Match
}

// named is an IRI as a source writes it, "" for every source.
type named struct{ source, iri string }

type answer struct {
	mapping Mapping
	known   bool
}

type compiledPattern struct {
	Mapping
	expression *regexp.Regexp
	begins     string // with which all that it matches begins
}

// NewPicture makes a picture. Items that speak of what is not among them, cycles, and patterns that do
// not compile are mistakes of the caller's: an error of no kind.
func NewPicture(items []Item, mappings []Mapping) (*Picture, error) {
	p := &scene{
		items: make(map[hub.ItemID]Item, len(items)), holders: map[hub.ItemID][]hub.ItemID{},
		exact: map[named]Mapping{}, prefixes: map[named]Mapping{}, recent: map[named]answer{},
	}
	for _, item := range items {
		p.items[item.ID] = item
		for _, part := range item.Items() {
			p.holders[part] = append(p.holders[part], item.ID)
		}
	}
	rank, cycle := rankAll(p.items)
	if cycle != nil {
		return nil, fmt.Errorf("catalogue: %v is a cycle", cycle)
	}
	p.rank = rank
	var faults []error
	for _, m := range mappings {
		faults = append(faults, p.add(m))
	}
	slices.SortFunc(p.patterns, func(a, b compiledPattern) int {
		return cmp.Or(-cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID)) // a source's own before everybody's
	})
	for name := range p.prefixes {
		if !slices.Contains(p.lengths, len(name.iri)) {
			p.lengths = append(p.lengths, len(name.iri))
		}
	}
	slices.SortFunc(p.lengths, func(a, b int) int { return cmp.Compare(b, a) })
	return &Picture{scene: p}, errors.Join(faults...)
}

// at is the same picture, which nothing changed up to a later position.
func (p *Picture) at(through lrs.Instant) *Picture { return &Picture{through, p.scene} }

func (p *scene) add(m Mapping) error {
	switch m.Form {
	case Exact:
		p.exact[named{m.Source, m.IRI}] = m
	case Prefix:
		p.prefixes[named{m.Source, m.IRI}] = m
	case Pattern:
		expression, err := anchored(m.IRI)
		if err != nil {
			return fmt.Errorf("catalogue: the pattern %s: %w", m.IRI, err)
		}
		p.patterns = append(p.patterns, compiledPattern{m, expression, literalBegin(m.IRI)})
	default:
		return fmt.Errorf("catalogue: a mapping has the form %q", m.Form)
	}
	return nil
}

// anchored compiles a pattern so that it matches from the first to the last character only.
func anchored(pattern string) (*regexp.Regexp, error) {
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}

// literalBegin is the text with which all begins that a pattern matches.
func literalBegin(pattern string) string {
	expression, err := regexp.Compile(pattern) // with \A before it, none would be found
	if err != nil {
		return ""
	}
	begins, _ := expression.LiteralPrefix()
	return begins
}

// Item returns an item.
func (p *Picture) Item(id hub.ItemID) (Item, bool) {
	item, ok := p.items[id]
	return item, ok
}

// Items lists all items by id.
func (p *Picture) Items() []Item { return p.sorted() }

func (p *scene) sorted() []Item {
	all := make([]Item, 0, len(p.items))
	for _, item := range p.items {
		all = append(all, item)
	}
	slices.SortFunc(all, func(a, b Item) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// ParcoursWith lists the parcours that speak of an item in any version, themselves or through other
// parcours, each after those that it speaks of: in the order in which they are to be judged.
func (p *Picture) ParcoursWith(id hub.ItemID) []hub.ItemID {
	found := slices.Clone(p.holders[id])
	for n := 0; n < len(found); n++ {
		for _, holder := range p.holders[found[n]] {
			if !slices.Contains(found, holder) {
				found = append(found, holder)
			}
		}
	}
	slices.SortFunc(found, func(a, b hub.ItemID) int {
		return cmp.Or(cmp.Compare(p.rank[a], p.rank[b]), cmp.Compare(a, b))
	})
	return found
}

// maxRecent bounds how many answers of Match are remembered.
const maxRecent = 1 << 16

// Match returns the mapping that an activity in a statement of the source is under. An exact one goes
// before the longest prefix, that before a pattern, and among those of one form and length the source's own before
// everybody's.
func (p *Picture) Match(source, activityIRI string) (Mapping, bool) {
	key := named{source, activityIRI}
	p.mu.RLock()
	found, remembered := p.recent[key]
	p.mu.RUnlock()
	if remembered {
		return found.mapping, found.known
	}
	found.mapping, found.known = p.match(source, activityIRI)
	p.mu.Lock()
	if len(p.recent) >= maxRecent {
		clear(p.recent)
	}
	p.recent[key] = found
	p.mu.Unlock()
	return found.mapping, found.known
}

func (p *scene) match(source, iri string) (Mapping, bool) {
	if m, ok := either(p.exact, source, iri); ok {
		return m, true
	}
	for _, length := range p.lengths {
		if length > len(iri) {
			continue
		}
		if m, ok := either(p.prefixes, source, iri[:length]); ok {
			return m, true
		}
	}
	for i := range p.patterns {
		c := &p.patterns[i]
		if (c.Source == "" || c.Source == source) && strings.HasPrefix(iri, c.begins) && c.expression.MatchString(iri) {
			return c.Mapping, true
		}
	}
	return Mapping{}, false
}

func either(mappings map[named]Mapping, source, iri string) (Mapping, bool) {
	if m, ok := mappings[named{source, iri}]; ok {
		return m, true
	}
	m, ok := mappings[named{"", iri}]
	return m, ok
}
