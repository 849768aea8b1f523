// Package api is how Acquis is administered over HTTP: sources, credentials, schemas and the audit
// log, the tokens that content in a browser holds, and the dry run for partners' engineers. What it
// answers is laid down in openapi.json, which it serves.
package api

import (
	"context"
	_ "embed"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"acquis/access"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/problem"
)

//go:embed openapi.json
var openAPI []byte

// Authenticator tells who presents something.
type Authenticator interface {
	Authenticate(ctx context.Context, given access.Presented) (lrs.Principal, error)
}

// handler answers a call. What it returns is written as a problem document.
type handler func(*call) error

// route is a resource's answer to a method.
type route struct {
	method, path string
	handle       handler
}

// call is a request whose caller is known.
type call struct {
	*gin.Context
	caller access.Caller
}

// Surface answers for the administration, under /api.
type Surface struct {
	who      Authenticator
	admin    *access.Admin
	tokens   *access.Tokens
	problems *problem.Writer
}

// New returns the surface over what administers access.
func New(who Authenticator, admin *access.Admin, tokens *access.Tokens, problems *problem.Writer) *Surface {
	return &Surface{who: who, admin: admin, tokens: tokens, problems: problems}
}

// Mount adds the resources.
func (s *Surface) Mount(r *gin.RouterGroup) {
	r.GET("/openapi.json", getOpenAPI)
	r.HEAD("/openapi.json", getOpenAPI)
	mount(r, s.who, s.problems, []route{
		{"GET", "/sources", s.listSources},
		{"POST", "/sources", s.createSource},
		{"GET", "/sources/:source", s.getSource},
		{"PUT", "/sources/:source", s.putSource},
		{"GET", "/credentials", s.listCredentials},
		{"POST", "/credentials", s.issueCredential},
		{"GET", "/credentials/:key", s.getCredential},
		{"PUT", "/credentials/:key", s.putCredential},
		{"POST", "/credentials/:key/rotate", s.rotateCredential},
		{"POST", "/credentials/:key/disable", s.disableCredential},
		{"GET", "/schemas", s.listSchemas},
		{"POST", "/schemas", s.registerSchema},
		{"GET", "/schemas/:name/:version", s.getSchema},
		{"GET", "/audit", s.listAudit},
		{"POST", "/launch-tokens", s.launch},
	})
}

// getOpenAPI answers GET /api/openapi.json. It is open to all: it tells nothing about the installation.
func getOpenAPI(c *gin.Context) { c.Data(http.StatusOK, "application/json", openAPI) }

// mount adds routes, each of which needs a credential. A GET answers HEAD too.
func mount(r *gin.RouterGroup, who Authenticator, problems *problem.Writer, routes []route) {
	for _, route := range routes {
		answer := entry(who, problems, route.handle)
		r.Handle(route.method, route.path, answer)
		if route.method == http.MethodGet {
			r.HEAD(route.path, answer)
		}
	}
}

// entry finds out who calls before it lets a handler answer.
func entry(who Authenticator, problems *problem.Writer, handle handler) gin.HandlerFunc {
	return func(g *gin.Context) {
		c := &call{Context: g}
		err := c.authenticate(who)
		if err == nil {
			err = handle(c)
		}
		if err != nil {
			problems.Write(g.Writer, g.Request, err)
		}
	}
}

func (c *call) authenticate(who Authenticator) error {
	given, err := server.Presented(c.Request)
	if err != nil {
		return err
	}
	principal, err := who.Authenticate(c.ctx(), given)
	c.caller = access.Caller{Principal: principal, Address: given.Address}
	return err
}

// ctx is the context of the request.
func (c *call) ctx() context.Context { return c.Request.Context() }

// created answers 201 with the address of what was made.
func (c *call) created(at []string, etag string, body any) error {
	path := strings.TrimSuffix(c.Request.URL.Path, "/")
	for _, segment := range at {
		path += "/" + url.PathEscape(segment)
	}
	c.Header("Location", path)
	return c.answer(http.StatusCreated, etag, body)
}
