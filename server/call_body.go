package server

import (
	"errors"
	"io"
	"mime"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/lrs"
)

// Read decodes the JSON body of a request, of at most limit bytes, into value. Members that it does
// not have are refused: they are settings that would silently not be set.
func (c *Call) Read(limit int64, value any) error {
	if err := c.IsJSON(); err != nil {
		return err
	}
	body, err := c.Body(limit)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, value, json.RejectUnknownMembers(true)); err != nil {
		return &lrs.Error{Kind: lrs.KindInvalid, Detail: "the body is not what this resource takes", Violations: []lrs.Violation{bodyFault(err)}}
	}
	return nil
}

// IsJSON refuses a body that is announced as something else.
func (c *Call) IsJSON() error {
	mediaType, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return lrs.Errorf(lrs.KindUnsupportedMediaType, "the body must be JSON: send it with Content-Type application/json")
	}
	return nil
}

// Body reads the whole body of a request, of at most limit bytes.
func (c *Call) Body(limit int64) ([]byte, error) {
	LimitBody(c.Request, limit)
	return io.ReadAll(c.Request.Body)
}

// bodyFault says what is wrong with a body, and where, in words for people who do not read Go.
func bodyFault(err error) lrs.Violation {
	var meaning *json.SemanticError
	var syntax *jsontext.SyntacticError
	var ours *lrs.Error
	switch {
	case errors.As(err, &syntax):
		return lrs.Violation{Pointer: string(syntax.JSONPointer), Rule: "json", Detail: "the JSON breaks at byte " + strconv.FormatInt(syntax.ByteOffset, 10) + ": each name may stand once, and everything must be closed"}
	case !errors.As(err, &meaning):
		return lrs.Violation{Rule: "json", Detail: "the JSON cannot be read"}
	case errors.Is(err, json.ErrUnknownName):
		return lrs.Violation{Pointer: string(meaning.JSONPointer), Rule: "unknown-member", Detail: "is not known here: leave it out, or see /api/openapi.json for its right name"}
	case errors.As(err, &ours):
		return lrs.Violation{Pointer: string(meaning.JSONPointer), Rule: "value", Detail: ours.Error()}
	default:
		return lrs.Violation{Pointer: string(meaning.JSONPointer), Rule: "type", Detail: "has the wrong type or form: see /api/openapi.json for what it must be"}
	}
}

// Answer sends a JSON body under an ETag, "" for none.
func (c *Call) Answer(status int, etag string, body any) error {
	content, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return err
	}
	if etag != "" {
		c.Header("ETag", `"`+etag+`"`)
	}
	c.Data(status, "application/json", content)
	return nil
}

// ETagOf writes a revision as the content of an ETag.
func ETagOf(revision lrs.Instant) string { return strconv.FormatInt(int64(revision), 10) }

// IfMatch reads the revision that a change names.
func (c *Call) IfMatch() (lrs.Instant, error) {
	header := c.GetHeader("If-Match")
	if header == "" {
		return 0, lrs.Errorf(lrs.KindInvalid, "the header If-Match is missing: get the resource, and send its ETag back with the change")
	}
	text := strings.Trim(strings.TrimPrefix(PlainETags(header), "W/"), `"`)
	revision, err := strconv.ParseInt(text, 10, 64)
	if err != nil || revision <= 0 {
		return 0, lrs.Errorf(lrs.KindPrecondition, "the header If-Match is not the ETag of a revision: get the resource anew")
	}
	return lrs.Instant(revision), nil
}
