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
	body       *source
	reader     *multipart.Reader
	statements []byte
	most       int64 // bytes of one attachment
}

// openParts reads the first part, which holds the statements.
func (s *Surface) openParts(c *call, boundary string) (*parts, error) {
	if boundary == "" {
		return nil, lrs.Errorf(lrs.KindInvalid, "the header Content-Type names no boundary")
	}
	body := &source{Reader: c.r.Body}
	p := &parts{body: body, reader: multipart.NewReader(body, boundary), most: s.options.AttachmentBytes}
	first, err := p.nextPart()
	if errors.Is(err, io.EOF) {
		return nil, lrs.Errorf(lrs.KindInvalid, "the multipart body has no part: the first must hold the statements")
	}
	if err != nil {
		return nil, err
	}
	if mediaType, _, err := mime.ParseMediaType(first.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return nil, lrs.Errorf(lrs.KindInvalid, "the first part must hold the statements, with Content-Type: application/json")
	}
	p.statements, err = readAll(p.content(first, s.options.BodyBytes), -1)
	return p, err
}

// Next implements lrs.Parts.
func (p *parts) Next() (lrs.Part, error) {
	part, err := p.nextPart()
	if err != nil {
		return lrs.Part{}, err
	}
	hash := part.Header.Get(headerHash)
	if hash == "" {
		return lrs.Part{}, lrs.Errorf(lrs.KindInvalid, "a part after the first holds an attachment and needs the header %s with its SHA-2", headerHash)
	}
	if !strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "binary") {
		return lrs.Part{}, lrs.Errorf(lrs.KindInvalid, "the part %s needs the header Content-Transfer-Encoding: binary", quoteShort(hash))
	}
	return lrs.Part{SHA2: hash, Content: p.content(part, p.most)}, nil
}

// nextPart goes on to the next part; io.EOF after the closing boundary, and only there: mime/multipart
// wraps the io.EOF of a body that ends before.
func (p *parts) nextPart() (*multipart.Part, error) {
	part, err := p.reader.NextRawPart()
	if err != nil && err != io.EOF { //nolint:errorlint // a wrapped one is a fault
		err = p.fault()
	}
	return part, err
}

// content is what a part holds. Reading fails, as a body over its limit does, when it goes on after
// most bytes.
func (p *parts) content(part io.Reader, most int64) io.Reader {
	return http.MaxBytesReader(nil, io.NopCloser(framed{p, part}), most)
}

// fault tells what went wrong with the body from a fault of the framing, for which mime/multipart has
// no error values: it is whatever the body did not report.
func (p *parts) fault() error {
	if p.body.err != nil {
		return p.body.err
	}
	return lrs.Errorf(lrs.KindInvalid, "the multipart body is broken: check its boundary, its part headers and its end")
}

// framed reads a part and classes its errors.
type framed struct {
	*parts
	content io.Reader
}

func (f framed) Read(b []byte) (int, error) {
	n, err := f.content.Read(b)
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader's contract
		err = f.fault()
	}
	return n, err
}

// source remembers the error with which a body failed.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader's contract
		s.err = err
	}
	return n, err
}
