package storagetest

import (
	"testing"

	"pgregory.net/rapid"

	"acquis/lrs"
)

// Erasure tests lrs.Eraser on statements; documents.go tests it on documents.
func Erasure(t *testing.T, f Factory) {
	check(t, f, []rule{
		{"erasing or redacting what isn't there is not found", eraseUnknown},
		{"an erased statement can't be read or found, and posting it again changes nothing", erasedIsGone},
		{"an erased id is not taken: another statement under it changes nothing and is no error", erasedIDIsNoConflict},
		{"attachments go with the last statement that refers to them, with the next sweep at the latest", erasedAttachments},
		{"a redacted statement keeps id and stored and is found by its new terms only", redactedIsReplaced},
		{"a redacted statement's former attachments can be swept", redactedAttachments},
		{"repeating a redacted statement changes nothing", redactedRepeat},
		{"an activity's definition goes with the last statement that mentions it", erasedDefinition},
		{"what others define stays when a statement that defined it too is erased", sharedDefinitionStays},
	})
	property(t, f, "nothing that was erased or redacted can be read or found, whatever happened", func(rt *rapid.T, s *subject) {
		c := &chronicle{s, NewModel(), 4}
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0, 1, 2:
				c.append(rt, c.references)
			case 3:
				c.erase(rt)
			case 4:
				c.redact(rt)
			case 5:
				c.restart()
				c.settle() // what is inherited may come a little later after a kill
			}
		}
		c.agree()
		c.forgotten()
		c.wantErasedStay(rt)
		c.agree()
		c.reopen()
		c.agree()
	})
}

// named sets the id that the post is known by.
func (p post) named(id lrs.ID) post {
	p.id = id
	return p
}

// wantNowhere fails the test when any trace of the post can be read or found. Statements that refer
// to it may still be found by its id as target.
func (s *subject) wantNowhere(p post) {
	s.Helper()
	s.wantNothing(p.id)
	for _, term := range p.draft(s).Terms {
		for _, e := range s.find(term) {
			if e.ID == p.id {
				s.Fatalf("the erased statement %s is found by a term of kind %d", p.id, term.Kind())
			}
		}
	}
	for _, e := range append(s.find(), s.all(lrs.StatementQuery{})...) {
		if e.ID == p.id {
			s.Fatalf("the erased statement %s is on a page", p.id)
		}
	}
	for _, e := range s.history() {
		if e.Entry.ID == p.id {
			s.Fatalf("the erased statement %s is in the log", p.id)
		}
	}
}

func eraseUnknown(s *subject) {
	p := newPost()
	for range 2 {
		s.wantKind(s.Store.EraseStatement(s.ctx, p.id), lrs.KindNotFound)
		s.wantKind(s.Store.RedactStatement(s.ctx, p.id, p.draft(s)), lrs.KindNotFound)
		s.wantNothing(p.id)
	}
	s.add(p)
	s.must(s.Store.EraseStatement(s.ctx, p.id))
	s.wantKind(s.Store.EraseStatement(s.ctx, p.id), lrs.KindNotFound)
	s.wantKind(s.Store.RedactStatement(s.ctx, p.id, p.draft(s)), lrs.KindNotFound)
	s.wantNowhere(p)
}

func erasedIsGone(s *subject) {
	p, same, referrer := richTarget(), richTarget(), newPost()
	referrer = referrer.with(refersTo(p.id))
	s.add(same, p, referrer)
	s.wantIDs(s.find(richTerms()...), same.id, p.id, referrer.id)
	s.must(s.Store.EraseStatement(s.ctx, p.id))
	for range 2 {
		s.wantNowhere(p)
		s.wantIDs(s.find(richTerms()...), same.id)
		s.wantPost(same)
		s.wantPost(referrer)
		s.add(p)
		s.add(newPost(), p.respelled())
		s.wantNowhere(p)
		s.restart()
	}
}

func erasedIDIsNoConflict(s *subject) {
	p, other := newPost(), newPost()
	s.add(p)
	s.must(s.Store.EraseStatement(s.ctx, p.id))
	s.add(p.with(did(verbs[2])), other)
	s.wantNowhere(p)
	s.wantPost(other)
	s.wantIDs(s.find(), other.id)
}

// attached makes a post with attachments of these contents.
func attached(contents ...string) post {
	var list []fields
	var kept []string
	for _, content := range contents {
		list = append(list, fields{
			"usageType": "https://campus.example/attestation", "display": fields{"fr": "attestation"},
			"contentType": "text/plain", "length": len(content), "sha2": sha2(content),
		})
		kept = append(kept, sha2(content))
	}
	p := newPost(put("attachments", list))
	p.assigned.Kept, p.contents = kept, contents
	return p
}

func erasedAttachments(s *subject) {
	first, second := attached("own", "shared"), attached("shared")
	s.add(first, second)
	s.must(s.Store.EraseStatement(s.ctx, first.id))
	s.wantContents("shared")
	s.sweep(tomorrow())
	s.wantContents("shared")
	s.wantNoContents("own")
	s.reopen()
	s.wantContents("shared")
	s.must(s.Store.EraseStatement(s.ctx, second.id))
	s.sweep(tomorrow())
	s.wantNoContents("own", "shared")
	s.add(attached("shared"))
	s.wantContents("shared")
}

func redactedIsReplaced(s *subject) {
	p := richTarget()
	s.add(p)
	before := s.get(p.id)
	redacted := newPost(did(verbs[0])).with(identified(p.id)).named(p.id).from(2)
	for revision := uint32(1); revision <= 2; revision++ {
		s.must(s.Store.RedactStatement(s.ctx, p.id, redacted.draft(s)))
		for range 2 {
			e := s.wantPost(redacted)
			if e.Stored != before.Stored || e.Revision != revision {
				s.Fatalf("redacted: stored %s, revision %d; want %s, %d", e.Stored, e.Revision, before.Stored, revision)
			}
			for _, term := range richTerms() {
				s.wantIDs(s.find(term))
			}
			s.wantIDs(s.find(redacted.draft(s).Terms...), p.id)
			s.reopen()
		}
	}
}

func redactedAttachments(s *subject) {
	p := attached("old", "kept")
	redacted := attached("new", "kept").with(identified(p.id)).named(p.id)
	s.add(p)
	s.keep(s.Store, redacted.contents...)
	s.must(s.Store.RedactStatement(s.ctx, p.id, redacted.draft(s)))
	s.sweep(tomorrow())
	s.wantContents("new", "kept")
	s.wantNoContents("old")
}

func redactedRepeat(s *subject) {
	p := richTarget()
	redacted := p.with(did(verbs[0]))
	s.add(p)
	s.must(s.Store.RedactStatement(s.ctx, p.id, redacted.draft(s)))
	before := s.wantPost(redacted)
	s.add(redacted)
	s.wantSame(s.get(p.id), before)
	s.wantIDs(s.find(), p.id)
}

func erasedDefinition(s *subject) {
	const activity = "https://campus.example/entretiens/ada-lovelace"
	defines := newPost(defining(activity, fields{"name": fields{"fr": "Entretien d'Ada"}}))
	mentions := newPost(put("context", fields{"contextActivities": fields{"parent": []fields{{"id": activity}}}}))
	s.add(defines, mentions)
	s.wantDefinition(activity, `{"name":{"fr":"Entretien d'Ada"}}`)
	s.must(s.Store.EraseStatement(s.ctx, mentions.id))
	s.wantDefinition(activity, `{"name":{"fr":"Entretien d'Ada"}}`)
	s.must(s.Store.EraseStatement(s.ctx, defines.id))
	s.wantDefinition(activity, "")
	s.reopen()
	s.wantDefinition(activity, "")
	s.add(defines)
	s.wantDefinition(activity, "")
	s.add(newPost(defining(activity, fields{"name": fields{"fr": "Entretien d'Ada"}})))
	s.wantDefinition(activity, `{"name":{"fr":"Entretien d'Ada"}}`)
}

func sharedDefinitionStays(s *subject) {
	const activity = "https://campus.example/modules/paléographie"
	definition := fields{"name": fields{"fr": "Paléographie"}}
	first, second := newPost(defining(activity, definition)), newPost(defining(activity, definition))
	s.add(first, second)
	s.must(s.Store.EraseStatement(s.ctx, first.id))
	s.wantDefinition(activity, `{"name":{"fr":"Paléographie"}}`)
	s.reopen()
	s.wantDefinition(activity, `{"name":{"fr":"Paléographie"}}`)
}
