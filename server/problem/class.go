package problem

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"acquis/lrs"
)

// Errors that only HTTP knows. The server's own readers and routes return them.
var (
	ErrMethodNotAllowed = errors.New("method not allowed") // 405
	ErrSlowBody         = errors.New("slow body")          // 408
	ErrBrokenBody       = errors.New("broken body")        // 400
)

// TooManyRequests refuses a client for a while. It is answered with 429 and Retry-After, in whole
// seconds, rounded up.
type TooManyRequests struct {
	After  time.Duration
	Detail string // what the client reads
}

func (e *TooManyRequests) Error() string { return e.Detail }

// StatusClientClosed is the status of a request whose client went away before the answer. Nobody
// receives it; logs and metrics keep it apart from faults of the server.
const StatusClientClosed = 499

// quiet is the level of problems that are not logged here.
const quiet = slog.Level(-128)

// class is a row of the table in the package comment.
type class struct {
	name   string
	status int
	title  string
	level  slog.Level
}

var (
	brokenBody       = class{"broken-body", http.StatusBadRequest, "The body broke off", quiet}
	methodNotAllowed = class{"method-not-allowed", http.StatusMethodNotAllowed, "The method is not allowed here", quiet}
	slowBody         = class{"slow-body", http.StatusRequestTimeout, "The body came too slowly", quiet}
	tooLarge         = class{"too-large", http.StatusRequestEntityTooLarge, "The request is too large", quiet}
	tooMany          = class{"too-many-requests", http.StatusTooManyRequests, "Too many requests", quiet}
	clientClosed     = class{"client-closed", StatusClientClosed, "The client went away", quiet}
	internal         = class{"internal", http.StatusInternalServerError, "The server failed", slog.LevelError}
	unavailable      = class{"unavailable", http.StatusServiceUnavailable, "Not available now", quiet}
	timedOut         = class{"unavailable", http.StatusServiceUnavailable, "Not available now", slog.LevelWarn}
)

// ofKind returns the row of a kind of lrs.Error.
func ofKind(kind lrs.Kind) class {
	switch kind {
	case lrs.KindInvalid:
		return class{"invalid", http.StatusBadRequest, "The request is not valid", quiet}
	case lrs.KindUnauthenticated:
		return class{"unauthenticated", http.StatusUnauthorized, "A credential is needed", quiet}
	case lrs.KindForbidden:
		return class{"forbidden", http.StatusForbidden, "The credential does not allow this", quiet}
	case lrs.KindNotFound:
		return class{"not-found", http.StatusNotFound, "Nothing is here", quiet}
	case lrs.KindConflict:
		return class{"conflict", http.StatusConflict, "Another content is stored here", quiet}
	case lrs.KindPrecondition:
		return class{"precondition-failed", http.StatusPreconditionFailed, "The precondition does not hold", quiet}
	case lrs.KindTooLarge:
		return tooLarge
	case lrs.KindUnsupportedMediaType:
		return class{"unsupported-media-type", http.StatusUnsupportedMediaType, "The media type is not supported", quiet}
	case lrs.KindUnavailable:
		return unavailable
	default:
		return internal
	}
}

// StatusOf returns the status that errors of a kind are answered with.
func StatusOf(kind lrs.Kind) int { return ofKind(kind).status }

// classify finds the row of err, what the client may read about it, and its violations.
func classify(ctx context.Context, err error) (class, string, []lrs.Violation) {
	var known *lrs.Error
	if errors.As(err, &known) {
		if c := ofKind(known.Kind); c != internal {
			return c, known.Detail, known.Violations
		}
	}
	c, detail := classifyTransport(ctx, err)
	return c, detail, nil
}

// classifyTransport judges errors of the connection, of limits and of time; the rest is internal.
func classifyTransport(ctx context.Context, err error) (class, string) {
	var limit *http.MaxBytesError
	var many *TooManyRequests
	var network net.Error
	switch {
	case errors.Is(err, ErrMethodNotAllowed):
		return methodNotAllowed, "The Allow header lists the methods of this resource."
	case errors.As(err, &limit):
		return tooLarge, fmt.Sprintf("The body is larger than %d bytes, the limit of this resource; send less at once.", limit.Limit)
	case errors.As(err, &many):
		return tooMany, many.Detail
	case errors.Is(err, ErrSlowBody):
		return slowBody, "The body made no progress for too long; send it again over a better connection, or in smaller parts."
	case errors.Is(err, ErrBrokenBody):
		return brokenBody, "The body ended before its announced end; send the request again."
	case ctx.Err() == context.Canceled:
		return clientClosed, ""
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		return timedOut, "The server could not answer in time; send the same request again later."
	default:
		return internal, "The fault is ours, not the request's; the server's log names it under this request id."
	}
}
