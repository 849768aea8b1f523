package xapi

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"acquis/lrs"
)

// clientError checks that an error is one for the client.
func clientError(t *testing.T, err error) {
	t.Helper()
	var tooLarge *http.MaxBytesError
	if err != nil && lrs.KindOf(err) != lrs.KindInvalid && !errors.As(err, &tooLarge) {
		t.Errorf("the client is to blame, but the error is %v", err)
	}
}

// FuzzMultipart reads any body as a multipart request: whatever comes, it ends, and every error is
// the client's.
func FuzzMultipart(f *testing.F) {
	const head, tail = "--b\r\nContent-Type: application/json\r\n\r\n{}\r\n", "--b--\r\n"
	const attachment = "--b\r\nContent-Transfer-Encoding: binary\r\nX-Experience-API-Hash: ff\r\n\r\nhello\r\n"
	for _, body := range []string{
		"", tail, head, head + tail, head + attachment + tail, head + attachment, "preamble\r\n" + head + attachment + attachment + tail + "epilogue",
		"--b\n\n{}\n--b--", "--b\r\nContent-Type: application/json\r\n folded: x\r\n\r\n{}" + tail, head + "--b\r\n: x\r\n\r\n" + tail, "--b\r\n" + tail, head + "--b--x",
	} {
		f.Add([]byte(body), "b")
	}
	s := &Surface{options: Options{BodyBytes: 1 << 10, AttachmentBytes: 1 << 10}}
	f.Fuzz(func(t *testing.T, body []byte, boundary string) {
		c := &call{r: httptest.NewRequest(http.MethodPost, "/statements", bytes.NewReader(body))}
		p, err := s.openParts(c, boundary)
		clientError(t, err)
		total := 0
		for err == nil {
			var part lrs.Part
			if part, err = p.Next(); err == nil {
				var content []byte
				content, err = io.ReadAll(part.Content)
				total += len(content)
			}
		}
		if !errors.Is(err, io.EOF) {
			clientError(t, err)
		}
		if total > len(body) {
			t.Errorf("%d bytes came out of %d", total, len(body))
		}
	})
}

// FuzzQuery reads any query string as the parameters of GET /statements: every error is the client's,
// and what is accepted is a query that the store can take.
func FuzzQuery(f *testing.F) {
	for _, query := range []string{
		"", "statementId=b3f7e0a2-0a3c-4f7f-9d7b-0f1f6a8a2c11&format=ids", "voidedStatementId=1&attachments=true", "more=abc",
		"agent=%7B%22mbox%22%3A%22mailto%3Aa%40example.org%22%7D&verb=https%3A%2F%2Fa.example&limit=7&ascending=true",
		"since=2024-02-29T23:59:59.9999999Z&until=1969-01-01T00:00:00%2B01:00", "activity=urn:a&related_activities=true&registration=%00",
		"limit=99999999999999999999", "a;b", "%", "limit=1&limit=2", "agent=%5B",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return // answer refuses it
		}
		c := &call{r: httptest.NewRequest(http.MethodGet, "/statements", nil), query: values}
		q, err := c.readStatementQuery()
		clientError(t, err)
		if err != nil {
			return
		}
		if q.single && q.id == (lrs.ID{}) {
			t.Error("one statement is asked for without an id")
		}
		if q.filter.Limit != nil && *q.filter.Limit < 0 || q.filter.Since < 0 || q.filter.Until < 0 {
			t.Errorf("below zero: %+v", q.filter)
		}
		if q.filter.Agent != nil && q.filter.Agent.IFI.Kind == lrs.NoIFI {
			t.Error("an agent without identifier")
		}
	})
}
