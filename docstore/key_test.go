package docstore_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"acquis/docstore"
)

func TestTuple(t *testing.T) {
	text := rapid.StringOf(rapid.RuneFrom([]rune{1, 2, 3, 'a', 'b', 0xD7FF, 0xE000, 0x10FFFF}))
	parts := rapid.SliceOfN(text, 1, 3)
	t.Run("tuples are ordered as their parts are", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			a, b := parts.Draw(t, "a"), parts.Draw(t, "b")
			if got, want := cmp.Compare(docstore.Tuple(a...), docstore.Tuple(b...)), slices.Compare(a, b); got != want {
				t.Fatalf("the tuples of %q and %q compare as %d, the parts as %d", a, b, got, want)
			}
		})
	})
	t.Run("a tuple gives its parts back", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			want := parts.Draw(t, "parts")
			got, err := docstore.SplitTuple(docstore.Tuple(want...))
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("got %q (%v), want %q", got, err, want)
			}
		})
	})
	t.Run("a tuple starts with what its first parts start with, and with nothing else", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			whole, a, b := parts.Draw(t, "parts"), text.Draw(t, "a"), text.Draw(t, "b")
			starts := strings.HasPrefix(docstore.Tuple(whole...), docstore.TuplePrefix(a, b))
			if want := len(whole) > 1 && whole[0] == a && strings.HasPrefix(whole[1], b); starts != want {
				t.Fatalf("%q starts with %q, %q: got %v, want %v", whole, a, b, starts, want)
			}
		})
	})
	t.Run("what is no tuple is refused", func(t *testing.T) {
		if _, err := docstore.SplitTuple("a"); err == nil {
			t.Fatal("the parts of a are told")
		}
	})
}

func TestNumber(t *testing.T) {
	t.Run("keys of numbers are ordered as the numbers", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
			if got, want := cmp.Compare(docstore.Number(a), docstore.Number(b)), cmp.Compare(a, b); got != want {
				t.Fatalf("the keys of %d and %d compare as %d, want %d", a, b, got, want)
			}
		})
	})
}
