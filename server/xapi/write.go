package xapi

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"syscall"
	"time"

	"acquis/server"
)

// maxPrepared bounds the buffer that is made ahead on the word of a Content-Length.
const maxPrepared = 1 << 20

// readAll reads a body whose length, when it is known, saves gathering pieces.
func readAll(body io.Reader, length int64) ([]byte, error) {
	if length <= 0 || length > maxPrepared {
		return io.ReadAll(body) // which leaves less behind than a buffer that doubles
	}
	var b bytes.Buffer
	b.Grow(int(length) + bytes.MinRead)
	_, err := b.ReadFrom(body)
	return b.Bytes(), err
}

// ignoreGone drops the error of an answer that the client no longer takes.
func ignoreGone(err error) error {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, http.ErrHandlerTimeout) {
		return nil
	}
	return err
}

// validators sets ETag, given without quotes, and Last-Modified, and answers 304 when the client
// has the answer already. done says that it did. Caches must ask each time: without that, a browser
// takes an answer for fresh for a tenth of its age (RFC 9111, section 4.2.2).
func (c *call) validators(etag string, modified time.Time) (done bool) {
	c.w.Header().Set("ETag", `"`+etag+`"`)
	c.w.Header().Set("Cache-Control", "private, no-cache")
	if !modified.IsZero() && modified.Unix() > 0 {
		c.w.Header().Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
	}
	if !matchesETag(c.r.Header.Get("If-None-Match"), etag) {
		return false
	}
	c.w.WriteHeader(http.StatusNotModified)
	return true
}

// matchesETag reports whether a list of entity tags, as If-None-Match carries it, holds the tag.
func matchesETag(list, etag string) bool {
	for _, tag := range splitETags(server.PlainETags(list)) {
		if tag == "*" || tag == etag {
			return true
		}
	}
	return false
}
