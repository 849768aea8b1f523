package api_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLists(t *testing.T) {
	h := start(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		h.must(t, operator, "POST", "/api/sources", `{"name":"`+name+`"}`, http.StatusCreated, nil)
		h.must(t, operator, "POST", "/api/credentials", `{"key":"key-`+name+`","source":"`+name+`","scopes":"statements/write"}`, http.StatusCreated, nil)
		h.must(t, operator, "POST", "/api/schemas", `{"name":"`+name+`","version":"1.0","schema":{}}`, http.StatusCreated, nil)
	}
	h.must(t, operator, "POST", "/api/credentials", `{"key":"zz","source":"a","scopes":"state"}`, http.StatusCreated, nil)
	type item struct{ Name, Version, Key string }
	walk := func(path string, limit int) (found []string) {
		after := ""
		for {
			var got struct {
				Items []item
				Next  string
			}
			h.must(t, auditor, "GET", fmt.Sprintf("%slimit=%d&after=%s", path, limit, after), "", http.StatusOK, &got)
			if len(got.Items) > limit {
				t.Fatalf("%d items of at most %d", len(got.Items), limit)
			}
			for _, i := range got.Items {
				found = append(found, i.Name+i.Version+i.Key)
			}
			if after = got.Next; after == "" {
				return found
			}
		}
	}
	for path, want := range map[string][]string{
		"/api/sources?":              {"a", "b", "c", "d", "quiz-house"},
		"/api/credentials?":          {"key-a", "key-b", "key-c", "key-d", "zz"},
		"/api/credentials?source=a&": {"key-a", "zz"},
		"/api/schemas?":              {"a1.0", "b1.0", "c1.0", "d1.0", "quiz1"},
	} {
		for _, limit := range []int{1, 2, 5, 1000} {
			t.Run(fmt.Sprintf("%slimit=%d lists each once and in order", path, limit), func(t *testing.T) {
				if diff := cmp.Diff(want, walk(path, limit)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
	t.Run("what is added meanwhile moves nothing", func(t *testing.T) {
		var first, second struct {
			Items []item
			Next  string
		}
		h.must(t, auditor, "GET", "/api/sources?limit=2", "", http.StatusOK, &first)
		h.must(t, operator, "POST", "/api/sources", `{"name":"aa"}`, http.StatusCreated, nil)
		h.must(t, auditor, "GET", "/api/sources?limit=2&after="+first.Next, "", http.StatusOK, &second)
		if diff := cmp.Diff([]item{{Name: "c"}, {Name: "d"}}, second.Items); diff != "" {
			t.Error(diff)
		}
	})
	for _, query := range []string{"limit=0", "limit=1001", "limit=x", "after=!", "page=2", "Limit=3", "limit=1&limit=2", "source=%zz"} {
		for _, list := range []string{"sources", "credentials", "schemas", "audit"} {
			t.Run("/api/"+list+"?"+query+" is refused", func(t *testing.T) {
				h.must(t, auditor, "GET", "/api/"+list+"?"+query, "", http.StatusBadRequest, nil)
			})
		}
	}
}
