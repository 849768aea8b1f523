package storagetest

import (
	"testing"

	"acquis/lrs"
)

// Voiding tests the effect of voiding statements (Data 2.3.2).
func Voiding(t *testing.T, f Factory) {
	check(t, f, []rule{
		{"a voided statement is found by id, marked, and by no filter (XAPI-00018, XAPI-00163)", voidedIsHidden},
		{"a voiding statement that comes first voids its target when that comes", voidedBeforeArrival},
		{"a voiding statement and its target may come in one batch, in either order", voidedInOneBatch},
		{"a voiding statement can't be voided, whichever came first (XAPI-00016)", voidingNotVoided},
		{"a statement voided twice stays voided until both voiding statements are erased", voidedTwice},
		{"a voiding statement is found by the filters of its target (XAPI-00162)", voidingFoundByTarget},
		{"a voiding statement that voids itself stays visible", voidsItself},
		{"a statement that refers to a voided one still inherits from it", inheritsFromVoided},
		{"erasing the voiding statement makes its target visible again", unvoidedByErasing},
		{"redacting a voiding statement into another makes its target visible again", unvoidedByRedacting},
		{"redacting a statement into a voiding one hides its target", voidedByRedacting},
		{"erasing a voided statement leaves the voiding one", erasedWhenVoided},
		{"a refused batch voids nothing", refusedVoiding},
	})
}

// wantVoided fails the test unless the statement is there, voided or not as said, and found by
// filters when it is not.
func (s *subject) wantVoided(p post, voided bool) {
	s.Helper()
	if e := s.wantPost(p); e.Voided != voided {
		s.Fatalf("statement %s: voided is %v, want %v", p.id, e.Voided, voided)
	}
	for _, terms := range [][]lrs.Term{nil, p.draft(s).Terms} {
		found := false
		for _, e := range s.find(terms...) {
			found = found || e.ID == p.id
		}
		if found == voided {
			s.Fatalf("statement %s: voided is %v, and found by %d terms is %v", p.id, voided, len(terms), found)
		}
	}
	for _, e := range s.history() {
		if e.Entry.ID == p.id && e.Entry.Voided != voided {
			s.Fatalf("statement %s: voided is %v in the log, want %v", p.id, e.Entry.Voided, voided)
		}
	}
}

// target and voiding make a statement and one that voids it.
func targetAndVoiding() (target, voiding post) {
	target = richTarget()
	return target, newPost(voids(target.id))
}

func voidedIsHidden(s *subject) {
	target, voiding := targetAndVoiding()
	other := richTarget()
	s.add(target, other)
	s.wantVoided(target, false)
	s.add(voiding)
	s.wantVoided(target, true)
	s.wantVoided(voiding, false)
	s.wantVoided(other, false)
	s.wantLog(target.id, other.id, voiding.id)
	s.reopen()
	s.wantVoided(target, true)
	s.wantVoided(other, false)
}

func voidedBeforeArrival(s *subject) {
	target, voiding := targetAndVoiding()
	s.add(voiding)
	s.wantNothing(target.id)
	s.reopen()
	s.add(target)
	s.wantVoided(target, true)
	s.wantVoided(voiding, false)
}

func voidedInOneBatch(s *subject) {
	target, voiding := targetAndVoiding()
	s.add(target, voiding)
	s.wantVoided(target, true)
	target, voiding = targetAndVoiding()
	s.add(voiding, target)
	s.wantVoided(target, true)
	s.wantVoided(voiding, false)
}

func voidingNotVoided(s *subject) {
	for _, voidingFirst := range []bool{true, false} {
		target, voiding := targetAndVoiding()
		rebel := newPost(voids(voiding.id))
		s.add(target)
		if voidingFirst {
			s.add(voiding)
			s.add(rebel)
		} else {
			s.add(rebel)
			s.add(voiding)
		}
		s.wantVoided(target, true)
		s.wantVoided(voiding, false)
		s.wantVoided(rebel, false)
	}
}

func voidedTwice(s *subject) {
	target, voiding := targetAndVoiding()
	again := newPost(voids(target.id))
	s.add(voiding, target)
	s.add(again)
	s.wantVoided(target, true)
	s.must(s.Store.EraseStatement(s.ctx, voiding.id))
	s.wantVoided(target, true)
	s.must(s.Store.EraseStatement(s.ctx, again.id))
	s.wantVoided(target, false)
}

func voidingFoundByTarget(s *subject) {
	target, voiding := targetAndVoiding()
	early := newPost(voids(target.id))
	s.add(early)
	s.add(target)
	s.add(voiding)
	for _, term := range richTerms() {
		s.wantIDs(s.find(term), early.id, voiding.id)
	}
	s.wantIDs(s.find(lrs.IRITerm(lrs.TermVerb, lrs.VerbVoided)), early.id, voiding.id)
}

func voidsItself(s *subject) {
	p := newPost()
	p = p.with(voids(p.id))
	s.add(p)
	s.wantVoided(p, false)
}

func inheritsFromVoided(s *subject) {
	target, voiding := targetAndVoiding()
	referrer := newPost(refersTo(target.id))
	s.add(target, voiding)
	s.add(referrer)
	s.wantIDs(s.find(agentTerm(agents[3])), voiding.id, referrer.id)
}

func unvoidedByErasing(s *subject) {
	for _, voidingFirst := range []bool{true, false} {
		target, voiding := targetAndVoiding()
		if voidingFirst {
			s.add(voiding)
			s.add(target)
		} else {
			s.add(target, voiding)
		}
		s.must(s.Store.EraseStatement(s.ctx, voiding.id))
		s.wantVoided(target, false)
		s.add(voiding)
		s.wantVoided(target, false)
		s.reopen()
		s.wantVoided(target, false)
	}
	target, voiding := targetAndVoiding()
	s.add(voiding)
	s.must(s.Store.EraseStatement(s.ctx, voiding.id))
	s.add(target)
	s.wantVoided(target, false)
}

func unvoidedByRedacting(s *subject) {
	target, voiding := targetAndVoiding()
	s.add(target, voiding)
	harmless := voiding.with(did(verbs[0]))
	s.must(s.Store.RedactStatement(s.ctx, voiding.id, harmless.draft(s)))
	s.wantVoided(target, false)
	s.wantVoided(harmless, false)
}

func voidedByRedacting(s *subject) {
	target, voiding := targetAndVoiding()
	harmless := voiding.with(did(verbs[0]))
	s.add(target, harmless)
	s.wantVoided(target, false)
	s.must(s.Store.RedactStatement(s.ctx, voiding.id, voiding.draft(s)))
	s.wantVoided(target, true)
	s.wantVoided(voiding, false)
}

func erasedWhenVoided(s *subject) {
	target, voiding := targetAndVoiding()
	s.add(target, voiding)
	s.must(s.Store.EraseStatement(s.ctx, target.id))
	s.wantNothing(target.id)
	s.wantVoided(voiding, false)
	for _, term := range richTerms() {
		s.wantIDs(s.find(term))
	}
	s.add(target)
	s.wantNothing(target.id)
}

func refusedVoiding(s *subject) {
	target, voiding := targetAndVoiding()
	s.add(target)
	err := s.Store.AppendStatements(s.ctx, drafts(s, []post{voiding, target.with(did(verbs[0]))}))
	s.wantConflict(err, 1)
	s.wantVoided(target, false)
}
