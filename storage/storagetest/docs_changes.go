package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"acquis/docstore"
	"acquis/lrs"
)

var docChangeRules = []rule{
	{"changes tell each document once, as it is now, in the order of its last change", docChangesTold},
	{"a reader that follows the changes while three write misses nothing", docChangesFollowed},
	{"a reader that follows the changes over kills misses nothing", docChangesOverKills},
	{"no change appears at or below changes-through, not after restarts either", docNothingBelow},
	{"deletions are told until they are forgotten, and only they are forgotten", docDeletionsForgotten},
	{"a collection is copied by its changes, and the copy can go on", docsCopied},
}

// readChanges reads on from a position to the end and makes sure that the changes keep their
// contract.
func readChanges(ctx context.Context, docs docstore.Store, collection string, after lrs.Instant, limit int) ([]docstore.Change, error) {
	var changes []docstore.Change
	for {
		some, err := docs.ReadChanges(ctx, collection, after, limit)
		if err != nil || len(some) == 0 {
			return changes, err
		}
		through, err := docs.ChangesThrough(ctx)
		if err != nil {
			return nil, err
		}
		if len(some) > limit {
			return nil, fmt.Errorf("%d changes, the limit is %d", len(some), limit)
		}
		for _, c := range some {
			switch {
			case c.Doc.Revision <= after:
				return nil, fmt.Errorf("the change at %d follows %d", c.Doc.Revision, after)
			case c.Doc.Revision > through:
				return nil, fmt.Errorf("the change at %d is beyond changes-through %d", c.Doc.Revision, through)
			case c.Deleted && (c.Doc.Bytes != nil || c.Doc.Keys != nil):
				return nil, fmt.Errorf("the deletion of %+v has content", c.Doc)
			case c.Doc.Collection != collection:
				return nil, fmt.Errorf("changes of %s tell of %+v", collection, c.Doc)
			}
			after = c.Doc.Revision
		}
		changes = append(changes, some...)
	}
}

// awaitChanges waits until the changes tell all that was answered, of which position is the highest
// known.
func (s *subject) awaitChanges(position lrs.Instant) {
	s.Helper()
	docs := s.hub()
	position = max(position, lrs.InstantOf(time.Now().Add(time.Millisecond))) // positions may run ahead of the clock a little
	s.must(eventually(s.ctx, func() (bool, error) {
		through, err := docs.ChangesThrough(s.ctx)
		return through >= position, err
	}))
}

// changesUpTo reads all changes once they tell of a position.
func (s *subject) changesUpTo(position lrs.Instant) []docstore.Change {
	s.Helper()
	s.awaitChanges(position)
	changes, err := readChanges(s.ctx, s.hub(), seats.Name, 0, 3)
	s.must(err)
	return changes
}

func changeNames(changes []docstore.Change) []string {
	names := make([]string, len(changes))
	for i, c := range changes {
		names[i] = c.Doc.Partition + "/" + c.Doc.ID
		if c.Deleted {
			names[i] = "-" + names[i]
		}
	}
	return names
}

func docChangesTold(s *subject) {
	s.wantSame(changeNames(s.changesUpTo(0)), []string{})
	first := s.apply("p", putSeat("a", 0, "1", due(1)), putSeat("b", 0, "1"), putSeat("c", 0, "1"))
	s.apply("q", docstore.Write{Collection: moves.Name, ID: "a"})
	second := s.apply("p", dropSeat("b", first[1]), putSeat("a", first[0], "2", due(2), due(3)))
	s.restart()
	changes := s.changesUpTo(second[1])
	s.wantSame(changes, []docstore.Change{
		{Doc: docstore.Doc{Key: seat("p", "c"), Revision: first[2], Bytes: []byte("1")}},
		{Doc: docstore.Doc{Key: seat("p", "b"), Revision: second[0]}, Deleted: true},
		{Doc: docstore.Doc{Key: seat("p", "a"), Revision: second[1], Keys: []docstore.IndexKey{due(2), due(3)}, Bytes: []byte("2")}},
	})
	third := s.apply("p", putSeat("b", 0, "3"))
	s.wantSame(changeNames(s.changesUpTo(third[0])), []string{"p/c", "p/a", "p/b"})
}

// replica is what a follower of the changes knows.
type replica struct {
	after lrs.Instant
	docs  map[docstore.Key]docstore.Doc
}

func newReplica() *replica { return &replica{docs: map[docstore.Key]docstore.Doc{}} }

// follow reads on once.
func (r *replica) follow(ctx context.Context, docs docstore.Store, limit int) error {
	changes, err := docs.ReadChanges(ctx, seats.Name, r.after, limit)
	for _, c := range changes {
		if c.Deleted {
			delete(r.docs, c.Doc.Key)
		} else {
			r.docs[c.Doc.Key] = c.Doc
		}
		r.after = c.Doc.Revision
	}
	return err
}

// wantReplica fails the test unless the follower, who reads on, ends with what is there.
func (s *subject) wantReplica(r *replica) {
	s.Helper()
	there := map[docstore.Key]docstore.Doc{}
	last := lrs.Instant(0)
	for _, e := range s.entries(docstore.Scan{Collection: seats.Name, Limit: 100}) {
		there[e.Doc.Key] = e.Doc
		last = max(last, e.Doc.Revision)
	}
	s.awaitChanges(last)
	for before := lrs.Instant(-1); before != r.after; {
		before = r.after
		s.must(r.follow(s.ctx, s.hub(), 7))
	}
	s.wantSame(r.docs, there)
}

// writeRandomly puts and deletes documents that three writers share, n times.
func writeRandomly(ctx context.Context, docs docstore.Store, random *rand.Rand, n int) error {
	for range n {
		id := strconv.Itoa(random.IntN(8))
		deletes := random.IntN(3) == 0
		d, err := docs.GetDoc(ctx, seat("p", id))
		if err != nil && !errors.Is(err, lrs.ErrNotFound) {
			return err
		}
		w := putSeat(id, d.Revision, strconv.Itoa(random.Int()), due(random.IntN(5)))
		if deletes && d.Revision != 0 {
			w = dropSeat(id, d.Revision)
		}
		_, err = docs.ApplyDocs(ctx, docstore.Group{Partition: "p", Writes: []docstore.Write{w}})
		if err != nil && !errors.Is(err, lrs.ErrConflict) {
			return err
		}
	}
	return nil
}

func docChangesFollowed(s *subject) {
	const writers, writes = 3, 40
	docs := s.hub()
	var group errgroup.Group
	var left atomic.Int32
	left.Store(writers)
	for w := range writers {
		group.Go(func() error {
			defer left.Add(-1)
			return writeRandomly(s.ctx, docs, rand.New(rand.NewPCG(uint64(w), 2)), writes)
		})
	}
	r := newReplica()
	err := eventually(s.ctx, func() (bool, error) {
		done := left.Load() == 0
		return done, r.follow(s.ctx, docs, 3)
	})
	s.must(group.Wait())
	s.must(err)
	s.wantReplica(r)
}

func docChangesOverKills(s *subject) {
	r := newReplica()
	for round := range 4 {
		ctx, cancel := context.WithCancel(s.ctx)
		docs := s.hub()
		var group errgroup.Group
		for w := range 3 {
			group.Go(func() error {
				_ = writeRandomly(ctx, docs, rand.New(rand.NewPCG(uint64(w), uint64(round))), 1000) // until it is killed
				return nil
			})
		}
		for range 60 {
			if err := r.follow(s.ctx, docs, 2); err != nil {
				cancel()
				s.must(err)
			}
		}
		if s.Crash != nil {
			s.Store = s.Crash()
			cancel()
			s.must(group.Wait())
		} else {
			cancel()
			s.must(group.Wait())
			s.reopen()
		}
		s.wantReplica(r)
	}
}

func docNothingBelow(s *subject) {
	for round := range 3 {
		docs := s.hub()
		var group errgroup.Group
		var lowest atomic.Int64 // of what was written since the promise
		for w := range 3 {
			group.Go(func() error {
				for i := range 10 {
					through, err := docs.ChangesThrough(s.ctx)
					if err != nil {
						return err
					}
					revisions, err := docs.ApplyDocs(s.ctx, docstore.Group{
						Partition: strconv.Itoa(w),
						Writes:    []docstore.Write{putSeat(fmt.Sprint(round, " ", i), 0, "")},
					})
					if err != nil {
						return err
					}
					if revisions[0] <= through {
						lowest.Store(int64(revisions[0]))
					}
				}
				return nil
			})
		}
		s.must(group.Wait())
		if at := lowest.Load(); at != 0 {
			s.Fatalf("a change appeared at %d, below what was promised before", at)
		}
		through, err := docs.ChangesThrough(s.ctx)
		s.must(err)
		s.restart()
		if revision := s.apply("after", putSeat(strconv.Itoa(round), 0, ""))[0]; revision <= through {
			s.Fatalf("after a restart a change appeared at %d, below %d", revision, through)
		}
	}
}

func docDeletionsForgotten(s *subject) {
	put := s.apply("p", putSeat("a", 0, ""), putSeat("b", 0, ""), putSeat("c", 0, ""), putSeat("d", 0, ""))
	first := s.apply("p", dropSeat("a", put[0]), dropSeat("b", put[1]))
	s.apply("p", putSeat("b", 0, "again"))
	last := s.apply("p", dropSeat("c", put[2]))
	s.changesUpTo(last[0])
	for _, want := range []int{1, 0} {
		n, err := s.hub().ForgetDeletions(s.ctx, seats.Name, first[1])
		s.must(err)
		if n != want {
			s.Fatalf("%d deletions are forgotten, want %d", n, want)
		}
	}
	s.restart()
	s.wantSame(changeNames(s.changesUpTo(last[0])), []string{"p/d", "p/b", "-p/c"})
	n, err := s.hub().ForgetDeletions(s.ctx, moves.Name, lrs.MaxInstant)
	s.must(err)
	s.wantSame(n, 0)
	s.wantDocConflict("p", docstore.Conflict{Key: seat("p", "a"), Expected: put[0]}, putSeat("a", put[0], ""))
	again := s.apply("p", putSeat("a", 0, ""))
	s.wantSame(changeNames(s.changesUpTo(again[0])), []string{"p/d", "p/b", "-p/c", "p/a"})
}

func docsCopied(s *subject) {
	var last []lrs.Instant
	for i := range 10 {
		partition := strconv.Itoa(i % 3)
		last = s.apply(partition, putSeat(strconv.Itoa(i), 0, strconv.Itoa(i), due(i), ofPerson("a")))
	}
	last = s.apply("0", dropSeat("9", last[0]))
	target := &subject{s.TB, Instance{Store: NewModel()}, s.ctx}
	for _, c := range s.changesUpTo(last[0]) {
		if !c.Deleted {
			target.apply(c.Doc.Partition, docstore.Write{Collection: seats.Name, ID: c.Doc.ID, Keys: c.Doc.Keys, Bytes: c.Doc.Bytes})
		}
	}
	for _, index := range []string{"", "due", "person"} {
		scan := docstore.Scan{Collection: seats.Name, Index: index}
		got, want := target.entries(scan), s.entries(scan)
		for i := range want {
			want[i].Doc = timeless(want[i].Doc)
		}
		for i := range got {
			got[i].Doc = timeless(got[i].Doc)
		}
		s.wantSame(got, want)
	}
}

func docChangesAsModel(rt *rapid.T, s *subject) {
	b := besideModel(s)
	b.fill(rt, 14)
	forget := rapid.Bool().Draw(rt, "forget")
	var told [2][]docstore.Change
	for i, on := range []*subject{b.store, b.model} {
		last := lrs.Instant(0)
		for _, e := range on.entries(docstore.Scan{Collection: seats.Name, Limit: 100}) {
			last = max(last, e.Doc.Revision)
		}
		told[i] = on.changesUpTo(last)
		if forget && len(told[i]) > 0 {
			_, err := on.hub().ForgetDeletions(on.ctx, seats.Name, told[i][len(told[i])/2].Doc.Revision)
			on.must(err)
			told[i] = on.changesUpTo(last)
		}
		for k, c := range told[i] {
			rest, err := readChanges(on.ctx, on.hub(), seats.Name, c.Doc.Revision, 2)
			on.must(err)
			on.wantSame(changeNames(rest), changeNames(told[i][k+1:]))
		}
		for k := range told[i] {
			told[i][k].Doc = timeless(told[i][k].Doc)
		}
	}
	s.wantSame(told[0], told[1])
}
