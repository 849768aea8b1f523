package api

import (
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"acquis/access"
	"acquis/lrs"
	"acquis/server"
)

// linesType is the media type of an export: one JSON value a line.
const linesType = "application/x-ndjson"

// listAudit answers GET /api/audit: a page, the newest entry first, or with Accept:
// application/x-ndjson everything that is asked for, line by line.
func (s *Surface) listAudit(c *server.Call) error {
	place, err := listOf(c, "actor", "action", "target", "outcome", "since", "until")
	if err != nil {
		return err
	}
	q := access.AuditQuery{
		Actor: c.Query("actor"), Target: c.Query("target"), Action: c.Query("action"), Outcome: access.Outcome(c.Query("outcome")),
		Limit: place.Limit, After: place.After,
	}
	if !slices.Contains([]access.Outcome{"", access.Done, access.Denied, access.Invalid}, q.Outcome) {
		return lrs.Errorf(lrs.KindInvalid, "the parameter outcome must be %s, %s or %s", access.Done, access.Denied, access.Invalid)
	}
	if q.Since, err = c.Time("since"); err != nil {
		return err
	}
	if q.Until, err = c.Time("until"); err != nil {
		return err
	}
	if wantsLines(c.GetHeader("Accept")) {
		return s.exportAudit(c, q)
	}
	found, err := s.admin.Audit(c.Ctx(), c.Caller, q)
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", server.PageOf(found.Entries, found.Next, func(e access.Entry) access.Entry { return e }))
}

// exportAudit writes entries while it reads them. A fault on the way breaks the answer off, so that a
// part is not taken for the whole.
func (s *Surface) exportAudit(c *server.Call, q access.AuditQuery) error {
	q.Limit = server.MaxLimit
	for {
		found, err := s.admin.Audit(c.Ctx(), c.Caller, q)
		if err != nil {
			return err
		}
		c.Header("Content-Type", linesType)
		for _, entry := range found.Entries {
			line, err := json.Marshal(entry, json.Deterministic(true))
			if err != nil {
				return err
			}
			if _, err := c.Writer.Write(append(line, '\n')); err != nil {
				return nil // nobody is left to tell
			}
		}
		if q.After = found.Next; q.After == "" {
			c.Status(http.StatusOK)
			c.Writer.WriteHeaderNow()
			return nil
		}
	}
}

func wantsLines(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		if mediaType, _, err := mime.ParseMediaType(part); err == nil && mediaType == linesType {
			return true
		}
	}
	return false
}
