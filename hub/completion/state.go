package completion

import (
	"encoding/hex"
	"hash/fnv"

	"github.com/go-json-experiment/json"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/lrs"
)

// house is the partition of all that the writer knows about itself: the lease, the cursors, what it has
// begun and what is left to do. It is written together, always with the lease, so that who lost the lease
// writes nothing of it.
const house = "consolidator"

// cursors say how far everything that is followed was taken over.
type cursors struct {
	Log           lrs.Instant `json:"log"`
	Aliases       lrs.Instant `json:"aliases"`
	People        lrs.Instant `json:"people"`
	Organisations lrs.Instant `json:"organisations"`
	Items         lrs.Instant `json:"items"`
}

// hold is the lease: who writes. Beats change with everything that the holder commits.
type hold struct {
	Holder string `json:"holder,omitempty"` // "" when it was given back
	Term   int    `json:"term"`             // rises with each holder
	Beats  int    `json:"beats"`
}

// plan names the documents that the holder is about to write (fence.go), as collection, partition and id.
type plan struct {
	Keys [][3]string `json:"keys,omitempty"`
}

// job is a piece of work that takes several steps.
type job struct {
	Kind   jobKind      `json:"kind"`
	ID     string       `json:"id"`               // of the activity, item, organisation or alias
	After  string       `json:"after,omitempty"`  // where a scan goes on
	Done   lrs.Instant  `json:"done,omitzero"`    // up to where statements were read
	Until  lrs.Instant  `json:"until,omitzero"`   // up to where they are to be read
	Items  []hub.ItemID `json:"items,omitempty"`  // of an activity: where facts may lie; of an item: whose records are looked at
	Digest string       `json:"digest,omitempty"` // of an activity: what it comes to mean
}

type jobKind string

const (
	remap   jobKind = "activity"     // an activity means something else: its statements are read again
	review  jobKind = "item"         // an item is another: the records of those who have it are summed up again
	rehouse jobKind = "organisation" // an organisation stands elsewhere: so do the records of its people
	regain  jobKind = "alias"        // an identity came back that had been purged: its statements are read again
)

func (j job) id() string { return digestOf(string(j.Kind), j.ID) }

// Activity is an activity that statements spoke of, as one source calls it.
type Activity struct {
	ID     string      `json:"id"`
	IRI    string      `json:"iri"`
	Source string      `json:"source,omitempty"`
	Count  int64       `json:"count"`            // statements whose object it is
	Parts  int64       `json:"parts,omitzero"`   // statements that name it as the whole of their object
	First  lrs.Instant `json:"first"`            // when the first was stored
	Last   lrs.Instant `json:"last"`             // and the last
	Item   hub.ItemID  `json:"item,omitempty"`   // what it means, "" when nobody knows
	Whole  hub.ItemID  `json:"whole,omitempty"`  // what the content means that its IRI says it is a part of
	Digest string      `json:"digest,omitempty"` // of the mappings by which its statements were read
}

// reads notes by which mappings the statements of the activity are read. The content that an IRI says it is a part of
// decides too, and no statement need name it: so the part is to be read again when the content is mapped.
func (a *Activity) reads(known Catalogue) {
	m, ok := known.Match(a.Source, a.IRI)
	a.Item, a.Whole, a.Digest = m.Item, "", mappingDigest(m, ok)
	if whole, isPart := wholeOf(a.IRI); isPart {
		if m, ok := known.Match(a.Source, whole); ok {
			a.Whole, a.Digest = m.Item, digestOf(a.Digest, mappingDigest(m, ok))
		}
	}
}

// The tables of the house.
var (
	cursorTable  = docstore.Table[cursors]{Collection: docstore.Collection{Name: "completion_cursors", Class: docstore.ImpersonalData}}
	leaseTable   = docstore.Table[hold]{Collection: docstore.Collection{Name: "completion_lease", Class: docstore.ImpersonalData}}
	planTable    = docstore.Table[plan]{Collection: docstore.Collection{Name: "completion_plan", Class: docstore.ImpersonalData}}
	jobTable     = docstore.Table[job]{Collection: docstore.Collection{Name: "completion_jobs", Class: docstore.ImpersonalData}}
	voidingTable = docstore.Table[voiding]{Collection: docstore.Collection{Name: "completion_voidings", Class: docstore.ImpersonalData}}

	// Activities are what statements spoke of. Index keys: unknown, the number of statements of what nobody has
	// mapped; item, what an activity means; iri, its beginning.
	Activities = docstore.Table[Activity]{
		Collection: docstore.Collection{Name: "completion_activities", Indexes: []string{"unknown", "item", "iri"}, Class: docstore.ImpersonalData},
		Keys: func(a *Activity) (keys []docstore.IndexKey) {
			switch {
			case a.Item != "":
				keys = append(keys, docstore.IndexKey{Index: "item", Key: string(a.Item)})
			case a.Count > 0:
				keys = append(keys, docstore.IndexKey{Index: "unknown", Key: docstore.Number(a.Count)})
			}
			return append(keys, docstore.IndexKey{Index: "iri", Key: cutKey(a.IRI)})
		},
	}
)

// voiding remembers which statement a voiding one is about, for the day on which that is erased.
type voiding struct {
	Target lrs.ID `json:"target"`
}

// attribution says into whose completions the facts of an alias were summed. While it is not settled, they
// may or may not be in those of any of the people.
type attribution struct {
	People  []hub.PersonID `json:"people,omitempty"` // sorted
	Settled bool           `json:"settled,omitempty"`
	Purged  bool           `json:"purged,omitempty"` // the alias was, and its facts with it
}

// Attributions lie in the partition of their alias, beside its facts.
var attributionTable = docstore.Table[attribution]{
	Collection: docstore.Collection{Name: "completion_attributions", Class: docstore.PseudonymData, Subject: docstore.ByPartition},
}

const (
	attributionID = "people"
	onlyOne       = "one" // id of what there is one of
)

// Collections are what the package keeps.
func Collections() []docstore.Collection {
	return []docstore.Collection{
		Completions.Collection, factDocs, attributionTable.Collection, Activities.Collection, cursorTable.Collection, leaseTable.Collection,
		planTable.Collection, jobTable.Collection, voidingTable.Collection, rebuildTable.Collection,
	}
}

// digestOf names texts of any length in 16 hexadecimal... characters that collide with negligible probability.
func digestOf(texts ...string) string {
	h := fnv.New128a()
	for _, text := range texts {
		_, _ = h.Write([]byte(text))
		_, _ = h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// mappingDigest is equal for mappings by which statements are read alike; "" for none.
func mappingDigest(m catalogue.Mapping, known bool) string {
	if !known {
		return ""
	}
	b, err := json.Marshal(&m, json.Deterministic(true))
	if err != nil {
		return "?"
	}
	return digestOf(string(b))
}

// maxIRIKey keeps the beginning of an IRI within what an index key may hold.
const maxIRIKey = 400

func cutKey(text string) string {
	if len(text) <= maxIRIKey {
		return text
	}
	end := maxIRIKey
	for end > 0 && text[end]&0xC0 == 0x80 { // not within a character
		end--
	}
	return text[:end]
}
