package main

import (
	"context"
	"math/rand/v2"

	"github.com/alecthomas/kong"
)

// The rows of a mixed run, and how many of a hundred requests each gets: mostly what content and
// partners send, and some readers.
const (
	mixedPostOne = iota
	mixedPostBatch
	mixedGet
	mixedQuery
)

var mixedShares = []struct {
	name  string
	share int
}{
	mixedPostOne:   {"POST of one", 60},
	mixedPostBatch: {"POST of 50", 5},
	mixedGet:       {"GET by id", 20},
	mixedQuery:     {"GET a page", 15},
}

type benchMixed struct{ benchPages }

// Run measures writers and readers together.
func (m *benchMixed) Run(ctx context.Context, app *kong.Context) error {
	b, seen, err := m.look(ctx, app, m.Limit)
	if err != nil {
		return err
	}
	bar := b.timeBar("mixed", m.benchTime)
	defer bar.close()
	rows, err := b.measure(ctx, b.mixedPlan(seen, m.Limit), benchWindow{m.Warmup, m.Duration})
	if err != nil {
		return err
	}
	bar.close()
	return b.report("mixed", rows)
}

func (b *bencher) mixedPlan(seen *benchSurvey, limit int) benchPlan {
	var plan benchPlan
	for _, row := range mixedShares {
		plan.rows = append(plan.rows, row.name)
	}
	ones, batches := b.preparePosts(benchPrepared/2, 1), b.preparePosts(benchPrepared/2, 50)
	reads := map[int][][]byte{mixedGet: b.getRequests(seen)}
	for _, f := range seen.filters() {
		reads[mixedQuery] = append(reads[mixedQuery], b.queryRequests(f, limit)...)
	}
	plan.source = func(worker int) func() (benchRequest, bool) {
		random := rand.New(rand.NewPCG(b.Seed, uint64(worker)))
		posts := map[int]*benchOwnPosts{
			mixedPostOne:   ones.of(worker, b.Connections, b.run),
			mixedPostBatch: batches.of(worker, b.Connections, b.run+1),
		}
		return func() (benchRequest, bool) {
			row := drawMixed(random)
			if own, isPost := posts[row]; isPost {
				return own.next(row), true
			}
			choice := reads[row]
			return benchRequest{row: row, bytes: choice[random.IntN(len(choice))]}, true
		}
	}
	return plan
}

func drawMixed(random *rand.Rand) int {
	drawn := random.IntN(100)
	for row, entry := range mixedShares {
		if drawn -= entry.share; drawn < 0 {
			return row
		}
	}
	return mixedPostOne
}
