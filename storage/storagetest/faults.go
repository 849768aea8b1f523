package storagetest

import (
	"context"
	"io"
	"sync"
	"time"

	"acquis/lrs"
	"acquis/storage"
)

// Method names a method of storage.Store that Faults can disturb.
type Method string

// The methods that Faults can disturb: all but Close.
const (
	AppendStatements    Method = "AppendStatements"
	StatementByID       Method = "StatementByID"
	QueryStatements     Method = "QueryStatements"
	ConsistentThrough   Method = "ConsistentThrough"
	ReadLog             Method = "ReadLog"
	EraseStatement      Method = "EraseStatement"
	RedactStatement     Method = "RedactStatement"
	EraseAgentDocuments Method = "EraseAgentDocuments"
	ActivityDefinition  Method = "ActivityDefinition"
	PutAttachment       Method = "PutAttachment"
	OpenAttachment      Method = "OpenAttachment"
	SweepAttachments    Method = "SweepAttachments"
	GetDocument         Method = "Document"
	UpdateDocument      Method = "UpdateDocument"
	DeleteDocument      Method = "DeleteDocument"
	DocumentIDs         Method = "DocumentIDs"
	DeleteDocuments     Method = "DeleteDocuments"
	GetKey              Method = "Key"
	Ready               Method = "Ready"
	Settle              Method = "Settle"
)

// Faults is a store that misbehaves on purpose, and otherwise does what the store that it wraps
// does. Calls are counted from 1, each method for itself, from the moment it is made. Set faults up
// before the calls that they are for.
type Faults struct {
	store  storage.Store
	mu     sync.Mutex
	calls  map[Method]int
	faults map[call]fault
}

// call is the n-th call of a method.
type call struct {
	method Method
	n      int
}

// fault happens before the wrapped method is called: it may take another context for it, and an
// error takes the place of the call.
type fault func(ctx context.Context) (context.Context, error)

var _ storage.Store = (*Faults)(nil)

// NewFaults wraps a store.
func NewFaults(store storage.Store) *Faults {
	return &Faults{store: store, calls: map[Method]int{}, faults: map[call]fault{}}
}

// Calls is how often the method was called.
func (f *Faults) Calls(m Method) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[m]
}

// Fail makes the n-th call of the method fail with err; it doesn't reach the wrapped store.
func (f *Faults) Fail(m Method, n int, err error) {
	f.set(m, n, func(ctx context.Context) (context.Context, error) { return ctx, err })
}

// Hold makes the n-th call of the method wait, before it reaches the wrapped store, until release
// is closed, or fail when its context ends first. The channel that it returns is closed when the
// call has arrived.
func (f *Faults) Hold(m Method, n int, release <-chan struct{}) (arrived <-chan struct{}) {
	here := make(chan struct{})
	f.set(m, n, func(ctx context.Context) (context.Context, error) {
		close(here)
		select {
		case <-release:
			return ctx, nil
		case <-ctx.Done():
			return ctx, context.Cause(ctx)
		}
	})
	return here
}

// Cancel ends the context of the n-th call of the method when the wrapped store looks at it for the
// time after the given looks: with 0 the context is over from the start.
func (f *Faults) Cancel(m Method, n, looks int) {
	f.set(m, n, func(ctx context.Context) (context.Context, error) { return newShortContext(ctx, looks), nil })
}

func (f *Faults) set(m Method, n int, do fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[call{m, n}] = do
}

// before counts a call and does what was set up for it.
func (f *Faults) before(ctx context.Context, m Method) (context.Context, error) {
	f.mu.Lock()
	f.calls[m]++
	do := f.faults[call{m, f.calls[m]}]
	f.mu.Unlock()
	if do == nil {
		return ctx, nil
	}
	return do(ctx)
}

// shortContext ends when it was looked at a number of times, which is the same moment in every run.
type shortContext struct {
	context.Context
	cancel context.CancelFunc
	mu     sync.Mutex
	looks  int // left before it ends
}

func newShortContext(parent context.Context, looks int) *shortContext {
	ctx, cancel := context.WithCancel(parent)
	c := &shortContext{Context: ctx, cancel: cancel, looks: looks}
	if looks == 0 {
		cancel()
	}
	return c
}

func (c *shortContext) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.looks--; c.looks < 0 {
		c.cancel()
	}
}

func (c *shortContext) Done() <-chan struct{} {
	c.look()
	return c.Context.Done()
}

func (c *shortContext) Err() error {
	c.look()
	return c.Context.Err()
}

func faulty[V any](f *Faults, ctx context.Context, m Method, do func(context.Context) (V, error)) (V, error) {
	ctx, err := f.before(ctx, m)
	if err != nil {
		var none V
		return none, err
	}
	return do(ctx)
}

func faultyError(f *Faults, ctx context.Context, m Method, do func(context.Context) error) error {
	ctx, err := f.before(ctx, m)
	if err != nil {
		return err
	}
	return do(ctx)
}

func (f *Faults) AppendStatements(ctx context.Context, drafts []*lrs.Draft) error {
	return faultyError(f, ctx, AppendStatements, func(ctx context.Context) error { return f.store.AppendStatements(ctx, drafts) })
}

func (f *Faults) StatementByID(ctx context.Context, id lrs.ID) (lrs.Entry, error) {
	return faulty(f, ctx, StatementByID, func(ctx context.Context) (lrs.Entry, error) { return f.store.StatementByID(ctx, id) })
}

func (f *Faults) QueryStatements(ctx context.Context, q lrs.StatementQuery) (lrs.StatementPage, error) {
	return faulty(f, ctx, QueryStatements, func(ctx context.Context) (lrs.StatementPage, error) { return f.store.QueryStatements(ctx, q) })
}

func (f *Faults) ConsistentThrough(ctx context.Context) (lrs.Instant, error) {
	return faulty(f, ctx, ConsistentThrough, f.store.ConsistentThrough)
}

func (f *Faults) ReadLog(ctx context.Context, after lrs.Instant, limit int) ([]lrs.LogEntry, error) {
	return faulty(f, ctx, ReadLog, func(ctx context.Context) ([]lrs.LogEntry, error) { return f.store.ReadLog(ctx, after, limit) })
}

func (f *Faults) EraseStatement(ctx context.Context, id lrs.ID) error {
	return faultyError(f, ctx, EraseStatement, func(ctx context.Context) error { return f.store.EraseStatement(ctx, id) })
}

func (f *Faults) RedactStatement(ctx context.Context, id lrs.ID, draft *lrs.Draft) error {
	return faultyError(f, ctx, RedactStatement, func(ctx context.Context) error { return f.store.RedactStatement(ctx, id, draft) })
}

func (f *Faults) EraseAgentDocuments(ctx context.Context, agent lrs.Actor) (int, error) {
	return faulty(f, ctx, EraseAgentDocuments, func(ctx context.Context) (int, error) { return f.store.EraseAgentDocuments(ctx, agent) })
}

func (f *Faults) ActivityDefinition(ctx context.Context, activity string) (lrs.RawJSON, error) {
	return faulty(f, ctx, ActivityDefinition, func(ctx context.Context) (lrs.RawJSON, error) { return f.store.ActivityDefinition(ctx, activity) })
}

func (f *Faults) PutAttachment(ctx context.Context, sha2 string, content io.Reader) (int64, error) {
	return faulty(f, ctx, PutAttachment, func(ctx context.Context) (int64, error) { return f.store.PutAttachment(ctx, sha2, content) })
}

func (f *Faults) OpenAttachment(ctx context.Context, sha2 string) (io.ReadCloser, int64, error) {
	ctx, err := f.before(ctx, OpenAttachment)
	if err != nil {
		return nil, 0, err
	}
	return f.store.OpenAttachment(ctx, sha2)
}

func (f *Faults) SweepAttachments(ctx context.Context, before time.Time) (int, error) {
	return faulty(f, ctx, SweepAttachments, func(ctx context.Context) (int, error) { return f.store.SweepAttachments(ctx, before) })
}

func (f *Faults) Document(ctx context.Context, key lrs.DocumentKey) (lrs.Document, error) {
	return faulty(f, ctx, GetDocument, func(ctx context.Context) (lrs.Document, error) { return f.store.Document(ctx, key) })
}

func (f *Faults) UpdateDocument(ctx context.Context, key lrs.DocumentKey, change func(*lrs.Document) (lrs.Document, error)) error {
	return faultyError(f, ctx, UpdateDocument, func(ctx context.Context) error { return f.store.UpdateDocument(ctx, key, change) })
}

func (f *Faults) DeleteDocument(ctx context.Context, key lrs.DocumentKey, p lrs.Precondition) error {
	return faultyError(f, ctx, DeleteDocument, func(ctx context.Context) error { return f.store.DeleteDocument(ctx, key, p) })
}

func (f *Faults) DocumentIDs(ctx context.Context, scope lrs.DocumentScope, since lrs.Instant) (lrs.DocumentList, error) {
	return faulty(f, ctx, DocumentIDs, func(ctx context.Context) (lrs.DocumentList, error) { return f.store.DocumentIDs(ctx, scope, since) })
}

func (f *Faults) DeleteDocuments(ctx context.Context, scope lrs.DocumentScope) error {
	return faultyError(f, ctx, DeleteDocuments, func(ctx context.Context) error { return f.store.DeleteDocuments(ctx, scope) })
}

func (f *Faults) Key(ctx context.Context, name string) ([]byte, error) {
	return faulty(f, ctx, GetKey, func(ctx context.Context) ([]byte, error) { return f.store.Key(ctx, name) })
}

func (f *Faults) Ready(ctx context.Context) error {
	return faultyError(f, ctx, Ready, f.store.Ready)
}

func (f *Faults) Settle(ctx context.Context) error {
	return faultyError(f, ctx, Settle, f.store.Settle)
}

// Close closes the wrapped store.
func (f *Faults) Close() error { return f.store.Close() }
