package connectors_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"acquis/connectors"
)

// caller answers requests by a function.
type caller func(r *http.Request) connectors.Answer

func (c caller) Do(_ context.Context, r *http.Request) (connectors.Answer, error) { return c(r), nil }

func TestSession(t *testing.T) {
	now := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	var fetched int
	fetch := func(context.Context) (connectors.Token, error) {
		fetched++
		return connectors.Token{Value: fmt.Sprint("t", fetched), Expires: now.Add(10 * time.Minute)}, nil
	}
	accepts := func(good string) caller {
		return func(r *http.Request) connectors.Answer {
			body, err := io.ReadAll(r.Body)
			if err != nil || string(body) != "asked" {
				t.Errorf("the body is %q: %v", body, err)
			}
			if r.Header.Get("Authorization") != "Bearer "+good {
				return connectors.Answer{Status: 401}
			}
			return connectors.Answer{Status: 200}
		}
	}
	ask := func(s *connectors.Session) (connectors.Answer, error) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", "https://provider.example/members/camille.durand@example.org", strings.NewReader("asked"))
		if err != nil {
			t.Fatal(err)
		}
		return s.Do(t.Context(), r)
	}
	t.Run("a token is kept until shortly before its end", func(t *testing.T) {
		fetched = 0
		s := connectors.NewSession(accepts("t1"), clock, fetch)
		for range 3 {
			if a, err := ask(s); err != nil || a.Status != 200 {
				t.Fatalf("%d: %v", a.Status, err)
			}
		}
		now = now.Add(9*time.Minute + 31*time.Second)
		if _, err := ask(s); err == nil || fetched != 3 {
			t.Fatalf("%d tokens were fetched: %v", fetched, err)
		}
	})
	t.Run("a refused token is renewed once, and the body sent again", func(t *testing.T) {
		fetched = 0
		if a, err := ask(connectors.NewSession(accepts("t2"), clock, fetch)); err != nil || a.Status != 200 || fetched != 2 {
			t.Fatalf("%d after %d tokens: %v", a.Status, fetched, err)
		}
	})
	t.Run("refused twice it needs a person", func(t *testing.T) {
		fetched = 0
		_, err := ask(connectors.NewSession(accepts("never"), clock, fetch))
		fault, is := errors.AsType[*connectors.Fault](err)
		if !is || fault.Class != connectors.NeedsPerson || fetched != 2 {
			t.Fatalf("%v after %d tokens", err, fetched)
		}
		if strings.Contains(fault.Detail, "durand") || !strings.Contains(fault.Detail, "provider.example/members/") {
			t.Errorf("it tells %q", fault.Detail)
		}
	})
}

func TestMissingFields(t *testing.T) {
	t.Run("a required field that is nowhere is named with its count", func(t *testing.T) {
		err := connectors.MissingFields([]connectors.Field{
			{Item: "member", Name: "/email", Found: 3, Of: 40, Required: true},
			{Item: "member", Name: "/joinedAt", Found: 0, Of: 40, Required: true},
			{Item: "member", Name: "/role", Found: 0, Of: 40},
		})
		if want := "/joinedAt of member not found in 40 of 40 items"; err == nil || connectors.FaultOf(err).Detail != want {
			t.Fatalf("%v", err)
		}
	})
	t.Run("without items there is nothing to miss", func(t *testing.T) {
		if err := connectors.MissingFields([]connectors.Field{{Name: "/email", Required: true}}); err != nil {
			t.Fatal(err)
		}
	})
}
