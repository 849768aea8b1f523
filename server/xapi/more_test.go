package xapi_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// TestMore walks many statements in small pages while others are written.
func TestMore(t *testing.T) {
	s := startWith(t, func(o *setting) { o.service.Steps = 50 }) // so that pages are short at times
	var stored []uuid.UUID
	for range 10 {
		var batch []string
		for range 50 {
			stored = append(stored, uuid.New())
			batch = append(batch, statement(stored[len(stored)-1]))
		}
		s.post(t, "["+strings.Join(batch, ",")+"]").want(t, 200, "")
	}
	var done atomic.Bool
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for !done.Load() {
				s.post(t, statement(uuid.New()))
				time.Sleep(2 * time.Millisecond) // the walks shall see more than what is new
			}
		})
	}
	defer writers.Wait()
	defer done.Store(true)

	walk := func(t *testing.T, parameters ...string) []uuid.UUID {
		t.Helper()
		first := s.page(t, "/statements"+query(append(parameters, "limit", "7")...))
		return append(first.ids(t), s.follow(t, *first.More)...)
	}
	backwards := slices.Clone(stored)
	slices.Reverse(backwards)
	for _, filter := range [][]string{nil, {"agent", ann}, {"verb", "https://verbs.example/read", "activity", "https://pages.example/1"}} {
		t.Run("XAPI-00114 newest first, no page skips or repeats while writers go on: "+strings.Join(filter, " "), func(t *testing.T) {
			got := walk(t, filter...)
			if i := slices.Index(got, backwards[0]); i < 0 || !slices.Equal(got[i:], backwards) {
				t.Errorf("%d statements, the known ones begin at %d", len(got), i)
			}
		})
		t.Run("XAPI-00114 oldest first, no page skips or repeats while writers go on: "+strings.Join(filter, " "), func(t *testing.T) {
			got := walk(t, append(filter, "ascending", "true")...)
			if len(got) < len(stored) || !slices.Equal(got[:len(stored)], stored) {
				t.Errorf("%d statements", len(got))
			}
			seen := map[uuid.UUID]bool{}
			for _, id := range got {
				if seen[id] {
					t.Errorf("%s came twice", id)
				}
				seen[id] = true
			}
		})
	}
}

func TestMoreLink(t *testing.T) {
	s := start(t)
	const essay = "essay"
	for range 5 {
		s.postForm(t, form(attached(uuid.New(), attachment(sha256Of(essay))), part(sha256Of(essay), essay))).want(t, 200, "")
	}
	t.Run("XAPI-00111 limit, format and attachments stay over the pages", func(t *testing.T) {
		a := s.send(t, "GET", "/statements?limit=2&format=ids&attachments=true", "")
		sizes := []int{}
		for {
			shown, hashes, _ := readForm(t, a.want(t, 200, ""))
			r := readResult(t, shown)
			sizes = append(sizes, len(r.Statements))
			if len(hashes) != 1 || strings.Contains(shown, `"name":"Platform"`) {
				t.Errorf("parts %v with %s", hashes, shown)
			}
			if *r.More == "" {
				break
			}
			a = s.send(t, "GET", strings.TrimPrefix(*r.More, "/xapi"), "")
		}
		if diff := cmp.Diff([]int{2, 2, 1}, sizes); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("XAPI-00109 more is empty when nothing is left", func(t *testing.T) {
		for _, query := range []string{"", "?limit=5", "?limit=100", "?ascending=true", "?verb=https%3A%2F%2Fnever.example"} {
			if more := *s.page(t, "/statements"+query).More; more != "" {
				t.Errorf("%q: %s", query, more)
			}
		}
	})
	more := strings.TrimPrefix(*s.page(t, "/statements?limit=2").More, "/xapi")
	t.Run("XAPI-00108 a more link can be used again", func(t *testing.T) {
		first := s.page(t, more)
		s.post(t, statement(uuid.New())).want(t, 200, "")
		if diff := cmp.Diff(first.ids(t), s.page(t, more).ids(t)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a reader of another version may follow it", func(t *testing.T) {
		s.page(t, more, "X-Experience-API-Version: 2.0.0")
	})
	t.Run("a link that was changed at any character is 400", func(t *testing.T) {
		at := strings.Index(more, "more=") + len("more=")
		for i := at; i < len(more); i++ {
			changed := []byte(more)
			changed[i] = map[bool]byte{true: 'B', false: 'A'}[changed[i] == 'A']
			s.send(t, "GET", string(changed), "").want(t, 400, "more")
		}
		for _, cut := range []string{more[:at+1], more[:len(more)-1], more + "A", more + "="} {
			s.send(t, "GET", cut, "").want(t, 400, "more")
		}
	})
	t.Run("a link of another store is 400", func(t *testing.T) {
		start(t).send(t, "GET", more, "").want(t, 400, "more")
	})
}
