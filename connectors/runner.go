package connectors

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// Door takes statements as partners send them: lrs.Service.
type Door interface {
	StoreStatements(ctx context.Context, p lrs.Principal, r lrs.StoreRequest) ([]lrs.ID, error)
}

// Finder tells whether a statement is here: the statement store.
type Finder interface {
	// StatementByID returns a statement, voided or not. lrs.ErrNotFound when there is none.
	StatementByID(ctx context.Context, id lrs.ID) (lrs.Entry, error)
}

// Sighting is an identity that a connector saw, as the directory takes it.
type Sighting struct {
	Key     Key
	Name    string
	At      lrs.Instant // 0: the provider does not say
	Related []Key
}

// Identities is the table of aliases.
type Identities interface {
	// AliasID stands for a key without telling it.
	AliasID(k Key) hub.AliasID
	// Observe makes and links the aliases of what was seen. Seeing the same again changes nothing.
	Observe(ctx context.Context, seen []Sighting) error
}

// RunnerOptions configure a Runner. All but Logger, Lease, Batch and Ended must be given.
type RunnerOptions struct {
	Providers  []Provider
	Store      docstore.Store
	Keys       lrs.KeyStore
	Door       Door
	Finder     Finder
	Version    lrs.Version // of the statements
	Identities Identities
	// Principal is who sends the statements of a connection's source.
	Principal func(source string) (lrs.Principal, error)
	Egress    *Egress
	Secrets   Secrets
	// Files are those that lie ready for a connection. nil: none ever do.
	Files func(connection string) ([]File, error)

	Process string        // names this process, and no other ever
	Lease   time.Duration // how long a runner may say nothing before another goes on without it; 0: a minute
	Batch   int           // most statements sent at once; 0: 500
	Now     func() time.Time
	Logger  *slog.Logger
	Ended   func(Run) // is told every run that ended. nil: nobody is
}

// Runner carries out runs.
type Runner struct {
	o         RunnerOptions
	key       []byte
	providers map[string]Provider
	book      leaseBook
}

// NewRunner returns a runner. The collections must be declared (Collections).
func NewRunner(ctx context.Context, o RunnerOptions) (*Runner, error) {
	fill(&o.Lease, time.Minute)
	fill(&o.Batch, 500)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	key, err := o.Keys.Key(ctx, "connector-rows")
	if err != nil {
		return nil, err
	}
	r := &Runner{o: o, key: key, providers: map[string]Provider{}}
	for _, p := range o.Providers {
		r.providers[p.Kind] = p
	}
	return r, nil
}

// Order asks for a run.
type Order struct {
	Trigger   Trigger
	By        string
	Full      bool
	Dry       bool
	Scheduled time.Time // the time of the schedule that the run is for; zero: none
	Missed    int
	Files     []File
	Ended     func() // is called when the run has ended; nil: nothing is
}

// mask names something of a provider's so that nobody can tell what it is.
func (r *Runner) mask(parts ...string) string {
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(docstore.Tuple(parts...)))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)[:16]))
}

// execution is one run.
type execution struct {
	*Runner
	connection Connection
	connector  Connector
	principal  lrs.Principal
	holder     *holder
	state      docstore.Row[State] // as it was at the beginning
	run        docstore.Row[Run]
	order      Order
	client     *Client
	saved      time.Time // when the journal was written last
	sampled    map[string]bool
	ends       map[string]ended    // sets that were read whole, by setID
	counted    map[string]int      // what was seen of each set
	sets       map[string]SetState // as they were at the beginning
}

// ended is a set that was read whole.
type ended struct {
	of  SetKind
	set string
}

// Run pulls a connection once and returns the journal's entry. The error is lrs.KindConflict when it is being
// pulled already, lrs.KindNotFound when there is none, or internal; a provider's faults are in the entry.
func (r *Runner) Run(ctx context.Context, name string, order Order) (Run, error) {
	x, err := r.begin(ctx, name, order)
	if err != nil {
		return Run{}, err
	}
	return x.complete(ctx)
}

// begin takes the lease and writes the entry.
func (r *Runner) begin(ctx context.Context, name string, order Order) (*execution, error) {
	connection, err := Connections.Get(ctx, r.o.Store, name, name)
	if errors.Is(err, lrs.ErrNotFound) {
		return nil, noConnection(name)
	}
	if err != nil {
		return nil, err
	}
	h, err := r.acquire(ctx, name)
	if err != nil {
		return nil, err
	}
	x := &execution{
		Runner: r, connection: connection.Value, holder: h, order: order,
		sampled: map[string]bool{}, ends: map[string]ended{}, counted: map[string]int{},
	}
	if err := docstore.Retry(func() error { return x.enter(ctx) }); err != nil {
		return nil, errors.Join(err, h.release(context.WithoutCancel(ctx)))
	}
	return x, nil
}

func noConnection(name string) error {
	return lrs.Errorf(lrs.KindNotFound, "there is no connection %.100q", name)
}

// errTicked says that a scheduled time has been dealt with.
var errTicked = lrs.Errorf(lrs.KindConflict, "this scheduled time has been dealt with already")

// enter writes that the run has begun: its number, its entry, and that its scheduled time is dealt with.
func (x *execution) enter(ctx context.Context) (err error) {
	if x.state, err = States.Find(ctx, x.o.Store, x.connection.Name, theState); err != nil {
		return err
	}
	former := x.state
	state := former
	state.Value.Run++
	n := state.Value.Run
	x.run = docstore.Row[Run]{Key: docstore.Key{Collection: Runs.Name, Partition: x.connection.Name, ID: docstore.Number(n)}}
	x.run.Value = Run{
		Connection: x.connection.Name, Number: n, Trigger: x.order.Trigger, By: x.order.By, Dry: x.order.Dry,
		Full: x.order.Full || len(state.Value.Watermark) == 0, Scheduled: x.order.Scheduled, Missed: x.order.Missed,
		Started: x.o.Now().UTC(), Outcome: Running, Before: state.Value.Watermark,
	}
	writes, err := x.endCut(ctx, former.Value.Run)
	if err != nil {
		return err
	}
	if at := x.order.Scheduled; !at.IsZero() {
		if !at.After(state.Value.ticked(x.order.Full)) {
			return errTicked
		}
		state.Value.tick(at, x.order.Full)
		if x.order.Full && at.After(state.Value.PullTick) { // a sweep brings what a pull would
			state.Value.PullTick = at
		}
		w, err := ticks.Put(docstore.Row[tick]{Key: docstore.Key{ID: tickID(x.order.Full, at)}, Value: tick{n}})
		if err != nil {
			return err
		}
		writes = append(writes, w)
	}
	if !x.order.Dry {
		state.Value.RetryAt = time.Time{}
	}
	for _, put := range []func() (docstore.Write, error){
		func() (docstore.Write, error) { return States.Put(state) },
		func() (docstore.Write, error) { return Runs.Put(x.run) },
	} {
		w, err := put()
		if err != nil {
			return err
		}
		writes = append(writes, w)
	}
	if err := x.holder.write(ctx, writes...); err != nil {
		return err
	}
	return x.reread(ctx)
}

// reread takes the revisions that a group gave.
func (x *execution) reread(ctx context.Context) (err error) {
	if x.state, err = States.Get(ctx, x.o.Store, x.connection.Name, theState); err != nil {
		return err
	}
	x.run, err = Runs.Get(ctx, x.o.Store, x.connection.Name, x.run.ID)
	x.saved = x.o.Now()
	return err
}

func tickID(full bool, at time.Time) string {
	job := "pull-"
	if full {
		job = "sweep-"
	}
	return job + at.UTC().Format(time.RFC3339)
}

func (s *State) ticked(full bool) time.Time {
	if full {
		return s.SweepTick
	}
	return s.PullTick
}

func (s *State) tick(at time.Time, full bool) {
	if full {
		s.SweepTick = at
	} else {
		s.PullTick = at
	}
}

// endCut ends the entry of the run before, if its process died.
func (x *execution) endCut(ctx context.Context, number int64) ([]docstore.Write, error) {
	if number == 0 {
		return nil, nil
	}
	row, err := Runs.Find(ctx, x.o.Store, x.connection.Name, docstore.Number(number))
	if err != nil || row.Value.Outcome != Running {
		return nil, err
	}
	row.Value.Outcome = Cut
	row.Value.failed(Faultf(RetryLater, "The server stopped during this run. Nothing is lost: it was run again.", "its process gave no sign of life"), x.o.Now().UTC())
	w, err := Runs.Put(row)
	return []docstore.Write{w}, err
}

// complete pulls and ends the run. What it returns as an error is internal: the entry may not be written.
func (x *execution) complete(parent context.Context) (Run, error) {
	ctx, cancel := context.WithCancelCause(parent)
	go x.holder.beat(ctx, x.o.Lease/3, cancel)
	watermark, err := x.pull(ctx)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = x.succeed(ctx, watermark)
	}
	cancel(nil)
	if err != nil {
		err = x.fail(context.WithoutCancel(parent), err)
	}
	x.log()
	if x.order.Ended != nil {
		x.order.Ended()
	}
	if x.o.Ended != nil {
		x.o.Ended(x.run.Value)
	}
	return x.run.Value, err
}

// pull lets the connector read, and deals with what it yields.
func (x *execution) pull(ctx context.Context) (watermark []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			x.o.Logger.Error("a connector panicked", "connection", x.connection.Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = Faultf(GiveUp, "Acquis itself failed while it read this provider. Nothing was lost; show this to an engineer.", "panic: see the log of the server")
		}
	}()
	if err := x.prepare(ctx); err != nil {
		return nil, err
	}
	request := Request{
		Client: x.client, Secrets: x.o.Secrets, Watermark: x.run.Value.Before, Full: x.run.Value.Full,
		Files: x.order.Files, Now: x.run.Value.Started,
	}
	if len(request.Files) == 0 && x.o.Files != nil {
		if request.Files, err = x.o.Files(x.connection.Name); err != nil {
			return nil, err
		}
	}
	return x.connector.Pull(ctx, request, func(p Page) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return x.page(ctx, p)
	})
}

// prepare opens the connector and takes back what a former run left half done.
func (x *execution) prepare(ctx context.Context) (err error) {
	if x.connector, err = x.open(x.connection); err != nil {
		return err
	}
	if x.principal, err = x.o.Principal(x.connection.Name); err != nil {
		return Faultf(NeedsPerson, "The source of this connection cannot be used. Ask whoever runs Acquis to look at it.", "source %s: %v", x.connection.Name, err)
	}
	x.client = x.o.Egress.Client(x.connector.Hosts(), x.sample)
	clean := x.state.Value.Clean
	if !x.order.Dry {
		if err := settle(ctx, x.holder, seats, clean); err != nil {
			return err
		}
		if err := settle(ctx, x.holder, offers, clean); err != nil {
			return err
		}
		if err := x.settleSets(ctx, clean); err != nil {
			return err
		}
	}
	x.sets, err = setsOf(ctx, x.o.Store, x.connection.Name, clean)
	return err
}

// open makes the connector of a connection.
func (r *Runner) open(c Connection) (Connector, error) {
	provider, known := r.providers[c.Kind]
	if !known {
		return nil, Faultf(NeedsPerson, "This version of Acquis does not know the kind of this connection.", "kind %s", c.Kind)
	}
	connector, err := provider.Open(c.Settings)
	if err != nil {
		return nil, Faultf(NeedsPerson, "The settings of this connection are not valid any more. Correct them.", "%v", err)
	}
	return connector, nil
}

// settleSets does for the sets what settle does for what is in them.
func (x *execution) settleSets(ctx context.Context, clean int64) error {
	var writes []docstore.Write
	for row, err := range Sets.Rows(ctx, x.o.Store, docstore.Scan{Prefix: docstore.TuplePrefix(x.connection.Name, "")}) {
		if err != nil {
			return err
		}
		if row.Value.Next <= clean {
			continue
		}
		row.Value = row.Value.at(clean)
		w, err := Sets.Put(row)
		if err != nil {
			return err
		}
		writes = append(writes, w)
	}
	return x.writeAll(ctx, writes)
}

// writeAll writes documents in as many groups as they need.
func (x *execution) writeAll(ctx context.Context, writes []docstore.Write) error {
	for len(writes) > 0 {
		n := min(len(writes), maxGroup)
		if err := x.holder.write(ctx, writes[:n:n]...); err != nil {
			return err
		}
		writes = writes[n:]
	}
	return nil
}

// sample keeps the first answers of each kind, masked.
func (x *execution) sample(e Exchange) {
	s := sampleOf(e)
	kind := fmt.Sprint(s.Method, s.Host, s.Path, s.Status)
	if len(x.run.Value.Samples) < maxSamples && !x.sampled[kind] {
		x.sampled[kind] = true
		x.run.Value.Samples = append(x.run.Value.Samples, s)
	}
}

func (x *execution) log() {
	r := x.run.Value
	level := slog.LevelInfo
	if r.Outcome != Clean {
		level = slog.LevelWarn
	}
	attrs := []any{
		"connection", r.Connection, "run", r.Number, "trigger", r.Trigger, "outcome", r.Outcome, "full", r.Full, "dry", r.Dry,
		"pages", r.Pages, "items", r.Items, "statements", r.Statements, "voided", r.Voided, "seconds", r.Duration,
	}
	if n := len(r.Errors); n > 0 {
		attrs = append(attrs, "class", r.Errors[n-1].Class, "detail", r.Errors[n-1].Detail)
	}
	x.o.Logger.Log(context.Background(), level, "a connection was pulled", attrs...)
}
