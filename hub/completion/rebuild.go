package completion

import (
	"context"

	"acquis/docstore"
)

// Rebuild is the state of folding everything again.
type Rebuild struct{}

var rebuildTable = docstore.Table[Rebuild]{Collection: docstore.Collection{Name: "completion_rebuild", Class: docstore.ImpersonalData}}

func (c *Consolidator) goOnRebuilding(context.Context) (bool, error) { return false, nil }
