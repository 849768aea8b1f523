package mongostore

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"acquis/internal/mongotest"
	"acquis/lrs"
)

func profile(id string) lrs.DocumentKey {
	return lrs.DocumentKey{ID: id, DocumentScope: lrs.DocumentScope{
		Kind: lrs.ActivityProfileDocument, Activity: "https://campus.example/modules/1",
	}}
}

func constantly(content string) func(*lrs.Document) (lrs.Document, error) {
	return func(*lrs.Document) (lrs.Document, error) {
		return lrs.Document{ContentType: "text/plain", Content: []byte(content)}, nil
	}
}

func TestDocumentSwap(t *testing.T) {
	t.Run("a document that was made anew meanwhile does not pass for its predecessor", func(t *testing.T) {
		a := openArchive(t, mongotest.Database(t))
		key := profile("x")
		a.must(a.UpdateDocument(t.Context(), key, constantly("first")))
		var seen []string
		a.must(a.UpdateDocument(t.Context(), key, func(current *lrs.Document) (lrs.Document, error) {
			seen = append(seen, string(current.Content))
			if len(seen) == 1 {
				a.must(a.DeleteDocument(t.Context(), key, lrs.Precondition{}))
				a.must(a.UpdateDocument(t.Context(), key, constantly("second")))
			}
			return lrs.Document{Content: append([]byte("after "), current.Content...)}, nil
		}))
		d, err := a.Document(t.Context(), key)
		a.must(err)
		if string(d.Content) != "after second" || strings.Join(seen, " ") != "first second" {
			t.Fatalf("the document is %q, its change saw %q", d.Content, seen)
		}
	})

	t.Run("a document that was removed meanwhile is made anew", func(t *testing.T) {
		a := openArchive(t, mongotest.Database(t))
		key := profile("x")
		a.must(a.UpdateDocument(t.Context(), key, constantly("first")))
		calls := 0
		a.must(a.UpdateDocument(t.Context(), key, func(current *lrs.Document) (lrs.Document, error) {
			if calls++; calls == 1 {
				a.must(a.DeleteDocuments(t.Context(), key.DocumentScope))
			}
			return lrs.Document{Content: fmt.Append(nil, current != nil)}, nil
		}))
		d, err := a.Document(t.Context(), key)
		a.must(err)
		if string(d.Content) != "false" {
			t.Fatalf("the document is %q", d.Content)
		}
	})

	t.Run("two processes lose no update", func(t *testing.T) {
		const each = 20
		uri := mongotest.Database(t)
		stores, key := []archive{openArchive(t, uri), openArchive(t, uri)}, profile("counter")
		increment := func(current *lrs.Document) (lrs.Document, error) {
			n := 0
			if current != nil {
				var err error
				if n, err = strconv.Atoi(string(current.Content)); err != nil {
					return lrs.Document{}, err
				}
			}
			return lrs.Document{Content: strconv.AppendInt(nil, int64(n+1), 10)}, nil
		}
		var writers errgroup.Group
		for _, a := range stores {
			writers.Go(func() error {
				for range each {
					if err := a.UpdateDocument(t.Context(), key, increment); err != nil {
						return err
					}
				}
				return nil
			})
		}
		stores[0].must(writers.Wait())
		d, err := stores[1].Document(t.Context(), key)
		stores[1].must(err)
		if string(d.Content) != strconv.Itoa(2*each) {
			t.Fatalf("the counter is %s, want %d", d.Content, 2*each)
		}
	})
}

func TestChangedDocument(t *testing.T) {
	t.Run("updated rises where the clock does not", func(t *testing.T) {
		r, err := changedDocument(profile("x"), &documentRecord{Updated: 1000}, 900, constantly("x"))
		if err != nil || r.Updated != 1001 {
			t.Fatalf("updated is %v, error %v; want 1001", r, err)
		}
	})
	t.Run("a document that MongoDB would not take is refused with the bound", func(t *testing.T) {
		_, err := changedDocument(profile(""), nil, 1, constantly(strings.Repeat("x", maxDocument)))
		if lrs.KindOf(err) != lrs.KindTooLarge || !strings.Contains(err.Error(), strconv.Itoa(maxDocument)) {
			t.Fatalf("got %v", err)
		}
		if _, err := changedDocument(profile(""), nil, 1, constantly(strings.Repeat("x", maxDocument-len("text/plain")))); err != nil {
			t.Fatalf("one of just the bound: %v", err)
		}
	})
}
