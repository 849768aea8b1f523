package hubapi_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"

	"acquis/access"
	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/completion"
	"acquis/hub/directory"
	"acquis/hub/programme"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/api"
	"acquis/server/hubapi"
	"acquis/server/problem"
	"acquis/storage/pebblestore"
)

// people are who may call, by key.
type people map[string]lrs.Principal

// Authenticate implements server.Authenticator.
func (p people) Authenticate(_ context.Context, given access.Presented) (lrs.Principal, error) {
	who, known := p[given.Key]
	if !known {
		return who, lrs.Errorf(lrs.KindUnauthenticated, "who is that?")
	}
	return who, nil
}

const (
	operator = "operator"
	manager  = "manager" // of the south
	partner  = "partner"
)

var everybody = people{
	operator: {Name: operator, Roles: lrs.RoleOperator},
	manager:  {Name: manager, Roles: lrs.RoleLicenceManager, Subtrees: []string{"south"}},
	partner:  {Name: partner, Scopes: lrs.ScopeAll},

	inspector: {Name: inspector, Roles: lrs.RoleAuditor, Subtrees: []string{"south"}},
}

// inspector is an auditor of the south.
const inspector = "inspector"

type silence struct{}

func (silence) Record(context.Context, hub.Caller, hub.Act) error { return nil }

// house is a server of the hub.
type house struct {
	url    string
	store  docstore.Store
	people *directory.Directory
	router routers.Router
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T) *house {
	t.Helper()
	store, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir(), CacheBytes: 1 << 20, MemtableSize: 1 << 20})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	paris, err := hub.NewCalendar("Europe/Paris")
	must(t, err)
	must(t, store.DeclareCollections(t.Context(), completion.Collections()...))
	h := &house{store: store}
	h.people, err = directory.New(t.Context(), store, directory.Options{Audit: silence{}, Calendar: paris})
	must(t, err)
	items, err := catalogue.New(t.Context(), store, catalogue.Options{Audit: silence{}, Calendar: paris})
	must(t, err)
	programmes, err := programme.New(t.Context(), store, programme.Options{Directory: h.people, Catalogue: items, Audit: silence{}, Calendar: paris})
	must(t, err)
	problems := problem.New(slog.New(slog.DiscardHandler))
	srv, err := server.New(
		server.Options{},
		server.Mount{Path: "/api", Surface: hubapi.NewCatalogue(everybody, items, store, problems)},
		server.Mount{Path: "/api", Surface: hubapi.NewProgrammes(everybody, programmes, problems)},
	)
	must(t, err)
	listening := httptest.NewServer(srv)
	t.Cleanup(listening.Close)
	h.url = listening.URL
	h.router, err = legacy.NewRouter(document(t))
	must(t, err)
	return h
}

func document(t *testing.T) *openapi3.T {
	t.Helper()
	whole, err := api.Document(hubapi.CatalogueDocument)
	must(t, err)
	d, err := openapi3.NewLoader().LoadFromData(whole)
	must(t, err)
	must(t, d.Validate(t.Context()))
	return d
}

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   string
}

// pointers are those of the violations, with their rules.
func (a answer) pointers(t *testing.T) (all []string) {
	t.Helper()
	var said struct{ Violations []lrs.Violation }
	must(t, json.Unmarshal([]byte(a.body), &said))
	for _, v := range said.Violations {
		all = append(all, v.Pointer+" "+v.Rule)
	}
	return all
}

// ask sends a request, expects a status, decodes the answer unless into is nil, and holds both against the OpenAPI
// document.
func (h *house) ask(t *testing.T, key, at, body string, status int, into any, header ...string) answer {
	t.Helper()
	method, path, _ := strings.Cut(at, " ")
	r, err := http.NewRequest(method, h.url+path, strings.NewReader(body))
	must(t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.SetBasicAuth(key, "secret")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	must(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	must(t, err)
	a := answer{response.StatusCode, response.Header, string(content)}
	if a.status != status {
		t.Fatalf("%s answers %d, want %d: %s", at, a.status, status, a.body)
	}
	h.check(t, r, body, a)
	if into != nil {
		must(t, json.Unmarshal(content, into))
	}
	return a
}

func (h *house) check(t *testing.T, r *http.Request, body string, a answer) {
	t.Helper()
	at := r.Clone(t.Context())
	at.URL.Scheme, at.URL.Host = "", ""
	at.Body = io.NopCloser(strings.NewReader(body))
	route, parameters, err := h.router.FindRoute(at)
	if err != nil {
		t.Fatalf("%s %s is not in the document: %v", r.Method, r.URL.Path, err)
	}
	for _, mediaType := range []string{"text/csv", "application/yaml"} {
		openapi3filter.RegisterBodyDecoder(mediaType, openapi3filter.FileBodyDecoder)
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true}
	request := &openapi3filter.RequestValidationInput{Request: at, PathParams: parameters, Route: route, Options: options}
	if a.status < 300 {
		if err := openapi3filter.ValidateRequest(t.Context(), request); err != nil {
			t.Errorf("%s %s: the document refuses a request that was answered with %d: %v", r.Method, r.URL.Path, a.status, err)
		}
	}
	response := &openapi3filter.ResponseValidationInput{RequestValidationInput: request, Status: a.status, Header: a.header, Options: options}
	if err := openapi3filter.ValidateResponse(t.Context(), response.SetBodyBytes([]byte(a.body))); err != nil {
		t.Errorf("%s %s: the document does not know this answer: %d %s: %v", r.Method, r.URL.Path, a.status, a.body, err)
	}
}

var parameter = regexp.MustCompile(`:(\w+)`)

func TestCatalogueDocument(t *testing.T) {
	t.Run("it lists the routes that there are, and no others", func(t *testing.T) {
		gin.SetMode(gin.ReleaseMode)
		engine := gin.New()
		hubapi.NewCatalogue(nil, nil, nil, nil).Mount(engine.Group("/api"))
		hubapi.NewProgrammes(nil, nil, nil).Mount(engine.Group("/api"))
		var real, listed []string
		for _, route := range engine.Routes() {
			if route.Method != http.MethodHead {
				real = append(real, route.Method+" "+parameter.ReplaceAllString(route.Path, "{$1}"))
			}
		}
		part := struct {
			Paths map[string]map[string]json.RawMessage `json:"paths"`
		}{}
		must(t, json.Unmarshal(hubapi.CatalogueDocument, &part))
		for path, item := range part.Paths {
			for method := range item {
				if method != "parameters" {
					listed = append(listed, strings.ToUpper(method)+" "+path)
				}
			}
		}
		slices.Sort(real)
		slices.Sort(listed)
		if diff := cmp.Diff(real, listed); diff != "" {
			t.Errorf("(-real +listed)\n%s", diff)
		}
	})
}

func TestCatalogue(t *testing.T) {
	h := start(t)
	h.ask(t, operator, "PUT /api/catalogue/expertises/data", `{"title":{"fr":"Données"},"order":1}`, 200, nil)
	h.ask(t, operator, "PUT /api/catalogue/providers/campus", `{"title":{"fr":"Campus"}}`, 200, nil)
	h.ask(t, operator, "PUT /api/catalogue/items/sql", `{"kind":"module","title":{"fr":"SQL"},"status":"live","expertise":"data"}`, 200, nil, "If-None-Match: *")
	h.ask(t, operator, "PUT /api/catalogue/items/analyst", `{"kind":"parcours","title":{"en":"Analyst"},"status":"live","versions":[{"rule":[{"all":["sql"]}]}]}`, 200, nil)
	t.Run("what is shown can be sent back with changes, once", func(t *testing.T) {
		a := h.ask(t, manager, "GET /api/catalogue/items/sql", "", 200, nil)
		changed := strings.Replace(a.body, `"status"`, `"minutes":30,"status"`, 1)
		h.ask(t, operator, "PUT /api/catalogue/items/sql", changed, 200, nil, "If-Match: "+a.header.Get("ETag"))
		h.ask(t, operator, "PUT /api/catalogue/items/sql", changed, 412, nil, "If-Match: "+a.header.Get("ETag"))
		h.ask(t, operator, "PUT /api/catalogue/items/sql", `{"id":"other","kind":"module","title":{"fr":"x"},"status":"live"}`, 400, nil)
	})
	t.Run("every fault is told with its pointer", func(t *testing.T) {
		a := h.ask(t, operator, "PUT /api/catalogue/items/x", `{"kind":"course","title":{},"status":"live","minutes":-1}`, 400, nil)
		if diff := cmp.Diff([]string{"/kind value", "/title required", "/minutes range"}, a.pointers(t)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("lists come in pages and as tables", func(t *testing.T) {
		var page struct {
			Items []struct{ ID string }
			Next  string
		}
		h.ask(t, manager, "GET /api/catalogue/items?limit=1", "", 200, &page)
		if len(page.Items) != 1 || page.Items[0].ID != "analyst" {
			t.Fatalf("%+v", page)
		}
		next := page.Next
		page.Next = ""
		if h.ask(t, manager, "GET /api/catalogue/items?limit=1&after="+next, "", 200, &page); page.Items[0].ID != "sql" || page.Next != "" {
			t.Errorf("%+v", page)
		}
		a := h.ask(t, manager, "GET /api/catalogue/items?part=sql&format=csv", "", 200, nil)
		if want := "id,kind,title_fr,title_en,expertise,provider,languages,minutes,modality,status,rule,from\r\nanalyst,parcours,,Analyst,,,,0,,live,all: sql,\r\n"; a.body != want || a.header.Get("Content-Type") != "text/csv; charset=utf-8" {
			t.Errorf("%q", a.body)
		}
		if a := h.ask(t, manager, "GET /api/catalogue/items?kind=module&format=excel", "", 200, nil); !strings.HasPrefix(a.body, "\uFEFFid;kind;title_fr") {
			t.Errorf("%q", a.body)
		}
		h.ask(t, manager, "GET /api/catalogue/items?expertize=data", "", 400, nil)
		h.ask(t, manager, "GET /api/catalogue/items?format=pdf", "", 400, nil)
	})
	t.Run("who may not is told so", func(t *testing.T) {
		h.ask(t, manager, "PUT /api/catalogue/items/sql", `{"kind":"module","title":{"fr":"x"},"status":"live"}`, 403, nil)
		h.ask(t, partner, "GET /api/catalogue/items", "", 403, nil)
		h.ask(t, "", "GET /api/catalogue/items", "", 401, nil)
		h.ask(t, manager, "GET /api/catalogue/items/nothing", "", 404, nil)
	})
	t.Run("the history is there", func(t *testing.T) {
		var page struct{ Items []struct{ Action, By string } }
		if h.ask(t, manager, "GET /api/catalogue/items/sql/history", "", 200, &page); len(page.Items) != 2 || page.Items[0].Action != "changed" || page.Items[0].By != operator {
			t.Errorf("%+v", page)
		}
		var terms struct{ Expertises, Providers []struct{ ID string } }
		if h.ask(t, manager, "GET /api/catalogue/terms", "", 200, &terms); len(terms.Expertises) != 1 || terms.Providers[0].ID != "campus" {
			t.Errorf("%+v", terms)
		}
	})
}

func TestCatalogue_import(t *testing.T) {
	h := start(t)
	var report struct {
		DryRun   bool
		Encoding string
		Counts   map[string]int
	}
	const file = "id;title_fr;activities\nsql;\xc9crire;urn:x:1\n"
	t.Run("a dry run changes nothing", func(t *testing.T) {
		h.ask(t, operator, "POST /api/catalogue/import?dryRun=true", file, 200, &report, "Content-Type: text/csv")
		if !report.DryRun || report.Encoding != "Windows-1252" || report.Counts["added"] != 2 {
			t.Errorf("%+v", report)
		}
		h.ask(t, manager, "GET /api/catalogue/items/sql", "", 404, nil)
	})
	t.Run("a file is taken", func(t *testing.T) {
		h.ask(t, operator, "POST /api/catalogue/import", file, 200, &report, "Content-Type: text/csv; charset=windows-1252")
		h.ask(t, manager, "GET /api/catalogue/items/sql", "", 200, nil)
		h.ask(t, operator, "POST /api/catalogue/import", "items:\n  - {id: sql, minutes: 9}\n", 200, &report, "Content-Type: application/yaml")
		if report.Counts["changed"] != 1 {
			t.Errorf("%+v", report)
		}
	})
	t.Run("faults are told by line", func(t *testing.T) {
		a := h.ask(t, operator, "POST /api/catalogue/import", "id;titre\nx;y\n", 400, nil, "Content-Type: text/csv")
		if diff := cmp.Diff([]string{"/line/1 column"}, a.pointers(t)); diff != "" {
			t.Error(diff)
		}
		h.ask(t, operator, "POST /api/catalogue/import", "{}", 415, nil)
		h.ask(t, manager, "POST /api/catalogue/import", file, 403, nil, "Content-Type: text/csv")
	})
	t.Run("the catalogue that comes along is taken whole", func(t *testing.T) {
		h.ask(t, operator, "POST /api/catalogue/import-starter", "", 200, &report)
		report.Counts = nil
		h.ask(t, operator, "POST /api/catalogue/import-starter?dryRun=true", "", 200, &report)
		if report.Counts["added"] != 0 || report.Counts["unchanged"] < 250 {
			t.Errorf("%+v", report)
		}
	})
}

func TestCatalogue_activities(t *testing.T) {
	h := start(t)
	h.ask(t, operator, "PUT /api/catalogue/items/sql", `{"kind":"module","title":{"fr":"SQL"},"status":"live"}`, 200, nil)
	for id, count := range map[string]int64{"urn:x:rare": 2, "urn:x:often": 40} {
		_, err := completion.Activities.Save(t.Context(), h.store, docstore.Row[completion.Activity]{
			Key: docstore.Key{Partition: "house", ID: id}, Value: completion.Activity{ID: id, IRI: id, Source: "pix", Count: count, First: 1, Last: 2},
		})
		must(t, err)
	}
	t.Run("what nobody has mapped is listed, the most frequent first", func(t *testing.T) {
		var page struct {
			Items []struct {
				IRI   string
				Count int
			}
		}
		if h.ask(t, manager, "GET /api/activities", "", 200, &page); len(page.Items) != 2 || page.Items[0].IRI != "urn:x:often" {
			t.Errorf("%+v", page)
		}
		if a := h.ask(t, manager, "GET /api/activities?format=csv&source=pix", "", 200, nil); !strings.HasPrefix(a.body, "iri,source,count,first,last\r\nurn:x:often,pix,40,") {
			t.Errorf("%q", a.body)
		}
		if h.ask(t, manager, "GET /api/activities?source=other", "", 200, &page); len(page.Items) != 0 {
			t.Errorf("%+v", page)
		}
		h.ask(t, partner, "GET /api/activities", "", 403, nil)
	})
	t.Run("one step maps it", func(t *testing.T) {
		var made struct{ ID, Item, Form string }
		h.ask(t, operator, "POST /api/activities/map", `{"iri":"urn:x:often","item":"sql"}`, 200, &made)
		if made.Item != "sql" || made.Form != "exact" {
			t.Errorf("%+v", made)
		}
		h.ask(t, operator, "POST /api/activities/map", `{"iri":"urn:x:often","item":"nothing"}`, 400, nil)
		a := h.ask(t, manager, "GET /api/mappings/"+made.ID, "", 200, nil)
		var page struct{ Items []struct{ IRI string } }
		if h.ask(t, manager, "GET /api/mappings?item=sql", "", 200, &page); len(page.Items) != 1 {
			t.Errorf("%+v", page)
		}
		if table := h.ask(t, manager, "GET /api/mappings?format=csv", "", 200, nil); !strings.Contains(table.body, "urn:x:often,sql,exact,") {
			t.Errorf("%q", table.body)
		}
		h.ask(t, operator, "POST /api/mappings", `{"form":"prefix","iri":"urn:x:","item":"sql","passedAt":0.5,"parts":true,"progress":{"scale":"fraction"}}`, 200, nil)
		h.ask(t, operator, "DELETE /api/mappings/"+made.ID, "", 412, nil, `If-Match: "1"`)
		h.ask(t, operator, "DELETE /api/mappings/"+made.ID, "", 204, nil, "If-Match: "+a.header.Get("ETag"))
		h.ask(t, operator, "DELETE /api/mappings/"+made.ID, "", 404, nil)
		var history struct{ Items []struct{ Action string } }
		if h.ask(t, manager, "GET /api/mappings/"+made.ID+"/history?limit=1", "", 200, &history); len(history.Items) != 1 || history.Items[0].Action != "removed" {
			t.Errorf("%+v", history)
		}
	})
}

func TestProgrammes(t *testing.T) {
	h := start(t)
	root := hub.Caller{Principal: everybody[operator]}
	for _, id := range []hub.OrganisationID{"north", "south"} {
		_, err := h.people.PutOrganisation(t.Context(), root, directory.Organisation{ID: id, Name: string(id), Kind: directory.Service, Headcounts: []directory.Headcount{{Day: 1, Count: 20}}}, 0)
		must(t, err)
	}
	person, _, err := h.people.UpsertPerson(t.Context(), root, directory.Profile{GivenName: "Dominique", FamilyName: "Fictif", Affiliations: []directory.Affiliation{{Organisation: "south"}}, Addresses: []directory.Address{{Mail: "dominique@example.org"}}})
	must(t, err)
	h.ask(t, operator, "PUT /api/catalogue/items/sql", `{"kind":"module","title":{"fr":"SQL"},"status":"live"}`, 200, nil)
	const body = `{"kind":"directors","title":{"fr":"Directeurs"},"places":220,"during":{"from":"2026-01-01","to":"2026-12-31"},"required":[{"all":["sql"]}],"cohorts":[{"id":"first"}]}`
	at := h.ask(t, operator, "PUT /api/programmes/directeurs", body, 200, nil)
	h.ask(t, operator, "PUT /api/programmes/directeurs", body, 412, nil, `If-Match: "1"`)
	h.ask(t, operator, "PUT /api/programmes/directeurs/members", `{"members":[{"person":"`+person.ID+`","cohort":"first"}]}`, 204, nil)
	day := lrs.InstantOf(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	_, err = completion.Completions.Save(t.Context(), h.store, docstore.Row[completion.Completion]{
		Key: docstore.Key{Partition: person.ID, ID: "sql"},
		Value: completion.Completion{
			Person: hub.PersonID(person.ID), Item: "sql", Kind: catalogue.Module, First: day, Latest: day, Day: hub.NewDay(2026, 3, 2),
			Completed: &completion.Mark{At: day, Stored: day}, Organisation: "south", Path: []hub.OrganisationID{"south"}, Measured: 7200,
		},
	})
	must(t, err)
	t.Run("programmes are listed and read", func(t *testing.T) {
		var page struct {
			Items []struct{ ID, Revision string }
		}
		h.ask(t, manager, "GET /api/programmes?kind=directors", "", 200, &page)
		if len(page.Items) != 1 || page.Items[0].ID != "directeurs" || `"`+page.Items[0].Revision+`"` != at.header.Get("ETag") {
			t.Errorf("%+v", page)
		}
		h.ask(t, manager, "GET /api/programmes/directeurs", "", 200, nil)
		h.ask(t, manager, "GET /api/programmes/nothing", "", 404, nil)
		h.ask(t, manager, "PUT /api/programmes/directeurs", body, 403, nil)
		h.ask(t, operator, "PUT /api/programmes/bad", `{"kind":"x","title":{}}`, 400, nil)
	})
	t.Run("progress is told, as a table too", func(t *testing.T) {
		var p struct {
			All struct{ Members, Completed int }
		}
		if h.ask(t, manager, "GET /api/programmes/directeurs/progress", "", 200, &p); p.All.Members != 1 || p.All.Completed != 1 {
			t.Errorf("%+v", p)
		}
		a := h.ask(t, manager, "GET /api/programmes/directeurs/progress", "", 200, nil, "Accept: text/csv")
		if !strings.Contains(a.body, person.ID+",first,,,2026-12-31,1,1,100,2026-03-02,false\r\n") {
			t.Errorf("%q", a.body)
		}
	})
	t.Run("targets are read and changed", func(t *testing.T) {
		a := h.ask(t, manager, "GET /api/targets", "", 200, nil)
		if !strings.Contains(a.body, `"by":"2026-12-31"`) {
			t.Errorf("%s", a.body)
		}
		h.ask(t, operator, "PUT /api/targets", `{"goal":1,"by":"2026-12-31","small":0,"socle":[{"items":["sql"],"completed":true}]}`, 200, nil)
		h.ask(t, operator, "PUT /api/targets", `{"goal":7,"small":0,"socle":[]}`, 400, nil)
	})
	t.Run("figures are told for years and spans, of one's own organisations", func(t *testing.T) {
		var f struct {
			Period struct{ From, To string }
			Rows   []struct {
				Organisation string
				Socle        *int
				Share        *float64
			}
		}
		h.ask(t, manager, "GET /api/figures/training?period=academic-year&day=2026-03-01", "", 200, &f)
		if f.Period.From != "2025-09-01" || len(f.Rows) != 1 || f.Rows[0].Organisation != "south" || *f.Rows[0].Socle != 1 || *f.Rows[0].Share != 0.05 {
			t.Errorf("%+v", f)
		}
		a := h.ask(t, operator, "GET /api/figures/training?from=2026-01-01&to=2026-12-31&format=csv", "", 200, nil)
		if !strings.Contains(a.body, "\r\nsouth,south,20,1,1,1,1,1,0.05,0,2,\r\n") {
			t.Errorf("%q", a.body)
		}
		h.ask(t, manager, "GET /api/figures/training?period=year", "", 400, nil)
		h.ask(t, manager, "GET /api/figures/training?from=soon", "", 400, nil)
		h.ask(t, manager, "GET /api/figures/training?organisation=north", "", 404, nil)
	})
}
