package api_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"

	"acquis/server/api"
	"acquis/server/oauth"
	"acquis/server/xapi"
)

// document is what openapi.json says.
func document(t *testing.T) *openapi3.T {
	t.Helper()
	d, err := openapi3.NewLoader().LoadFromFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

var parameter = regexp.MustCompile(`:(\w+)`)

func TestDocument(t *testing.T) {
	d := document(t)
	t.Run("it is OpenAPI 3.1", func(t *testing.T) {
		if d.OpenAPI != "3.1.0" {
			t.Errorf("OpenAPI %s", d.OpenAPI)
		}
	})
	t.Run("it lists the routes that there are, and no others", func(t *testing.T) {
		gin.SetMode(gin.ReleaseMode)
		engine := gin.New()
		api.New(nil, nil, nil, nil).Mount(engine.Group("/api"))
		api.NewMoving(nil, nil, nil, nil, nil, api.MovingOptions{}).Mount(engine.Group("/api"))
		api.NewPartners(nil, nil, nil, api.PartnersOptions{}).Mount(engine.Group("/partners"))
		oauth.New(nil, nil, nil, nil).Mount(engine.Group("/"))
		var real, listed []string
		for _, route := range engine.Routes() {
			if route.Method != http.MethodHead { // which every GET has
				real = append(real, route.Method+" "+parameter.ReplaceAllString(route.Path, "{$1}"))
			}
		}
		for path, item := range d.Paths.Map() {
			for method := range item.Operations() {
				if !strings.Contains(path, "/xapi/") { // whose own tests know its routes
					listed = append(listed, method+" "+path)
				}
			}
		}
		slices.Sort(real)
		slices.Sort(listed)
		if diff := cmp.Diff(real, listed); diff != "" {
			t.Errorf("(-real +listed)\n%s", diff)
		}
	})
	t.Run("it lists the resources of the lenient door", func(t *testing.T) {
		engine := gin.New()
		xapi.New(nil, nil, nil, xapi.Options{}).Mount(engine.Group("/partners/:source/xapi"))
		real, listed := map[string]bool{}, map[string]bool{}
		for _, route := range engine.Routes() {
			real[parameter.ReplaceAllString(route.Path, "{$1}")] = true
		}
		for path := range d.Paths.Map() {
			if strings.Contains(path, "/xapi/") {
				listed[path] = true
			}
		}
		if diff := cmp.Diff(real, listed); diff != "" {
			t.Errorf("(-real +listed)\n%s", diff)
		}
	})
	t.Run("it is served to everybody, as it is", func(t *testing.T) {
		h := start(t)
		a := h.must(t, "", "GET", "/api/openapi.json", "", http.StatusOK, nil)
		served, err := openapi3.NewLoader().LoadFromData(a.body)
		if err != nil || served.OpenAPI != "3.1.0" || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%v, %s", err, a.header.Get("Content-Type"))
		}
	})
}
