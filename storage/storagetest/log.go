package storagetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"acquis/lrs"
	"acquis/storage"
)

// Log tests lrs.Log and lrs.StatementStore.ConsistentThrough.
func Log(t *testing.T, f Factory) {
	check(t, f, []rule{
		{"the log of an empty store is empty", emptyLog},
		{"the log holds every statement in stored order, voided ones marked", logIsComplete},
		{"the log can be resumed at every position with every limit", logResumes},
		{"erasures and redactions are in the log, and an erased statement is not", logTellsErasures},
		{"a refused batch leaves no trace in the log", logOfRefused},
		{"a reader that follows the log while others write misses nothing", logFollowed},
		{"consistent-through reaches the present, also when idle, and never goes back (XAPI-00153)", consistentReachesPresent},
		{"nothing appears at or below consistent-through, not after restarts either", nothingAppearsBelow},
	})
}

// history is the whole log, once it tells everything that was answered until now.
func (s *subject) history() []lrs.LogEntry {
	s.Helper()
	entries, err := historyOf(s.ctx, s.Store)
	s.must(err)
	return entries
}

func historyOf(ctx context.Context, store storage.Store) ([]lrs.LogEntry, error) {
	newest, err := store.QueryStatements(ctx, lrs.StatementQuery{Limit: 1, Steps: unbounded})
	if err != nil {
		return nil, err
	}
	present := lrs.InstantOf(time.Now().Add(time.Millisecond)) // stored times may run ahead of the clock a little
	for _, e := range newest.Entries {
		present = max(present, e.Stored)
	}
	if err := consistentThrough(ctx, store, present); err != nil {
		return nil, err
	}
	return readLog(ctx, store, 0, 1000)
}

// consistentThrough waits until the store is consistent through an instant.
func consistentThrough(ctx context.Context, store storage.Store, instant lrs.Instant) error {
	return eventually(ctx, func() (bool, error) {
		through, err := store.ConsistentThrough(ctx)
		return through >= instant, err
	})
}

// readLog reads on from a position to the end and makes sure that the log keeps its contract.
func readLog(ctx context.Context, store storage.Store, after lrs.Instant, limit int) ([]lrs.LogEntry, error) {
	var entries []lrs.LogEntry
	for {
		some, err := store.ReadLog(ctx, after, limit)
		if err != nil || len(some) == 0 {
			return entries, err
		}
		through, err := store.ConsistentThrough(ctx)
		if err != nil {
			return nil, err
		}
		if len(some) > limit {
			return nil, fmt.Errorf("%d entries of the log, the limit is %d", len(some), limit)
		}
		for _, e := range some {
			if err := judgeLogEntry(e, after, through); err != nil {
				return nil, err
			}
			after = e.Position
		}
		entries = append(entries, some...)
	}
}

func judgeLogEntry(e lrs.LogEntry, after, through lrs.Instant) error {
	switch {
	case e.Position <= after:
		return fmt.Errorf("position %s of the log follows %s", e.Position, after)
	case e.Position > through:
		return fmt.Errorf("position %s of the log is beyond consistent-through %s", e.Position, through)
	case e.Kind == lrs.LogStored && (e.Target != 0 || e.Entry.Bytes != nil && e.Entry.Stored != e.Position):
		return fmt.Errorf("position %s of the log holds a statement stored at %s, target %s", e.Position, e.Entry.Stored, e.Target)
	case e.Kind != lrs.LogStored && (e.Target == 0 || e.Target >= e.Position || e.Entry.Bytes != nil):
		return fmt.Errorf("position %s of the log: kind %d with target %s", e.Position, e.Kind, e.Target)
	}
	return nil
}

// logIDs are the ids of the statements that the log tells, uuid.Nil for what is no statement.
func logIDs(entries []lrs.LogEntry) []lrs.ID {
	list := make([]lrs.ID, len(entries))
	for i, e := range entries {
		list[i] = e.Entry.ID
	}
	return list
}

func (s *subject) wantLog(want ...lrs.ID) {
	s.Helper()
	if got := logIDs(s.history()); !slices.Equal(got, want) {
		s.Fatalf("the log tells %v, want %v", got, want)
	}
}

func emptyLog(s *subject) { s.wantLog() }

func logIsComplete(s *subject) {
	posts := newPosts(12)
	posts[7] = newPost(voids(posts[2].id))
	posts[9] = newPost(voids(posts[11].id))
	s.add(posts[:5]...)
	s.add(posts[5:]...)
	log := s.history()
	if !slices.Equal(logIDs(log), ids(posts)) {
		s.Fatalf("the log tells %v, want %v", logIDs(log), ids(posts))
	}
	for i, e := range log {
		s.wantSame(e.Entry, s.wantPost(posts[i]))
		if e.Kind != lrs.LogStored || e.Entry.Voided != (i == 2 || i == 11) {
			s.Fatalf("entry %d of the log has kind %d, voided %v", i, e.Kind, e.Entry.Voided)
		}
	}
}

func logResumes(s *subject) {
	posts := newPosts(9)
	s.add(posts...)
	s.must(s.Store.EraseStatement(s.ctx, posts[3].id))
	s.must(s.Store.RedactStatement(s.ctx, posts[5].id, posts[5].with(did(verbs[1])).draft(s)))
	s.add(newPost())
	whole := s.history()
	if len(whole) != 12 {
		s.Fatalf("the log has %d entries, want 12", len(whole))
	}
	for limit := 1; limit <= 13; limit++ {
		rest, err := readLog(s.ctx, s.Store, 0, limit)
		s.must(err)
		s.wantSame(rest, whole)
	}
	for i, e := range whole {
		for _, after := range []lrs.Instant{e.Position - 1, e.Position} {
			rest, err := readLog(s.ctx, s.Store, after, 4)
			s.must(err)
			from := slices.IndexFunc(whole, func(e lrs.LogEntry) bool { return e.Position > after })
			if from < 0 {
				from = i + 1
			}
			if !slices.Equal(logIDs(rest), logIDs(whole[from:])) {
				s.Fatalf("after position %s the log goes on with %v, want %v", after, logIDs(rest), logIDs(whole[from:]))
			}
		}
	}
	s.reopen()
	s.wantSame(s.history(), whole)
}

func logTellsErasures(s *subject) {
	posts := newPosts(3)
	s.add(posts...)
	first, second := s.get(posts[0].id), s.get(posts[1].id)
	redacted := posts[1].with(did(verbs[1]))
	s.must(s.Store.EraseStatement(s.ctx, posts[0].id))
	s.must(s.Store.RedactStatement(s.ctx, posts[1].id, redacted.draft(s)))
	log := s.history()
	if len(log) != 5 {
		s.Fatalf("the log has %d entries, want 5", len(log))
	}
	s.wantSame(log[0], lrs.LogEntry{Position: first.Stored, Kind: lrs.LogStored})
	s.wantSame(log[1].Entry, s.wantPost(redacted))
	s.wantSame(log[3], lrs.LogEntry{Position: log[3].Position, Kind: lrs.LogErased, Target: first.Stored})
	s.wantSame(log[4], lrs.LogEntry{Position: log[4].Position, Kind: lrs.LogRedacted, Target: second.Stored})
}

func logOfRefused(s *subject) {
	p, other := newPost(), newPost()
	s.add(p)
	s.wantConflict(s.Store.AppendStatements(s.ctx, drafts(s, []post{other, p.with(did(verbs[1]))})), 1)
	s.add(p)
	s.wantLog(p.id)
}

func logFollowed(s *subject) {
	const writers, batches, size = 3, 25, 3
	var written errgroup.Group
	for range writers {
		var list [][]*lrs.Draft
		for range batches {
			list = append(list, drafts(s, newPosts(size)))
		}
		written.Go(func() error {
			for _, batch := range list {
				if err := s.Store.AppendStatements(s.ctx, batch); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var followed []lrs.LogEntry
	after := lrs.Instant(0)
	err := eventually(s.ctx, func() (bool, error) {
		some, err := readLog(s.ctx, s.Store, after, 5)
		if len(some) > 0 {
			after = some[len(some)-1].Position
			followed = append(followed, some...)
		}
		return len(followed) >= writers*batches*size, err
	})
	s.must(written.Wait())
	if err != nil {
		s.Fatalf("following the log showed %d of %d statements: %v", len(followed), writers*batches*size, err)
	}
	s.wantSame(logIDs(followed), logIDs(s.history()))
}

func consistentReachesPresent(s *subject) {
	last := lrs.Instant(0)
	advance := func() {
		s.must(consistentThrough(s.ctx, s.Store, max(lrs.InstantOf(time.Now()), last+1)))
		through, err := s.Store.ConsistentThrough(s.ctx)
		s.must(err)
		if through < last {
			s.Fatalf("consistent-through went back from %s to %s", last, through)
		}
		last = through
	}
	advance()
	for range 5 {
		p := newPost()
		s.add(p)
		stored := s.get(p.id).Stored
		if stored <= last {
			s.Fatalf("a statement appeared at %s, the store was consistent through %s", stored, last)
		}
		s.must(consistentThrough(s.ctx, s.Store, stored))
		advance()
	}
	s.restart()
	advance()
	p := newPost()
	s.add(p)
	if stored := s.get(p.id).Stored; stored <= last {
		s.Fatalf("after a restart a statement appeared at %s, the store was consistent through %s", stored, last)
	}
}

// promise is a consistent-through with what there was up to it.
type promise struct {
	through lrs.Instant
	there   []lrs.ID
}

func nothingAppearsBelow(s *subject) {
	var promises []promise
	for range 3 {
		promises = append(promises, s.promisesWhileWriting()...)
		s.restart()
		for _, p := range promises {
			s.wantIDs(s.all(lrs.StatementQuery{Until: p.through}), p.there...)
		}
	}
}

// promisesWhileWriting asks for promises while four write.
func (s *subject) promisesWhileWriting() []promise {
	s.Helper()
	const most = 12
	written := make(chan error, 1)
	var writers errgroup.Group
	for range 4 {
		list := drafts(s, newPosts(20))
		writers.Go(func() error {
			for _, d := range list {
				if err := s.Store.AppendStatements(s.ctx, []*lrs.Draft{d}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	go func() { written <- writers.Wait() }()
	var promises []promise
	for len(promises) < most {
		through, err := s.Store.ConsistentThrough(s.ctx)
		s.must(err)
		if through > 0 {
			promises = append(promises, promise{through, entryIDs(s.all(lrs.StatementQuery{Until: through}))})
		}
		select {
		case err := <-written:
			s.must(err)
			return promises
		default:
		}
	}
	s.must(<-written)
	return promises
}
