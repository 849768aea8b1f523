// Package connections is how connections to providers are administered and their runs read over HTTP, under
// /api: docs/connectors.md lists the resources.
package connections

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/access"
	"acquis/connectors"
	"acquis/hub"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/problem"
)

// Authenticator tells who presents something.
type Authenticator interface {
	Authenticate(ctx context.Context, given access.Presented) (lrs.Principal, error)
}

// Options configure a Surface.
type Options struct {
	// FileBytes bounds a file that is handed in.
	FileBytes int64
	// Dir is where files that are handed in lie until their run has ended; "": the system's.
	Dir string
}

// Surface answers for connections and runs, under /api.
type Surface struct {
	who      Authenticator
	service  *connectors.Service
	problems *problem.Writer
	o        Options
}

// New returns the surface over the service.
func New(who Authenticator, service *connectors.Service, problems *problem.Writer, o Options) *Surface {
	return &Surface{who: who, service: service, problems: problems, o: o}
}

// call is a request whose caller is known.
type call struct {
	*gin.Context
	caller hub.Caller
}

func (c *call) ctx() context.Context { return c.Request.Context() }

// Mount adds the resources. A GET answers HEAD too.
func (s *Surface) Mount(r *gin.RouterGroup) {
	for _, route := range []struct {
		method, path string
		handle       func(*call) error
	}{
		{"GET", "/connection-kinds", s.kinds},
		{"GET", "/connections", s.list},
		{"POST", "/connections", s.create},
		{"GET", "/connections/:name", s.get},
		{"PUT", "/connections/:name", s.put},
		{"POST", "/connections/:name/pause", s.pause(true)},
		{"POST", "/connections/:name/resume", s.pause(false)},
		{"POST", "/connections/:name/consent", s.consent},
		{"POST", "/connections/:name/check", s.check},
		{"POST", "/connections/:name/probe", s.probe},
		{"POST", "/connections/:name/run", s.run},
		{"POST", "/connections/:name/files", s.handIn},
		{"GET", "/connections/:name/runs", s.runs},
		{"GET", "/connections/:name/runs/:number", s.oneRun},
		{"GET", "/runs", s.runs},
	} {
		answer := s.entry(route.handle)
		r.Handle(route.method, route.path, answer)
		if route.method == http.MethodGet {
			r.HEAD(route.path, answer)
		}
	}
}

// entry finds out who calls before it lets a handler answer.
func (s *Surface) entry(handle func(*call) error) gin.HandlerFunc {
	return func(g *gin.Context) {
		c := &call{Context: g}
		given, err := server.Presented(g.Request)
		if err == nil {
			c.caller.Address = given.Address
			c.caller.Principal, err = s.who.Authenticate(c.ctx(), given)
		}
		if err == nil {
			err = handle(c)
		}
		if err != nil {
			s.problems.Write(g.Writer, g.Request, err)
		}
	}
}

// page is a list of things.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// shown is a connection as it goes over the wire.
type shown struct {
	connectors.Shown
	Revision string `json:"revision,omitempty"`
}

func show(c connectors.Shown) shown { return shown{c, etagOf(c.Revision)} }

// settings are what of a connection may be set.
type settings struct {
	Name          string         `json:"name"`
	Kind          string         `json:"kind"`
	Title         string         `json:"title"`
	Settings      jsontext.Value `json:"settings"`
	Schedule      string         `json:"schedule"`
	Sweep         string         `json:"sweep"`
	Paused        bool           `json:"paused"`
	ExpectedHours int            `json:"expectedHours"`
	MaxLoss       int            `json:"maxLoss"`
}

func (s settings) connection() connectors.Connection { return connectors.Connection(s) }

// kinds answers GET /api/connection-kinds.
func (s *Surface) kinds(c *call) error {
	kinds, err := s.service.Kinds(c.ctx(), c.caller)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, "", page[connectors.Kind]{Items: kinds})
}

// list answers GET /api/connections.
func (s *Surface) list(c *call) error {
	all, err := s.service.List(c.ctx(), c.caller)
	if err != nil {
		return err
	}
	items := make([]shown, len(all))
	for i, one := range all {
		items[i] = show(one)
	}
	return c.answer(http.StatusOK, "", page[shown]{Items: items})
}

// get answers GET /api/connections/{name}.
func (s *Surface) get(c *call) error {
	found, err := s.service.Get(c.ctx(), c.caller, c.Param("name"))
	return c.answerShown(http.StatusOK, found, err)
}

func (c *call) answerShown(status int, found connectors.Shown, err error) error {
	if err != nil {
		return err
	}
	return c.answer(status, etagOf(found.Revision), show(found))
}

// create answers POST /api/connections.
func (s *Surface) create(c *call) error {
	var body settings
	if err := c.read(&body); err != nil {
		return err
	}
	made, err := s.service.Put(c.ctx(), c.caller, body.connection(), 0)
	if err == nil {
		c.Header("Location", strings.TrimSuffix(c.Request.URL.Path, "/")+"/"+url.PathEscape(made.Name))
	}
	return c.answerShown(http.StatusCreated, made, err)
}

// put answers PUT /api/connections/{name}.
func (s *Surface) put(c *call) error {
	revision, err := c.ifMatch()
	if err != nil {
		return err
	}
	var body settings
	if err := c.read(&body); err != nil {
		return err
	}
	if name := c.Param("name"); body.Name != "" && body.Name != name {
		return &lrs.Error{Kind: lrs.KindInvalid, Detail: "a name cannot be changed", Violations: []lrs.Violation{{
			Pointer: "/name", Rule: "fixed", Detail: "must be as in the address, or be left out",
		}}}
	}
	body.Name = c.Param("name")
	changed, err := s.service.Put(c.ctx(), c.caller, body.connection(), revision)
	if e, is := errors.AsType[*lrs.Error](err); is && e.Kind == lrs.KindConflict { // RFC 9110, section 13.1.1
		err = &lrs.Error{Kind: lrs.KindPrecondition, Detail: e.Detail}
	}
	return c.answerShown(http.StatusOK, changed, err)
}

// pause answers POST /api/connections/{name}/pause and /resume.
func (s *Surface) pause(paused bool) func(*call) error {
	return func(c *call) error {
		changed, err := s.service.Pause(c.ctx(), c.caller, c.Param("name"), paused)
		return c.answerShown(http.StatusOK, changed, err)
	}
}

// consent answers POST /api/connections/{name}/consent.
func (s *Surface) consent(c *call) error {
	changed, err := s.service.Consent(c.ctx(), c.caller, c.Param("name"))
	return c.answerShown(http.StatusOK, changed, err)
}

// maxBody bounds the body of everything but files.
const maxBody = 512 << 10

// read decodes the JSON body of a request. Members that it does not have are refused: they are settings that
// would silently not be set.
func (c *call) read(value any) error {
	mediaType, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return lrs.Errorf(lrs.KindUnsupportedMediaType, "the body must be JSON: send it with Content-Type application/json")
	}
	server.LimitBody(c.Request, maxBody)
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, value, json.RejectUnknownMembers(true)); err != nil {
		return &lrs.Error{Kind: lrs.KindInvalid, Detail: "the body is not what this resource takes", Violations: []lrs.Violation{bodyFault(err)}}
	}
	return nil
}

func bodyFault(err error) lrs.Violation {
	var meaning *json.SemanticError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax):
		return lrs.Violation{Pointer: string(syntax.JSONPointer), Rule: "json", Detail: "the JSON breaks at byte " + strconv.FormatInt(syntax.ByteOffset, 10) + ": each name may stand once, and everything must be closed"}
	case !errors.As(err, &meaning):
		return lrs.Violation{Rule: "json", Detail: "the JSON cannot be read"}
	case errors.Is(err, json.ErrUnknownName):
		return lrs.Violation{Pointer: string(meaning.JSONPointer), Rule: "unknown-member", Detail: "is not known here: leave it out, or see docs/connectors.md for its right name"}
	}
	return lrs.Violation{Pointer: string(meaning.JSONPointer), Rule: "type", Detail: "has the wrong type: see docs/connectors.md for what it must be"}
}

// answer sends a JSON body under an ETag, "" for none.
func (c *call) answer(status int, etag string, body any) error {
	content, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return err
	}
	if etag != "" {
		c.Header("ETag", `"`+etag+`"`)
	}
	c.Data(status, "application/json", content)
	return nil
}

func etagOf(revision lrs.Instant) string { return strconv.FormatInt(int64(revision), 10) }

// ifMatch reads the revision that a change names.
func (c *call) ifMatch() (lrs.Instant, error) {
	header := c.GetHeader("If-Match")
	if header == "" {
		return 0, lrs.Errorf(lrs.KindInvalid, "the header If-Match is missing: get the resource, and send its ETag back with the change")
	}
	text := strings.Trim(strings.TrimPrefix(server.PlainETags(header), "W/"), `"`)
	revision, err := strconv.ParseInt(text, 10, 64)
	if err != nil || revision <= 0 {
		return 0, lrs.Errorf(lrs.KindPrecondition, "the header If-Match is not the ETag of a revision: get the resource anew")
	}
	return lrs.Instant(revision), nil
}
