package xapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"

	"github.com/google/uuid"

	"acquis/lrs"
	"acquis/server"
)

// getStatements answers GET /statements: one statement, one voided statement, or a page
// (Communication 2.1.3).
func (s *Surface) getStatements(c *call) error {
	q, err := c.readStatementQuery()
	if err != nil {
		return err
	}
	if q.single {
		result, err := s.service.Statement(c.r.Context(), c.principal, q.id, q.voided, q.filter.Presentation)
		if err != nil {
			return err
		}
		return s.writeResult(c, result, result.Statements[0], q.filter.Attachments)
	}
	result, err := s.service.QueryStatements(c.r.Context(), c.principal, q.filter)
	if err != nil {
		return err
	}
	return s.writeResult(c, result, page(s.path(c), result), result.WithAttachments)
}

// page writes a StatementResult of the surface at a path.
func page(path string, result lrs.StatementResult) []byte {
	size := 64 + len(path) + len(result.More)
	for _, statement := range result.Statements {
		size += len(statement) + 1
	}
	b := append(make([]byte, 0, size), `{"statements":[`...)
	for i, statement := range result.Statements {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, statement...)
	}
	b = append(b, `],"more":"`...)
	if result.More != "" {
		b = append(b, path+"/statements?more="+result.More...) // of characters that JSON need not escape
	}
	return append(b, `"}`...)
}

// writeResult sends JSON, or multipart/mixed with the attachments when they were asked for.
func (s *Surface) writeResult(c *call, result lrs.StatementResult, content []byte, attachments bool) error {
	if c.validators(result.ETag, result.LastModified) {
		return nil
	}
	if !attachments {
		return c.writeContent("application/json", content)
	}
	parts := multipart.NewWriter(c.w)
	c.w.Header().Set("Content-Type", "multipart/mixed; boundary="+parts.Boundary())
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return nil // nobody gets the attachments, so they need not be read
	}
	first, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/json"}})
	if err == nil {
		_, err = first.Write(content)
	}
	for _, a := range result.Attachments {
		if err == nil {
			err = s.writeAttachment(c, parts, a)
		}
	}
	if err == nil {
		err = parts.Close()
	}
	return ignoreGone(err)
}

// writeAttachment streams one attachment. One that was erased since the page was made is left out.
func (s *Surface) writeAttachment(c *call, parts *multipart.Writer, a lrs.AttachmentContent) error {
	content, err := s.service.OpenAttachment(c.r.Context(), a)
	if errors.Is(err, lrs.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	part, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {a.ContentType},
		"Content-Transfer-Encoding": {"binary"},
		headerHash:                  {a.SHA2},
	})
	if err == nil {
		_, err = io.Copy(part, content)
	}
	return errors.Join(err, content.Close())
}

// postStatements answers POST /statements (Communication 2.1.2).
func (s *Surface) postStatements(c *call) error {
	if err := c.only(); err != nil {
		return err
	}
	ids, err := s.store(c, uuid.Nil)
	if err != nil {
		return err
	}
	answer, err := json.Marshal(ids)
	if err != nil {
		return fmt.Errorf("write the ids: %w", err)
	}
	return c.writeContent("application/json", answer)
}

// putStatement answers PUT /statements (Communication 2.1.1).
func (s *Surface) putStatement(c *call) error {
	if err := c.only("statementId"); err != nil {
		return err
	}
	p := parameters{call: c}
	id := p.required("statementId").id("statementId")
	if err := refused(p.violations); err != nil {
		return err
	}
	if _, err := s.store(c, id); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// store reads the request's statements, with their attachments when it is multipart, and stores them.
func (s *Surface) store(c *call, id lrs.ID) ([]lrs.ID, error) {
	if err := s.options.Quota.MayStore(c.r.Context(), c.principal); err != nil {
		return nil, err
	}
	mediaType, parameters, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil {
		return nil, lrs.Errorf(lrs.KindInvalid, "the header Content-Type is missing or cannot be read: use application/json, or multipart/mixed with attachments")
	}
	r := lrs.StoreRequest{Version: c.version, ID: id}
	switch mediaType {
	case "application/json":
		if r.Body, err = c.readBody(s.options.BodyBytes); err != nil {
			return nil, err
		}
	case "multipart/mixed":
		server.LimitBody(c.r, s.options.RequestBytes)
		parts, err := s.openParts(c, parameters["boundary"])
		if err != nil {
			return nil, err
		}
		r.Body, r.Parts = parts.statements, parts
	default:
		return nil, lrs.Errorf(lrs.KindInvalid, "statements come as application/json, or as multipart/mixed with attachments, not as %s", quoteShort(mediaType))
	}
	ids, err := s.service.StoreStatements(c.r.Context(), c.principal, r)
	if err == nil {
		s.options.Quota.Stored(c.principal, len(ids))
	}
	return ids, err
}
