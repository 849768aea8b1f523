package catalogue

import (
	"context"
	_ "embed"
	"slices"

	"acquis/hub"
)

// starter is a catalogue to start from.
//
//go:embed starter/catalogue.yaml
var starter []byte

// Starter returns a catalogue to start from, in YAML, shaped like that of the Campus: the nine expertises
// and artificial intelligence, 100 modules, 50 parcours, and the activities of the made-up platforms of
// the demo. Its titles are invented.
func Starter() []byte { return slices.Clone(starter) }

// ImportStarter takes the starter catalogue in. Doing it again changes nothing.
func (c *Catalogue) ImportStarter(ctx context.Context, caller hub.Caller) (Report, error) {
	return c.Import(ctx, caller, Import{Format: YAML, File: starter})
}
