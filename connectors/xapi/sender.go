package xapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"

	"acquis/connectors"
	"acquis/hub/exchange"
	"acquis/lrs"
)

// Attachments opens what a store keeps.
type Attachments interface {
	OpenAttachment(ctx context.Context, sha2 string) (content io.ReadCloser, size int64, err error)
}

// Sender sends statements to another record store. Ids make repeats harmless there, so a message may be sent
// again in other portions. It implements exchange.Sender.
type Sender struct {
	client      *Client
	attachments Attachments // nil: none are sent
}

// NewSender returns a sender by a client.
func NewSender(c *Client, attachments Attachments) *Sender { return &Sender{c, attachments} }

// Numbered implements exchange.Sender: a record store knows statements by their ids.
func (s *Sender) Numbered() bool { return false }

// Tell implements exchange.Sender. xAPI has no way to have a statement destroyed: voiding only hides it, and what
// may write to a store must not be able to destroy what is in it.
func (s *Sender) Tell(context.Context, exchange.Change) (bool, error) { return false, nil }

// Send implements exchange.Sender.
func (s *Sender) Send(ctx context.Context, m exchange.Message) ([]exchange.Refused, error) {
	var refused []exchange.Refused
	at := make([]int, 0, len(m.Statements))
	for i, e := range m.Statements {
		if s.client.options.Version == lrs.V103 && isVersion2(e.Bytes) {
			refused = append(refused, exchange.Refused{Index: i, Reason: "the statement is of xAPI 2.0, and the target is spoken to in 1.0.3"})
			continue
		}
		at = append(at, i)
	}
	more, err := s.deliver(ctx, m.Statements, at)
	return append(refused, more...), err
}

func isVersion2(statement []byte) bool {
	if !bytes.Contains(statement, []byte(`"2.0`)) {
		return false
	}
	decoded, err := lrs.DecodeStored(statement)
	return err == nil && strings.HasPrefix(decoded.Version, "2.")
}

// deliver sends some statements. Where the store refuses them together, halves are tried, until it is known
// which it refuses: many refuse a whole request for one statement, some even for one that they have.
func (s *Sender) deliver(ctx context.Context, all []lrs.Entry, at []int) ([]exchange.Refused, error) {
	if len(at) == 0 {
		return nil, nil
	}
	err := s.post(ctx, all, at)
	answer, is := errors.AsType[*Refusal](err)
	if err == nil || !is || !ofStatements(answer) {
		return nil, err
	}
	if len(at) > 1 {
		half := len(at) / 2
		first, err := s.deliver(ctx, all, at[:half])
		if err != nil {
			return nil, err
		}
		second, err := s.deliver(ctx, all, at[half:])
		return append(first, second...), err
	}
	if answer.Status == http.StatusConflict {
		there, err := s.isThere(ctx, all[at[0]])
		if there || err != nil {
			return nil, err
		}
	}
	return []exchange.Refused{{Index: at[0], Reason: fmt.Sprintf("status %d: %s", answer.Status, answer.Text)}}, nil
}

// ofStatements tells whether a refusal is about what was sent, rather than about who sends it or where.
func ofStatements(r *Refusal) bool {
	switch r.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return !strings.HasPrefix(r.Text, "<") || r.Status == http.StatusRequestEntityTooLarge
	case http.StatusForbidden: // Acquis says so of statements that a source may not send
		return strings.Contains(r.Text, `"violations"`)
	}
	return false
}

// isThere reports whether the store has the statement already.
func (s *Sender) isThere(ctx context.Context, e lrs.Entry) (bool, error) {
	own, err := lrs.DecodeStored(e.Bytes)
	if err != nil {
		return false, err
	}
	for _, voided := range []bool{false, true} {
		statement, there, err := s.client.Statement(ctx, e.ID, voided, nil)
		if answer, is := errors.AsType[*Refusal](err); is && answer.Status < 500 && answer.Status != http.StatusTooManyRequests {
			continue // it may not be asked: then the conflict stands
		}
		if err != nil {
			return false, err
		}
		if there {
			theirs, err := lrs.DecodeStored(statement)
			return err == nil && lrs.Equal(own, theirs, lrs.V200), nil
		}
	}
	return false, nil
}

func (s *Sender) post(ctx context.Context, all []lrs.Entry, at []int) error {
	ctx, cancel := context.WithTimeout(ctx, s.client.options.Timeout)
	defer cancel()
	body, contentType, size := s.body(ctx, all, at)
	defer body.Close()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.client.at("/statements", nil).String(), body)
	if err != nil {
		return err
	}
	r.ContentLength = size
	r.Header.Set("Content-Type", contentType)
	response, err := s.client.do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNoContent:
		return nil
	default:
		return refusalOf(response)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	if err != nil {
		return connectors.Faultf(connectors.RetryLater, "The other store broke off its answer. Nothing is lost: it will be sent again.", "POST %s: %v", r.URL.Path, err)
	}
	var ids []string
	if err := json.Unmarshal(answer, &ids); err != nil {
		return webPage(r.URL, response.StatusCode)
	}
	return nil
}

// body is what is sent: an array, and with it the attachments as they are read.
func (s *Sender) body(ctx context.Context, all []lrs.Entry, at []int) (body io.ReadCloser, contentType string, size int64) {
	array := bytes.NewBufferString("[")
	var sums []string
	seen := map[string]bool{}
	for n, i := range at {
		if n > 0 {
			array.WriteByte(',')
		}
		array.Write(all[i].Bytes)
		for _, sum := range all[i].Attachments {
			if !seen[sum] {
				seen[sum] = true
				sums = append(sums, sum)
			}
		}
	}
	array.WriteByte(']')
	if len(sums) == 0 || s.attachments == nil {
		return io.NopCloser(array), "application/json", int64(array.Len())
	}
	out, in := io.Pipe()
	parts := multipart.NewWriter(in)
	go func() {
		w, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/json"}})
		if err == nil {
			_, err = w.Write(array.Bytes())
		}
		for _, sum := range sums {
			if err == nil {
				err = s.writePart(ctx, parts, sum)
			}
		}
		if err == nil {
			err = parts.Close()
		}
		_ = in.CloseWithError(err) // always nil
	}()
	return out, "multipart/mixed; boundary=" + parts.Boundary(), -1
}

// writePart streams an attachment. One that was erased meanwhile is left out.
func (s *Sender) writePart(ctx context.Context, parts *multipart.Writer, sum string) error {
	content, _, err := s.attachments.OpenAttachment(ctx, sum)
	if errors.Is(err, lrs.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	w, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Type": {"application/octet-stream"}, "Content-Transfer-Encoding": {"binary"}, headerHash: {sum},
	})
	if err == nil {
		_, err = io.Copy(w, content)
	}
	return errors.Join(err, content.Close())
}
