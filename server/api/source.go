package api

import (
	"errors"
	"net/http"

	"acquis/access"
	"acquis/lrs"
)

// maxSettings bounds the body of everything but schemas and statements.
const maxSettings = 1 << 20

// source is a source as it goes over the wire.
type source struct {
	access.Source
	Revision string `json:"revision,omitempty"`
}

func shownSource(s access.Source) source { return source{s, etagOf(s.Revision)} }

// listSources answers GET /api/sources.
func (s *Surface) listSources(c *call) error {
	q, err := c.list()
	if err != nil {
		return err
	}
	sources, err := s.admin.Sources(c.ctx(), c.caller, q)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, "", pageOf(sources.Items, sources.Next, shownSource))
}

// getSource answers GET /api/sources/{source}.
func (s *Surface) getSource(c *call) error {
	found, err := s.admin.Source(c.ctx(), c.caller, c.Param("source"))
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, etagOf(found.Revision), shownSource(found))
}

// createSource answers POST /api/sources.
func (s *Surface) createSource(c *call) error {
	var body source
	if err := c.read(maxSettings, &body); err != nil {
		return err
	}
	body.Source.Revision = 0
	made, err := s.admin.PutSource(c.ctx(), c.caller, body.Source)
	if err != nil {
		return err
	}
	return c.created([]string{made.Name}, etagOf(made.Revision), shownSource(made))
}

// putSource answers PUT /api/sources/{source}. What GET answered may be sent back with changes.
func (s *Surface) putSource(c *call) error {
	revision, err := c.ifMatch()
	if err != nil {
		return err
	}
	var body source
	if err := c.read(maxSettings, &body); err != nil {
		return err
	}
	name := c.Param("source")
	if body.Name != "" && body.Name != name {
		return fixed("/name", name)
	}
	body.Name, body.Source.Revision = name, revision
	changed, err := s.admin.PutSource(c.ctx(), c.caller, body.Source)
	if err != nil {
		return stale(err)
	}
	return c.answer(http.StatusOK, etagOf(changed.Revision), shownSource(changed))
}

// fixed refuses to change what never changes.
func fixed(pointer, value string) error {
	return &lrs.Error{Kind: lrs.KindInvalid, Detail: "a name cannot be changed", Violations: []lrs.Violation{{
		Pointer: pointer, Rule: "fixed", Detail: "must be " + value + ", as in the address, or be left out",
	}}}
}

// stale tells a client whose If-Match names a former revision so (RFC 9110, section 13.1.1).
func stale(err error) error {
	var e *lrs.Error
	if errors.As(err, &e) && e.Kind == lrs.KindConflict {
		return &lrs.Error{Kind: lrs.KindPrecondition, Detail: e.Detail, Violations: e.Violations}
	}
	return err
}
