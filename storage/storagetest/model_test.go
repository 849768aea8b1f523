package storagetest_test

import (
	"testing"

	"acquis/storage"
	"acquis/storage/storagetest"
)

// TestModel shows that the suite and the model agree on the contracts.
func TestModel(t *testing.T) {
	storagetest.Run(t, func(testing.TB) storagetest.Instance {
		model := storagetest.NewModel()
		again := func() storage.Store { return model }
		return storagetest.Instance{Store: model, Reopen: again, Crash: again}
	})
}
