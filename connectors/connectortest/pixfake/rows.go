package pixfake

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// query is what a request for participations asks.
type query struct {
	since        time.Time // zero: no filter
	page, size   int
	sorted, desc bool
}

// page returns the rows of a page and how many pages there are.
func (w *World) page(c campaign, q query) (rows []row, pages int) {
	now := w.options.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.order(c, q, now)
	pages = (at.len + q.size - 1) / q.size
	for k := (q.page - 1) * q.size; k < min(q.page*q.size, at.len); k++ {
		rows = append(rows, w.row(c, at.row(k), now))
	}
	return rows, pages
}

// order is the sequence of a campaign's rows that a query walks.
type order struct {
	len int
	row func(k int) int
}

// order is arithmetic where nothing vanished and nothing is filtered; otherwise a list is made once for all
// pages of the query. mu is held.
func (w *World) order(c campaign, q query, now time.Time) order {
	begun := w.visible(c, now)
	if q.sorted && q.since.IsZero() && len(w.vanished) == 0 {
		if q.desc {
			return order{begun, func(k int) int { return begun - 1 - k }}
		}
		return order{begun, func(k int) int { return k }}
	}
	key := fmt.Sprint(c.n, q.since.UnixNano(), q.sorted, q.desc, begun, w.version)
	list, known := w.cache[key]
	if !known {
		list = w.list(c, q, begun, now)
		if len(w.cache) > 64 {
			clear(w.cache)
		}
		w.cache[key] = list
	}
	return order{len(list), func(k int) int { return int(list[k]) }}
}

func (w *World) list(c campaign, q query, begun int, now time.Time) []int32 {
	var list []int32
	first := 0
	if !q.since.IsZero() { // rows that began long before cannot have been sent since
		first = w.visible(c, q.since.Add(-longestSending-time.Hour))
	}
	for i := first; i < begun; i++ {
		if w.vanished[ParticipationID(c.n, i)] {
			continue
		}
		created := w.created(c, i)
		shared := w.sharedAt(c, i, created)
		if q.since.IsZero() || created.After(q.since) || !shared.After(now) && shared.After(q.since) {
			list = append(list, int32(i))
		}
	}
	switch {
	case q.sorted && q.desc:
		slices.Reverse(list)
	case !q.sorted: // by name, then the newest first
		slices.SortStableFunc(list, func(a, b int32) int {
			one, two := w.options.Person(w.personOf(c, int(a))), w.options.Person(w.personOf(c, int(b)))
			return cmp.Or(strings.Compare(one.Family, two.Family), strings.Compare(one.Given, two.Given), cmp.Compare(b, a))
		})
	}
	return list
}
