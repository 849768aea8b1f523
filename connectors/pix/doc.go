// Package pix reads Pix: organisations, campaigns and participations through the partner interface, and the
// files that Pix Orga exports. Pix's words stop here.
//
//	settings.go       what a connection sets
//	session.go        token, requests, both shapes of errors
//	pull.go           organisations, campaigns, pages, the watermark
//	participation.go  a row of Pix, decoded leniently
//	observe.go        a row as observations
//	check.go          check and probe
//	file*.go          exports of campaign results and certification results
//
// docs/connectors.md says what Pix is to be asked for and how its fields become statements.
package pix

import (
	"net/url"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
)

// HomePage is of the accounts by which Pix calls its participants.
const HomePage = "https://pix.fr"

// The verbs that the connector writes.
const (
	verbInitialized = "http://adlnet.gov/expapi/verbs/initialized"
	verbCompleted   = "http://adlnet.gov/expapi/verbs/completed"
	verbPassed      = "http://adlnet.gov/expapi/verbs/passed"
	verbFailed      = "http://adlnet.gov/expapi/verbs/failed"
	verbEarned      = "http://id.tincanapi.com/verb/earned"
)

// Provider declares Pix. The clock is for the ends of tokens.
func Provider(now func() time.Time) connectors.Provider {
	return connectors.Provider{
		Kind: "pix", Title: "Pix", Defaults: jsontext.Value(defaults),
		Source: connectors.SourceRules{
			Verbs:            []string{verbInitialized, verbCompleted, verbPassed, verbFailed, verbEarned},
			ActivityPrefixes: []string{HomePage + "/xapi/"},
			Schemas:          []string{"pix@1.0"},
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

// connector is one connection to Pix.
type connector struct {
	settings *settings
	now      func() time.Time
}

// Hosts implements connectors.Connector.
func (c *connector) Hosts() []string {
	if c.settings.Driver == driverFiles {
		return nil
	}
	var hosts []string
	for _, address := range []string{c.settings.BaseURL, c.settings.TokenURL} {
		if u, err := url.Parse(address); err == nil && (len(hosts) == 0 || hosts[0] != u.Host) {
			hosts = append(hosts, u.Host)
		}
	}
	return hosts
}
