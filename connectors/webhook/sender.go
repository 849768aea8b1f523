// Package webhook sends statements to targets that are no record stores, by the Standard Webhooks: each message
// has an id, a time and a signature, by which the receiver knows repeats and forgeries.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"acquis/connectors"
	"acquis/hub/exchange"
	"acquis/lrs"
)

// Options say who is told.
type Options struct {
	URL     string
	Secrets []func() (string, error) // whsec_ and base64; each signs, so that a receiver can change over
	HTTP    *http.Client
	Timeout time.Duration // of one message, 30s
	Now     func() time.Time
}

// Sender implements exchange.Sender.
type Sender struct{ options Options }

// New returns a sender.
func New(o Options) *Sender {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Sender{o}
}

// The types of events.
const (
	EventStored   = "statements.stored"
	EventErased   = "statement.erased"
	EventRedacted = "statement.redacted"
)

// Numbered implements exchange.Sender: receivers know repeats by webhook-id.
func (s *Sender) Numbered() bool { return true }

// Send implements exchange.Sender. A receiver takes a message, or refuses it, as a whole.
func (s *Sender) Send(ctx context.Context, m exchange.Message) ([]exchange.Refused, error) {
	var data bytes.Buffer
	data.WriteString(`{"statements":[`)
	for i, e := range m.Statements {
		if i > 0 {
			data.WriteByte(',')
		}
		data.Write(e.Bytes)
	}
	data.WriteString(`]}`)
	reason, err := s.post(ctx, m.ID, EventStored, m.Statements[len(m.Statements)-1].Stored, data.Bytes())
	if err != nil || reason == "" {
		return nil, err
	}
	refused := make([]exchange.Refused, len(m.Statements))
	for i := range refused {
		refused[i] = exchange.Refused{Index: i, Reason: reason}
	}
	return refused, nil
}

// Tell implements exchange.Sender.
func (s *Sender) Tell(ctx context.Context, c exchange.Change) (bool, error) {
	event := EventErased
	if c.Kind == exchange.LetterRedaction {
		event = EventRedacted
	}
	reason, err := s.post(ctx, c.ID, event, c.At, fmt.Appendf(nil, `{"id":%q}`, c.Statement))
	return reason == "", err
}

// post sends one event. The reason says why the receiver refuses it for what it holds.
func (s *Sender) post(ctx context.Context, id, event string, at lrs.Instant, data []byte) (reason string, err error) {
	body := fmt.Appendf(nil, `{"type":%q,"timestamp":%q,"data":%s}`, event, at, data)
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.options.URL, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	stamp := strconv.FormatInt(s.options.Now().Unix(), 10)
	signatures, err := s.sign(id, stamp, body)
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "acquis")
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", stamp)
	r.Header.Set("webhook-signature", signatures)
	response, err := s.options.HTTP.Do(r)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
			return "", cause
		}
		return "", connectors.UnreachableFault(r, err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 500)) // as much as there is
	return judge(response, string(text))
}

// judge says what an answer means.
func judge(response *http.Response, text string) (reason string, err error) {
	detail := fmt.Sprintf("it answers %d", response.StatusCode)
	switch status := response.StatusCode; {
	case status >= 200 && status < 300:
		return "", nil
	case status == http.StatusTooManyRequests || status >= 500 || status == http.StatusRequestTimeout:
		f := connectors.Faultf(connectors.RetryLater, "The receiver has a problem, or asks to slow down. Nothing is lost: it will be sent again.", "%s", detail)
		if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
			f.Delay = time.Duration(seconds) * time.Second
		}
		return "", f
	case status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity || status == http.StatusConflict:
		return "status " + strconv.Itoa(status) + ": " + strings.ToValidUTF8(strings.TrimSpace(text), ""), nil
	case status == http.StatusGone:
		return "", connectors.Faultf(connectors.NeedsPerson, "The receiver says that it wants nothing any more. Take the forward away, or correct its address.", "%s", detail)
	default:
		return "", connectors.Faultf(connectors.NeedsPerson, "The receiver does not take what it is sent. Check the address and the secret on both sides.", "%s", detail)
	}
}

// sign makes the signatures, one for each secret.
func (s *Sender) sign(id, stamp string, body []byte) (string, error) {
	var all []string
	for _, secret := range s.options.Secrets {
		text, err := secret()
		if err != nil {
			return "", err
		}
		key, err := keyOf(text)
		if err != nil {
			return "", err
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(all, " "), nil
}

// keyOf reads a secret: whsec_ and the base64 of 24 to 64 bytes.
func keyOf(secret string) ([]byte, error) {
	encoded, marked := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !marked || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, connectors.Faultf(connectors.NeedsPerson, "The secret of the webhook is not one: it must be whsec_ followed by the base64 of 24 to 64 random bytes.", "of a secret's form")
	}
	return key, nil
}
