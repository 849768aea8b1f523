package storagetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"acquis/docstore"
	"acquis/lrs"
)

var docScanRules = []rule{
	{"a document is found by each of its keys, and by no former one", docKeysFollow},
	{"bounds and prefixes hold, also where parts of a key look like others", docBounds},
	{"a scan in pages misses nothing that stays and doubles nothing while others write", docScanWhileWriting},
}

// readDocs reads all pages of a scan, of pageSize each, and makes sure that the pages keep their
// contract.
func readDocs(ctx context.Context, docs docstore.Store, scan docstore.Scan, pageSize int) ([]docstore.Entry, error) {
	var entries []docstore.Entry
	scan.Limit = pageSize
	for {
		page, err := docs.ScanDocs(ctx, scan)
		if err != nil {
			return nil, err
		}
		if len(page.Entries) > pageSize || page.Next != "" && len(page.Entries) == 0 {
			return nil, fmt.Errorf("a page of at most %d has %d entries, and goes on at %q", pageSize, len(page.Entries), page.Next)
		}
		entries = append(entries, page.Entries...)
		if page.Next == "" {
			return entries, nil
		}
		scan.After = page.Next
	}
}

func (s *subject) entries(scan docstore.Scan) []docstore.Entry {
	s.Helper()
	entries, err := readDocs(s.ctx, s.hub(), scan, max(scan.Limit, 2))
	s.must(err)
	return entries
}

func entryNames(entries []docstore.Entry) []string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Doc.Partition + "/" + e.Doc.ID
	}
	return names
}

// wantEntries fails the test unless a scan finds the documents, named partition/id, in both
// directions.
func (s *subject) wantEntries(scan docstore.Scan, want ...string) {
	s.Helper()
	for range 2 {
		if got := entryNames(s.entries(scan)); !slices.Equal(got, want) {
			s.Fatalf("the scan %+v finds %q, want %q", scan, got, want)
		}
		scan.Descending = !scan.Descending
		want = slices.Clone(want)
		slices.Reverse(want)
	}
}

func docKeysFollow(s *subject) {
	byPerson := docstore.Scan{Collection: seats.Name, Index: "person"}
	byDue := docstore.Scan{Collection: seats.Name, Index: "due"}
	s.wantEntries(byPerson)
	revisions := s.apply("p", putSeat("a", 0, "x", ofPerson("ada"), ofPerson("bob"), due(9)), putSeat("b", 0, "x", ofPerson("ada"), due(-1)))
	s.apply("o", putSeat("z", 0, "x", ofPerson("bob")))
	s.wantEntries(byPerson, "p/a", "p/b", "o/z", "p/a")
	s.wantEntries(byDue, "p/b", "p/a")
	revisions[0] = s.apply("p", putSeat("a", revisions[0], "y", ofPerson("bob"), ofPerson("cy")))[0]
	s.restart()
	s.wantEntries(byPerson, "p/b", "o/z", "p/a", "p/a")
	s.wantEntries(byDue, "p/b")
	for _, e := range s.entries(byPerson) {
		if e.Doc.ID == "a" && (e.Doc.Revision != revisions[0] || string(e.Doc.Bytes) != "y") {
			s.Fatalf("a scan shows %+v", e.Doc)
		}
	}
	s.apply("p", dropSeat("a", revisions[0]), dropSeat("b", revisions[1]))
	s.wantEntries(byPerson, "o/z")
	s.wantEntries(byDue)
	s.wantEntries(docstore.Scan{Collection: seats.Name}, "o/z")
	s.apply("p", putSeat("a", 0, "z", ofPerson("ada")))
	s.wantEntries(byPerson, "p/a", "o/z")
}

func docBounds(s *subject) {
	for i, key := range []string{
		docstore.Tuple("org", "1"), docstore.Tuple("org", "10"), docstore.Tuple("org\x01", "1"), docstore.Tuple("org1", ""), docstore.Tuple("or", "9"),
	} {
		s.apply("p", putSeat(strconv.Itoa(i), 0, "", ofPerson(key)))
	}
	s.apply("p\x01", putSeat("x", 0, ""))
	s.apply("q", putSeat("10", 0, ""), putSeat("2", 0, ""))
	index := func(scan docstore.Scan) docstore.Scan {
		scan.Collection, scan.Index = seats.Name, "person"
		return scan
	}
	s.wantEntries(index(docstore.Scan{}), "p/4", "p/0", "p/1", "p/2", "p/3")
	s.wantEntries(index(docstore.Scan{Prefix: docstore.Tuple("org")}), "p/0", "p/1")
	s.wantEntries(index(docstore.Scan{Prefix: docstore.TuplePrefix("org")}), "p/0", "p/1", "p/2", "p/3")
	s.wantEntries(index(docstore.Scan{Prefix: docstore.TuplePrefix("org", "1")}), "p/0", "p/1")
	s.wantEntries(index(docstore.Scan{From: docstore.Tuple("org", "10")}), "p/1", "p/2", "p/3")
	s.wantEntries(index(docstore.Scan{Until: docstore.Tuple("org", "10")}), "p/4", "p/0")
	s.wantEntries(index(docstore.Scan{From: "x", Until: "a"}))
	primary := func(scan docstore.Scan) docstore.Scan {
		scan.Collection = seats.Name
		return scan
	}
	s.wantEntries(primary(docstore.Scan{Prefix: docstore.Tuple("p")}), "p/0", "p/1", "p/2", "p/3", "p/4")
	s.wantEntries(primary(docstore.Scan{Prefix: docstore.TuplePrefix("q", "1")}), "q/10")
	s.wantEntries(primary(docstore.Scan{From: docstore.Tuple("p", "4"), Until: docstore.Tuple("q", "2")}), "p/4", "p\x01/x", "q/10")
	s.wantEntries(docstore.Scan{Collection: moves.Name})
}

func docScanWhileWriting(s *subject) {
	docs := s.hub()
	var stay []string
	for i := range 12 {
		id := fmt.Sprintf("stays %02d", i)
		stay = append(stay, "p/"+id)
		s.apply("p", putSeat(id, 0, "", ofPerson("k"), due(i)))
	}
	ctx, stop := context.WithCancel(s.ctx)
	var writers errgroup.Group
	for w := range 2 {
		random := rand.New(rand.NewPCG(uint64(w), 1))
		writers.Go(func() error { return churn(ctx, docs, strconv.Itoa(w), random) })
	}
	rounds := 12
	if s.Slow {
		rounds = 4
	}
	for round := range rounds {
		for _, index := range []string{"", "person", "due"} {
			scan := docstore.Scan{Collection: seats.Name, Index: index, Descending: round%2 == 0}
			entries, err := readDocs(s.ctx, docs, scan, 3+round%3)
			if err != nil {
				stop()
				s.must(err)
			}
			s.wantStayed(entries, stay, scan.Descending)
		}
	}
	stop()
	s.must(writers.Wait())
}

// wantStayed fails the test unless the entries hold those that stay, each once, in order.
func (s *subject) wantStayed(entries []docstore.Entry, stay []string, descending bool) {
	s.Helper()
	var got []string
	for _, name := range entryNames(entries) {
		if slices.Contains(stay, name) {
			got = append(got, name)
		}
	}
	if descending {
		slices.Reverse(got)
	}
	s.wantSame(got, stay)
}

// churn puts, moves and deletes documents of its own, and rewrites none but those, until ctx ends.
func churn(ctx context.Context, docs docstore.Store, name string, random *rand.Rand) error {
	revisions := map[string]lrs.Instant{}
	for ctx.Err() == nil {
		id := fmt.Sprintf("%s %02d", name, random.IntN(20))
		w := putSeat(id, revisions[id], "", ofPerson(string(rune('a'+random.IntN(26)))), due(random.IntN(20)))
		if revisions[id] != 0 && random.IntN(3) == 0 {
			w = dropSeat(id, revisions[id])
		}
		written, err := docs.ApplyDocs(context.WithoutCancel(ctx), docstore.Group{Partition: "p", Writes: []docstore.Write{w}})
		if err != nil {
			return err
		}
		if revisions[id] = written[0]; w.Deleted {
			revisions[id] = 0
		}
	}
	return nil
}

func docScansAsModel(rt *rapid.T, s *subject) {
	b := besideModel(s)
	b.fill(rt, 14)
	for range 8 {
		scan := docstore.Scan{
			Collection: seats.Name,
			Index:      rapid.SampledFrom(append([]string{""}, seats.Indexes...)).Draw(rt, "index"),
			Descending: rapid.Bool().Draw(rt, "descending"),
		}
		bound := rapid.SampledFrom(docIndexTexts)
		if scan.Index == "" {
			bound = rapid.Custom(func(rt *rapid.T) string {
				return docstore.TuplePrefix(rapid.SampledFrom(docTexts).Draw(rt, "partition"), rapid.SampledFrom(docIndexTexts).Draw(rt, "id"))
			})
		}
		for name, into := range map[string]*string{"prefix": &scan.Prefix, "from": &scan.From, "until": &scan.Until} {
			if rapid.IntRange(0, 2).Draw(rt, "bounded") == 0 {
				*into = bound.Draw(rt, name)
			}
		}
		size := rapid.IntRange(1, 5).Draw(rt, "page")
		got, err := readDocs(s.ctx, s.hub(), scan, size)
		s.must(err)
		want, err := readDocs(s.ctx, b.model.hub(), scan, size)
		s.must(err)
		for i := range got {
			got[i].Doc = timeless(got[i].Doc)
		}
		for i := range want {
			want[i].Doc = timeless(want[i].Doc)
		}
		s.wantSame(got, want)
	}
}
