package connectors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// Who may do what with connections.
const (
	connectionReaders  = lrs.RoleAdministrator | lrs.RoleOperator | lrs.RoleLicenceManager | lrs.RoleAuditor
	connectionManagers = lrs.RoleAdministrator | lrs.RoleOperator
)

// Sources makes the sources of connections.
type Sources interface {
	// EnsureSource makes the source of a connection, as the caller. One that is there already is taken
	// when it is the connection's own, and KindConflict otherwise.
	EnsureSource(ctx context.Context, caller hub.Caller, name, title string, rules SourceRules) error
}

// ServiceOptions configure a Service.
type ServiceOptions struct {
	Runner    *Runner
	Scheduler *Scheduler
	Sources   Sources
	Audit     hub.Audit
}

// Service is what people do with connections. Each method decides by the caller's roles.
type Service struct {
	o     ServiceOptions
	store docstore.Store
	r     *Runner
}

// NewService returns the service over a runner and its scheduler.
func NewService(o ServiceOptions) *Service {
	return &Service{o: o, store: o.Runner.o.Store, r: o.Runner}
}

// Shown is a connection as people see it.
type Shown struct {
	Connection
	Revision    lrs.Instant `json:"-"`
	LastSuccess time.Time   `json:"lastSuccess,omitzero"`
	LastSweep   time.Time   `json:"lastSweep,omitzero"`
	LastRun     int64       `json:"lastRun,omitempty"`
	Outcome     Outcome     `json:"outcome,omitempty"` // of the last run
	NextPull    time.Time   `json:"nextPull,omitzero"`
	NextSweep   time.Time   `json:"nextSweep,omitzero"`
	RetryAt     time.Time   `json:"retryAt,omitzero"`
	Overdue     bool        `json:"overdue,omitempty"`
	Stopped     *Stop       `json:"stopped,omitempty"`
	Consent     *Consent    `json:"consent,omitempty"`
}

// Kind is a provider that connections can be made to.
type Kind struct {
	Kind     string         `json:"kind"`
	Title    string         `json:"title"`
	Defaults jsontext.Value `json:"defaults"`
}

// Kinds lists the providers that connections can be made to.
func (s *Service) Kinds(_ context.Context, caller hub.Caller) ([]Kind, error) {
	if err := caller.Has(connectionReaders, "read connections"); err != nil {
		return nil, err
	}
	kinds := make([]Kind, 0, len(s.r.providers))
	for _, p := range s.r.providers {
		kinds = append(kinds, Kind{p.Kind, p.Title, p.Defaults})
	}
	slices.SortFunc(kinds, func(a, b Kind) int { return cmp.Compare(a.Kind, b.Kind) })
	return kinds, nil
}

// List lists the connections by name.
func (s *Service) List(ctx context.Context, caller hub.Caller) ([]Shown, error) {
	if err := caller.Has(connectionReaders, "read connections"); err != nil {
		return nil, err
	}
	var list []Shown
	for row, err := range Connections.Rows(ctx, s.store, docstore.Scan{}) {
		if err != nil {
			return nil, err
		}
		shown, err := s.show(ctx, row)
		if err != nil {
			return nil, err
		}
		list = append(list, shown)
	}
	return list, nil
}

// Get returns a connection. KindNotFound when there is none.
func (s *Service) Get(ctx context.Context, caller hub.Caller, name string) (Shown, error) {
	if err := caller.Has(connectionReaders, "read connections"); err != nil {
		return Shown{}, err
	}
	row, err := s.row(ctx, name)
	if err != nil {
		return Shown{}, err
	}
	return s.show(ctx, row)
}

func (s *Service) row(ctx context.Context, name string) (docstore.Row[Connection], error) {
	if judgeName(name) != nil {
		return docstore.Row[Connection]{}, noConnection(name)
	}
	row, err := Connections.Get(ctx, s.store, name, name)
	if errors.Is(err, lrs.ErrNotFound) {
		return row, noConnection(name)
	}
	return row, err
}

func (s *Service) show(ctx context.Context, row docstore.Row[Connection]) (Shown, error) {
	c := row.Value
	state, err := States.Find(ctx, s.store, c.Name, theState)
	if err != nil {
		return Shown{}, err
	}
	st, now := state.Value, s.r.o.Now()
	shown := Shown{
		Connection: c, Revision: row.Revision, LastSuccess: st.LastSuccess, LastSweep: st.LastSweep, LastRun: st.Run,
		RetryAt: st.RetryAt, Overdue: c.Overdue(st, now), Stopped: st.Stopped, Consent: st.Consent,
	}
	if schedule, err := ParseSchedule(c.Schedule); err == nil && !c.Paused {
		shown.NextPull = schedule.Next(now)
	}
	if schedule, err := ParseSchedule(c.Sweep); err == nil && !c.Paused {
		shown.NextSweep = schedule.Next(now)
	}
	if st.Run > 0 {
		run, err := Runs.Find(ctx, s.store, c.Name, docstore.Number(st.Run))
		if err != nil {
			return Shown{}, err
		}
		shown.Outcome = run.Value.Outcome
	}
	return shown, nil
}

// Put makes a connection and its source, or when revision is not 0 replaces the one that has it. A new
// schedule counts from now on.
func (s *Service) Put(ctx context.Context, caller hub.Caller, c Connection, revision lrs.Instant) (Shown, error) {
	action := "connection.update"
	if revision == 0 {
		action = "connection.create"
	}
	shown, err := s.put(ctx, caller, c, revision)
	return shown, s.record(ctx, caller, action, c.Name, "", err)
}

func (s *Service) put(ctx context.Context, caller hub.Caller, c Connection, revision lrs.Instant) (Shown, error) {
	if err := caller.Has(connectionManagers, "administer connections"); err != nil {
		return Shown{}, err
	}
	provider, err := s.judge(c)
	if err != nil {
		return Shown{}, err
	}
	row := docstore.Row[Connection]{Key: docstore.Key{Collection: Connections.Name, Partition: c.Name, ID: c.Name}, Revision: revision, Value: c}
	var before Connection
	if revision == 0 {
		if _, err := s.row(ctx, c.Name); err == nil {
			return Shown{}, lrs.Errorf(lrs.KindConflict, "the connection %s is there already", c.Name)
		}
		if err := s.o.Sources.EnsureSource(ctx, caller, c.Name, cmp.Or(c.Title, provider.Title), provider.Source); err != nil {
			return Shown{}, err
		}
	} else if former, err := s.row(ctx, c.Name); err != nil {
		return Shown{}, err
	} else if before = former.Value; before.Kind != c.Kind {
		return Shown{}, invalid("/kind", "fixed", "must stay "+before.Kind+": make another connection for another provider")
	}
	if row.Revision, err = Connections.Save(ctx, s.store, row); err != nil {
		return Shown{}, changedMeanwhile(err)
	}
	if before.Schedule != c.Schedule || before.Sweep != c.Sweep || before.Paused && !c.Paused || revision == 0 {
		if err := s.changeState(ctx, c.Name, func(st *State) { st.Since = s.r.o.Now().UTC() }); err != nil {
			return Shown{}, err
		}
	}
	return s.show(ctx, row)
}

func changedMeanwhile(err error) error {
	if lrs.KindOf(err) == lrs.KindConflict {
		return lrs.Errorf(lrs.KindConflict, "this was changed by somebody else meanwhile: read it again and decide anew")
	}
	return err
}

// changeState changes the state of a connection, whoever else writes to it.
func (s *Service) changeState(ctx context.Context, name string, change func(*State)) error {
	return docstore.Retry(func() error {
		row, err := States.Find(ctx, s.store, name, theState)
		if err != nil {
			return err
		}
		change(&row.Value)
		_, err = States.Save(ctx, s.store, row)
		return err
	})
}

// record puts an act on record and returns how it ended.
func (s *Service) record(ctx context.Context, caller hub.Caller, action, name, detail string, err error) error {
	return hub.Record(ctx, s.o.Audit, caller, hub.Act{Action: action, Target: "connection/" + truncated(name, 64), Detail: detail}, err)
}

// Pause lets the schedule of a connection rest, or go on from now.
func (s *Service) Pause(ctx context.Context, caller hub.Caller, name string, paused bool) (Shown, error) {
	action := "connection.resume"
	if paused {
		action = "connection.pause"
	}
	var shown Shown
	err := caller.Has(connectionManagers, "pause connections")
	if err == nil {
		err = docstore.Retry(func() error {
			row, err := s.row(ctx, name)
			if err != nil {
				return err
			}
			row.Value.Paused = paused
			if row.Revision, err = Connections.Save(ctx, s.store, row); err != nil {
				return err
			}
			if !paused {
				if err := s.changeState(ctx, name, func(st *State) { st.Since, st.Stopped = s.r.o.Now().UTC(), nil }); err != nil {
					return err
				}
			}
			shown, err = s.show(ctx, row)
			return err
		})
	}
	return shown, s.record(ctx, caller, action, name, "", err)
}

// Consent lets the next run pass the safety stop.
func (s *Service) Consent(ctx context.Context, caller hub.Caller, name string) (Shown, error) {
	err := caller.Has(connectionManagers|lrs.RoleLicenceManager, "consent to a loss")
	var row docstore.Row[Connection]
	if err == nil {
		row, err = s.row(ctx, name)
	}
	detail := ""
	if err == nil {
		asked := false
		err = s.changeState(ctx, name, func(st *State) {
			if asked = st.Stopped != nil && st.Stopped.Loss; asked {
				detail = st.Stopped.Detail
				st.Consent = &Consent{By: caller.Name, At: s.r.o.Now().UTC()}
			}
		})
		if err == nil && !asked {
			err = lrs.Errorf(lrs.KindConflict, "the connection %s asks for no consent", name)
		}
	}
	if err = s.record(ctx, caller, "connection.consent", name, detail, err); err != nil {
		return Shown{}, err
	}
	return s.show(ctx, row)
}

// Launch begins a run and returns its entry as it began. KindConflict when the connection is being pulled.
func (s *Service) Launch(ctx context.Context, caller hub.Caller, name string, o Order) (Run, error) {
	var run Run
	err := caller.Has(connectionManagers, "run connections")
	if err == nil {
		_, err = s.row(ctx, name)
	}
	if err == nil {
		o.Trigger, o.By = ByPerson, caller.Name
		run, err = s.o.Scheduler.Launch(ctx, name, o)
	}
	what := []string{}
	for word, is := range map[string]bool{"full": o.Full, "dry": o.Dry, "files": len(o.Files) > 0} {
		if is {
			what = append(what, word)
		}
	}
	slices.Sort(what)
	return run, s.record(ctx, caller, "connection.run", name, strings.Join(what, " "), err)
}

// Checked is what a check of a connection found.
type Checked struct {
	Check
	// Seconds is the least that a full pull takes: its calls at the rate that one host is asked.
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"rate"` // requests a second; 0: no limit
}

// Check asks the provider whether the connection works. A *Fault when it doesn't.
func (s *Service) Check(ctx context.Context, caller hub.Caller, name string) (Checked, error) {
	var found Checked
	err := s.ask(ctx, caller, "check connections", name, func(c Connector, r Request) (err error) {
		found.Check, err = c.Check(ctx, r)
		return err
	})
	if found.Rate = s.r.o.Egress.PerSecond(); found.Rate > 0 {
		found.Seconds = float64(found.Calls) / found.Rate
	}
	return found, s.record(ctx, caller, "connection.check", name, "", err)
}

// Probe reads a few items of the provider's and tells which fields were found. A *Fault when it can't.
func (s *Service) Probe(ctx context.Context, caller hub.Caller, name string) (Probe, []Sample, error) {
	var found Probe
	var samples []Sample
	err := s.ask(ctx, caller, "probe connections", name, func(c Connector, r Request) (err error) {
		r.Client = s.r.o.Egress.Client(c.Hosts(), func(e Exchange) {
			if len(samples) < maxSamples {
				samples = append(samples, sampleOf(e))
			}
		})
		found, err = c.Probe(ctx, r)
		return err
	})
	return found, samples, s.record(ctx, caller, "connection.probe", name, "", err)
}

// ask lets a connector ask its provider something outside of runs.
func (s *Service) ask(ctx context.Context, caller hub.Caller, action, name string, do func(Connector, Request) error) error {
	if err := caller.Has(connectionManagers, action); err != nil {
		return err
	}
	row, err := s.row(ctx, name)
	if err != nil {
		return err
	}
	connector, err := s.r.open(row.Value)
	if err != nil {
		return err
	}
	state, err := States.Find(ctx, s.store, name, theState)
	if err != nil {
		return err
	}
	return do(connector, Request{
		Client: s.r.o.Egress.Client(connector.Hosts(), nil), Secrets: s.r.o.Secrets, Watermark: state.Value.Watermark, Now: s.r.o.Now().UTC(),
	})
}

// RunPage is a page of the journal, the newest first.
type RunPage struct {
	Runs []Run
	Next string // "" when nothing is left
}

// Runs reads the journal, of one connection or, with name "", of all. Entries come without samples.
func (s *Service) Runs(ctx context.Context, caller hub.Caller, name, after string, limit int) (RunPage, error) {
	if err := caller.Has(connectionReaders, "read runs"); err != nil {
		return RunPage{}, err
	}
	scan := docstore.Scan{Index: byStarted, Descending: true, Limit: limit, After: after}
	if name != "" {
		if _, err := s.row(ctx, name); err != nil {
			return RunPage{}, err
		}
		scan.Index, scan.Prefix = "", docstore.TuplePrefix(name, "")
	}
	found, next, err := Runs.Scan(ctx, s.store, scan)
	if err != nil {
		return RunPage{}, err
	}
	page := RunPage{Next: next, Runs: make([]Run, len(found))}
	for i, f := range found {
		page.Runs[i] = f.Row.Value
		page.Runs[i].Samples, page.Runs[i].Examples = nil, nil
	}
	return page, nil
}

// Run returns an entry of the journal, with its samples. KindNotFound when there is none.
func (s *Service) Run(ctx context.Context, caller hub.Caller, name, number string) (Run, error) {
	if err := caller.Has(connectionReaders, "read runs"); err != nil {
		return Run{}, err
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || judgeName(name) != nil {
		return Run{}, lrs.Errorf(lrs.KindNotFound, "there is no run %.40q of %.100q", number, name)
	}
	row, err := Runs.Get(ctx, s.store, name, docstore.Number(n))
	if errors.Is(err, lrs.ErrNotFound) {
		return Run{}, lrs.Errorf(lrs.KindNotFound, "there is no run %d of %.100q", n, name)
	}
	return row.Value, err
}

var connectionName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Bounds of a connection.
const (
	maxName     = 64
	maxTitle    = 200
	maxSettings = 256 << 10
	maxExpected = 24 * 366
)

func judgeName(name string) error {
	if len(name) > maxName || !connectionName.MatchString(name) {
		return invalid("/name", "name", fmt.Sprintf("must be a name in kebab-case of %d characters at most, such as pix-dinum", maxName))
	}
	return nil
}

func invalid(pointer, rule, detail string) *lrs.Error {
	return &lrs.Error{Kind: lrs.KindInvalid, Detail: "the connection is not valid", Violations: []lrs.Violation{{Pointer: pointer, Rule: rule, Detail: detail}}}
}

// judge refuses what cannot be a connection, with every fault.
func (s *Service) judge(c Connection) (Provider, error) {
	all := &lrs.Error{Kind: lrs.KindInvalid, Detail: "the connection is not valid"}
	add := func(below string, err error) {
		e, is := errors.AsType[*lrs.Error](err)
		switch {
		case err == nil:
		case is && len(e.Violations) > 0:
			for _, v := range e.Violations {
				v.Pointer = below + v.Pointer
				all.Violations = append(all.Violations, v)
			}
		default:
			all.Violations = append(all.Violations, lrs.Violation{Pointer: below, Rule: "value", Detail: err.Error()})
		}
	}
	add("", judgeName(c.Name))
	if utf8.RuneCountInString(c.Title) > maxTitle || !utf8.ValidString(c.Title) || strings.ContainsFunc(c.Title, unicode.IsControl) {
		add("", invalid("/title", "text", fmt.Sprintf("must be text on one line of %d characters at most", maxTitle)))
	}
	for pointer, text := range map[string]string{"/schedule": c.Schedule, "/sweep": c.Sweep} {
		if text != "" {
			_, err := ParseSchedule(text)
			add(pointer, err)
		}
	}
	if c.ExpectedHours < 0 || c.ExpectedHours > maxExpected {
		add("", invalid("/expectedHours", "range", fmt.Sprintf("must be a number of hours from 1 to %d, or 0 for what follows from the schedule", maxExpected)))
	}
	if c.MaxLoss < 0 || c.MaxLoss > 100 {
		add("", invalid("/maxLoss", "range", "must be a number from 1 to 100, or 0 for 20"))
	}
	provider, known := s.r.providers[c.Kind]
	switch {
	case !known:
		add("", invalid("/kind", "kind", "must be one of "+strings.Join(s.kindNames(), ", ")))
	case len(c.Settings) > maxSettings:
		add("", invalid("/settings", "length", fmt.Sprintf("must be %d bytes long at most", maxSettings)))
	default:
		connector, err := provider.Open(c.Settings)
		add("/settings", err)
		if err == nil {
			add("", s.r.o.Egress.JudgeHosts(connector.Hosts()))
		}
	}
	if len(all.Violations) > 0 {
		slices.SortStableFunc(all.Violations, func(a, b lrs.Violation) int { return cmp.Compare(a.Pointer, b.Pointer) })
		return provider, all
	}
	return provider, nil
}

func (s *Service) kindNames() []string {
	var names []string
	for name := range s.r.providers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
