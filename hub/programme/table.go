package programme

import (
	"acquis/docstore"
)

// The tables.
var (
	// Programmes are all in one partition, under their ids.
	Programmes = docstore.Table[Programme]{
		Collection: docstore.Collection{Name: "programmes", Class: docstore.ImpersonalData},
	}
	// Members are in the partition of their programme, under the ids of the people.
	Members = docstore.Table[Member]{
		Collection: docstore.Collection{
			Name: "programme_members", Indexes: []string{"person", "ended"},
			Class: docstore.PseudonymData, Subject: "person", RetainedFrom: "ended",
		},
		Keys: func(m *Member) []docstore.IndexKey {
			keys := []docstore.IndexKey{{Index: "person", Key: string(m.Person)}}
			if m.During.To != 0 {
				keys = append(keys, docstore.IndexKey{Index: "ended", Key: docstore.Number(m.During.To)})
			}
			return keys
		},
	}
	// targets holds one document.
	targets = docstore.Table[Targets]{
		Collection: docstore.Collection{Name: "programme_targets", Class: docstore.ImpersonalData},
	}
)

const (
	house     = "programmes"
	targetsID = "targets"
)

// Collections are what the package keeps.
func Collections() []docstore.Collection {
	return []docstore.Collection{Programmes.Collection, Members.Collection, targets.Collection}
}
