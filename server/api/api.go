// Package api is how Acquis is administered over HTTP: sources, credentials, schemas and the audit
// log, the tokens that content in a browser holds, and the dry run for partners' engineers. What it
// answers is laid down in openapi.json, which it serves.
package api

import (
	_ "embed"

	"github.com/gin-gonic/gin"

	"acquis/access"
	"acquis/server"
	"acquis/server/problem"
)

//go:embed openapi.json
var openAPI []byte

// Surface answers for the administration, under /api.
type Surface struct {
	who      server.Authenticator
	admin    *access.Admin
	tokens   *access.Tokens
	problems *problem.Writer
	document []byte // openapi.json, with the parts of others
}

// New returns the surface over what administers access.
func New(who server.Authenticator, admin *access.Admin, tokens *access.Tokens, problems *problem.Writer) *Surface {
	return &Surface{who: who, admin: admin, tokens: tokens, problems: problems, document: openAPI}
}

// Mount adds the resources.
func (s *Surface) Mount(r *gin.RouterGroup) {
	r.GET("/openapi.json", s.getOpenAPI)
	r.HEAD("/openapi.json", s.getOpenAPI)
	server.MountRoutes(r, s.who, s.problems, server.Routes{
		"GET /sources":                   s.listSources,
		"POST /sources":                  s.createSource,
		"GET /sources/:source":           s.getSource,
		"PUT /sources/:source":           s.putSource,
		"GET /credentials":               s.listCredentials,
		"POST /credentials":              s.issueCredential,
		"GET /credentials/:key":          s.getCredential,
		"PUT /credentials/:key":          s.putCredential,
		"POST /credentials/:key/rotate":  s.rotateCredential,
		"POST /credentials/:key/disable": s.disableCredential,
		"GET /schemas":                   s.listSchemas,
		"POST /schemas":                  s.registerSchema,
		"GET /schemas/:name/:version":    s.getSchema,
		"GET /audit":                     s.listAudit,
		"POST /launch-tokens":            s.launch,
	})
}
