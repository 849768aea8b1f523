package connectortest

import (
	"context"
	"sync"
	"testing"
	"time"

	"acquis/connectors"
	"acquis/docstore"
	"acquis/lrs"
)

// mortal is a store and a door that stop working at a write, as when the process is killed there: before the
// write had an effect, or after it and before the answer. From then on nothing is read either.
type mortal struct {
	Store
	door connectors.Door

	mu    sync.Mutex
	alive int // writes until the end
	late  bool
}

// write carries out a write unless the end has come.
func (m *mortal) write(do func() error) error {
	m.mu.Lock()
	m.alive--
	now, late := m.alive, m.late
	m.mu.Unlock()
	if now > 0 {
		return do()
	}
	if now == 0 && late {
		if err := do(); err != nil {
			return err
		}
	}
	return errKilled
}

func (m *mortal) dead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.alive <= 0
}

// ApplyDocs implements docstore.Store.
func (m *mortal) ApplyDocs(ctx context.Context, g docstore.Group) (revisions []lrs.Instant, err error) {
	err = m.write(func() (err error) {
		revisions, err = m.Store.ApplyDocs(ctx, g)
		return err
	})
	return revisions, err
}

// StoreStatements implements connectors.Door.
func (m *mortal) StoreStatements(ctx context.Context, p lrs.Principal, r lrs.StoreRequest) (ids []lrs.ID, err error) {
	err = m.write(func() (err error) {
		ids, err = m.door.StoreStatements(ctx, p, r)
		return err
	})
	return ids, err
}

// GetDoc implements docstore.Store.
func (m *mortal) GetDoc(ctx context.Context, key docstore.Key) (docstore.Doc, error) {
	if m.dead() {
		return docstore.Doc{}, errKilled
	}
	return m.Store.GetDoc(ctx, key)
}

func (s Subject) killed(t *testing.T) {
	first, second := s.reference(t)
	writes := 0
	for n, ended := 1, false; !ended; n++ {
		for _, late := range []bool{false, true} {
			w := Open(t, s)
			ended = !w.KillAt(n, late)
			w.TakeOver()
			Equal(t, first, w.State())
			w.Fake.Learn()
			w.KillAt(n, late) // it may end before
			w.TakeOver()
			Equal(t, second, w.State())
		}
		writes = n
	}
	if writes < 5 {
		t.Errorf("%d writes only were there to be killed at", writes)
	}
}

// KillAt runs the connection in a process that is killed at a write, and reports whether it came so far.
func (w *World) KillAt(n int, late bool) bool {
	w.t.Helper()
	m := &mortal{Store: w.Store, door: w.options.Door, alive: n, late: late}
	w.Reopen(func(o *connectors.RunnerOptions) { o.Store, o.Door, o.Process = m, m, "killed" })
	w.clock.Move(time.Second)
	_, err := w.Runner.Run(w.t.Context(), connection, connectors.Order{Trigger: connectors.ByPerson})
	if m.dead() != (err != nil) && !late {
		w.t.Fatalf("killed at write %d the run told %v", n, err)
	}
	return m.dead()
}

// TakeOver runs the connection in another process, once it believes that the former is dead.
func (w *World) TakeOver() {
	w.t.Helper()
	w.Reopen(func(o *connectors.RunnerOptions) { o.Process = "heir" })
	order := connectors.Order{Trigger: connectors.ByRetry}
	run, err := w.Runner.Run(w.t.Context(), connection, order)
	if lrs.KindOf(err) == lrs.KindConflict { // it has a lease
		w.Wait()
		run, err = w.Runner.Run(w.t.Context(), connection, order)
	}
	if err != nil || run.Outcome != connectors.Clean {
		w.t.Fatalf("run again it ended %s: %v %+v", run.Outcome, err, run.Errors)
	}
}

// Wait lets the time pass after which a silent process is taken for dead.
func (w *World) Wait() { w.clock.Move(2 * time.Minute) }
