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
	"sync"
	"testing"
	_ "time/tzdata"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"

	"acquis/access"
	"acquis/hub"
	"acquis/hub/directory"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/api"
	"acquis/server/hubapi"
	"acquis/server/problem"
	"acquis/storage/pebblestore"
)

// office is a server of the hub.
type office struct {
	url       string
	directory *directory.Directory
	router    routers.Router

	mu   sync.Mutex
	acts []hub.Act
}

// The keys of the service accounts, each named after its role; nobody has a secret.
const (
	administrator  = "administrator"
	anOperator     = "operator"
	auditor        = "auditor"
	licenceManager = "licence-manager" // of the directorate phares
	reader         = "bi-reader"
	aPartner       = "partner"
)

// Authenticate implements server.Authenticator: a key is its role.
func (h *office) Authenticate(_ context.Context, given access.Presented) (lrs.Principal, error) {
	p := lrs.Principal{Name: given.Key}
	switch given.Key {
	case aPartner:
	case licenceManager:
		p.Subtrees = []string{"phares"}
		fallthrough
	default:
		var err error
		if p.Roles, err = lrs.ParseRoles(given.Key); err != nil {
			return p, lrs.Errorf(lrs.KindUnauthenticated, "nobody has this key")
		}
	}
	return p, nil
}

// Record implements hub.Audit.
func (h *office) Record(_ context.Context, _ hub.Caller, act hub.Act) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.acts = append(h.acts, act)
	return nil
}

func openOffice(t *testing.T) *office {
	t.Helper()
	store, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir(), CacheBytes: 1 << 20, MemtableSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	calendar, err := hub.NewCalendar("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	h := &office{}
	if h.directory, err = directory.New(t.Context(), store, directory.Options{Audit: h, Calendar: calendar, EndShare: 10}); err != nil {
		t.Fatal(err)
	}
	surface := hubapi.NewDirectory(h, h.directory, problem.New(slog.New(slog.DiscardHandler)))
	srv, err := server.New(server.Options{}, server.Mount{Path: "/api", Surface: surface})
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(srv)
	t.Cleanup(listening.Close)
	h.url = listening.URL
	if h.router, err = legacy.NewRouter(directoryDocument(t)); err != nil {
		t.Fatal(err)
	}
	h.fill(t)
	return h
}

// fill imports a small ministry.
func (h *office) fill(t *testing.T) {
	t.Helper()
	h.must(t, anOperator, "POST", "/api/organisations/import", "id;name;kind;parent\nmarees;Marées;ministry;\nphares;Phares;directorate;marees\nforets;Forêts;ministry;\n", 200, nil, "Content-Type: text/csv")
	h.must(t, anOperator, "POST", "/api/people/import", "matricule;ministry;nom;prénom;mail;organisation\nM1;marees;=Abricourt;Aldine;aldine@x.example;phares\nM2;forets;Calvadon;Dorian;dorian@x.example;forets\n", 200, nil, "Content-Type: text/csv")
}

// document is what is served to tell of this surface.
func directoryDocument(t *testing.T) *openapi3.T {
	t.Helper()
	whole, err := api.Document(append(hubapi.DirectoryDocuments(), hubapi.CatalogueDocument)...)
	if err != nil {
		t.Fatal(err)
	}
	d, err := openapi3.NewLoader().LoadFromData(whole)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// reply is what the server said.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request as the holder of a key, "" for nobody, and checks that the document knows the
// reply and, when it is a success, the request.
func (h *office) send(t *testing.T, key, method, path, body string, header ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.SetBasicAuth(key, "x")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := reply{response.StatusCode, response.Header, content}
	h.check(t, r, body, a)
	return a
}

// check holds an exchange against the OpenAPI document.
func (h *office) check(t *testing.T, r *http.Request, body string, a reply) {
	t.Helper()
	at := r.Clone(t.Context())
	at.URL.Scheme, at.URL.Host = "", ""
	at.Body = io.NopCloser(strings.NewReader(body))
	route, parameters, err := h.router.FindRoute(at)
	if err != nil {
		t.Fatalf("%s %s is not in the document: %v", r.Method, r.URL.Path, err)
	}
	openapi3filter.RegisterBodyDecoder("text/csv", openapi3filter.FileBodyDecoder)
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true}
	request := &openapi3filter.RequestValidationInput{Request: at, PathParams: parameters, Route: route, Options: options}
	if a.status < 300 {
		if err := openapi3filter.ValidateRequest(t.Context(), request); err != nil {
			t.Errorf("%s %s: the document refuses a request that was answered with %d: %v", r.Method, r.URL.Path, a.status, err)
		}
	}
	response := &openapi3filter.ResponseValidationInput{RequestValidationInput: request, Status: a.status, Header: a.header, Options: options}
	if err := openapi3filter.ValidateResponse(t.Context(), response.SetBodyBytes(a.body)); err != nil {
		t.Errorf("%s %s: the document does not know this answer: %d %s: %v", r.Method, r.URL.Path, a.status, a.body, err)
	}
}

// must is send for an reply that must have the status; into is decoded from its body, nil for none.
func (h *office) must(t *testing.T, key, method, path, body string, status int, into any, header ...string) reply {
	t.Helper()
	a := h.send(t, key, method, path, body, header...)
	if a.status != status {
		t.Fatalf("%s %s as %s: %d %s, want %d", method, path, key, a.status, a.body, status)
	}
	if into != nil {
		if err := json.Unmarshal(a.body, into); err != nil {
			t.Fatalf("%v in %s", err, a.body)
		}
	}
	return a
}

var pathParameter = regexp.MustCompile(`:(\w+)`)

func TestDirectoryDocument(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	hubapi.NewDirectory(nil, nil, nil).Mount(engine.Group("/api"))
	var real, listed []string
	for _, route := range engine.Routes() {
		if route.Method != http.MethodHead { // which every GET has
			real = append(real, route.Method+" "+pathParameter.ReplaceAllString(route.Path, "{$1}"))
		}
	}
	for _, part := range hubapi.DirectoryDocuments() {
		var said struct {
			Paths map[string]map[string]json.RawMessage
		}
		if err := json.Unmarshal(part, &said); err != nil {
			t.Fatal(err)
		}
		for path, item := range said.Paths {
			for method := range item {
				if method != "parameters" {
					listed = append(listed, strings.ToUpper(method)+" "+path)
				}
			}
		}
	}
	slices.Sort(real)
	slices.Sort(listed)
	if diff := cmp.Diff(real, listed); diff != "" {
		t.Errorf("the document lists other routes than there are (-real +listed)\n%s", diff)
	}
}

// TestDirectoryPermissions tells for each route which roles it is for. What the others get is 403; what these
// get is anything else, such as 404 for what is not there.
func TestDirectoryPermissions(t *testing.T) {
	h := openOffice(t)
	everybody := []string{administrator, anOperator, auditor, licenceManager, reader, aPartner}
	managers := []string{administrator, anOperator}
	matchers := []string{administrator, anOperator, auditor}
	namers := []string{administrator, anOperator, auditor, licenceManager}
	organisers := []string{administrator, anOperator, auditor, licenceManager, reader}
	for _, route := range []struct {
		method, path, body string
		may                []string
	}{
		{"GET", "/api/people", "", namers},
		{"POST", "/api/people", `{"familyName":"X"}`, managers},
		{"POST", "/api/people/import?dry_run=true", "id\n", managers},
		{"GET", "/api/people/none", "", namers},
		{"PUT", "/api/people/none", `{}`, managers},
		{"GET", "/api/people/none/history", "", namers},
		{"GET", "/api/people/none/identities", "", matchers},
		{"POST", "/api/people/none/merge", `{"into":"x"}`, managers},
		{"POST", "/api/people/none/unmerge", `{}`, managers},
		{"GET", "/api/organisations", "", organisers},
		{"POST", "/api/organisations", `{"id":"x","name":"X","kind":"other"}`, managers},
		{"POST", "/api/organisations/import?dry_run=true", "id;name;kind\n", managers},
		{"GET", "/api/organisations/phares", "", organisers},
		{"PUT", "/api/organisations/none", `{"name":"X","kind":"other"}`, managers},
		{"GET", "/api/organisations/phares/history", "", organisers},
		{"GET", "/api/identities", "", matchers},
		{"GET", "/api/identities/none", "", matchers},
		{"POST", "/api/identities/none/link", `{"person":"x"}`, managers},
		{"POST", "/api/identities/none/unlink", `{}`, managers},
		{"POST", "/api/identities/none/ignore", `{}`, managers},
		{"POST", "/api/identities/none/undo", `{}`, managers},
	} {
		header := []string{`If-Match: "1"`}
		if strings.Contains(route.path, "import") {
			header = append(header, "Content-Type: text/csv")
		}
		for _, who := range everybody {
			t.Run(route.method+" "+route.path+" as "+who, func(t *testing.T) {
				a := h.send(t, who, route.method, route.path, route.body, header...)
				if (a.status != http.StatusForbidden) != slices.Contains(route.may, who) || a.status >= 500 {
					t.Errorf("%d %s", a.status, a.body)
				}
			})
		}
		t.Run(route.method+" "+route.path+" needs a credential", func(t *testing.T) {
			if a := h.send(t, "", route.method, route.path, route.body, header...); a.status != http.StatusUnauthorized {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}
