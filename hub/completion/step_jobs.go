package completion

import (
	"context"
	"errors"
	"maps"
	"slices"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/directory"
	"acquis/lrs"
)

// readJobs reads what work is left.
func (c *Consolidator) readJobs(ctx context.Context) error {
	jobs := map[string]docstore.Row[job]{}
	for row, err := range jobTable.Rows(ctx, c.store, docstore.Scan{Prefix: docstore.Tuple(house)}) {
		if err != nil {
			return err
		}
		jobs[row.ID] = row
	}
	c.jobs = jobs
	c.stats.jobs.Store(int64(len(jobs)))
	c.reconciledAt = 0
	c.rebuild = docstore.Row[Rebuild]{} // to be read again
	return nil
}

// reconciled reports whether all activities were held against the picture of the catalogue.
func (c *Consolidator) reconciled() bool { return c.reconciledAt == c.pictures.version }

// reconcile leaves work behind for each activity that means something else by the present catalogue than when its
// statements were read. What it meant stands in its document, so that a change of the catalogue is never missed.
func (c *Consolidator) reconcile(ctx context.Context) error {
	var due []job
	for row, err := range Activities.Rows(ctx, c.store, docstore.Scan{Prefix: docstore.Tuple(house)}) {
		if err != nil {
			return err
		}
		a := row.Value
		now := a
		now.reads(c.pictures.now)
		j := job{Kind: remap, ID: a.ID}
		under, begun := c.jobs[j.id()]
		if begun && under.Value.Digest == now.Digest || !begun && a.Digest == now.Digest {
			continue
		}
		j.Digest = now.Digest
		for _, item := range append(under.Value.Items, a.Item, a.Whole, now.Item, now.Whole) {
			if item != "" && !slices.Contains(j.Items, item) {
				j.Items = append(j.Items, item)
			}
		}
		due = append(due, j)
	}
	for some := range slices.Chunk(due, changesPage) {
		s := &step{Consolidator: c}
		for _, j := range some {
			if err := s.leave(j); err != nil {
				return err
			}
		}
		if err := c.conclude(ctx, nil, nil, s.notes); err != nil {
			return err
		}
	}
	c.reconciledAt = c.pictures.version
	return nil
}

// doJob does a page of a piece of work.
func (c *Consolidator) doJob(ctx context.Context) (bool, error) {
	if len(c.jobs) == 0 {
		return false, nil
	}
	row := c.jobs[slices.Min(slices.Collect(maps.Keys(c.jobs)))]
	s, err := c.begin(ctx)
	if err != nil {
		return false, err
	}
	do := map[jobKind]func(context.Context, *job) (bool, error){remap: s.remap, review: s.review, rehouse: s.rehouse, regain: s.regain}[row.Value.Kind]
	done, err := do(ctx, &row.Value)
	if err != nil {
		return false, err
	}
	if done {
		s.notes = append(s.notes, note{jobTable.Drop(row), func(lrs.Instant) {
			delete(c.jobs, row.ID)
			c.stats.jobs.Store(int64(len(c.jobs)))
		}})
	} else {
		n, err := noting(jobTable, row, c.keepJob)
		if err != nil {
			return false, err
		}
		s.notes = append(s.notes, n)
	}
	return true, s.finish(ctx)
}

// What a page of work may cost.
const (
	jobStatements = 500
	jobSteps      = 100_000
	jobRecords    = 500
)

// statements reads a page of statements under a term, as far as the log is taken over, oldest first.
func (s *step) statements(ctx context.Context, j *job, term lrs.Term, each func(lrs.Entry) error) (done bool, err error) {
	until := s.cursors.Value.Log
	if until <= j.Done {
		return true, nil
	}
	page, err := s.store.QueryStatements(ctx, lrs.StatementQuery{
		Terms: []lrs.Term{term}, Since: j.Done, Until: until, Ascending: true, Limit: jobStatements, Steps: jobSteps,
	})
	if err != nil {
		return false, err
	}
	for _, e := range page.Entries {
		if err := each(e); err != nil {
			return false, err
		}
	}
	j.Done = page.Next
	return page.Next == 0, nil
}

// remap reads the statements of an activity again, because it means something else.
func (s *step) remap(ctx context.Context, j *job) (bool, error) {
	row, err := s.activity(ctx, j.ID)
	if err != nil || row.Revision == 0 {
		return true, err
	}
	a := &row.Value
	term := lrs.IRITerm(lrs.TermActivity, a.IRI)
	if a.Parts > 0 {
		term = lrs.IRITerm(lrs.TermRelatedActivity, a.IRI)
	}
	done, err := s.statements(ctx, j, term, func(e lrs.Entry) error {
		if e.Source != a.Source {
			return nil
		}
		return s.reassign(e, a.IRI, j.Items)
	})
	if err != nil || !done {
		return false, err
	}
	a.reads(s.picture)
	n, err := noting(Activities, row, func(row docstore.Row[Activity]) { s.activities.put(row.ID, row) })
	s.notes = append(s.notes, n)
	return true, err
}

// reassign makes the facts of a statement that speaks of an activity be those that it tells now; items are where
// they may lie.
func (s *step) reassign(e lrs.Entry, iri string, items []hub.ItemID) error {
	var r read
	if err := r.decode(&e, s.picture); err != nil || r.reading.Key == (directory.Key{}) {
		return err
	}
	if r.object != iri && !slices.Contains(r.related, iri) {
		return nil
	}
	alias := s.directory.AliasID(r.reading.Key)
	for _, item := range items {
		s.edit(place{alias, item}, e.Stored, nil)
	}
	s.put(&r.reading, alias)
	return nil
}

// review sums up an item again for everybody who has it or something that it asks for.
func (s *step) review(ctx context.Context, j *job) (bool, error) {
	item := string(j.Items[0])
	next, err := s.records(ctx, docstore.Scan{Index: "item", From: item, Until: item + "\x01", After: j.After}, func(row docstore.Row[Completion]) {
		if string(row.Value.Item) == item {
			s.soil(row.Value.Person, hub.ItemID(j.ID))
		}
	})
	if err != nil {
		return false, err
	}
	if j.After = next; next == "" {
		j.Items = j.Items[1:]
	}
	return len(j.Items) == 0, nil
}

// rehouse sums up the records under an organisation again.
func (s *step) rehouse(ctx context.Context, j *job) (bool, error) {
	next, err := s.records(ctx, docstore.Scan{Index: "organisation", Prefix: docstore.Tuple(j.ID), After: j.After}, func(row docstore.Row[Completion]) {
		s.soil(row.Value.Person, row.Value.Item)
	})
	j.After = next
	return next == "", err
}

func (s *step) records(ctx context.Context, scan docstore.Scan, each func(docstore.Row[Completion])) (next string, err error) {
	scan.Limit = jobRecords
	found, next, err := Completions.Scan(ctx, s.store, scan)
	for _, f := range found {
		each(f.Row)
	}
	return next, err
}

// regainLater leaves work behind for an alias that had been purged and is there again. When a step has as many
// notes as a group can hold, it is left to the change of the alias, which is followed too.
func (s *step) regainLater(ctx context.Context, alias hub.AliasID) error {
	row, err := s.attributed(ctx, alias)
	if err != nil || !row.Value.Purged || len(s.notes) > mostNames {
		return err
	}
	j := job{Kind: regain, ID: string(alias)}
	if _, begun := s.jobs[j.id()]; begun || slices.ContainsFunc(s.notes, func(n note) bool { return n.write.Collection == jobTable.Name && n.write.ID == j.id() }) {
		return nil
	}
	return s.leave(j)
}

// regain reads the statements of an alias again.
func (s *step) regain(ctx context.Context, j *job) (bool, error) {
	alias := hub.AliasID(j.ID)
	row, err := directory.Aliases.Get(ctx, s.store, j.ID, j.ID)
	if errors.Is(err, lrs.ErrNotFound) {
		return true, nil // it is purged again; when it comes back once more, so does this work
	}
	if err != nil {
		return false, err
	}
	ifi, ok := row.Value.Key.IFI()
	done := true
	if ok {
		done, err = s.statements(ctx, j, lrs.IFITerm(lrs.TermAgent, ifi), func(e lrs.Entry) error {
			var r read
			if err := r.decode(&e, s.picture); err != nil {
				return err
			}
			if len(r.reading.Told) > 0 && r.reading.Key == row.Value.Key {
				s.put(&r.reading, alias)
			}
			return nil
		})
	}
	if err != nil || !done {
		return false, err
	}
	if _, err := s.place(ctx, alias, linkedTo(row.Value)); err != nil {
		return false, err
	}
	r := s.relinks[alias]
	if r == nil { // to write that it is purged no more
		attributed, err := s.attributed(ctx, alias)
		if err != nil {
			return false, err
		}
		r = &relink{row: attributed, people: map[hub.PersonID]bool{}, wanted: map[hub.PersonID]bool{}}
		for _, p := range attributed.Value.People {
			r.people[p], r.wanted[p] = true, true
			s.soilAll(p)
		}
		s.relinks[alias] = r
	}
	r.purged = false
	return true, nil
}
