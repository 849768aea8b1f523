package access

import (
	"github.com/go-json-experiment/json/jsontext"

	"acquis/lrs"
)

// Source is a partner platform: who it is, and what it may send.
type Source struct {
	Name  string `json:"name"` // kebab-case; it never changes
	Title string `json:"title,omitempty"`
	// Authority is the Agent that its statements are asserted by. Left out, it is made of the name.
	Authority      jsontext.Value `json:"authority,omitempty"`
	Versions       []lrs.Version  `json:"versions,omitempty"`       // none: every version that is spoken
	DefaultVersion lrs.Version    `json:"defaultVersion,omitempty"` // at the lenient door, for requests that name none

	Verbs            []string    `json:"verbs,omitempty"`            // IRIs; none: any
	ActivityPrefixes []string    `json:"activityPrefixes,omitempty"` // of the objects' ids; none: any
	ActorForms       []string    `json:"actorForms,omitempty"`       // of ActorForms; none: any
	MayVoid          bool        `json:"mayVoid,omitempty"`          // its own statements, never another's
	Define           bool        `json:"define,omitempty"`           // its activity definitions become canonical
	Schemas          []SchemaUse `json:"schemas,omitempty"`

	Retention string `json:"retention,omitempty"` // the retention class of its statements
	Contact   string `json:"contact,omitempty"`   // whom to write to about it

	DailyQuota int     `json:"dailyQuota,omitempty"` // statements a day, UTC; 0: the installation's
	Rate       float64 `json:"rate,omitempty"`       // requests per second; 0: the installation's
	Burst      int     `json:"burst,omitempty"`      // requests at once; 0: the installation's

	Disabled bool `json:"disabled,omitempty"` // none of its credentials is taken

	Revision lrs.Instant `json:"-"` // of the store; what an update must name
}

// SchemaUse holds a source's statements to a JSON Schema.
type SchemaUse struct {
	Name    string     `json:"name"`
	Version string     `json:"version"`
	Mode    SchemaMode `json:"mode"`
}

// SchemaMode says what comes of a statement that a schema refuses.
type SchemaMode string

// The modes.
const (
	Report  SchemaMode = "report"  // it is stored, counted and listed
	Enforce SchemaMode = "enforce" // it is refused
)

// ActorForms are the names of the inverse functional identifiers (Data 2.4.2.3).
var actorForms = []string{"mbox", "mbox_sha1sum", "openid", "account"}

// Schema is one version of a JSON Schema that sources can be held to.
type Schema struct {
	Name    string         `json:"name"`    // kebab-case
	Version string         `json:"version"` // such as "1" or "2026-09"
	Body    jsontext.Value `json:"schema"`
	Shipped bool           `json:"shipped,omitempty"` // it came with the product and cannot be replaced

	Revision lrs.Instant `json:"-"`
}

// ID names the version of the schema.
func (s Schema) ID() string { return s.Name + "@" + s.Version }

// SchemaJudge is a compiled schema. It never changes.
type SchemaJudge interface {
	// About reports, at next to no cost, whether the schema has anything to say of a statement.
	About(verb, activity string) bool
	// Judge lists what the schema finds in a statement.
	Judge(statement []byte) []lrs.Violation
}

// Compiler compiles a schema that somebody registers. It refuses, with lrs.KindInvalid and every
// violation, what could cost too much or would be fetched from elsewhere.
type Compiler func(schema []byte) (SchemaJudge, error)
