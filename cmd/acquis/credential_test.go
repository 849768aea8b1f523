package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// held is a credential as its holder has it, with an access token got by it.
type held struct{ Key, Secret, token string }

// administers sends a request of the administrator and decodes the answer.
func (p *serving) administers(t *testing.T, method, path, body string, into any, header ...string) http.Header {
	t.Helper()
	response, content := p.exchange(t, method, path, "application/json", body, func(r *http.Request) {
		r.SetBasicAuth(attackKey, attackSecret)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
	})
	if response.StatusCode >= 300 {
		t.Fatalf("%s %s: %s %s", method, path, response.Status, content)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatal(err)
	}
	return response.Header
}

// exchange sends a request in xAPI 1.0.3.
func (p *serving) exchange(t *testing.T, method, path, contentType, body string, authorize func(*http.Request)) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-Experience-API-Version", "1.0.3")
	authorize(r)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, content
}

const formType = "application/x-www-form-urlencoded"

// issues issues a credential that may write, and exchanges it for a token.
func (p *serving) issues(t *testing.T, source string) (k held) {
	t.Helper()
	p.administers(t, "POST", "/api/credentials", `{"source":"`+source+`","scopes":"statements/write"}`, &k)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	_, content := p.exchange(t, "POST", "/oauth2/token", formType, "grant_type=client_credentials", func(r *http.Request) { r.SetBasicAuth(k.Key, k.Secret) })
	if err := json.Unmarshal(content, &token); err != nil || token.AccessToken == "" {
		t.Fatalf("%s %v", content, err)
	}
	k.token = token.AccessToken
	return k
}

// credentialState is a credential in a state, and whether it and a token from before are still taken.
type credentialState struct {
	state   string
	key     held
	takes   bool
	tokenIs bool
}

// credentialStates makes a credential in every state.
func credentialStates(t *testing.T, p *serving) []credentialState {
	t.Helper()
	var none struct{}
	for _, name := range []string{"open", "closed"} {
		p.administers(t, "POST", "/api/sources", `{"name":"`+name+`","defaultVersion":"1.0.3"}`, &none)
	}
	right, expired, disabled, closed := p.issues(t, "open"), p.issues(t, "open"), p.issues(t, "open"), p.issues(t, "closed")
	overlapping, replaced := p.issues(t, "open"), p.issues(t, "open")
	renewed, fresh := overlapping, replaced
	p.administers(t, "POST", "/api/credentials/"+overlapping.Key+"/rotate", `{"overlap":3600}`, &renewed)
	p.administers(t, "POST", "/api/credentials/"+replaced.Key+"/rotate", `{"overlap":0}`, &fresh)
	now := p.administers(t, "GET", "/api/credentials/"+expired.Key, "", &none)
	p.administers(t, "PUT", "/api/credentials/"+expired.Key, `{"scopes":"statements/write","expires":"2026-01-01T00:00:00Z"}`, &none, "If-Match", now.Get("ETag"))
	p.administers(t, "POST", "/api/credentials/"+disabled.Key+"/disable", "", &none)
	runs(t, nil, "source", "disable", "closed", "--url", p.url, "--key", attackKey, "--secret-file", secretFile(t, attackSecret))
	return []credentialState{
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
	}
}

// TestCredentialStates asks everything that takes a partner's credential with credentials in every
// state, and with tokens that were got before.
func TestCredentialStates(t *testing.T) {
	p := besieged(t, t.TempDir(), "ACQUIS_LOCKOUT_FAILURES=1000")
	wants := func(t *testing.T, response *http.Response, good bool) {
		t.Helper()
		refused := response.StatusCode == 401 && response.Header.Get("WWW-Authenticate") != ""
		if good && response.StatusCode >= 300 || !good && !refused {
			t.Errorf("%s %v", response.Status, response.Header)
		}
	}
	for _, c := range credentialStates(t, p) {
		inForm := "grant_type=client_credentials&client_id=" + url.QueryEscape(c.key.Key) + "&client_secret=" + url.QueryEscape(c.key.Secret)
		for _, route := range []struct{ path, contentType, body string }{
			{"/xapi/statements", "application/json", simple(uuid.NewString())},
			{"/partners/open/xapi/statements", "application/json", simple(uuid.NewString())},
			{"/partners/validate", "application/json", simple(uuid.NewString())},
			{"/api/launch-tokens", "application/json", `{"actor":{"mbox":"mailto:ann@example.org"},"activity":"https://pages.example/1"}`},
			{"/oauth2/token", formType, "grant_type=client_credentials"},
			{"/oauth2/token", formType, inForm},
		} {
			byForm := route.body == inForm
			t.Run(fmt.Sprintf("%s at %s, in the form: %v, is taken: %v", c.state, route.path, byForm, c.takes), func(t *testing.T) {
				response, _ := p.exchange(t, "POST", route.path, route.contentType, route.body, func(r *http.Request) {
					if c.key.Key != "" && !byForm {
						r.SetBasicAuth(c.key.Key, c.key.Secret)
					}
				})
				wants(t, response, c.takes)
			})
			if route.contentType == formType || c.key.token == "" {
				continue
			}
			t.Run(fmt.Sprintf("a token from before, with %s, at %s is taken: %v", c.state, route.path, c.tokenIs), func(t *testing.T) {
				response, _ := p.exchange(t, "POST", route.path, route.contentType, route.body, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+c.key.token) })
				wants(t, response, c.tokenIs)
			})
		}
	}
}
