package schemas

import (
	"embed"
	"fmt"
	"sync"
)

// sources are the contracts that the product ships, one for each kind of partner.
//
//go:embed sources/*.json
var sources embed.FS

// Sources returns the contracts that the product ships, sorted by name. They are compiled when first asked for,
// and only once; the slice is the caller's.
func Sources() ([]*Contract, error) {
	shipped, err := compiledSources()
	return append([]*Contract(nil), shipped...), err
}

var compiledSources = sync.OnceValues(func() ([]*Contract, error) {
	entries, err := sources.ReadDir("sources")
	if err != nil {
		return nil, err
	}
	shipped := make([]*Contract, len(entries))
	for i, entry := range entries {
		document, err := sources.ReadFile("sources/" + entry.Name())
		if err != nil {
			return nil, err
		}
		if shipped[i], err = NewContract(document); err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name(), err)
		}
	}
	return shipped, nil
})
