package access

import (
	"maps"
	"slices"
)

// List asks for a part of a list that is in the order of its keys.
type List struct {
	Limit int    // most wanted, at least 1
	After string // Next of the part before; "" for the beginning
}

// Listed is a part of a list.
type Listed[T any] struct {
	Items []T
	Next  string // the key of the last one; "" when nothing is left
}

// listed picks what a list asks for. What is added or taken away between two parts moves nothing else:
// the second goes on behind the key at which the first ended.
func listed[T any](m map[string]T, q List, wanted func(T) bool) Listed[T] {
	keys := slices.Sorted(maps.Keys(m))
	at, found := slices.BinarySearch(keys, q.After)
	if found {
		at++
	}
	l := Listed[T]{Items: []T{}}
	last := ""
	for _, key := range keys[at:] {
		if !wanted(m[key]) {
			continue
		}
		if len(l.Items) >= q.Limit {
			l.Next = last
			break
		}
		l.Items = append(l.Items, m[key])
		last = key
	}
	return l
}

// all wants everything.
func all[T any](T) bool { return true }

// shown replaces the items by what show makes of them.
func shown[T, U any](l Listed[T], show func(T) U) Listed[U] {
	out := Listed[U]{Items: make([]U, len(l.Items)), Next: l.Next}
	for i, item := range l.Items {
		out.Items[i] = show(item)
	}
	return out
}
