package completion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/lrs"
	"acquis/storage"
)

// furnished is a world on the embedded store with Ann of the taxes, and the module one at activities[0].
func furnished(t *testing.T) *world {
	t.Helper()
	store := embedded(t)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	w := newWorld(t, t, store)
	w.organisation("ministry", "")
	w.organisation("taxes", "ministry")
	w.item(catalogue.Item{ID: "one", Kind: catalogue.Module, Status: catalogue.Live})
	w.item(catalogue.Item{ID: "two", Kind: catalogue.Module, Status: catalogue.Live})
	w.mapping(catalogue.Mapping{Form: catalogue.Exact, IRI: activities[0], Item: "one"})
	w.person("taxes", accountOf("ann"))
	return w
}

// saying is a statement of an account about an activity.
func saying(account, verb, activity string) string {
	return fmt.Sprintf(`{"actor":{"account":{"homePage":"https://lms.example","name":%q}},"verb":{"id":%q},"object":{"id":%q},"timestamp":"2026-03-01T10:00:00Z"}`, account, adl+verb, activity)
}

func voidingOf(id lrs.ID) string {
	return `{"actor":{"mbox":"mailto:admin@lms.example"},"verb":{"id":"` + lrs.VerbVoided + `"},"object":{"objectType":"StatementRef","id":"` + id.String() + `"}}`
}

// completion returns the record of the first person with an item.
func (w *world) completion(item hub.ItemID) (Completion, bool) {
	w.Helper()
	c, ok := w.completions()[string(w.people[0])+" "+string(item)]
	return c, ok
}

func TestConsolidator_change(t *testing.T) {
	t.Run("a statement makes a record, with its evidence, in its organisation", func(t *testing.T) {
		w := furnished(t)
		id := w.send("s", saying("ann", "completed", activities[0]))
		w.run()
		c, ok := w.completion("one")
		if !ok || c.Completed == nil || c.Completed.Statement != id || c.Organisation != "taxes" || !slices.Equal(c.Path, []hub.OrganisationID{"taxes", "ministry"}) {
			t.Errorf("%+v", c)
		}
	})
	t.Run("an activity that is mapped later brings its statements along, and one that is mapped elsewhere takes them with it", func(t *testing.T) {
		w := furnished(t)
		w.send("s", saying("ann", "completed", activities[2]))
		w.run()
		if _, ok := w.completion("two"); ok {
			t.Fatal("nobody mapped it")
		}
		w.mapping(catalogue.Mapping{Form: catalogue.Prefix, IRI: "https://a.example/", Item: "two"})
		w.run()
		if c, ok := w.completion("two"); !ok || c.Completed == nil {
			t.Fatalf("%+v", c)
		}
		w.mapping(catalogue.Mapping{Form: catalogue.Exact, IRI: activities[2], Item: "one"})
		w.run()
		if _, ok := w.completion("two"); ok {
			t.Error("it is still there")
		}
		if c, ok := w.completion("one"); !ok || c.Completed == nil {
			t.Errorf("%+v", c)
		}
	})
	t.Run("statements about a part, whose content no statement names, come along when the content is mapped, and leave with it", func(t *testing.T) {
		w := furnished(t)
		w.send("s", saying("ann", "progressed", "https://h5p.example/x?id=3&subContentId=q"))
		w.run()
		for _, item := range []hub.ItemID{"one", "two"} {
			w.mapping(catalogue.Mapping{Form: catalogue.Exact, IRI: "https://h5p.example/x?id=3", Item: item, Parts: true})
			w.run()
			w.wantFolded()
			if c, ok := w.completion(item); !ok || c.Started == nil {
				t.Fatalf("%+v", c)
			}
		}
	})
	t.Run("a certificate of any name is earned, and a long name is not kept", func(t *testing.T) {
		w := furnished(t)
		w.mapping(catalogue.Mapping{Form: catalogue.Prefix, IRI: "https://badges.example/", Item: "two"})
		for _, name := range []string{"1", strings.Repeat("2", 1<<18)} {
			w.send("s", fmt.Sprintf(`{"actor":{"account":{"homePage":"https://lms.example","name":"ann"}},"verb":{"id":%q},"object":{"id":"https://badges.example/%s"}}`, tincan+"earned", name))
		}
		w.run()
		if c, ok := w.completion("two"); !ok || c.Certified == nil || c.Statements != 2 || !slices.Equal(c.Earned, []string{"https://badges.example/1"}) {
			t.Errorf("%d statements, %d earned", c.Statements, len(c.Earned))
		}
	})
	t.Run("what is voided counts no more, and counts again when its voiding is erased", func(t *testing.T) {
		w := furnished(t)
		id := w.send("s", saying("ann", "completed", activities[0]))
		w.run()
		voiding := w.send("s", voidingOf(id))
		w.run()
		if c, ok := w.completion("one"); ok {
			t.Fatalf("%+v", c)
		}
		w.must(w.store.EraseStatement(w.ctx, voiding))
		w.run()
		if c, ok := w.completion("one"); !ok || c.Completed == nil {
			t.Errorf("%+v", c)
		}
	})
	t.Run("what is erased leaves no fact behind", func(t *testing.T) {
		w := furnished(t)
		id := w.send("s", saying("ann", "completed", activities[0]))
		w.run()
		w.must(w.store.EraseStatement(w.ctx, id))
		w.run()
		page, err := w.store.ScanDocs(w.ctx, docstore.Scan{Collection: factDocs.Name, Limit: 10})
		w.must(err)
		if _, ok := w.completion("one"); ok || len(page.Entries) != 0 {
			t.Errorf("%d documents of facts", len(page.Entries))
		}
	})
	t.Run("an identity that is purged takes its facts along, and gets them back when it is seen again", func(t *testing.T) {
		w := furnished(t)
		w.send("s", saying("zoe", "completed", activities[0]))
		w.run()
		w.now = w.now.AddDate(1, 0, 0)
		purged, err := w.directory.PurgeUnmatched(w.ctx)
		w.must(err)
		w.run()
		page, err := w.store.ScanDocs(w.ctx, docstore.Scan{Collection: factDocs.Name, Limit: 10})
		w.must(err)
		if purged != 1 || len(page.Entries) != 0 {
			t.Fatalf("%d purged, %d documents of facts", purged, len(page.Entries))
		}
		w.send("s", saying("zoe", "passed", activities[0]))
		w.run()
		w.people = nil
		w.person("taxes", accountOf("zoe"))
		w.run()
		if c, ok := w.completion("one"); !ok || c.Completed == nil || c.Passed == nil {
			t.Errorf("%+v", c)
		}
	})
	t.Run("a person who is gone has no records", func(t *testing.T) {
		w := furnished(t)
		w.send("s", saying("ann", "completed", activities[0]))
		w.run()
		page, err := w.store.ScanDocs(w.ctx, docstore.Scan{Collection: "hub_people", Limit: 1})
		w.must(err)
		doc := page.Entries[0].Doc
		_, err = w.store.ApplyDocs(w.ctx, docstore.Group{Partition: doc.Partition, Writes: []docstore.Write{{Collection: doc.Collection, ID: doc.ID, Expected: doc.Revision, Deleted: true}}})
		w.must(err)
		w.run()
		if all := w.completions(); len(all) != 0 {
			t.Errorf("%v", all)
		}
	})
	t.Run("how often an activity was spoken of is exact, wherever processes die", func(t *testing.T) {
		w := furnished(t)
		for n := range 30 {
			w.send("s", saying("ann", "completed", "https://nobody.example/x"))
			if w.frail != nil {
				w.frail.left, w.frail.after = n%7, n%2 == 0
			}
			w.step()
		}
		w.run()
		found, _, err := Activities.Scan(w.ctx, w.store, docstore.Scan{Index: "unknown", Limit: 10})
		w.must(err)
		if len(found) != 1 || found[0].Row.Value.Count != 30 || found[0].Row.Value.IRI != "https://nobody.example/x" {
			t.Errorf("%+v", found)
		}
	})
}

func TestConsolidator_manyFacts(t *testing.T) {
	w := furnished(t)
	w.sole = true
	authority, err := lrs.NewAuthority([]byte(`{"mbox":"mailto:admin@lms.example"}`))
	w.must(err)
	const many = 100_000
	s, err := lrs.DecodeStatement([]byte(saying("ann", "progressed", activities[0])), lrs.V103, lrs.Limits{})
	w.must(err)
	for range many / 1000 {
		var drafts []*lrs.Draft
		for range 1000 {
			drafts = append(drafts, lrs.Accept(s, lrs.Assignment{ID: uuid.New(), Version: lrs.V103, Source: "s", Authority: authority}))
		}
		w.must(w.store.AppendStatements(w.ctx, drafts))
	}
	w.run()
	t.Run("a hundred thousand facts of one person and item are kept in documents of a bounded size", func(t *testing.T) {
		if c, ok := w.completion("one"); !ok || c.Statements != many || c.Repeats != many-1 {
			t.Errorf("%+v", c)
		}
		facts, largest := 0, 0
		scan := docstore.Scan{Collection: factDocs.Name, Limit: 100}
		for {
			page, err := w.store.ScanDocs(w.ctx, scan)
			w.must(err)
			for _, e := range page.Entries {
				l, err := readLeaf(e.Doc)
				w.must(err)
				facts, largest = facts+len(l.facts), max(largest, len(e.Doc.Bytes))
			}
			if scan.After = page.Next; scan.After == "" {
				break
			}
		}
		if facts != many || largest > 256<<10 {
			t.Errorf("%d facts, the largest document has %d bytes", facts, largest)
		}
	})
	t.Run("one of them can be taken away", func(t *testing.T) {
		page, err := w.store.QueryStatements(w.ctx, lrs.StatementQuery{Ascending: true, Since: 1, Limit: 1, Steps: 10})
		w.must(err)
		w.must(w.store.EraseStatement(w.ctx, page.Entries[0].ID))
		w.run()
		if c, _ := w.completion("one"); c.Statements != many-1 {
			t.Errorf("%d statements", c.Statements)
		}
	})
}

// gate holds up the first write to a collection.
type gate struct {
	storage.Store
	collection string
	once       sync.Once
	reached    chan struct{}
	open       chan struct{}
}

// ApplyDocs implements docstore.Store.
func (g *gate) ApplyDocs(ctx context.Context, group docstore.Group) ([]lrs.Instant, error) {
	if slices.ContainsFunc(group.Writes, func(w docstore.Write) bool { return w.Collection == g.collection }) {
		g.once.Do(func() {
			close(g.reached)
			<-g.open
		})
	}
	return g.Store.ApplyDocs(ctx, group)
}

// asleep starts a process that falls asleep before its first write to a collection; awake lets it go on.
func (w *world) asleep(collection string) (awake func() error) {
	w.Helper()
	g := &gate{Store: w.store, collection: collection, reached: make(chan struct{}), open: make(chan struct{})}
	c, err := New(w.ctx, g, w.directory, Options{Name: "sleeper", Lease: time.Minute, Calendar: w.calendar, Now: func() time.Time { return time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC) }})
	w.must(err)
	ended := make(chan error, 1)
	go func() {
		for {
			if busy, err := c.Step(w.ctx); err != nil || !busy {
				ended <- err
				return
			}
		}
	}()
	<-g.reached
	return func() error {
		close(g.open)
		return <-ended
	}
}

func TestConsolidator_lease(t *testing.T) {
	for _, collection := range []string{factDocs.Name, Completions.Name, attributionTable.Name, cursorTable.Name} {
		t.Run("a writer that wakes up after another took over changes nothing: "+collection, func(t *testing.T) {
			w := furnished(t)
			w.run()
			w.must(w.consolidator.release(w.ctx))
			id := w.send("s", saying("ann", "completed", activities[0]))
			awake := w.asleep(collection)
			w.send("s", voidingOf(id))
			w.run()
			if err := awake(); err == nil || !errors.Is(err, errLost) && lrs.KindOf(err) != lrs.KindConflict {
				t.Errorf("it ended with %v", err)
			}
			w.wantFolded()
			w.send("s", saying("ann", "completed", activities[0]))
			w.run()
			w.wantFolded()
			if r := w.rebuild(false); r.Differences != 0 {
				t.Errorf("%+v", r)
			}
		})
	}
	t.Run("nobody takes over from a process that moves", func(t *testing.T) {
		w := furnished(t)
		w.run()
		first := w.consolidator
		w.start()
		for range 10 {
			w.now = w.now.Add(40 * time.Second)
			if _, err := first.Step(w.ctx); err != nil {
				t.Fatal(err)
			}
			if busy, err := w.consolidator.Step(w.ctx); busy || err != nil || w.consolidator.Stats().Leads {
				t.Fatalf("the second works: %v", err)
			}
		}
		w.must(first.release(w.ctx))
		if _, err := w.consolidator.Step(w.ctx); err != nil || !w.consolidator.Stats().Leads {
			t.Errorf("the second does not work once the first has gone: %v", err)
		}
	})
}

func TestRebuild(t *testing.T) {
	spoil := func(w *world, collection string) {
		w.Helper()
		page, err := w.store.ScanDocs(w.ctx, docstore.Scan{Collection: collection, Limit: 1})
		w.must(err)
		doc := page.Entries[0].Doc
		_, err = w.store.ApplyDocs(w.ctx, docstore.Group{Partition: doc.Partition, Writes: []docstore.Write{{Collection: collection, ID: doc.ID, Expected: doc.Revision, Deleted: true}}})
		w.must(err)
	}
	for _, collection := range []string{factDocs.Name, Completions.Name} {
		t.Run("what is lost is reported, and replaced when that is asked for: "+collection, func(t *testing.T) {
			w := furnished(t)
			w.send("s", saying("ann", "completed", activities[0]))
			w.run()
			spoil(w, collection)
			if r := w.rebuild(false); r.Differences != 1 || r.Found[0].Fault != "missing" || r.Statements != 1 {
				t.Errorf("%+v", r)
			}
			if collection == Completions.Name && len(w.completions()) != 0 {
				t.Error("a report replaced something")
			}
			w.rebuild(true)
			w.wantFolded()
			if r := w.rebuild(false); r.Differences != 0 {
				t.Errorf("%+v", r)
			}
		})
	}
	t.Run("a second one is refused while one is under way", func(t *testing.T) {
		w := furnished(t)
		w.run()
		_, err := AskRebuild(w.ctx, w.store, "operator", false, w.now)
		w.must(err)
		if _, err = AskRebuild(w.ctx, w.store, "operator", false, w.now); lrs.KindOf(err) != lrs.KindConflict {
			t.Errorf("%v", err)
		}
	})
	t.Run("it goes on after a death, wherever that comes", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			w := furnished(t)
			w.TB = rt
			for _, account := range accounts {
				w.send("s", saying(account, "completed", activities[0]))
			}
			w.run()
			spoil(w, factDocs.Name)
			_, err := AskRebuild(w.ctx, w.store, "operator", true, w.now)
			w.must(err)
			for range rapid.IntRange(1, 4).Draw(rt, "deaths") {
				w.frail.left, w.frail.after = rapid.IntRange(0, 6).Draw(rt, "writes"), rapid.Bool().Draw(rt, "written")
				for i := 0; i < 4 && !w.frail.dead; i++ {
					w.step()
				}
				w.start()
			}
			w.run()
			w.wantFolded()
			if r, err := ReadRebuild(w.ctx, w.store); err != nil || r.State != RebuildDone || r.Identities != int64(len(accounts)) {
				rt.Fatalf("%+v, %v", r, err)
			}
		})
	})
}
