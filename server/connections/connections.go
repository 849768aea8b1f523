// Package connections is how connections to providers are administered and their runs read over HTTP, under
// /api: docs/connectors.md lists the resources.
package connections

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
	"acquis/hub"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/problem"
)

// Options configure a Surface.
type Options struct {
	// FileBytes bounds a file that is handed in.
	FileBytes int64
	// Dir is where files that are handed in lie until their run has ended; "": the system's.
	Dir string
}

// Surface answers for connections and runs, under /api.
type Surface struct {
	who      server.Authenticator
	service  *connectors.Service
	problems *problem.Writer
	o        Options
}

// New returns the surface over the service.
func New(who server.Authenticator, service *connectors.Service, problems *problem.Writer, o Options) *Surface {
	return &Surface{who: who, service: service, problems: problems, o: o}
}

// call is a request whose caller is known, as the hub calls them.
type call struct {
	*server.Call
	caller hub.Caller
}

// Mount adds the resources. A GET answers HEAD too.
func (s *Surface) Mount(r *gin.RouterGroup) {
	routes := server.Routes{}
	for at, handle := range map[string]func(*call) error{
		"GET /connection-kinds":               s.kinds,
		"GET /connections":                    s.list,
		"POST /connections":                   s.create,
		"GET /connections/:name":              s.get,
		"PUT /connections/:name":              s.put,
		"POST /connections/:name/pause":       s.pause(true),
		"POST /connections/:name/resume":      s.pause(false),
		"POST /connections/:name/consent":     s.consent,
		"POST /connections/:name/check":       s.check,
		"POST /connections/:name/probe":       s.probe,
		"POST /connections/:name/run":         s.run,
		"POST /connections/:name/files":       s.handIn,
		"GET /connections/:name/runs":         s.runs,
		"GET /connections/:name/runs/:number": s.oneRun,
		"GET /runs":                           s.runs,
	} {
		routes[at] = func(c *server.Call) error {
			return handle(&call{c, hub.Caller{Principal: c.Caller.Principal, Address: c.Caller.Address}})
		}
	}
	server.MountRoutes(r, s.who, s.problems, routes)
}

// shown is a connection as it goes over the wire.
type shown struct {
	connectors.Shown
	Revision string `json:"revision,omitempty"`
}

func show(c connectors.Shown) shown { return shown{c, server.ETagOf(c.Revision)} }

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
	kinds, err := s.service.Kinds(c.Ctx(), c.caller)
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", server.ListPage[connectors.Kind]{Items: kinds})
}

// list answers GET /api/connections.
func (s *Surface) list(c *call) error {
	all, err := s.service.List(c.Ctx(), c.caller)
	if err != nil {
		return err
	}
	items := make([]shown, len(all))
	for i, one := range all {
		items[i] = show(one)
	}
	return c.Answer(http.StatusOK, "", server.ListPage[shown]{Items: items})
}

// get answers GET /api/connections/{name}.
func (s *Surface) get(c *call) error {
	found, err := s.service.Get(c.Ctx(), c.caller, c.Param("name"))
	return c.answerShown(http.StatusOK, found, err)
}

func (c *call) answerShown(status int, found connectors.Shown, err error) error {
	if err != nil {
		return err
	}
	return c.Answer(status, server.ETagOf(found.Revision), show(found))
}

// create answers POST /api/connections.
func (s *Surface) create(c *call) error {
	var body settings
	if err := c.Read(maxBody, &body); err != nil {
		return err
	}
	made, err := s.service.Put(c.Ctx(), c.caller, body.connection(), 0)
	if err == nil {
		c.Header("Location", strings.TrimSuffix(c.Request.URL.Path, "/")+"/"+url.PathEscape(made.Name))
	}
	return c.answerShown(http.StatusCreated, made, err)
}

// put answers PUT /api/connections/{name}.
func (s *Surface) put(c *call) error {
	revision, err := c.IfMatch()
	if err != nil {
		return err
	}
	var body settings
	if err := c.Read(maxBody, &body); err != nil {
		return err
	}
	if name := c.Param("name"); body.Name != "" && body.Name != name {
		return &lrs.Error{Kind: lrs.KindInvalid, Detail: "a name cannot be changed", Violations: []lrs.Violation{{
			Pointer: "/name", Rule: "fixed", Detail: "must be as in the address, or be left out",
		}}}
	}
	body.Name = c.Param("name")
	changed, err := s.service.Put(c.Ctx(), c.caller, body.connection(), revision)
	if e, is := errors.AsType[*lrs.Error](err); is && e.Kind == lrs.KindConflict { // RFC 9110, section 13.1.1
		err = &lrs.Error{Kind: lrs.KindPrecondition, Detail: e.Detail}
	}
	return c.answerShown(http.StatusOK, changed, err)
}

// pause answers POST /api/connections/{name}/pause and /resume.
func (s *Surface) pause(paused bool) func(*call) error {
	return func(c *call) error {
		changed, err := s.service.Pause(c.Ctx(), c.caller, c.Param("name"), paused)
		return c.answerShown(http.StatusOK, changed, err)
	}
}

// consent answers POST /api/connections/{name}/consent.
func (s *Surface) consent(c *call) error {
	changed, err := s.service.Consent(c.Ctx(), c.caller, c.Param("name"))
	return c.answerShown(http.StatusOK, changed, err)
}

// maxBody bounds the body of everything but files.
const maxBody = 512 << 10
