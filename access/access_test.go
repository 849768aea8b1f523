package access_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"acquis/access"
	"acquis/lrs"
	"acquis/storage/accessstore"
	"acquis/storage/pebblestore"
)

// house is a store with a directory and its administration, at a clock that stands still.
type house struct {
	store     *accessstore.Store
	directory *access.Directory
	admin     *access.Admin
	tokens    *access.Tokens
	clock     *clock
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var root = access.Caller{Principal: lrs.Principal{Name: "root", Roles: lrs.RoleAdministrator}, Address: "192.0.2.9"}

func newHouse(tb testing.TB) *house {
	tb.Helper()
	backend, err := pebblestore.Open(pebblestore.Options{Dir: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := backend.Close(); err != nil {
			tb.Error(err)
		}
	})
	store, err := accessstore.New(tb.Context(), backend)
	if err != nil {
		tb.Fatal(err)
	}
	h := &house{store: store, clock: &clock{now: time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)}}
	h.directory = h.replica(tb)
	h.admin = access.NewAdmin(store, h.directory)
	h.tokens = access.NewTokens(store, h.directory, access.Lifetimes{Access: time.Hour, Launch: 2 * time.Hour, LaunchMax: 4 * time.Hour})
	return h
}

// replica is a directory of another process.
func (h *house) replica(tb testing.TB) *access.Directory {
	tb.Helper()
	d, err := access.NewDirectory(tb.Context(), h.store, access.DirectoryOptions{
		Compile: compile, Shipped: []access.Schema{{Name: "shipped", Version: "1", Body: []byte(`{"about":"did"}`)}},
		External: external, Now: h.clock.Now,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// external knows the tokens "header.<client>.signature".
func external(_ context.Context, token string) (string, lrs.Scope, error) {
	client, good := strings.CutSuffix(strings.TrimPrefix(token, "header."), ".signature")
	if !good {
		return "", 0, lrs.Errorf(lrs.KindUnauthenticated, "the signature is wrong")
	}
	return client, lrs.ScopeStatementsWrite | lrs.ScopeAllRead, nil
}

// judge is a schema that is about one word in a verb and refuses every statement that it is about.
type judge struct{ word string }

func compile(body []byte) (access.SchemaJudge, error) {
	_, word, found := strings.Cut(string(body), `"about":"`)
	if !found {
		return nil, &lrs.Error{Kind: lrs.KindInvalid, Detail: "no schema", Violations: []lrs.Violation{{Pointer: "/schema", Rule: "schema", Detail: "must say what it is about"}}}
	}
	return judge{strings.TrimSuffix(word, `"}`)}, nil
}

func (j judge) About(verb, _ string) bool { return strings.Contains(verb, j.word) }

func (j judge) Judge([]byte) []lrs.Violation {
	return []lrs.Violation{{Pointer: "/result", Rule: "required", Detail: "must be there"}}
}

func (h *house) source(tb testing.TB, s access.Source) access.Source {
	tb.Helper()
	s, err := h.admin.PutSource(tb.Context(), root, s)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func (h *house) credential(tb testing.TB, k access.Credential) (access.Credential, string) {
	tb.Helper()
	if k.Kind == "" {
		k.Kind = access.OfSource
	}
	k, secret, err := h.admin.IssueCredential(tb.Context(), root, k)
	if err != nil {
		tb.Fatal(err)
	}
	return k, secret
}

func (h *house) knows(tb testing.TB, given access.Presented) lrs.Principal {
	tb.Helper()
	p, err := h.directory.Authenticate(tb.Context(), given)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func wantKind(tb testing.TB, err error, kind lrs.Kind, says string) {
	tb.Helper()
	if lrs.KindOf(err) != kind || err != nil && !strings.Contains(err.Error(), says) {
		tb.Errorf("got %v (kind %d), want kind %d and %q", err, lrs.KindOf(err), kind, says)
	}
}

func pointers(err error) (at []string) {
	var e *lrs.Error
	if errors.As(err, &e) {
		for _, v := range e.Violations {
			at = append(at, v.Pointer)
		}
	}
	return at
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
