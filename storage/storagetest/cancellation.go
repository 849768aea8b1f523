package storagetest

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"acquis/lrs"
)

// Cancellation tests what a store makes of contexts that end before or while it works: an error,
// and later either everything of the call or nothing.
func Cancellation(t *testing.T, f Factory) {
	check(t, f, []rule{
		{"a write whose context is over fails and changes nothing", overFromTheStart},
		{"a batch whose context ends midway is there as a whole or not at all", batchCancelled},
		{"batches cancelled from outside are there as a whole or not at all", batchesCancelledFromOutside},
		{"a document whose update is cancelled midway is the old or the new one", updateCancelled},
		{"an erasure cancelled midway happened or did not, and can be repeated", erasureCancelled},
		{"a redaction cancelled midway happened or did not, and can be repeated", redactionCancelled},
		{"a query cancelled midway fails or answers rightly", queryCancelled},
	})
}

// mostLooks is how many looks at its context a call is followed through.
const mostLooks = 8

func overFromTheStart(s *subject) {
	p, stays := newPost(), newPost()
	s.add(stays)
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	key := activityKey(0, "x")
	_, putErr := s.Store.PutAttachment(ctx, sha2("x"), noise(0))
	for name, err := range map[string]error{
		"AppendStatements": s.Store.AppendStatements(ctx, drafts(s, []post{p})),
		"EraseStatement":   s.Store.EraseStatement(ctx, stays.id),
		"RedactStatement":  s.Store.RedactStatement(ctx, stays.id, stays.with(did(verbs[1])).draft(s)),
		"UpdateDocument": s.Store.UpdateDocument(ctx, key, func(*lrs.Document) (lrs.Document, error) {
			return lrs.Document{ContentType: "text/plain", Content: []byte("x")}, nil
		}),
		"PutAttachment": putErr,
	} {
		if err == nil {
			s.Errorf("%s succeeds in a context that is over", name)
		}
	}
	s.wantNothing(p.id)
	s.wantPost(stays)
	s.wantNoDocument(key)
	s.wantLog(stays.id)
}

// wantWhole fails the test unless all of the batch is there or nothing. must says that it has to be
// there.
func (s *subject) wantWhole(batch []post, must bool) {
	s.Helper()
	there := 0
	for _, p := range batch {
		found := false
		for _, e := range s.find(p.draft(s).Terms...) {
			found = found || e.ID == p.id
		}
		_, err := s.Store.StatementByID(s.ctx, p.id)
		if found != (err == nil) {
			s.Fatalf("statement %s is half there: found by its terms %v, by its id %v", p.id, found, err)
		}
		if found {
			s.wantPost(p)
			there++
		}
	}
	if there != len(batch) && (there != 0 || must) {
		s.Fatalf("of a batch of %d statements %d are there; it was answered: %v", len(batch), there, must)
	}
}

func batchCancelled(s *subject) {
	for looks := range mostLooks {
		faults := NewFaults(s.Store)
		faults.Cancel(AppendStatements, 1, looks)
		batch := newPosts(4)
		err := faults.AppendStatements(s.ctx, drafts(s, batch))
		s.wantWhole(batch, err == nil)
		s.add(batch...)
		s.wantWhole(batch, true)
	}
}

func batchesCancelledFromOutside(s *subject) {
	for range 4 {
		batches, list := make([][]post, 12), make([][]*lrs.Draft, 12)
		errs := make([]error, len(batches))
		for i := range batches {
			batches[i] = newPosts(3)
			list[i] = drafts(s, batches[i])
		}
		ctx, cancel := context.WithCancel(s.ctx)
		var writers errgroup.Group
		for i := range batches {
			writers.Go(func() error {
				if i == len(batches)/2 {
					cancel()
				}
				errs[i] = s.Store.AppendStatements(ctx, list[i])
				return nil
			})
		}
		s.must(writers.Wait())
		cancel()
		for i, batch := range batches {
			s.wantWhole(batch, errs[i] == nil)
		}
		s.reopen()
		for i, batch := range batches {
			s.wantWhole(batch, errs[i] == nil)
		}
	}
}

func updateCancelled(s *subject) {
	key := stateKey(0, 0, noRegistration, "x")
	for looks := range mostLooks {
		s.write(key, "old")
		faults := NewFaults(s.Store)
		faults.Cancel(UpdateDocument, 1, looks)
		err := faults.UpdateDocument(s.ctx, key, func(*lrs.Document) (lrs.Document, error) {
			return lrs.Document{ContentType: "text/plain; charset=utf-8", Content: []byte("new")}, nil
		})
		if got := string(s.read(key).Content); got != "new" && (got != "old" || err == nil) {
			s.Fatalf("the document is %q after an update that answered %v", got, err)
		}
	}
}

func erasureCancelled(s *subject) {
	for looks := range mostLooks {
		p := richTarget()
		s.add(p)
		faults := NewFaults(s.Store)
		faults.Cancel(EraseStatement, 1, looks)
		err := faults.EraseStatement(s.ctx, p.id)
		s.wantWhole([]post{p}, false)
		if err == nil {
			s.wantNothing(p.id)
		} else if err := s.Store.EraseStatement(s.ctx, p.id); err != nil {
			s.wantKind(err, lrs.KindNotFound)
		}
		s.wantNowhere(p)
	}
}

func redactionCancelled(s *subject) {
	for looks := range mostLooks {
		p := richTarget()
		redacted := p.with(did(verbs[1]))
		s.add(p)
		faults := NewFaults(s.Store)
		faults.Cancel(RedactStatement, 1, looks)
		err := faults.RedactStatement(s.ctx, p.id, redacted.draft(s))
		if e := s.get(p.id); err == nil || e.Revision > 0 {
			s.wantPost(redacted)
		} else {
			s.wantPost(p)
		}
		s.must(s.Store.RedactStatement(s.ctx, p.id, redacted.draft(s)))
		s.wantWhole([]post{redacted}, true)
		s.must(s.Store.EraseStatement(s.ctx, p.id))
	}
}

func queryCancelled(s *subject) {
	posts := newPosts(30)
	s.add(posts...)
	for looks := range mostLooks {
		faults := NewFaults(s.Store)
		faults.Cancel(QueryStatements, 1, looks)
		q := lrs.StatementQuery{Terms: []lrs.Term{lrs.IRITerm(lrs.TermVerb, verbs[0])}, Ascending: true}
		if got, err := collect(s.ctx, faults, q); err == nil {
			s.wantIDs(got, ids(posts)...)
		}
	}
	ctx, cancel := context.WithDeadline(s.ctx, time.Unix(0, 0))
	defer cancel()
	if err := s.Store.Settle(ctx); err == nil {
		s.must(s.Store.Ready(s.ctx))
	}
	s.wantIDs(s.find(), ids(posts)...)
}
