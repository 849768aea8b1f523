// Package oauthfake is a made-up OAuth2 authorisation server for client credentials (RFC 6749, section 4.4): form
// or JSON body, the client by HTTP Basic or in the body, tokens that expire by the fake's clock.
package oauthfake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options of a server.
type Options struct {
	ClientID, ClientSecret string
	// Scopes that the client may ask for; none admits only the empty scope.
	Scopes []string
	// Lifetime of a token; 0 is an hour.
	Lifetime time.Duration
	// BodyOnly refuses HTTP Basic, BasicOnly refuses credentials in the body.
	BodyOnly, BasicOnly bool
	// Now is the server's clock; time.Now when nil.
	Now func() time.Time
}

// Server gives out tokens and judges them.
type Server struct {
	options Options

	mu      sync.Mutex
	issued  int
	expires map[string]time.Time
}

// New makes a server.
func New(options Options) *Server {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Lifetime == 0 {
		options.Lifetime = time.Hour
	}
	return &Server{options: options, expires: map[string]time.Time{}}
}

// Issued returns how many tokens were given out.
func (s *Server) Issued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issued
}

// Revoke withdraws all tokens.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.expires)
}

// Admits reports whether a request bears a token that lives.
func (s *Server) Admits(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	expires, known := s.expires[token]
	return ok && known && s.options.Now().Before(expires)
}

// ServeHTTP is the token endpoint.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "invalid_request")
		return
	}
	asked, ok := fields(r)
	if !ok {
		refuse(w, http.StatusBadRequest, "invalid_request")
		return
	}
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = asked["client_id"], asked["client_secret"]
	}
	switch {
	case id != s.options.ClientID || secret != s.options.ClientSecret || basic && s.options.BodyOnly || !basic && s.options.BasicOnly:
		w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
		refuse(w, http.StatusUnauthorized, "invalid_client")
	case asked["grant_type"] != "client_credentials":
		refuse(w, http.StatusBadRequest, "unsupported_grant_type")
	case slices.ContainsFunc(strings.Fields(asked["scope"]), func(scope string) bool { return !slices.Contains(s.options.Scopes, scope) }):
		refuse(w, http.StatusBadRequest, "invalid_scope")
	default:
		answer(w, http.StatusOK, map[string]any{
			"access_token": s.issue(), "token_type": "Bearer", "expires_in": int(s.options.Lifetime / time.Second), "scope": asked["scope"],
		})
	}
}

func (s *Server) issue() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued++
	mac := hmac.New(sha256.New, []byte(s.options.ClientSecret))
	fmt.Fprint(mac, s.issued)
	token := hex.EncodeToString(mac.Sum(nil))
	s.expires[token] = s.options.Now().Add(s.options.Lifetime)
	return token
}

// fields reads the request's members from a form or a JSON object.
func fields(r *http.Request) (map[string]string, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, false
	}
	members := map[string]string{}
	switch kind {
	case "application/json":
		return members, json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<16)).Decode(&members) == nil
	case "application/x-www-form-urlencoded":
		if r.ParseForm() != nil {
			return nil, false
		}
		for name, values := range url.Values(r.PostForm) {
			members[name] = values[0]
		}
		return members, true
	default:
		return nil, false
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	answer(w, status, map[string]any{"error": code})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that is gone needs no answer
}
