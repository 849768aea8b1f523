package xapi

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"acquis/lrs"
)

// parts reads a multipart/mixed request as it comes in: the statements first, then each attachment
// (Data 2.4.11, Communication 1.5.2). Nothing but the statements is held in memory.
type parts struct {
	reader     *multipart.Reader
	statements []byte
	most       int64 // bytes of one attachment
}

// openParts reads the first part, which holds the statements.
func (s *Surface) openParts(c *call, boundary string) (*parts, error) {
	if boundary == "" {
		return nil, lrs.Errorf(lrs.KindInvalid, "the header Content-Type names no boundary")
	}
	p := &parts{reader: multipart.NewReader(c.r.Body, boundary), most: s.options.AttachmentBytes}
	first, err := p.reader.NextRawPart()
	if errors.Is(err, io.EOF) {
		return nil, lrs.Errorf(lrs.KindInvalid, "the multipart body has no part: the first must hold the statements")
	}
	if err != nil {
		return nil, multipartError(err)
	}
	if mediaType, _, err := mime.ParseMediaType(first.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return nil, lrs.Errorf(lrs.KindInvalid, "the first part must hold the statements, with Content-Type: application/json")
	}
	p.statements, err = readAll(limited(first, s.options.BodyBytes), -1)
	return p, multipartError(err)
}

// Next implements lrs.Parts.
func (p *parts) Next() (lrs.Part, error) {
	part, err := p.reader.NextRawPart()
	if errors.Is(err, io.EOF) {
		return lrs.Part{}, io.EOF
	}
	if err != nil {
		return lrs.Part{}, multipartError(err)
	}
	hash := part.Header.Get(headerHash)
	if hash == "" {
		return lrs.Part{}, lrs.Errorf(lrs.KindInvalid, "a part after the first holds an attachment and needs the header %s with its SHA-2", headerHash)
	}
	if !strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "binary") {
		return lrs.Part{}, lrs.Errorf(lrs.KindInvalid, "the part %s needs the header Content-Transfer-Encoding: binary", quoteShort(hash))
	}
	return lrs.Part{SHA2: hash, Content: multipartReader{limited(part, p.most)}}, nil
}

// limited fails, as a body over its limit does, when content goes on after most bytes.
func limited(content io.Reader, most int64) io.Reader {
	return http.MaxBytesReader(nil, io.NopCloser(content), most)
}

// multipartReader tells faults of the framing from faults of ours.
type multipartReader struct{ content io.Reader }

func (r multipartReader) Read(b []byte) (int, error) {
	n, err := r.content.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = multipartError(err)
	}
	return n, err
}

// multipartError classes what the reader says. mime/multipart has no error values for broken
// framing; what it reports and the body beneath didn't is a fault of the request.
func multipartError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil, errors.As(err, &tooLarge), lrs.KindOf(err) != 0:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), strings.HasPrefix(err.Error(), "multipart: "), errors.Is(err, multipart.ErrMessageTooLarge):
		return lrs.Errorf(lrs.KindInvalid, "the multipart body is broken: check its boundary, its part headers and its end")
	default:
		return err
	}
}
