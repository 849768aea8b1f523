package server

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"acquis/access"
	"acquis/lrs"
	"acquis/server/problem"
)

// Authenticator tells who presents something.
type Authenticator interface {
	Authenticate(ctx context.Context, given access.Presented) (lrs.Principal, error)
}

// Call is a request whose caller is known.
type Call struct {
	*gin.Context
	Caller access.Caller
}

// Handler answers a call. What it returns is written as a problem document.
type Handler func(*Call) error

// Routes are the answers of resources to methods, by method and path: "GET /sources/:source".
type Routes map[string]Handler

// MountRoutes adds routes, each of which needs a credential. A GET answers HEAD too.
func MountRoutes(r *gin.RouterGroup, who Authenticator, problems *problem.Writer, routes Routes) {
	for at, handle := range routes {
		method, path, _ := strings.Cut(at, " ")
		answer := entry(who, problems, handle)
		r.Handle(method, path, answer)
		if method == http.MethodGet {
			r.HEAD(path, answer)
		}
	}
}

// entry finds out who calls before it lets a handler answer.
func entry(who Authenticator, problems *problem.Writer, handle Handler) gin.HandlerFunc {
	return func(g *gin.Context) {
		c := &Call{Context: g}
		err := c.authenticate(who)
		if err == nil {
			err = handle(c)
		}
		if err != nil {
			problems.Write(g.Writer, g.Request, err)
		}
	}
}

func (c *Call) authenticate(who Authenticator) error {
	given, err := Presented(c.Request)
	if err != nil {
		return err
	}
	principal, err := who.Authenticate(c.Ctx(), given)
	c.Caller = access.Caller{Principal: principal, Address: given.Address}
	return err
}

// Ctx is the context of the request.
func (c *Call) Ctx() context.Context { return c.Request.Context() }

// Created answers 201 with the address of what was made, below that of the request.
func (c *Call) Created(at []string, etag string, body any) error {
	path := strings.TrimSuffix(c.Request.URL.Path, "/")
	for _, segment := range at {
		path += "/" + url.PathEscape(segment)
	}
	c.Header("Location", path)
	return c.Answer(http.StatusCreated, etag, body)
}

// defaultLimit is how many items are on a page when the client does not say.
const defaultLimit = 100

// MaxLimit is the most items on a page of a list.
const MaxLimit = 1000

// ListPage is a part of a list.
type ListPage[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // what after says to go on; left out at the end
}

// PageOf makes a page of what show makes of the things. next may hold what a URL can't.
func PageOf[T, U any](things []T, next string, show func(T) U) ListPage[U] {
	p := ListPage[U]{Items: make([]U, len(things)), Next: base64.RawURLEncoding.EncodeToString([]byte(next))}
	for i, thing := range things {
		p.Items[i] = show(thing)
	}
	return p
}

// List reads which part of a list is asked for. others are the parameters that the resource knows
// besides: any other is refused, or a filter that is misspelt would answer with everything.
func (c *Call) List(others ...string) (limit int, after string, err error) {
	given, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return 0, "", lrs.Errorf(lrs.KindInvalid, "the query of the address cannot be read: percent-encode its values")
	}
	for name, values := range given {
		if name != "limit" && name != "after" && !slices.Contains(others, name) {
			return 0, "", lrs.Errorf(lrs.KindInvalid, "there is no parameter %.100q here: see /api/openapi.json", name)
		}
		if len(values) > 1 {
			return 0, "", lrs.Errorf(lrs.KindInvalid, "the parameter %s is given more than once", name)
		}
	}
	position, err := base64.RawURLEncoding.DecodeString(given.Get("after"))
	if err != nil {
		return 0, "", lrs.Errorf(lrs.KindInvalid, "the parameter after must be the next of the page before")
	}
	limit = defaultLimit
	if given.Has("limit") {
		limit, err = strconv.Atoi(given.Get("limit"))
		if err != nil || limit < 1 || limit > MaxLimit {
			return 0, "", lrs.Errorf(lrs.KindInvalid, "the parameter limit must be a number from 1 to %d", MaxLimit)
		}
	}
	return limit, string(position), nil
}

// Time reads a parameter that is a time, zero without one.
func (c *Call) Time(name string) (time.Time, error) {
	text, given := c.GetQuery(name)
	if !given {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, lrs.Errorf(lrs.KindInvalid, "the parameter %s must be a time such as 2026-09-01T08:00:00Z", name)
	}
	return at, nil
}

// Stale tells a client whose If-Match names a former revision so (RFC 9110, section 13.1.1).
func Stale(err error) error {
	var e *lrs.Error
	if errors.As(err, &e) && e.Kind == lrs.KindConflict {
		return &lrs.Error{Kind: lrs.KindPrecondition, Detail: e.Detail, Violations: e.Violations}
	}
	return err
}
