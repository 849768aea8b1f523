package storagetest

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"acquis/lrs"
)

// Recovery tests what is there after a hard kill: everything that was answered, and nothing by
// half. A backend that can't be killed is closed and opened instead. The property test of Erasure
// restarts in the middle of random histories, too.
func Recovery(t *testing.T, f Factory) {
	check(t, f, []rule{
		{"everything answered before a kill is there, and no batch by half", killedUnderLoad},
		{"documents and attachments answered before a kill are there", killedBesides},
		{"voidings, references and definitions are complete after a kill", killedBetween},
		{"stored goes on rising after kills", risesAfterKills},
		{"what was erased stays erased after a kill", erasedBeforeKill},
	})
}

// load is writers at work, and what they were told.
type load struct {
	stop    context.CancelFunc
	over    atomic.Bool // nothing counts as answered any more
	writers sync.WaitGroup
	mu      sync.Mutex
	batches []loadBatch
}

type loadBatch struct {
	posts    []post
	answered bool
}

// start makes writers append batches until the load is stopped, each at most n.
func (s *subject) start(writers, n int) *load {
	ctx, cancel := context.WithCancel(s.ctx)
	l := &load{stop: cancel}
	store := s.Store
	for range writers {
		posts := newPosts(3 * n)
		list := drafts(s, posts)
		l.writers.Go(func() {
			for i := 0; i < len(posts) && !l.over.Load(); i += 3 {
				err := store.AppendStatements(ctx, list[i:i+3])
				// Read after the answer: what was answered before the kill began must survive it.
				answered := err == nil && !l.over.Load()
				l.mu.Lock()
				l.batches = append(l.batches, loadBatch{posts[i : i+3], answered})
				l.mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	return l
}

func (l *load) answered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.batches)
}

func (l *load) end() {
	l.stop()
	l.writers.Wait()
}

// kill restarts the store under the load, once some batches were answered.
func (s *subject) kill(l *load) {
	s.Helper()
	s.must(eventually(s.ctx, func() (bool, error) { return l.answered() >= 12, nil }))
	l.over.Store(true)
	if s.Crash == nil {
		l.end()
		s.reopen()
		return
	}
	s.Store = s.Crash()
	l.end()
}

func killedUnderLoad(s *subject) {
	var all []loadBatch
	for range 3 {
		l := s.start(4, 40)
		s.kill(l)
		all = append(all, l.batches...)
		s.settle()
		there := 0
		for _, b := range all {
			if _, err := s.Store.StatementByID(s.ctx, b.posts[0].id); err == nil {
				there += len(b.posts)
			}
		}
		s.wantBatches(all)
		found, log := s.find(), s.history()
		if len(found) != there {
			s.Fatalf("%d statements are found, %d are there by id", len(found), there)
		}
		s.wantSame(logIDs(log), entryIDs(found))
	}
}

// wantBatches fails the test unless each batch is there whole when it was answered, whole or not at
// all when it wasn't.
func (s *subject) wantBatches(batches []loadBatch) {
	s.Helper()
	byTerm := map[lrs.Term]map[lrs.ID]bool{}
	for _, b := range batches {
		there := 0
		for _, p := range b.posts {
			_, err := s.Store.StatementByID(s.ctx, p.id)
			for _, term := range p.draft(s).Terms {
				if byTerm[term] == nil {
					byTerm[term] = map[lrs.ID]bool{}
					for _, e := range s.find(term) {
						byTerm[term][e.ID] = true
					}
				}
				if byTerm[term][p.id] != (err == nil) {
					s.Fatalf("statement %s is half there: by a term of kind %d %v, by id %v", p.id, term.Kind(), byTerm[term][p.id], err)
				}
			}
			if err == nil {
				s.wantPost(p)
				there++
			}
		}
		if there != len(b.posts) && (there != 0 || b.answered) {
			s.Fatalf("of a batch of %d statements %d are there; it was answered: %v", len(b.posts), there, b.answered)
		}
	}
}

func killedBesides(s *subject) {
	for round := range 3 {
		id := strconv.Itoa(round)
		s.write(activityKey(0, id), "content "+id)
		s.write(stateKey(0, 0, registrations[0], id), "content "+id)
		s.must(s.Store.DeleteDocument(s.ctx, activityKey(1, "gone"), lrs.Precondition{}))
		s.keep(s.Store, "attachment "+id)
		s.restart()
		s.wantNoDocument(activityKey(1, "gone"))
		for i := range round + 1 {
			id := strconv.Itoa(i)
			s.wantDocument(activityKey(0, id), "content "+id)
			s.wantDocument(stateKey(0, 0, registrations[0], id), "content "+id)
			s.wantContents("attachment " + id)
		}
		s.write(activityKey(1, "gone"), "soon")
	}
}

func killedBetween(s *subject) {
	target, voiding := targetAndVoiding()
	links := chain(3)
	s.add(voiding, links[0])
	s.restart()
	s.add(target, links[2], newPost(defining(activity, fields{"name": fields{"fr": "Droit"}})))
	s.restart()
	s.add(links[1])
	s.restart()
	s.settle()
	s.wantVoided(target, true)
	s.wantFound(linkTerm(2), links)
	s.wantFound(linkTerm(1), links[:2])
	s.wantDefinition(activity, `{"name":{"fr":"Droit"}}`)
}

func risesAfterKills(s *subject) {
	var want []lrs.ID
	for range 5 {
		posts := newPosts(5)
		s.add(posts...)
		want = append(want, ids(posts)...)
		s.restart()
	}
	s.wantIDs(s.find(), want...)
	if !slices.IsSortedFunc(s.find(), func(a, b lrs.Entry) int { return int(a.Stored - b.Stored) }) {
		s.Fatalf("stored went back over a kill")
	}
}

func erasedBeforeKill(s *subject) {
	p, redacted := richTarget(), richTarget()
	redaction := newPost(did(verbs[0])).with(identified(redacted.id)).named(redacted.id).from(2)
	s.add(p, redacted)
	s.must(s.Store.EraseStatement(s.ctx, p.id))
	s.must(s.Store.RedactStatement(s.ctx, redacted.id, redaction.draft(s)))
	for range 2 {
		s.restart()
		s.settle()
		s.wantNowhere(p)
		s.wantPost(redaction)
		for _, term := range richTerms() {
			s.wantIDs(s.find(term))
		}
		s.add(p)
	}
}
