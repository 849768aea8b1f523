package exchange

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"acquis/docstore"
	"acquis/lrs"
)

// Sender delivers to one target. One call at a time.
type Sender interface {
	// Send delivers statements, in their order, and returns those that the target refuses for what they say:
	// the others it has. An error is of the whole: some may be delivered, and all are sent again.
	Send(ctx context.Context, message Message) ([]Refused, error)
	// Numbered tells that the target knows a repeat by the id of its message only, so that a message that is
	// sent again must hold the same.
	Numbered() bool
	// Tell passes on that statements were erased or redacted. ok is false when the target cannot be told.
	Tell(ctx context.Context, change Change) (ok bool, err error)
}

// Message is what is sent at a time.
type Message struct {
	ID         string // the same whenever it is sent
	Statements []lrs.Entry
}

// Change is something that happened to a statement that a target has.
type Change struct {
	ID        string // of the message
	Kind      LetterKind
	Statement lrs.ID
	At        lrs.Instant
}

// Refused is a statement of a Message that the target does not take.
type Refused struct {
	Index  int
	Reason string
}

// ForwarderOptions configure a Forwarder. Zero durations are replaced by the defaults.
type ForwarderOptions struct {
	Store      docstore.Store
	Log        lrs.Log
	Statements Statements
	Open       func(Forward) (Sender, error) // makes the sender of a judged forward, anew after each change
	Explain    func(error) Failure           // why a Send failed, in words
	Process    string                        // names this process among those that share the store
	// Alone tells that no other process shares the store: no signs of life are given, so that an idle store
	// stays idle.
	Alone  bool
	Lease  time.Duration // after which a process without a sign of life counts as dead, 15s
	Poll   time.Duration // how often the log is looked at that has nothing new, 200ms
	Look   time.Duration // how often changes of forwards are looked for, 1s
	First  time.Duration // before a failed message is sent again, 1s; then twice as long each time
	Most   time.Duration // 1m
	Brief  time.Duration // how long RetryBrief waits for a target, 15m
	Now    func() time.Time
	Logger *slog.Logger
}

func (o *ForwarderOptions) fill() {
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&o.Lease, 15 * time.Second},
		{&o.Poll, 200 * time.Millisecond},
		{&o.Look, time.Second},
		{&o.First, time.Second},
		{&o.Most, time.Minute},
		{&o.Brief, 15 * time.Minute},
	} {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Forwarder follows the log for each forward and sends what its filter selects. It never holds the store up: it
// reads the log when it has somewhere to send to, a message at a time.
type Forwarder struct {
	o ForwarderOptions

	mu        sync.Mutex
	followers map[string]*follower
	wake      chan struct{}
}

// NewForwarder returns a forwarder that does nothing until it is run.
func NewForwarder(o ForwarderOptions) *Forwarder {
	o.fill()
	return &Forwarder{o: o, followers: map[string]*follower{}, wake: make(chan struct{}, 1)}
}

// Wake makes the forwarder look for changes now.
func (f *Forwarder) Wake() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Run forwards until ctx ends. Forwards that are made, changed or taken away meanwhile are noticed.
func (f *Forwarder) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	ticker := time.NewTicker(f.o.Look)
	defer ticker.Stop()
	for {
		if err := f.look(ctx, &running); err != nil && ctx.Err() == nil {
			f.o.Logger.Error("looking for forwards failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-f.wake:
		}
	}
}

// look starts a follower for each forward as it is now, and ends those of former ones.
func (f *Forwarder) look(ctx context.Context, running *sync.WaitGroup) error {
	found := map[string]docstore.Row[Forward]{}
	for row, err := range forwards.Rows(ctx, f.o.Store, docstore.Scan{}) {
		if err != nil {
			return err
		}
		if !row.Value.Paused {
			found[row.Partition] = row
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, old := range f.followers {
		if row, there := found[name]; !there || row.Revision != old.forward.Revision {
			old.end()
			<-old.ended
			delete(f.followers, name)
		}
	}
	for name, row := range found {
		if f.followers[name] != nil {
			f.followers[name].poke()
			continue
		}
		life, end := context.WithCancel(ctx)
		w := f.follow(row)
		w.end, w.ended = end, make(chan struct{})
		f.followers[name] = w
		running.Go(func() {
			defer close(w.ended)
			defer end()
			w.run(life)
		})
	}
	return nil
}

// follow makes the follower of a forward.
func (f *Forwarder) follow(row docstore.Row[Forward]) *follower {
	w := &follower{o: &f.o, forward: row.Value, poked: make(chan struct{}, 1)}
	w.forward.Revision = row.Revision
	return w
}

// ForwardStatus is how a forward does.
type ForwardStatus struct {
	Name   string
	State  ForwardState
	Here   bool          // this process runs it
	Lag    time.Duration // how long ago what is to be dealt with next was stored; 0 when there is nothing
	Behind bool          // there is something
}

// Status lists how the forwards do that this process runs.
func (f *Forwarder) Status() []ForwardStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]ForwardStatus, 0, len(f.followers))
	for name, w := range f.followers {
		if s := w.status(); s.Here {
			s.Name = name
			list = append(list, s)
		}
	}
	return list
}
