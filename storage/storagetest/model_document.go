package storagetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"slices"
	"strings"
	"time"

	"acquis/lrs"
)

type keptAttachment struct {
	content []byte
	put     time.Time
}

type keptDocument struct {
	key      lrs.DocumentKey
	document lrs.Document
}

// PutAttachment keeps an attachment.
func (m *Model) PutAttachment(ctx context.Context, sha2 string, content io.Reader) (int64, error) {
	read, err := io.ReadAll(content)
	if err != nil {
		return 0, err
	}
	leave, err := m.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	m.attachments[sha2] = keptAttachment{read, time.Now()}
	return int64(len(read)), nil
}

// OpenAttachment returns an attachment's content.
func (m *Model) OpenAttachment(ctx context.Context, sha2 string) (io.ReadCloser, int64, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer leave()
	kept, found := m.attachments[sha2]
	if !found {
		return nil, 0, lrs.Errorf(lrs.KindNotFound, "there is no attachment %s", sha2)
	}
	return io.NopCloser(bytes.NewReader(kept.content)), int64(len(kept.content)), nil
}

// SweepAttachments removes what no statement refers to.
func (m *Model) SweepAttachments(ctx context.Context, before time.Time) (int, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	removed := 0
	for sha2, kept := range m.attachments {
		if kept.put.Before(before) && !m.refersTo(sha2) {
			delete(m.attachments, sha2)
			removed++
		}
	}
	return removed, nil
}

// refersTo reports whether a statement refers to an attachment.
func (m *Model) refersTo(sha2 string) bool {
	return slices.ContainsFunc(m.rows, func(r *row) bool {
		return r.draft != nil && slices.Contains(r.draft.Attachments, sha2)
	})
}

// sameAgent compares who agents are, not what they are called.
func sameAgent(a, b lrs.Actor) bool {
	return lrs.IFITerm(lrs.TermAgent, a.IFI) == lrs.IFITerm(lrs.TermAgent, b.IFI)
}

// holds reports whether a key lies in the scope.
func holds(scope lrs.DocumentScope, key lrs.DocumentKey) bool {
	if scope.Kind != key.Kind {
		return false
	}
	switch scope.Kind {
	case lrs.AgentProfileDocument:
		return sameAgent(scope.Agent, key.Agent)
	case lrs.ActivityProfileDocument:
		return scope.Activity == key.Activity
	default:
		return scope.Activity == key.Activity && sameAgent(scope.Agent, key.Agent) &&
			(scope.AnyRegistration || scope.Registration == key.Registration)
	}
}

// document is the index of a document, -1 when there is none.
func (m *Model) document(key lrs.DocumentKey) int {
	key.AnyRegistration = false
	return slices.IndexFunc(m.documents, func(d keptDocument) bool {
		return holds(key.DocumentScope, d.key) && d.key.ID == key.ID
	})
}

// Document returns a document.
func (m *Model) Document(ctx context.Context, key lrs.DocumentKey) (lrs.Document, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return lrs.Document{}, err
	}
	defer leave()
	if i := m.document(key); i >= 0 {
		return m.documents[i].document, nil
	}
	return lrs.Document{}, lrs.Errorf(lrs.KindNotFound, "there is no document %q", key.ID)
}

// UpdateDocument changes a document.
func (m *Model) UpdateDocument(ctx context.Context, key lrs.DocumentKey, change func(*lrs.Document) (lrs.Document, error)) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	i := m.document(key)
	var current *lrs.Document
	if i >= 0 {
		held := m.documents[i].document
		current = &held
	}
	changed, err := change(current)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	changed.Content = bytes.Clone(changed.Content)
	changed.Updated = m.tick()
	if i < 0 {
		m.documents = append(m.documents, keptDocument{key, changed})
	} else {
		m.documents[i].document = changed
	}
	return nil
}

// DeleteDocument removes a document.
func (m *Model) DeleteDocument(ctx context.Context, key lrs.DocumentKey, p lrs.Precondition) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	i := m.document(key)
	var current *lrs.Document
	if i >= 0 {
		current = &m.documents[i].document
	}
	if !p.Holds(current) {
		return lrs.Errorf(lrs.KindPrecondition, "the document is another one now")
	}
	if i >= 0 {
		m.documents = slices.Delete(m.documents, i, i+1)
	}
	return nil
}

// DocumentIDs lists the documents of a scope.
func (m *Model) DocumentIDs(ctx context.Context, scope lrs.DocumentScope, since lrs.Instant) (lrs.DocumentList, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return lrs.DocumentList{}, err
	}
	defer leave()
	var list lrs.DocumentList
	for _, d := range m.documents {
		if holds(scope, d.key) && d.document.Updated > since {
			list.IDs = append(list.IDs, d.key.ID)
			list.Updated = max(list.Updated, d.document.Updated)
		}
	}
	slices.SortFunc(list.IDs, strings.Compare)
	list.IDs = slices.Compact(list.IDs)
	return list, nil
}

// DeleteDocuments removes the documents of a scope.
func (m *Model) DeleteDocuments(ctx context.Context, scope lrs.DocumentScope) error {
	_, err := m.removeDocuments(ctx, func(key lrs.DocumentKey) bool { return holds(scope, key) })
	return err
}

// EraseAgentDocuments removes the documents of an agent.
func (m *Model) EraseAgentDocuments(ctx context.Context, agent lrs.Actor) (int, error) {
	return m.removeDocuments(ctx, func(key lrs.DocumentKey) bool {
		return key.Kind != lrs.ActivityProfileDocument && sameAgent(agent, key.Agent)
	})
}

func (m *Model) removeDocuments(ctx context.Context, which func(lrs.DocumentKey) bool) (int, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	before := len(m.documents)
	m.documents = slices.DeleteFunc(m.documents, func(d keptDocument) bool { return which(d.key) })
	return before - len(m.documents), nil
}

// Key returns the key of the name.
func (m *Model) Key(ctx context.Context, name string) ([]byte, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if m.keys[name] == nil {
		m.keys[name] = make([]byte, 32)
		_, _ = rand.Read(m.keys[name]) // never fails
	}
	return bytes.Clone(m.keys[name]), nil
}
