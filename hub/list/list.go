// Package list has what every list of the hub shares: pages by keyset over the scans of a table, and
// CSV of any list.
package list

import (
	"context"

	"acquis/docstore"
	"acquis/lrs"
)

// Query asks for a part of a list.
type Query struct {
	Limit int    // most items wanted, at least 1; a page may be shorter, even empty, while Next is set
	After string // Next of the page before, "" for the first
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T
	Next  string // where to go on, "" when nothing is left
}

// Lane is a scan that a list walks. A list may walk several, one after the other, in the order of their
// names: one for each organisation that may be seen. A lane that comes or goes between two pages moves
// no other.
type Lane struct {
	Name string
	Scan docstore.Scan
}

// steps bounds how many rows are looked at for one page, and laneSteps what beginning a lane counts.
const (
	steps     = 5000
	laneSteps = 5
	atOnce    = 200
)

// Walk returns a page of the rows that the lanes hold and keep wants. Its work is bounded: when few
// rows are wanted of many, pages are short, and nothing is skipped.
func Walk[T any](ctx context.Context, s docstore.Store, table docstore.Table[T], q Query, lanes []Lane, keep func(Lane, *T) bool) (Page[docstore.Row[T]], error) {
	var page Page[docstore.Row[T]]
	at, position, err := parse(q.After)
	if err != nil {
		return page, err
	}
	spent := 0
	for _, lane := range lanes {
		if lane.Name < at {
			continue
		}
		scan := lane.Scan
		if lane.Name == at {
			scan.After = position
		}
		scan.Limit = atOnce
		for spent += laneSteps; ; {
			found, next, err := table.Scan(ctx, s, scan)
			if err != nil {
				return page, err
			}
			for _, f := range found {
				spent++
				scan.After = scan.Position(f.Key, f.Row.Key)
				if !keep(lane, &f.Row.Value) {
					continue
				}
				if page.Items = append(page.Items, f.Row); len(page.Items) == q.Limit {
					page.Next = docstore.Tuple(lane.Name, scan.After)
					return page, nil
				}
			}
			if next == "" {
				break
			}
			if scan.After = next; spent >= steps {
				page.Next = docstore.Tuple(lane.Name, next)
				return page, nil
			}
		}
		if spent >= steps {
			page.Next = docstore.Tuple(lane.Name+"\x01", "") // the lanes behind this one
			return page, nil
		}
	}
	return page, nil
}

func parse(after string) (lane, position string, err error) {
	if after == "" {
		return "", "", nil
	}
	parts, err := docstore.SplitTuple(after)
	if err != nil || len(parts) != 2 {
		return "", "", lrs.Errorf(lrs.KindInvalid, "the parameter after must be the next of the page before")
	}
	return parts[0], parts[1], nil
}
