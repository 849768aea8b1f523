package pix

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
)

// unreadableLife is how long a token is used whose end cannot be read.
const unreadableLife = 15 * time.Minute

// session is what one pull asks Pix with.
type session struct {
	settings *settings
	caller   connectors.Caller
}

func (c *connector) session(r connectors.Request) *session {
	fetch := func(ctx context.Context) (connectors.Token, error) { return c.token(ctx, r) }
	return &session{settings: c.settings, caller: connectors.NewSession(r.Client, c.now, fetch)}
}

// token asks for a token. Pix takes a form only, and its answer tells no lifetime.
func (c *connector) token(ctx context.Context, r connectors.Request) (connectors.Token, error) {
	secret, err := r.Secrets.Secret(c.settings.ClientSecret)
	if err != nil {
		return connectors.Token{}, err
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {c.settings.ClientID}, "client_secret": {secret}, "scope": {c.settings.Scope},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.settings.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return connectors.Token{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	answer, err := r.Client.Do(ctx, connectors.Repeatable(request))
	if err != nil {
		return connectors.Token{}, err
	}
	switch answer.Status {
	case http.StatusOK:
	case http.StatusUnauthorized:
		return connectors.Token{}, connectors.Faultf(connectors.NeedsPerson, "Pix does not know the client_id or does not accept its secret. Compare both with what Pix has given; somebody may have replaced the secret.", "token: %s", saidBy(answer))
	case http.StatusForbidden:
		return connectors.Token{}, connectors.Faultf(connectors.NeedsPerson, "Pix has not granted all the scopes that the connection asks for. Ask Pix to grant them, or change the setting.", "token with scope %q: %s", c.settings.Scope, saidBy(answer))
	default:
		return connectors.Token{}, connectors.Faultf(connectors.NeedsPerson, "Pix's token address answers otherwise than a token address does. Check the setting tokenUrl with Pix.", "token: %s", saidBy(answer))
	}
	var given struct {
		AccessToken string `json:"access_token"`
	}
	if err := lenient(answer.Body, &given); err != nil || given.AccessToken == "" {
		return connectors.Token{}, connectors.Faultf(connectors.GiveUp, "Pix's token address answers without a token. Check the setting tokenUrl with Pix.", "token: 200 without access_token")
	}
	expires, ok := expiryOf(given.AccessToken)
	if !ok {
		expires = c.now().Add(unreadableLife)
	}
	return connectors.Token{Value: given.AccessToken, Expires: expires}, nil
}

// expiryOf reads exp from a JWT, without verifying: it is Pix's to judge the token.
func expiryOf(token string) (time.Time, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	var claims struct {
		Exp float64 `json:"exp"`
	}
	if err != nil || lenient(payload, &claims) != nil || claims.Exp < 1 || claims.Exp > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(int64(claims.Exp), 0), true
}

// lenient decodes JSON as a reader that does not depend on the writer's care.
func lenient(body []byte, into any) error {
	return json.Unmarshal(body, into, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// statusError is an answer that is not 200. The connector decides what it means.
type statusError struct {
	status int
	place  string
	said   string
}

func (e *statusError) Error() string { return e.place + ": " + e.said }

// isStatus reports whether an error is an answer with this status.
func isStatus(err error, status int) bool {
	answered, is := errors.AsType[*statusError](err)
	return is && answered.status == status
}

// saidBy returns status and text of an error answer, in either of Pix's two shapes. The text is for engineers.
func saidBy(answer connectors.Answer) string {
	var body struct {
		Errors []struct {
			Title  jsontext.Value `json:"title"`
			Detail jsontext.Value `json:"detail"`
			Code   jsontext.Value `json:"code"`
		} `json:"errors"`
		Error   jsontext.Value `json:"error"`
		Message jsontext.Value `json:"message"`
	}
	said := fmt.Sprint(answer.Status)
	if lenient(answer.Body, &body) != nil {
		return said
	}
	for _, e := range body.Errors {
		said += clause(e.Title) + clause(e.Detail) + clause(e.Code)
	}
	return said + clause(body.Error) + clause(body.Message)
}

func clause(value jsontext.Value) string {
	var text string
	if len(value) == 0 || json.Unmarshal(value, &text) != nil || text == "" {
		return ""
	}
	return fmt.Sprintf(", %.200s", text)
}

// asks is how often an answer that cannot be used is asked for.
const asks = 2

// get asks for a resource and lets read judge the answer; an answer that cannot be used is asked for once more
// before it counts. Another status than 200 is a *statusError.
func (s *session) get(ctx context.Context, path string, query url.Values, read func([]byte) error) error {
	var unusable error
	for range asks {
		answer, err := s.once(ctx, path, query)
		if err != nil {
			return err
		}
		if answer.Status != http.StatusOK {
			return &statusError{answer.Status, path, saidBy(answer)}
		}
		if unusable = read(answer.Body); unusable == nil {
			return nil
		}
	}
	return connectors.Faultf(connectors.RetryLater,
		"Pix's answer makes no sense, so nothing was taken from it. Acquis will ask again; if it goes on, show the detail to an engineer.",
		"GET %s: %v", path, unusable)
}

func (s *session) once(ctx context.Context, path string, query url.Values) (connectors.Answer, error) {
	address := strings.TrimSuffix(s.settings.BaseURL, "/") + s.settings.Prefix + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return connectors.Answer{}, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Accept-Language", s.settings.Language)
	return s.caller.Do(ctx, request)
}

// faultOf is the fault of an answer that the connector has no use for; other errors stay as they are.
func faultOf(err error) error {
	answered, is := errors.AsType[*statusError](err)
	if !is {
		return err
	}
	if answered.status == http.StatusForbidden {
		return connectors.Faultf(connectors.NeedsPerson, "Pix refuses to show what the connection asks for: the scope or the jurisdiction of the client does not reach it. Ask Pix.", "GET %v", answered)
	}
	return connectors.Faultf(connectors.GiveUp, "Pix's server answers otherwise than expected. Check the settings baseUrl and prefix with Pix; show the detail to an engineer.", "GET %v", answered)
}
