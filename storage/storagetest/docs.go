package storagetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"acquis/docstore"
	"acquis/lrs"
)

// Docs tests docstore.Store.
func Docs(t *testing.T, f Factory) {
	check(t, f, []rule{
		{"a document is found as it was put, and not before, after or elsewhere", docIsFound},
		{"a write that expects another revision changes nothing and says which document", docConflicts},
		{"a group is carried out as a whole or not at all", docGroups},
		{"revisions rise over documents, deletions and restarts, and none is used again", docRevisionsRise},
		{"of writers that contend for a document each builds on the one before", docsContended},
		{"groups that contend for a partition lose nothing", docGroupsContended},
		{"what cannot be is refused and changes nothing", docMistakes},
		{"groups answered before a kill are there, and none by half", docsKilled},
		{"a group whose context ends midway is there as a whole or not at all", docsCancelled},
	})
	check(t, f, docScanRules)
	check(t, f, docChangeRules)
	property(t, f, "random groups leave what they leave in the model", docsAsModel)
	property(t, f, "a scan answers as the model in each direction, within any bounds, in pages of any size", docScansAsModel)
	property(t, f, "changes are those of the model from every position on", docChangesAsModel)
}

// The collections of the tests.
var (
	seats = docstore.Collection{
		Name: "seats", Indexes: []string{"person", "due"},
		Class: docstore.PseudonymData, Subject: "person", RetainedFrom: "due",
	}
	moves = docstore.Collection{Name: "moves", Class: docstore.ImpersonalData}
)

// hub is the store under test with the collections declared.
func (s *subject) hub() docstore.Store {
	s.Helper()
	s.must(s.Store.DeclareCollections(s.ctx, seats, moves))
	return s.Store
}

func seat(partition, id string) docstore.Key {
	return docstore.Key{Collection: seats.Name, Partition: partition, ID: id}
}

func putSeat(id string, expected lrs.Instant, content string, keys ...docstore.IndexKey) docstore.Write {
	return docstore.Write{Collection: seats.Name, ID: id, Expected: expected, Keys: keys, Bytes: []byte(content)}
}

func dropSeat(id string, expected lrs.Instant) docstore.Write {
	return docstore.Write{Collection: seats.Name, ID: id, Expected: expected, Deleted: true}
}

func ofPerson(key string) docstore.IndexKey { return docstore.IndexKey{Index: "person", Key: key} }

func due(day int) docstore.IndexKey {
	return docstore.IndexKey{Index: "due", Key: docstore.Number(day)}
}

// apply writes a group that must succeed and makes sure of its revisions.
func (s *subject) apply(partition string, writes ...docstore.Write) []lrs.Instant {
	s.Helper()
	revisions, err := s.hub().ApplyDocs(s.ctx, docstore.Group{Partition: partition, Writes: writes})
	s.must(err)
	if len(revisions) != len(writes) {
		s.Fatalf("%d revisions answer %d writes", len(revisions), len(writes))
	}
	last := lrs.Instant(0)
	for i, r := range revisions {
		if r <= last || r <= writes[i].Expected {
			s.Fatalf("the revision %d follows %d, the document had %d", r, last, writes[i].Expected)
		}
		last = r
	}
	return revisions
}

func (s *subject) wantDoc(want docstore.Doc) {
	s.Helper()
	got, err := s.hub().GetDoc(s.ctx, want.Key)
	s.must(err)
	s.wantSame(got, want)
}

func (s *subject) wantNoDoc(keys ...docstore.Key) {
	s.Helper()
	for _, key := range keys {
		_, err := s.hub().GetDoc(s.ctx, key)
		s.wantKind(err, lrs.KindNotFound)
	}
}

func docIsFound(s *subject) {
	s.wantNoDoc(seat("p", "a"))
	keys := []docstore.IndexKey{ofPerson("é"), due(3), ofPerson("")}
	written := s.apply("p", putSeat("a", 0, `{"n":1}`, keys...))
	first := docstore.Doc{Key: seat("p", "a"), Revision: written[0], Keys: keys, Bytes: []byte(`{"n":1}`)}
	s.wantDoc(first)
	s.wantNoDoc(seat("p", "b"), seat("q", "a"), docstore.Key{Collection: moves.Name, Partition: "p", ID: "a"})
	s.restart()
	s.wantDoc(first)
	written = s.apply("p", putSeat("a", first.Revision, "\x00\xff"))
	s.wantDoc(docstore.Doc{Key: seat("p", "a"), Revision: written[0], Bytes: []byte("\x00\xff")})
	s.apply("p", dropSeat("a", written[0]))
	s.wantNoDoc(seat("p", "a"))
	s.restart()
	s.wantNoDoc(seat("p", "a"))
}

// wantDocConflict fails the test unless a group is refused because of the document.
func (s *subject) wantDocConflict(partition string, want docstore.Conflict, writes ...docstore.Write) {
	s.Helper()
	_, err := s.hub().ApplyDocs(s.ctx, docstore.Group{Partition: partition, Writes: writes})
	s.wantKind(err, lrs.KindConflict)
	var got *docstore.Conflict
	if !errors.As(err, &got) {
		s.Fatalf("got %v, want a *DocConflict", err)
	}
	s.wantSame(*got, want)
}

func docConflicts(s *subject) {
	missing := docstore.Conflict{Key: seat("p", "a"), Expected: 7}
	s.wantDocConflict("p", missing, putSeat("a", 7, "x"))
	s.wantDocConflict("p", missing, dropSeat("a", 7))
	s.wantNoDoc(seat("p", "a"))
	revision := s.apply("p", putSeat("a", 0, "x"))[0]
	for _, expected := range []lrs.Instant{0, revision - 1, revision + 1} {
		s.wantDocConflict("p", docstore.Conflict{Key: seat("p", "a"), Expected: expected, Found: revision}, putSeat("a", expected, "y"))
	}
	s.wantDocConflict("p", docstore.Conflict{Key: seat("p", "a"), Expected: 1, Found: revision}, dropSeat("a", 1))
	s.wantDoc(docstore.Doc{Key: seat("p", "a"), Revision: revision, Bytes: []byte("x")})
}

func docGroups(s *subject) {
	move := docstore.Write{Collection: moves.Name, ID: "1", Bytes: []byte("a to b")}
	revision := s.apply("p", putSeat("a", 0, "held"))[0]
	bad := docstore.Conflict{Key: seat("p", "b"), Expected: revision}
	s.wantDocConflict("p", bad, dropSeat("a", revision), move, putSeat("b", revision, "held"))
	s.wantNoDoc(seat("p", "b"), docstore.Key{Collection: moves.Name, Partition: "p", ID: "1"})
	s.wantDoc(docstore.Doc{Key: seat("p", "a"), Revision: revision, Bytes: []byte("held")})
	revisions := s.apply("p", dropSeat("a", revision), move, putSeat("b", 0, "held"))
	s.restart()
	s.wantNoDoc(seat("p", "a"))
	s.wantDoc(docstore.Doc{Key: seat("p", "b"), Revision: revisions[2], Bytes: []byte("held")})
	s.wantDoc(docstore.Doc{Key: docstore.Key{Collection: moves.Name, Partition: "p", ID: "1"}, Revision: revisions[1], Bytes: []byte("a to b")})
	s.apply("q")
}

func docRevisionsRise(s *subject) {
	last, deleted := lrs.Instant(0), lrs.Instant(0)
	for round := range 4 {
		revision := s.apply("p", putSeat("a", 0, "x"))[0]
		if deleted != 0 {
			s.wantDocConflict("p", docstore.Conflict{Key: seat("p", "a"), Expected: deleted, Found: revision}, putSeat("a", deleted, "y"))
		}
		other := s.apply("q", putSeat(strconv.Itoa(round), 0, "y"))[0]
		gone := s.apply("p", dropSeat("a", revision))[0]
		if revision <= last || other <= revision || gone <= other {
			s.Fatalf("the revisions %d, %d and %d follow %d", revision, other, gone, last)
		}
		last, deleted = gone, revision
		s.restart()
	}
}

// retry applies what make makes of the present state until no other writer was faster.
func retry(ctx context.Context, docs docstore.Store, make func() (docstore.Group, error)) error {
	for {
		group, err := make()
		if err != nil {
			return err
		}
		_, err = docs.ApplyDocs(ctx, group)
		if !errors.Is(err, lrs.ErrConflict) {
			return err
		}
	}
}

// amount reads a number that a document holds, 0 without one.
func amount(ctx context.Context, docs docstore.Store, key docstore.Key) (n int, revision lrs.Instant, err error) {
	d, err := docs.GetDoc(ctx, key)
	if errors.Is(err, lrs.ErrNotFound) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	n, err = strconv.Atoi(string(d.Bytes))
	return n, d.Revision, err
}

func docsContended(s *subject) {
	const writers, each = 4, 10
	docs := s.hub()
	var group errgroup.Group
	for range writers {
		group.Go(func() error {
			for range each {
				err := retry(s.ctx, docs, func() (docstore.Group, error) {
					n, revision, err := amount(s.ctx, docs, seat("p", "count"))
					return docstore.Group{Partition: "p", Writes: []docstore.Write{putSeat("count", revision, strconv.Itoa(n+1), due(n+1))}}, err
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	s.must(group.Wait())
	if n, _, err := amount(s.ctx, docs, seat("p", "count")); n != writers*each || err != nil {
		s.Fatalf("%d writers that counted to %d each reached %d (%v)", writers, each, n, err)
	}
	s.wantEntries(docstore.Scan{Collection: seats.Name, Index: "due"}, "p/count")
}

// docGroupsContended moves amounts around in a ring of four: each group touches two documents.
func docGroupsContended(s *subject) {
	const holders, each = 4, 8
	docs := s.hub()
	var group errgroup.Group
	for w := range holders {
		from, to := strconv.Itoa(w), strconv.Itoa((w+1)%holders)
		group.Go(func() error {
			for range each {
				err := retry(s.ctx, docs, func() (docstore.Group, error) {
					a, before, err := amount(s.ctx, docs, seat("p", from))
					b, then, err2 := amount(s.ctx, docs, seat("p", to))
					return docstore.Group{Partition: "p", Writes: []docstore.Write{
						putSeat(from, before, strconv.Itoa(a-1)), putSeat(to, then, strconv.Itoa(b+1)),
					}}, errors.Join(err, err2)
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	s.must(group.Wait())
	for w := range holders {
		if n, _, err := amount(s.ctx, docs, seat("p", strconv.Itoa(w))); n != 0 || err != nil {
			s.Fatalf("what went around a ring left %d at %d (%v)", n, w, err)
		}
	}
}

func docMistakes(s *subject) {
	revision := s.apply("p", putSeat("a", 0, "x"))[0]
	long := strings.Repeat("k", 513)
	for name, g := range map[string]docstore.Group{
		"no partition":                   {Writes: []docstore.Write{putSeat("b", 0, "x")}},
		"no id":                          {Partition: "p", Writes: []docstore.Write{putSeat("", 0, "x")}},
		"a collection that nobody knows": {Partition: "p", Writes: []docstore.Write{putSeat("b", 0, "x"), {Collection: "lots", ID: "b"}}},
		"an index that nobody knows":     {Partition: "p", Writes: []docstore.Write{putSeat("b", 0, "x", docstore.IndexKey{Index: "lot"})}},
		"a key twice":                    {Partition: "p", Writes: []docstore.Write{putSeat("b", 0, "x", due(1), due(1))}},
		"a document twice":               {Partition: "p", Writes: []docstore.Write{putSeat("b", 0, "x"), putSeat("b", 0, "y")}},
		"a key that is not text":         {Partition: "p", Writes: []docstore.Write{putSeat("b", 0, "x", ofPerson("\xff"))}},
		"a key with U+0000":              {Partition: "p", Writes: []docstore.Write{putSeat("b", 0, "x", ofPerson("a\x00"))}},
		"a key that is too long":         {Partition: "p", Writes: []docstore.Write{putSeat("b", 0, "x", ofPerson(long))}},
		"a document that is too large":   {Partition: "p", Writes: []docstore.Write{putSeat("b", 0, strings.Repeat("x", 4<<20+1))}},
		"a deletion of anything":         {Partition: "p", Writes: []docstore.Write{putSeat("b", 0, "x"), dropSeat("a", 0)}},
		"a deletion with content":        {Partition: "p", Writes: []docstore.Write{{Collection: seats.Name, ID: "a", Expected: revision, Deleted: true, Bytes: []byte("x")}}},
		"a revision below 0":             {Partition: "p", Writes: []docstore.Write{putSeat("b", -1, "x")}},
	} {
		if _, err := s.hub().ApplyDocs(s.ctx, g); err == nil || errors.Is(err, lrs.ErrConflict) {
			s.Errorf("%s: got %v, want a refusal", name, err)
		}
	}
	for name, scan := range map[string]docstore.Scan{
		"a collection that nobody knows": {Collection: "lots", Limit: 1},
		"an index that nobody knows":     {Collection: seats.Name, Index: "lot", Limit: 1},
		"no limit":                       {Collection: seats.Name},
	} {
		if _, err := s.hub().ScanDocs(s.ctx, scan); err == nil {
			s.Errorf("a scan of %s is answered", name)
		}
	}
	s.wantRefusedDeclarations()
	s.wantNoDoc(seat("p", "b"))
	s.wantDoc(docstore.Doc{Key: seat("p", "a"), Revision: revision, Bytes: []byte("x")})
}

func (s *subject) wantRefusedDeclarations() {
	s.Helper()
	for name, c := range map[string]docstore.Collection{
		"no proper name":                    {Name: "Lots", Class: docstore.ImpersonalData},
		"an index twice":                    {Name: "lots", Indexes: []string{"a", "a"}, Class: docstore.ImpersonalData},
		"no data class":                     {Name: "lots"},
		"people, and no way to find them":   {Name: "lots", Class: docstore.IdentifyingData},
		"a subject that is no index":        {Name: "lots", Class: docstore.PseudonymData, Subject: "person"},
		"a date of retention without index": {Name: "lots", Class: docstore.PseudonymData, Subject: docstore.ByPartition, RetainedFrom: "end"},
		"an index that is called partition": {Name: "lots", Indexes: []string{docstore.ByPartition}, Class: docstore.ImpersonalData},
	} {
		if err := s.hub().DeclareCollections(s.ctx, c); err == nil {
			s.Errorf("a collection with %s is declared", name)
		}
	}
}

// writeTriples writes groups of three documents that tell the same, one after the other.
func writeTriples(ctx context.Context, docs docstore.Store, partition string, n int, answered func(int)) error {
	var revisions []lrs.Instant
	for i := range n {
		var writes []docstore.Write
		for k := range 3 {
			w := putSeat(strconv.Itoa(k), 0, strconv.Itoa(i), due(i))
			if revisions != nil {
				w.Expected = revisions[k]
			}
			writes = append(writes, w)
		}
		var err error
		if revisions, err = docs.ApplyDocs(ctx, docstore.Group{Partition: partition, Writes: writes}); err != nil {
			return err
		}
		answered(i)
	}
	return nil
}

// wantTriple fails the test unless the three documents of a partition tell the same, and at least
// what was answered, and are found by their keys.
func (s *subject) wantTriple(partition string, answered int) {
	s.Helper()
	var told []string
	for k := range 3 {
		d, err := s.hub().GetDoc(s.ctx, seat(partition, strconv.Itoa(k)))
		if errors.Is(err, lrs.ErrNotFound) {
			d.Bytes, err = []byte("-1"), nil
		}
		s.must(err)
		told = append(told, string(d.Bytes))
	}
	if n, err := strconv.Atoi(told[0]); err != nil || n < answered || told[1] != told[0] || told[2] != told[0] {
		s.Fatalf("three documents that are written together tell %q; %d was answered", told, answered)
	}
	n, _ := strconv.Atoi(told[0])
	found := s.entries(docstore.Scan{Collection: seats.Name, Index: "due", Prefix: docstore.Number(n), Limit: 100})
	there := 0
	for _, e := range found {
		if e.Doc.Partition == partition {
			there++
		}
	}
	if n >= 0 && there != 3 {
		s.Fatalf("of three documents that are there %d are found by their keys", there)
	}
}

func docsKilled(s *subject) {
	const writers, groups = 3, 30
	for round := range 3 {
		ctx, cancel := context.WithCancel(s.ctx)
		docs, l := s.hub(), &load{stop: cancel}
		reached := make([]int, writers)
		total := 0
		for w := range writers {
			reached[w] = -1
			l.writers.Go(func() {
				_ = writeTriples(ctx, docs, fmt.Sprint(round, "/", w), groups, func(i int) {
					if l.over.Load() {
						return
					}
					l.mu.Lock()
					defer l.mu.Unlock()
					reached[w], total = i, total+1
				})
			})
		}
		s.must(eventually(s.ctx, func() (bool, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			return total >= writers*groups/4, nil
		}))
		l.over.Store(true)
		if s.Crash != nil {
			s.Store = s.Crash()
			l.end()
		} else {
			l.end()
			s.reopen()
		}
		for w, n := range reached {
			s.wantTriple(fmt.Sprint(round, "/", w), n)
		}
	}
}

func docsCancelled(s *subject) {
	s.hub()
	for looks := range mostLooks {
		faults := NewFaults(s.Store)
		faults.Cancel(ApplyDocs, 1, looks)
		partition, answered := strconv.Itoa(looks), -1
		_ = writeTriples(s.ctx, faults, partition, 1, func(i int) { answered = i })
		s.wantTriple(partition, answered)
	}
}
