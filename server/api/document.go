package api

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// fragment is the part of an OpenAPI document that a surface lays down for itself. It may refer to the
// components of openapi.json and of other parts.
type fragment struct {
	Tags       []jsontext.Value                     `json:"tags"`
	Paths      map[string]jsontext.Value            `json:"paths"`
	Components map[string]map[string]jsontext.Value `json:"components"`
}

// Document is openapi.json with the parts of other surfaces. It refuses what is told twice.
func Document(parts ...[]byte) ([]byte, error) {
	whole := map[string]jsontext.Value{}
	if err := json.Unmarshal(openAPI, &whole); err != nil {
		return nil, err
	}
	var all fragment
	for _, part := range append([][]byte{openAPI}, parts...) {
		var f fragment
		if err := json.Unmarshal(part, &f); err != nil {
			return nil, fmt.Errorf("api: a part of the document: %w", err)
		}
		if err := all.add(f); err != nil {
			return nil, err
		}
	}
	for name, member := range map[string]any{"tags": all.Tags, "paths": all.Paths, "components": all.Components} {
		value, err := json.Marshal(member, json.Deterministic(true))
		if err != nil {
			return nil, err
		}
		whole[name] = value
	}
	return json.Marshal(whole, json.Deterministic(true))
}

func (f *fragment) add(other fragment) error {
	f.Tags = append(f.Tags, other.Tags...)
	if f.Paths == nil {
		f.Paths, f.Components = map[string]jsontext.Value{}, map[string]map[string]jsontext.Value{}
	}
	if err := join(f.Paths, other.Paths); err != nil {
		return err
	}
	for kind, named := range other.Components {
		if f.Components[kind] == nil {
			f.Components[kind] = map[string]jsontext.Value{}
		}
		if err := join(f.Components[kind], named); err != nil {
			return err
		}
	}
	return nil
}

func join(all, more map[string]jsontext.Value) error {
	for name, value := range more {
		if _, told := all[name]; told {
			return fmt.Errorf("api: the document tells %s twice", name)
		}
		all[name] = value
	}
	return nil
}

// Describe makes the served document tell of other surfaces too, before Mount.
func (s *Surface) Describe(parts ...[]byte) error {
	document, err := Document(parts...)
	s.document = document
	return err
}

// getOpenAPI answers GET /api/openapi.json. It is open to all: it tells nothing about the installation.
func (s *Surface) getOpenAPI(c *gin.Context) {
	c.Data(http.StatusOK, "application/json", s.document)
}
