package exchange

import "acquis/docstore"

// Collections are those that the package keeps.
func Collections() []docstore.Collection {
	return []docstore.Collection{
		provenances.Collection, forwards.Collection, states.Collection, receipts.Collection, letters.Collection,
		pulls.Collection, pullStates.Collection, pullRuns.Collection, pullRefusals.Collection,
	}
}
