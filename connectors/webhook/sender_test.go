package webhook_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"acquis/connectors"
	"acquis/connectors/webhook"
	"acquis/hub/exchange"
	"acquis/lrs"
)

// receiver remembers what it got, and answers with a status.
type receiver struct {
	status int
	header http.Header
	body   string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	b, _ := io.ReadAll(request.Body)
	r.header, r.body = request.Header.Clone(), string(b)
	w.Header().Set("Retry-After", "9")
	w.WriteHeader(r.status)
	_, _ = io.WriteString(w, "because")
}

func start(t *testing.T, secrets ...string) (*receiver, *webhook.Sender) {
	t.Helper()
	r := &receiver{status: 204}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	o := webhook.Options{URL: server.URL, HTTP: server.Client(), Now: func() time.Time { return time.Unix(1614265330, 0) }}
	for _, s := range secrets {
		o.Secrets = append(o.Secrets, func() (string, error) { return s, nil })
	}
	return r, webhook.New(o)
}

const (
	first  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	second = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

	expectedFirst  = "iGANWvvMbf+L3k+Xk2gNDLub4eEJwaQh6yihBIK0GBk="
	expectedSecond = "TKB9J65VeTLCt81BEKDdf/xtRFxrroIgjRhaf8MOtUA="
)

var message = exchange.Message{ID: "msg_1", Statements: []lrs.Entry{
	{ID: uuid.MustParse("00000000-0000-4000-8000-000000000001"), Stored: 1_000_000, Bytes: []byte(`{"a":1}`)}, {Stored: 2_000_000, Bytes: []byte(`{"b":2}`)},
}}

func TestSend(t *testing.T) {
	r, s := start(t, first, second)
	if refused, err := s.Send(t.Context(), message); err != nil || refused != nil {
		t.Fatal(err, refused)
	}
	t.Run("a message is what Standard Webhooks say", func(t *testing.T) {
		if diff := cmp.Diff(`{"type":"statements.stored","timestamp":"1970-01-01T00:00:02.000000Z","data":{"statements":[{"a":1},{"b":2}]}}`, r.body); diff != "" {
			t.Error(diff)
		}
		// Made with openssl dgst -sha256 -mac HMAC over msg_1.1614265330.BODY.
		want := "v1," + expectedFirst + " v1," + expectedSecond
		got := r.header.Get("webhook-id") + " " + r.header.Get("webhook-timestamp") + " " + r.header.Get("webhook-signature")
		if diff := cmp.Diff("msg_1 1614265330 "+want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("erasures and redactions are told", func(t *testing.T) {
		for kind, event := range map[exchange.LetterKind]string{exchange.LetterErasure: "statement.erased", exchange.LetterRedaction: "statement.redacted"} {
			ok, err := s.Tell(t.Context(), exchange.Change{ID: "msg_2", Kind: kind, Statement: message.Statements[0].ID, At: 3})
			if !ok || err != nil || !strings.Contains(r.body, `"type":"`+event+`"`) || !strings.Contains(r.body, `{"id":"00000000-0000-4000-8000-000000000001"}`) {
				t.Error(ok, err, r.body)
			}
		}
	})
	t.Run("a message that is refused for what it holds is refused as a whole", func(t *testing.T) {
		r.status = 422
		refused, err := s.Send(t.Context(), message)
		if err != nil || len(refused) != 2 || refused[1] != (exchange.Refused{Index: 1, Reason: "status 422: because"}) {
			t.Error(err, refused)
		}
	})
	for status, class := range map[int]connectors.Class{
		429: connectors.RetryLater, 503: connectors.RetryLater, 401: connectors.NeedsPerson, 404: connectors.NeedsPerson, 410: connectors.NeedsPerson, 302: connectors.NeedsPerson,
	} {
		t.Run("status "+http.StatusText(status)+" is waited for or told", func(t *testing.T) {
			r.status = status
			_, err := s.Send(t.Context(), message)
			f, is := errors.AsType[*connectors.Fault](err)
			if !is || f.Class != class || class == connectors.RetryLater && f.Delay != 9*time.Second {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestSend_secret(t *testing.T) {
	for _, secret := range []string{"plain", "whsec_!", "whsec_c2hvcnQ="} {
		_, s := start(t, secret)
		_, err := s.Send(t.Context(), message)
		if f, is := errors.AsType[*connectors.Fault](err); !is || f.Class != connectors.NeedsPerson || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", secret, err)
		}
	}
}

func TestSend_away(t *testing.T) {
	s := webhook.New(webhook.Options{URL: "http://127.0.0.1:1", HTTP: http.DefaultClient})
	if _, err := s.Send(t.Context(), message); func() bool {
		f, is := errors.AsType[*connectors.Fault](err)
		return !is || f.Class != connectors.RetryLater
	}() {
		t.Error(err)
	}
}
