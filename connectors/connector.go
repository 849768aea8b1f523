package connectors

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Provider is a kind of connection: what a provider's folder declares.
type Provider struct {
	Kind  string // lower-case letters, such as pix; it never changes
	Title string // what people call it
	// Defaults are the settings that hold where a connection says nothing, for people to read.
	Defaults jsontext.Value
	Source   SourceRules
	// Open decodes and judges the settings of a connection, secrets in them as references (SecretRef).
	// It refuses with an *lrs.Error whose violations point into the settings. It does no I/O.
	Open func(settings jsontext.Value) (Connector, error)
}

// SourceRules are what the source of a connection may send: it is made with the connection.
type SourceRules struct {
	Verbs            []string // IRIs, none: any
	ActivityPrefixes []string // none: any
	Schemas          []string // contracts that are enforced, such as pix@1.0
}

// Connector reads one connection. Its methods may be called again at any time, one at a time.
type Connector interface {
	// Hosts are those that the settings name, with a port where it is not the scheme's. The client
	// goes to no other.
	Hosts() []string

	// Pull reads everything since the request's watermark, or everything there is when the request is
	// Full or has no watermark, and yields it page by page. What yield returns ends the pull and is
	// returned as it is. The watermark that it returns takes effect only when the error is nil and
	// everything it stands for was yielded; it is taken from the data, not from a clock.
	//
	// The same answers of the provider give the same observations, whenever and however often they
	// are read.
	Pull(ctx context.Context, r Request, yield func(Page) error) (watermark jsontext.Value, err error)

	// Check asks the provider as little as tells whether the connection works, and how many calls a
	// full pull takes.
	Check(ctx context.Context, r Request) (Check, error)

	// Probe reads a few items of each kind and tells which fields were found in how many. It is for
	// whoever maps a provider's fields for the first time.
	Probe(ctx context.Context, r Request) (Probe, error)
}

// Request is what a connector is given.
type Request struct {
	Client    Caller
	Secrets   Secrets
	Watermark jsontext.Value // what the last clean run returned; nil for the first
	Full      bool           // a sweep: read everything, so that sets are complete
	Files     []File         // what was handed in or lies in the connection's folder
	// Now is when the run began. It may choose what is asked for, never what is observed.
	Now time.Time
}

// File is an export of a provider's that a person handed in.
type File struct {
	Name string // without folders
	As   string // which of the connector's imports it is for, "" when nobody said
	Size int64
	Open func() (io.ReadSeekCloser, error)
}

// Page is what a connector read at a time. It is dealt with as a whole, before the next is read.
type Page struct {
	Observations []Observation
	Skipped      []Skip
	Fields       []Field // how often mapped fields were found on this page
	// Items is how many of the provider's items the page holds, skipped ones too; Expected how many the
	// whole pull brings as far as is known by now, 0 when it isn't.
	Items    int
	Expected int
}

// Skip counts items that were passed over. The reason is a short phrase without personal data, one of
// few, such as "no results yet".
type Skip struct {
	Reason string `json:"reason"`
	Items  int    `json:"items"`
	// Person says that somebody should look at it, as at an unknown status.
	Person bool `json:"person,omitempty"`
}

// Field counts in how many items of a kind a mapped field was found.
type Field struct {
	Item     string `json:"item"` // what kind of item, such as member
	Name     string `json:"name"` // the field as the settings name it
	Found    int    `json:"found"`
	Of       int    `json:"of"`
	Required bool   `json:"required,omitempty"` // a run fails when it is found nowhere (MissingFields)
}

// Check is the answer of a provider that works.
type Check struct {
	Says []string `json:"says"` // sentences for people: what was reached, what can be seen
	// Calls is how many requests a full pull takes, as far as can be told.
	Calls int `json:"calls"`
}

// Probe tells what a few items look like.
type Probe struct {
	Says   []string `json:"says"`
	Fields []Field  `json:"fields"`
}

// Caller carries out HTTP requests with everything that every connector needs: see Client.
type Caller interface {
	// Do sends a request, again when that is safe and of use, and reads the whole answer. Answers with
	// a status below 500 other than 429 are returned for the connector to judge; everything else is a
	// *Fault.
	Do(ctx context.Context, r *http.Request) (Answer, error)
}

// Answer is an HTTP answer.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}
