package storagetest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"acquis/docstore"
	"acquis/lrs"
	"acquis/storage"
)

// CopySite is a place that holds one store at a time, empty at first.
type CopySite struct {
	// Open opens the store; filling says that it may be an unfinished copy.
	Open func(filling bool) (storage.Copyable, error)
	// Kill drops the open store as a kill -9 would; calls to it may still return. Close ends it where
	// the backend can't.
	Kill func()
	// Close closes the open store, if any.
	Close func()
	// Slow says that every statement is dear here.
	Slow bool
}

// CopyFactory makes a site for a test and arranges with t.Cleanup that it goes away.
type CopyFactory func(t testing.TB) CopySite

// Copy tests storage.Copy from stores of one backend to those of another, or of the same.
func Copy(t *testing.T, from, to CopyFactory) {
	for _, r := range []struct {
		sentence string
		test     func(*copies)
	}{
		{"a copy of an empty store is an empty store", copyNothing},
		{"everything arrives, at its position and to the byte", copyEverything},
		{"entries of the log that come one by one end alike", copyOneByOne},
		{"a copy is at once a store like any other and goes on above its source", copyGoesOn},
		{"a copy of a source that is ahead of the clock goes on above it", copyAhead},
		{"a long history arrives, killed midway", copyLong},
		{"a copy that is killed at any point goes on and ends alike", copyKilled},
		{"an unfinished copy is opened by nobody else", copyUnfinished},
		{"what is not empty is not filled", copyOccupied},
		{"a finished copy is not filled again", copyTwice},
		{"an unfinished copy of another source is left as it is", copyOfAnother},
		{"a source that changed under the copy is noticed, and what differs is named", copyDiffers},
		{"documents of the hub that nobody knows are not left behind", copyUnknownCollection},
	} {
		t.Run(r.sentence, func(t *testing.T) { r.test(newCopies(t, t, from, to)) })
	}
	t.Run("a copy of a random history answers as its source, killed at a random point or not", func(t *testing.T) {
		checks, slow, failed := 0, false, false
		rapid.Check(t, func(rt *rapid.T) {
			if checks++; slow && checks > fewChecks && !failed {
				return
			}
			defer func() { failed = failed || rt.Failed() }()
			scope := &scope{TB: t}
			defer scope.end()
			c := newCopies(rt, scope, from, to)
			slow = c.from.Slow || c.to.Slow
			copyRandom(rt, c)
		})
	})
}

// fewChecks are enough where every statement is dear.
const fewChecks = 5

// copies is a test with a source and the site of its copy.
type copies struct {
	rapid.TB
	ctx      context.Context
	from, to CopySite
	source   *subject
	target   *subject
}

func newCopies(t rapid.TB, scope testing.TB, from, to CopyFactory) *copies {
	t.Helper()
	c := &copies{TB: t, ctx: scope.Context(), from: from(scope), to: to(scope)}
	c.source = c.open(c.from, false)
	return c
}

func (c *copies) open(site CopySite, filling bool) *subject {
	c.Helper()
	store, err := site.Open(filling)
	if err != nil {
		c.Fatalf("open the store: %v", err)
	}
	return &subject{TB: c.TB, Instance: Instance{Store: store}, ctx: c.ctx}
}

func copyable(s *subject) storage.Copyable {
	s.Helper()
	store, ok := s.Store.(storage.Copyable)
	if !ok {
		s.Fatalf("the store cannot be copied")
	}
	return store
}

// errKilled is what a copy ends with that is killed.
var errKilled = errors.New("killed on purpose")

// kill decides at each step of a copy whether the target is killed there; steps count from 1.
type kill func(what string, step int) bool

func never(string, int) bool { return false }

func atStep(n int) kill { return func(_ string, step int) bool { return step == n } }

func atFirst(wanted string) kill { return func(what string, _ int) bool { return what == wanted } }

// try copies until the end or until the target is killed.
func (c *copies) try(kills kill) (parts []storage.CopiedPart, err error) {
	c.Helper()
	c.target = c.open(c.to, true)
	ctx, end := context.WithCancelCause(c.ctx)
	defer end(nil)
	step := 0
	parts, err = storage.Copy(ctx, copyable(c.source), copyable(c.target), storage.CopyOptions{
		Collections: []docstore.Collection{seats, moves},
		Progress: func(what string, _, _ int64) {
			if step++; ctx.Err() == nil && kills(what, step) {
				c.to.Kill()
				end(errKilled)
			}
		},
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return parts, err
}

// wantKilled tries to copy and kills the target.
func (c *copies) wantKilled(kills kill) {
	c.Helper()
	if _, err := c.try(kills); !errors.Is(err, errKilled) {
		c.Fatalf("a copy that should have been killed ended with %v", err)
	}
}

// copy copies to the end and reopens the copy.
func (c *copies) copy() []storage.CopiedPart {
	c.Helper()
	parts, err := c.try(never)
	c.source.must(err)
	c.reopen()
	return parts
}

// reopen opens the finished copy as everybody does.
func (c *copies) reopen() {
	c.Helper()
	c.to.Close()
	c.target = c.open(c.to, false)
}

// same fails the test unless the copy answers every question as its source does.
func (c *copies) same() {
	c.Helper()
	c.sameStatements()
	for _, activity := range activities {
		want, err := c.source.Store.ActivityDefinition(c.ctx, activity)
		c.source.must(err)
		got, err := c.target.Store.ActivityDefinition(c.ctx, activity)
		c.source.must(err)
		c.source.wantSame(string(got), string(want))
	}
	for _, content := range contents {
		if got, want := c.target.has(c.target.Store, content), c.source.has(c.source.Store, content); got != want {
			c.Fatalf("the copy has the attachment %q: %v, the source: %v", content, got, want)
		}
	}
	for k, err := range copyable(c.source).ExportKeys(c.ctx) {
		c.source.must(err)
		c.source.wantSame(c.target.key(k.Name), k.Key)
	}
}

// sameStatements compares the logs, and the answers to queries.
func (c *copies) sameStatements() {
	c.Helper()
	c.source.settle()
	c.target.settle()
	c.source.wantSame(c.target.history(), c.source.history())
	queries := []lrs.StatementQuery{{Ascending: true}, {}}
	for _, t := range worldTerms(chronicleIDs) {
		queries = append(queries, lrs.StatementQuery{Terms: []lrs.Term{t}, Ascending: true})
	}
	for _, q := range queries {
		c.source.wantSame(c.target.all(q), c.source.all(q))
	}
}

// fill puts something of everything into the source.
func (c *copies) fill() {
	c.Helper()
	s := c.source
	ids := make([]lrs.ID, chronicleIDs)
	for n := range ids {
		ids[n] = nthID("statement", n)
	}
	attached := newPost(identified(ids[0]), about(activities[0]), put("attachments", []fields{{
		"usageType": "https://campus.example/attestation", "display": fields{"fr": "attestation"},
		"contentType": "text/plain", "length": len(contents[0]), "sha2": sha2(contents[0]),
	}})).named(ids[0])
	attached.contents, attached.assigned.Kept = contents[:1], []string{sha2(contents[0])}
	s.add(
		newPost(identified(ids[1]), refersTo(ids[2])).named(ids[1]),
		newPost(identified(ids[2]), by(agents[3])).named(ids[2]).from(1),
		attached,
		newPost(identified(ids[3]), registeredAs(registrations[0]), defining(activities[2], fields{"name": fields{"fr": "Trier"}})).named(ids[3]),
		newPost(identified(ids[4]), voids(ids[3])).named(ids[4]),
		newPost(identified(ids[5]), voids(ids[6])).named(ids[5]),
		newPost(identified(ids[6]), refersTo(ids[1])).named(ids[6]),
		newPost(identified(ids[7]), by(agents[6])).named(ids[7]),
		newPost(identified(ids[9]), voids(ids[4])).named(ids[9]), // without effect
	)
	s.must(s.Store.EraseStatement(s.ctx, ids[7]))
	s.must(s.Store.RedactStatement(s.ctx, ids[2], newPost(identified(ids[2]), by(agents[4])).named(ids[2]).draft(s)))
	s.keep(s.Store, contents[3]) // of a statement that never came
	s.write(c.documents()[0], "position 3")
	s.write(c.documents()[1], "préférences")
	s.write(c.documents()[2], "")
	s.key("cursor")
	s.key("credentials")
	s.apply("b", putSeat("1", 0, "one", ofPerson("ada"), due(3)), putSeat("2", 0, "two"))
	s.apply("a", putSeat("1", 0, "three", ofPerson("blaise")))
	gone := s.apply("a", putSeat("2", 0, "gone"))
	s.apply("a", dropSeat("2", gone[0]))
}

func (c *copies) documents() []lrs.DocumentKey {
	agent := actorOf(agents[0])
	return []lrs.DocumentKey{
		{DocumentScope: lrs.DocumentScope{Kind: lrs.StateDocument, Activity: activities[0], Agent: agent, Registration: registrations[0]}, ID: "état/1"},
		{DocumentScope: lrs.DocumentScope{Kind: lrs.AgentProfileDocument, Agent: agent}, ID: "profil"},
		{DocumentScope: lrs.DocumentScope{Kind: lrs.ActivityProfileDocument, Activity: activities[3]}, ID: "séance"},
	}
}

// filled fails the test unless the copy holds what fill put beside the statements.
func (c *copies) filled() {
	c.Helper()
	for _, key := range c.documents() {
		c.source.wantSame(c.target.read(key), c.source.read(key))
	}
	anywhere := c.documents()[0].DocumentScope
	anywhere.Registration, anywhere.AnyRegistration = lrs.ID{}, true
	c.target.wantDocumentIDs(anywhere, 0, "état/1")
	scan := docstore.Scan{Collection: seats.Name, Limit: 100}
	c.source.wantSame(timelessEntries(c.target.entries(scan)), timelessEntries(c.source.entries(scan)))
	scan.Index = "person"
	c.source.wantSame(timelessEntries(c.target.entries(scan)), timelessEntries(c.source.entries(scan)))
}

func timelessEntries(entries []docstore.Entry) []docstore.Entry {
	for i := range entries {
		entries[i].Doc = timeless(entries[i].Doc)
	}
	return entries
}

func copyNothing(c *copies) {
	for _, p := range c.copy() {
		if p.Count != 0 && p.Name != "keys" {
			c.Fatalf("a copy of an empty store holds %d of the %s", p.Count, p.Name)
		}
	}
	c.same()
}

func copyEverything(c *copies) {
	c.fill()
	parts := c.copy()
	c.same()
	c.filled()
	for _, p := range parts {
		if p.Count == 0 && p.Name != "collection "+moves.Name || p.Digest == "" {
			c.Fatalf("the copy tells of %d %s with the digest %q", p.Count, p.Name, p.Digest)
		}
	}
}

// copyOneByOne imports the log in the smallest pieces, so that each statement meets what came before.
func copyOneByOne(c *copies) {
	c.fill()
	c.target = c.open(c.to, true)
	target, entries := copyable(c.target), c.source.history()
	last := entries[len(entries)-1].Position
	begin := storage.Import{Source: "one by one", Through: last}
	_, err := target.BeginImport(c.ctx, begin)
	c.source.must(err)
	for _, e := range entries {
		c.source.must(target.ImportLog(c.ctx, []lrs.LogEntry{e}))
		begin.Done = e.Position
		begun, err := target.BeginImport(c.ctx, storage.Import{Source: begin.Source})
		c.source.must(err)
		c.source.wantSame(begun, begin)
	}
	c.source.must(target.FinishImport(c.ctx))
	c.sameStatements()
}

func copyGoesOn(c *copies) {
	c.fill()
	_, err := c.try(never)
	c.source.must(err)
	last := c.source.history()
	next := newPost()
	c.target.add(next)
	if e := c.target.get(next.id); e.Stored <= last[len(last)-1].Position {
		c.Fatalf("the copy stored a statement at %s, its source's log ends at %s", e.Stored, last[len(last)-1].Position)
	}
	erased := nthID("statement", 7)
	c.target.add(newPost(identified(erased)).named(erased)) // a repeat of what was erased
	c.target.wantNothing(erased)
	c.target.must(c.target.Store.EraseStatement(c.ctx, nthID("statement", 0)))
	if c.target.has(c.target.Store, contents[0]) {
		c.target.sweep(tomorrow())
		c.target.wantNoContents(contents[0])
	}
	referrer, late := newPost(refersTo(nthID("statement", 8))), newPost(identified(nthID("statement", 8)), by(agents[5])).named(nthID("statement", 8))
	c.target.add(referrer)
	c.target.add(late)
	c.target.settle()
	c.target.wantFound(lrs.IFITerm(lrs.TermAgent, actorOf(agents[5]).IFI), []post{referrer, late})
	c.target.apply("a", putSeat("3", 0, "later"))
}

func copyAhead(c *copies) {
	ahead := storage.Import{Source: "ahead", Through: lrs.InstantOf(tomorrow())}
	c.target = c.open(c.to, true)
	_, err := copyable(c.target).BeginImport(c.ctx, ahead)
	c.source.must(err)
	c.source.must(copyable(c.target).FinishImport(c.ctx))
	c.to.Close()
	c.target = c.open(c.to, false)
	next := newPost()
	c.target.add(next)
	if e := c.target.get(next.id); e.Stored <= ahead.Through {
		c.Fatalf("the copy stored a statement at %s, its source was at %s", e.Stored, ahead.Through)
	}
}

// copyLong copies more of each kind than is moved at a time, where that is not too dear.
func copyLong(c *copies) {
	statements, documents := 1700, 450
	if c.from.Slow || c.to.Slow {
		statements, documents = 60, 10
	}
	for _, some := range slices.Collect(slices.Chunk(newPosts(statements), 100)) {
		c.source.add(some...)
	}
	var seats []docstore.Write
	for n := range documents {
		key := c.documents()[n%3]
		key.ID = strconv.Itoa(n)
		c.source.write(key, key.ID)
		seats = append(seats, putSeat(key.ID, 0, key.ID, due(n)))
	}
	c.source.apply("a", seats...)
	logs := 0
	c.wantKilled(func(what string, _ int) bool {
		if what == "log" {
			logs++
		}
		return logs > 1 || what == "erased ids" || what == "definitions" || what == "documents"
	})
	c.copy()
	c.same()
	for n := range documents {
		key := c.documents()[n%3]
		key.ID = strconv.Itoa(n)
		c.target.wantDocument(key, key.ID)
	}
	if found := len(c.target.entries(docstore.Scan{Collection: "seats", Index: "due", Limit: 1000})); found != documents {
		c.Fatalf("the copy has %d documents of the hub, want %d", found, documents)
	}
}

func copyRandom(rt *rapid.T, c *copies) {
	history := &chronicle{subject: c.source, model: NewModel(), references: rapid.IntRange(0, 6).Draw(rt, "references")}
	for range rapid.IntRange(0, 8).Draw(rt, "acts") {
		switch rapid.IntRange(1, 6).Draw(rt, "act") {
		case 1:
			history.erase(rt)
		case 2:
			history.redact(rt)
		default:
			history.append(rt, history.references)
		}
	}
	kills := never
	if rapid.Bool().Draw(rt, "killed") {
		kills = atStep(rapid.IntRange(1, 20).Draw(rt, "step"))
	}
	switch _, err := c.try(kills); { // a short history has fewer steps
	case err == nil:
		c.reopen()
	case errors.Is(err, errKilled):
		c.copy()
	default:
		c.Fatalf("a copy ended with %v", err)
	}
	c.same()
	history.subject = c.target
	history.agree()
}
