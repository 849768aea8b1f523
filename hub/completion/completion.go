package completion

import (
	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/lrs"
)

// Mark is when something was first reached, and the statement that says so.
type Mark struct {
	At        lrs.Instant `json:"at"`                 // when it happened
	Stored    lrs.Instant `json:"stored"`             // when it was told
	Statement lrs.ID      `json:"statement,omitzero"` // the evidence
	Source    string      `json:"source,omitempty"`
}

// RuleMark is when the rule of a parcours was met.
type RuleMark struct {
	At      lrs.Instant `json:"at"`
	Version int         `json:"version"` // of the parcours, in force at that time
}

// Scored is a score with the time at which it was reached.
type Scored struct {
	Score
	At        lrs.Instant `json:"at"`
	Statement lrs.ID      `json:"statement"`
}

// Completion is how far a person is with an item. Times are those of the first statement that says so;
// a mark that is nil was not reached.
type Completion struct {
	Person hub.PersonID   `json:"person"`
	Item   hub.ItemID     `json:"item"`
	Kind   catalogue.Kind `json:"kind,omitempty"` // "" for an item that the catalogue does not know

	Started    *Mark `json:"started,omitempty"`
	Progressed *Mark `json:"progressed,omitempty"`
	// Completed of a parcours is the earlier of Validated and ByRule; of a module it is what a statement says.
	Completed *Mark     `json:"completed,omitempty"` // Statement is nil where ByRule came first
	Passed    *Mark     `json:"passed,omitempty"`
	Failed    *Mark     `json:"failed,omitempty"`
	Certified *Mark     `json:"certified,omitempty"`
	Validated *Mark     `json:"validated,omitempty"` // by the provider
	ByRule    *RuleMark `json:"byRule,omitempty"`    // of a parcours

	Progress     *float64 `json:"progress,omitempty"`     // the highest that was told, 0 to 100
	LastProgress *float64 `json:"lastProgress,omitempty"` // the latest that was told
	Clamped      bool     `json:"clamped,omitempty"`      // a progress was beyond its scale
	Best         *Scored  `json:"best,omitempty"`
	Last         *Scored  `json:"last,omitempty"`
	Stage        *Stage   `json:"stage,omitempty"`  // the highest that was reached
	Earned       []string `json:"earned,omitempty"` // badges and certificates, sorted, at most maxEarned

	First       lrs.Instant `json:"first,omitzero"` // when the person was first seen in it
	Latest      lrs.Instant `json:"latest,omitzero"`
	FirstStored lrs.Instant `json:"firstStored,omitzero"`
	LastStored  lrs.Instant `json:"lastStored,omitzero"`
	Measured    int64       `json:"measured,omitzero"`  // seconds that platforms measured
	Announced   int64       `json:"announced,omitzero"` // seconds that the provider, else the catalogue, says it takes

	Sources     []string `json:"sources,omitempty"` // sorted
	Statements  int      `json:"statements,omitzero"`
	Repeats     int      `json:"repeats,omitzero"`     // of those, how many told again what another told
	Completions int      `json:"completions,omitzero"` // how often it was completed; more than 1 for who took it again

	// Day is that of Completed, else that of Latest; Organisation is the person's on that day, Path itself
	// and those above it, the root last.
	Day          hub.Day              `json:"day"`
	Organisation hub.OrganisationID   `json:"organisation,omitempty"`
	Path         []hub.OrganisationID `json:"path,omitempty"`

	// Kept says that the document stays even when nothing is left of the record (fence.go).
	Kept bool `json:"kept,omitempty"`
}

// maxEarned bounds Completion.Earned.
const maxEarned = 50

// Done is when the item was completed; false when it was not.
func (c *Completion) Done() (lrs.Instant, bool) {
	if c.Completed == nil {
		return 0, false
	}
	return c.Completed.At, true
}

// Reached is the set of milestones that are reached.
func (c *Completion) Reached() (m Milestones) {
	for i, mark := range []*Mark{c.Started, c.Progressed, c.Completed, c.Passed, c.Failed, c.Certified, c.Validated} {
		if mark != nil {
			m |= 1 << i
		}
	}
	return m
}

// vacant reports whether nothing is left of the record. Such a one is kept only where a document must not
// be missing (fence.go).
func (c *Completion) vacant() bool { return c.Statements == 0 && c.ByRule == nil }

// Completions are the records: partition is the person, id the item. Index keys: item; organisation, each
// of the path, with the day of completion, 0 for none; completed, the day; latest, the day of the last activity.
var Completions = docstore.Table[Completion]{
	Collection: docstore.Collection{
		Name: "completions", Indexes: []string{"item", "organisation", "completed", "latest"},
		Class: docstore.PseudonymData, Subject: docstore.ByPartition, RetainedFrom: "latest",
	},
	Keys: completionKeys,
}

func completionKeys(c *Completion) []docstore.IndexKey {
	if c.vacant() {
		return nil
	}
	keys := make([]docstore.IndexKey, 0, 4+len(c.Path))
	keys = append(keys, docstore.IndexKey{Index: "item", Key: string(c.Item)})
	done := hub.Day(0)
	if c.Completed != nil {
		done = c.Day
		keys = append(keys, docstore.IndexKey{Index: "completed", Key: docstore.Number(c.Day)})
	}
	for _, organisation := range c.Path {
		keys = append(keys, docstore.IndexKey{Index: "organisation", Key: docstore.Tuple(string(organisation), docstore.Number(done))})
	}
	return append(keys, docstore.IndexKey{Index: "latest", Key: docstore.Number(c.Latest - c.Latest%dayOfMicroseconds)})
}

const dayOfMicroseconds = 24 * 60 * 60 * 1_000_000
