package api

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/access"
	"acquis/server"
)

// maxSchema bounds the registration of a schema.
const maxSchema = 2 << 20

// schemaHeader is a version of a schema without its text.
type schemaHeader struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Shipped bool   `json:"shipped"`
}

func shownSchema(s access.Schema) schemaHeader { return schemaHeader{s.Name, s.Version, s.Shipped} }

// newSchema is a version of a schema that is to be registered.
type newSchema struct {
	Name    string         `json:"name"`
	Version string         `json:"version"`
	Schema  jsontext.Value `json:"schema"`
}

// listSchemas answers GET /api/schemas.
func (s *Surface) listSchemas(c *server.Call) error {
	q, err := listOf(c)
	if err != nil {
		return err
	}
	schemas, err := s.admin.Schemas(c.Ctx(), c.Caller, q)
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", server.PageOf(schemas.Items, schemas.Next, shownSchema))
}

// getSchema answers GET /api/schemas/{name}/{version} with the schema itself.
func (s *Surface) getSchema(c *server.Call) error {
	found, err := s.admin.Schema(c.Ctx(), c.Caller, c.Param("name"), c.Param("version"))
	if err != nil {
		return err
	}
	c.Data(http.StatusOK, "application/schema+json", found.Body)
	return nil
}

// registerSchema answers POST /api/schemas.
func (s *Surface) registerSchema(c *server.Call) error {
	var body newSchema
	if err := c.Read(maxSchema, &body); err != nil {
		return err
	}
	made, err := s.admin.RegisterSchema(c.Ctx(), c.Caller, access.Schema{Name: body.Name, Version: body.Version, Body: body.Schema})
	if err != nil {
		return err
	}
	return c.Created([]string{made.Name, made.Version}, "", shownSchema(made))
}
