package oauth

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"acquis/access"
	"acquis/server"
)

// maxForm bounds the form of a request; a token or a secret is some tens of bytes.
const maxForm = 16 << 10

// request is what a client asks of an endpoint.
type request struct {
	form   url.Values
	client access.Presented
}

// read takes the form and the client's key and secret from a request. Parameters that are not known
// are let pass, those that are given twice are not (RFC 6749, section 3.2).
func read(r *http.Request) (request, error) {
	if err := refuseQuery(r); err != nil {
		return request{}, err
	}
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/x-www-form-urlencoded" {
		return request{}, &fault{invalidRequest, "the body must be a form: send it with Content-Type application/x-www-form-urlencoded"}
	}
	server.LimitBody(r, maxForm)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return request{}, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return request{}, &fault{invalidRequest, "the form cannot be read: percent-encode its values"}
	}
	for _, values := range form {
		if len(values) > 1 {
			return request{}, &fault{invalidRequest, "a parameter is given more than once"}
		}
	}
	client, err := readClient(r, form)
	client.Address = server.ClientOf(r.Context()).Address.String()
	return request{form, client}, err
}

// refuseQuery keeps secrets out of addresses, which end in logs and histories (RFC 6749, section
// 2.3.1). Whoever sent one there has to make another.
func refuseQuery(r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || query.Has("client_secret") || query.Has("client_id") || query.Has("token") {
		return &fault{invalidRequest, "the query string must carry no credential and no token: send them in the form, and replace the secret that was sent this way"}
	}
	return nil
}

// readClient finds the client's key and secret in the header Authorization or in the form, and in
// one of them only (RFC 6749, section 2.3).
func readClient(r *http.Request, form url.Values) (access.Presented, error) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	header := r.Header.Get("Authorization")
	switch {
	case header != "" && secret != "":
		return access.Presented{}, &fault{invalidRequest, "the client identifies itself twice: use the header Authorization or the form, not both"}
	case header != "":
		return basicClient(r, id)
	case id == "" || secret == "":
		return access.Presented{}, &fault{invalidClient, "the client is not named: send client_id and client_secret in the form, or a Basic header"}
	}
	return access.Presented{Key: id, Secret: secret}, nil
}

// basicClient reads the Basic header. A client_id beside it may only repeat it.
func basicClient(r *http.Request, id string) (access.Presented, error) {
	key, secret, ok := r.BasicAuth()
	if !ok {
		return access.Presented{}, &fault{invalidClient, "the header Authorization is not a Basic credential"}
	}
	c := access.Presented{Key: unescape(key), Secret: unescape(secret)}
	if id != "" && id != c.Key {
		return access.Presented{}, &fault{invalidRequest, "client_id names another client than the header Authorization"}
	}
	if c.Key == "" || c.Secret == "" {
		return access.Presented{}, &fault{invalidClient, "the key or the secret of the header Authorization is empty"}
	}
	return c, nil
}

// unescape undoes the form encoding that RFC 6749 wants within Basic (section 2.3.1) and that many
// clients leave out. Keys and secrets that are made here hold no character that the two read
// differently.
func unescape(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	plain, err := url.QueryUnescape(text)
	if err == nil {
		return plain
	}
	return text
}
