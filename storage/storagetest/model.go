package storagetest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"acquis/docstore"
	"acquis/lrs"
	"acquis/storage"
)

// Model is a store that is too simple to be wrong: it keeps everything in memory and answers every
// question by looking at all of it. The suite compares backends with it. It keeps nothing for later
// and is slow on purpose.
type Model struct {
	mu          sync.Mutex
	clock       lrs.Instant // the last instant given away
	rows        []*row      // in stored order
	steps       []step
	attachments map[string]keptAttachment
	documents   []keptDocument
	keys        map[string][]byte
	hub         hubDocs
}

// row is a statement, or what is left of an erased one.
type row struct {
	id       lrs.ID
	stored   lrs.Instant
	revision uint32
	draft    *lrs.Draft // nil when erased
}

// step is an entry of the log. A row is stored where its stored time says.
type step struct {
	kind     lrs.LogKind
	row      *row
	position lrs.Instant // of an erasure or redaction
}

var _ storage.Store = (*Model)(nil)

// NewModel returns an empty Model.
func NewModel() *Model {
	return &Model{attachments: map[string]keptAttachment{}, keys: map[string][]byte{}, hub: hubDocs{changes: map[docstore.Key]docstore.Change{}}}
}

// Ready returns nil.
func (m *Model) Ready(ctx context.Context) error { return ctx.Err() }

// Settle has nothing to wait for.
func (m *Model) Settle(ctx context.Context) error { return ctx.Err() }

// Close leaves everything there: a Model is reopened by using it again.
func (m *Model) Close() error { return nil }

// enter takes the lock unless the context is over.
func (m *Model) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	return m.mu.Unlock, nil
}

// tick gives away an instant after every one before.
func (m *Model) tick() lrs.Instant {
	m.clock = max(m.clock+1, lrs.InstantOf(time.Now()))
	return m.clock
}

// AppendStatements stores the drafts, all or none.
func (m *Model) AppendStatements(ctx context.Context, drafts []*lrs.Draft) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	before := len(m.rows)
	var violations []lrs.Violation
	for i, d := range drafts {
		known := m.row(d.ID)
		switch {
		case known == nil:
			m.rows = append(m.rows, &row{id: d.ID, draft: d})
		case known.draft != nil && !lrs.Equal(known.draft.Statement, d.Statement, d.Version):
			violations = append(violations, lrs.Violation{
				Pointer: fmt.Sprintf("/%d", i), Rule: "conflict", Detail: "another statement has this id",
			})
		}
	}
	if violations != nil {
		m.rows = m.rows[:before]
		return &lrs.Error{Kind: lrs.KindConflict, Detail: "an id is taken", Violations: violations}
	}
	for _, r := range m.rows[before:] {
		r.stored = m.tick()
		r.draft.Stored = r.stored
		m.steps = append(m.steps, step{kind: lrs.LogStored, row: r})
	}
	return nil
}

func (m *Model) row(id lrs.ID) *row {
	for _, r := range m.rows {
		if r.id == id {
			return r
		}
	}
	return nil
}

// living is the row of a statement that is there.
func (m *Model) living(id lrs.ID) *row {
	if r := m.row(id); r != nil && r.draft != nil {
		return r
	}
	return nil
}

func (m *Model) voided(r *row) bool {
	return !r.draft.Voids && slices.ContainsFunc(m.rows, func(by *row) bool {
		return by.draft != nil && by.draft.Voids && by.draft.Target == r.id
	})
}

func (m *Model) entry(r *row) lrs.Entry {
	return lrs.Entry{
		ID: r.id, Stored: r.stored, Revision: r.revision, Source: r.draft.Source,
		Voided: m.voided(r), Attachments: r.draft.Attachments, Bytes: bytes.Clone(r.draft.Seal(r.stored)),
	}
}

// terms are the row's own terms and the inherited ones.
func (m *Model) terms(r *row) map[lrs.Term]bool {
	terms := map[lrs.Term]bool{}
	for _, t := range r.draft.Terms {
		terms[t] = true
	}
	for range lrs.MaxInheritance {
		if r.draft.Target == uuid.Nil {
			break
		}
		if r = m.living(r.draft.Target); r == nil {
			break
		}
		for _, t := range r.draft.Terms {
			terms[t] = terms[t] || t.Inheritable()
		}
	}
	maps.DeleteFunc(terms, func(_ lrs.Term, has bool) bool { return !has })
	return terms
}

// StatementByID returns a statement, voided or not.
func (m *Model) StatementByID(ctx context.Context, id lrs.ID) (lrs.Entry, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return lrs.Entry{}, err
	}
	defer leave()
	if r := m.living(id); r != nil {
		return m.entry(r), nil
	}
	return lrs.Entry{}, lrs.Errorf(lrs.KindNotFound, "there is no statement %s", id)
}

// QueryStatements looks at one row for each step.
func (m *Model) QueryStatements(ctx context.Context, q lrs.StatementQuery) (lrs.StatementPage, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return lrs.StatementPage{}, err
	}
	defer leave()
	rows := slices.Clone(m.rows)
	if !q.Ascending {
		slices.Reverse(rows)
	}
	rows = slices.DeleteFunc(rows, func(r *row) bool {
		return r.stored <= q.Since || q.Until != 0 && r.stored > q.Until
	})
	var page lrs.StatementPage
	for i, r := range rows {
		if m.matches(r, q.Terms) {
			page.Entries = append(page.Entries, m.entry(r))
		}
		if i+1 < len(rows) && (len(page.Entries) == q.Limit || i+1 >= q.Steps) {
			page.Next = r.stored
			break
		}
	}
	return page, nil
}

func (m *Model) matches(r *row, terms []lrs.Term) bool {
	if r.draft == nil || m.voided(r) {
		return false
	}
	has := m.terms(r)
	return !slices.ContainsFunc(terms, func(t lrs.Term) bool { return !has[t] })
}

// ConsistentThrough is the present.
func (m *Model) ConsistentThrough(ctx context.Context) (lrs.Instant, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	return m.tick(), nil
}

// ReadLog returns what happened after a position.
func (m *Model) ReadLog(ctx context.Context, after lrs.Instant, limit int) ([]lrs.LogEntry, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var entries []lrs.LogEntry
	for _, step := range m.steps {
		if e := m.logEntry(step); e.Position > after && len(entries) < limit {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

func (m *Model) logEntry(s step) lrs.LogEntry {
	if s.kind != lrs.LogStored {
		return lrs.LogEntry{Position: s.position, Kind: s.kind, Target: s.row.stored}
	}
	e := lrs.LogEntry{Position: s.row.stored, Kind: s.kind}
	if s.row.draft != nil {
		e.Entry = m.entry(s.row)
	}
	return e
}

// EraseStatement forgets everything of a statement but its id.
func (m *Model) EraseStatement(ctx context.Context, id lrs.ID) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	r := m.living(id)
	if r == nil {
		return lrs.Errorf(lrs.KindNotFound, "there is no statement %s", id)
	}
	attachments := r.draft.Attachments
	r.draft = nil
	for _, sha2 := range attachments {
		if !m.refersTo(sha2) {
			delete(m.attachments, sha2)
		}
	}
	m.steps = append(m.steps, step{lrs.LogErased, r, m.tick()})
	return nil
}

// RedactStatement replaces a statement's draft.
func (m *Model) RedactStatement(ctx context.Context, id lrs.ID, draft *lrs.Draft) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	r := m.living(id)
	if r == nil {
		return lrs.Errorf(lrs.KindNotFound, "there is no statement %s", id)
	}
	r.draft = draft
	r.revision++
	m.steps = append(m.steps, step{lrs.LogRedacted, r, m.tick()})
	return nil
}

// ActivityDefinition merges what the statements say, in stored order.
func (m *Model) ActivityDefinition(ctx context.Context, activity string) (lrs.RawJSON, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var merged map[string]json.RawMessage
	for _, r := range m.rows {
		if r.draft == nil {
			continue
		}
		for _, d := range r.draft.Definitions {
			if d.Activity != activity {
				continue
			}
			if merged, err = merge(merged, d.Definition); err != nil {
				return nil, err
			}
		}
	}
	if merged == nil {
		return nil, nil
	}
	return json.Marshal(merged)
}

// merge lays a definition over what is known: language maps by language, the rest by property.
func merge(known map[string]json.RawMessage, definition lrs.RawJSON) (map[string]json.RawMessage, error) {
	merged := map[string]json.RawMessage{}
	maps.Copy(merged, known)
	var latest map[string]json.RawMessage
	if err := json.Unmarshal(definition, &latest); err != nil {
		return nil, err
	}
	for property, value := range latest {
		if property == "name" || property == "description" {
			languages := map[string]json.RawMessage{}
			if old := merged[property]; old != nil {
				if err := json.Unmarshal(old, &languages); err != nil {
					return nil, err
				}
			}
			if err := json.Unmarshal(value, &languages); err != nil {
				return nil, err
			}
			joined, err := json.Marshal(languages)
			if err != nil {
				return nil, err
			}
			value = joined
		}
		merged[property] = value
	}
	return merged, nil
}

// adopt makes the stored times of another store, which holds the same statements, the model's own,
// so that answers can be compared to the microsecond.
func (m *Model) adopt(ctx context.Context, other lrs.StatementStore) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		if r.draft == nil {
			continue
		}
		e, err := other.StatementByID(ctx, r.id)
		if err != nil {
			return fmt.Errorf("statement %s, which the model holds: %w", r.id, err)
		}
		r.stored = e.Stored
		m.clock = max(m.clock, e.Stored)
	}
	if !slices.IsSortedFunc(m.rows, func(a, b *row) int { return cmp.Compare(a.stored, b.stored) }) {
		return fmt.Errorf("stored times are not in the order in which the statements came")
	}
	return nil
}
