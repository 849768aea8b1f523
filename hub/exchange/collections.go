package exchange

import "acquis/docstore"

// Collections are those that the package keeps.
func Collections() []docstore.Collection {
	return []docstore.Collection{provenances.Collection}
}
