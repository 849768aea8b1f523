package pebblestore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"acquis/lrs"
)

// numbered makes the same id of the same number.
func numbered(n int) lrs.ID {
	return uuid.NewSHA1(uuid.NameSpaceOID, binary.BigEndian.AppendUint64(nil, uint64(n)))
}

func TestIDFilter(t *testing.T) {
	t.Run("nothing is denied before all ids were added", func(t *testing.T) {
		f := newIDFilter(8)
		if !f.perhaps(numbered(1)) {
			t.Error("an id was denied by a filter that is not complete")
		}
	})
	t.Run("while it grows no id that was added is denied, and few of the others are not", func(t *testing.T) {
		const count = 20_000
		f := newIDFilter(1000)
		f.completed()
		for n := range count {
			f.add(numbered(n))
			f.add(numbered(n / 2)) // again: it takes no room
		}
		mistaken := 0
		for n := range count {
			if !f.perhaps(numbered(n)) {
				t.Fatalf("id %d of %d was denied", n, count)
			}
			if f.perhaps(numbered(count + n)) {
				mistaken++
			}
		}
		if mistaken > count*5/100 {
			t.Errorf("%d of %d new ids were taken for known ones", mistaken, count)
		}
		if got, want := f.bytes(), uint((1+2+4+8+16)*1000*bitsPerID/8); got != want {
			t.Errorf("it takes %d bytes, want %d", got, want)
		}
	})
	t.Run("beyond its bound it denies nothing and takes no memory", func(t *testing.T) {
		f := newIDFilter(1)
		for n := range 1000 {
			f.add(numbered(n))
		}
		f.completed()
		for n := range 2000 {
			if !f.perhaps(numbered(n)) {
				t.Fatalf("id %d was denied", n)
			}
		}
		if f.bytes() != 0 {
			t.Errorf("it takes %d bytes", f.bytes())
		}
	})
}

// TestIDFilterOfStore holds that the filter never denies an id that the engine has, whatever is stored,
// referred to, erased and imported, before, while and after the ids are read.
func TestIDFilterOfStore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := idModel{rapid: rt, options: Options{
			Dir: "data", FS: vfs.NewMem(), CacheBytes: 1 << 20, MemtableSize: 256 << 10, Logger: slog.New(slog.DiscardHandler),
		}}
		m.open()
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) { m.append(rt) },
			"erase":  func(rt *rapid.T) { m.erase(rt) },
			"reopen": func(*rapid.T) { m.close(); m.open() },
			"rescan": func(rt *rapid.T) { m.rescan(rt) },
			"stretch": func(rt *rapid.T) {
				if _, err := m.scan.stretch(rapid.IntRange(1, 4).Draw(rt, "most")); err != nil {
					rt.Fatal(err)
				}
			},
			"": func(rt *rapid.T) { m.check(rt) },
		})
		m.close()
	})
}

// idModel is a store whose scan goes step by step.
type idModel struct {
	rapid   *rapid.T
	options Options
	store   *Store
	scan    *idScan
}

// ids is how many different ones there are.
const ids = 40

func drawID(rt *rapid.T, label string) lrs.ID {
	return numbered(rapid.IntRange(1, ids).Draw(rt, label))
}

func (m *idModel) open() {
	var err error
	if m.store, err = Open(m.options); err != nil {
		m.rapid.Fatal(err)
	}
	m.scan = newIDScan(m.store.db, m.store.ids)
}

func (m *idModel) close() {
	if err := m.store.Close(); err != nil {
		m.rapid.Fatal(err)
	}
}

// rescan gives the store an empty filter, as at its start, perhaps one that will be too small.
func (m *idModel) rescan(rt *rapid.T) {
	first := rapid.SampledFrom([]uint{1, 2, 1000}).Draw(rt, "first")
	filter := newIDFilter(first)
	err := m.store.exclusively(rt.Context(), func(u *unit) error {
		u.store.ids = filter
		return nil
	})
	if err != nil {
		rt.Fatal(err)
	}
	m.scan = newIDScan(m.store.db, filter)
}

// append stores statements of which some refer to, or void, others that may not be there.
func (m *idModel) append(rt *rapid.T) {
	authority, err := lrs.NewAuthority([]byte(`{"account":{"homePage":"https://lrs.example","name":"test"}}`))
	if err != nil {
		rt.Fatal(err)
	}
	var drafts []*lrs.Draft
	for range rapid.IntRange(1, 3).Draw(rt, "statements") {
		id, verb, object := drawID(rt, "id"), "https://example.org/did", `{"id":"https://example.org/course"}`
		if rapid.Bool().Draw(rt, "refers") {
			object = fmt.Sprintf(`{"objectType":"StatementRef","id":"%s"}`, drawID(rt, "target"))
			verb = rapid.SampledFrom([]string{verb, lrs.VerbVoided}).Draw(rt, "verb")
		}
		raw := fmt.Sprintf(`{"id":"%s","actor":{"mbox":"mailto:a@example.org"},"verb":{"id":"%s"},"object":%s}`, id, verb, object)
		s, err := lrs.DecodeStatement([]byte(raw), lrs.V103, lrs.Limits{})
		if err != nil {
			rt.Fatal(err)
		}
		drafts = append(drafts, lrs.Accept(s, lrs.Assignment{Version: lrs.V103, Source: "test", Authority: authority}))
	}
	var refused *lrs.Error
	if err := m.store.AppendStatements(rt.Context(), drafts); err != nil && (!errors.As(err, &refused) || refused.Kind != lrs.KindConflict) {
		rt.Fatal(err)
	}
}

func (m *idModel) erase(rt *rapid.T) {
	if err := m.store.EraseStatement(rt.Context(), drawID(rt, "erased")); err != nil && !errors.Is(err, lrs.ErrNotFound) {
		rt.Fatal(err)
	}
}

// check asks the filter for each id that the engine has, referred to or stored.
func (m *idModel) check(rt *rapid.T) {
	for id, err := range export(rt.Context(), m.store, []byte{spaceID}, func(key, _ []byte) (lrs.ID, error) { return lrs.ID(key), nil }) {
		if err != nil {
			rt.Fatal(err)
		}
		if !m.store.ids.perhaps(id) {
			rt.Fatalf("%s was denied; it is in the store", id)
		}
	}
}
