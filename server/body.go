package server

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzip"

	"acquis/lrs"
	"acquis/server/problem"
)

// LimitBody lets at most limit bytes be read from the body of r, counted after decompression.
// The read that would pass the limit returns an *http.MaxBytesError, which package problem answers
// with 413; a body that announces more returns it at the first read. What the client has sent
// already is skipped up to 256 KiB, so that the connection stays usable; beyond, it is closed
// after the answer.
func LimitBody(r *http.Request, limit int64) {
	if r.ContentLength > limit {
		r.Body = &refusedBody{r.Body, &http.MaxBytesError{Limit: limit}}
		return
	}
	r.Body = http.MaxBytesReader(nil, r.Body, limit)
}

// refusedBody is a body that is known to be wrong before its first byte is read. The surface that
// reads it answers, with the headers that its answers have.
type refusedBody struct {
	io.Closer
	reason error
}

func (b *refusedBody) Read([]byte) (int, error) { return 0, b.reason }

// readBody bounds every body and decodes gzip bodies while they are read (RFC 9110, section
// 8.4). Both the compressed and the decompressed bytes are bounded; nothing is held in memory but
// the reader's window. Handlers see a body without Content-Encoding and of unknown length.
func (s *Server) readBody(c *gin.Context) {
	r := c.Request
	if r.Body == nil || r.Body == http.NoBody {
		c.Next()
		return
	}
	LimitBody(r, s.opts.MaxBody)
	switch encoding := strings.Join(r.Header["Content-Encoding"], ","); strings.ToLower(encoding) {
	case "", "identity":
	case "gzip", "x-gzip":
		decoded := &gzipBody{source: r.Body}
		defer decoded.Close()
		r.Header.Del("Content-Encoding")
		r.Header.Del("Content-Length")
		r.Body, r.ContentLength = decoded, -1
		LimitBody(r, s.opts.MaxBody)
	default:
		c.Header("Accept-Encoding", "gzip") // RFC 9110, section 12.5.3
		r.Body = &refusedBody{r.Body, lrs.Errorf(lrs.KindUnsupportedMediaType,
			"The body has a content encoding that is not taken here; send it plain or with gzip.")}
	}
	c.Next()
}

// gzipReaders holds the readers between requests: each has a window of 32 KiB and its tables.
var gzipReaders = sync.Pool{New: func() any { return new(gzip.Reader) }}

// gzipBody decodes source. The reader is taken at the first Read and given back by Close.
type gzipBody struct {
	source io.ReadCloser
	reader *gzip.Reader
	err    error // what every further Read returns
}

func (b *gzipBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.reader == nil {
		b.reader = gzipReaders.Get().(*gzip.Reader)
		if err := b.reader.Reset(b.source); err != nil {
			b.err = gzipError(err)
			return 0, b.err
		}
	}
	n, err := b.reader.Read(p)
	b.err = gzipError(err)
	return n, b.err
}

// Close gives the reader back. The source belongs to net/http, which closes it.
func (b *gzipBody) Close() error {
	if b.reader != nil {
		gzipReaders.Put(b.reader)
		b.reader = nil
	}
	b.err = http.ErrBodyReadAfterClose
	return nil
}

// gzipError tells faults of the content from those of the connection.
func gzipError(err error) error {
	var limit *http.MaxBytesError
	switch {
	case err == nil, err == io.EOF: //nolint:errorlint // io.Reader's contract
		return err
	case errors.As(err, &limit), errors.Is(err, problem.ErrSlowBody), errors.Is(err, problem.ErrBrokenBody):
		return err
	default:
		return lrs.Errorf(lrs.KindInvalid,
			"The body is announced as gzip but is not, is damaged or ends too early; compress it again, or send it plain.")
	}
}
