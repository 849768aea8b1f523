package api

import (
	"net/http"

	"acquis/access"
	"acquis/lrs"
	"acquis/server"
)

// maxSettings bounds the body of everything but schemas and statements.
const maxSettings = 1 << 20

// source is a source as it goes over the wire.
type source struct {
	access.Source
	Revision string `json:"revision,omitempty"`
}

func shownSource(s access.Source) source { return source{s, server.ETagOf(s.Revision)} }

// listSources answers GET /api/sources.
func (s *Surface) listSources(c *server.Call) error {
	q, err := listOf(c)
	if err != nil {
		return err
	}
	sources, err := s.admin.Sources(c.Ctx(), c.Caller, q)
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", server.PageOf(sources.Items, sources.Next, shownSource))
}

// getSource answers GET /api/sources/{source}.
func (s *Surface) getSource(c *server.Call) error {
	found, err := s.admin.Source(c.Ctx(), c.Caller, c.Param("source"))
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, server.ETagOf(found.Revision), shownSource(found))
}

// createSource answers POST /api/sources.
func (s *Surface) createSource(c *server.Call) error {
	var body source
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	body.Source.Revision = 0
	made, err := s.admin.PutSource(c.Ctx(), c.Caller, body.Source)
	if err != nil {
		return err
	}
	return c.Created([]string{made.Name}, server.ETagOf(made.Revision), shownSource(made))
}

// putSource answers PUT /api/sources/{source}. What GET answered may be sent back with changes.
func (s *Surface) putSource(c *server.Call) error {
	revision, err := c.IfMatch()
	if err != nil {
		return err
	}
	var body source
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	name := c.Param("source")
	if body.Name != "" && body.Name != name {
		return fixed("/name", name)
	}
	body.Name, body.Source.Revision = name, revision
	changed, err := s.admin.PutSource(c.Ctx(), c.Caller, body.Source)
	if err != nil {
		return server.Stale(err)
	}
	return c.Answer(http.StatusOK, server.ETagOf(changed.Revision), shownSource(changed))
}

// fixed refuses to change what never changes.
func fixed(pointer, value string) error {
	return &lrs.Error{Kind: lrs.KindInvalid, Detail: "a name cannot be changed", Violations: []lrs.Violation{{
		Pointer: pointer, Rule: "fixed", Detail: "must be " + value + ", as in the address, or be left out",
	}}}
}
