package api

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"

	"acquis/access"
	"acquis/lrs"
)

// How many items are on a page.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// page is a part of a list.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // what after says to go on; left out at the end
}

// pageOf makes a page of what show makes of the things. next may hold what a URL can't.
func pageOf[T, U any](things []T, next string, show func(T) U) page[U] {
	p := page[U]{Items: make([]U, len(things)), Next: base64.RawURLEncoding.EncodeToString([]byte(next))}
	for i, thing := range things {
		p.Items[i] = show(thing)
	}
	return p
}

// list reads which part of a list is asked for. others are the parameters that the resource knows
// besides: any other is refused, or a filter that is misspelt would answer with everything.
func (c *call) list(others ...string) (access.List, error) {
	given, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return access.List{}, lrs.Errorf(lrs.KindInvalid, "the query of the address cannot be read: percent-encode its values")
	}
	for name, values := range given {
		if name != "limit" && name != "after" && !slices.Contains(others, name) {
			return access.List{}, lrs.Errorf(lrs.KindInvalid, "there is no parameter %.100q here: see /api/openapi.json", name)
		}
		if len(values) > 1 {
			return access.List{}, lrs.Errorf(lrs.KindInvalid, "the parameter %s is given more than once", name)
		}
	}
	after, err := base64.RawURLEncoding.DecodeString(given.Get("after"))
	if err != nil {
		return access.List{}, lrs.Errorf(lrs.KindInvalid, "the parameter after must be the next of the page before")
	}
	q := access.List{Limit: defaultLimit, After: string(after)}
	if given.Has("limit") {
		q.Limit, err = strconv.Atoi(given.Get("limit"))
		if err != nil || q.Limit < 1 || q.Limit > maxLimit {
			return access.List{}, lrs.Errorf(lrs.KindInvalid, "the parameter limit must be a number from 1 to %d", maxLimit)
		}
	}
	return q, nil
}
