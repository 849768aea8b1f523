package directory

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/docstore"
	"acquis/hub"
)

// Organisation is a part of the public service: a ministry, a directorate, a service.
type Organisation struct {
	ID         hub.OrganisationID   `json:"id"`
	Name       string               `json:"name"`
	Kind       OrganisationKind     `json:"kind"`
	SIRET      string               `json:"siret,omitempty"`      // 14 digits
	Parents    []Edge               `json:"parents,omitempty"`    // at most one on a day
	Headcounts []Headcount          `json:"headcounts,omitempty"` // by population and day
	hub.Span                        // while it exists
	Updated    time.Time            `json:"updated"`
	History    []OrganisationChange `json:"history,omitempty"` // the oldest first, at most maxHistory
}

// OrganisationKind says what an organisation is.
type OrganisationKind string

// The kinds of organisations.
const (
	Ministry    OrganisationKind = "ministry"
	Directorate OrganisationKind = "directorate"
	Service     OrganisationKind = "service"
	Other       OrganisationKind = "other" // an agency, a school, a local authority
)

// Edge says under which organisation another stands during a time.
type Edge struct {
	Parent hub.OrganisationID `json:"parent"`
	hub.Span
}

// Headcount is how many people an organisation has from a day on, until the next one of the same
// population, those of the organisations below it included.
type Headcount struct {
	Day        hub.Day `json:"day"`
	Count      int     `json:"count"`
	Population string  `json:"population,omitempty"` // "" for all
}

// OrganisationChange is a change of an organisation's document.
type OrganisationChange struct {
	At     time.Time                 `json:"at"`
	By     string                    `json:"by"`
	Action string                    `json:"action"` // create, update, import
	Reason string                    `json:"reason,omitempty"`
	Before map[string]jsontext.Value `json:"before,omitempty"` // the members that changed, as they were
}

// organisationsPartition is the partition of all organisations: the tree is changed as a whole.
const organisationsPartition = "organisations"

// Organisations are the organisations, all in one partition, under their ids. Index keys: name; kind,
// with the name; siret; parent, of every edge.
var Organisations = docstore.Table[Organisation]{
	Collection: docstore.Collection{
		Name: "hub_organisations", Indexes: []string{"name", "kind", "siret", "parent"},
		Class: docstore.ImpersonalData,
	},
	Keys: organisationKeys,
}

func organisationKeys(o *Organisation) (keys []docstore.IndexKey) {
	name := sortText(o.Name)
	keys = append(keys,
		docstore.IndexKey{Index: "name", Key: name},
		docstore.IndexKey{Index: "kind", Key: docstore.Tuple(string(o.Kind), name)})
	if o.SIRET != "" {
		keys = append(keys, docstore.IndexKey{Index: "siret", Key: o.SIRET})
	}
	seen := map[hub.OrganisationID]bool{}
	for _, e := range o.Parents {
		if !seen[e.Parent] {
			seen[e.Parent] = true
			keys = append(keys, docstore.IndexKey{Index: "parent", Key: string(e.Parent)})
		}
	}
	return keys
}
