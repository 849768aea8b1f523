// Package oauth is where a partner's platform exchanges its key and secret for an access token, and
// gives one back: the client credentials grant of RFC 6749, revocation (RFC 7009), and the document
// that tells clients so (RFC 8414). It also judges bearer tokens of an issuer outside (issuer.go).
//
// xAPI itself knows Basic and OAuth 1.0 only; platforms that push statements ask for this.
package oauth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"acquis/access"
	"acquis/lrs"
	"acquis/server/problem"
)

// Paths under the base path. The metadata's is laid down by RFC 8414, section 3.
const (
	tokenPath    = "/oauth2/token"
	revokePath   = "/oauth2/revoke"
	metadataPath = "/.well-known/oauth-authorization-server"
)

// Authenticator tells who presents a key and a secret.
type Authenticator interface {
	Authenticate(ctx context.Context, given access.Presented) (lrs.Principal, error)
}

// Surface answers for the OAuth2 endpoints.
type Surface struct {
	who       Authenticator
	tokens    *access.Tokens
	publicURL func(*http.Request) string
	problems  *problem.Writer
}

// New returns the surface over tokens. publicURL is the address under which a request's client reaches
// the base path.
func New(who Authenticator, tokens *access.Tokens, publicURL func(*http.Request) string, problems *problem.Writer) *Surface {
	return &Surface{who: who, tokens: tokens, publicURL: publicURL, problems: problems}
}

// Mount adds the endpoints.
func (s *Surface) Mount(r *gin.RouterGroup) {
	r.POST(tokenPath, s.answer(s.issue))
	r.POST(revokePath, s.answer(s.revoke))
	r.GET(metadataPath, s.metadata)
	r.HEAD(metadataPath, s.metadata)
}

// answer runs an endpoint for clients. No answer of it may be kept (RFC 6749, section 5.1).
func (s *Surface) answer(endpoint func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Cache-Control", "no-store")
		c.Header("Pragma", "no-cache")
		if err := endpoint(c); err != nil {
			s.refuse(c, err)
		}
	}
}

// issue answers POST /oauth2/token (RFC 6749, section 4.4).
func (s *Surface) issue(c *gin.Context) error {
	r, err := read(c.Request)
	if err != nil {
		return err
	}
	switch grant := r.form.Get("grant_type"); grant {
	case "client_credentials":
	case "":
		return &fault{invalidRequest, "grant_type is missing: send grant_type=client_credentials"}
	default:
		return &fault{"unsupported_grant_type", "only grant_type=client_credentials is supported"}
	}
	asked, err := parseScopes(r.form.Get("scope"))
	if err != nil {
		return err
	}
	client, err := s.who.Authenticate(c.Request.Context(), r.client)
	if err != nil {
		return err
	}
	scopes, err := asked.of(client.Scopes)
	if err != nil {
		return err
	}
	issued, err := s.tokens.Issue(c.Request.Context(), client, scopes)
	if err != nil {
		return err
	}
	return s.write(c, http.StatusOK, tokenAnswer{
		AccessToken: issued.Token, TokenType: "Bearer", Scope: asked.named(issued.Scopes),
		ExpiresIn: int64(issued.Expires.Sub(issued.Issued) / time.Second),
	})
}

// tokenAnswer is the body of section 5.1 of RFC 6749.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope"`
}

// revoke answers POST /oauth2/revoke (RFC 7009). A token that is not known is as good as revoked
// (section 2.2), and a hint is not needed to find one.
func (s *Surface) revoke(c *gin.Context) error {
	r, err := read(c.Request)
	if err != nil {
		return err
	}
	token := r.form.Get("token")
	if token == "" {
		return &fault{invalidRequest, "token is missing: send the access token that is to end"}
	}
	client, err := s.who.Authenticate(c.Request.Context(), r.client)
	if err != nil {
		return err
	}
	if err := s.tokens.Revoke(c.Request.Context(), client, token); err != nil {
		return err
	}
	c.Status(http.StatusOK)
	c.Writer.WriteHeaderNow()
	return nil
}

// The codes of RFC 6749, section 5.2, that are used in more places than one.
const (
	invalidRequest = "invalid_request"
	invalidClient  = "invalid_client"
	invalidScope   = "invalid_scope"
)

// fault is a refusal in the words of RFC 6749, section 5.2. Its detail is ASCII without quotes and
// backslashes, as the RFC demands of error_description.
type fault struct{ code, detail string }

func (f *fault) Error() string { return f.code + ": " + f.detail }

// refuse answers with an error of RFC 6749 where it has a word for it, else with a problem document.
func (s *Surface) refuse(c *gin.Context, err error) {
	var f *fault
	switch {
	case errors.As(err, &f):
	case lrs.KindOf(err) == lrs.KindUnauthenticated:
		f = &fault{invalidClient, "the client_id or the client_secret is not known, has expired or was disabled"}
	case lrs.KindOf(err) == lrs.KindForbidden:
		f = &fault{"unauthorized_client", "this client may not do that"}
	default:
		s.problems.Write(c.Writer, c.Request, err)
		return
	}
	status := http.StatusBadRequest
	if f.code == invalidClient {
		status = http.StatusUnauthorized
		c.Header("WWW-Authenticate", `Basic realm="Acquis", charset="UTF-8"`)
	}
	body := map[string]string{"error": f.code, "error_description": f.detail}
	if err := s.write(c, status, body); err != nil {
		s.problems.Write(c.Writer, c.Request, err)
	}
}

// write sends a JSON body.
func (s *Surface) write(c *gin.Context, status int, body any) error {
	content, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return err
	}
	c.Data(status, "application/json", content)
	return nil
}

// metadata answers with RFC 8414's document.
func (s *Surface) metadata(c *gin.Context) {
	at := strings.TrimSuffix(s.publicURL(c.Request), "/")
	methods := []string{"client_secret_basic", "client_secret_post"}
	err := s.write(c, http.StatusOK, map[string]any{
		"issuer":                                     at,
		"token_endpoint":                             at + tokenPath,
		"token_endpoint_auth_methods_supported":      methods,
		"revocation_endpoint":                        at + revokePath,
		"revocation_endpoint_auth_methods_supported": methods,
		"grant_types_supported":                      []string{"client_credentials"},
		"response_types_supported":                   []string{},
		"scopes_supported":                           scopesSupported,
	})
	if err != nil {
		s.problems.Write(c.Writer, c.Request, err)
	}
}
