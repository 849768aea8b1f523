package openclassrooms

import (
	"bytes"
	"context"
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

// session is what one pull asks with.
type session struct {
	settings *settings
	caller   connectors.Caller
}

func (c *connector) session(r connectors.Request) *session {
	s := &session{settings: c.settings, caller: r.Client}
	switch c.settings.Auth.Kind {
	case authClient:
		s.caller = connectors.NewSession(r.Client, c.now, func(ctx context.Context) (connectors.Token, error) { return c.token(ctx, r) })
	case authBearer:
		s.caller = connectors.NewSession(r.Client, c.now, func(context.Context) (connectors.Token, error) {
			secret, err := r.Secrets.Secret(c.settings.Auth.Secret)
			return connectors.Token{Value: secret}, err
		})
	case authKey:
		s.caller = &keyed{r.Client, c.settings.Auth.Header, func() (string, error) { return r.Secrets.Secret(c.settings.Auth.Secret) }}
	}
	return s
}

// keyed sends a key in a header of its own.
type keyed struct {
	client connectors.Caller
	header string
	secret func() (string, error)
}

func (k *keyed) Do(ctx context.Context, r *http.Request) (connectors.Answer, error) {
	secret, err := k.secret()
	if err != nil {
		return connectors.Answer{}, err
	}
	r.Header.Set(k.header, secret)
	answer, err := k.client.Do(ctx, r)
	if err == nil && answer.Status == http.StatusUnauthorized {
		return answer, connectors.Faultf(connectors.NeedsPerson, "OpenClassrooms does not accept the key that Acquis was given. Ask whether it was withdrawn or replaced.", "GET %s: 401", r.URL.Path)
	}
	return answer, err
}

// usualLife is how long a token is used whose life nobody tells.
const usualLife = 15 * time.Minute

// token asks for a token (RFC 6749, section 4.4).
func (c *connector) token(ctx context.Context, r connectors.Request) (connectors.Token, error) {
	a := c.settings.Auth
	secret, err := r.Secrets.Secret(a.Secret)
	if err != nil {
		return connectors.Token{}, err
	}
	members := map[string]string{"grant_type": "client_credentials"}
	if a.Scope != "" {
		members["scope"] = a.Scope
	}
	if a.ClientAuth == "post" {
		members["client_id"], members["client_secret"] = a.ClientID, secret
	}
	body, kind := encoded(members, a.Body)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.TokenURL, bytes.NewReader(body))
	if err != nil {
		return connectors.Token{}, err
	}
	request.Header.Set("Content-Type", kind)
	request.Header.Set("Accept", "application/json")
	if a.ClientAuth == "basic" {
		request.SetBasicAuth(url.QueryEscape(a.ClientID), url.QueryEscape(secret)) // RFC 6749, section 2.3.1
	}
	answer, err := r.Client.Do(ctx, connectors.Repeatable(request))
	if err != nil {
		return connectors.Token{}, err
	}
	if answer.Status != http.StatusOK {
		return connectors.Token{}, connectors.Faultf(connectors.NeedsPerson, "OpenClassrooms gives Acquis no access. Compare client id, secret and scope with what OpenClassrooms has issued.", "token: %s", saidBy(answer))
	}
	var given struct {
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"`
	}
	if err := json.Unmarshal(answer.Body, &given, jsontext.AllowDuplicateNames(true)); err != nil || given.AccessToken == "" {
		return connectors.Token{}, connectors.Faultf(connectors.GiveUp, "OpenClassrooms' token address answers without a token. Check the setting auth.tokenUrl.", "token: 200 without access_token")
	}
	life := usualLife
	if given.ExpiresIn > 0 && given.ExpiresIn < 1e9 {
		life = time.Duration(given.ExpiresIn) * time.Second
	}
	return connectors.Token{Value: given.AccessToken, Expires: c.now().Add(life)}, nil
}

// encoded writes members as a form or as JSON.
func encoded(members map[string]string, as string) (body []byte, kind string) {
	if as == "json" {
		body, err := json.Marshal(members, json.Deterministic(true))
		if err != nil {
			panic(fmt.Sprintf("openclassrooms: texts cannot be written as JSON: %v", err)) // a fault in this package
		}
		return body, "application/json"
	}
	form := url.Values{}
	for name, value := range members {
		form.Set(name, value)
	}
	return []byte(form.Encode()), "application/x-www-form-urlencoded"
}

// saidBy returns status and text of an error answer, in the shapes that were seen. The text is for engineers.
func saidBy(answer connectors.Answer) string {
	said := fmt.Sprint(answer.Status)
	value, err := decode(answer.Body)
	if err != nil {
		return said
	}
	for _, pointer := range []string{"/error", "/error_description", "/message", "/errors/0/message"} {
		if text, found := (item{value: value}).at(pointer); found {
			if text, is := text.(string); is {
				said += fmt.Sprintf(", %.200s", text)
			}
		}
	}
	return said
}

// statusError is an answer that is neither a list nor the end of one. The caller decides what it means.
type statusError struct {
	status int
	path   string // without numbers of people
	said   string
}

func (e *statusError) Error() string { return "GET " + e.path + ": " + e.said }

// refusedOne reports whether an answer says that there is nothing to see, or not for us.
func refusedOne(err error) bool {
	answered, is := errors.AsType[*statusError](err)
	return is && (answered.status == http.StatusNotFound || answered.status == http.StatusForbidden || answered.status == http.StatusGone)
}

// faultOf is the fault of an answer that the connector has no use for; other errors stay as they are.
func faultOf(err error) error {
	answered, is := errors.AsType[*statusError](err)
	if !is {
		return err
	}
	if answered.status == http.StatusForbidden {
		return connectors.Faultf(connectors.NeedsPerson, "OpenClassrooms refuses to show what the connection asks for. Ask OpenClassrooms which access the client was given.", "%v", answered)
	}
	return connectors.Faultf(connectors.NeedsPerson, "OpenClassrooms' server answers otherwise than expected. Check address and paths in the settings of this connection, then run its probe.", "%v", answered)
}

// request makes a request for a path of the settings.
func (s *session) request(ctx context.Context, p *port, user string, query url.Values) (*http.Request, error) {
	path := strings.NewReplacer("{org}", url.PathEscape(s.settings.Organisation), "{userId}", url.PathEscape(user)).Replace(p.Path)
	address := strings.TrimSuffix(s.settings.BaseURL, "/") + path
	for name, value := range p.Query {
		query.Set(name, value)
	}
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return s.prepared(ctx, address)
}

func (s *session) prepared(ctx context.Context, address string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if s.settings.Accept != "" {
		request.Header.Set("Accept", s.settings.Accept)
	}
	for name, value := range s.settings.Headers {
		request.Header.Set(name, value)
	}
	return request, nil
}
