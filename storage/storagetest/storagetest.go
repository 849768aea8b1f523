// Package storagetest holds the one suite that every backend passes, the naive Model that the suite
// compares with, and Faults, a wrapper that makes a store misbehave on purpose.
//
// A backend joins with a test of ten lines: a Factory and a call of Run. The suite asks for what
// the contracts in lrs promise and for nothing else: not for costs, not for a single writer, not
// for speed. Where a promise holds only after a while, it waits.
//
// The property tests obey the flags of rapid: -rapid.checks=10 suits a backend whose empty store
// is dear to make.
package storagetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"acquis/lrs"
	"acquis/storage"
)

// Factory makes a fresh, empty store for a test and arranges with t.Cleanup that it goes away.
type Factory func(t testing.TB) Instance

// Instance is a store under test and what can be done to it from outside.
type Instance struct {
	Store storage.Store
	// Reopen closes the store cleanly and opens another on the same data.
	Reopen func() storage.Store
	// Crash drops the store as a kill -9 would, calls under way included, and opens another on what
	// is left. Calls to the dropped store may still return, answers or errors, but must return.
	// nil when the backend can't.
	Crash func() storage.Store
	// Peer opens another store on the same data, as another process would, and closes it when the
	// test ends. nil when the backend is for one process.
	Peer func() storage.Store
	// Slow says that every statement is dear here: what is tested with thousands is tested with
	// hundreds.
	Slow bool
}

// Run runs the whole suite.
func Run(t *testing.T, f Factory) {
	for _, part := range []struct {
		name string
		run  func(*testing.T, Factory)
	}{
		{"Statements", Statements},
		{"Queries", Queries},
		{"Log", Log},
		{"References", References},
		{"Voiding", Voiding},
		{"Erasure", Erasure},
		{"Activities", Activities},
		{"Attachments", Attachments},
		{"Documents", Documents},
		{"Docs", Docs},
		{"Keys", Keys},
		{"Cancellation", Cancellation},
		{"Recovery", Recovery},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, f) })
	}
}

// rule is a sentence that must be true of a store, and the test of it.
type rule struct {
	sentence string
	test     func(s *subject)
}

// check tests each rule on an empty store.
func check(t *testing.T, f Factory, rules []rule) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.sentence, func(t *testing.T) { r.test(newSubject(t, t, f)) })
	}
}

// property tests a rule on random input, each time on an empty store.
func property(t *testing.T, f Factory, sentence string, test func(rt *rapid.T, s *subject)) {
	t.Helper()
	t.Run(sentence, func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			scope := &scope{TB: t}
			defer scope.end()
			test(rt, newSubject(rt, scope, f))
		})
	})
}

// scope ends before the test that it belongs to does, so that the stores of a hundred checks are
// not open at the same time.
type scope struct {
	testing.TB
	cleanups []func()
}

func (s *scope) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *scope) TempDir() string {
	dir, err := os.MkdirTemp("", "storagetest")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (s *scope) end() {
	for _, cleanup := range slices.Backward(s.cleanups) {
		cleanup()
	}
}

// subject is the store under test, with the test that fails when it breaks a rule.
type subject struct {
	rapid.TB
	Instance
	ctx context.Context
}

func newSubject(t rapid.TB, scope testing.TB, f Factory) *subject {
	return &subject{TB: t, Instance: f(scope), ctx: scope.Context()}
}

func (s *subject) reopen() { s.Store = s.Reopen() }

// restart is the roughest restart that the backend knows.
func (s *subject) restart() {
	if s.Crash != nil {
		s.Store = s.Crash()
	} else {
		s.reopen()
	}
}

func (s *subject) settle() {
	s.Helper()
	s.must(s.Store.Settle(s.ctx))
}

// must fails the test when err is an error.
func (s *subject) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("unexpected error: %v", err)
	}
}

// wantKind fails the test unless err is of the kind.
func (s *subject) wantKind(err error, kind lrs.Kind) {
	s.Helper()
	if got := lrs.KindOf(err); got != kind {
		s.Fatalf("got error %v of kind %d, want kind %d", err, got, kind)
	}
}

// errNever is the answer of a wait that was given up.
var errNever = errors.New("what was waited for never came")

// patience bounds a wait. It only decides how long a broken store is waited for.
const patience = 30 * time.Second

// eventually asks until the answer is yes.
func eventually(ctx context.Context, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		switch yes, err := ask(); {
		case err != nil:
			return err
		case yes:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%w: %w", errNever, ctx.Err())
		}
		time.Sleep(time.Millisecond) // leaves the machine to what is waited for
	}
}
