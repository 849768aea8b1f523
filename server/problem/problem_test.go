package problem_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"acquis/lrs"
	"acquis/server/problem"
)

// answer writes err as the answer to a request of the method and returns it with the log.
func answer(t *testing.T, ctx context.Context, method string, err error) (*httptest.ResponseRecorder, string) {
	t.Helper()
	var log bytes.Buffer
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(problem.WithRequestID(ctx, "req-1"), method, "/x", nil)
	problem.New(slog.New(slog.NewTextHandler(&log, nil))).Write(w, r, err)
	return w, log.String()
}

func decode(t *testing.T, body []byte) problem.Document {
	t.Helper()
	var doc problem.Document
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatalf("body %q: %v", body, err)
	}
	return doc
}

func TestWrite(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		ctx    context.Context // t.Context() when nil
		err    error
		status int
		name   string
		logged bool
	}{
		"a broken rule is a 400":                {err: lrs.Errorf(lrs.KindInvalid, "d"), status: 400, name: "invalid"},
		"a missing credential is a 401":         {err: lrs.Errorf(lrs.KindUnauthenticated, "d"), status: 401, name: "unauthenticated"},
		"a missing scope is a 403":              {err: lrs.Errorf(lrs.KindForbidden, "d"), status: 403, name: "forbidden"},
		"nothing there is a 404":                {err: lrs.Errorf(lrs.KindNotFound, "d"), status: 404, name: "not-found"},
		"a wrong method is a 405":               {err: problem.ErrMethodNotAllowed, status: 405, name: "method-not-allowed"},
		"a stalled body is a 408":               {err: fmt.Errorf("read: %w", problem.ErrSlowBody), status: 408, name: "slow-body"},
		"a body cut short is a 400":             {err: fmt.Errorf("read: %w", problem.ErrBrokenBody), status: 400, name: "broken-body"},
		"another content is a 409":              {err: lrs.Errorf(lrs.KindConflict, "d"), status: 409, name: "conflict"},
		"a failed precondition is a 412":        {err: lrs.Errorf(lrs.KindPrecondition, "d"), status: 412, name: "precondition-failed"},
		"a passed limit is a 413":               {err: lrs.Errorf(lrs.KindTooLarge, "d"), status: 413, name: "too-large"},
		"a body over its limit is a 413":        {err: fmt.Errorf("read: %w", &http.MaxBytesError{Limit: 7}), status: 413, name: "too-large"},
		"an unknown encoding is a 415":          {err: lrs.Errorf(lrs.KindUnsupportedMediaType, "d"), status: 415, name: "unsupported-media-type"},
		"a rate that is passed is a 429":        {err: fmt.Errorf("ask: %w", &problem.TooManyRequests{Detail: "d"}), status: 429, name: "too-many-requests"},
		"a client that went away is a 499":      {ctx: gone, err: fmt.Errorf("query: %w", context.Canceled), status: 499, name: "client-closed"},
		"a store that is closing is a 503":      {err: fmt.Errorf("query: %w", context.Canceled), status: 503, name: "unavailable", logged: true},
		"a passed deadline is a 503":            {err: fmt.Errorf("query: %w", context.DeadlineExceeded), status: 503, name: "unavailable", logged: true},
		"a time-out of a back end is a 503":     {err: fmt.Errorf("dial: %w", os.ErrDeadlineExceeded), status: 503, name: "unavailable", logged: true},
		"not now is a 503":                      {err: lrs.Errorf(lrs.KindUnavailable, "d"), status: 503, name: "unavailable"},
		"anything else is a 500":                {err: io.ErrUnexpectedEOF, status: 500, name: "internal", logged: true},
		"a kind that is not known is a 500":     {err: &lrs.Error{Kind: 99, Detail: "d"}, status: 500, name: "internal", logged: true},
		"a wrapped kind counts like a bare one": {err: fmt.Errorf("store: %w", lrs.Errorf(lrs.KindConflict, "d")), status: 409, name: "conflict"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ctx := test.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			w, log := answer(t, ctx, http.MethodPost, test.err)
			doc := decode(t, w.Body.Bytes())
			if w.Code != test.status || doc.Status != test.status {
				t.Errorf("status %d, in the body %d, want %d", w.Code, doc.Status, test.status)
			}
			if want := "urn:acquis:problem:" + test.name; doc.Type != want {
				t.Errorf("type %q, want %q", doc.Type, want)
			}
			if got := w.Header().Get("Content-Type"); got != problem.ContentType {
				t.Errorf("Content-Type %q", got)
			}
			if doc.RequestID != "req-1" || doc.Title == "" {
				t.Errorf("document %+v lacks request id or title", doc)
			}
			if logged := strings.Contains(log, "requestId=req-1"); logged != test.logged {
				t.Errorf("logged: %t, want %t: %s", logged, test.logged, log)
			}
		})
	}
}

func TestWriteTellsTheClient(t *testing.T) {
	t.Run("every violation in its order", func(t *testing.T) {
		violations := []lrs.Violation{
			{Pointer: "/0/actor/mbox", Rule: "mailto", Detail: "want mailto:", Section: "Data 2.4.2.3"},
			{Pointer: "", Rule: "duplicate-id", Detail: "two statements have one id"},
		}
		w, _ := answer(t, t.Context(), http.MethodPost, &lrs.Error{Kind: lrs.KindInvalid, Detail: "Two rules are broken.", Violations: violations})
		doc := decode(t, w.Body.Bytes())
		if diff := cmp.Diff(violations, doc.Violations); diff != "" {
			t.Error(diff)
		}
		if doc.Detail != "Two rules are broken." {
			t.Errorf("detail %q", doc.Detail)
		}
	})
	t.Run("text that is not UTF-8 with replacement characters", func(t *testing.T) {
		w, _ := answer(t, t.Context(), http.MethodPost, lrs.Errorf(lrs.KindInvalid, "bad \xff here"))
		if doc := decode(t, w.Body.Bytes()); doc.Detail != "bad \ufffd here" {
			t.Errorf("detail %q", doc.Detail)
		}
	})
	t.Run("the limit that was passed", func(t *testing.T) {
		w, _ := answer(t, t.Context(), http.MethodPost, &http.MaxBytesError{Limit: 4096})
		if doc := decode(t, w.Body.Bytes()); !strings.Contains(doc.Detail, "4096") {
			t.Errorf("detail %q", doc.Detail)
		}
	})
}

func TestWriteHidesInternalText(t *testing.T) {
	secret := errors.New("dial mongodb://admin:hunter2@10.0.0.1")
	w, log := answer(t, t.Context(), http.MethodGet, fmt.Errorf("open store: %w", secret))
	for _, part := range []string{"mongodb", "hunter2", "open store"} {
		if strings.Contains(w.Body.String(), part) || strings.Contains(fmt.Sprint(w.Header()), part) {
			t.Errorf("the answer shows %q: %s", part, w.Body)
		}
		if !strings.Contains(log, part) {
			t.Errorf("the log lacks %q: %s", part, log)
		}
	}
}

func TestWriteSetsHeaders(t *testing.T) {
	tests := map[string]struct {
		err    error
		before http.Header
		want   map[string]string // "" for absent
	}{
		"a 401 asks for Basic": {
			err:  lrs.Errorf(lrs.KindUnauthenticated, "d"),
			want: map[string]string{"WWW-Authenticate": `Basic realm="Acquis"`},
		},
		"a 503 says when to come back": {
			err:  lrs.Errorf(lrs.KindUnavailable, "d"),
			want: map[string]string{"Retry-After": "2"},
		},
		"a 503 keeps the surface's Retry-After": {
			err: lrs.Errorf(lrs.KindUnavailable, "d"), before: http.Header{"Retry-After": {"60"}},
			want: map[string]string{"Retry-After": "60"},
		},
		"a 429 says when to come back, in whole seconds that are not too few": {
			err:  &problem.TooManyRequests{After: 1001 * time.Millisecond},
			want: map[string]string{"Retry-After": "2"},
		},
		"a 408 closes the connection": {
			err:  problem.ErrSlowBody,
			want: map[string]string{"Connection": "close"},
		},
		"what spoke of the other body is dropped, the rest stays": {
			err: lrs.Errorf(lrs.KindInvalid, "d"),
			before: http.Header{
				"Etag": {`"x"`}, "Last-Modified": {"x"}, "Content-Encoding": {"gzip"}, "Content-Disposition": {"x"},
				"X-Experience-Api-Version": {"1.0.3"},
			},
			want: map[string]string{
				"ETag": "", "Last-Modified": "", "Content-Encoding": "", "Content-Disposition": "",
				"X-Experience-API-Version": "1.0.3",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			for name, values := range test.before {
				w.Header()[name] = values
			}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			problem.New(slog.New(slog.DiscardHandler)).Write(w, r, test.err)
			for name, want := range test.want {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestWriteToHead(t *testing.T) {
	w, _ := answer(t, t.Context(), http.MethodHead, lrs.Errorf(lrs.KindNotFound, "d"))
	if w.Code != http.StatusNotFound || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" {
		t.Errorf("status %d, body %q, header %v: want 404 with the length of the body it leaves out", w.Code, w.Body, w.Header())
	}
}

// begunWriter is a writer whose header is out, as gin's reports it.
type begunWriter struct{ *httptest.ResponseRecorder }

func (begunWriter) Written() bool { return true }

func TestWriteCutsAnAnswerThatHasBegun(t *testing.T) {
	w := begunWriter{httptest.NewRecorder()}
	defer func() {
		if cause := recover(); cause != http.ErrAbortHandler { //nolint:errorlint // as net/http compares it
			t.Errorf("panic value %v, want http.ErrAbortHandler", cause)
		}
		if w.Body.Len() != 0 {
			t.Errorf("wrote %q into the other answer", w.Body)
		}
	}()
	problem.New(slog.New(slog.DiscardHandler)).Write(w, httptest.NewRequest(http.MethodGet, "/", nil), io.ErrClosedPipe)
}
