package oauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/time/rate"

	"acquis/lrs"
)

// Signing algorithms that a token may name: those with a public key to verify by. None and the
// HMAC family are not among them, so a public key can't be taken for a shared secret.
var signingAlgorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// The issuer is asked for its keys when a token is signed by one that is not known, which anybody
// can send: so it is asked a few times at most, then once in askEvery.
const (
	askEvery = 10 * time.Second
	askBurst = 5

	askTimeout = 10 * time.Second
	maxAnswer  = 1 << 20 // bytes of discovery or keys
)

// IssuerOptions say whose tokens are taken, and what is read from them.
type IssuerOptions struct {
	URL         string // the issuer, as its discovery document calls itself
	Audience    string // what tokens for this server are issued to
	ClientClaim string // names the claim that holds who the client is: "azp", "client_id"
	ScopeClaim  string // names the claim that holds the scopes, as text or as a list: "scope", "scp"
	ScopePrefix string // what stands before a scope that is meant for this server; others count for nothing

	Transport http.RoundTripper // how the issuer is reached; http.DefaultTransport
	Now       func() time.Time  // time.Now
	Logger    *slog.Logger
}

// Issuer judges bearer tokens that an issuer outside signed (OpenID Connect Discovery, RFC 9068). It
// is found at the first token, so that the server starts while the issuer is away.
type Issuer struct {
	options IssuerOptions
	client  *http.Client

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier // nil until the issuer was found
	failed   error                 // why it was not found when it was last looked for
	retry    time.Time             // when it is looked for again
}

// NewIssuer returns a judge of an issuer's tokens.
func NewIssuer(o IssuerOptions) *Issuer {
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	asking := &asking{next: o.Transport, limit: rate.NewLimiter(rate.Every(askEvery), askBurst), now: o.Now}
	return &Issuer{options: o, client: &http.Client{Transport: asking, Timeout: askTimeout}}
}

// Verify returns the client that a token was issued to, and what it permits. KindUnauthenticated when
// the token is not good, KindUnavailable when the issuer, which alone can tell, is not reached.
func (i *Issuer) Verify(ctx context.Context, token string) (client string, scopes lrs.Scope, err error) {
	verifier, err := i.find(ctx)
	if err != nil {
		return "", 0, i.away(ctx, err)
	}
	var unreached error
	verified, err := verifier.Verify(context.WithValue(ctx, unreachedKey{}, &unreached), token)
	switch {
	case unreached != nil:
		return "", 0, i.away(ctx, unreached)
	case err != nil:
		i.options.Logger.DebugContext(ctx, "a token of the issuer was refused", "reason", err)
		return "", 0, lrs.Errorf(lrs.KindUnauthenticated, "the bearer token is not valid here: it must be signed by the configured issuer, be issued to this server, and not have expired")
	}
	var claims map[string]any
	if err := verified.Claims(&claims); err != nil {
		return "", 0, lrs.Errorf(lrs.KindUnauthenticated, "the claims of the bearer token cannot be read")
	}
	return i.read(claims)
}

// find returns the issuer's verifier. One caller looks for the issuer, those that come meanwhile wait
// for what it finds, and after a failure nobody looks for a while.
func (i *Issuer) find(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.verifier != nil {
		return i.verifier, nil
	}
	if i.options.Now().Before(i.retry) {
		return nil, i.failed
	}
	i.verifier, i.failed = i.discover(context.WithoutCancel(ctx))
	i.retry = i.options.Now().Add(askEvery)
	return i.verifier, i.failed
}

// discover reads the issuer's discovery document.
func (i *Issuer) discover(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	ctx = oidc.ClientContext(ctx, i.client)
	provider, err := oidc.NewProvider(ctx, i.options.URL)
	if err != nil {
		return nil, err
	}
	var document struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&document); err != nil {
		return nil, err
	}
	return oidc.NewVerifier(i.options.URL, keySet{oidc.NewRemoteKeySet(ctx, document.Keys)}, &oidc.Config{
		ClientID: i.options.Audience, SupportedSigningAlgs: signingAlgorithms, Now: i.options.Now,
	}), nil
}

// away logs why the issuer was not reached, and says so without the reason.
func (i *Issuer) away(ctx context.Context, reason error) error {
	i.options.Logger.WarnContext(ctx, "the issuer of bearer tokens is not reached", "issuer", i.options.URL, "error", reason)
	return lrs.Errorf(lrs.KindUnavailable, "the issuer of the bearer token cannot be asked now: send the request again later")
}

// read takes client and scopes out of the claims of a valid token.
func (i *Issuer) read(claims map[string]any) (client string, scopes lrs.Scope, err error) {
	client, _ = claims[i.options.ClientClaim].(string)
	if client == "" {
		return "", 0, lrs.Errorf(lrs.KindUnauthenticated, "the bearer token has no claim %s, which names the client", i.options.ClientClaim)
	}
	for _, name := range scopeNames(claims[i.options.ScopeClaim]) {
		if name, ours := strings.CutPrefix(name, i.options.ScopePrefix); ours { // a token carries scopes of other servers too
			scope, _ := scopeOf(name)
			scopes |= scope
		}
	}
	return client, scopes, nil
}

// scopeNames reads a claim that is a text with spaces (RFC 9068) or a list, as some issuers write it.
func scopeNames(claim any) (names []string) {
	switch claim := claim.(type) {
	case string:
		return strings.Fields(claim)
	case []any:
		for _, element := range claim {
			if name, ok := element.(string); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// keySet tells its caller, through the context, that keys could not be fetched: go-oidc's own error
// does not keep that apart from a wrong signature.
type keySet struct{ remote oidc.KeySet }

type unreachedKey struct{}

func (k keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.remote.VerifySignature(ctx, token)
	var unreached *url.Error
	if into, asked := ctx.Value(unreachedKey{}).(*error); asked && (errors.As(err, &unreached) || ctx.Err() != nil) {
		*into = err
	}
	return payload, err
}

// asking is how the issuer is asked: not too often, for short answers, and only for good ones. A
// redirection is none: the issuer is where the operator said.
type asking struct {
	next  http.RoundTripper
	limit *rate.Limiter
	now   func() time.Time
}

func (a *asking) RoundTrip(r *http.Request) (*http.Response, error) {
	if !a.limit.AllowN(a.now(), 1) {
		return nil, fmt.Errorf("asked too often: at most once in %s", askEvery)
	}
	response, err := a.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("it answers %s", response.Status)
	}
	response.Body = http.MaxBytesReader(nil, response.Body, maxAnswer)
	return response, nil
}
