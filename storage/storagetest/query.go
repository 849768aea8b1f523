package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"acquis/lrs"
)

// Queries tests lrs.StatementStore.QueryStatements.
func Queries(t *testing.T, f Factory) {
	check(t, f, []rule{
		{"an empty store answers with an empty last page (XAPI-00149)", emptyAnswer},
		{"since is exclusive and until inclusive (XAPI-00174, XAPI-00175)", bounds},
		{"the newest come first unless ascending is asked for (XAPI-00166)", order},
		{"a limit is kept and the rest follows (XAPI-00173)", limits},
		{"an empty intersection of long lists ends, whatever the steps", emptyIntersection},
		{"paging while others write neither skips nor repeats what was there", pagingWhileWriting},
	})
	t.Run("every filter and combination answers as the model does (XAPI-00164)", func(t *testing.T) { combinations(t, f) })
}

// unbounded is a limit, and steps, that no test reaches.
const unbounded = math.MaxInt32

// collect pages through a whole answer and makes sure that each page keeps the contract. A limit or
// steps of 0 mean unbounded.
func collect(ctx context.Context, store lrs.StatementStore, q lrs.StatementQuery) ([]lrs.Entry, error) {
	if q.Limit == 0 {
		q.Limit = unbounded
	}
	if q.Steps == 0 {
		q.Steps = unbounded
	}
	var entries []lrs.Entry
	for {
		page, err := store.QueryStatements(ctx, q)
		if err != nil {
			return nil, err
		}
		if err := judgePage(q, page); err != nil {
			return nil, err
		}
		entries = append(entries, page.Entries...)
		if page.Next == 0 {
			return entries, nil
		}
		if q.Ascending {
			q.Since = page.Next
		} else {
			q.Until = page.Next - 1
		}
	}
}

// judgePage says how a page breaks the contract.
func judgePage(q lrs.StatementQuery, page lrs.StatementPage) error {
	if len(page.Entries) > q.Limit {
		return fmt.Errorf("a page of %d statements, the limit is %d", len(page.Entries), q.Limit)
	}
	before := func(a, b lrs.Instant) bool { return q.Ascending && a < b || !q.Ascending && a > b }
	for i, e := range page.Entries {
		switch {
		case e.Stored <= q.Since || q.Until != 0 && e.Stored > q.Until:
			return fmt.Errorf("%s lies outside (%s, %s]", e.Stored, q.Since, q.Until)
		case i > 0 && !before(page.Entries[i-1].Stored, e.Stored):
			return fmt.Errorf("%s follows %s, ascending %v", e.Stored, page.Entries[i-1].Stored, q.Ascending)
		case page.Next != 0 && before(page.Next, e.Stored):
			return fmt.Errorf("%s is on the page, which claims to end at %s", e.Stored, page.Next)
		case e.Voided:
			return fmt.Errorf("the voided statement %s is on a page", e.ID)
		}
	}
	if page.Next != 0 && (page.Next <= q.Since && q.Ascending || q.Until != 0 && page.Next > q.Until && !q.Ascending) {
		return fmt.Errorf("next is %s, which doesn't lead on in (%s, %s]", page.Next, q.Since, q.Until)
	}
	return nil
}

// all is a whole answer.
func (s *subject) all(q lrs.StatementQuery) []lrs.Entry {
	s.Helper()
	entries, err := collect(s.ctx, s.Store, q)
	s.must(err)
	return entries
}

// find is everything that has all the terms, oldest first.
func (s *subject) find(terms ...lrs.Term) []lrs.Entry {
	s.Helper()
	return s.all(lrs.StatementQuery{Terms: terms, Ascending: true})
}

func entryIDs(entries []lrs.Entry) []lrs.ID {
	list := make([]lrs.ID, len(entries))
	for i, e := range entries {
		list[i] = e.ID
	}
	return list
}

func (s *subject) wantIDs(entries []lrs.Entry, want ...lrs.ID) {
	s.Helper()
	if got := entryIDs(entries); !slices.Equal(got, want) {
		s.Fatalf("got statements %v, want %v", got, want)
	}
}

// wantSame fails the test unless got equals want in all its parts.
func (s *subject) wantSame(got, want any) {
	s.Helper()
	if !reflect.DeepEqual(got, want) { // quicker than cmp when nothing differs
		s.Fatalf("the answer differs (-want +got):\n%s", cmp.Diff(want, got))
	}
}

func asError(err error) *lrs.Error {
	var e *lrs.Error
	if !errors.As(err, &e) {
		return &lrs.Error{}
	}
	return e
}

func emptyAnswer(s *subject) {
	for _, terms := range [][]lrs.Term{nil, {lrs.IRITerm(lrs.TermVerb, verbs[0])}} {
		for _, ascending := range []bool{true, false} {
			s.wantIDs(s.all(lrs.StatementQuery{Terms: terms, Ascending: ascending, Limit: 1, Steps: 1}))
		}
	}
	s.add(newPost())
	s.wantIDs(s.find(lrs.IRITerm(lrs.TermVerb, verbs[1])))
}

func bounds(s *subject) {
	posts := newPosts(5)
	s.add(posts...)
	list := ids(posts)
	at := func(i int) lrs.Instant { return s.get(list[i]).Stored }
	verb := []lrs.Term{lrs.IRITerm(lrs.TermVerb, verbs[0])}
	for _, terms := range [][]lrs.Term{nil, verb} {
		ascending := lrs.StatementQuery{Terms: terms, Ascending: true}
		q := ascending
		q.Since, q.Until = at(1), at(3)
		s.wantIDs(s.all(q), list[2], list[3])
		q.Ascending = false
		s.wantIDs(s.all(q), list[3], list[2])
		q = ascending
		q.Since = at(4)
		s.wantIDs(s.all(q))
		q = ascending
		q.Until = at(0)
		s.wantIDs(s.all(q), list[0])
		q.Until--
		s.wantIDs(s.all(q))
		q.Since, q.Until = at(3), at(1)
		s.wantIDs(s.all(q))
		q.Since, q.Until = at(2), at(2)
		s.wantIDs(s.all(q))
		q.Since, q.Until = at(4), lrs.MaxInstant
		s.wantIDs(s.all(q))
		q.Since, q.Until = 1, lrs.MaxInstant
		s.wantIDs(s.all(q), list...)
	}
}

func order(s *subject) {
	posts := newPosts(7)
	s.add(posts[:3]...)
	s.add(posts[3:]...)
	list := ids(posts)
	s.wantIDs(s.all(lrs.StatementQuery{Ascending: true}), list...)
	slices.Reverse(list)
	s.wantIDs(s.all(lrs.StatementQuery{}), list...)
	s.wantIDs(s.all(lrs.StatementQuery{Terms: []lrs.Term{lrs.SourceTerm(sources[0])}}), list...)
}

func limits(s *subject) {
	posts := newPosts(7)
	s.add(posts...)
	for _, terms := range [][]lrs.Term{nil, {lrs.IRITerm(lrs.TermVerb, verbs[0])}} {
		page, err := s.Store.QueryStatements(s.ctx, lrs.StatementQuery{Terms: terms, Ascending: true, Limit: 3, Steps: unbounded})
		s.must(err)
		s.wantIDs(page.Entries, ids(posts[:3])...)
		if page.Next == 0 {
			s.Fatalf("a page of 3 out of 7 claims to be the last")
		}
		for limit := range 8 {
			s.wantIDs(s.all(lrs.StatementQuery{Terms: terms, Ascending: true, Limit: limit + 1}), ids(posts)...)
		}
	}
}

func emptyIntersection(s *subject) {
	for i := range 4 {
		s.add(newPosts(40, by(agents[i%2]), did(verbs[i%2]))...)
	}
	for _, steps := range []int{1, 2, 7, 1000} {
		for _, ascending := range []bool{true, false} {
			terms := []lrs.Term{agentTerm(agents[0]), lrs.IRITerm(lrs.TermVerb, verbs[1])}
			s.wantIDs(s.all(lrs.StatementQuery{Terms: terms, Ascending: ascending, Limit: 10, Steps: steps}))
		}
	}
}

func pagingWhileWriting(s *subject) {
	rounds := 200
	if s.Slow {
		rounds = 40
	}
	there := newPosts(60)
	s.add(there...)
	want := ids(there)
	for _, ascending := range []bool{true, false} {
		stop := make(chan struct{})
		var others errgroup.Group
		others.Go(func() error {
			for range rounds {
				select {
				case <-stop:
					return nil
				default:
				}
				if err := addTo(s.ctx, s, s.Store, newPosts(2)...); err != nil {
					return err
				}
			}
			return nil
		})
		q := lrs.StatementQuery{Terms: []lrs.Term{lrs.IRITerm(lrs.TermVerb, verbs[0])}, Ascending: ascending, Limit: 5, Steps: 3}
		write := func() error { return addTo(s.ctx, s, s.Store, newPost()) }
		entries, err := collect(s.ctx, &interleaved{s.Store, write, 60}, q)
		close(stop)
		s.must(others.Wait())
		s.must(err)
		got := slices.DeleteFunc(entryIDs(entries), func(id lrs.ID) bool { return !slices.Contains(want, id) })
		if !ascending {
			slices.Reverse(got)
		}
		if !slices.Equal(got, want) {
			s.Fatalf("of %d statements that were there, paging showed %d", len(want), len(got))
		}
	}
}

// interleaved does something before each of the first pages.
type interleaved struct {
	lrs.StatementStore
	do    func() error
	times int
}

func (i *interleaved) QueryStatements(ctx context.Context, q lrs.StatementQuery) (lrs.StatementPage, error) {
	if i.times--; i.times >= 0 {
		if err := i.do(); err != nil {
			return lrs.StatementPage{}, err
		}
	}
	return i.StatementStore.QueryStatements(ctx, q)
}

func agentTerm(agent fields) lrs.Term { return lrs.IFITerm(lrs.TermAgent, actorOf(agent).IFI) }

func relatedAgentTerm(agent fields) lrs.Term {
	return lrs.IFITerm(lrs.TermRelatedAgent, actorOf(agent).IFI)
}

// worldTerms are the terms of everything that random statements, n of them, can be about.
func worldTerms(n int) []lrs.Term {
	var terms []lrs.Term
	for _, a := range agents {
		terms = append(terms, agentTerm(a), relatedAgentTerm(a))
	}
	for _, v := range append([]string{lrs.VerbVoided}, verbs...) {
		terms = append(terms, lrs.IRITerm(lrs.TermVerb, v))
	}
	for _, a := range activities {
		terms = append(terms, lrs.IRITerm(lrs.TermActivity, a), lrs.IRITerm(lrs.TermRelatedActivity, a))
	}
	for _, r := range registrations {
		terms = append(terms, lrs.IDTerm(lrs.TermRegistration, r))
	}
	for i := range sources {
		terms = append(terms, lrs.SourceTerm(sources[i]), lrs.AuthorityTerm(authorities[i].Actor))
	}
	for i := range n {
		terms = append(terms, lrs.IDTerm(lrs.TermTarget, nthID("statement", i)))
	}
	return terms
}

// combinations asks a store with a few hundred random statements, and the model, the same.
func combinations(t *testing.T, f Factory) {
	const n = 300
	s, model := newSubject(t, t, f), NewModel()
	posts := rapid.SliceOfNDistinct(statements(n, 3), 200, 200, func(p post) lrs.ID { return p.id }).Example(1)
	for batch := range slices.Chunk(posts, 17) {
		s.add(batch...)
		s.must(addTo(s.ctx, s, model, batch...))
	}
	s.settle()
	s.must(model.adopt(s.ctx, s.Store))
	instants := []lrs.Instant{0, 1, lrs.MaxInstant}
	for _, p := range posts {
		at := s.get(p.id).Stored
		instants = append(instants, at-1, at, at+1)
	}
	terms := append(worldTerms(0), lrs.IRITerm(lrs.TermVerb, "https://campus.example/verbs/unheard-of"))
	for _, p := range posts[:40] {
		terms = append(terms, lrs.IDTerm(lrs.TermTarget, p.id))
	}
	rapid.Check(t, func(rt *rapid.T) {
		q := lrs.StatementQuery{
			Terms:     rapid.SliceOfN(rapid.SampledFrom(terms), 0, 4).Draw(rt, "terms"),
			Since:     rapid.SampledFrom(instants).Draw(rt, "since"),
			Until:     rapid.SampledFrom(instants).Draw(rt, "until"),
			Ascending: rapid.Bool().Draw(rt, "ascending"),
		}
		if rapid.Bool().Draw(rt, "open") {
			q.Since, q.Until = 0, 0
		}
		want, err := collect(s.ctx, model, q)
		if err != nil {
			rt.Fatal(err)
		}
		q.Limit = rapid.IntRange(1, 50).Draw(rt, "limit")
		q.Steps = rapid.SampledFrom([]int{1, 2, 3, 10, 100, unbounded}).Draw(rt, "steps")
		got, err := collect(s.ctx, s.Store, q)
		if err != nil {
			rt.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			rt.Fatalf("the answer differs from the model's (-want +got):\n%s", cmp.Diff(want, got))
		}
	})
}
