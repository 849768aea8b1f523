package xapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"acquis/connectors"
	"acquis/connectors/xapi"
	"acquis/hub/exchange"
	"acquis/lrs"
)

// strict is a record store that refuses a whole request for one statement: for a bad verb, and for one that it
// has, as some do.
type strict struct {
	has         map[string]json.RawMessage
	posts       int
	attachments []string
}

func (s *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		if statement := s.has[r.URL.Query().Get("statementId")]; statement != nil {
			_, _ = w.Write(statement)
			return
		}
		http.Error(w, "{}", http.StatusNotFound)
		return
	}
	s.posts++
	body := r.Body
	if kind, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/mixed" {
		parts := multipart.NewReader(r.Body, parameters["boundary"])
		first, _ := parts.NextRawPart()
		array, _ := io.ReadAll(first)
		for {
			part, err := parts.NextRawPart()
			if err != nil {
				break
			}
			content, _ := io.ReadAll(part)
			s.attachments = append(s.attachments, string(content))
		}
		body = io.NopCloser(strings.NewReader(string(array)))
	}
	var batch []json.RawMessage
	if err := json.NewDecoder(body).Decode(&batch); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	ids := []string{}
	for _, raw := range batch {
		var statement struct {
			ID   string
			Verb struct{ ID string }
		}
		_ = json.Unmarshal(raw, &statement)
		if s.has[statement.ID] != nil {
			http.Error(w, "there is one", http.StatusConflict)
			return
		}
		if statement.Verb.ID == "https://v.example/bad" {
			http.Error(w, `{"error":"bad verb"}`, http.StatusBadRequest)
			return
		}
		ids = append(ids, statement.ID)
	}
	for i, id := range ids {
		s.has[id] = batch[i]
	}
	_ = json.NewEncoder(w).Encode(ids)
}

func entry(verb string) lrs.Entry {
	id := uuid.New()
	return lrs.Entry{ID: id, Stored: 1, Bytes: fmt.Appendf(nil, `{"id":%q,"actor":{"mbox":"mailto:a@example.org"},"verb":{"id":%q},"object":{"id":"https://a.example/1"},"version":"1.0.0"}`, id, verb)}
}

type shelf map[string]string

func (s shelf) OpenAttachment(_ context.Context, sha2 string) (io.ReadCloser, int64, error) {
	if content, there := s[sha2]; there {
		return io.NopCloser(strings.NewReader(content)), int64(len(content)), nil
	}
	return nil, 0, lrs.ErrNotFound
}

func TestSender(t *testing.T) {
	other := &strict{has: map[string]json.RawMessage{}}
	server := httptest.NewServer(other)
	t.Cleanup(server.Close)
	c, err := xapi.New(xapi.Options{Endpoint: server.URL, Secret: func() (string, error) { return "s", nil }})
	if err != nil {
		t.Fatal(err)
	}
	s := xapi.NewSender(c, shelf{fmt.Sprintf("%x", sha256.Sum256([]byte("x"))): "x"})
	const good, bad = "https://v.example/good", "https://v.example/bad"
	batch := make([]lrs.Entry, 20)
	for i := range batch {
		batch[i] = entry(good)
	}
	t.Run("everything goes in one request", func(t *testing.T) {
		refused, err := s.Send(t.Context(), exchange.Message{Statements: batch[:10]})
		if err != nil || len(refused) > 0 || other.posts != 1 {
			t.Error(err, refused, other.posts)
		}
	})
	t.Run("what the store has already is no fault, whatever it says of it; what it refuses is found out", func(t *testing.T) {
		batch[13], batch[17] = entry(bad), entry(good)
		batch[17].Bytes = []byte(strings.Replace(string(batch[17].Bytes), `"version":"1.0.0"`, `"version":"2.0.0"`, 1))
		refused, err := s.Send(t.Context(), exchange.Message{Statements: batch[5:]})
		slices.SortFunc(refused, func(a, b exchange.Refused) int { return a.Index - b.Index })
		want := []exchange.Refused{{Index: 8, Reason: `status 400: {"error":"bad verb"}`}, {Index: 12, Reason: "the statement is of xAPI 2.0, and the target is spoken to in 1.0.3"}}
		if diff := cmp.Diff(want, refused); diff != "" || err != nil || len(other.has) != 18 {
			t.Error(err, len(other.has), diff)
		}
	})
	t.Run("another statement under the same id is refused", func(t *testing.T) {
		changed := batch[0]
		changed.Bytes = []byte(strings.Replace(string(changed.Bytes), "a.example/1", "a.example/2", 1))
		refused, err := s.Send(t.Context(), exchange.Message{Statements: []lrs.Entry{changed}})
		if err != nil || len(refused) != 1 || !strings.Contains(refused[0].Reason, "409") {
			t.Error(err, refused)
		}
	})
	t.Run("attachments go along, each once, and one that was erased is left out", func(t *testing.T) {
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte("x")))
		with := []lrs.Entry{entry(good), entry(good)}
		with[0].Attachments, with[1].Attachments = []string{sum}, []string{sum, "gone"}
		refused, err := s.Send(t.Context(), exchange.Message{Statements: with})
		if diff := cmp.Diff([]string{"x"}, other.attachments); diff != "" || err != nil || len(refused) > 0 {
			t.Error(err, refused, diff)
		}
	})
	t.Run("what is no record store is told", func(t *testing.T) {
		for _, answer := range []func(http.ResponseWriter, *http.Request){says(200, "text/html", "<html>"), says(400, "text/html", "<html>"), says(401, "application/json", "{}")} {
			c, _, _ := client(t, answer)
			if _, err := xapi.NewSender(c, nil).Send(t.Context(), exchange.Message{Statements: batch[:2]}); classOf(err) != connectors.NeedsPerson {
				t.Error(err)
			}
		}
	})
	t.Run("nothing can be erased there", func(t *testing.T) {
		if ok, err := s.Tell(t.Context(), exchange.Change{}); ok || err != nil {
			t.Error(ok, err)
		}
	})
}
