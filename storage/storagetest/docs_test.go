package storagetest_test

import (
	"testing"

	"acquis/storage"
	"acquis/storage/storagetest"
)

// TestModel_docs shows that the suite and the model agree on storage.Docs.
func TestModel_docs(t *testing.T) {
	storagetest.Docs(t, func(testing.TB) storagetest.Instance {
		model := storagetest.NewModel()
		again := func() storage.Store { return model }
		return storagetest.Instance{Store: model, Reopen: again, Crash: again}
	})
}
