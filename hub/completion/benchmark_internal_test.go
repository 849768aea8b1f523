package completion

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/directory"
	"acquis/internal/campus"
	"acquis/lrs"
	"acquis/storage/pebblestore"
)

// benchWorld is a world with the people of the campus, its activities as items, each tenth of them a part of a
// parcours, and statements.
func benchWorld(b *testing.B, statements int) (*world, *campus.Campus) {
	b.Helper()
	store, err := pebblestore.Open(pebblestore.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
	w := newWorld(b, b, store)
	w.sole, w.now = true, time.Now()
	c := campus.New(1)
	w.organisation("campus", "")
	for n := range campus.Activities {
		id := hub.ItemID(fmt.Sprint("item-", n))
		w.item(catalogue.Item{ID: id, Kind: catalogue.Module, Status: catalogue.Live, Minutes: 30})
		w.mapping(catalogue.Mapping{Form: catalogue.Exact, IRI: c.ActivityID(n), Item: id})
		if n%10 == 9 {
			w.item(catalogue.Item{ID: hub.ItemID(fmt.Sprint("parcours-", n)), Kind: catalogue.Parcours, Status: catalogue.Live, Versions: []catalogue.Version{{Number: 1, Begun: true, Rule: catalogue.Rule{{All: []hub.ItemID{id, hub.ItemID(fmt.Sprint("item-", n-5))}}}}}})
		}
	}
	var group errgroup.Group
	group.SetLimit(64)
	var mu sync.Mutex
	for n := range campus.People {
		group.Go(func() error {
			actor, err := lrs.DecodeAgent(c.AgentJSON(n))
			if err != nil {
				return err
			}
			key, _ := directory.KeyOf(*actor)
			mu.Lock()
			id := hub.PersonID(w.newID())
			mu.Unlock()
			row := docstore.Row[directory.Person]{Key: docstore.Key{Collection: directory.People.Name, Partition: string(id), ID: string(id)}}
			row.Value = directory.Person{ID: id, Affiliations: []directory.Affiliation{{Organisation: "campus"}}, Status: directory.Active}
			if _, err := directory.People.Save(w.ctx, store, row); err != nil {
				return err
			}
			alias := docstore.Row[directory.Alias]{Key: docstore.Key{Collection: directory.Aliases.Name, Partition: string(w.directory.AliasID(key)), ID: string(w.directory.AliasID(key))}}
			alias.Value = directory.Alias{ID: w.directory.AliasID(key), Key: key, Standing: directory.Standing{State: directory.Linked, Person: id, Rule: directory.ByHand, Confidence: directory.Certain}, FirstSeen: 1, LastSeen: lrs.InstantOf(time.Now().AddDate(1, 0, 0))}
			_, err = directory.Aliases.Save(w.ctx, store, alias)
			return err
		})
	}
	w.must(group.Wait())
	w.load(c, 0, statements)
	return w, c
}

var benchAuthority = lrs.Authority{Actor: lrs.Actor{IFI: lrs.IFI{Kind: lrs.Mbox, Value: "mailto:bench@campus.example"}}, JSON: []byte(`{"mbox":"mailto:bench@campus.example"}`)}

// load stores the statements of the campus from one number to another, 200 at a time.
func (w *world) load(c *campus.Campus, from, to int) {
	var group errgroup.Group
	group.SetLimit(8)
	known := lrs.NewTermCache()
	for ; from < to; from += 200 {
		begin, end := from, min(from+200, to)
		group.Go(func() error {
			drafts := make([]*lrs.Draft, 0, end-begin)
			for n := begin; n < end; n++ {
				s, err := lrs.DecodeStatement(c.Bench(n, 0), lrs.V103, lrs.Limits{})
				if err != nil {
					return err
				}
				drafts = append(drafts, lrs.Accept(s, lrs.Assignment{ID: uuid.New(), Version: lrs.V103, Source: "bench", Authority: benchAuthority, Define: true, Known: known}))
			}
			return w.store.AppendStatements(w.ctx, drafts)
		})
	}
	w.must(group.Wait())
}

func (w *world) startSole() *Consolidator {
	c, err := New(w.ctx, w.store, w.directory, Options{Name: "bench", Sole: true, Calendar: w.calendar})
	w.must(err)
	return c
}

func (c *Consolidator) drain(ctx context.Context, b *testing.B) {
	for {
		busy, err := c.Step(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if !busy {
			return
		}
	}
}

// resident is the memory of the process in MiB, as the kernel counts it.
func resident() float64 {
	content, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(content)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.Atoi(strings.Fields(rest)[0])
			return float64(kib) / 1024
		}
	}
	return 0
}

// BenchmarkConsolidator_fold folds 200,000 statements that are stored already, of identities that were never met
// before, and then as many of those that were.
func BenchmarkConsolidator_fold(b *testing.B) {
	const statements = 200_000
	w, campus := benchWorld(b, 0)
	c := w.startSole()
	c.drain(w.ctx, b) // people and the catalogue: they are no statements
	for range b.N {
		for _, met := range []string{"first", "known"} {
			from := 0
			if met == "known" {
				from = statements
			}
			w.load(campus, from, from+statements)
			begun := time.Now()
			c.drain(w.ctx, b)
			b.ReportMetric(statements/time.Since(begun).Seconds(), met+"-statements/s")
		}
	}
	b.ReportMetric(float64(c.Stats().Completions)/2/statements, "records/statement")
	b.ReportMetric(resident(), "MiB")
}

// BenchmarkConsolidator_beside stores 5,000 statements a second for twenty seconds and looks every
// 20 ms how long the oldest that is not folded has waited.
func BenchmarkConsolidator_beside(b *testing.B) {
	w, campus := benchWorld(b, 0)
	c := w.startSole()
	c.drain(w.ctx, b)
	ctx, stop := context.WithCancel(w.ctx)
	var run sync.WaitGroup
	run.Go(func() { c.Run(ctx) })
	worst, sum, looks := lrs.Instant(0), lrs.Instant(0), 0
	b.ResetTimer()
	for range b.N {
		begin := time.Now()
		var sending sync.WaitGroup
		sending.Go(func() {
			for n := 0; n < 100_000; n += 200 {
				time.Sleep(time.Until(begin.Add(time.Duration(n) * time.Second / 5000)))
				w.load(campus, n, n+200)
			}
		})
		for time.Since(begin) < 20*time.Second {
			time.Sleep(20 * time.Millisecond)
			entries, err := w.store.ReadLog(w.ctx, c.Stats().Through, 1)
			w.must(err)
			looks++
			if len(entries) > 0 {
				lag := lrs.InstantOf(time.Now()) - entries[0].Position
				worst, sum = max(worst, lag), sum+lag
			}
		}
		sending.Wait()
	}
	stop()
	run.Wait()
	b.ReportMetric(float64(worst)/1000, "ms-worst-lag")
	b.ReportMetric(float64(sum)/1000/float64(looks), "ms-mean-lag")
	b.ReportMetric(float64(c.Stats().Statements), "statements")
}

// BenchmarkRebuild folds a million statements again, or as many as ACQUIS_BENCH_STATEMENTS says, beside the
// live records.
func BenchmarkRebuild(b *testing.B) {
	statements := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("ACQUIS_BENCH_STATEMENTS")); err == nil {
		statements = n
	}
	w, _ := benchWorld(b, statements)
	c := w.startSole()
	begun := time.Now()
	c.drain(w.ctx, b)
	b.Logf("%d statements were folded at %.0f/s, %.0f MiB resident", statements, float64(statements)/time.Since(begun).Seconds(), resident())
	runtime.GC()
	b.ResetTimer()
	for range b.N {
		_, err := AskRebuild(w.ctx, w.store, "bench", false, time.Now())
		w.must(err)
		c.drain(w.ctx, b)
	}
	r, err := ReadRebuild(w.ctx, w.store)
	w.must(err)
	if r.State != RebuildDone || r.Differences != 0 || r.Statements != int64(statements) {
		b.Fatalf("%+v", r)
	}
	b.ReportMetric(float64(r.Statements)/b.Elapsed().Seconds(), "statements/s")
	b.ReportMetric(resident(), "MiB")
}

// BenchmarkLink links an identity of 10,000 statements about 150 items, and waits until its records show.
func BenchmarkLink(b *testing.B) {
	w, c := benchWorld(b, 0)
	w.person("campus")
	for n := range 10_000 {
		w.send("s", fmt.Sprintf(`{"actor":{"account":{"homePage":"https://lms.example","name":"zoe"}},"verb":{"id":%q},"object":{"id":%q},"timestamp":"2026-03-01T10:%02d:%02dZ"}`, verbs[n%3], c.ActivityID(n%campus.Activities), n/60%60, n%60))
	}
	consolidator := w.startSole()
	consolidator.drain(w.ctx, b)
	ctx, stop := context.WithCancel(w.ctx)
	var run sync.WaitGroup
	run.Go(func() { consolidator.Run(ctx) })
	alias := w.directory.AliasID(accountOf("zoe"))
	b.ResetTimer()
	for range b.N {
		_, err := w.directory.Link(w.ctx, operator, alias, w.people[0])
		w.must(err)
		for {
			found, _, err := Completions.Scan(w.ctx, w.store, docstore.Scan{Prefix: docstore.Tuple(string(w.people[0])), Limit: 200})
			w.must(err)
			if len(found) >= campus.Activities {
				break
			}
			time.Sleep(time.Millisecond)
		}
		b.StopTimer()
		_, err = w.directory.Unlink(w.ctx, operator, alias)
		w.must(err)
		for left := 1; left > 0; time.Sleep(time.Millisecond) {
			found, _, err := Completions.Scan(w.ctx, w.store, docstore.Scan{Prefix: docstore.Tuple(string(w.people[0])), Limit: 200})
			w.must(err)
			left = len(found)
		}
		b.StartTimer()
	}
	stop()
	run.Wait()
}
