package hubapi

import (
	"time"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/directory"
	"acquis/hub/list"
	"acquis/lrs"
	"acquis/server"
)

func (s *Directory) organisations() server.Routes {
	return server.Routes{
		"GET /organisations":                       s.listOrganisations,
		"POST /organisations":                      s.createOrganisation,
		"POST /organisations/import":               s.importOrganisations,
		"GET /organisations/:organisation":         s.getOrganisation,
		"PUT /organisations/:organisation":         s.putOrganisation,
		"GET /organisations/:organisation/history": s.getOrganisationHistory,
	}
}

// organisation is an organisation as it goes over the wire.
type organisation struct {
	ID         hub.OrganisationID         `json:"id"`
	Name       string                     `json:"name"`
	Kind       directory.OrganisationKind `json:"kind"`
	SIRET      string                     `json:"siret,omitempty"`
	Parents    []directory.Edge           `json:"parents,omitempty"`
	Headcounts []directory.Headcount      `json:"headcounts,omitempty"`
	hub.Span
	Updated  time.Time `json:"updated,omitzero"`
	Revision string    `json:"revision,omitempty"`
}

func shownOrganisation(r docstore.Row[directory.Organisation]) organisation {
	o := r.Value
	return organisation{o.ID, o.Name, o.Kind, o.SIRET, o.Parents, o.Headcounts, o.Span, o.Updated, server.ETagOf(r.Revision)}
}

func (o organisation) told() directory.Organisation {
	return directory.Organisation{ID: o.ID, Name: o.Name, Kind: o.Kind, SIRET: o.SIRET, Parents: o.Parents, Headcounts: o.Headcounts, Span: o.Span}
}

// listOrganisations answers GET /api/organisations.
func (s *Directory) listOrganisations(c *server.Call) error {
	limit, after, err := c.List(listParameters("name", "kind", "under", "on")...)
	if err != nil {
		return err
	}
	on, err := day(c, "on")
	if err != nil {
		return err
	}
	f := directory.OrganisationFilter{Name: c.Query("name"), Kind: directory.OrganisationKind(c.Query("kind")), Under: hub.OrganisationID(c.Query("under")), On: on}
	return listed[docstore.Row[directory.Organisation]]{
		Name: "organisations", Columns: s.directory.OrganisationColumns(on),
		Read: func(q list.Query) (list.Page[docstore.Row[directory.Organisation]], error) {
			return s.directory.Organisations(c.Ctx(), caller(c), f, q)
		},
		Show: func(r docstore.Row[directory.Organisation]) any { return shownOrganisation(r) },
	}.answer(c, limit, after)
}

// getOrganisation answers GET /api/organisations/{organisation}.
func (s *Directory) getOrganisation(c *server.Call) error {
	row, err := s.directory.Organisation(c.Ctx(), caller(c), hub.OrganisationID(c.Param("organisation")))
	if err != nil {
		return err
	}
	return ok(c, server.ETagOf(row.Revision), shownOrganisation(row))
}

// getOrganisationHistory answers GET /api/organisations/{organisation}/history.
func (s *Directory) getOrganisationHistory(c *server.Call) error {
	row, err := s.directory.Organisation(c.Ctx(), caller(c), hub.OrganisationID(c.Param("organisation")))
	if err != nil {
		return err
	}
	return ok(c, "", server.PageOf(row.Value.History, "", func(h directory.OrganisationChange) directory.OrganisationChange { return h }))
}

// createOrganisation answers POST /api/organisations.
func (s *Directory) createOrganisation(c *server.Call) error {
	var body organisation
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	row, err := s.directory.PutOrganisation(c.Ctx(), caller(c), body.told(), 0)
	if err != nil {
		return err
	}
	return c.Created([]string{row.ID}, server.ETagOf(row.Revision), shownOrganisation(row))
}

// putOrganisation answers PUT /api/organisations/{organisation}. What GET answered may be sent back
// with changes.
func (s *Directory) putOrganisation(c *server.Call) error {
	revision, err := c.IfMatch()
	if err != nil {
		return err
	}
	var body organisation
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	id := hub.OrganisationID(c.Param("organisation"))
	if body.ID != "" && body.ID != id {
		return &lrs.Error{Kind: lrs.KindInvalid, Detail: "an id cannot be changed", Violations: []lrs.Violation{{
			Pointer: "/id", Rule: "fixed", Detail: "must be that of the address, or be left out",
		}}}
	}
	body.ID = id
	row, err := s.directory.PutOrganisation(c.Ctx(), caller(c), body.told(), revision)
	if err != nil {
		return server.Stale(err)
	}
	return ok(c, server.ETagOf(row.Revision), shownOrganisation(row))
}

// importOrganisations answers POST /api/organisations/import.
func (s *Directory) importOrganisations(c *server.Call) error {
	if _, _, err := c.List("dry_run", "skip_faulty", "day", "reason"); err != nil {
		return err
	}
	var in directory.OrganisationsImport
	var err error
	if in.DryRun, err = yes(c, "dry_run"); err != nil {
		return err
	}
	if in.Skip, err = yes(c, "skip_faulty"); err != nil {
		return err
	}
	if in.Day, err = day(c, "day"); err != nil {
		return err
	}
	if in.File, err = file(c, directory.MaxImport); err != nil {
		return err
	}
	report, err := s.directory.ImportOrganisations(c.Ctx(), caller(c), in)
	if err != nil {
		return err
	}
	return ok(c, "", report)
}
