// Package attendance reads the sign-in sheets of classroom sessions and the attestations of outside providers, from CSV
// files and workbooks that people hand in. Nothing is pulled.
//
//	settings.go     what a connection sets
//	person.go       who a line is about
//	sheet.go        a sign-in sheet: half-days, the session as a whole
//	attestation.go  attestations
//	pull.go         files in, pages out
//
// docs/connectors.md describes the columns.
package attendance

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
)

// The verbs that the connector writes.
const (
	verbAttended  = "http://adlnet.gov/expapi/verbs/attended"
	verbCompleted = "http://adlnet.gov/expapi/verbs/completed"
)

// Provider declares sign-in sheets and attestations.
func Provider() connectors.Provider {
	return connectors.Provider{
		Kind: "attendance", Title: "Classroom attendance and attestations", Defaults: jsontext.Value(defaults),
		Source: connectors.SourceRules{Verbs: []string{verbAttended, verbCompleted}, Schemas: []string{"attendance@1.0"}},
		Open: func(settings jsontext.Value) (connectors.Connector, error) {
			s, err := readSettings(settings)
			if err != nil {
				return nil, err
			}
			return &connector{s}, nil
		},
	}
}

// connector is one connection: the files of one organiser of classroom sessions.
type connector struct {
	settings *settings
}

// Hosts implements connectors.Connector: nothing is asked of anybody.
func (c *connector) Hosts() []string { return nil }

// Check implements connectors.Connector: it reads the files that lie ready, and takes nothing.
func (c *connector) Check(_ context.Context, r connectors.Request) (check connectors.Check, err error) {
	if len(r.Files) == 0 {
		return connectors.Check{Says: []string{"Nothing is pulled: hand in a sign-in sheet or attestations, as CSV or .xlsx."}}, nil
	}
	for _, file := range r.Files {
		read, err := c.read(file)
		if err != nil {
			return check, err
		}
		check.Says = append(check.Says, read.says)
	}
	return check, nil
}

// Probe implements connectors.Connector: which columns the files have.
func (c *connector) Probe(_ context.Context, r connectors.Request) (probe connectors.Probe, err error) {
	for _, file := range r.Files {
		read, err := c.read(file)
		if err != nil {
			return probe, err
		}
		probe.Says = append(probe.Says, read.says)
		probe.Fields = append(probe.Fields, read.fields...)
	}
	return probe, nil
}
