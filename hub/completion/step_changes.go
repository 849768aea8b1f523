package completion

import (
	"context"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/directory"
	"acquis/lrs"
)

// How many changes are taken over at a time, and how many aliases change hands in one step.
const (
	changesPage = 200
	mostRelinks = 50
)

// followChanges takes over a page of what changed about identities, people, organisations or items, and tells
// whether there was any.
func (c *Consolidator) followChanges(ctx context.Context) (bool, error) {
	for _, follow := range []func(context.Context) (bool, error){c.followAliases, c.followPeople, c.followOrganisations, c.followItems} {
		if busy, err := follow(ctx); busy || err != nil {
			return busy, err
		}
	}
	return false, nil
}

// followAliases sums up the people that identities went to or left.
func (c *Consolidator) followAliases(ctx context.Context) (bool, error) {
	changes, err := directory.Aliases.Changes(ctx, c.store, c.cursors.Value.Aliases, changesPage)
	if err != nil || len(changes) == 0 {
		return false, err
	}
	s, err := c.begin(ctx)
	if err != nil {
		return false, err
	}
	through := lrs.Instant(0)
	for _, change := range changes {
		if len(s.relinks) >= mostRelinks {
			break
		}
		through = change.Row.Revision
		alias := hub.AliasID(change.Row.ID)
		if change.Deleted {
			err = s.purge(ctx, alias)
		} else {
			err = s.follow(ctx, alias, linkedTo(change.Row.Value))
		}
		if err != nil {
			return false, err
		}
	}
	return true, s.finishAt(ctx, func(at *cursors) { at.Aliases = through })
}

func (s *step) follow(ctx context.Context, alias hub.AliasID, person hub.PersonID) error {
	if err := s.regainLater(ctx, alias); err != nil {
		return err
	}
	_, err := s.place(ctx, alias, person)
	return err
}

// purge drops all facts of an alias that is no more.
func (s *step) purge(ctx context.Context, alias hub.AliasID) error {
	if _, err := s.place(ctx, alias, ""); err != nil {
		return err
	}
	items, err := s.shelf.openAll(ctx, alias)
	if err != nil {
		return err
	}
	for _, item := range items {
		f, _ := s.shelf.get(place{alias, item})
		facts, err := f.all(ctx, s.store)
		if err != nil {
			return err
		}
		for i := range facts {
			s.edit(f.place, facts[i].Stored, nil)
		}
	}
	r := s.relinks[alias]
	if r == nil {
		row, err := s.attributed(ctx, alias)
		if err != nil || row.Value.Purged {
			return err
		}
		r = &relink{row: row, people: map[hub.PersonID]bool{}, wanted: map[hub.PersonID]bool{}}
		s.relinks[alias] = r
	}
	r.purged = true
	return nil
}

// followPeople sums up the people that changed: they may belong elsewhere, or be no more.
func (c *Consolidator) followPeople(ctx context.Context) (bool, error) {
	changes, err := directory.People.Changes(ctx, c.store, c.cursors.Value.People, changesPage)
	if err != nil || len(changes) == 0 {
		return false, err
	}
	s, err := c.begin(ctx)
	if err != nil {
		return false, err
	}
	for _, change := range changes {
		s.soilAll(hub.PersonID(change.Row.ID))
	}
	return true, s.finishAt(ctx, func(at *cursors) { at.People = changes[len(changes)-1].Row.Revision })
}

// followOrganisations leaves work behind: an organisation that stands elsewhere takes the records of its people along.
func (c *Consolidator) followOrganisations(ctx context.Context) (bool, error) {
	changes, err := directory.Organisations.Changes(ctx, c.store, c.cursors.Value.Organisations, changesPage)
	if err != nil || len(changes) == 0 {
		return false, err
	}
	s, err := c.begin(ctx)
	if err != nil {
		return false, err
	}
	for _, change := range changes {
		if err := s.leave(job{Kind: rehouse, ID: change.Row.ID}); err != nil {
			return false, err
		}
	}
	return true, s.finishAt(ctx, func(at *cursors) { at.Organisations = changes[len(changes)-1].Row.Revision })
}

// followItems leaves work behind: the records of those who have the item, or anything that it asks for, may
// come out otherwise.
func (c *Consolidator) followItems(ctx context.Context) (bool, error) {
	changes, err := catalogue.Items.Changes(ctx, c.store, c.cursors.Value.Items, changesPage)
	if err != nil || len(changes) == 0 {
		return false, err
	}
	if _, err := c.pictures.refresh(ctx); err != nil { // what is read by it must not be older than the change
		return false, err
	}
	s, err := c.begin(ctx)
	if err != nil {
		return false, err
	}
	for _, change := range changes {
		id := hub.ItemID(change.Row.ID)
		if err := s.leave(job{Kind: review, ID: string(id), Items: append([]hub.ItemID{id}, change.Row.Value.Items()...)}); err != nil {
			return false, err
		}
	}
	if err := s.finishAt(ctx, func(at *cursors) { at.Items = changes[len(changes)-1].Row.Revision }); err != nil {
		return false, err
	}
	return true, c.reconcile(ctx) // the refresh above may have brought mappings as well
}

// finishAt finishes a step and moves a cursor with it.
func (s *step) finishAt(ctx context.Context, change func(*cursors)) error {
	moved, err := s.noteCursors(change)
	if err != nil {
		return err
	}
	s.notes = append(s.notes, moved)
	return s.finish(ctx)
}

// leave leaves a piece of work behind, in place of the one about the same thing.
func (s *step) leave(j job) error {
	row, known := s.jobs[j.id()]
	if !known {
		row.Key = docstore.Key{Collection: jobTable.Name, Partition: house, ID: j.id()}
	}
	row.Value = j
	n, err := noting(jobTable, row, s.keepJob)
	s.notes = append(s.notes, n)
	return err
}

func (c *Consolidator) keepJob(row docstore.Row[job]) {
	c.jobs[row.ID] = row
	c.stats.jobs.Store(int64(len(c.jobs)))
}
