package main

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// issuerOf is an OpenID provider that signs with a key.
func issuerOf(t *testing.T, key *rsa.PrivateKey) *httptest.Server {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	answer := func(path string, body any) {
		content, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(content)
		})
	}
	answer("/.well-known/openid-configuration", map[string]string{"issuer": server.URL, "jwks_uri": server.URL + "/keys"})
	answer("/keys", map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "kid": "one", "n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
	}}})
	return server
}

// TestServe_issuer holds that each setting of oidc has its effect.
func TestServe_issuer(t *testing.T) {
	key := newRSAKey(t)
	issuer := issuerOf(t, key)
	p := besieged(
		t, t.TempDir(), "ACQUIS_OIDC_ISSUER="+issuer.URL, "ACQUIS_OIDC_AUDIENCE=acquis", "ACQUIS_OIDC_CLIENT_CLAIM=client_id",
		"ACQUIS_OIDC_SCOPE_CLAIM=scp", "ACQUIS_OIDC_SCOPE_PREFIX=https://acquis.example/",
	)
	p.must(t, attackKey, attackSecret, "POST", "/api/sources", `{"name":"cards"}`, 201)
	p.must(t, attackKey, attackSecret, "POST", "/api/credentials", `{"key":"cards-at-issuer","source":"cards","scopes":"statements/write state","external":true}`, 201)
	for _, c := range []struct {
		rule, claims string
		status       int
	}{
		{"the client's token is taken", `"aud":"acquis","client_id":"cards-at-issuer","scp":["https://acquis.example/statements/write"]`, 200},
		{"another audience is refused", `"aud":"other","client_id":"cards-at-issuer","scp":["https://acquis.example/statements/write"]`, 401},
		{"a client by another claim is refused", `"aud":"acquis","azp":"cards-at-issuer","scp":["https://acquis.example/statements/write"]`, 401},
		{"a client that is not registered is refused", `"aud":"acquis","client_id":"nobody","scp":["https://acquis.example/statements/write"]`, 401},
		{"scopes of another claim permit nothing", `"aud":"acquis","client_id":"cards-at-issuer","scope":"https://acquis.example/statements/write"`, 403},
		{"scopes without the prefix permit nothing", `"aud":"acquis","client_id":"cards-at-issuer","scp":["statements/write"]`, 403},
		{"scopes that the credential lacks permit nothing", `"aud":"acquis","client_id":"cards-at-issuer","scp":["https://acquis.example/all/read"]`, 403},
	} {
		t.Run(c.rule, func(t *testing.T) {
			claims := fmt.Sprintf(`{"iss":%q,"exp":%d,%s}`, issuer.URL, time.Now().Add(time.Hour).Unix(), c.claims)
			r, err := http.NewRequest("POST", p.url+"/xapi/statements", strings.NewReader(simple(uuid.NewString())))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+jws(t, map[string]any{"alg": "RS256", "kid": "one"}, claims, byRSA(t, key)))
			r.Header.Set("X-Experience-API-Version", "1.0.3")
			r.Header.Set("Content-Type", "application/json")
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != c.status {
				t.Errorf("%s, want %d", response.Status, c.status)
			}
		})
	}
}
