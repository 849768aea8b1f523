package catalogue

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/docstore"
	"acquis/lrs"
)

// House is the partition of the whole catalogue, so that what hangs together is written together.
const House = "catalogue"

// The tables. Ids in them are those of their values.
var (
	Items = docstore.Table[Item]{
		Collection: docstore.Collection{Name: "catalogue_items", Class: docstore.ImpersonalData},
	}
	Mappings = docstore.Table[Mapping]{
		Collection: docstore.Collection{Name: "catalogue_mappings", Class: docstore.ImpersonalData},
	}
	Expertises = docstore.Table[Expertise]{
		Collection: docstore.Collection{Name: "catalogue_expertises", Class: docstore.ImpersonalData},
	}
	Providers = docstore.Table[Provider]{
		Collection: docstore.Collection{Name: "catalogue_providers", Class: docstore.ImpersonalData},
	}
	// Edits are the history: one for each change of each thing.
	Edits = docstore.Table[Edit]{
		Collection: docstore.Collection{
			Name: "catalogue_edits", Indexes: []string{"target", "by", "at"},
			Class: docstore.PseudonymData, Subject: "by", RetainedFrom: "at",
		},
		Keys: func(e *Edit) []docstore.IndexKey {
			at := docstore.Number(lrs.InstantOf(e.At))
			return []docstore.IndexKey{{Index: "target", Key: docstore.Tuple(e.Target, at)}, {Index: "by", Key: e.By}, {Index: "at", Key: at}}
		},
	}
	// guard changes with everything that changes, so that two who decide at once cannot both be right
	// only without the other.
	guards = docstore.Table[guard]{
		Collection: docstore.Collection{Name: "catalogue_guard", Class: docstore.ImpersonalData},
	}
)

type guard struct {
	Changed time.Time `json:"changed"`
}

const guardID = "guard"

// Edit is a change of an item, a mapping, an expertise or a provider.
type Edit struct {
	At     time.Time      `json:"at"`
	By     string         `json:"by"`     // the key of the credential
	Target string         `json:"target"` // such as item/ia-generative
	Action Action         `json:"action"`
	Reason string         `json:"reason,omitempty"`
	Before jsontext.Value `json:"before,omitempty"`
	After  jsontext.Value `json:"after,omitempty"`
}

// Collections are what the package keeps.
func Collections() []docstore.Collection {
	return []docstore.Collection{Items.Collection, Mappings.Collection, Expertises.Collection, Providers.Collection, Edits.Collection, guards.Collection}
}
