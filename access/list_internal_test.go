package access

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestListed(t *testing.T) {
	t.Run("parts of any size, one after the other, are the whole list in order", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			things := rapid.MapOf(rapid.StringN(1, 3, -1), rapid.Int()).Draw(t, "things")
			even := rapid.Bool().Draw(t, "even ones only")
			wanted := func(n int) bool { return !even || n%2 == 0 }
			var want, got []int
			for _, key := range slices.Sorted(maps.Keys(things)) {
				if wanted(things[key]) {
					want = append(want, things[key])
				}
			}
			q := List{Limit: rapid.IntRange(1, 5).Draw(t, "limit")}
			for {
				part := listed(things, q, wanted)
				if len(part.Items) > q.Limit || part.Next != "" && len(part.Items) < q.Limit {
					t.Fatalf("%d items of at most %d, next %q", len(part.Items), q.Limit, part.Next)
				}
				got = append(got, part.Items...)
				if q.After = part.Next; q.After == "" {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
		})
	})
	t.Run("a list goes on behind a key that is gone", func(t *testing.T) {
		got := listed(map[string]int{"a": 1, "c": 3}, List{Limit: 9, After: "b"}, all)
		if diff := cmp.Diff("[3] \"\"", fmt.Sprintf("%v %q", got.Items, got.Next)); diff != "" {
			t.Error(diff)
		}
	})
}
