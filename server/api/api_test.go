package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"acquis/access"
	"acquis/hub"
	"acquis/hub/exchange"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/api"
	"acquis/server/oauth"
	"acquis/server/problem"
	"acquis/storage/accessstore"
	"acquis/storage/pebblestore"
)

// house is a server of the administration and of the doors for partners.
type house struct {
	url       string
	directory *access.Directory
	service   *lrs.Service
	router    routers.Router

	provenance *exchange.Provenance
	exchange   *exchange.Admin
}

// The keys of the service accounts, each named after its role, and of a source's credential; all have
// the secret below.
const (
	administrator = "administrator"
	operator      = "operator"
	auditor       = "auditor"
	partner       = "partner"
	secret        = "a-secret"
)

func start(t *testing.T) *house {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	backend, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir(), CacheBytes: 1 << 20, MemtableSize: 1 << 20, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := backend.Close(); err != nil {
			t.Error(err)
		}
	})
	store, err := accessstore.New(t.Context(), backend)
	if err != nil {
		t.Fatal(err)
	}
	directory, err := access.NewDirectory(t.Context(), store, access.DirectoryOptions{Compile: compile, Shipped: []access.Schema{{Name: "quiz", Version: "1", Body: []byte(`{"type":"object"}`)}}})
	if err != nil {
		t.Fatal(err)
	}
	service, err := lrs.NewService(t.Context(), backend, lrs.ServiceOptions{PageDefault: 10, PageMax: 100, Steps: 1000})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{directory: directory, service: service}
	admin := access.NewAdmin(store, directory)
	if _, err := admin.PutSource(t.Context(), access.Caller{Principal: lrs.Principal{Roles: lrs.RoleAdministrator}}, access.Source{Name: "quiz-house", Verbs: []string{"https://verbs.example/read"}}); err != nil {
		t.Fatal(err)
	}
	if err := backend.DeclareCollections(t.Context(), exchange.Collections()...); err != nil {
		t.Fatal(err)
	}
	h.provenance = exchange.NewProvenance(backend, backend)
	h.exchange = exchange.NewAdmin(exchange.AdminOptions{Store: backend, Log: backend, Judge: func(exchange.Forward) error { return nil }, JudgePull: func(exchange.Pull) error { return nil }, Audit: recorded{store}})
	h.pin(t)
	h.listen(t, admin, access.NewTokens(store, directory, access.Lifetimes{Access: time.Hour, Launch: time.Hour, LaunchMax: 8 * time.Hour}))
	return h
}

// recorded is the audit log of acts on the hub.
type recorded struct{ access.Store }

func (r recorded) Record(ctx context.Context, c hub.Caller, act hub.Act) error {
	return r.AppendAudit(ctx, access.Entry{Time: time.Now(), Actor: c.Name, Action: act.Action, Target: act.Target, Outcome: access.Outcome(act.Outcome)})
}

// unlimited is a quota that nobody reaches.
type unlimited struct{}

func (unlimited) MayStore(context.Context, lrs.Principal) error { return nil }
func (unlimited) Stored(lrs.Principal, int)                     {}

// compile takes every schema but one that says so.
func compile(schema []byte) (access.SchemaJudge, error) {
	if bytes.Contains(schema, []byte("https://elsewhere.example")) {
		return nil, &lrs.Error{Kind: lrs.KindInvalid, Detail: "the schema refers to elsewhere", Violations: []lrs.Violation{{Pointer: "/schema/$ref", Rule: "remote-ref", Detail: "must stay within the schema"}}}
	}
	return silent{}, nil
}

type silent struct{}

func (silent) About(string, string) bool    { return false }
func (silent) Judge([]byte) []lrs.Violation { return nil }

// pin lets the accounts and the partner in.
func (h *house) pin(t *testing.T) {
	t.Helper()
	credentials := []access.Credential{{Key: partner, Kind: access.OfSource, Source: "quiz-house", Scopes: lrs.ScopeStatementsWrite | lrs.ScopeState}}
	for name, role := range map[string]lrs.Role{
		administrator: lrs.RoleAdministrator, operator: lrs.RoleOperator, auditor: lrs.RoleAuditor,
		"licence-manager": lrs.RoleLicenceManager, "bi-reader": lrs.RoleBIReader,
	} {
		credentials = append(credentials, access.Credential{Key: name, Kind: access.OfAccount, Account: name, Roles: role})
	}
	for _, c := range credentials {
		if err := h.directory.Pin(c, secret); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *house) listen(t *testing.T, admin *access.Admin, tokens *access.Tokens) {
	t.Helper()
	problems := problem.New(slog.New(slog.DiscardHandler))
	partners := api.NewPartners(h.directory, h.service, problems, api.PartnersOptions{Versions: []lrs.Version{lrs.V103, lrs.V200}, BodyBytes: 1 << 20})
	here := func(r *http.Request) string { return server.ClientOf(r.Context()).Origin() }
	srv, err := server.New(
		server.Options{},
		server.Mount{Path: "/api", Surface: api.New(h.directory, admin, tokens, problems)},
		server.Mount{Path: "/api", Surface: api.NewMoving(h.directory, h.service, h.provenance, h.exchange, problems, api.MovingOptions{
			Version: lrs.V103, BodyBytes: 1 << 20, RequestBytes: 2 << 20, AttachmentBytes: 1 << 10, Quota: unlimited{},
		})},
		server.Mount{Path: "/partners", Surface: partners},
		server.Mount{Path: "", Surface: oauth.New(h.directory, tokens, here, problems)},
	)
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(srv)
	t.Cleanup(listening.Close)
	h.url = listening.URL
	if h.router, err = legacy.NewRouter(document(t)); err != nil {
		t.Fatal(err)
	}
}

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request as the holder of a key, "" for nobody, and checks that the answer is one that
// the OpenAPI document knows. When the answer is a success, so must the request be.
func (h *house) send(t *testing.T, key, method, path, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, h.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.SetBasicAuth(key, secret)
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
	a := answer{response.StatusCode, response.Header, content}
	h.check(t, r, body, a)
	return a
}

// check holds an exchange against the OpenAPI document.
func (h *house) check(t *testing.T, r *http.Request, body string, a answer) {
	t.Helper()
	at := r.Clone(t.Context())
	at.URL.Scheme, at.URL.Host = "", ""
	at.Body = io.NopCloser(strings.NewReader(body))
	route, parameters, err := h.router.FindRoute(at)
	if err != nil {
		t.Fatalf("%s %s is not in the document: %v", r.Method, r.URL.Path, err)
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true}
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.FileBodyDecoder)
	openapi3filter.RegisterBodyDecoder("multipart/mixed", openapi3filter.FileBodyDecoder)
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

// must is send for an answer that must have the status; into is decoded from its body, nil for none.
func (h *house) must(t *testing.T, key, method, path, body string, status int, into any, header ...string) answer {
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

// violations of a problem document, as "pointer rule".
func (a answer) violations(t *testing.T) []string {
	t.Helper()
	var document struct {
		Violations []struct{ Pointer, Rule string }
	}
	if err := json.Unmarshal(a.body, &document); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	found := []string{}
	for _, v := range document.Violations {
		found = append(found, v.Pointer+" "+v.Rule)
	}
	return found
}

// TestPermissions tells for each route which roles it is for. What the others get is 403; what these
// get is anything else, such as 404 for what is not there.
func TestPermissions(t *testing.T) {
	h := start(t)
	everybody := []string{administrator, operator, auditor, "licence-manager", "bi-reader", partner}
	readers := []string{administrator, operator, auditor}
	managers := []string{administrator, operator}
	for _, route := range []struct {
		method, path, body string
		may                []string
	}{
		{"GET", "/api/sources", "", readers},
		{"POST", "/api/sources", `{"name":"x"}`, managers},
		{"GET", "/api/sources/quiz-house", "", readers},
		{"PUT", "/api/sources/none", `{}`, managers},
		{"GET", "/api/credentials", "", readers},
		{"POST", "/api/credentials", `{"key":"k","source":"quiz-house","scopes":"statements/write"}`, managers},
		{"POST", "/api/credentials", `{"key":"l","source":"quiz-house","scopes":"statements/read"}`, []string{administrator}},
		{"POST", "/api/credentials", `{"key":"m","account":"m","roles":"bi-reader"}`, []string{administrator}},
		{"GET", "/api/credentials/none", "", readers},
		{"PUT", "/api/credentials/none", `{"scopes":"state"}`, managers},
		{"POST", "/api/credentials/none/rotate", `{}`, managers},
		{"POST", "/api/credentials/none/disable", "", readers}, // it is looked for first
		{"GET", "/api/schemas", "", readers},
		{"GET", "/api/schemas/quiz/1", "", readers},
		{"POST", "/api/schemas", `{"name":"s","version":"1","schema":{}}`, managers},
		{"GET", "/api/audit", "", []string{administrator, auditor}},
		{"POST", "/api/launch-tokens", `{"actor":{"mbox":"mailto:ann@example.org"},"activity":"https://pages.example/1"}`, []string{partner}},
		{"GET", "/api/pulls", "", readers},
		{"POST", "/api/pulls", `{"name":"p","endpoint":"https://lrs.example.org/xapi","key":"k","secret":"env:CONNECT_P"}`, managers},
		{"GET", "/api/pulls/none", "", readers},
		{"PUT", "/api/pulls/none", `{"endpoint":"https://lrs.example.org/xapi","key":"k","secret":"env:CONNECT_P"}`, managers},
		{"DELETE", "/api/pulls/none", "", managers},
		{"POST", "/api/pulls/none/pause", "", managers},
		{"POST", "/api/pulls/none/resume", "", managers},
		{"POST", "/api/pulls/none/run", "", managers},
		{"GET", "/api/pulls/none/runs", "", readers},
		{"GET", "/api/pulls/none/refusals", "", readers},
		{"GET", "/api/forwards", "", readers},
		{"POST", "/api/forwards", `{"name":"f","kind":"lrs","endpoint":"https://lrs.example.org/xapi","key":"k","secrets":["env:CONNECT_F"]}`, managers},
		{"GET", "/api/forwards/none", "", readers},
		{"PUT", "/api/forwards/none", `{"kind":"lrs","endpoint":"https://lrs.example.org/xapi","key":"k","secrets":["env:CONNECT_F"]}`, managers},
		{"DELETE", "/api/forwards/none", "", managers},
		{"POST", "/api/forwards/none/pause", "", managers},
		{"POST", "/api/forwards/none/resume", "", managers},
		{"GET", "/api/dead-letters", "", readers},
		{"POST", "/api/dead-letters/replay", `{"forward":"none"}`, managers},
		{"POST", "/api/dead-letters/settle", `{"forward":"none"}`, managers},
		{"GET", "/api/provenance/00000000-0000-4000-8000-000000000001", "", readers},
		{"POST", "/partners/validate", `[]`, everybody},
	} {
		for _, who := range everybody {
			allowed := false
			for _, may := range route.may {
				allowed = allowed || may == who
			}
			t.Run(route.method+" "+route.path+" "+route.body+" as "+who, func(t *testing.T) {
				a := h.send(t, who, route.method, route.path, route.body, `If-Match: "1"`)
				if (a.status != http.StatusForbidden) != allowed || a.status >= 500 {
					t.Errorf("%d %s", a.status, a.body)
				}
			})
		}
		t.Run(route.method+" "+route.path+" needs a credential", func(t *testing.T) {
			for _, authorization := range []string{"Authorization: ", "Authorization: Bearer x", "Authorization: Basic !", "Authorization: Digest x"} {
				a := h.send(t, "", route.method, route.path, route.body, authorization)
				if a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "" {
					t.Errorf("%q: %d %s", authorization, a.status, a.body)
				}
			}
		})
	}
}
