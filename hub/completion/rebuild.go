package completion

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/directory"
	"acquis/lrs"
)

// Folding everything again goes beside the live records, by the one writer, in small steps between those that
// follow the log. Alias by alias, all statements are read by their agent and folded in memory, and the result is held
// against the facts that are kept; then person by person, completions are summed up from those and held against
// the records. What is equal stays as it is, with its revisions, so that nobody who follows the records notices. What
// differs is reported and, when that was asked for, replaced. It needs the memory of one alias, and goes on after a death
// from where it was.

// RebuildState says how far it is.
type RebuildState string

// The states.
const (
	RebuildNever   RebuildState = ""
	RebuildAsked   RebuildState = "requested"
	RebuildRunning RebuildState = "running"
	RebuildDone    RebuildState = "done"
)

// Rebuild is the state of folding everything again.
type Rebuild struct {
	State   RebuildState `json:"state"`
	Replace bool         `json:"replace"` // differences are replaced, not only reported
	By      string       `json:"by,omitempty"`
	Asked   time.Time    `json:"asked,omitzero"`
	Began   time.Time    `json:"began,omitzero"`
	Ended   time.Time    `json:"ended,omitzero"`

	Phase      rebuildPhase  `json:"phase,omitempty"`
	After      string        `json:"after,omitempty"` // where its scan goes on
	Statements int64         `json:"statements"`      // read
	Identities int64         `json:"identities"`      // whose facts were compared
	People     int64         `json:"people"`          // whose completions were
	Doubtful   []doubt       `json:"doubtful,omitempty"`
	Wrong      []hub.AliasID `json:"wrong,omitempty"` // whose facts differ, at most maxDoubtful

	Differences int64        `json:"differences"`
	Found       []Difference `json:"found,omitempty"` // the first of them, at most maxFound
}

type rebuildPhase string

const (
	overAliases rebuildPhase = "identities"
	overPeople  rebuildPhase = "people"
	overRecords rebuildPhase = "records" // of people who are no more
)

// doubt is an identity that differed while things may have been on their way; it is looked at again once the log is
// taken over up to there.
type doubt struct {
	Alias   hub.AliasID `json:"alias"`
	Through lrs.Instant `json:"through"`
}

// Difference is something that is not kept as a fold of everything gives it.
type Difference struct {
	What   string       `json:"what"` // fact, completion, attribution
	Alias  hub.AliasID  `json:"identity,omitempty"`
	Person hub.PersonID `json:"person,omitempty"`
	Item   hub.ItemID   `json:"item,omitempty"`
	Fault  string       `json:"fault"` // missing, superfluous, different
}

const (
	maxFound     = 100
	maxDoubtful  = 500
	aliasesATime = 100
	peopleATime  = 100
)

var rebuildTable = docstore.Table[Rebuild]{
	Collection: docstore.Collection{Name: "completion_rebuild", Class: docstore.PseudonymData, Subject: docstore.ByPartition},
}

// ReadRebuild returns how far folding everything again is.
func ReadRebuild(ctx context.Context, s docstore.Store) (Rebuild, error) {
	row, err := rebuildTable.Find(ctx, s, house, onlyOne)
	return row.Value, err
}

// AskRebuild asks for everything to be folded again. KindConflict while that is under way.
func AskRebuild(ctx context.Context, s docstore.Store, by string, replace bool, now time.Time) (Rebuild, error) {
	row, err := rebuildTable.Find(ctx, s, house, onlyOne)
	if err != nil {
		return Rebuild{}, err
	}
	if row.Value.State == RebuildAsked || row.Value.State == RebuildRunning {
		return row.Value, lrs.Errorf(lrs.KindConflict, "everything is being folded again already, asked for by %s: wait for its end", row.Value.By)
	}
	row.Value = Rebuild{State: RebuildAsked, Replace: replace, By: by, Asked: now.UTC()}
	_, err = rebuildTable.Save(ctx, s, row)
	return row.Value, err
}

// goOnRebuilding does a piece of it. While an activity or an item is read again, what is kept is on its way, and
// it waits.
func (c *Consolidator) goOnRebuilding(ctx context.Context) (bool, error) {
	if c.rebuild.Value.State != RebuildRunning {
		row, err := rebuildTable.Find(ctx, c.store, house, onlyOne)
		if err != nil {
			return false, err
		}
		c.rebuild = row
	}
	r := c.rebuild.Value
	if r.State != RebuildAsked && r.State != RebuildRunning || len(c.jobs) > 0 {
		return false, nil
	}
	if r.State == RebuildAsked {
		r.State, r.Began, r.Phase = RebuildRunning, c.options.Now().UTC(), overAliases
	}
	r.Found, r.Doubtful, r.Wrong = slices.Clone(r.Found), slices.Clone(r.Doubtful), slices.Clone(r.Wrong)
	s, err := c.begin(ctx)
	if err != nil {
		return false, err
	}
	do := map[rebuildPhase]func(context.Context, *Rebuild) (bool, error){overAliases: s.compareAliases, overPeople: s.comparePeople, overRecords: s.compareRecords}[r.Phase]
	busy, err := do(ctx, &r)
	if err != nil {
		return false, err
	}
	row := c.rebuild
	row.Value = r
	n, err := noting(rebuildTable, row, func(row docstore.Row[Rebuild]) { c.rebuild = row })
	if err != nil {
		return false, err
	}
	s.notes = append(s.notes, n)
	return busy, s.finish(ctx)
}

func (r *Rebuild) differs(d Difference) {
	r.Differences++
	if len(r.Found) < maxFound {
		r.Found = append(r.Found, d)
	}
}

// compareAliases compares the facts of a page of aliases, and at the end of all those that were in doubt.
func (s *step) compareAliases(ctx context.Context, r *Rebuild) (bool, error) {
	var aliases []directory.Alias
	settled := map[hub.AliasID]bool{} // what differs now does differ
	switch {
	case r.After != "end" && len(r.Doubtful) < maxDoubtful:
		found, next, err := directory.Aliases.Scan(ctx, s.store, docstore.Scan{Limit: aliasesATime, After: r.After})
		if err != nil {
			return false, err
		}
		for _, f := range found {
			aliases = append(aliases, f.Row.Value)
		}
		if r.After = next; next == "" {
			r.After = "end"
		}
	case len(r.Doubtful) == 0:
		r.Phase, r.After = overPeople, ""
		return true, nil
	default:
		return s.compareDoubtful(ctx, r)
	}
	return true, s.compare(ctx, r, aliases, settled)
}

func (s *step) compareDoubtful(ctx context.Context, r *Rebuild) (bool, error) {
	rest, err := s.store.ReadLog(ctx, s.cursors.Value.Log, 1)
	if err != nil {
		return false, err
	}
	through, err := s.store.ConsistentThrough(ctx)
	if err != nil {
		return false, err
	}
	if len(rest) > 0 {
		through = s.cursors.Value.Log
	}
	var aliases []directory.Alias
	settled := map[hub.AliasID]bool{}
	still := r.Doubtful[:0:0]
	for _, d := range r.Doubtful {
		if d.Through > through || len(aliases) == aliasesATime {
			still = append(still, d)
			continue
		}
		row, err := directory.Aliases.Get(ctx, s.store, string(d.Alias), string(d.Alias))
		if errors.Is(err, lrs.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		settled[d.Alias] = true
		aliases = append(aliases, row.Value)
	}
	r.Doubtful = still
	return len(aliases) > 0, s.compare(ctx, r, aliases, settled)
}

// compared is what a fold of an alias gives, beside what is kept.
type compared struct {
	statements int64
	wrong      map[place]map[lrs.Instant]*Fact // what would mend it
	found      []Difference
}

// compare folds aliases again.
func (s *step) compare(ctx context.Context, r *Rebuild, aliases []directory.Alias, settled map[hub.AliasID]bool) error {
	var mu sync.Mutex
	all := map[hub.AliasID]compared{}
	err := inParallel(ctx, aliases, func(ctx context.Context, a directory.Alias) error {
		c, err := s.compareAlias(ctx, a)
		mu.Lock()
		defer mu.Unlock()
		all[a.ID] = c
		return err
	})
	if err != nil {
		return err
	}
	through, err := s.store.ConsistentThrough(ctx)
	if err != nil {
		return err
	}
	for _, a := range aliases {
		c := all[a.ID]
		if len(c.found) > 0 && !settled[a.ID] {
			r.Doubtful = append(r.Doubtful, doubt{a.ID, through})
			continue
		}
		r.Statements, r.Identities = r.Statements+c.statements, r.Identities+1
		if len(c.found) > 0 {
			for _, d := range c.found {
				r.differs(d)
			}
			if len(r.Wrong) < maxDoubtful {
				r.Wrong = append(r.Wrong, a.ID)
			}
			if r.Replace {
				for at, edits := range c.wrong {
					for stored, f := range edits {
						s.edit(at, stored, f)
					}
				}
			}
		}
	}
	return nil
}

// rebuildPage is how many statements of an alias are read at a time.
const rebuildPage = 1000

func (s *step) compareAlias(ctx context.Context, a directory.Alias) (c compared, err error) {
	ifi, ok := a.Key.IFI()
	if !ok {
		return c, nil
	}
	want := map[hub.ItemID]map[lrs.Instant]*Fact{}
	q := lrs.StatementQuery{Terms: []lrs.Term{lrs.IFITerm(lrs.TermAgent, ifi)}, Until: s.cursors.Value.Log, Ascending: true, Limit: rebuildPage, Steps: jobSteps}
	for q.Until > 0 {
		page, err := s.store.QueryStatements(ctx, q)
		if err != nil {
			return c, err
		}
		for _, e := range page.Entries {
			c.statements++
			var r read
			if err := r.decode(&e, s.picture); err != nil {
				return c, err
			}
			for i := range r.reading.Told {
				if r.reading.Key != a.Key {
					break
				}
				t := &r.reading.Told[i]
				if want[t.Item] == nil {
					want[t.Item] = map[lrs.Instant]*Fact{}
				}
				want[t.Item][t.Fact.Stored] = &t.Fact
			}
		}
		if q.Since = page.Next; q.Since == 0 {
			break
		}
	}
	return c, s.against(ctx, &c, a.ID, want)
}

// against holds what a fold gives against what is kept.
func (s *step) against(ctx context.Context, c *compared, alias hub.AliasID, want map[hub.ItemID]map[lrs.Instant]*Fact) error {
	kept, err := readAlias(ctx, s.store, alias)
	if err != nil {
		return err
	}
	c.wrong = map[place]map[lrs.Instant]*Fact{}
	wrong := func(item hub.ItemID, stored lrs.Instant, f *Fact, fault string) {
		at := place{alias, item}
		if c.wrong[at] == nil {
			c.wrong[at] = map[lrs.Instant]*Fact{}
		}
		c.wrong[at][stored] = f
		c.found = append(c.found, Difference{What: "fact", Alias: alias, Item: item, Fault: fault})
	}
	for item, f := range kept {
		facts, err := f.all(ctx, s.store)
		if err != nil {
			return err
		}
		for i := range facts {
			stored := facts[i].Stored
			folded := want[item][stored]
			switch {
			case folded == nil:
				wrong(item, stored, nil, "superfluous")
			case !reflect.DeepEqual(facts[i], *folded):
				wrong(item, stored, folded, "different")
			}
			delete(want[item], stored)
		}
	}
	for item, facts := range want {
		for stored, f := range facts {
			wrong(item, stored, f, "missing")
		}
	}
	return nil
}

// comparePeople sums up a page of people and compares.
func (s *step) comparePeople(ctx context.Context, r *Rebuild) (bool, error) {
	found, next, err := directory.People.Scan(ctx, s.store, docstore.Scan{Limit: peopleATime, After: r.After})
	if err != nil {
		return false, err
	}
	for _, f := range found {
		s.soilAll(f.Row.Value.ID)
		r.People++
	}
	if r.After = next; next == "" {
		r.Phase = overRecords
	}
	return true, s.compareSums(ctx, r)
}

// compareRecords looks for records of people who are no more.
func (s *step) compareRecords(ctx context.Context, r *Rebuild) (bool, error) {
	found, next, err := Completions.Scan(ctx, s.store, docstore.Scan{Limit: jobRecords, After: r.After})
	if err != nil {
		return false, err
	}
	last := ""
	for _, f := range found {
		if f.Row.Partition == last {
			continue
		}
		last = f.Row.Partition
		_, err := directory.People.Get(ctx, s.store, last, last)
		if errors.Is(err, lrs.ErrNotFound) {
			s.soilAll(hub.PersonID(last))
			err = nil
		}
		if err != nil {
			return false, err
		}
	}
	if r.After = next; next == "" {
		r.State, r.Phase, r.Ended = RebuildDone, "", s.options.Now().UTC()
	}
	return true, s.compareSums(ctx, r)
}

// compareSums sums up the people that are dirty. What would be written is what differs; unless it is to be
// replaced, nothing is.
func (s *step) compareSums(ctx context.Context, r *Rebuild) error {
	holders, err := s.hold(ctx)
	if err != nil {
		return err
	}
	for alias := range s.relinks {
		r.differs(Difference{What: "attribution", Alias: alias, Fault: "different"})
	}
	if err := s.overlay(ctx, r, holders); err != nil {
		return err
	}
	groups, err := s.sumAll(ctx, holders)
	if err != nil {
		return err
	}
	for _, g := range groups {
		for _, w := range g.Writes {
			fault := "different"
			switch {
			case w.Deleted:
				fault = "superfluous"
			case w.Expected == 0:
				fault = "missing"
			}
			r.differs(Difference{What: "completion", Person: hub.PersonID(g.Partition), Item: hub.ItemID(w.ID), Fault: fault})
		}
	}
	if !r.Replace {
		clear(s.dirty)
		clear(s.relinks)
	}
	return nil
}

// overlay puts the facts right in memory that were found to differ, so that records are compared with what they
// should be.
func (s *step) overlay(ctx context.Context, r *Rebuild, holders map[hub.PersonID]*holder) error {
	if r.Replace { // they are right by now
		return nil
	}
	for _, h := range holders {
		for _, alias := range h.aliases {
			if !slices.Contains(r.Wrong, alias) {
				continue
			}
			row, err := directory.Aliases.Get(ctx, s.store, string(alias), string(alias))
			if err != nil {
				return err
			}
			c, err := s.compareAlias(ctx, row.Value)
			if err != nil {
				return err
			}
			if _, err := s.shelf.openAll(ctx, alias); err != nil {
				return err
			}
			for at, edits := range c.wrong {
				f, err := s.shelf.open(ctx, at)
				if err == nil {
					err = f.edit(ctx, s.store, edits)
				}
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// String tells the outcome in a line.
func (r Rebuild) String() string {
	return strconv.FormatInt(r.Statements, 10) + " statements of " + strconv.FormatInt(r.Identities, 10) + " identities and the records of " +
		strconv.FormatInt(r.People, 10) + " people were compared: " + strconv.FormatInt(r.Differences, 10) + " differences"
}
