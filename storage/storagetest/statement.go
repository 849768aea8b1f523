package storagetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"acquis/lrs"
	"acquis/storage"
)

// Statements tests lrs.StatementStore: what is appended and how it is found by id.
func Statements(t *testing.T, f Factory) {
	check(t, f, []rule{
		{"a stored statement is served as it was sent, with what the store assigns (XAPI-00023)", servedAsSent},
		{"a statement without an id is found by the id it was given (XAPI-00146)", freshID},
		{"an unknown id is not found", unknownID},
		{"an empty batch is no error", func(s *subject) { s.must(s.Store.AppendStatements(s.ctx, nil)) }},
		{"stored increases strictly within a batch and across batches", storedIncreases},
		{"a conflict anywhere keeps nothing of the batch and names every conflicting draft (XAPI-00142)", conflictKeepsNothing},
		{"two different statements with one id in a batch are a conflict", conflictInBatch},
		{"a repeat changes nothing and is no error (XAPI-00142)", repeatChangesNothing},
		{"a repeat within one batch is stored once", repeatInBatch},
		{"a batch of repeats and new statements stores the new ones", repeatsAndNew},
		{"concurrent writers of one id: one content wins, equal ones succeed, others conflict", contendedID},
		{"concurrent batches that share an id: each is stored whole or not at all", contendedBatches},
		{"concurrent writers of many ids: each reads its own writes at once", readYourWrites},
		{"statements survive reopening", survivesReopening},
	})
	property(t, f, "random statements are served byte for byte", servedByteForByte)
}

// add stores posts, their attachments first, and fails the test when that is refused.
func (s *subject) add(posts ...post) {
	s.Helper()
	s.must(addTo(s.ctx, s, s.Store, posts...))
}

func addTo(ctx context.Context, t rapid.TB, store storage.Store, posts ...post) error {
	t.Helper()
	for _, p := range posts {
		for _, content := range p.contents {
			if _, err := store.PutAttachment(ctx, sha2(content), strings.NewReader(content)); err != nil {
				return err
			}
		}
	}
	return store.AppendStatements(ctx, drafts(t, posts))
}

func (s *subject) get(id lrs.ID) lrs.Entry {
	s.Helper()
	e, err := s.Store.StatementByID(s.ctx, id)
	s.must(err)
	return e
}

// wantNothing fails the test when there is a statement with the id.
func (s *subject) wantNothing(id lrs.ID) {
	s.Helper()
	if e, err := s.Store.StatementByID(s.ctx, id); lrs.KindOf(err) != lrs.KindNotFound {
		s.Fatalf("statement %s: got %s, error %v; want that it is not found", id, e.Bytes, err)
	}
}

// wantPost fails the test unless the post is stored, as it was sent.
func (s *subject) wantPost(p post) lrs.Entry {
	s.Helper()
	e := s.get(p.id)
	if want := p.draft(s).Seal(e.Stored); !bytes.Equal(e.Bytes, want) {
		s.Fatalf("statement %s is\n%s\nwant\n%s", p.id, e.Bytes, want)
	}
	if e.ID != p.id || e.Source != p.assigned.Source || e.Stored == 0 {
		s.Fatalf("statement %s came back as %s, source %q, stored %d", p.id, e.ID, e.Source, e.Stored)
	}
	return e
}

func ids(posts []post) []lrs.ID {
	list := make([]lrs.ID, len(posts))
	for i, p := range posts {
		list[i] = p.id
	}
	return list
}

// newPosts makes n statements, the same changes in each.
func newPosts(n int, changes ...change) []post {
	posts := make([]post, n)
	for i := range posts {
		posts[i] = newPost(changes...)
	}
	return posts
}

func servedAsSent(s *subject) {
	p := newPost(put("timestamp", "2026-03-09T14:30:00+01:00"), put("result", fields{"response": "é\u2028"}))
	s.add(p)
	e := s.wantPost(p)
	decoded, err := lrs.DecodeStored(e.Bytes)
	s.must(err)
	if decoded.Stored != e.Stored.String() || e.Revision != 0 || e.Voided {
		s.Fatalf("stored is %q in the statement and %s in the entry; revision %d, voided %v", decoded.Stored, e.Stored, e.Revision, e.Voided)
	}
}

func freshID(s *subject) {
	p := newPost()
	raw := strings.Replace(string(p.raw), `"id":"`+p.id.String()+`",`, "", 1)
	p.raw, p.assigned.ID = []byte(raw), p.id
	if !p.draft(s).Fresh {
		s.Fatalf("the suite meant to make a statement without id: %s", raw)
	}
	s.add(p)
	s.wantPost(p)
}

func unknownID(s *subject) {
	s.wantNothing(newPost().id)
	s.add(newPost())
	s.wantNothing(newPost().id)
}

func storedIncreases(s *subject) {
	last := lrs.Instant(0)
	for size := range 8 {
		posts := newPosts(size * size)
		s.add(posts...)
		for _, p := range posts {
			e := s.get(p.id)
			if e.Stored <= last {
				s.Fatalf("stored %s follows %s", e.Stored, last)
			}
			last = e.Stored
		}
	}
}

// wantConflict fails the test unless err names exactly these drafts.
func (s *subject) wantConflict(err error, indices ...int) {
	s.Helper()
	s.wantKind(err, lrs.KindConflict)
	var got []string
	for _, v := range asError(err).Violations {
		got = append(got, v.Pointer)
	}
	var want []string
	for _, i := range indices {
		want = append(want, "/"+strconv.Itoa(i))
	}
	if !slices.Equal(got, want) {
		s.Fatalf("the conflict names %q, want %q", got, want)
	}
}

func conflictKeepsNothing(s *subject) {
	first, second := newPost(), newPost()
	s.add(first, second)
	stored := s.get(first.id)
	batch := newPosts(6)
	batch[2], batch[5] = first.with(did(verbs[1])), second.with(about(activities[1]))
	s.wantConflict(s.Store.AppendStatements(s.ctx, drafts(s, batch)), 2, 5)
	for _, i := range []int{0, 1, 3, 4} {
		s.wantNothing(batch[i].id)
	}
	if got := s.wantPost(first); got.Stored != stored.Stored {
		s.Fatalf("a conflict moved stored from %s to %s", stored.Stored, got.Stored)
	}
	s.wantPost(second)
	s.wantIDs(s.all(lrs.StatementQuery{Ascending: true}), first.id, second.id)
}

func conflictInBatch(s *subject) {
	p, other := newPost(), newPost()
	s.wantConflict(s.Store.AppendStatements(s.ctx, drafts(s, []post{p, other, p.with(did(verbs[1]))})), 2)
	s.wantNothing(p.id)
	s.wantNothing(other.id)
}

func repeatChangesNothing(s *subject) {
	p := newPost(put("timestamp", "2026-03-09T14:30:00+01:00"))
	s.add(p)
	before := s.get(p.id)
	for _, repeat := range []post{p, p.respelled(), p.from(1), p.with(put("timestamp", "2026-03-09T13:30:00Z"))} {
		s.add(repeat)
		s.wantSame(s.get(p.id), before)
	}
	s.wantIDs(s.all(lrs.StatementQuery{}), p.id)
	s.wantIDs(s.all(lrs.StatementQuery{Terms: []lrs.Term{lrs.SourceTerm(sources[1])}}))
}

func repeatInBatch(s *subject) {
	p, other := newPost(), newPost()
	s.add(p, other, p.respelled())
	s.wantPost(p)
	s.wantIDs(s.all(lrs.StatementQuery{Ascending: true}), p.id, other.id)
}

func repeatsAndNew(s *subject) {
	old := newPosts(3)
	s.add(old...)
	batch := newPosts(3)
	sent := drafts(s, []post{old[2], batch[0], old[0], batch[1], old[1], batch[2], batch[2]})
	s.must(s.Store.AppendStatements(s.ctx, sent))
	s.wantIDs(s.all(lrs.StatementQuery{Ascending: true}), append(ids(old), ids(batch)...)...)
	for i, d := range sent {
		want := lrs.Instant(0)
		if i == 1 || i == 3 || i == 5 {
			want = s.get(d.ID).Stored
		}
		if d.Stored != want {
			s.Fatalf("draft %d is told to be stored at %s, want %s", i, d.Stored, want)
		}
	}
}

func contendedID(s *subject) {
	for range 10 {
		p := newPost()
		contents := []post{p, p.with(did(verbs[1])), p.with(did(verbs[2]))}
		var accepted [3]atomic.Int32
		var writers errgroup.Group
		for i := range 9 {
			draft := contents[i%3].draft(s)
			writers.Go(func() error {
				switch err := s.Store.AppendStatements(s.ctx, []*lrs.Draft{draft}); lrs.KindOf(err) {
				case lrs.KindConflict:
					return nil
				default:
					accepted[i%3].Add(1)
					return err
				}
			})
		}
		s.must(writers.Wait())
		winners := 0
		for i := range contents {
			switch accepted[i].Load() {
			case 0:
			case 3:
				winners++
				s.wantPost(contents[i])
			default:
				s.Fatalf("%d of 3 equal statements were accepted", accepted[i].Load())
			}
		}
		if winners != 1 {
			s.Fatalf("%d different statements were accepted under one id", winners)
		}
	}
}

func contendedBatches(s *subject) {
	for range 10 {
		shared := newPost()
		batches := make([][]post, 4)
		errs := make([]error, len(batches))
		var writers errgroup.Group
		for i := range batches {
			batches[i] = []post{newPost(), shared.with(did(verbs[i])), newPost()}
			list := drafts(s, batches[i])
			writers.Go(func() error {
				errs[i] = s.Store.AppendStatements(s.ctx, list)
				return nil
			})
		}
		s.must(writers.Wait())
		winners := 0
		for i, batch := range batches {
			if errs[i] != nil {
				s.wantConflict(errs[i], 1)
				s.wantNothing(batch[0].id)
				s.wantNothing(batch[2].id)
				continue
			}
			winners++
			for _, p := range batch {
				s.wantPost(p)
			}
		}
		if winners != 1 {
			s.Fatalf("%d of the batches that share an id were stored", winners)
		}
	}
}

func readYourWrites(s *subject) {
	var writers errgroup.Group
	for w := range 4 {
		registration := nthID("writer", w)
		posts := newPosts(30, registeredAs(registration))
		batches := slices.Collect(slices.Chunk(posts, 3))
		list := make([][]*lrs.Draft, len(batches))
		for i, batch := range batches {
			list[i] = drafts(s, batch)
		}
		writers.Go(func() error {
			q := lrs.StatementQuery{Terms: []lrs.Term{lrs.IDTerm(lrs.TermRegistration, registration)}, Ascending: true}
			for i, batch := range list {
				if err := s.Store.AppendStatements(s.ctx, batch); err != nil {
					return err
				}
				if _, err := s.Store.StatementByID(s.ctx, batches[i][1].id); err != nil {
					return err
				}
				got, err := collect(s.ctx, s.Store, q)
				if err != nil {
					return err
				}
				if want := ids(posts[:3*i+3]); !slices.Equal(entryIDs(got), want) {
					return fmt.Errorf("writer %d wrote %d statements and reads %d", w, len(want), len(got))
				}
			}
			return nil
		})
	}
	s.must(writers.Wait())
}

func survivesReopening(s *subject) {
	posts := newPosts(20)
	s.add(posts...)
	last := s.get(posts[19].id)
	s.reopen()
	for _, p := range posts {
		s.wantPost(p)
	}
	s.add(posts...)
	later := newPost()
	s.add(later)
	if e := s.get(later.id); e.Stored <= last.Stored {
		s.Fatalf("after reopening stored is %s, it was %s already", e.Stored, last.Stored)
	}
	s.wantIDs(s.all(lrs.StatementQuery{Ascending: true}), append(ids(posts), later.id)...)
}

func servedByteForByte(rt *rapid.T, s *subject) {
	posts := rapid.SliceOfNDistinct(statements(12, 2), 1, 8, func(p post) lrs.ID { return p.id }).Draw(rt, "batch")
	s.add(posts...)
	for _, p := range posts {
		s.wantPost(p)
	}
	s.add(posts...)
}
