package mongostore_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"strconv"
	"testing"
	"time"

	"acquis/docstore"
	"acquis/internal/faultproxy"
	"acquis/internal/mongotest"
	"acquis/lrs"
	"acquis/storage/mongostore"
)

var twins = docstore.Collection{Name: "twins", Class: docstore.ImpersonalData}

// TestDocs_cuts counts in two documents at once while connections are cut in the middle of requests
// and answers.
func TestDocs_cuts(t *testing.T) {
	t.Run("what was answered counts, what was not counts once or not, and never by half", func(t *testing.T) {
		uri := mongotest.Database(t)
		server, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		proxy := faultproxy.New(t, server.Host)
		cut := &site{t: t, options: options(proxy.URI(uri))}
		cut.open()
		if err := cut.store.DeclareCollections(t.Context(), twins); err != nil {
			t.Fatal(err)
		}
		answered, open := countUnderCuts(t, cut.store, proxy)
		cut.store.Drop()
		direct := &site{t: t, options: options(uri)}
		direct.open()
		if err := direct.store.DeclareCollections(t.Context(), twins); err != nil {
			t.Fatal(err)
		}
		group := increase(t, direct.store) // waits until the fate of every write is known
		counted := func(w docstore.Write) int {
			n, err := strconv.Atoi(string(w.Bytes))
			if err != nil {
				t.Fatal(err)
			}
			return n - 1
		}
		a, b := counted(group.Writes[0]), counted(group.Writes[1])
		if answered == 0 || a != b || a < answered || a > answered+open {
			t.Errorf("the documents hold %d and %d; %d writes were answered, %d not", a, b, answered, open)
		}
	})
}

// countUnderCuts increases the documents, and says how many writes were answered and how many were
// not.
func countUnderCuts(t *testing.T, store *mongostore.Store, proxy *faultproxy.Proxy) (answered, open int) {
	t.Helper()
	random := rand.New(rand.NewPCG(7, 7))
	for i := range 60 {
		group, err := read(t.Context(), store)
		if err != nil {
			continue
		}
		if i%2 == 0 {
			proxy.CutAfter(faultproxy.Direction(random.IntN(2)), random.Int64N(4000))
		}
		switch _, err := store.ApplyDocs(t.Context(), group); {
		case err == nil:
			answered++
		case !errors.Is(err, lrs.ErrConflict): // a write that was not answered came about
			open++
		}
	}
	return answered, open
}

// read makes the group that increases both documents by one.
func read(ctx context.Context, store *mongostore.Store) (docstore.Group, error) {
	group := docstore.Group{Partition: "p"}
	for _, id := range []string{"a", "b"} {
		d, err := store.GetDoc(ctx, docstore.Key{Collection: twins.Name, Partition: "p", ID: id})
		if err != nil && !errors.Is(err, lrs.ErrNotFound) {
			return group, err
		}
		n := 0
		if err == nil {
			if n, err = strconv.Atoi(string(d.Bytes)); err != nil {
				return group, err
			}
		}
		group.Writes = append(group.Writes, docstore.Write{
			Collection: twins.Name, ID: id, Expected: d.Revision, Bytes: []byte(strconv.Itoa(n + 1)),
		})
	}
	return group, nil
}

// increase increases both documents, and returns what it wrote.
func increase(t *testing.T, store *mongostore.Store) docstore.Group {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		group, err := read(t.Context(), store)
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.ApplyDocs(t.Context(), group)
		if err == nil {
			return group
		}
		if !errors.Is(err, lrs.ErrConflict) {
			t.Fatal(err)
		}
	}
	t.Fatal("a write that has no other beside it never came about")
	return docstore.Group{}
}
