package lrs

import (
	"encoding/base64"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	cursorKey    = []byte("0123456789abcdef0123456789abcdef")
	compareWhole = cmp.AllowUnexported(cursor{})
)

var anyCursor = rapid.Custom(func(r *rapid.T) cursor {
	c := cursor{
		since: Instant(rapid.Int64().Draw(r, "since")), until: Instant(rapid.Int64().Draw(r, "until")),
		limit: int(rapid.Uint32().Draw(r, "limit")), ascending: rapid.Bool().Draw(r, "ascending"),
		format: Format(rapid.IntRange(0, 2).Draw(r, "format")), attachments: rapid.Bool().Draw(r, "attachments"),
	}
	for range rapid.IntRange(0, 4).Draw(r, "terms") {
		c.terms = append(c.terms, IRITerm(TermVerb, rapid.String().Draw(r, "iri")))
	}
	return c
})

func TestCursor(t *testing.T) {
	t.Run("what a token carries is read again", func(t *testing.T) {
		rapid.Check(t, func(r *rapid.T) {
			c := anyCursor.Draw(r, "cursor")
			token := c.token(cursorKey)
			if strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
				r.Fatalf("%s needs escaping in a URL", token)
			}
			got, err := parseCursor(token, cursorKey)
			if err != nil {
				r.Fatal(err)
			}
			if diff := cmp.Diff(c, got, compareWhole); diff != "" {
				r.Fatalf("read (-want +got):\n%s", diff)
			}
		})
	})
	full := cursor{terms: []Term{{1}, {2}}, since: 1, until: MaxInstant, limit: math.MaxUint32, ascending: true, attachments: true, format: FormatIDs}
	token := full.token(cursorKey)
	t.Run("a token that is changed, cut or made with another key is refused", func(t *testing.T) {
		for i := range len(token) {
			for _, c := range []string{"A", "B", "_", "", "AA"} {
				changed := token[:i] + c + token[i+1:]
				if changed == token {
					continue
				}
				if _, err := parseCursor(changed, cursorKey); KindOf(err) != KindInvalid {
					t.Fatalf("byte %d: %v", i, err)
				}
			}
		}
		if _, err := parseCursor(full.token([]byte("another")), cursorKey); KindOf(err) != KindInvalid {
			t.Errorf("another key: %v", err)
		}
	})
	t.Run("a token of another layout is refused although it is signed", func(t *testing.T) {
		head := make([]byte, cursorHead)
		head[0] = cursorVersion
		for name, b := range map[string][]byte{"another version": append([]byte{cursorVersion + 1}, head[1:]...), "half a term": append(head, 1, 2, 3), "no head": head[:cursorHead-1]} {
			signed := base64.RawURLEncoding.EncodeToString(append(b[:len(b):len(b)], sign(b, cursorKey)...))
			if _, err := parseCursor(signed, cursorKey); KindOf(err) != KindInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// FuzzCursor holds that no token makes reading panic, and that only tokens of the store are read.
func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(cursor{}.token(cursorKey))
	f.Add(cursor{terms: []Term{{1}}, until: MaxInstant, ascending: true}.token(cursorKey))
	f.Fuzz(func(t *testing.T, token string) {
		c, err := parseCursor(token, cursorKey)
		if err != nil {
			if KindOf(err) != KindInvalid {
				t.Errorf("an internal error: %v", err)
			}
			return
		}
		if again := c.token(cursorKey); again != token {
			t.Errorf("%s is read as %s", token, again)
		}
	})
}
