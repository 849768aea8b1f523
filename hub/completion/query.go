package completion

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/directory"
	"acquis/hub/list"
	"acquis/lrs"
)

// Who may do what. Licence managers and readers see the organisations of their subtrees.
const (
	readers    = everywhere | lrs.RoleLicenceManager | lrs.RoleBIReader | lrs.RoleAuditor
	explainers = everywhere | lrs.RoleAuditor
	everywhere = lrs.RoleAdministrator | lrs.RoleOperator
)

// Reader answers for completions. It is safe for concurrent use.
type Reader struct {
	store     Backend
	directory Directory
	audit     hub.Audit
	calendar  hub.Calendar
	now       func() time.Time

	mu       sync.Mutex
	pictures *pictures
}

// NewReader returns a reader over a store whose collections are declared. now is nil for the clock.
func NewReader(store Backend, d Directory, audit hub.Audit, calendar hub.Calendar, now func() time.Time) *Reader {
	if now == nil {
		now = time.Now
	}
	return &Reader{store: store, directory: d, audit: audit, calendar: calendar, now: now, pictures: newPictures(store)}
}

// Filter says which completions are wanted; the zero value wants all that may be seen.
type Filter struct {
	Organisation hub.OrganisationID // with all below
	Item         hub.ItemID
	Expertise    string // of the item
	Reached      Milestones
	Period       hub.Span // in which the last of Reached was reached, without Reached the record's day
	Person       hub.PersonID
}

// inPeriod tells whether a record lies in the period.
func (f Filter) inPeriod(c *Completion, calendar hub.Calendar) bool {
	if f.Period == (hub.Span{}) {
		return true
	}
	day := c.Day
	if f.Reached != 0 {
		last := lrs.Instant(0)
		for i, mark := range []*Mark{c.Started, c.Progressed, c.Completed, c.Passed, c.Failed, c.Certified, c.Validated} {
			if f.Reached&(1<<i) != 0 && mark != nil {
				last = max(last, mark.At)
			}
		}
		day = calendar.Day(last.Time())
	}
	return f.Period.Covers(day)
}

// List returns a page of completions. A caller with subtrees sees those that belong to an organisation in
// them; a completion without an organisation is for those who see everything.
func (r *Reader) List(ctx context.Context, c hub.Caller, f Filter, q list.Query) (page list.Page[docstore.Row[Completion]], err error) {
	if err := c.Has(readers, "read completions"); err != nil {
		return page, hub.Record(ctx, r.audit, c, hub.Act{Action: "completion.list", Target: "completions"}, err)
	}
	if err := f.Period.Judge(); err != nil {
		return page, err
	}
	wanted, err := r.ofExpertise(ctx, f.Expertise)
	if err != nil {
		return page, err
	}
	roots := rootsOf(c)
	return list.Walk(ctx, r.store, Completions, q, f.lanes(roots), func(lane list.Lane, row *Completion) bool {
		switch {
		case row.vacant(), f.Item != "" && row.Item != f.Item, f.Person != "" && row.Person != f.Person:
			return false
		case f.Organisation != "" && !slices.Contains(row.Path, f.Organisation):
			return false
		case len(roots) > 0 && !withinOnce(row.Path, roots, lane.Name, f.byRoots()):
			return false
		case wanted != nil && !wanted[row.Item], row.Reached()&f.Reached != f.Reached:
			return false
		}
		return f.inPeriod(row, r.calendar)
	})
}

// rootsOf are the organisations that a caller is confined to, none for who sees everything.
func rootsOf(c hub.Caller) (roots []hub.OrganisationID) {
	if c.Roles&everywhere != 0 {
		return nil
	}
	for _, id := range c.Subtrees {
		roots = append(roots, hub.OrganisationID(id))
	}
	slices.Sort(roots)
	return slices.Compact(roots)
}

// byRoots reports whether the lanes of the list are the caller's organisations.
func (f Filter) byRoots() bool { return f.Person == "" && f.Item == "" && f.Organisation == "" }

// withinOnce reports whether a record lies within the roots; where there is a lane for each of them, in this one
// and in none before.
func withinOnce(path, roots []hub.OrganisationID, lane string, lanes bool) bool {
	for _, root := range roots {
		if slices.Contains(path, root) {
			return !lanes || lane == string(root)
		}
	}
	return false
}

func (f Filter) lanes(roots []hub.OrganisationID) (lanes []list.Lane) {
	switch {
	case f.Person != "":
		return []list.Lane{{Scan: docstore.Scan{Prefix: docstore.Tuple(string(f.Person))}}}
	case f.Item != "":
		return []list.Lane{{Scan: docstore.Scan{Index: "item", From: string(f.Item), Until: string(f.Item) + "\x01"}}}
	case f.Organisation != "":
		return []list.Lane{{Scan: docstore.Scan{Index: "organisation", Prefix: docstore.Tuple(string(f.Organisation))}}}
	case len(roots) == 0:
		return []list.Lane{{}}
	}
	for _, root := range roots {
		lanes = append(lanes, list.Lane{Name: string(root), Scan: docstore.Scan{Index: "organisation", Prefix: docstore.Tuple(string(root))}})
	}
	return lanes
}

// ofExpertise lists the items of an expertise; nil for "".
func (r *Reader) ofExpertise(ctx context.Context, expertise string) (map[hub.ItemID]bool, error) {
	if expertise == "" {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.pictures.refresh(ctx); err != nil {
		return nil, err
	}
	wanted := map[hub.ItemID]bool{}
	for _, item := range r.pictures.now.Items() {
		if item.Expertise == expertise {
			wanted[item.ID] = true
		}
	}
	return wanted, nil
}

// Exported puts on record that a list of completions left the house, with how many.
func (r *Reader) Exported(ctx context.Context, c hub.Caller, count int) error {
	return hub.Record(ctx, r.audit, c, hub.Act{Action: "completion.export", Target: "completions", Count: count}, nil)
}

// Evidence is a statement as far as it tells of a completion.
type Evidence struct {
	Statement lrs.ID      `json:"statement"`
	Identity  hub.AliasID `json:"identity"`
	Source    string      `json:"source,omitempty"`
	At        time.Time   `json:"at"`
	Stored    time.Time   `json:"stored"`
	Tells     Milestones  `json:"tells"`
	Notes     Notes       `json:"notes,omitzero"`
	Progress  *float64    `json:"progress,omitempty"`
	Score     *Score      `json:"score,omitempty"`
	Measured  float64     `json:"measured,omitzero"`  // seconds
	Announced float64     `json:"announced,omitzero"` // seconds
	Stage     *Stage      `json:"stage,omitempty"`
	Earned    string      `json:"earned,omitempty"`
}

// maxEvidence bounds what is shown of one completion.
const maxEvidence = 1000

// Get returns a completion with the statements that it is made of, the oldest first, at most the last maxEvidence
// that were stored. A completion that the caller may not see is not found.
func (r *Reader) Get(ctx context.Context, c hub.Caller, person hub.PersonID, item hub.ItemID) (row docstore.Row[Completion], evidence []Evidence, err error) {
	act := hub.Act{Action: "completion.read", Target: "person/" + cutKey(string(person)), Detail: "item " + cutKey(string(item))}
	if err = c.Has(readers, "read completions"); err == nil {
		row, evidence, err = r.get(ctx, c, person, item)
	}
	return row, evidence, hub.Record(ctx, r.audit, c, act, err)
}

func (r *Reader) get(ctx context.Context, c hub.Caller, person hub.PersonID, item hub.ItemID) (docstore.Row[Completion], []Evidence, error) {
	row, err := Completions.Find(ctx, r.store, cmp.Or(string(person), "-"), cmp.Or(string(item), "-"))
	if err != nil {
		return row, nil, err
	}
	if roots := rootsOf(c); row.Value.vacant() || len(roots) > 0 && !withinOnce(row.Value.Path, roots, "", false) {
		return row, nil, lrs.Errorf(lrs.KindNotFound, "there is no completion of %.64q by %.64q that you may see", item, person)
	}
	aliases, err := r.directory.AliasesOf(ctx, person)
	if err != nil {
		return row, nil, err
	}
	var evidence []Evidence
	for _, a := range aliases {
		f, err := openFolder(ctx, r.store, place{a.ID, item})
		if err != nil {
			return row, nil, err
		}
		facts, err := f.all(ctx, r.store)
		if err != nil {
			return row, nil, err
		}
		for i := range facts[max(len(facts)-maxEvidence, 0):] {
			evidence = append(evidence, evidenceOf(&facts[i+max(len(facts)-maxEvidence, 0)], a.ID))
		}
	}
	slices.SortFunc(evidence, func(a, b Evidence) int { return cmp.Or(a.At.Compare(b.At), a.Stored.Compare(b.Stored)) })
	return row, evidence[max(len(evidence)-maxEvidence, 0):], nil
}

func evidenceOf(f *Fact, alias hub.AliasID) Evidence {
	e := Evidence{
		Statement: f.Statement, Identity: alias, Source: f.Source, At: f.At.Time(), Stored: f.Stored.Time(), Tells: f.Does, Notes: f.Notes, Progress: f.Progress,
		Score: f.Score, Measured: float64(f.Measured) / 1000, Announced: float64(f.Announced) / 1000, Earned: f.Earned,
	}
	if f.Stage != (Stage{}) {
		e.Stage = &f.Stage
	}
	return e
}

// Fold is what a statement comes to.
type Fold struct {
	Statement lrs.ID       `json:"statement"`
	Counts    bool         `json:"counts"`
	Why       Reason       `json:"why,omitempty"` // why not
	Explained string       `json:"explained"`
	Identity  hub.AliasID  `json:"identity,omitempty"`
	Person    hub.PersonID `json:"person,omitempty"` // whose identity it is; "" while nobody knows
	Folded    bool         `json:"folded"`           // it is in the records already
	Tells     []FoldedItem `json:"tells,omitempty"`
}

// FoldedItem is what a statement tells of one item.
type FoldedItem struct {
	Item hub.ItemID `json:"item"`
	Evidence
}

// Explain tells what a stored statement comes to, and why when it does not count. A caller with subtrees finds
// those only that count in a completion of an organisation in them.
func (r *Reader) Explain(ctx context.Context, c hub.Caller, id lrs.ID) (f Fold, err error) {
	if err = c.Has(explainers, "ask what a statement comes to"); err == nil {
		f, err = r.explain(ctx, id)
	}
	if roots := rootsOf(c); err == nil && len(roots) > 0 {
		err = r.within(ctx, f, roots)
	}
	if err != nil {
		f = Fold{}
	}
	return f, hub.Record(ctx, r.audit, c, hub.Act{Action: "statement.explain", Target: "statement/" + id.String()}, err)
}

// within refuses what a statement comes to unless a completion that it counts in belongs to one of the roots.
func (r *Reader) within(ctx context.Context, f Fold, roots []hub.OrganisationID) error {
	for _, told := range f.Tells {
		row, err := Completions.Find(ctx, r.store, cmp.Or(string(f.Person), "-"), string(told.Item))
		if err != nil || withinOnce(row.Value.Path, roots, "", false) {
			return err
		}
	}
	return noStatement(f.Statement)
}

func noStatement(id lrs.ID) error {
	return lrs.Errorf(lrs.KindNotFound, "there is no statement %s", id)
}

func (r *Reader) explain(ctx context.Context, id lrs.ID) (Fold, error) {
	f := Fold{Statement: id}
	e, err := r.store.StatementByID(ctx, id)
	if errors.Is(err, lrs.ErrNotFound) {
		return f, noStatement(id)
	}
	if err != nil {
		return f, err
	}
	r.mu.Lock()
	_, err = r.pictures.refresh(ctx)
	picture := r.pictures.now
	r.mu.Unlock()
	if err != nil {
		return f, err
	}
	var told read
	if err := told.decode(&e, picture); err != nil {
		return f, err
	}
	reading := &told.reading
	f.Counts, f.Why, f.Explained = reading.Why == "", reading.Why, reading.Why.Explain()
	if reading.Key != (directory.Key{}) {
		f.Identity = r.directory.AliasID(reading.Key)
		row, err := directory.Aliases.Find(ctx, r.store, string(f.Identity), string(f.Identity))
		if err != nil {
			return f, err
		}
		f.Person = linkedTo(row.Value)
	}
	for i := range reading.Told {
		f.Tells = append(f.Tells, FoldedItem{reading.Told[i].Item, evidenceOf(&reading.Told[i].Fact, f.Identity)})
	}
	at, err := cursorTable.Find(ctx, r.store, house, onlyOne)
	f.Folded = at.Value.Log >= e.Stored
	if f.Counts && f.Person == "" {
		f.Explained = "The statement counts, but nobody knows whose the identity is: link it to a person."
	}
	return f, err
}

// AskRebuild asks for everything to be folded again; with replace, what differs is put right.
func (r *Reader) AskRebuild(ctx context.Context, c hub.Caller, replace bool) (state Rebuild, err error) {
	if err = c.Has(everywhere, "fold everything again"); err == nil {
		state, err = AskRebuild(ctx, r.store, c.Name, replace, r.now())
	}
	act := hub.Act{Action: "completion.rebuild", Target: "completions"}
	if replace {
		act.Detail = "replace"
	}
	return state, hub.Record(ctx, r.audit, c, act, err)
}

// Rebuild tells how far folding everything again is.
func (r *Reader) Rebuild(ctx context.Context, c hub.Caller) (Rebuild, error) {
	if err := c.Has(explainers, "see how completions are folded"); err != nil {
		return Rebuild{}, err
	}
	return ReadRebuild(ctx, r.store)
}
