package connectors

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"acquis/docstore"
	"acquis/lrs"
)

// SchedulerOptions configure a Scheduler.
type SchedulerOptions struct {
	Runner *Runner
	Every  time.Duration // how often connections are looked at for what cron does not know of; 0: 10s
	Jitter time.Duration // the most that a run begins later than scheduled
	AtOnce int           // runs at a time in this process that nobody asked for; 0: 4
	Logger *slog.Logger
}

// Scheduler runs connections when they are due. Every process may have one over the same store: a scheduled
// time is dealt with once.
type Scheduler struct {
	o        SchedulerOptions
	runner   *Runner
	slots    chan struct{}
	statuses *statuses

	mu      sync.Mutex
	ctx     context.Context // of Run, nil when it does not run
	runs    sync.WaitGroup
	flying  map[string]bool
	entries map[string]entry
}

// entry is what cron knows of a connection.
type entry struct {
	pull, sweep string
	ids         []cron.EntryID
}

// NewScheduler returns a scheduler.
func NewScheduler(o SchedulerOptions) *Scheduler {
	fill(&o.Every, 10*time.Second)
	fill(&o.AtOnce, 4)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Scheduler{
		o: o, runner: o.Runner, slots: make(chan struct{}, o.AtOnce), statuses: newStatuses(),
		flying: map[string]bool{}, entries: map[string]entry{},
	}
}

// cronLog puts what cron says into the log.
type cronLog struct{ logger *slog.Logger }

func (l cronLog) Info(msg string, keys ...any) { l.logger.Debug("cron: "+msg, keys...) }

func (l cronLog) Error(err error, msg string, keys ...any) {
	l.logger.Error("cron: "+msg, append(keys, "error", err)...)
}

// Run runs connections when they are due until ctx ends, and then waits for runs under way to stop.
func (s *Scheduler) Run(ctx context.Context) {
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	log := cronLog{s.o.Logger}
	clock := cron.New(cron.WithLocation(time.UTC), cron.WithChain(cron.Recover(log), cron.SkipIfStillRunning(log)), cron.WithLogger(log))
	clock.Start()
	ticker := time.NewTicker(s.o.Every)
	defer ticker.Stop()
	for {
		if err := s.look(ctx, clock); err != nil && ctx.Err() == nil {
			s.o.Logger.Error("looking after connections failed", "error", err)
		}
		select {
		case <-ctx.Done():
			<-clock.Stop().Done()
			s.mu.Lock()
			s.ctx = nil
			s.mu.Unlock()
			s.runs.Wait()
			return
		case <-ticker.C:
		}
	}
}

// look brings cron up to date, and starts what is due that cron did not start: what was missed, retries,
// and runs whose process died.
func (s *Scheduler) look(ctx context.Context, clock *cron.Cron) error {
	known := map[string]bool{}
	for row, err := range Connections.Rows(ctx, s.runner.o.Store, docstore.Scan{}) {
		if err != nil {
			return err
		}
		c := row.Value
		known[c.Name] = true
		s.enter(ctx, clock, c)
		s.launchDue(ctx, c.Name)
	}
	s.leave(clock, known)
	s.statuses.keep(known)
	return nil
}

// enter lets cron call when the connection is due.
func (s *Scheduler) enter(ctx context.Context, clock *cron.Cron, c Connection) {
	now := s.entries[c.Name]
	wanted := entry{pull: c.Schedule, sweep: c.Sweep}
	if c.Paused {
		wanted = entry{}
	}
	if now.pull == wanted.pull && now.sweep == wanted.sweep {
		return
	}
	for _, id := range now.ids {
		clock.Remove(id)
	}
	for _, text := range []string{wanted.pull, wanted.sweep} {
		schedule, err := ParseSchedule(text)
		if err != nil {
			continue
		}
		wanted.ids = append(wanted.ids, clock.Schedule(schedule.times, cron.FuncJob(func() { s.wake(ctx, c.Name) })))
	}
	s.entries[c.Name] = wanted
}

func (s *Scheduler) leave(clock *cron.Cron, known map[string]bool) {
	for name, e := range s.entries {
		if known[name] {
			continue
		}
		for _, id := range e.ids {
			clock.Remove(id)
		}
		delete(s.entries, name)
	}
}

// wake runs a connection at its scheduled time, some moments later.
func (s *Scheduler) wake(ctx context.Context, name string) {
	at := s.runner.o.Now().UTC().Truncate(time.Minute)
	timer := time.NewTimer(jitterOf(name, at, s.o.Jitter))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
		s.launchDue(ctx, name)
	}
}

// launchDue starts what a connection is to do now, if anything.
func (s *Scheduler) launchDue(ctx context.Context, name string) {
	order, due, err := s.Due(ctx, name)
	if err == nil && due {
		select {
		case s.slots <- struct{}{}:
		default: // enough runs are under way: it is due at the next look too
			return
		}
		if _, err = s.launch(ctx, name, order, func() { <-s.slots }); err != nil {
			<-s.slots
		}
	}
	if err != nil && ctx.Err() == nil && lrs.KindOf(err) == 0 { // a conflict: another process has it
		s.o.Logger.Error("a connection could not be started", "connection", name, "error", err)
	}
}

// Due tells what a connection is to do now, if anything.
func (s *Scheduler) Due(ctx context.Context, name string) (Order, bool, error) {
	store, now := s.runner.o.Store, s.runner.o.Now()
	c, err := Connections.Get(ctx, store, name, name)
	if err != nil {
		return Order{}, false, err
	}
	state, err := States.Find(ctx, store, name, theState)
	if err != nil {
		return Order{}, false, err
	}
	s.statuses.note(c.Value, state.Value, now)
	abandoned, full, err := s.runner.abandoned(ctx, name, state.Value)
	if err != nil || s.underWay(name) {
		return Order{}, false, err
	}
	if abandoned && !c.Value.Paused && state.Value.Stopped == nil {
		return Order{Trigger: ByRetry, Full: full}, true, nil
	}
	order, due := c.Value.due(state.Value, now, s.o.Jitter)
	return order, due, nil
}

// abandoned reports whether the process that pulled a connection has died, and whether it was a sweep.
func (r *Runner) abandoned(ctx context.Context, name string, state State) (abandoned, full bool, err error) {
	row, err := leases.Find(ctx, r.o.Store, name, theLease)
	if err != nil || row.Value.Holder == "" || !r.book.silent(name, row.Value, r.o.Now(), r.o.Lease) {
		return false, false, err
	}
	run, err := Runs.Find(ctx, r.o.Store, name, docstore.Number(state.Run))
	return true, run.Value.Full, err
}

func (s *Scheduler) underWay(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flying[name]
}

var errNotRunning = lrs.Errorf(lrs.KindUnavailable, "this server does not run connections at this moment: try again")

// Launch begins a run and returns its entry as it began; the run goes on in the background as long as the
// scheduler runs. KindConflict when the connection is being pulled already.
func (s *Scheduler) Launch(ctx context.Context, name string, order Order) (Run, error) {
	return s.launch(ctx, name, order, func() {})
}

// launch is Launch that calls done when a run that began has ended.
func (s *Scheduler) launch(ctx context.Context, name string, order Order, done func()) (Run, error) {
	s.mu.Lock()
	background, flying := s.ctx, s.flying[name]
	if background == nil || flying {
		s.mu.Unlock()
		if flying {
			return Run{}, errBusy
		}
		return Run{}, errNotRunning
	}
	s.flying[name] = true
	s.runs.Add(1)
	s.mu.Unlock()
	x, err := s.runner.begin(ctx, name, order)
	if err != nil {
		s.landed(name)
		return Run{}, err
	}
	begun := x.run.Value
	go func() {
		defer s.landed(name)
		defer done()
		run, err := x.complete(background)
		s.statuses.ended(run)
		if err != nil && !errors.Is(err, context.Canceled) {
			s.o.Logger.Error("a run could not be written to its end", "connection", name, "error", err)
		}
	}()
	return begun, nil
}

func (s *Scheduler) landed(name string) {
	s.mu.Lock()
	delete(s.flying, name)
	s.mu.Unlock()
	s.runs.Done()
}
