package openclassroomsfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// slice is how many items an answer has at most.
const slice = 20

// Handler serves the world: /oauth2/token, /organizations/{organisation}/members,
// /users/{id}/followed-courses, /users/{id}/followed-path and /courses.
func (w *World) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/oauth2/token", w.tokens)
	mux.HandleFunc("GET /organizations/{organisation}/members", func(rw http.ResponseWriter, r *http.Request) {
		if r.PathValue("organisation") != w.options.Organisation {
			refuse(rw, http.StatusNotFound, "Organization not found")
			return
		}
		list(rw, r, w.members())
	})
	mux.HandleFunc("GET /users/{id}/followed-courses", func(rw http.ResponseWriter, r *http.Request) {
		if n, ok := w.member(rw, r); ok {
			list(rw, r, w.courses(n))
		}
	})
	mux.HandleFunc("GET /users/{id}/followed-path", func(rw http.ResponseWriter, r *http.Request) {
		if n, ok := w.member(rw, r); ok {
			if path := w.path(n); path != nil {
				answer(rw, http.StatusOK, path)
				return
			}
			refuse(rw, http.StatusNotFound, "No followed path")
		}
	})
	mux.HandleFunc("GET /courses", func(rw http.ResponseWriter, r *http.Request) { list(rw, r, w.catalogue()) })
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/oauth2/token" && !w.tokens.Admits(r) {
			rw.Header().Set("WWW-Authenticate", "Bearer")
			refuse(rw, http.StatusUnauthorized, "The access token is invalid or has expired")
			return
		}
		mux.ServeHTTP(rw, r)
	})
}

func (w *World) member(rw http.ResponseWriter, r *http.Request) (int, bool) {
	id, err := strconv.Atoi(r.PathValue("id"))
	n := (id - MemberID(0)) / (MemberID(1) - MemberID(0))
	if err != nil || n < 0 || n >= w.accounts() || MemberID(n) != id {
		refuse(rw, http.StatusNotFound, "User not found")
		return 0, false
	}
	return n, true
}

// list answers the slice that the Range header asks for: 206 with Content-Range, 200 when it is all there is,
// 416 when there is nothing.
func list(rw http.ResponseWriter, r *http.Request, items []map[string]any) {
	from, to := 0, slice-1
	if header := r.Header.Get("Range"); header != "" {
		spec, is := strings.CutPrefix(header, "items=")
		if n, err := fmt.Sscanf(spec, "%d-%d", &from, &to); !is || n != 2 || err != nil || from < 0 || to < from {
			refuse(rw, http.StatusBadRequest, "Range cannot be read")
			return
		}
	}
	to = min(to, from+slice-1, len(items)-1)
	if from >= len(items) && (from > 0 || r.Header.Get("Range") != "") {
		rw.Header().Set("Content-Range", fmt.Sprintf("items */%d", len(items)))
		refuse(rw, http.StatusRequestedRangeNotSatisfiable, "Requested Range Not Satisfiable")
		return
	}
	status := http.StatusOK
	if to-from+1 < len(items) {
		status = http.StatusPartialContent
	}
	rw.Header().Set("Content-Range", fmt.Sprintf("items %d-%d/%d", from, to, len(items)))
	answer(rw, status, items[from:to+1])
}

func refuse(rw http.ResponseWriter, status int, message string) {
	answer(rw, status, map[string]any{"errors": []any{map[string]any{"code": strconv.Itoa(status), "message": message}}})
}

func answer(rw http.ResponseWriter, status int, body any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(body) // a client that is gone needs no answer
}
