package catalogue

import (
	"slices"

	"acquis/hub"
)

// rankAll gives every item a rank above that of all that it speaks of, in any version. When that
// cannot be, it returns a cycle: each speaks of the next, the last one is the first.
func (p *Picture) rankAll() (cycle []hub.ItemID) {
	var under []hub.ItemID // way
	var visit func(hub.ItemID) []hub.ItemID
	visit = func(id hub.ItemID) []hub.ItemID {
		if _, done := p.rank[id]; done {
			return nil
		}
		if at := slices.Index(under, id); at >= 0 {
			return append(slices.Clone(under[at:]), id)
		}
		under = append(under, id)
		rank := 0
		for _, part := range p.items[id].Items() {
			if found := visit(part); found != nil {
				return found
			}
			rank = max(rank, p.rank[part]+1)
		}
		under = under[:len(under)-1]
		p.rank[id] = rank
		return nil
	}
	for _, item := range p.Items() {
		if found := visit(item.ID); found != nil {
			return found
		}
	}
	return nil
}
