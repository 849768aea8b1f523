package storagetest

import (
	"reflect"
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"acquis/lrs"
)

// chronicleIDs is how many ids a chronicle uses: few, so that its statements meet.
const chronicleIDs = 10

// chronicle does the same random things to a store and to the model, and compares what they answer.
type chronicle struct {
	*subject
	model      *Model
	references int // how many statements of ten refer to another
}

// append stores a random batch: repeats, conflicts and erased ids may be among it.
func (c *chronicle) append(rt *rapid.T, references int) {
	batch := rapid.SliceOfN(statements(chronicleIDs, references), 1, 5).Draw(rt, "batch")
	if rapid.Bool().Draw(rt, "repeat") {
		batch = append(batch, batch[0].respelled())
	}
	got, want := addTo(c.ctx, c, c.Store, batch...), addTo(c.ctx, c, c.model, batch...)
	if want != nil {
		c.wantKind(got, lrs.KindOf(want))
		c.wantSame(pointers(got), pointers(want))
		return
	}
	c.must(got)
	c.must(c.model.adopt(c.ctx, c.Store))
}

func pointers(err error) []string {
	var list []string
	for _, v := range asError(err).Violations {
		list = append(list, v.Pointer)
	}
	return list
}

func anyID() *rapid.Generator[lrs.ID] {
	return rapid.Map(rapid.IntRange(0, chronicleIDs-1), func(n int) lrs.ID { return nthID("statement", n) })
}

// erase erases a statement that may be there or not.
func (c *chronicle) erase(rt *rapid.T) {
	id := anyID().Draw(rt, "erased")
	got, want := c.Store.EraseStatement(c.ctx, id), c.model.EraseStatement(c.ctx, id)
	c.wantOutcome(got, want)
}

// redact replaces a statement, which may be there or not, by any other.
func (c *chronicle) redact(rt *rapid.T) {
	p := statements(chronicleIDs, c.references).Draw(rt, "redacted")
	for _, store := range []lrs.AttachmentStore{c.Store, c.model} {
		c.keep(store, p.contents...)
	}
	got := c.Store.RedactStatement(c.ctx, p.id, p.draft(c))
	c.wantOutcome(got, c.model.RedactStatement(c.ctx, p.id, p.draft(c)))
}

func (c *chronicle) wantOutcome(got, want error) {
	c.Helper()
	if want == nil {
		c.must(got)
	} else {
		c.wantKind(got, lrs.KindOf(want))
	}
}

// agree fails the test unless the store answers every question as the model does.
func (c *chronicle) agree() {
	c.Helper()
	for n := range chronicleIDs {
		id := nthID("statement", n)
		got, err := c.Store.StatementByID(c.ctx, id)
		want, wantErr := c.model.StatementByID(c.ctx, id)
		c.wantOutcome(err, wantErr)
		c.wantSame(got, want)
	}
	c.agreeOn(lrs.StatementQuery{Ascending: true})
	for _, term := range worldTerms(chronicleIDs) {
		c.agreeOn(lrs.StatementQuery{Terms: []lrs.Term{term}, Ascending: true})
	}
	c.agreeOnLog()
	c.sweep(tomorrow())
	for _, content := range contents {
		got, want := c.has(c.Store, content), c.model.refersTo(sha2(content))
		if got != want {
			c.Fatalf("the attachment %q is there: %v, want %v", content, got, want)
		}
	}
}

func (c *chronicle) agreeOn(q lrs.StatementQuery) {
	c.Helper()
	want, err := collect(c.ctx, c.model, q)
	c.must(err)
	if got := c.all(q); !reflect.DeepEqual(got, want) {
		c.Fatalf("the answer to %v differs from the model's (-want +got):\n%s", q, cmp.Diff(want, got))
	}
}

// agreeOnLog compares the logs but for the positions of erasures and redactions, which are each
// store's own.
func (c *chronicle) agreeOnLog() {
	c.Helper()
	got := c.history()
	for i := range got {
		if got[i].Kind != lrs.LogStored {
			got[i].Position = 0
		}
	}
	var want []lrs.LogEntry
	for _, step := range c.model.steps {
		e := c.model.logEntry(step)
		if e.Kind != lrs.LogStored {
			e.Position = 0
		}
		want = append(want, e)
	}
	c.wantSame(got, want)
}

// agreeOnDefinitions compares the canonical definitions, which erasures and redactions leave to the
// store as far as other statements mention the activity.
func (c *chronicle) agreeOnDefinitions() {
	c.Helper()
	for _, activity := range activities {
		want, err := c.model.ActivityDefinition(c.ctx, activity)
		c.must(err)
		c.wantDefinition(activity, string(want))
	}
}

// forgotten fails the test when an activity that no statement mentions has a definition.
func (c *chronicle) forgotten() {
	c.Helper()
	for _, activity := range activities {
		mentioned := slices.ContainsFunc(c.model.rows, func(r *row) bool {
			return r.draft != nil && slices.Contains(r.draft.Terms, lrs.IRITerm(lrs.TermRelatedActivity, activity))
		})
		if !mentioned {
			c.wantDefinition(activity, "")
		}
	}
}

// wantErasedStay fails the test when posting an erased statement again is refused or brings it back.
func (c *chronicle) wantErasedStay(rt *rapid.T) {
	c.Helper()
	for _, r := range c.model.rows {
		if r.draft == nil && r.id != uuid.Nil {
			p := statements(chronicleIDs, c.references).Draw(rt, "again")
			p = p.with(identified(r.id)).named(r.id)
			c.add(p)
			c.must(addTo(c.ctx, c, c.model, p))
			c.wantNothing(r.id)
		}
	}
}
