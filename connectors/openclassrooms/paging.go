package openclassrooms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"acquis/connectors"
)

// mostPages bounds what is read of one list, for the case that its end never comes.
const mostPages = 20_000

// slice is a part of a list.
type slice struct {
	items []item
	total int // of the whole list; -1 when nobody says
	last  bool
	next  string // address of the next, where it is told
}

// cursor is where a list is read on.
type cursor struct {
	number int // of items before it
	page   int // from 0
	next   string
}

// list reads a list slice by slice.
func (s *session) list(ctx context.Context, p *port, user string, yield func(slice) error) error {
	var at cursor
	for ; at.page < mostPages; at.page++ {
		part, err := s.slice(ctx, p, user, at)
		if err != nil {
			return err
		}
		if err := yield(part); err != nil {
			return err
		}
		if part.last {
			return nil
		}
		at.number += len(part.items)
		at.next = part.next
	}
	return connectors.Faultf(connectors.GiveUp, "A list of OpenClassrooms has no end, so it was given up. Check the setting paging.", "%s has more than %d pages", p.Path, mostPages)
}

// asks is how often an answer that cannot be used is asked for.
const asks = 2

// slice asks for one part, once more when the answer makes no sense.
func (s *session) slice(ctx context.Context, p *port, user string, at cursor) (part slice, err error) {
	var unusable error
	for range asks {
		request, err := s.paged(ctx, p, user, at)
		if err != nil {
			return part, err
		}
		answer, err := s.caller.Do(ctx, request)
		if err != nil {
			return part, err
		}
		if answer.Status == http.StatusRequestedRangeNotSatisfiable && s.settings.Paging.Kind == pagingRange {
			return s.beyond(answer, at)
		}
		if answer.Status != http.StatusOK && answer.Status != http.StatusPartialContent {
			return part, &statusError{answer.Status, p.Path, saidBy(answer)}
		}
		if part, unusable = s.read(p, answer, at); unusable == nil {
			return part, nil
		}
	}
	return part, connectors.Faultf(connectors.RetryLater,
		"OpenClassrooms' answer makes no sense, so nothing was taken from it. Acquis will ask again; if it goes on, show the detail to an engineer.",
		"GET %s: %v", p.Path, unusable)
}

// paged makes the request for a part.
func (s *session) paged(ctx context.Context, p *port, user string, at cursor) (*http.Request, error) {
	paging, query := s.settings.Paging, url.Values{}
	if paging.Kind == pagingNext && at.next != "" {
		base, err := url.Parse(s.settings.BaseURL)
		if err != nil {
			return nil, err
		}
		next, err := base.Parse(at.next)
		if err != nil || next.Host != base.Host {
			return nil, connectors.Faultf(connectors.GiveUp, "OpenClassrooms sends Acquis on to another server. Nothing was taken from it; show the detail to an engineer.", "the next page of %s is at another host", p.Path)
		}
		return s.prepared(ctx, next.String())
	}
	switch paging.Kind {
	case pagingPage:
		query.Set(paging.Number, strconv.Itoa(at.page+paging.First))
		query.Set(paging.Limit, strconv.Itoa(paging.Size))
	case pagingOffset:
		query.Set(paging.Number, strconv.Itoa(at.number))
		query.Set(paging.Limit, strconv.Itoa(paging.Size))
	}
	request, err := s.request(ctx, p, user, query)
	if err == nil && paging.Kind == pagingRange {
		request.Header.Set("Range", fmt.Sprintf("items=%d-%d", at.number, at.number+paging.Size-1))
	}
	return request, err
}

// beyond is an answer that says that the part is behind the end.
func (s *session) beyond(answer connectors.Answer, at cursor) (slice, error) {
	total := at.number
	if n, err := fmt.Sscanf(answer.Header.Get("Content-Range"), "items */%d", &total); n != 1 || err != nil {
		total = -1
	}
	return slice{total: total, last: true}, nil
}

// read takes a part out of an answer, and refuses one that is another than was asked for.
func (s *session) read(p *port, answer connectors.Answer, at cursor) (part slice, err error) {
	part.total = -1
	value, err := decode(answer.Body)
	if err != nil {
		return part, err
	}
	if part.items, err = p.itemsOf(value); err != nil {
		return part, err
	}
	switch s.settings.Paging.Kind {
	case pagingRange:
		return part, part.ranged(answer, at)
	case pagingNext:
		next, _ := item{value: value}.at(s.settings.Paging.Next)
		part.next, _ = next.(string)
		part.last = part.next == ""
	case pagingNone:
		part.last = true
	default:
		part.last = len(part.items) < s.settings.Paging.Size
	}
	return part, nil
}

// ranged reads Content-Range. A 206 without one could be any part.
func (part *slice) ranged(answer connectors.Answer, at cursor) error {
	header := answer.Header.Get("Content-Range")
	if answer.Status == http.StatusOK {
		if at.number > 0 {
			return errors.New("a part was asked for, 200 came")
		}
		part.last, part.total = true, len(part.items)
		return nil
	}
	var from, to, total int
	if n, err := fmt.Sscanf(header, "items %d-%d/%d", &from, &to, &total); n < 2 || n == 2 && header == "" {
		return fmt.Errorf("206 came without a Content-Range of items: %w", err)
	} else if n == 2 { // items 0-19/*
		total = -1
	}
	if from != at.number || to-from+1 != len(part.items) {
		return fmt.Errorf("the part from %d was asked for, %d to %d came with %d items", at.number, from, to, len(part.items))
	}
	part.total = total
	part.last = len(part.items) == 0 || total >= 0 && to+1 >= total
	return nil
}
