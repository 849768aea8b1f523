package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// TestCredentialStates asks everything that takes a partner's credential with credentials in every
// state, and with tokens that were got before.
func TestCredentialStates(t *testing.T) {
	const root, rootSecret = "boss", "open-sesame"
	p := serve(t, []string{"ACQUIS_ROOT_KEY=" + root, "ACQUIS_ROOT_SECRET=" + rootSecret, "ACQUIS_LOCKOUT_FAILURES=1000"}, "--data", t.TempDir())
	admin := func(method, path, body string, into any) {
		t.Helper()
		a, err := p.send(root, rootSecret, method, path, "application/json", body)
		if err != nil || a.status >= 300 {
			t.Fatalf("%s %s: %d %s %v", method, path, a.status, a.body, err)
		}
		if err := json.Unmarshal([]byte(a.body), into); err != nil {
			t.Fatal(err)
		}
	}
	type held struct{ Key, Secret, token string }
	issue := func(source string) (k held) {
		t.Helper()
		admin("POST", "/api/credentials", `{"source":"`+source+`","scopes":"statements/write"}`, &k)
		var token struct {
			AccessToken string `json:"access_token"`
		}
		a, err := p.send(k.Key, k.Secret, "POST", "/oauth2/token", "application/x-www-form-urlencoded", "grant_type=client_credentials")
		if err != nil || json.Unmarshal([]byte(a.body), &token) != nil || token.AccessToken == "" {
			t.Fatalf("%d %s %v", a.status, a.body, err)
		}
		k.token = token.AccessToken
		return k
	}
	settings := func(k held, what string) {
		t.Helper()
		now := p.must(t, root, rootSecret, "GET", "/api/credentials/"+k.Key, "", 200)
		r, err := http.NewRequest("PUT", p.url+"/api/credentials/"+k.Key, strings.NewReader(`{"scopes":"statements/write",`+what+`}`))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(root, rootSecret)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("If-Match", now.header.Get("ETag"))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 200 {
			t.Fatal(response.Status)
		}
	}
	var none struct{}
	for _, name := range []string{"open", "closed"} {
		admin("POST", "/api/sources", `{"name":"`+name+`","defaultVersion":"1.0.3"}`, &none)
	}
	right, expired, disabled, closed := issue("open"), issue("open"), issue("open"), issue("closed")
	overlapping, replaced := issue("open"), issue("open")
	renewed, fresh := overlapping, replaced
	admin("POST", "/api/credentials/"+overlapping.Key+"/rotate", `{"overlap":3600}`, &renewed)
	admin("POST", "/api/credentials/"+replaced.Key+"/rotate", `{"overlap":0}`, &fresh)
	settings(expired, `"expires":"2026-01-01T00:00:00Z"`)
	admin("POST", "/api/credentials/"+disabled.Key+"/disable", "", &none)
	runs(t, nil, "source", "disable", "closed", "--url", p.url, "--key", root, "--secret-file", secretFile(t, rootSecret))

	for _, c := range []struct {
		state   string
		key     held
		takes   bool
		tokenIs bool // still good
	}{
		{"the right secret", right, true, true},
		{"no credential", held{}, false, false},
		{"a key that is not known", held{Key: "nobody", Secret: right.Secret, token: uuid.NewString()}, false, false},
		{"a wrong secret", held{Key: right.Key, Secret: "wrong", token: right.token + "x"}, false, false},
		{"no secret", held{Key: right.Key}, false, false},
		{"an expired credential", expired, false, false},
		{"a disabled credential", disabled, false, false},
		{"a credential of a disabled source", closed, false, false},
		{"the former secret while both are taken", overlapping, true, true},
		{"the new secret while both are taken", renewed, true, true},
		{"the former secret without overlap", replaced, false, true},
		{"the new secret without overlap", fresh, true, true},
	} {
		for _, route := range []struct {
			path, contentType, body string
		}{
			{"/xapi/statements", "application/json", simple(uuid.NewString())},
			{"/partners/open/xapi/statements", "application/json", simple(uuid.NewString())},
			{"/partners/validate", "application/json", simple(uuid.NewString())},
			{"/api/launch-tokens", "application/json", `{"actor":{"mbox":"mailto:ann@example.org"},"activity":"https://pages.example/1"}`},
			{"/oauth2/token", "application/x-www-form-urlencoded", "grant_type=client_credentials"},
			{"/oauth2/token", "application/x-www-form-urlencoded", "grant_type=client_credentials&client_id=" + url.QueryEscape(c.key.Key) + "&client_secret=" + url.QueryEscape(c.key.Secret)},
		} {
			byForm := strings.Contains(route.body, "client_secret")
			ask := func(authorize func(*http.Request)) *http.Response {
				r, err := http.NewRequest("POST", p.url+route.path, strings.NewReader(route.body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", route.contentType)
				r.Header.Set("X-Experience-API-Version", "1.0.3")
				authorize(r)
				response, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				return response
			}
			wants := func(t *testing.T, response *http.Response, good bool) {
				t.Helper()
				refused := response.StatusCode == 401 && response.Header.Get("WWW-Authenticate") != ""
				if good && response.StatusCode >= 300 || !good && !refused {
					t.Errorf("%s %v", response.Status, response.Header)
				}
			}
			t.Run(fmt.Sprintf("%s at %s, in the form: %v, is taken: %v", c.state, route.path, byForm, c.takes), func(t *testing.T) {
				wants(t, ask(func(r *http.Request) {
					if c.key.Key != "" && !byForm {
						r.SetBasicAuth(c.key.Key, c.key.Secret)
					}
				}), c.takes)
			})
			if strings.HasPrefix(route.path, "/oauth2") || c.key.token == "" {
				continue
			}
			t.Run(fmt.Sprintf("a token from before, with %s, at %s is taken: %v", c.state, route.path, c.tokenIs), func(t *testing.T) {
				wants(t, ask(func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+c.key.token) }), c.tokenIs)
			})
		}
	}
}
