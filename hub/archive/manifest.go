package archive

import (
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ManifestName is the file of a folder that says what is in it.
const ManifestName = "manifest.json"

// AttachmentsName is the folder that holds attachments, each under its SHA-2.
const AttachmentsName = "attachments"

// Manifest says what an export holds. It is written last: an export without one is not whole.
type Manifest struct {
	Format      string     `json:"format"` // acquis-statements/1
	From        string     `json:"from"`   // the address that was asked
	Filter      url.Values `json:"filter"` // the parameters of the statement resource
	Begun       time.Time  `json:"begun"`
	Ended       time.Time  `json:"ended"`
	Through     string     `json:"consistentThrough"` // everything stored up to this time is in it, and nothing later
	Statements  int        `json:"statements"`
	Voided      int        `json:"voided"` // of these, how many are voided
	Attachments int        `json:"attachments"`
	Parts       []Part     `json:"parts"`
}

// Part is a file of an export.
type Part struct {
	Name       string `json:"name"`
	Statements int    `json:"statements"`
	Bytes      int64  `json:"bytes"`
	SHA256     string `json:"sha256"`
}

// ManifestFormat names the form of an export.
const ManifestFormat = "acquis-statements/1"

// Encode writes the manifest for people and programs.
func (m Manifest) Encode() ([]byte, error) {
	return json.Marshal(m, json.Deterministic(true), jsontext.WithIndent("  "))
}
