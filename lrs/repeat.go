package lrs

import lru "github.com/hashicorp/golang-lru/v2"

// rememberedContents is how many statements without ids are remembered, of all sources together. A
// sender repeats a batch soon after its answer was lost.
const rememberedContents = 1 << 16

// repeats recognises statements that a source without ids sent before: both stay, as the
// specification wants, and are counted.
type repeats struct {
	seen *lru.Cache[sentContent, struct{}]
}

type sentContent struct {
	source string
	key    ContentKey
}

func newRepeats() *repeats {
	seen, _ := lru.New[sentContent, struct{}](rememberedContents) // fails without a size only
	return &repeats{seen}
}

// count remembers what was stored without an id of its sender, and returns how much of it came before.
func (r *repeats) count(drafts []*Draft) (repeated int) {
	for _, d := range drafts {
		if !d.Fresh {
			continue
		}
		key, ok := d.Statement.ContentKey()
		if !ok {
			continue
		}
		if before, _ := r.seen.ContainsOrAdd(sentContent{d.Source, key}, struct{}{}); before {
			repeated++
		}
	}
	return repeated
}
