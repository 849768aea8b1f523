package xapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"acquis/hub/exchange"
	"acquis/lrs"
)

// Reader reads another record store for a pull. It implements exchange.Reader.
type Reader struct{ client *Client }

// NewReader returns a reader by a client.
func NewReader(c *Client) *Reader { return &Reader{c} }

// First implements exchange.Reader.
func (r *Reader) First(ctx context.Context, query url.Values, keep exchange.KeepAttachment) (exchange.PulledPage, error) {
	page, err := r.client.Statements(ctx, query, Keep(keep))
	return pulled(page), err
}

// Next implements exchange.Reader.
func (r *Reader) Next(ctx context.Context, more string, keep exchange.KeepAttachment) (exchange.PulledPage, error) {
	page, err := r.client.More(ctx, more, Keep(keep))
	if answer, is := errors.AsType[*Refusal](err); is {
		switch answer.Status {
		case http.StatusBadRequest, http.StatusNotFound, http.StatusGone:
			err = errors.Join(exchange.ErrMoreGone, err)
		}
	}
	return pulled(page), err
}

// Voided implements exchange.Reader. A store that will not show one has none to show.
func (r *Reader) Voided(ctx context.Context, id lrs.ID, keep exchange.KeepAttachment) ([]byte, bool, error) {
	statement, ok, err := r.client.Statement(ctx, id, true, Keep(keep))
	if answer, is := errors.AsType[*Refusal](err); is && answer.Status == http.StatusBadRequest {
		return nil, false, nil
	}
	return statement, ok, err
}

func pulled(p Page) exchange.PulledPage {
	page := exchange.PulledPage{Statements: p.Statements, More: p.More, Odd: p.Odd}
	if !p.Through.IsZero() {
		page.Through = lrs.InstantOf(p.Through)
	}
	return page
}
