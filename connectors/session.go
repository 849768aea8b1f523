package connectors

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Token is what a provider lets in for a while.
type Token struct {
	Value   string
	Expires time.Time // zero: nobody said
}

// Session sends requests with a bearer token, which it gets when there is none, renews a margin before it
// ends, and renews once when the provider refuses it all the same.
type Session struct {
	client Caller
	fetch  func(context.Context) (Token, error)
	now    func() time.Time

	mu    sync.Mutex
	token Token
}

// tokenMargin is how long before its end a token is used no more.
const tokenMargin = 30 * time.Second

// NewSession returns a session that gets its tokens by fetch.
func NewSession(client Caller, now func() time.Time, fetch func(context.Context) (Token, error)) *Session {
	return &Session{client: client, fetch: fetch, now: now}
}

// Do implements Caller. A request with a body needs GetBody, as http.NewRequest makes it. Refused twice it
// is a *Fault of NeedsPerson.
func (s *Session) Do(ctx context.Context, r *http.Request) (Answer, error) {
	token, err := s.current(ctx, "")
	if err != nil {
		return Answer{}, err
	}
	answer, err := s.send(ctx, r, token)
	if err != nil || answer.Status != http.StatusUnauthorized {
		return answer, err
	}
	if token, err = s.current(ctx, token); err != nil {
		return Answer{}, err
	}
	answer, err = s.send(ctx, r, token)
	if err == nil && answer.Status == http.StatusUnauthorized {
		return answer, Faultf(
			NeedsPerson, "The provider does not accept the access that Acquis was given. Ask the provider whether it was withdrawn or replaced.",
			"%s answers 401 to a fresh token too", place(r),
		)
	}
	return answer, err
}

// current returns a token that is good, and not the refused one.
func (s *Session) current(ctx context.Context, refused string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ending := !s.token.Expires.IsZero() && !s.now().Before(s.token.Expires.Add(-tokenMargin))
	if s.token.Value != "" && s.token.Value != refused && !ending {
		return s.token.Value, nil
	}
	token, err := s.fetch(ctx)
	if err != nil {
		return "", err
	}
	s.token = token
	return token.Value, nil
}

func (s *Session) send(ctx context.Context, r *http.Request, token string) (Answer, error) {
	again := r.Clone(ctx)
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return Answer{}, err
		}
		again.Body = body
	}
	again.Header.Set("Authorization", "Bearer "+token)
	return s.client.Do(ctx, again)
}
