package catalogue

import "acquis/docstore"

// House is the partition of the whole catalogue, so that what hangs together is written together.
const House = "catalogue"

// The tables. Ids in them are those of their values.
var (
	Items = docstore.Table[Item]{
		Collection: docstore.Collection{Name: "catalogue_items", Class: docstore.ImpersonalData},
	}
	Mappings = docstore.Table[Mapping]{
		Collection: docstore.Collection{Name: "catalogue_mappings", Indexes: []string{"item"}, Class: docstore.ImpersonalData},
		Keys: func(m *Mapping) []docstore.IndexKey {
			return []docstore.IndexKey{{Index: "item", Key: string(m.Item)}}
		},
	}
	Expertises = docstore.Table[Expertise]{
		Collection: docstore.Collection{Name: "catalogue_expertises", Class: docstore.ImpersonalData},
	}
	Providers = docstore.Table[Provider]{
		Collection: docstore.Collection{Name: "catalogue_providers", Class: docstore.ImpersonalData},
	}
)

// Collections are what the package keeps.
func Collections() []docstore.Collection {
	return []docstore.Collection{Items.Collection, Mappings.Collection, Expertises.Collection, Providers.Collection}
}
