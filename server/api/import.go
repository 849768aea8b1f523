package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"acquis/hub/exchange"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/problem"
)

// Quota bounds how many statements a principal may store.
type Quota interface {
	MayStore(ctx context.Context, p lrs.Principal) error
	Stored(p lrs.Principal, statements int)
}

// MovingOptions configure Moving.
type MovingOptions struct {
	Version         lrs.Version // for statements that name none, in requests that name none
	BodyBytes       int64       // most bytes of the statements of a request, after decompression
	RequestBytes    int64       // most bytes of a multipart request
	AttachmentBytes int64       // most bytes of one attachment
	Quota           Quota
}

// Moving is the surface by which statements are moved between this store and others, under /api.
type Moving struct {
	who        server.Authenticator
	service    *lrs.Service
	provenance *exchange.Provenance
	admin      *exchange.Admin
	problems   *problem.Writer
	options    MovingOptions
}

// NewMoving returns the surface over a service, and over what administers the moving.
func NewMoving(who server.Authenticator, service *lrs.Service, provenance *exchange.Provenance, admin *exchange.Admin, problems *problem.Writer, o MovingOptions) *Moving {
	return &Moving{who: who, service: service, provenance: provenance, admin: admin, problems: problems, options: o}
}

// Mount adds the resources.
func (s *Moving) Mount(r *gin.RouterGroup) {
	server.MountRoutes(r, s.who, s.problems, server.Routes{
		"POST /import":                   s.importStatements,
		"GET /provenance/:statement":     s.getProvenance,
		"GET /forwards":                  s.listForwards,
		"POST /forwards":                 s.createForward,
		"GET /forwards/:forward":         s.getForward,
		"PUT /forwards/:forward":         s.putForward,
		"DELETE /forwards/:forward":      s.deleteForward,
		"POST /forwards/:forward/pause":  s.pauseForward,
		"POST /forwards/:forward/resume": s.resumeForward,
		"GET /dead-letters":              s.listDeadLetters,
		"POST /dead-letters/replay":      s.replayDeadLetters,
		"GET /pulls":                     s.listPulls,
		"POST /pulls":                    s.createPull,
		"GET /pulls/:pull":               s.getPull,
		"PUT /pulls/:pull":               s.putPull,
		"DELETE /pulls/:pull":            s.deletePull,
		"POST /pulls/:pull/pause":        s.pausePull,
		"POST /pulls/:pull/resume":       s.resumePull,
		"POST /pulls/:pull/run":          s.runPull,
		"GET /pulls/:pull/runs":          s.listPullRuns,
		"GET /pulls/:pull/refusals":      s.listPullRefusals,
		"POST /dead-letters/settle":      s.settleDeadLetters,
	})
}

// imported is what became of the lines of an import.
type imported struct {
	Stored   int           `json:"stored"`
	Repeated int           `json:"repeated"` // were here already, or were erased here
	Refused  []refusedLine `json:"refused"`
}

// refusedLine is a line that was not taken.
type refusedLine struct {
	Line       int             `json:"line"` // of the request, from 1
	ID         string          `json:"id,omitempty"`
	Detail     string          `json:"detail"`
	Violations []lrs.Violation `json:"violations"`
}

const (
	headerVersion = "X-Experience-API-Version"
	headerHash    = "X-Experience-API-Hash"
	maxOrigin     = 200 // characters
)

// importStatements answers POST /api/import: a statement on each line, each judged by itself. In
// multipart/mixed the first part holds the lines, and the others attachments.
func (s *Moving) importStatements(c *server.Call) error {
	if c.Caller.Launch != nil {
		return lrs.Errorf(lrs.KindForbidden, "a launch token cannot import statements: use the credential of the source")
	}
	if err := s.options.Quota.MayStore(c.Ctx(), c.Caller.Principal); err != nil {
		return err
	}
	r := lrs.MoveRequest{Version: s.options.Version}
	if header := c.GetHeader(headerVersion); header != "" {
		var known bool
		if r.Version, known = lrs.ParseVersion(header); !known {
			return lrs.Errorf(lrs.KindInvalid, "the header %s must be 1.0.3 or 2.0.0", headerVersion)
		}
	}
	origin := c.Query("origin")
	if utf8.RuneCountInString(origin) > maxOrigin || !utf8.ValidString(origin) {
		return lrs.Errorf(lrs.KindInvalid, "the parameter origin must be text of %d characters at most", maxOrigin)
	}
	body, err := s.lines(c, &r)
	if err != nil {
		return err
	}
	var at []int
	r.Statements, at = splitLines(body)
	moved, err := s.service.MoveStatements(c.Ctx(), c.Caller.Principal, r)
	if err != nil {
		return err
	}
	if err := s.provenance.Note(c.Ctx(), c.Caller.Source, origin, moved); err != nil {
		return err
	}
	answer := countMoved(moved, at)
	s.options.Quota.Stored(c.Caller.Principal, answer.Stored)
	return c.Answer(http.StatusOK, "", answer)
}

// lines reads what holds the statements, and leaves attachments to the request.
func (s *Moving) lines(c *server.Call, r *lrs.MoveRequest) ([]byte, error) {
	mediaType, parameters, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	switch {
	case err == nil && mediaType == linesType:
		return c.Body(s.options.BodyBytes)
	case err == nil && mediaType == "multipart/mixed" && parameters["boundary"] != "":
		server.LimitBody(c.Request, s.options.RequestBytes)
		p := &attachedParts{reader: multipart.NewReader(c.Request.Body, parameters["boundary"]), most: s.options.AttachmentBytes}
		first, err := p.reader.NextRawPart()
		if err != nil {
			return nil, brokenParts(err)
		}
		if kind, _, _ := mime.ParseMediaType(first.Header.Get("Content-Type")); kind != linesType {
			return nil, lrs.Errorf(lrs.KindInvalid, "the first part must hold the statements, a line each, with Content-Type: %s", linesType)
		}
		body, err := io.ReadAll(http.MaxBytesReader(nil, io.NopCloser(first), s.options.BodyBytes))
		if err != nil {
			return nil, brokenParts(err)
		}
		r.Parts = p
		return body, nil
	default:
		return nil, lrs.Errorf(lrs.KindUnsupportedMediaType, "statements are imported as %s, or as multipart/mixed with attachments", linesType)
	}
}

// attachedParts are the attachments of an import as they come in.
type attachedParts struct {
	reader *multipart.Reader
	most   int64
}

// Next implements lrs.Parts.
func (p *attachedParts) Next() (lrs.Part, error) {
	part, err := p.reader.NextRawPart()
	if err == io.EOF { //nolint:errorlint // a wrapped one is of a body that is cut
		return lrs.Part{}, io.EOF
	}
	if err != nil {
		return lrs.Part{}, brokenParts(err)
	}
	return lrs.Part{SHA2: part.Header.Get(headerHash), Content: boundedPart{io.LimitReader(part, p.most+1), p.most}}, nil
}

// boundedPart fails when a part is larger than it may be, and tells a broken body from other faults.
type boundedPart struct {
	content io.Reader
	most    int64
}

func (b boundedPart) Read(p []byte) (int, error) {
	n, err := b.content.Read(p)
	if limited, is := b.content.(*io.LimitedReader); is && limited.N == 0 {
		return n, lrs.Errorf(lrs.KindTooLarge, "the attachment has more than %d bytes", b.most)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, brokenParts(err)
	}
	return n, err
}

// brokenParts keeps faults that have a class of their own, and makes a refusal of what the framing says.
func brokenParts(err error) error {
	var tooLarge *http.MaxBytesError
	var ours *lrs.Error
	if errors.As(err, &tooLarge) || errors.As(err, &ours) || errors.Is(err, context.Canceled) {
		return err
	}
	return lrs.Errorf(lrs.KindInvalid, "the multipart body is broken: check its boundary, its part headers and its end")
}

// splitLines returns the lines that hold something, with their numbers.
func splitLines(body []byte) (lines [][]byte, at []int) {
	n := 0
	for line := range bytes.Lines(body) {
		n++
		if line = bytes.TrimSpace(line); len(line) > 0 {
			lines, at = append(lines, line), append(at, n)
		}
	}
	return lines, at
}

func countMoved(moved []lrs.Moved, at []int) imported {
	answer := imported{Refused: []refusedLine{}}
	for i, m := range moved {
		switch {
		case m.Refusal != nil:
			line := refusedLine{Line: at[i], Detail: m.Refusal.Detail, Violations: m.Refusal.Violations}
			if m.ID != uuid.Nil {
				line.ID = m.ID.String()
			}
			if line.Violations == nil {
				line.Violations = []lrs.Violation{}
			}
			answer.Refused = append(answer.Refused, line)
		case m.Stored == 0:
			answer.Repeated++
		default:
			answer.Stored++
		}
	}
	return answer
}

// getProvenance answers GET /api/provenance/{statement}.
func (s *Moving) getProvenance(c *server.Call) error {
	id, err := lrs.ParseUUID(strings.ToLower(c.Param("statement")))
	if err != nil {
		return lrs.Errorf(lrs.KindInvalid, "the statement's id %v", err)
	}
	traces, err := s.provenance.Of(c.Ctx(), c.Caller.Principal, id)
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", server.ListPage[exchange.Trace]{Items: traces})
}
