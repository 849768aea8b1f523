package programme

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/directory"
	"acquis/lrs"
)

// Who may do what. Whoever reads sees the organisations of their subtrees.
const (
	readers  = lrs.RoleAdministrator | lrs.RoleOperator | lrs.RoleLicenceManager | lrs.RoleBIReader | lrs.RoleAuditor
	managers = lrs.RoleAdministrator | lrs.RoleOperator
)

// Options say how programmes work.
type Options struct {
	Directory *directory.Directory
	Catalogue *catalogue.Catalogue
	Audit     hub.Audit
	Calendar  hub.Calendar
	Now       func() time.Time // nil for the clock
	// Keep is how long figures are shown before they are computed again; 0 for five minutes.
	Keep time.Duration
}

// Service answers for programmes, targets and figures. It is safe for concurrent use.
type Service struct {
	store   docstore.Store
	options Options
	figures tallies
}

// New returns what a store keeps of programmes, in which it declares its collections.
func New(ctx context.Context, store docstore.Store, o Options) (*Service, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Keep == 0 {
		o.Keep = 5 * time.Minute
	}
	return &Service{store: store, options: o}, store.DeclareCollections(ctx, Collections()...)
}

func (s *Service) today() hub.Day { return s.options.Calendar.Day(s.options.Now()) }

func (s *Service) noted(caller hub.Caller, history []Change, action string) []Change {
	return noted(history, Change{At: s.options.Now().UTC(), By: caller.Name, Action: action, Reason: caller.Reason})
}

// plain tells whether a text can name a document.
func plain(name string) bool {
	const most = 200
	return name != "" && len(name) <= most && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '\uFFFD' })
}

// List returns the programmes that the caller may see: those for all, and those of their organisations.
func (s *Service) List(ctx context.Context, caller hub.Caller) (all []docstore.Row[Programme], err error) {
	if err := caller.Has(readers, "read programmes"); err != nil {
		return nil, err
	}
	scope, err := s.options.Directory.Scope(ctx, caller.Principal)
	if err != nil {
		return nil, err
	}
	for row, err := range Programmes.Rows(ctx, s.store, docstore.Scan{}) {
		if err != nil {
			return nil, err
		}
		if s.sees(scope, row.Value) {
			all = append(all, row)
		}
	}
	return all, nil
}

func (s *Service) sees(scope directory.Scope, p Programme) bool {
	return p.Organisation == "" || scope.Reaches(p.Organisation, s.today())
}

// Programme returns a programme with its revision. KindNotFound when there is none that the caller may see.
func (s *Service) Programme(ctx context.Context, caller hub.Caller, id string) (docstore.Row[Programme], error) {
	if err := caller.Has(readers, "read programmes"); err != nil {
		return docstore.Row[Programme]{}, err
	}
	scope, err := s.options.Directory.Scope(ctx, caller.Principal)
	if err != nil {
		return docstore.Row[Programme]{}, err
	}
	row, err := s.programme(ctx, id)
	if err == nil && !s.sees(scope, row.Value) {
		err = noProgramme(id)
	}
	return row, err
}

func (s *Service) programme(ctx context.Context, id string) (docstore.Row[Programme], error) {
	if !plain(id) {
		return docstore.Row[Programme]{}, noProgramme(id)
	}
	row, err := Programmes.Get(ctx, s.store, house, id)
	if lrs.KindOf(err) == lrs.KindNotFound {
		err = noProgramme(id)
	}
	return row, err
}

func noProgramme(id string) error {
	return lrs.Errorf(lrs.KindNotFound, "there is no programme %.100q", id)
}

// Put makes a programme or replaces it. Unless expected is nil, it must have that revision, 0 when there must be
// none: KindConflict otherwise.
func (s *Service) Put(ctx context.Context, caller hub.Caller, p Programme, expected *lrs.Instant) (row docstore.Row[Programme], err error) {
	err = caller.Has(managers, "change a programme")
	if err == nil {
		row, err = s.put(ctx, caller, p, expected)
	}
	return row, hub.Record(ctx, s.options.Audit, caller, hub.Act{Action: "programme.put", Target: target(p.ID)}, err)
}

func target(id string) string {
	const most = 100
	if len(id) > most {
		id = strings.ToValidUTF8(id[:most], "") + "…"
	}
	return "programme/" + id
}

func (s *Service) put(ctx context.Context, caller hub.Caller, p Programme, expected *lrs.Instant) (docstore.Row[Programme], error) {
	picture, err := s.options.Catalogue.Refresh(ctx)
	if err != nil {
		return docstore.Row[Programme]{}, err
	}
	tree, err := s.options.Directory.Tree(ctx)
	if err != nil {
		return docstore.Row[Programme]{}, err
	}
	err = p.judge(
		func(id hub.ItemID) bool { _, known := picture.Item(id); return known },
		func(id hub.OrganisationID) bool { _, known := tree.Organisation(id); return known },
	)
	if err != nil {
		return docstore.Row[Programme]{}, err
	}
	err = docstore.Retry(func() error {
		row, err := Programmes.Find(ctx, s.store, house, p.ID)
		if err != nil {
			return err
		}
		if expected != nil && *expected != row.Revision {
			return changedMeanwhile()
		}
		action := "update"
		if row.Revision == 0 {
			action = "create"
		}
		p.History = s.noted(caller, row.Value.History, action)
		row.Value = p
		_, err = Programmes.Save(ctx, s.store, row)
		return err
	})
	if err != nil {
		return docstore.Row[Programme]{}, err
	}
	return Programmes.Get(ctx, s.store, house, p.ID)
}

func changedMeanwhile() error {
	return lrs.Errorf(lrs.KindConflict, "this was changed by somebody else meanwhile, or is there already: read it again and decide anew")
}

// MaxMembers is how many members are put at a time.
const MaxMembers = 500

// PutMembers puts people into a programme, or changes their cohort and dates: all or none. A last day ends a
// membership; none is ever taken away.
func (s *Service) PutMembers(ctx context.Context, caller hub.Caller, id string, members []Member) error {
	err := caller.Has(managers, "put members into a programme")
	if err == nil {
		err = s.putMembers(ctx, caller, id, members)
	}
	return hub.Record(ctx, s.options.Audit, caller, hub.Act{Action: "programme.members", Target: target(id), Count: len(members)}, err)
}

func (s *Service) putMembers(ctx context.Context, caller hub.Caller, id string, members []Member) error {
	programme, err := s.programme(ctx, id)
	if err != nil {
		return err
	}
	if err := s.judgeMembers(ctx, programme.Value, members); err != nil {
		return err
	}
	return docstore.Retry(func() error {
		var writes []docstore.Write
		for _, m := range members {
			row, err := Members.Find(ctx, s.store, id, string(m.Person))
			if err != nil {
				return err
			}
			action := "update"
			if row.Revision == 0 {
				action = "join"
			}
			m.Programme = id
			m.History = row.Value.History
			if row.Revision != 0 && sameMember(row.Value, m) {
				continue
			}
			m.History = s.noted(caller, m.History, action)
			row.Value = m
			write, err := Members.Put(row)
			if err != nil {
				return err
			}
			writes = append(writes, write)
		}
		if len(writes) == 0 {
			return nil
		}
		_, err := s.store.ApplyDocs(ctx, docstore.Group{Partition: id, Writes: writes})
		return err
	})
}

func sameMember(a, b Member) bool {
	return a.Cohort == b.Cohort && a.During == b.During && a.Abandoned == b.Abandoned
}

func (s *Service) judgeMembers(ctx context.Context, p Programme, members []Member) error {
	var f faults
	if len(members) == 0 || len(members) > MaxMembers {
		f.add("/members", "length", "must be from 1 to %d", MaxMembers)
		return f.err("the members")
	}
	seen := map[hub.PersonID]bool{}
	for i, m := range members {
		at := pointerOf(i)
		known := plain(string(m.Person))
		if known {
			row, err := directory.People.Find(ctx, s.store, string(m.Person), string(m.Person))
			if err != nil {
				return err
			}
			known = row.Revision != 0 && row.Value.MergedInto == ""
		}
		if !known {
			f.add(at+"/person", "unknown", "there is no such person, or it was merged into another")
		}
		if seen[m.Person] {
			f.add(at+"/person", "repeated", "stands twice")
		}
		seen[m.Person] = true
		if m.Cohort != "" && !slices.ContainsFunc(p.Cohorts, func(c Cohort) bool { return c.ID == m.Cohort }) {
			f.add(at+"/cohort", "unknown", "the programme has no cohort %.60q", m.Cohort)
		}
		f.span(at+"/during", m.During)
	}
	return f.err("the members")
}

// members reads those of a programme, by person.
func (s *Service) members(ctx context.Context, id string) (all []Member, err error) {
	for row, err := range Members.Rows(ctx, s.store, docstore.Scan{Prefix: docstore.Tuple(id)}) {
		if err != nil {
			return nil, err
		}
		all = append(all, row.Value)
	}
	slices.SortFunc(all, func(a, b Member) int { return cmp.Compare(a.Person, b.Person) })
	return all, nil
}

// Targets returns what is aimed at, and since which revision.
func (s *Service) Targets(ctx context.Context, caller hub.Caller) (docstore.Row[Targets], error) {
	if err := caller.Has(readers, "read the targets"); err != nil {
		return docstore.Row[Targets]{}, err
	}
	return s.targets(ctx)
}

func (s *Service) targets(ctx context.Context) (docstore.Row[Targets], error) {
	row, err := targets.Find(ctx, s.store, house, targetsID)
	if err == nil && row.Revision == 0 {
		row.Value = usualTargets()
	}
	return row, err
}

// PutTargets changes what is aimed at. Figures are computed anew.
func (s *Service) PutTargets(ctx context.Context, caller hub.Caller, t Targets, expected *lrs.Instant) (row docstore.Row[Targets], err error) {
	err = caller.Has(managers, "change the targets")
	if err == nil {
		row, err = s.putTargets(ctx, caller, t, expected)
	}
	return row, hub.Record(ctx, s.options.Audit, caller, hub.Act{Action: "targets.put", Target: "targets"}, err)
}

func (s *Service) putTargets(ctx context.Context, caller hub.Caller, t Targets, expected *lrs.Instant) (docstore.Row[Targets], error) {
	picture, err := s.options.Catalogue.Refresh(ctx)
	if err != nil {
		return docstore.Row[Targets]{}, err
	}
	if err := t.judge(func(id hub.ItemID) bool { _, known := picture.Item(id); return known }); err != nil {
		return docstore.Row[Targets]{}, err
	}
	row, err := targets.Find(ctx, s.store, house, targetsID)
	if err != nil {
		return row, err
	}
	if expected != nil && *expected != row.Revision {
		return row, changedMeanwhile()
	}
	t.Past = s.noted(caller, row.Value.Past, "update")
	if t.Socle == nil {
		t.Socle = []Condition{}
	}
	row.Value = t
	if row.Revision, err = targets.Save(ctx, s.store, row); err == nil {
		s.figures.forget()
	}
	return row, err
}
