package oauth_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"acquis/access"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/oauth"
	"acquis/server/problem"
	"acquis/storage/accessstore"
	"acquis/storage/pebblestore"
)

// endpoints is a server of the surface, with a client to exchange.
type endpoints struct {
	url         string
	directory   *access.Directory
	admin       *access.Admin
	key, secret string // of a credential that writes statements and reads its own
	other       string // another key, with the secret otherSecret
	otherSecret string
}

var root = access.Caller{Principal: lrs.Principal{Name: "root", Roles: lrs.RoleAdministrator}}

func start(t *testing.T) *endpoints { return startWith(t, access.DirectoryOptions{}) }

func startWith(t *testing.T, o access.DirectoryOptions) *endpoints {
	t.Helper()
	backend, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir(), CacheBytes: 1 << 20, MemtableSize: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
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
	directory, err := access.NewDirectory(t.Context(), store, o)
	if err != nil {
		t.Fatal(err)
	}
	e := &endpoints{directory: directory, admin: access.NewAdmin(store, directory)}
	if _, err := e.admin.PutSource(t.Context(), root, access.Source{Name: "pix"}); err != nil {
		t.Fatal(err)
	}
	e.key, e.secret = e.issue(t, "pix-1", lrs.ScopeStatementsWrite|lrs.ScopeStatementsReadMine)
	e.other, e.otherSecret = e.issue(t, "pix-2", lrs.ScopeAll)
	tokens := access.NewTokens(store, directory, access.Lifetimes{Access: time.Hour, Launch: time.Hour, LaunchMax: time.Hour})
	publicURL := func(*http.Request) string { return "https://acquis.example/lrs" }
	surface := oauth.New(directory, tokens, publicURL, problem.New(slog.New(slog.DiscardHandler)))
	srv, err := server.New(server.Options{}, server.Mount{Path: "", Surface: surface})
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(srv)
	t.Cleanup(listening.Close)
	e.url = listening.URL
	return e
}

func (e *endpoints) issue(t *testing.T, key string, scopes lrs.Scope) (string, string) {
	t.Helper()
	k, secret, err := e.admin.IssueCredential(t.Context(), root, access.Credential{Key: key, Kind: access.OfSource, Source: "pix", Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return k.Key, secret
}

// answer is what an endpoint says.
type answer struct {
	status int
	header http.Header
	body   string
	fields map[string]any // of a JSON object
}

// post sends a form; basic is "key:secret", or "" for none.
func (e *endpoints) post(t *testing.T, path, basic string, form url.Values, header ...string) answer {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, e.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if key, secret, given := strings.Cut(basic, ":"); given {
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
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	_ = json.Unmarshal(body, &a.fields) // an answer without a body has none
	return a
}

// inForm is a form for a token, with the client's key and secret in it.
func (e *endpoints) inForm(pairs ...string) url.Values {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {e.key}, "client_secret": {e.secret}}
	for i := 0; i < len(pairs); i += 2 {
		if form.Set(pairs[i], pairs[i+1]); pairs[i+1] == "-" {
			form.Del(pairs[i])
		}
	}
	return form
}

func TestToken(t *testing.T) {
	e := start(t)
	basic := e.key + ":" + e.secret
	anonymous := e.inForm("client_id", "-", "client_secret", "-")
	for _, c := range []struct {
		rule   string
		basic  string
		form   url.Values
		header []string
		path   string
		status int
		says   string // the scope, or the error
	}{
		{rule: "the form may carry the client, as LinkedIn sends it", form: e.inForm("scope", "xapi:write"), status: 200, says: "xapi:write"},
		{rule: "a Basic header may carry the client", basic: basic, form: anonymous, status: 200, says: "statements/write statements/read/mine"},
		{rule: "client_id may repeat the Basic header", basic: basic, form: e.inForm("client_secret", "-"), status: 200, says: "statements/write statements/read/mine"},
		{rule: "a form-encoded Basic header is read", basic: e.key + ":" + strings.ReplaceAll(e.secret, "-", "%2D"), form: anonymous, status: 200, says: "statements/write statements/read/mine"},
		{rule: "parameters that are not known are passed over", form: e.inForm("audience", "x"), status: 200, says: "statements/write statements/read/mine"},
		{rule: "no scope asks for all that the client has", form: e.inForm("scope", "-"), status: 200, says: "statements/write statements/read/mine"},
		{rule: "xapi:all is what the client has", form: e.inForm("scope", "xapi:all"), status: 200, says: "statements/write statements/read/mine"},
		{rule: "xapi:read is the reading that the client has", form: e.inForm("scope", "xapi:read"), status: 200, says: "xapi:read"},
		{rule: "the specification's words are known", form: e.inForm("scope", "statements/write"), status: 200, says: "statements/write"},
		{rule: "a scope that the client has not is refused", form: e.inForm("scope", "xapi:write state"), status: 400, says: "invalid_scope"},
		{rule: "a scope that does not exist is refused", form: e.inForm("scope", "xapi:erase"), status: 400, says: "invalid_scope"},
		{rule: "a wrong secret is refused", form: e.inForm("client_secret", "wrong"), status: 401, says: "invalid_client"},
		{rule: "an unknown client is refused alike", form: e.inForm("client_id", "nobody"), status: 401, says: "invalid_client"},
		{rule: "no client is refused", form: anonymous, status: 401, says: "invalid_client"},
		{rule: "another scheme than Basic is refused", form: anonymous, header: []string{"Authorization: Bearer x"}, status: 401, says: "invalid_client"},
		{rule: "a client in both places is refused", basic: basic, form: e.inForm(), status: 400, says: "invalid_request"},
		{rule: "two different clients are refused", basic: basic, form: e.inForm("client_id", e.other, "client_secret", "-"), status: 400, says: "invalid_request"},
		{rule: "a secret in the query string is refused, though the form is right", form: e.inForm(), path: "?client_secret=" + e.secret, status: 400, says: "invalid_request"},
		{rule: "no grant type is refused", form: e.inForm("grant_type", "-"), status: 400, says: "invalid_request"},
		{rule: "another grant type is refused", form: e.inForm("grant_type", "password"), status: 400, says: "unsupported_grant_type"},
		{rule: "a parameter given twice is refused", form: url.Values{"grant_type": {"client_credentials", "client_credentials"}}, basic: basic, status: 400, says: "invalid_request"},
		{rule: "another body than a form is refused", form: e.inForm(), header: []string{"Content-Type: application/json"}, status: 400, says: "invalid_request"},
		{rule: "a form beyond all measure is refused", form: e.inForm("x", strings.Repeat("x", 20<<10)), status: 413},
	} {
		t.Run(c.rule, func(t *testing.T) {
			a := e.post(t, "/oauth2/token"+c.path, c.basic, c.form, c.header...)
			says, _ := a.fields["scope"].(string)
			if c.status != 200 {
				says, _ = a.fields["error"].(string)
			}
			if a.status != c.status || says != c.says {
				t.Fatalf("%d %s, want %d %q", a.status, a.body, c.status, c.says)
			}
			if a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control %q", a.header.Get("Cache-Control"))
			}
			if challenge := a.header.Get("WWW-Authenticate"); (challenge != "") != (c.status == 401) {
				t.Errorf("WWW-Authenticate %q", challenge)
			}
			if c.status != 200 && strings.Contains(a.body, e.secret) {
				t.Errorf("the refusal shows the secret: %s", a.body)
			}
		})
	}
}

// bearer asks the directory who a token stands for.
func (e *endpoints) bearer(t *testing.T, token string) (lrs.Principal, error) {
	t.Helper()
	return e.directory.Authenticate(t.Context(), access.Presented{Bearer: token})
}

func TestToken_use(t *testing.T) {
	e := start(t)
	a := e.post(t, "/oauth2/token", "", e.inForm("scope", "xapi:write"))
	token, _ := a.fields["access_token"].(string)
	t.Run("the answer is what RFC 6749 says", func(t *testing.T) {
		want := map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600.0, "scope": "xapi:write"}
		if diff := cmp.Diff(want, a.fields); diff != "" || len(token) < 40 || strings.ContainsAny(token, ".=+/") {
			t.Error(diff, token)
		}
	})
	t.Run("the token stands for the source, with the scopes that were asked for", func(t *testing.T) {
		p, err := e.bearer(t, token)
		if err != nil || p.Source != "pix" || p.Scopes != lrs.ScopeStatementsWrite || p.Roles != 0 {
			t.Errorf("%v, source %q, scopes %q, roles %q", err, p.Source, p.Scopes, p.Roles)
		}
	})
	t.Run("each token is another", func(t *testing.T) {
		if again := e.post(t, "/oauth2/token", "", e.inForm()).fields["access_token"]; again == token {
			t.Error(again)
		}
	})
}

func TestRevoke(t *testing.T) {
	e := start(t)
	issue := func() string {
		token, _ := e.post(t, "/oauth2/token", "", e.inForm()).fields["access_token"].(string)
		return token
	}
	basic := e.key + ":" + e.secret
	t.Run("a revoked token is taken no more", func(t *testing.T) {
		token := issue()
		if _, err := e.bearer(t, token); err != nil {
			t.Fatal(err)
		}
		if a := e.post(t, "/oauth2/revoke", basic, url.Values{"token": {token}, "token_type_hint": {"refresh_token"}}); a.status != 200 || a.body != "" {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if _, err := e.bearer(t, token); lrs.KindOf(err) != lrs.KindUnauthenticated {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a token that is not known is as good as revoked", func(t *testing.T) {
		if a := e.post(t, "/oauth2/revoke", basic, url.Values{"token": {"x"}}); a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("another client's token stays", func(t *testing.T) {
		token := issue()
		e.post(t, "/oauth2/revoke", e.other+":"+e.otherSecret, url.Values{"token": {token}})
		if _, err := e.bearer(t, token); err != nil {
			t.Error(err)
		}
	})
	t.Run("nobody revokes without a secret", func(t *testing.T) {
		token := issue()
		if a := e.post(t, "/oauth2/revoke", e.key+":wrong", url.Values{"token": {token}}); a.status != 401 || a.fields["error"] != "invalid_client" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("no token is refused", func(t *testing.T) {
		if a := e.post(t, "/oauth2/revoke", basic, url.Values{}); a.status != 400 || a.fields["error"] != "invalid_request" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("a token in the query string is refused", func(t *testing.T) {
		if a := e.post(t, "/oauth2/revoke?token=x", basic, url.Values{}); a.status != 400 || a.fields["error"] != "invalid_request" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

func TestMetadata(t *testing.T) {
	e := start(t)
	response, err := http.Get(e.url + "/.well-known/oauth-authorization-server")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got map[string]any
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil || response.StatusCode != 200 {
		t.Fatalf("%v, %s", err, response.Status)
	}
	methods := []any{"client_secret_basic", "client_secret_post"}
	want := map[string]any{
		"issuer": "https://acquis.example/lrs", "token_endpoint": "https://acquis.example/lrs/oauth2/token",
		"revocation_endpoint":                        "https://acquis.example/lrs/oauth2/revoke",
		"token_endpoint_auth_methods_supported":      methods,
		"revocation_endpoint_auth_methods_supported": methods,
		"grant_types_supported":                      []any{"client_credentials"},
		"response_types_supported":                   []any{},
		"scopes_supported": []any{
			"statements/write", "statements/read", "statements/read/mine", "state", "define", "profile", "all/read", "all",
			"xapi:write", "xapi:read", "xapi:all",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
