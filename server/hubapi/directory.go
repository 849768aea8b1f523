package hubapi

import (
	_ "embed"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"acquis/hub"
	"acquis/hub/directory"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/problem"
)

//go:embed people.json
var peopleDocument []byte

//go:embed organisations.json
var organisationsDocument []byte

//go:embed identities.json
var identitiesDocument []byte

// DirectoryDocuments are the parts of the OpenAPI document about organisations, people and identities.
func DirectoryDocuments() [][]byte {
	return [][]byte{peopleDocument, organisationsDocument, identitiesDocument}
}

// Directory answers for organisations, people and identities.
type Directory struct {
	who       server.Authenticator
	directory *directory.Directory
	problems  *problem.Writer
}

// NewDirectory returns the surface over a directory.
func NewDirectory(who server.Authenticator, d *directory.Directory, problems *problem.Writer) *Directory {
	return &Directory{who, d, problems}
}

// Mount adds the resources.
func (s *Directory) Mount(r *gin.RouterGroup) {
	for _, routes := range []server.Routes{s.people(), s.organisations(), s.identities()} {
		server.MountRoutes(r, s.who, s.problems, routes)
	}
}

// maxSettings bounds the body of everything but files.
const maxSettings = 1 << 20

// reasonHeader is where a client may say what it reads people for, instead of the parameter reason.
const reasonHeader = "X-Reason"

// caller is who calls, for the hub. The reason may stand in a parameter or a header.
func caller(c *server.Call) hub.Caller {
	reason := c.Query("reason")
	if reason == "" {
		reason = c.GetHeader(reasonHeader)
	}
	return hub.Caller{Principal: c.Caller.Principal, Address: c.Caller.Address, Reason: reason}
}

// because is the caller with the reason that a body gives, if it gives one.
func because(c *server.Call, reason string) hub.Caller {
	who := caller(c)
	if reason != "" {
		who.Reason = reason
	}
	return who
}

// day reads a parameter that is a date, 0 without one.
func day(c *server.Call, name string) (hub.Day, error) {
	text := c.Query(name)
	if text == "" {
		return 0, nil
	}
	d, err := hub.ParseDay(text)
	if err != nil {
		return 0, lrs.Errorf(lrs.KindInvalid, "the parameter %s must be a date such as 2026-09-01", name)
	}
	return d, nil
}

// yes reads a parameter that is true or false, false without one.
func yes(c *server.Call, name string) (bool, error) {
	switch c.Query(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, lrs.Errorf(lrs.KindInvalid, "the parameter %s must be true or false", name)
}

// file reads the CSV that an import brings.
func file(c *server.Call, most int64) ([]byte, error) {
	if mediaType, _, _ := strings.Cut(c.GetHeader("Content-Type"), ";"); strings.TrimSpace(strings.ToLower(mediaType)) != "text/csv" {
		return nil, lrs.Errorf(lrs.KindUnsupportedMediaType, "the body must be the file: send it with Content-Type text/csv")
	}
	return c.Body(most)
}

// ok answers 200.
func ok(c *server.Call, etag string, body any) error { return c.Answer(http.StatusOK, etag, body) }
