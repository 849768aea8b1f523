package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"acquis/server/problem"
)

const (
	readProgress = 4 << 10  // bytes that must come within ReadIdleTimeout, or the body is cut
	writePiece   = 64 << 10 // bytes that must leave within WriteIdleTimeout, or the answer is cut
)

// guardSlow frees the worker of a client that stalls or drips, however large its body or answer
// is: what is bounded is the wait for a little progress, not the total. Time that the handler
// takes between its reads does not count. unread is how long net/http may look for the end of a
// body that the handler left, which it does before it sends the answer.
func guardSlow(readIdle, writeIdle, unread time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &guardedWriter{ResponseWriter: w, control: http.NewResponseController(w), idle: writeIdle}
		if r.Body != nil && r.Body != http.NoBody {
			answer.body = &guardedBody{ReadCloser: r.Body, control: answer.control, idle: readIdle, left: readIdle, unasked: true}
			answer.unread = unread
			r.Body = answer.body
		}
		next.ServeHTTP(answer, r)
		answer.extend() // net/http flushes after the handler
		if answer.body != nil && answer.body.unasked && r.Header.Get("Expect") != "" {
			// The client was never told to send: what net/http would wait for is not coming.
			_ = answer.control.SetReadDeadline(time.Now())
		}
	})
}

// guardedBody is a request body that must make progress. Its errors are those of package problem.
type guardedBody struct {
	io.ReadCloser
	control *http.ResponseController
	idle    time.Duration
	left    time.Duration // of idle, for the bytes that are missing from readProgress
	got     int           // bytes of the current readProgress
	unasked bool          // nobody has read yet
	ended   atomic.Bool   // asked by the writer, which may be another goroutine
}

func (b *guardedBody) Read(p []byte) (int, error) {
	b.unasked = false
	start := time.Now()
	// A connection without deadlines (a test's recorder) cannot be slow either.
	_ = b.control.SetReadDeadline(start.Add(b.left))
	n, err := b.ReadCloser.Read(p)
	b.left -= time.Since(start)
	if b.got += n; b.got >= readProgress {
		b.got, b.left = 0, b.idle
	}
	if err != nil {
		b.ended.Store(true)
	}
	return n, bodyError(err)
}

// bodyError says what became of the body. The cause is kept as text only: an unexpected EOF of
// the connection is not one of the content.
func bodyError(err error) error {
	switch {
	case err == nil, err == io.EOF, errors.Is(err, http.ErrBodyReadAfterClose): //nolint:errorlint // io.Reader's contract
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: %v", problem.ErrSlowBody, err)
	default:
		return fmt.Errorf("%w: %v", problem.ErrBrokenBody, err)
	}
}

// guardedWriter moves the write deadline on with each piece.
type guardedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	idle    time.Duration
	moved   time.Time
	body    *guardedBody  // nil for none
	unread  time.Duration // to be added to idle while body has not ended
}

func (w *guardedWriter) Write(p []byte) (int, error) {
	written := 0
	for {
		piece := p[written:min(written+writePiece, len(p))]
		w.extend()
		n, err := w.ResponseWriter.Write(piece)
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
	}
}

// Flush implements http.Flusher.
func (w *guardedWriter) Flush() {
	w.extend()
	_ = w.control.Flush() // it fails where there is nothing to flush to
}

// Unwrap lets http.ResponseController reach the connection.
func (w *guardedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// extend gives the client the whole of idle again, at the cost of a timer only when an eighth of
// it is gone.
func (w *guardedWriter) extend() {
	now := time.Now()
	if now.Sub(w.moved) <= w.idle/8 {
		return
	}
	w.moved = now
	allowed := w.idle + w.idle/8
	if w.body != nil && !w.body.ended.Load() {
		allowed += w.unread
	}
	_ = w.control.SetWriteDeadline(now.Add(allowed))
}
