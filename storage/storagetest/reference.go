package storagetest

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"acquis/lrs"
)

// References tests what statements inherit from those that they refer to (Communication 2.1.3,
// filter conditions for StatementRefs).
func References(t *testing.T, f Factory) {
	check(t, f, []rule{
		{"a statement is found by every filter of its target, whichever came first", inheritsBothOrders},
		{"source, authority and target are not inherited", scopeNotInherited},
		{"context.statement inherits nothing", contextStatementInheritsNothing},
		{"a filter must match own and inherited terms together", ownAndInheritedTogether},
		{"a cycle of one, two or three statements gives each the terms of all", cycles},
		{"inheritance ends after MaxInheritance targets when the targets came first", func(s *subject) { s.inheritanceEnds(true) }},
		{"inheritance ends after MaxInheritance targets when the referrers came first", func(s *subject) { s.inheritanceEnds(false) }},
		{"thousands of referrers, near and far, that came before their target inherit in the end", largeFanIn},
		{"a large fan-in is finished after a restart", fanInOverRestart},
		{"erasing a link of a chain takes away what came through it", erasedLink},
		{"redacting a link of a chain changes what comes through it", redactedLink},
		{"redacting a reference to point elsewhere changes what is inherited", redirectedLink},
	})
	property(t, f, "a chain inherits alike in every order of arrival and every split into batches", chains)
	property(t, f, "random references read as in the model", func(rt *rapid.T, s *subject) {
		h := &chronicle{s, NewModel(), 10}
		for range rapid.IntRange(1, 5).Draw(rt, "batches") {
			h.append(rt, 7)
		}
		h.agree()
	})
}

// richTarget is a statement with every kind of inheritable term, by a source of its own.
func richTarget() post {
	return newPost(by(agents[3]), did(verbs[2]), about(activities[3]), put("context", fields{
		"registration": registrations[1].String(), "instructor": agents[5],
		"contextActivities": fields{"category": []fields{{"id": activities[4]}}},
	})).from(2)
}

func richTerms() []lrs.Term {
	return []lrs.Term{
		agentTerm(agents[3]), relatedAgentTerm(agents[3]), relatedAgentTerm(agents[5]),
		lrs.IRITerm(lrs.TermVerb, verbs[2]), lrs.IRITerm(lrs.TermActivity, activities[3]),
		lrs.IRITerm(lrs.TermRelatedActivity, activities[3]), lrs.IRITerm(lrs.TermRelatedActivity, activities[4]),
		lrs.IDTerm(lrs.TermRegistration, registrations[1]),
	}
}

func inheritsBothOrders(s *subject) {
	early, late, target := newPost(), newPost(), richTarget()
	early, late = early.with(refersTo(target.id)), late.with(refersTo(target.id))
	s.add(early)
	for _, term := range richTerms() {
		s.wantIDs(s.find(term))
	}
	s.add(target)
	s.add(late)
	for _, term := range richTerms() {
		s.wantIDs(s.find(term), early.id, target.id, late.id)
	}
	s.wantIDs(s.find(richTerms()...), early.id, target.id, late.id)
	s.reopen()
	s.wantIDs(s.find(richTerms()...), early.id, target.id, late.id)
}

func scopeNotInherited(s *subject) {
	target := richTarget()
	near := newPost(refersTo(target.id))
	far := newPost(refersTo(near.id))
	s.add(far, near, target)
	s.wantIDs(s.find(lrs.SourceTerm(sources[2])), target.id)
	s.wantIDs(s.find(lrs.AuthorityTerm(authorities[2].Actor)), target.id)
	s.wantIDs(s.find(lrs.IDTerm(lrs.TermTarget, target.id)), near.id)
	s.wantIDs(s.find(lrs.IDTerm(lrs.TermTarget, near.id)), far.id)
}

func contextStatementInheritsNothing(s *subject) {
	target := richTarget()
	mention := put("context", fields{"statement": fields{"objectType": "StatementRef", "id": target.id.String()}})
	before, after := newPost(mention), newPost(mention)
	s.add(before)
	s.add(target)
	s.add(after)
	for _, term := range richTerms() {
		s.wantIDs(s.find(term), target.id)
	}
}

func ownAndInheritedTogether(s *subject) {
	target := richTarget()
	referrer := newPost(refersTo(target.id), did(verbs[1]))
	s.add(referrer, target)
	s.wantIDs(s.find(lrs.IRITerm(lrs.TermVerb, verbs[1]), agentTerm(agents[3])), referrer.id)
	s.wantIDs(s.find(lrs.IRITerm(lrs.TermVerb, verbs[1]), lrs.IRITerm(lrs.TermVerb, verbs[2])), referrer.id)
	s.wantIDs(s.find(lrs.SourceTerm(sources[0]), agentTerm(agents[3])), referrer.id)
}

func linkVerb(i int) string { return "https://campus.example/verbs/" + nthID("verb", i).String() }

func linkTerm(i int) lrs.Term { return lrs.IRITerm(lrs.TermVerb, linkVerb(i)) }

// chain makes n statements of which each refers to the next; the last is about an activity.
func chain(n int) []post {
	posts := make([]post, n)
	for i := range n {
		posts[i] = newPost(did(linkVerb(i)))
	}
	for i := range n - 1 {
		posts[i] = posts[i].with(refersTo(posts[i+1].id))
	}
	return posts
}

// wantFound fails the test unless exactly these statements, in any order, have the term.
func (s *subject) wantFound(term lrs.Term, want []post) {
	s.Helper()
	got, wanted := entryIDs(s.find(term)), ids(want)
	sortIDs(got)
	sortIDs(wanted)
	if !slices.Equal(got, wanted) {
		s.Fatalf("%d statements have the term, want %d: %.400s, want %.400s", len(got), len(wanted), fmt.Sprint(got), fmt.Sprint(wanted))
	}
}

func sortIDs(list []lrs.ID) {
	slices.SortFunc(list, func(a, b lrs.ID) int { return slices.Compare(a[:], b[:]) })
}

func cycles(s *subject) {
	for size := 1; size <= 3; size++ {
		for _, together := range []bool{true, false} {
			posts := chain(size)
			posts[size-1] = posts[size-1].with(refersTo(posts[0].id))
			registration := nthID("cycle", size)
			posts[0] = posts[0].with(registeredAs(registration))
			if together {
				s.add(posts...)
			} else {
				for _, p := range posts {
					s.add(p)
				}
			}
			s.wantFound(lrs.IDTerm(lrs.TermRegistration, registration), posts)
			for i := range size {
				s.wantFound(linkTerm(i), posts)
			}
			for _, p := range posts {
				s.must(s.Store.EraseStatement(s.ctx, p.id))
			}
		}
	}
}

func (s *subject) inheritanceEnds(targetsFirst bool) {
	const n = lrs.MaxInheritance + 3
	posts := chain(n)
	sent := slices.Clone(posts)
	if targetsFirst {
		slices.Reverse(sent)
	}
	for batch := range slices.Chunk(sent, 20) {
		s.add(batch...)
	}
	s.settle()
	s.wantFound(linkTerm(n-1), posts[2:])
	s.wantFound(linkTerm(n-2), posts[1:n-1])
	s.wantFound(linkTerm(n-3), posts[:n-2])
	s.wantFound(linkTerm(1), posts[:2])
}

// addReferrers stores near statements that refer to the target and far ones that refer to those:
// more than a backend finishes before it answers.
func (s *subject) addReferrers(target lrs.ID, nears, fars int) (near, far []post) {
	s.Helper()
	near, far = newPosts(nears, refersTo(target)), newPosts(fars)
	for i := range far {
		far[i] = far[i].with(refersTo(near[i].id))
	}
	for batch := range slices.Chunk(slices.Concat(far, near), 250) {
		s.add(batch...)
	}
	return near, far
}

func largeFanIn(s *subject) {
	target := richTarget()
	nears, fars := 1500, 500
	if s.Slow {
		nears, fars = 80, 20
	}
	near, far := s.addReferrers(target.id, nears, fars)
	s.add(target)
	s.settle()
	want := slices.Concat(near, far, []post{target})
	for _, term := range []lrs.Term{agentTerm(agents[3]), lrs.IDTerm(lrs.TermRegistration, registrations[1])} {
		s.wantFound(term, want)
	}
	s.must(s.Store.EraseStatement(s.ctx, target.id))
	s.settle()
	for _, term := range richTerms() {
		s.wantFound(term, nil)
	}
	s.wantFound(lrs.IDTerm(lrs.TermTarget, target.id), near)
}

func fanInOverRestart(s *subject) {
	target := richTarget()
	each := 350
	if s.Slow {
		each = 70
	}
	near, far := s.addReferrers(target.id, each, each)
	s.add(target)
	s.restart()
	s.settle()
	s.wantFound(agentTerm(agents[3]), slices.Concat(near, far, []post{target}))
}

func erasedLink(s *subject) {
	posts := chain(5)
	s.add(posts...)
	s.wantFound(linkTerm(4), posts)
	s.must(s.Store.EraseStatement(s.ctx, posts[2].id))
	s.wantFound(linkTerm(4), posts[3:])
	s.wantFound(linkTerm(3), posts[3:4])
	s.wantFound(linkTerm(2), nil)
	s.wantFound(linkTerm(1), posts[:2])
	s.must(s.Store.EraseStatement(s.ctx, posts[4].id))
	s.wantFound(linkTerm(4), nil)
	s.wantFound(linkTerm(3), posts[3:4])
	s.reopen()
	s.add(posts...)
	s.wantFound(linkTerm(1), posts[:2])
	s.wantFound(linkTerm(2), nil)
	s.wantFound(linkTerm(4), nil)
}

func redactedLink(s *subject) {
	posts := chain(4)
	s.add(posts...)
	redacted := posts[2].with(did(linkVerb(9)))
	s.must(s.Store.RedactStatement(s.ctx, posts[2].id, redacted.draft(s)))
	s.wantFound(linkTerm(2), nil)
	s.wantFound(linkTerm(9), posts[:3])
	s.wantFound(linkTerm(3), posts)
	s.reopen()
	s.wantFound(linkTerm(2), nil)
	s.wantFound(linkTerm(9), posts[:3])
}

func redirectedLink(s *subject) {
	posts, elsewhere := chain(4), newPost(did(linkVerb(8)))
	s.add(posts...)
	s.add(elsewhere)
	redirected := posts[1].with(refersTo(elsewhere.id))
	s.must(s.Store.RedactStatement(s.ctx, posts[1].id, redirected.draft(s)))
	s.wantFound(linkTerm(8), []post{posts[0], posts[1], elsewhere})
	s.wantFound(linkTerm(2), posts[2:3])
	s.wantFound(linkTerm(3), posts[2:])
	s.wantFound(lrs.IDTerm(lrs.TermTarget, posts[2].id), nil)
	s.must(s.Store.RedactStatement(s.ctx, posts[1].id, posts[1].with(about(activities[0])).draft(s)))
	s.wantFound(linkTerm(8), []post{elsewhere})
	s.wantFound(linkTerm(1), posts[:2])
}

func chains(rt *rapid.T, s *subject) {
	posts := chain(rapid.IntRange(2, 6).Draw(rt, "length"))
	if rapid.Bool().Draw(rt, "fork") {
		posts = append(posts, newPost(did(linkVerb(len(posts))), refersTo(posts[1].id)))
	}
	want := NewModel()
	s.must(addTo(s.ctx, s, want, posts...))
	sent := rapid.Permutation(posts).Draw(rt, "order")
	for len(sent) > 0 {
		n := rapid.IntRange(1, len(sent)).Draw(rt, "batch")
		s.add(sent[:n]...)
		sent = sent[n:]
	}
	for i := range posts {
		found, err := collect(s.ctx, want, lrs.StatementQuery{Terms: []lrs.Term{linkTerm(i)}})
		s.must(err)
		got, wanted := entryIDs(s.find(linkTerm(i))), entryIDs(found)
		sortIDs(got)
		sortIDs(wanted)
		s.wantSame(got, wanted)
	}
}
