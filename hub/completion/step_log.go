package completion

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/directory"
	"acquis/lrs"
)

// How many entries of the log are read at a time: more while they are small, so that what is held in memory
// stays about as much.
const (
	leastPage = 128
	mostPage  = 4096
	pageBytes = 6 << 20
	// mostNames is how many different activities and voidings a page may have: each is a write of the group that moves
	// the cursor.
	mostNames = docstore.MaxWrites - 100
	// mostNameBytes is how many bytes these activities' names may have, save those of a page's first statement.
	mostNameBytes = docstore.MaxGroup / 4
)

// read is an entry of the log, read as far as it can be without asking anybody.
type read struct {
	entry   *lrs.LogEntry
	reading Reading
	object  string   // the activity, "" for none
	related []string // the activities that decide besides what it is about
	target  lrs.ID   // of a voiding statement
}

// followLog takes over a page of the log.
func (c *Consolidator) followLog(ctx context.Context) (bool, error) {
	entries, err := c.store.ReadLog(ctx, c.cursors.Value.Log, c.page)
	if err != nil {
		return false, err
	}
	if len(entries) == 0 {
		c.stats.lag.Store(0)
		return false, nil
	}
	c.stats.lag.Store(max(int64(lrs.InstantOf(c.options.Now())-entries[0].Position), 0))
	full := len(entries) == c.page
	c.adapt(entries)
	s, err := c.begin(ctx)
	if err != nil {
		return false, err
	}
	page, err := s.readEntries(ctx, entries)
	if err != nil {
		return false, err
	}
	page, counts := s.cut(page)
	if err := s.takeOver(ctx, page); err != nil {
		return false, err
	}
	if err := s.count(ctx, counts); err != nil {
		return false, err
	}
	moved, err := s.noteCursors(func(at *cursors) { at.Log = page[len(page)-1].entry.Position })
	if err != nil {
		return false, err
	}
	s.notes = append(s.notes, moved)
	if err := s.finish(ctx); err != nil {
		return false, err
	}
	c.stats.statements.Add(uint64(len(page)))
	return full || len(page) < len(entries), nil
}

func (c *Consolidator) adapt(entries []lrs.LogEntry) {
	size := 0
	for i := range entries {
		size += len(entries[i].Entry.Bytes)
	}
	switch {
	case size > pageBytes:
		c.page = max(c.page/2, leastPage/8)
	case len(entries) == c.page && size < pageBytes/2:
		c.page = min(c.page*2, mostPage)
	}
}

// entriesAtOnce is how many entries one goroutine reads.
const entriesAtOnce = 64

// readEntries decodes and interprets, on all processors.
func (s *step) readEntries(ctx context.Context, entries []lrs.LogEntry) ([]read, error) {
	page := make([]read, len(entries))
	var parts [][2]int
	for from := 0; from < len(entries); from += entriesAtOnce {
		parts = append(parts, [2]int{from, min(from+entriesAtOnce, len(entries))})
	}
	err := inParallel(ctx, parts, func(_ context.Context, part [2]int) error {
		for i := part[0]; i < part[1]; i++ {
			page[i].entry = &entries[i]
			if entries[i].Kind != lrs.LogStored || entries[i].Entry.Bytes == nil {
				continue
			}
			if err := page[i].decode(&entries[i].Entry, s.picture); err != nil {
				return err
			}
		}
		return nil
	})
	return page, err
}

func (r *read) decode(e *lrs.Entry, known Catalogue) error {
	statement, err := lrs.DecodeStored(e.Bytes)
	if err != nil {
		return err
	}
	heard := Heard{Statement: statement, ID: e.ID, Stored: e.Stored, Source: e.Source, Voided: e.Voided}
	r.reading = Interpret(heard, known)
	if statement.Verb.ID == lrs.VerbVoided {
		r.target = lrs.TargetOf(statement)
	}
	if statement.Object.Kind == lrs.ObjectActivity {
		r.object, r.related = statement.Object.Activity.ID, relatedTo(heard)
	}
	return nil
}

// named is an activity as a source calls it.
type named struct{ source, iri string }

func (n named) id() string { return digestOf(n.source, n.iri) }

// tally counts statements about an activity.
type tally struct {
	count, parts int64
	first, last  lrs.Instant
}

// cut ends a page before it names more than can be counted in one group, and counts.
func (s *step) cut(page []read) ([]read, map[named]*tally) {
	counts := map[named]*tally{}
	voidings, size := 0, 0
	for i := range page {
		r := &page[i]
		if r.target != uuid.Nil {
			voidings++
		}
		if r.object == "" {
			if voidings > mostNames/2 {
				return page[:i+1], counts
			}
			continue
		}
		size += len(r.object)
		for _, iri := range r.related {
			size += len(iri)
		}
		if i > 0 && (len(counts)+voidings+1+len(r.related) > mostNames || size > mostNameBytes) {
			return page[:i], counts
		}
		note := func(iri string) *tally {
			name := named{r.entry.Entry.Source, iri}
			t := counts[name]
			if t == nil {
				t = &tally{first: r.entry.Position}
				counts[name] = t
			}
			t.last = r.entry.Position
			return t
		}
		note(r.object).count++
		for _, iri := range r.related[:min(len(r.related), mostNames/2)] {
			note(iri).parts++
		}
	}
	return page, counts
}

// takeOver makes edits of what a page says.
func (s *step) takeOver(ctx context.Context, page []read) error {
	ids := map[directory.Key]hub.AliasID{}
	var voided []lrs.ID
	var gone []lrs.Instant
	for i := range page {
		r := &page[i]
		switch {
		case r.entry.Kind != lrs.LogStored:
			gone = append(gone, r.entry.Target)
		case r.target != uuid.Nil:
			voided = append(voided, r.target)
			if err := s.rememberVoiding(ctx, r.entry.Position, r.target); err != nil {
				return err
			}
		case len(r.reading.Told) > 0:
			alias, known := ids[r.reading.Key]
			if !known {
				alias = s.directory.AliasID(r.reading.Key)
				ids[r.reading.Key] = alias
			}
			s.put(&r.reading, alias)
		}
	}
	unvoided, err := s.takeAway(ctx, gone)
	if err != nil {
		return err
	}
	for _, id := range append(voided, unvoided...) {
		e, err := s.store.StatementByID(ctx, id)
		if errors.Is(err, lrs.ErrNotFound) {
			continue // it is not here yet, or no more; when it comes it is marked
		}
		if err == nil {
			err = s.refold(ctx, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// refold makes the facts of a statement be those that it tells now, wherever they lay before.
func (s *step) refold(ctx context.Context, e lrs.Entry) error {
	var r read
	voided := e.Voided
	e.Voided = false // to learn whose it is
	if err := r.decode(&e, s.picture); err != nil || r.reading.Key == (directory.Key{}) {
		return err
	}
	alias := s.directory.AliasID(r.reading.Key)
	items, err := s.shelf.openAll(ctx, alias)
	if err != nil {
		return err
	}
	for _, item := range items {
		f, _ := s.shelf.get(place{alias, item})
		has, err := f.has(ctx, s.store, e.Stored)
		if err != nil {
			return err
		}
		if has {
			s.edit(f.place, e.Stored, nil)
		}
	}
	for at, edits := range s.edits {
		if edits[e.Stored] != nil && at.alias == alias {
			s.edit(at, e.Stored, nil)
		}
	}
	if !voided {
		s.put(&r.reading, alias)
	}
	return nil
}

// takeAway takes the facts away of statements that were erased or redacted, and puts those that redacted ones
// tell now. It returns the statements that are voided no more, or now.
func (s *step) takeAway(ctx context.Context, gone []lrs.Instant) (unvoided []lrs.ID, err error) {
	hours := map[lrs.Instant]map[lrs.Instant]bool{}
	for _, stored := range gone {
		hour := hourOf(stored)
		if hours[hour] == nil {
			hours[hour] = map[lrs.Instant]bool{}
		}
		hours[hour][stored] = true
	}
	for hour, positions := range hours {
		if err := s.takeAwayIn(ctx, hour, positions); err != nil {
			return nil, err
		}
	}
	done := map[lrs.Instant]bool{}
	for _, stored := range gone {
		if done[stored] {
			continue
		}
		done[stored] = true
		targets, err := s.reread(ctx, stored)
		if err != nil {
			return nil, err
		}
		unvoided = append(unvoided, targets...)
	}
	return unvoided, nil
}

// takeAwayIn looks through all facts of an hour.
func (s *step) takeAwayIn(ctx context.Context, hour lrs.Instant, positions map[lrs.Instant]bool) error {
	for _, edits := range s.edits {
		for stored := range edits {
			if positions[stored] {
				edits[stored] = nil
			}
		}
	}
	key := docstore.Number(hour)
	scan := docstore.Scan{Collection: factDocs.Name, Index: "hour", From: key, Until: docstore.Number(hour + 1), Limit: changesPage}
	for {
		page, err := s.store.ScanDocs(ctx, scan)
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			l, err := readLeaf(e.Doc)
			if err != nil {
				return err
			}
			for stored := range positions {
				if _, found := l.find(stored); found {
					s.edit(place{hub.AliasID(e.Doc.Partition), itemOfLeaf(e.Doc.ID)}, stored, nil)
				}
			}
		}
		if scan.After = page.Next; scan.After == "" {
			return nil
		}
	}
}

// reread takes over a position whose statement was erased or redacted, as it is now.
func (s *step) reread(ctx context.Context, stored lrs.Instant) (targets []lrs.ID, err error) {
	row, err := s.voidingAt(ctx, stored)
	if err != nil {
		return nil, err
	}
	if row.Revision != 0 {
		targets = append(targets, row.Value.Target)
	}
	entries, err := s.store.ReadLog(ctx, stored-1, 1)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 || entries[0].Position != stored || entries[0].Entry.Bytes == nil {
		return targets, nil // erased; what it voided is remembered, so that taking this over again does the same
	}
	var r read
	if err := r.decode(&entries[0].Entry, s.picture); err != nil {
		return nil, err
	}
	if r.target != uuid.Nil {
		return append(targets, r.target), s.rememberVoiding(ctx, stored, r.target)
	}
	if len(r.reading.Told) > 0 {
		s.put(&r.reading, s.directory.AliasID(r.reading.Key))
	}
	return targets, nil
}

func (c *Consolidator) voidingAt(ctx context.Context, stored lrs.Instant) (docstore.Row[voiding], error) {
	return voidingTable.Find(ctx, c.store, house, docstore.Number(stored))
}

// rememberVoiding notes which statement a voiding one is about.
func (s *step) rememberVoiding(ctx context.Context, stored lrs.Instant, target lrs.ID) error {
	row, err := s.voidingAt(ctx, stored)
	if err != nil || row.Revision != 0 && row.Value.Target == target {
		return err
	}
	row.Value.Target = target
	w, err := voidingTable.Put(row)
	for i := range s.notes {
		if s.notes[i].write.Collection == w.Collection && s.notes[i].write.ID == w.ID {
			s.notes[i].write = w
			return err
		}
	}
	s.notes = append(s.notes, note{write: w})
	return err
}

// count notes how often activities were spoken of.
func (s *step) count(ctx context.Context, counts map[named]*tally) error {
	for name, t := range counts {
		row, err := s.activity(ctx, name.id())
		if err != nil {
			return err
		}
		a := &row.Value
		if row.Revision == 0 {
			*a = Activity{ID: name.id(), IRI: name.iri, Source: name.source, First: t.first}
			a.reads(s.picture)
		}
		a.Count, a.Parts, a.Last = a.Count+t.count, a.Parts+t.parts, t.last
		n, err := noting(Activities, row, func(row docstore.Row[Activity]) { s.activities.put(row.ID, row) })
		if err != nil {
			return err
		}
		s.notes = append(s.notes, n)
	}
	return nil
}

// activity returns what is known of an activity; revision 0 for nothing.
func (c *Consolidator) activity(ctx context.Context, id string) (docstore.Row[Activity], error) {
	if row, ok := c.activities.get(id); ok {
		return row, nil
	}
	row, err := Activities.Find(ctx, c.store, house, id)
	if err == nil && row.Revision != 0 {
		c.activities.put(id, row)
	}
	return row, err
}
