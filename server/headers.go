package server

import (
	"net/http"
	"strconv"
	"time"
)

// safeHeaders sets what every answer says to browsers, unless its surface says otherwise: nothing here
// is a page, a script or an image of anybody's, and nothing is kept. hsts goes out over TLS only, a
// proxy's included, since browsers must not believe it from elsewhere (RFC 6797, section 7.2).
func safeHeaders(hsts time.Duration, next http.Handler) http.Handler {
	transport := []string{"max-age=" + strconv.FormatInt(int64(hsts/time.Second), 10)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Content-Type-Options"] = nosniff
		h["X-Frame-Options"] = deny
		h["Referrer-Policy"] = noReferrer
		h["Content-Security-Policy"] = nothing
		h["Cache-Control"] = noStore
		if hsts > 0 && ClientOf(r.Context()).Scheme == "https" {
			h["Strict-Transport-Security"] = transport
		}
		next.ServeHTTP(w, r)
	})
}

// Values that never change, so that no request pays for them. Set replaces a slice and does not write to it.
var (
	nosniff    = []string{"nosniff"}
	deny       = []string{"DENY"}
	noReferrer = []string{"no-referrer"}
	nothing    = []string{"default-src 'none'; frame-ancestors 'none'"}
	noStore    = []string{"no-store"}
)
