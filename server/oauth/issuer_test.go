package oauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"acquis/access"
	"acquis/lrs"
	"acquis/server/oauth"
)

// provider is an OpenID provider.
type provider struct {
	url   string
	keys  atomic.Pointer[jose.JSONWebKeySet]
	asked atomic.Int32 // for its keys
	away  atomic.Bool
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.answer(t, w, map[string]any{
			"issuer": p.url, "jwks_uri": p.url + "/keys",
			"id_token_signing_alg_values_supported": []string{"none", "HS256", "RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.asked.Add(1)
		p.answer(t, w, p.keys.Load())
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *provider) answer(t *testing.T, w http.ResponseWriter, body any) {
	if p.away.Load() {
		http.Error(w, "away", http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		t.Error(err)
	}
}

// publishes makes the public halves of the keys known.
func (p *provider) publishes(keys ...jose.JSONWebKey) {
	set := &jose.JSONWebKeySet{}
	for _, k := range keys {
		set.Keys = append(set.Keys, k.Public())
	}
	p.keys.Store(set)
}

// rsaKey is a key to sign with.
func rsaKey(t *testing.T, id string) jose.JSONWebKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: id, Use: "sig"}
}

// sign makes a token.
func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key any, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// now is when the tests of tokens happen.
var now = time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)

// claims are those of a good token, with changes; nil takes a claim away.
func (p *provider) claims(changes map[string]any) map[string]any {
	c := map[string]any{
		"iss": p.url, "aud": []string{"acquis", "other"}, "azp": "pix", "scope": "openid statements/write xapi:read",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for name, value := range changes {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

func (p *provider) issuer(adjust func(*oauth.IssuerOptions)) *oauth.Issuer {
	o := oauth.IssuerOptions{URL: p.url, Audience: "acquis", ClientClaim: "azp", ScopeClaim: "scope", Now: func() time.Time { return now }}
	adjust(&o)
	return oauth.NewIssuer(o)
}

func asIs(*oauth.IssuerOptions) {}

func TestIssuer(t *testing.T) {
	p := newProvider(t)
	key, stranger := rsaKey(t, "first"), rsaKey(t, "first")
	p.publishes(key)
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curve := jose.JSONWebKey{Key: elliptical, KeyID: "curve", Use: "sig"}
	public, err := x509.MarshalPKIXPublicKey(&key.Key.(*rsa.PrivateKey).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	p.publishes(key, curve)
	good := func(changes map[string]any) string { return sign(t, jose.RS256, key, p.claims(changes)) }
	unsigned := func() string {
		payload, _ := json.Marshal(p.claims(nil)) // text and numbers
		encode := base64.RawURLEncoding.EncodeToString
		return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(payload) + "."
	}
	wanted := lrs.ScopeStatementsWrite | lrs.ScopeStatementsRead | lrs.ScopeStatementsReadMine
	for _, c := range []struct {
		rule   string
		token  string
		scopes lrs.Scope
		kind   lrs.Kind
	}{
		{"a good token names its client and its scopes, others' scopes left out", good(nil), wanted, 0},
		{"one audience needs no list", good(map[string]any{"aud": "acquis"}), wanted, 0},
		{"an elliptic key is taken", sign(t, jose.ES256, curve, p.claims(nil)), wanted, 0},
		{"scopes may be a list", good(map[string]any{"scope": []string{"state", "openid"}}), lrs.ScopeState, 0},
		{"a token without scopes permits nothing", good(map[string]any{"scope": nil}), 0, 0},
		{"another audience is refused", good(map[string]any{"aud": "other"}), 0, lrs.KindUnauthenticated},
		{"no audience is refused", good(map[string]any{"aud": nil}), 0, lrs.KindUnauthenticated},
		{"another issuer is refused", good(map[string]any{"iss": "https://login.example"}), 0, lrs.KindUnauthenticated},
		{"an expired token is refused", good(map[string]any{"exp": now.Add(-time.Second).Unix()}), 0, lrs.KindUnauthenticated},
		{"a token that never expires is refused", good(map[string]any{"exp": nil}), 0, lrs.KindUnauthenticated},
		{"a token of later is refused", good(map[string]any{"nbf": now.Add(time.Hour).Unix()}), 0, lrs.KindUnauthenticated},
		{"a token that names no client is refused", good(map[string]any{"azp": nil}), 0, lrs.KindUnauthenticated},
		{"a client that is no text is refused", good(map[string]any{"azp": []string{"pix"}}), 0, lrs.KindUnauthenticated},
		{"a stranger's key of the same name is refused", sign(t, jose.RS256, stranger, p.claims(nil)), 0, lrs.KindUnauthenticated},
		{"alg none is refused, whatever discovery says", unsigned(), 0, lrs.KindUnauthenticated},
		{"the public key as an HMAC secret is refused", sign(t, jose.HS256, public, p.claims(nil)), 0, lrs.KindUnauthenticated},
		{"what is no token is refused", "a.b.c", 0, lrs.KindUnauthenticated},
	} {
		t.Run(c.rule, func(t *testing.T) {
			client, scopes, err := p.issuer(asIs).Verify(t.Context(), c.token)
			if lrs.KindOf(err) != c.kind || (err != nil) != (c.kind != 0) {
				t.Fatalf("error %v", err)
			}
			if c.kind == 0 && (client != "pix" || scopes != c.scopes) {
				t.Errorf("client %q, scopes %s", client, scopes)
			}
		})
	}
}

func TestIssuer_scopePrefix(t *testing.T) {
	p := newProvider(t)
	key := rsaKey(t, "first")
	p.publishes(key)
	i := p.issuer(func(o *oauth.IssuerOptions) { o.ScopePrefix = "https://acquis.example/" })
	token := sign(t, jose.RS256, key, p.claims(map[string]any{
		"scope": "state https://acquis.example/statements/write https://elsewhere.example/all https://acquis.example/other",
	}))
	_, scopes, err := i.Verify(t.Context(), token)
	if err != nil || scopes != lrs.ScopeStatementsWrite {
		t.Errorf("scopes %q, %v: only those behind the prefix are meant", scopes, err)
	}
}

func TestIssuer_keys(t *testing.T) {
	p := newProvider(t)
	first, second := rsaKey(t, "first"), rsaKey(t, "second")
	verify := func(i *oauth.Issuer, key jose.JSONWebKey) error {
		_, _, err := i.Verify(t.Context(), sign(t, jose.RS256, key, p.claims(nil)))
		return err
	}
	t.Run("a new key is found, and known ones are not asked for again", func(t *testing.T) {
		p.publishes(first)
		i := p.issuer(asIs)
		for range 3 {
			if err := verify(i, first); err != nil {
				t.Fatal(err)
			}
		}
		p.publishes(first, second)
		if err := verify(i, second); err != nil {
			t.Fatal(err)
		}
		if asked := p.asked.Load(); asked != 2 {
			t.Errorf("asked %d times", asked)
		}
	})
	t.Run("strangers' keys make it ask a few times only", func(t *testing.T) {
		p.publishes(first)
		p.asked.Store(0)
		i := p.issuer(asIs)
		for range 20 {
			if err := verify(i, second); err == nil {
				t.Fatal("taken")
			}
		}
		if asked := p.asked.Load(); asked > 5 {
			t.Errorf("asked %d times", asked)
		}
		if err := verify(i, first); err != nil {
			t.Errorf("good tokens are still taken: %v", err)
		}
	})
	t.Run("an issuer that is away is said, and found when it is back", func(t *testing.T) {
		p.publishes(first)
		p.away.Store(true)
		at := now
		i := p.issuer(func(o *oauth.IssuerOptions) { o.Now = func() time.Time { return at } })
		for range 3 {
			if err := verify(i, first); lrs.KindOf(err) != lrs.KindUnavailable {
				t.Fatalf("error %v", err)
			}
		}
		p.away.Store(false)
		at = at.Add(11 * time.Second)
		if err := verify(i, first); err != nil {
			t.Error(err)
		}
		p.away.Store(true)
		if err := verify(i, first); err != nil {
			t.Errorf("its keys are known: %v", err)
		}
		if err := verify(i, second); lrs.KindOf(err) != lrs.KindUnavailable {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a redirection is not followed", func(t *testing.T) {
		elsewhere := httptest.NewServer(http.RedirectHandler(p.url+"/.well-known/openid-configuration", http.StatusFound))
		defer elsewhere.Close()
		p.away.Store(false)
		i := p.issuer(func(o *oauth.IssuerOptions) { o.URL = elsewhere.URL })
		if err := verify(i, first); lrs.KindOf(err) != lrs.KindUnavailable {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a refusal says nothing of what was sent", func(t *testing.T) {
		_, _, err := p.issuer(asIs).Verify(context.Background(), "secret.secret.secret")
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("error %v", err)
		}
	})
}

func TestIssuer_directory(t *testing.T) {
	p := newProvider(t)
	key := rsaKey(t, "first")
	p.publishes(key)
	e := startWith(t, access.DirectoryOptions{External: p.issuer(asIs).Verify})
	token := func(client string) string {
		return sign(t, jose.RS256, key, p.claims(map[string]any{"azp": client, "scope": "statements/write state"}))
	}
	t.Run("a token stands for the external credential of its client, with the scopes that both have", func(t *testing.T) {
		external := access.Credential{Key: "pix-at-issuer", Kind: access.OfSource, Source: "pix", Scopes: lrs.ScopeStatementsWrite, External: true}
		if _, _, err := e.admin.IssueCredential(t.Context(), root, external); err != nil {
			t.Fatal(err)
		}
		who, err := e.bearer(t, token("pix-at-issuer"))
		if err != nil || who.Source != "pix" || who.Scopes != lrs.ScopeStatementsWrite {
			t.Errorf("%v, source %q, scopes %q", err, who.Source, who.Scopes)
		}
	})
	t.Run("a client that is not registered is refused", func(t *testing.T) {
		if _, err := e.bearer(t, token("nobody")); lrs.KindOf(err) != lrs.KindUnauthenticated {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a credential with a secret is not the issuer's to give", func(t *testing.T) {
		if _, err := e.bearer(t, token(e.key)); lrs.KindOf(err) != lrs.KindUnauthenticated {
			t.Errorf("error %v", err)
		}
	})
	t.Run("the server's own tokens are taken beside the issuer's", func(t *testing.T) {
		own, _ := e.post(t, "/oauth2/token", "", e.inForm()).fields["access_token"].(string)
		if _, err := e.bearer(t, own); err != nil {
			t.Error(err)
		}
	})
}
