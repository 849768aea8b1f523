package server

import (
	"net/http"
	"strings"

	"acquis/access"
	"acquis/lrs"
)

// Presented reads what a request identifies itself with: a Basic credential (RFC 7617) or a bearer
// token (RFC 6750). KindUnauthenticated when there is neither.
func Presented(r *http.Request) (access.Presented, error) {
	given := access.Presented{}
	if address := ClientOf(r.Context()).Address; address.IsValid() {
		given.Address = address.String()
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return given, lrs.Errorf(lrs.KindUnauthenticated, "a credential is missing: send the header Authorization with Basic and your key and secret, or with Bearer and a token")
	}
	scheme, token, _ := strings.Cut(header, " ")
	var ok bool
	if strings.EqualFold(scheme, "Bearer") {
		given.Bearer = strings.TrimSpace(token)
		ok = given.Bearer != ""
	} else {
		given.Key, given.Secret, ok = r.BasicAuth()
	}
	if !ok {
		return given, lrs.Errorf(lrs.KindUnauthenticated, "the header Authorization is neither a Basic credential nor a bearer token")
	}
	return given, nil
}
