package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"acquis/lrs"
	"acquis/server"
	"acquis/server/problem"
)

// PartnersOptions configure Partners.
type PartnersOptions struct {
	Versions  []lrs.Version // spoken
	BodyBytes int64         // most bytes of a body
}

// Partners is the surface for the engineers of partners, under /partners: they try statements before
// they send them.
type Partners struct {
	who      server.Authenticator
	service  *lrs.Service
	problems *problem.Writer
	options  PartnersOptions
}

// NewPartners returns the surface over a service.
func NewPartners(who server.Authenticator, service *lrs.Service, problems *problem.Writer, o PartnersOptions) *Partners {
	return &Partners{who: who, service: service, problems: problems, options: o}
}

// Mount adds the resources.
func (s *Partners) Mount(r *gin.RouterGroup) {
	server.MountRoutes(r, s.who, s.problems, server.Routes{"POST /validate": s.validate})
}

// verdict is what would come of statements in one version.
type verdict struct {
	Accepted   bool            `json:"accepted"`
	Status     int             `json:"status"` // of the answer to a POST
	Detail     string          `json:"detail,omitempty"`
	Statements int             `json:"statements"` // how many could be read
	Violations []lrs.Violation `json:"violations"` // that refuse them
	Noted      []lrs.Violation `json:"noted"`      // that do not
	Repeats    []lrs.ID        `json:"repeats"`    // ids that are stored already, with the same statement
}

// verdicts are by version.
type verdicts struct {
	Source   string                  `json:"source"`
	Versions map[lrs.Version]verdict `json:"versions"`
}

// validate answers POST /partners/validate: what would happen to a statement or a batch of them. It
// stores nothing and needs no scope; what a credential lacks is among the violations.
func (s *Partners) validate(c *server.Call) error {
	if c.Caller.Launch != nil {
		return lrs.Errorf(lrs.KindForbidden, "a launch token cannot try statements: use the credential of the source")
	}
	if err := c.IsJSON(); err != nil {
		return err
	}
	body, err := c.Body(s.options.BodyBytes)
	if err != nil {
		return err
	}
	answer := verdicts{Source: c.Caller.Source, Versions: map[lrs.Version]verdict{}}
	for _, version := range s.options.Versions {
		x, err := s.service.ExamineStatements(c.Ctx(), c.Caller.Principal, lrs.StoreRequest{Version: version, Body: body})
		if err != nil {
			return err
		}
		answer.Versions[version] = verdictOf(x)
	}
	return c.Answer(http.StatusOK, "", answer)
}

func verdictOf(x lrs.Examination) verdict {
	v := verdict{
		Accepted: x.Kind == 0, Status: http.StatusOK, Detail: x.Detail, Statements: x.Statements,
		Violations: x.Violations, Noted: x.Noted, Repeats: x.Repeats,
	}
	if !v.Accepted {
		v.Status = problem.StatusOf(x.Kind)
	}
	return v
}
