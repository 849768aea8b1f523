package api_test

import (
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"acquis/server/api"
)

func TestDocument_parts(t *testing.T) {
	part := []byte(`{"tags":[{"name":"tides"}],"paths":{"/api/tides":{"get":{"responses":{"200":{"description":"Yes."},"403":{"$ref":"#/components/responses/Forbidden"}}}}},"components":{"schemas":{"Tide":{"type":"object"}}}}`)
	t.Run("it tells what other surfaces lay down, who may use its components", func(t *testing.T) {
		whole, err := api.Document(part)
		if err != nil {
			t.Fatal(err)
		}
		d, err := openapi3.NewLoader().LoadFromData(whole)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Validate(t.Context()); err != nil {
			t.Error(err)
		}
		if d.Paths.Value("/api/tides") == nil || d.Paths.Value("/api/sources") == nil || d.Components.Schemas["Tide"] == nil || d.Tags.Get("tides") == nil {
			t.Error("a part is missing")
		}
	})
	t.Run("it refuses what is told twice", func(t *testing.T) {
		if _, err := api.Document(part, part); err == nil || !strings.Contains(err.Error(), "/api/tides") {
			t.Errorf("got %v", err)
		}
	})
}
