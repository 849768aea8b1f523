package pebblestore_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"acquis/lrs"
	"acquis/storage/pebblestore"
)

func TestOpen(t *testing.T) {
	t.Run("a directory that another store has is refused as locked", func(t *testing.T) {
		s := &site{t: t, options: options(vfs.Default, t.TempDir())}
		s.open()
		_, err := pebblestore.Open(s.options)
		if !errors.Is(err, pebblestore.ErrLocked) {
			t.Fatalf("got %v, want ErrLocked", err)
		}
	})
	for layout, reason := range map[string]string{"99": "newer acquis", "1": "before the first release"} {
		t.Run("a directory of layout "+layout+" is refused with the reason, and left alone", func(t *testing.T) {
			fs := vfs.NewMem()
			o := options(fs, "data")
			s := &site{t: t, options: o}
			closeStore(t, s.open().(*pebblestore.Store))
			db, err := pebble.Open("data/store", &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(db.Set([]byte("mlayout"), []byte(layout), pebble.Sync), db.Close()); err != nil {
				t.Fatal(err)
			}
			if _, err := pebblestore.Open(o); err == nil || !strings.Contains(err.Error(), reason) {
				t.Fatalf("got %v, want a refusal that says %q", err, reason)
			}
		})
	}
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}

func TestCompact(t *testing.T) {
	t.Run("what was erased takes no room any more, and what was kept stays", func(t *testing.T) {
		s := &site{t: t, options: options(vfs.NewMem(), "data")}
		store := s.open().(*pebblestore.Store)
		key := func(agent, id string) lrs.DocumentKey {
			return lrs.DocumentKey{ID: id, DocumentScope: lrs.DocumentScope{
				Kind: lrs.AgentProfileDocument, Agent: lrs.Actor{IFI: lrs.IFI{Kind: lrs.Mbox, Value: "mailto:" + agent + "@example.org"}},
			}}
		}
		put := func(k lrs.DocumentKey) {
			t.Helper()
			content := make([]byte, 20_000) // random, so that compression gains nothing
			_, _ = rand.Read(content)
			err := store.UpdateDocument(t.Context(), k, func(*lrs.Document) (lrs.Document, error) {
				return lrs.Document{ContentType: "application/octet-stream", Content: content}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for i := range 100 {
			put(key("gone", fmt.Sprint(i)))
		}
		put(key("kept", "one"))
		if _, err := store.EraseAgentDocuments(t.Context(), key("gone", "").Agent); err != nil {
			t.Fatal(err)
		}
		if err := store.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		closeStore(t, store) // files that are no longer needed are gone by then
		if size := tableBytes(t, s.options.FS); size > 200_000 {
			t.Errorf("the tables hold %d bytes after compaction; 2,000,000 were erased and 20,000 kept", size)
		}
		if _, err := s.open().Document(t.Context(), key("kept", "one")); err != nil {
			t.Errorf("what was kept: %v", err)
		}
	})
}

// tableBytes adds up the engine's tables.
func tableBytes(t *testing.T, fs vfs.FS) (size int64) {
	t.Helper()
	names, err := fs.List("data/store")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".sst") {
			continue
		}
		info, err := fs.Stat("data/store/" + name)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	return size
}
