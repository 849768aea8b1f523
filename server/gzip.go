package server

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

// gzipMark ends the ETag of a compressed answer: a strong ETag names bytes, and those differ
// (RFC 9110, section 8.8.3.3).
const gzipMark = `-gzip"`

// PlainETags removes the mark of compressed answers from the ETags in an If-Match or
// If-None-Match header, be they weak, in a list, or "*". What is left compares with the ETags
// that handlers set.
func PlainETags(header string) string {
	return strings.ReplaceAll(header, gzipMark, `"`)
}

// gzipAnswers compresses answers of minSize bytes and more for clients that take gzip. The
// handler's ETag gets the mark. The header of an answer is held back until its first minSize bytes
// are written or the handler ends. HEAD is answered for the plain answer: both are there to be
// chosen from, and compressing what is not sent would be work for nothing.
func gzipAnswers(minSize int, next http.Handler) (http.Handler, error) {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.MinSize(minSize),
		gzhttp.CompressionLevel(gzip.BestSpeed),
		gzhttp.EnableZstd(false),
		gzhttp.SuffixETag("-gzip"),
	)
	if err != nil {
		return nil, fmt.Errorf("server: gzip answers: %w", err)
	}
	return wrap(next), nil
}

// notModified gives a 304 the ETag under which the client knows the answer: the marked one when
// that is what it asked about (RFC 9110, section 15.4.5).
func notModified(c *gin.Context) {
	c.Next()
	if c.Writer.Status() != http.StatusNotModified {
		return
	}
	etag := c.Writer.Header().Get("ETag")
	marked, quoted := strings.CutSuffix(etag, `"`)
	if marked += gzipMark; quoted && strings.Contains(c.GetHeader("If-None-Match"), marked) {
		c.Header("ETag", marked)
	}
}
