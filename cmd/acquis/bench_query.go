package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"

	"github.com/alecthomas/kong"
)

// queriesARow is how many different queries one row asks in turn.
const queriesARow = 200

// benchReading are the flags of the modes that ask for what the LRS holds.
type benchReading struct {
	benchFlags
	benchTime
	Count int `default:"10000" help:"Statements to insert first when the LRS shows too few (${default})."`
}

// Validate is called by kong.
func (m *benchReading) Validate() error {
	return errors.Join(m.checkFlags(), m.checkTime())
}

// look finds out what there is to ask for, in pages of limit.
func (m *benchReading) look(ctx context.Context, app *kong.Context, limit int) (*bencher, *benchSurvey, error) {
	b, err := m.start(ctx, app)
	if err != nil {
		return nil, nil, err
	}
	seen, err := b.survey(ctx, m.Count, limit)
	return b, seen, err
}

// benchPages are the flags of the modes that ask for pages.
type benchPages struct {
	benchReading
	Limit int `default:"50" help:"Statements of a page (${default})."`
}

// Validate is called by kong.
func (m *benchPages) Validate() error {
	limit := error(nil)
	if m.Limit < 1 {
		limit = fmt.Errorf("--limit is %d: at least one statement makes a page", m.Limit)
	}
	return errors.Join(m.benchReading.Validate(), limit)
}

type benchGet struct{ benchReading }

// Run measures GET by id.
func (m *benchGet) Run(ctx context.Context, app *kong.Context) error {
	b, seen, err := m.look(ctx, app, 50)
	if err != nil {
		return err
	}
	rows, err := b.readRow(ctx, m.benchTime, "GET by id", b.getRequests(seen))
	if err != nil {
		return err
	}
	return b.report("get", rows)
}

func (b *bencher) getRequests(seen *benchSurvey) [][]byte {
	var requests [][]byte
	for _, stmt := range seen.statements {
		requests = append(requests, b.target.get(url.Values{"statementId": {stmt.ID}}))
	}
	return b.shuffled(requests)
}

// shuffled mixes requests the same way for the same seed.
func (b *bencher) shuffled(requests [][]byte) [][]byte {
	random := rand.New(rand.NewPCG(b.Seed, 0))
	random.Shuffle(len(requests), func(i, j int) { requests[i], requests[j] = requests[j], requests[i] })
	return requests
}

// readRow measures prepared GETs, which each worker starts at another place.
func (b *bencher) readRow(ctx context.Context, t benchTime, name string, requests [][]byte) ([]benchRow, error) {
	bar := b.timeBar(name, t)
	defer bar.close()
	plan := benchPlan{rows: []string{name}, source: func(worker int) func() (benchRequest, bool) {
		at := worker * len(requests) / b.Connections
		return func() (benchRequest, bool) {
			at = (at + 1) % len(requests)
			return benchRequest{bytes: requests[at]}, true
		}
	}}
	return b.measure(ctx, plan, benchWindow{t.Warmup, t.Duration})
}

type benchQuery struct {
	benchPages
	Only []string `placeholder:"ROW" help:"Measure these rows only, for instance agent,verb."`
}

// Run measures the first page of each filter.
func (m *benchQuery) Run(ctx context.Context, app *kong.Context) error {
	b, seen, err := m.look(ctx, app, m.Limit)
	if err != nil {
		return err
	}
	filters, err := m.filters(ctx, b, seen)
	if err != nil {
		return err
	}
	var rows []benchRow
	for _, f := range filters {
		if len(f.queries) == 0 {
			fmt.Fprintf(b.notes, "Row %q is left out: nothing was seen in the LRS to ask for.\n", f.name)
			continue
		}
		row, err := b.readRow(ctx, m.benchTime, f.name, b.queryRequests(f, m.Limit))
		if err != nil {
			return err
		}
		rows = append(rows, row...)
	}
	return b.report("query", rows)
}

func (m *benchQuery) filters(ctx context.Context, b *bencher, seen *benchSurvey) ([]benchFilter, error) {
	filters := seen.filters()
	empty, err := b.emptyIntersection(ctx, seen)
	if err != nil {
		return nil, err
	}
	filters = append(filters, empty)
	if len(m.Only) == 0 {
		return filters, nil
	}
	var chosen []benchFilter
	for _, name := range m.Only {
		at := slices.IndexFunc(filters, func(f benchFilter) bool { return f.name == name })
		if at < 0 {
			return nil, fmt.Errorf("--only %q names no row: there are %s", name, filterNames(filters))
		}
		chosen = append(chosen, filters[at])
	}
	return chosen, nil
}

func filterNames(filters []benchFilter) (names []string) {
	for _, f := range filters {
		names = append(names, strconv.Quote(f.name))
	}
	return names
}

// benchFilter is one row of the table of queries.
type benchFilter struct {
	name    string
	queries []url.Values
}

func (b *bencher) queryRequests(f benchFilter, limit int) [][]byte {
	var requests [][]byte
	for _, query := range f.queries {
		query.Set("limit", strconv.Itoa(limit))
		requests = append(requests, b.target.get(query))
	}
	return b.shuffled(requests)
}

// filters makes queries that find something, by each filter of Communication 2.1.3.
func (s *benchSurvey) filters() []benchFilter {
	pick := func(name string, query func(surveyStatement) url.Values) benchFilter {
		f, asked := benchFilter{name: name}, map[string]bool{}
		for _, stmt := range s.spread() {
			q := query(stmt)
			if incomplete(q) || asked[q.Encode()] || len(f.queries) == queriesARow {
				continue
			}
			asked[q.Encode()] = true
			f.queries = append(f.queries, q)
		}
		return f
	}
	return []benchFilter{
		{name: "no filter", queries: []url.Values{{}}},
		pick("verb", func(st surveyStatement) url.Values { return url.Values{"verb": {st.Verb.ID}} }),
		pick("agent", func(st surveyStatement) url.Values { return url.Values{"agent": {st.Actor.parameter()}} }),
		pick("activity", func(st surveyStatement) url.Values { return url.Values{"activity": {st.activity()}} }),
		pick("registration", func(st surveyStatement) url.Values { return url.Values{"registration": {st.Context.Registration}} }),
		pick("related_agents", func(st surveyStatement) url.Values {
			return url.Values{"agent": {st.Context.Instructor.parameter()}, "related_agents": {"true"}}
		}),
		pick("related_activities", func(st surveyStatement) url.Values {
			return url.Values{"activity": {st.parent()}, "related_activities": {"true"}}
		}),
		pick("agent+verb", func(st surveyStatement) url.Values {
			return url.Values{"agent": {st.Actor.parameter()}, "verb": {st.Verb.ID}}
		}),
		pick("activity+since", func(st surveyStatement) url.Values {
			return url.Values{"activity": {st.activity()}, "since": {s.moment(0.45)}, "until": {s.moment(0.55)}}
		}),
	}
}

func (s surveyStatement) parent() string {
	if parents := s.Context.ContextActivities.Parent; len(parents) > 0 {
		return parents[0].ID
	}
	return ""
}

func incomplete(query url.Values) bool {
	for _, values := range query {
		if values[0] == "" {
			return true
		}
	}
	return false
}

// spread returns the statements in an order that takes from everywhere in the store first.
func (s *benchSurvey) spread() []surveyStatement {
	mixed := slices.Clone(s.statements)
	random := rand.New(rand.NewPCG(0, uint64(len(mixed))))
	random.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	return mixed
}

// emptyIntersection finds a verb and an activity that both have many statements and none in common:
// the query that an index answers slowest. Such pairs are looked for among what the survey saw, the
// frequent ones first, and tried.
func (b *bencher) emptyIntersection(ctx context.Context, seen *benchSurvey) (benchFilter, error) {
	const tries = 50
	verbs, activities, together := map[string]int{}, map[string]int{}, map[[2]string]bool{}
	for _, stmt := range seen.statements {
		if activity := stmt.activity(); activity != "" {
			verbs[stmt.Verb.ID]++
			activities[activity]++
			together[[2]string{stmt.Verb.ID, activity}] = true
		}
	}
	c := &benchConn{target: b.target}
	defer c.close()
	empty := benchFilter{name: "verb+activity, empty"}
	tried := 0
	for _, verb := range byFrequency(verbs) {
		for _, activity := range byFrequency(activities) {
			if tried == tries || together[[2]string{verb, activity}] {
				continue
			}
			tried++
			query := url.Values{"verb": {verb}, "activity": {activity}, "limit": {"1"}}
			var page struct{ Statements []surveyStatement }
			if err := c.getJSON(ctx, b.target.get(query), &page); err != nil {
				return benchFilter{}, fmt.Errorf("looking for an empty intersection: %w", err)
			}
			if len(page.Statements) == 0 && len(empty.queries) < 10 {
				empty.queries = append(empty.queries, query)
			}
		}
	}
	return empty, nil
}

func byFrequency(counts map[string]int) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
}
