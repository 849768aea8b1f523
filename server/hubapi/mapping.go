package hubapi

import (
	"net/http"
	"strconv"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/list"
	"acquis/server"
)

// mapping is a mapping as it goes over the wire.
type mapping struct {
	catalogue.Mapping
	Revision string `json:"revision,omitempty"`
}

// listMappings answers GET /api/mappings.
func (s *Catalogue) listMappings(c *server.Call) error {
	limit, after, err := c.List("item", "source", "form", "text", "format")
	if err != nil {
		return err
	}
	f := catalogue.MappingFilter{
		Item: hub.ItemID(c.Query("item")), Source: c.Query("source"), Form: catalogue.Form(c.Query("form")), Text: c.Query("text"), After: after, Limit: limit,
	}
	profile, err := wantsCSV(c)
	if err != nil {
		return err
	}
	if profile != "" {
		f.Limit = catalogue.MaxImport // more than there can be
	}
	found, more, err := s.catalogue.Mappings(c.Ctx(), actor(c), f)
	if err != nil {
		return err
	}
	if profile != "" {
		return answerCSV(c, profile, "mappings", mappingColumns, found)
	}
	next := ""
	if more {
		next = found[len(found)-1].ID
	}
	return c.Answer(http.StatusOK, "", server.PageOf(found, next, func(m catalogue.Mapping) mapping { return mapping{Mapping: m} }))
}

var mappingColumns = []list.Column[catalogue.Mapping]{
	{Name: "iri", Of: func(m *catalogue.Mapping) string { return m.IRI }},
	{Name: "item", Of: func(m *catalogue.Mapping) string { return string(m.Item) }},
	{Name: "form", Of: func(m *catalogue.Mapping) string { return string(m.Form) }},
	{Name: "source", Of: func(m *catalogue.Mapping) string { return m.Source }},
	{Name: "scale", Of: func(m *catalogue.Mapping) string { return string(m.Progress.Scale) }},
	{Name: "progress_score", Of: func(m *catalogue.Mapping) string { return m.Progress.Score }},
	{Name: "passed_at", Of: func(m *catalogue.Mapping) string {
		if m.PassedAt == 0 {
			return ""
		}
		return strconv.FormatFloat(m.PassedAt, 'f', -1, 64)
	}},
	{Name: "parts", Of: func(m *catalogue.Mapping) string {
		if m.Parts {
			return "yes"
		}
		return ""
	}},
}

func answerMapping(c *server.Call, row docstore.Row[catalogue.Mapping]) error {
	return c.Answer(http.StatusOK, server.ETagOf(row.Revision), mapping{row.Value, server.ETagOf(row.Revision)})
}

// getMapping answers GET /api/mappings/{mapping}.
func (s *Catalogue) getMapping(c *server.Call) error {
	row, err := s.catalogue.Mapping(c.Ctx(), actor(c), c.Param("mapping"))
	if err != nil {
		return err
	}
	return answerMapping(c, row)
}

// putMapping answers POST /api/mappings: it makes the mapping or replaces the one of the same form, IRI and source.
func (s *Catalogue) putMapping(c *server.Call) error {
	var body mapping
	if err := c.Read(maxThing, &body); err != nil {
		return err
	}
	agreed, err := consent(c)
	if err != nil {
		return err
	}
	row, err := s.catalogue.PutMapping(c.Ctx(), actor(c), body.Mapping, agreed)
	if err != nil {
		return err
	}
	return answerMapping(c, row)
}

// removeMapping answers DELETE /api/mappings/{mapping}.
func (s *Catalogue) removeMapping(c *server.Call) error {
	expected, err := expectedOf(c)
	if err != nil {
		return err
	}
	if err := s.catalogue.RemoveMapping(c.Ctx(), actor(c), c.Param("mapping"), expected); err != nil {
		return staleIf(expected, err)
	}
	c.Status(http.StatusNoContent)
	return nil
}

// mappingHistory answers GET /api/mappings/{mapping}/history.
func (s *Catalogue) mappingHistory(c *server.Call) error {
	return s.history(c, "mapping/"+c.Param("mapping"))
}
