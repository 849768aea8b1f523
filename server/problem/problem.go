package problem

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/lrs"
)

// ContentType is the media type of every error answer (RFC 9457, section 3).
const ContentType = "application/problem+json"

// retryAfter is what a 503 asks a client to wait, in seconds, when the surface says nothing
// else: commits, leases and drains pass in about this time.
const retryAfter = "2"

// Document is the body of an error answer.
type Document struct {
	Type       string          `json:"type"`
	Title      string          `json:"title"`
	Status     int             `json:"status"`
	Detail     string          `json:"detail,omitempty"`
	RequestID  string          `json:"requestId,omitempty"` // names the occurrence, as instance would
	Violations []lrs.Violation `json:"violations,omitempty"`
}

// Writer writes error answers and logs the faults that they hide. It is safe for concurrent use.
type Writer struct {
	logger *slog.Logger
}

// New returns a Writer that logs to logger.
func New(logger *slog.Logger) *Writer {
	return &Writer{logger: logger}
}

// Write answers r with the problem that err is. An error which is not meant for clients becomes
// a 500 with a fixed text and goes to the log with the request id, so that the two can be
// brought together; its own text never leaves the program.
//
// Headers that a surface has set before stay, save those that spoke of the body which is not
// coming (length, encoding, ETag, Last-Modified). When the answer has begun already, Write cuts
// it by panicking with http.ErrAbortHandler, so that no client takes half an answer for a whole one.
func (p *Writer) Write(w http.ResponseWriter, r *http.Request, err error) {
	doc, row := describe(r, err)
	p.log(r, row, err)
	if begun(w) {
		panic(http.ErrAbortHandler)
	}
	// A detail may quote what the client sent; text that is not UTF-8 must not cost the answer.
	// Strings and numbers are all there is, so nothing else can fail.
	body, _ := json.Marshal(doc, jsontext.AllowInvalidUTF8(true))
	setHeaders(w.Header(), doc.Status, len(body))
	if many, ok := errors.AsType[*TooManyRequests](err); ok {
		w.Header().Set("Retry-After", strconv.FormatInt(int64(math.Ceil(many.After.Seconds())), 10))
	}
	w.WriteHeader(doc.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client is gone: nobody is left to tell
	}
}

// describe builds the document for err and names its row of the table.
func describe(r *http.Request, err error) (Document, class) {
	row, detail, violations := classify(r.Context(), err)
	return Document{
		Type:       "urn:acquis:problem:" + row.name,
		Title:      row.title,
		Status:     row.status,
		Detail:     detail,
		RequestID:  RequestID(r.Context()),
		Violations: violations,
	}, row
}

// log keeps what the answer hides. Faults of the request are told to the client in full, so the
// access log's line about them is enough.
func (p *Writer) log(r *http.Request, row class, err error) {
	if row.level == quiet {
		return
	}
	p.logger.LogAttrs(r.Context(), row.level, "request failed",
		slog.String("requestId", RequestID(r.Context())), slog.Int("status", row.status), slog.Any("error", err))
}

// begun reports whether the answer's header is out. Only writers that count, as gin's does, can tell.
func begun(w http.ResponseWriter) bool {
	counting, ok := w.(interface{ Written() bool })
	return ok && counting.Written()
}

func setHeaders(h http.Header, status, length int) {
	for _, name := range []string{"Content-Encoding", "Content-Disposition", "ETag", "Last-Modified"} {
		h.Del(name)
	}
	h.Set("Content-Type", ContentType)
	h.Set("Content-Length", strconv.Itoa(length))
	h.Set("X-Content-Type-Options", "nosniff")
	switch status {
	case http.StatusUnauthorized:
		setDefault(h, "WWW-Authenticate", `Basic realm="Acquis"`)
	case http.StatusServiceUnavailable:
		setDefault(h, "Retry-After", retryAfter)
	case http.StatusRequestTimeout:
		h.Set("Connection", "close") // RFC 9110, section 15.5.9
	}
}

func setDefault(h http.Header, name, value string) {
	if h.Get(name) == "" {
		h.Set(name, value)
	}
}
