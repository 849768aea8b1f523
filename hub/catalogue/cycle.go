package catalogue

import (
	"slices"

	"acquis/hub"
)

// rankAll gives every item a rank above that of all that it speaks of, in any version. When that
// cannot be, it returns a cycle: each speaks of the next, the last one is the first.
func rankAll(items map[hub.ItemID]Item) (rank map[hub.ItemID]int, cycle []hub.ItemID) {
	rank = make(map[hub.ItemID]int, len(items))
	var under []hub.ItemID // way
	var visit func(hub.ItemID) []hub.ItemID
	visit = func(id hub.ItemID) []hub.ItemID {
		if _, done := rank[id]; done {
			return nil
		}
		if at := slices.Index(under, id); at >= 0 {
			return append(slices.Clone(under[at:]), id)
		}
		under = append(under, id)
		own := 0
		for _, part := range items[id].Items() {
			if found := visit(part); found != nil {
				return found
			}
			own = max(own, rank[part]+1)
		}
		under = under[:len(under)-1]
		rank[id] = own
		return nil
	}
	for _, id := range sortedKeys(items) {
		if cycle = visit(id); cycle != nil {
			return nil, cycle
		}
	}
	return rank, nil
}
