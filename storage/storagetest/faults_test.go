package storagetest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"acquis/lrs"
	"acquis/storage/storagetest"
)

var errBroken = errors.New("broken on purpose")

func TestFaults(t *testing.T) {
	t.Run("Fail fails the n-th call of one method and no other", func(t *testing.T) {
		faults := storagetest.NewFaults(storagetest.NewModel())
		faults.Fail(storagetest.DocumentIDs, 2, errBroken)
		for n := 1; n <= 3; n++ {
			_, err := faults.DocumentIDs(t.Context(), lrs.DocumentScope{Kind: lrs.AgentProfileDocument}, 0)
			if errors.Is(err, errBroken) != (n == 2) {
				t.Errorf("call %d answers %v", n, err)
			}
			if _, err := faults.Key(t.Context(), "name"); err != nil {
				t.Errorf("another method answers %v", err)
			}
		}
		if n := faults.Calls(storagetest.DocumentIDs); n != 3 {
			t.Errorf("%d calls counted, want 3", n)
		}
	})

	t.Run("Hold keeps a call waiting until it is released", func(t *testing.T) {
		faults := storagetest.NewFaults(storagetest.NewModel())
		release := make(chan struct{})
		arrived := faults.Hold(storagetest.Ready, 1, release)
		answered := make(chan error)
		go func() { answered <- faults.Ready(t.Context()) }()
		<-arrived
		select {
		case err := <-answered:
			t.Fatalf("the held call answers %v", err)
		default:
		}
		if err := faults.Ready(t.Context()); err != nil {
			t.Errorf("the second call answers %v", err)
		}
		close(release)
		if err := <-answered; err != nil {
			t.Errorf("the released call answers %v", err)
		}
	})

	t.Run("Hold gives up when the context ends", func(t *testing.T) {
		faults := storagetest.NewFaults(storagetest.NewModel())
		arrived := faults.Hold(storagetest.Ready, 1, nil)
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			<-arrived
			cancel(errBroken)
		}()
		if err := faults.Ready(ctx); !errors.Is(err, errBroken) {
			t.Errorf("the held call answers %v", err)
		}
	})

	t.Run("Cancel ends the context after so many looks", func(t *testing.T) {
		for looks := range 3 {
			faults := storagetest.NewFaults(storagetest.NewModel())
			faults.Cancel(storagetest.StatementByID, 1, looks)
			_, err := faults.StatementByID(t.Context(), uuid.New())
			if want := looks == 0; errors.Is(err, context.Canceled) != want { // the model looks once
				t.Errorf("after %d looks the call answers %v", looks, err)
			}
			if _, err := faults.StatementByID(t.Context(), uuid.New()); !errors.Is(err, lrs.ErrNotFound) {
				t.Errorf("the next call answers %v", err)
			}
		}
	})
}
