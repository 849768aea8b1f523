// Package openclassrooms reads OpenClassrooms through three ports: members (seats), activity (courses and paths) and
// catalogue. Each has a driver: api, csv for exports that are handed in, or none. Little of the interface is
// published, so paths, paging, fields and words are settings with defaults, and a field that is not found
// fails loudly. OpenClassrooms' words stop here.
//
//	settings.go   what a connection sets, and the defaults
//	mapping.go    JSON pointers into items, and which were found
//	session.go    access, requests, errors
//	paging.go     lists: Range of items, links, pages, offsets
//	member.go     members as identities and seats
//	activity.go   courses and paths as milestones
//	pull.go       the order of it all
//	file.go       exports in CSV
//	check.go      check and probe
//
// docs/connectors.md says what to ask OpenClassrooms for, and what is not known.
package openclassrooms

import (
	"net/url"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
)

// HomePage is of the accounts by which OpenClassrooms calls its members, and begins the names of its courses.
const HomePage = "https://openclassrooms.com"

// The verbs that the connector writes.
const (
	verbInitialized = "http://adlnet.gov/expapi/verbs/initialized"
	verbProgressed  = "http://adlnet.gov/expapi/verbs/progressed"
	verbCompleted   = "http://adlnet.gov/expapi/verbs/completed"
	verbEarned      = "http://id.tincanapi.com/verb/earned"
)

// Provider declares OpenClassrooms. The clock is for the ends of tokens.
func Provider(now func() time.Time) connectors.Provider {
	return connectors.Provider{
		Kind: "openclassrooms", Title: "OpenClassrooms", Defaults: jsontext.Value(defaults),
		Source: connectors.SourceRules{
			Verbs:            []string{verbInitialized, verbProgressed, verbCompleted, verbEarned},
			ActivityPrefixes: []string{HomePage + "/"},
			Schemas:          []string{"openclassrooms@1.0"},
		},
		Open: func(settings jsontext.Value) (connectors.Connector, error) {
			s, err := readSettings(settings)
			if err != nil {
				return nil, err
			}
			return &connector{settings: s, now: now}, nil
		},
	}
}

// connector is one connection to OpenClassrooms.
type connector struct {
	settings *settings
	now      func() time.Time
}

// Hosts implements connectors.Connector.
func (c *connector) Hosts() (hosts []string) {
	if !c.settings.asks() {
		return nil
	}
	addresses := []string{c.settings.BaseURL}
	if c.settings.Auth.Kind == authClient {
		addresses = append(addresses, c.settings.Auth.TokenURL)
	}
	for _, address := range addresses {
		if u, err := url.Parse(address); err == nil && (len(hosts) == 0 || hosts[0] != u.Host) {
			hosts = append(hosts, u.Host)
		}
	}
	return hosts
}
