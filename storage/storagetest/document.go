package storagetest

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"acquis/lrs"
)

// Documents tests lrs.DocumentStore and lrs.Eraser.EraseAgentDocuments.
func Documents(t *testing.T, f Factory) {
	check(t, f, []rule{
		{"a document of each kind comes back as it was written, also after reopening (XAPI-00182)", documentComesBack},
		{"what isn't there is not found, and removing it is no error", unknownDocument},
		{"documents of different scopes with one id are different documents", scopesAreSeparate},
		{"fields that a kind doesn't have don't count", idleFields},
		{"an agent is who its identifier says, whatever it is called", agentByIdentifier},
		{"ids of odd characters neither clash nor get lost", oddIDs},
		{"a change that fails changes nothing and gives its own error", failedChange},
		{"a change sees the current document", changeSeesCurrent},
		{"concurrent updates lose nothing (compare and swap)", contendedDocument},
		{"concurrent creations: exactly one finds nothing there", contendedCreation},
		{"a document is deleted only when the precondition holds", conditionalDelete},
		{"ids are listed sorted, those written after since only (XAPI-00189)", idsSince},
		{"a scope lists and deletes its registration, or all of them when asked to (XAPI-00188)", registrationScopes},
		{"deleting a scope leaves its neighbours (XAPI-00187)", deleteScope},
		{"erasing an agent's documents takes states and profiles and nothing else", eraseAgent},
		{"a document of some hundred kilobytes comes back", largeDocument},
	})
	property(t, f, "random updates and deletions read as in the model", documentsAsModel)
}

func stateKey(activity, agent int, registration lrs.ID, id string) lrs.DocumentKey {
	return lrs.DocumentKey{ID: id, DocumentScope: lrs.DocumentScope{
		Kind: lrs.StateDocument, Activity: activities[activity], Agent: actorOf(agents[agent]), Registration: registration,
	}}
}

func agentKey(agent int, id string) lrs.DocumentKey {
	return lrs.DocumentKey{ID: id, DocumentScope: lrs.DocumentScope{Kind: lrs.AgentProfileDocument, Agent: actorOf(agents[agent])}}
}

func activityKey(activity int, id string) lrs.DocumentKey {
	return lrs.DocumentKey{ID: id, DocumentScope: lrs.DocumentScope{Kind: lrs.ActivityProfileDocument, Activity: activities[activity]}}
}

// noRegistration is the registration of state that has none.
var noRegistration lrs.ID

// write replaces a document by plain text.
func (s *subject) write(key lrs.DocumentKey, content string) {
	s.Helper()
	s.must(s.Store.UpdateDocument(s.ctx, key, func(*lrs.Document) (lrs.Document, error) {
		return lrs.Document{ContentType: "text/plain; charset=utf-8", Content: []byte(content)}, nil
	}))
}

func (s *subject) read(key lrs.DocumentKey) lrs.Document {
	s.Helper()
	d, err := s.Store.Document(s.ctx, key)
	s.must(err)
	return d
}

func (s *subject) wantDocument(key lrs.DocumentKey, content string) {
	s.Helper()
	d := s.read(key)
	if string(d.Content) != content || d.ContentType != "text/plain; charset=utf-8" || d.Updated == 0 {
		s.Fatalf("the document %q is %.60q, of type %q, written %s; want %.60q", key.ID, d.Content, d.ContentType, d.Updated, content)
	}
}

func (s *subject) wantNoDocument(key lrs.DocumentKey) {
	s.Helper()
	if d, err := s.Store.Document(s.ctx, key); lrs.KindOf(err) != lrs.KindNotFound {
		s.Fatalf("the document %q is there: %.60q, error %v", key.ID, d.Content, err)
	}
}

func (s *subject) wantDocumentIDs(scope lrs.DocumentScope, since lrs.Instant, want ...string) {
	s.Helper()
	got, err := s.Store.DocumentIDs(s.ctx, scope, since)
	s.must(err)
	if strings.Join(got.IDs, "|") != strings.Join(want, "|") {
		s.Fatalf("got the ids %q, want %q", got.IDs, want)
	}
	if (got.Updated > since) != (len(want) > 0) {
		s.Fatalf("the newest of the ids %q written after %s was written at %s", got.IDs, since, got.Updated)
	}
}

// oneOfEach are keys of every kind with the same id, each another document.
func oneOfEach() []lrs.DocumentKey {
	return []lrs.DocumentKey{
		stateKey(0, 0, noRegistration, "x"), stateKey(0, 0, registrations[0], "x"), stateKey(0, 0, registrations[1], "x"),
		stateKey(0, 1, noRegistration, "x"), stateKey(1, 0, noRegistration, "x"),
		agentKey(0, "x"), agentKey(1, "x"), activityKey(0, "x"), activityKey(1, "x"),
	}
}

func documentComesBack(s *subject) {
	for i, key := range oneOfEach() {
		s.write(key, strconv.Itoa(i))
	}
	s.write(activityKey(2, "binary"), "\x00\xff")
	s.write(activityKey(2, "empty"), "")
	for range 2 {
		for i, key := range oneOfEach() {
			s.wantDocument(key, strconv.Itoa(i))
		}
		s.wantDocument(activityKey(2, "binary"), "\x00\xff")
		s.wantDocument(activityKey(2, "empty"), "")
		s.restart()
	}
}

func unknownDocument(s *subject) {
	for _, key := range oneOfEach() {
		s.wantNoDocument(key)
		s.wantDocumentIDs(key.DocumentScope, 0)
		s.must(s.Store.DeleteDocument(s.ctx, key, lrs.Precondition{}))
		s.must(s.Store.DeleteDocuments(s.ctx, key.DocumentScope))
	}
}

func scopesAreSeparate(s *subject) {
	keys := oneOfEach()
	for i, key := range keys {
		s.write(key, strconv.Itoa(i))
		for _, absent := range keys[i+1:] {
			s.wantNoDocument(absent)
		}
	}
	for i, key := range keys {
		s.must(s.Store.DeleteDocument(s.ctx, key, lrs.Precondition{}))
		s.wantNoDocument(key)
		for j, present := range keys[i+1:] {
			s.wantDocument(present, strconv.Itoa(i+1+j))
		}
	}
}

func idleFields(s *subject) {
	profile := agentKey(0, "x")
	s.write(profile, "profile")
	profile.Activity, profile.Registration = activities[0], registrations[0]
	s.wantDocument(profile, "profile")
	course := activityKey(0, "x")
	s.write(course, "course")
	course.Agent, course.Registration = actorOf(agents[0]), registrations[0]
	s.wantDocument(course, "course")
	s.wantDocumentIDs(course.DocumentScope, 0, "x")
}

func agentByIdentifier(s *subject) {
	s.write(agentKey(0, "x"), "ada")
	key := agentKey(0, "x")
	key.Agent = actorOf(fields{"mbox": "mailto:ada@EXAMPLE.org", "name": "A. Lovelace"})
	s.wantDocument(key, "ada")
	s.write(agentKey(6, "x"), "pix")
	s.write(agentKey(7, "x"), "openclassrooms")
	s.wantDocument(agentKey(6, "x"), "pix")
	s.wantDocument(agentKey(7, "x"), "openclassrooms")
}

func oddIDs(s *subject) {
	odd := []string{"a", "a/b", "a\x00b", "a\x00", "\x00", "$a.b", ".", "..", "a b", "A", "é", "e\u0301"}
	key := activityKey(0, "")
	for _, id := range odd {
		key.ID = id
		s.write(key, "content of "+id)
	}
	for _, id := range odd {
		key.ID = id
		s.wantDocument(key, "content of "+id)
	}
	for _, id := range []string{"%2F", "🦊", `"`, "a|b", "b"} {
		key.ID = id
		s.wantNoDocument(key)
	}
	// The border between activity and id must not shift.
	for _, border := range [][2]string{{"https://campus.example/a", "b/c"}, {"https://campus.example/a/b", "c"}, {"https://campus.example/a/", "b/c"}} {
		key.Activity, key.ID = border[0], border[1]
		s.wantNoDocument(key)
		s.write(key, border[0])
	}
	s.wantDocumentIDs(lrs.DocumentScope{Kind: lrs.ActivityProfileDocument, Activity: "https://campus.example/a"}, 0, "b/c")
	s.wantDocumentIDs(lrs.DocumentScope{Kind: lrs.ActivityProfileDocument, Activity: "https://campus.example/a/b"}, 0, "c")
	s.must(s.Store.DeleteDocuments(s.ctx, lrs.DocumentScope{Kind: lrs.ActivityProfileDocument, Activity: "https://campus.example/a"}))
	s.wantDocument(key, "https://campus.example/a/")
}

// errChange is what a change may fail with.
var errChange = errors.New("the change is refused")

func failedChange(s *subject) {
	refuse := func(*lrs.Document) (lrs.Document, error) { return lrs.Document{Content: []byte("no")}, errChange }
	key := stateKey(0, 0, noRegistration, "x")
	for _, prepare := range []func(){func() {}, func() { s.write(key, "before") }} {
		prepare()
		if err := s.Store.UpdateDocument(s.ctx, key, refuse); !errors.Is(err, errChange) {
			s.Fatalf("a change failed and the store answered %v", err)
		}
	}
	s.wantDocument(key, "before")
}

func changeSeesCurrent(s *subject) {
	key := agentKey(2, "x")
	var seen *lrs.Document
	appendTo := func(text string) func(*lrs.Document) (lrs.Document, error) {
		return func(current *lrs.Document) (lrs.Document, error) {
			seen = current
			if current == nil {
				return lrs.Document{ContentType: "text/plain; charset=utf-8", Content: []byte(text)}, nil
			}
			return lrs.Document{ContentType: current.ContentType, Content: append(bytes.Clone(current.Content), text...)}, nil
		}
	}
	s.must(s.Store.UpdateDocument(s.ctx, key, appendTo("a")))
	if seen != nil {
		s.Fatalf("a change of nothing sees %q", seen.Content)
	}
	first := s.read(key)
	s.must(s.Store.UpdateDocument(s.ctx, key, appendTo("b")))
	s.wantSame(*seen, first)
	s.wantDocument(key, "ab")
	if again := s.read(key); again.Updated < first.Updated {
		s.Fatalf("updated went back from %s to %s", first.Updated, again.Updated)
	}
}

func contendedDocument(s *subject) {
	const writers, each = 8, 50
	key := stateKey(0, 0, registrations[0], "counter")
	increment := func(current *lrs.Document) (lrs.Document, error) {
		n := 0
		if current != nil {
			var err error
			if n, err = strconv.Atoi(string(current.Content)); err != nil {
				return lrs.Document{}, err
			}
		}
		return lrs.Document{ContentType: "application/json", Content: []byte(strconv.Itoa(n + 1))}, nil
	}
	var group errgroup.Group
	for range writers {
		group.Go(func() error {
			for range each {
				if err := s.Store.UpdateDocument(s.ctx, key, increment); err != nil {
					return err
				}
			}
			return nil
		})
	}
	s.must(group.Wait())
	s.wantSame(string(s.read(key).Content), strconv.Itoa(writers*each))
}

func contendedCreation(s *subject) {
	for round := range 10 {
		key := activityKey(0, strconv.Itoa(round))
		made := make([]bool, 6)
		var group errgroup.Group
		for i := range made {
			group.Go(func() error {
				err := s.Store.UpdateDocument(s.ctx, key, func(current *lrs.Document) (lrs.Document, error) {
					if current != nil {
						return lrs.Document{}, errChange
					}
					return lrs.Document{ContentType: "text/plain; charset=utf-8", Content: []byte(strconv.Itoa(i))}, nil
				})
				made[i] = err == nil
				if errors.Is(err, errChange) {
					return nil
				}
				return err
			})
		}
		s.must(group.Wait())
		winners := 0
		for i := range made {
			if made[i] {
				winners++
				s.wantDocument(key, strconv.Itoa(i))
			}
		}
		if winners != 1 {
			s.Fatalf("%d of %d found nothing there", winners, len(made))
		}
	}
}

func conditionalDelete(s *subject) {
	yes, no := true, false
	key := stateKey(0, 0, noRegistration, "x")
	etag, other := lrs.ContentETag([]byte("content")), lrs.ContentETag([]byte("other"))
	s.write(key, "content")
	for _, p := range []lrs.Precondition{
		{Exists: &no}, {ETags: []string{other}}, {NotETags: []string{other, etag}}, {Exists: &yes, ETags: []string{other}},
	} {
		s.wantKind(s.Store.DeleteDocument(s.ctx, key, p), lrs.KindPrecondition)
		s.wantDocument(key, "content")
	}
	for _, p := range []lrs.Precondition{{}, {Exists: &yes}, {ETags: []string{other, etag}}, {NotETags: []string{other}}} {
		s.write(key, "content")
		s.must(s.Store.DeleteDocument(s.ctx, key, p))
		s.wantNoDocument(key)
	}
	s.wantKind(s.Store.DeleteDocument(s.ctx, key, lrs.Precondition{ETags: []string{etag}}), lrs.KindPrecondition)
	s.wantKind(s.Store.DeleteDocument(s.ctx, key, lrs.Precondition{Exists: &yes}), lrs.KindPrecondition)
	s.must(s.Store.DeleteDocument(s.ctx, key, lrs.Precondition{Exists: &no}))
}

func idsSince(s *subject) {
	keys := []lrs.DocumentKey{agentKey(0, "b"), agentKey(0, "a"), agentKey(0, "é"), agentKey(0, "B")}
	for _, key := range keys {
		s.write(key, "x")
	}
	scope := keys[0].DocumentScope
	s.wantDocumentIDs(scope, 0, "B", "a", "b", "é")
	s.write(keys[0], "again")
	for _, since := range keys {
		at := s.read(since).Updated
		var want []string
		for _, id := range []string{"B", "a", "b", "é"} {
			if s.read(agentKey(0, id)).Updated > at {
				want = append(want, id)
			}
		}
		s.wantDocumentIDs(scope, at, want...)
	}
	s.wantDocumentIDs(scope, lrs.MaxInstant)
	s.wantDocumentIDs(scope, s.read(keys[0]).Updated-1, "b")
}

func registrationScopes(s *subject) {
	s.write(stateKey(0, 0, noRegistration, "none"), "")
	s.write(stateKey(0, 0, noRegistration, "shared"), "")
	s.write(stateKey(0, 0, registrations[0], "shared"), "")
	s.write(stateKey(0, 0, registrations[0], "first"), "")
	s.write(stateKey(0, 0, registrations[1], "second"), "")
	s.write(stateKey(1, 0, registrations[1], "elsewhere"), "")
	scope := stateKey(0, 0, noRegistration, "").DocumentScope
	s.wantDocumentIDs(scope, 0, "none", "shared")
	scope.Registration = registrations[0]
	s.wantDocumentIDs(scope, 0, "first", "shared")
	scope.AnyRegistration = true
	s.wantDocumentIDs(scope, 0, "first", "none", "second", "shared")
	scope.Registration = noRegistration
	s.wantDocumentIDs(scope, 0, "first", "none", "second", "shared")
	scope.AnyRegistration = false
	s.must(s.Store.DeleteDocuments(s.ctx, scope))
	scope.AnyRegistration = true
	s.wantDocumentIDs(scope, 0, "first", "second", "shared")
	s.must(s.Store.DeleteDocuments(s.ctx, scope))
	s.wantDocumentIDs(scope, 0)
	s.wantDocument(stateKey(1, 0, registrations[1], "elsewhere"), "")
}

func deleteScope(s *subject) {
	for _, deleted := range []lrs.DocumentKey{stateKey(0, 0, registrations[0], "x"), agentKey(0, "x"), activityKey(0, "x")} {
		for _, key := range oneOfEach() {
			s.write(key, "x")
			key.ID = "y"
			s.write(key, "y")
		}
		s.must(s.Store.DeleteDocuments(s.ctx, deleted.DocumentScope))
		for _, key := range oneOfEach() {
			if holds(deleted.DocumentScope, key) {
				s.wantDocumentIDs(key.DocumentScope, 0)
				s.wantNoDocument(key)
			} else {
				s.wantDocumentIDs(key.DocumentScope, 0, "x", "y")
			}
		}
	}
}

func eraseAgent(s *subject) {
	for _, key := range oneOfEach() {
		s.write(key, "x")
	}
	renamed := actorOf(agents[0])
	renamed.Name = "renamed"
	for _, want := range []int{5, 0} {
		n, err := s.Store.EraseAgentDocuments(s.ctx, renamed)
		s.must(err)
		if n != want {
			s.Fatalf("erasing an agent's documents removed %d, want %d", n, want)
		}
	}
	for range 2 {
		for _, key := range oneOfEach() {
			if key.Kind != lrs.ActivityProfileDocument && sameAgent(key.Agent, renamed) {
				s.wantNoDocument(key)
				s.wantDocumentIDs(key.DocumentScope, 0)
			} else {
				s.wantDocument(key, "x")
			}
		}
		s.reopen()
	}
}

func largeDocument(s *subject) {
	content := strings.Repeat("état ", 80_000)
	s.write(activityKey(0, "large"), content)
	s.reopen()
	s.wantDocument(activityKey(0, "large"), content)
}

func documentsAsModel(rt *rapid.T, s *subject) {
	model := &subject{s.TB, Instance{Store: NewModel()}, s.ctx}
	keys := oneOfEach()
	for _, key := range oneOfEach() {
		key.ID = "y"
		keys = append(keys, key)
	}
	for range rapid.IntRange(1, 25).Draw(rt, "steps") {
		key := rapid.SampledFrom(keys).Draw(rt, "key")
		key.AnyRegistration = rapid.Bool().Draw(rt, "any") && key.Kind == lrs.StateDocument
		step := rapid.IntRange(0, 8).Draw(rt, "step")
		for _, on := range []*subject{s, model} {
			switch step {
			case 0:
				on.must(on.Store.DeleteDocument(on.ctx, key, lrs.Precondition{}))
			case 1:
				on.must(on.Store.DeleteDocuments(on.ctx, key.DocumentScope))
			case 2:
				_, err := on.Store.EraseAgentDocuments(on.ctx, actorOf(agents[0]))
				on.must(err)
			default:
				on.write(key, rapid.Just("content").Draw(rt, "content"))
			}
		}
	}
	for _, key := range keys {
		_, wantErr := model.Store.Document(s.ctx, key)
		_, err := s.Store.Document(s.ctx, key)
		s.wantKind(err, lrs.KindOf(wantErr))
		for _, any := range []bool{false, true} {
			scope := key.DocumentScope
			scope.AnyRegistration = any && scope.Kind == lrs.StateDocument
			want, err := model.Store.DocumentIDs(s.ctx, scope, 0)
			s.must(err)
			s.wantDocumentIDs(scope, 0, want.IDs...)
		}
	}
}
