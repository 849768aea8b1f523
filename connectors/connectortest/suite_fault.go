package connectortest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"acquis/connectors"
)

// fault answers the request in place of the fake, or passes it on.
type fault func(out http.ResponseWriter, r *http.Request, next http.Handler)

func status(code int, header ...string) fault {
	return func(out http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for i := 0; i+1 < len(header); i += 2 {
			out.Header().Set(header[i], header[i+1])
		}
		out.WriteHeader(code)
	}
}

// Status is a fault, for Faults.Set, that answers every request for data with a status.
func Status(code int) func(int, http.ResponseWriter, *http.Request, http.Handler) {
	return func(_ int, out http.ResponseWriter, r *http.Request, next http.Handler) { status(code)(out, r, next) }
}

// instead answers 200 with another body.
func instead(contentType, body string) fault {
	return func(out http.ResponseWriter, _ *http.Request, _ http.Handler) {
		out.Header().Set("Content-Type", contentType)
		fmt.Fprint(out, body)
	}
}

// half answers with the first half of the body, as if that were all of it.
func half(out http.ResponseWriter, r *http.Request, next http.Handler) {
	kept := answerOf(next, r)
	kept.Header().Del("Content-Length")
	give(out, kept, kept.Body.Len()/2)
}

// broken announces the whole body and breaks off after half of it.
func broken(out http.ResponseWriter, r *http.Request, next http.Handler) {
	kept := answerOf(next, r)
	out.Header().Set("Content-Length", fmt.Sprint(kept.Body.Len()))
	give(out, kept, kept.Body.Len()/2)
}

func (s Subject) revoked(t *testing.T) {
	first, _ := s.reference(t)
	for n := 1; n <= s.requests(t); n++ {
		w := Open(t, s)
		w.Faults.Set(func(now int, out http.ResponseWriter, r *http.Request, next http.Handler) {
			if now == n {
				w.Fake.Revoke()
			}
			next.ServeHTTP(out, r)
		})
		w.Clean(connectors.Order{})
		Equal(t, first, w.State())
	}
}

// passing are faults at one request, the next attempt of which is answered.
func (s Subject) passing(t *testing.T) {
	first, _ := s.reference(t)
	total := s.requests(t)
	for name, f := range map[string]fault{
		"429 with Retry-After":   status(429, "Retry-After", "0"),
		"429 without":            status(429),
		"500":                    status(500),
		"503 with Retry-After":   status(503, "Retry-After", "0"),
		"an answer that breaks":  broken,
		"no answer in good time": nil,
	} {
		t.Run(name, func(t *testing.T) {
			for n := 1; n <= total; n++ {
				if f == nil && n != 2 { // each takes as long as a request may
					continue
				}
				w := Open(t, s)
				w.Faults.Set(func(now int, out http.ResponseWriter, r *http.Request, next http.Handler) {
					switch {
					case now != n:
						next.ServeHTTP(out, r)
					case f == nil:
						w.Faults.stall(r)
					default:
						f(out, r, next)
					}
				})
				w.Clean(connectors.Order{})
				Equal(t, first, w.State())
			}
		})
	}
}

// staying are faults at one request and all after it.
func (s Subject) staying(t *testing.T) {
	_, second := s.reference(t)
	total := s.requests(t)
	for name, f := range map[string]struct {
		fault
		outcome connectors.Outcome // "" for any that is not clean
	}{
		"401":                       {status(401), connectors.Stopped},
		"429 with a long wait":      {status(429, "Retry-After", "3600"), connectors.Failed},
		"500":                       {status(500), connectors.Failed},
		"an answer that breaks":     {broken, connectors.Failed},
		"JSON that is cut":          {half, ""},
		"a page for people":         {instead("text/html", "<!doctype html><title>Maintenance</title>"), ""},
		"null":                      {instead("application/json", "null"), ""},
		"an object without members": {instead("application/json", "{}"), ""},
		"a word":                    {instead("application/json", `"unavailable"`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			for n := 1; n <= total; n++ {
				w := Open(t, s)
				w.Clean(connectors.Order{})
				before := w.State()
				w.Fake.Learn()
				w.Faults.Set(func(now int, out http.ResponseWriter, r *http.Request, next http.Handler) {
					if now < n {
						next.ServeHTTP(out, r)
						return
					}
					f.fault(out, r, next)
				})
				run := w.Pull(connectors.Order{})
				if w.Faults.Requests() < n {
					break // it takes no more requests
				}
				w.isRed(run, f.outcome)
				after := w.State()
				if diff := cmp.Diff(before.kept(), after.kept()); diff != "" {
					t.Fatalf("at request %d the hub changed (-before +after):\n%s", n, diff)
				}
				w.Faults.Set(nil)
				w.Clean(connectors.Order{})
				Equal(t, second, w.State())
			}
		})
	}
}

// isRed fails the test unless the run tells both readers what happened.
func (w *World) isRed(run connectors.Run, want connectors.Outcome) {
	w.t.Helper()
	if run.Outcome == connectors.Clean || run.Outcome == connectors.Cut || want != "" && run.Outcome != want {
		w.t.Fatalf("the run ended %s: %+v", run.Outcome, run.Errors)
	}
	if len(run.Errors) == 0 || run.Errors[0].Sentence == "" || run.Errors[0].Detail == "" || len(run.After) > 0 {
		w.t.Fatalf("the entry does not tell what happened: %+v", run)
	}
	for _, e := range run.Errors {
		if e.Detail == connectors.FaultOf(errKilled).Detail {
			w.t.Fatalf("a fault of the provider's is told as one of Acquis: %+v", e)
		}
	}
}

// kept is what a run that was not clean must leave as it was. Statements of pages that were read before may have
// come.
func (s State) kept() State {
	return State{Seats: s.Seats, Offers: s.Offers, Gone: s.Gone, Watermark: s.Watermark}
}

func (s Subject) shifting(t *testing.T) {
	still := Open(t, s)
	still.Fake.Shift()
	still.Clean(connectors.Order{})
	want := still.State()
	for n := 2; n <= s.requests(t); n++ {
		w := Open(t, s)
		w.Faults.Set(func(now int, out http.ResponseWriter, r *http.Request, next http.Handler) {
			if now == n {
				w.Fake.Shift()
			}
			next.ServeHTTP(out, r)
		})
		w.Pull(connectors.Order{}) // it may notice, and fail
		w.Faults.Set(nil)
		w.Clean(connectors.Order{Full: true})
		Equal(t, want.withoutWatermark(), w.State().withoutWatermark())
	}
}

func (s Subject) twice(t *testing.T) {
	first, _ := s.reference(t)
	for n := 2; n <= s.requests(t); n++ {
		w := Open(t, s)
		var former *httptest.ResponseRecorder
		var path string // another list's answer in its place could not be told by anybody
		w.Faults.Set(func(now int, out http.ResponseWriter, r *http.Request, next http.Handler) {
			if now == n && path == r.URL.Path {
				give(out, former, -1)
				return
			}
			former, path = answerOf(next, r), r.URL.Path
			give(out, former, -1)
		})
		w.Pull(connectors.Order{}) // it may notice, and fail
		w.Faults.Set(nil)
		w.Clean(connectors.Order{Full: true})
		Equal(t, first.withoutWatermark(), w.State().withoutWatermark())
	}
}

func (s Subject) clock(t *testing.T) {
	_, second := s.reference(t)
	for _, by := range []time.Duration{-72 * time.Hour, 30 * 24 * time.Hour} {
		w := Open(t, s)
		w.Clean(connectors.Order{})
		w.clock.Move(by)
		w.Fake.Learn()
		w.Clean(connectors.Order{})
		Equal(t, second, w.State())
	}
}
