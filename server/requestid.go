package server

import (
	"context"
	"net/http"

	"acquis/server/problem"
)

const requestIDHeader = "X-Request-Id"

// RequestID returns the id of the request being answered, "" outside of one.
func RequestID(ctx context.Context) string { return problem.RequestID(ctx) }

// requestIDs gives each request an id: the caller's when it is sane, a new one otherwise. The
// request is copied, so that what the steps inside do to its body stays hidden from net/http,
// which must see the original to handle Expect: 100-continue.
func requestIDs(newID func() string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !saneID(id) {
			id = newID()
		}
		w.Header()[requestIDHeader] = []string{id}
		next.ServeHTTP(w, r.WithContext(problem.WithRequestID(r.Context(), id)))
	})
}

// saneID accepts what trace and gateway ids look like. No "@" and no space: the id is logged, and
// must not carry a mail address or a second field into the log.
func saneID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.', c == ':':
		default:
			return false
		}
	}
	return true
}
