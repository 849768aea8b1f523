package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// pageOfList is how many items of a list are asked for at a time.
const pageOfList = 1000

// errEnough ends a walk.
var errEnough = errors.New("enough")

// walk hands every item of a list that a filter lets through to take, page after page, until the list
// ends or take returns an error. errEnough ends it without one.
func (a *asker) walk(ctx context.Context, path string, filter url.Values, take func(item jsontext.Value) error) error {
	query := url.Values{}
	for name, values := range filter {
		query[name] = values
	}
	if !query.Has("limit") {
		query.Set("limit", strconv.Itoa(pageOfList))
	}
	for {
		answer, err := a.ask(ctx, "GET", path+"?"+query.Encode(), nil)
		if err != nil {
			return err
		}
		var page struct {
			Items []jsontext.Value `json:"items"`
			Next  string           `json:"next"`
		}
		if err := json.Unmarshal(answer.body, &page); err != nil {
			return fmt.Errorf("the answer is not what this command knows: %w", err)
		}
		for _, item := range page.Items {
			switch err := take(item); {
			case errors.Is(err, errEnough):
				return nil
			case err != nil:
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		query.Set("after", page.Next)
	}
}

// all asks for a whole list, as if it had one page.
func (a *asker) all(ctx context.Context, path string, filter url.Values) (remoteReply, error) {
	return a.atMost(ctx, path, filter, 0)
}

// atMost asks for the first items of a list, as if it had one page; 0 for all of them.
func (a *asker) atMost(ctx context.Context, path string, filter url.Values, most int) (remoteReply, error) {
	whole := struct {
		Items []jsontext.Value `json:"items"`
	}{Items: []jsontext.Value{}}
	err := a.walk(ctx, path, filter, func(item jsontext.Value) error {
		whole.Items = append(whole.Items, item)
		if len(whole.Items) == most {
			return errEnough
		}
		return nil
	})
	if err != nil {
		return remoteReply{}, err
	}
	body, err := json.Marshal(whole)
	return remoteReply{body: body}, err
}
