package exchange

import (
	"context"
	"errors"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"acquis/docstore"
)

// rest waits, a sign of life now and then, and reports whether to go on.
func (w *follower) rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	beat := time.NewTicker(w.o.Lease / 3)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-w.poked:
			if w.held && (w.replayWaits(ctx) || w.resumed(ctx)) {
				return true
			}
		case <-beat.C:
			if w.sign(ctx) != nil {
				return true // the next step finds out
			}
		}
	}
}

// sign gives a sign of life when one is due.
func (w *follower) sign(ctx context.Context) error {
	if !w.held || w.o.Alone || w.o.Now().Sub(w.saved) < w.o.Lease/3 {
		return nil
	}
	return w.write(ctx, w.row.Value)
}

// beating does something that may take long, and gives signs of life meanwhile.
func beating(ctx context.Context, o *ForwarderOptions, sign func(context.Context) error, do func(context.Context) error) error {
	if o.Alone {
		return do(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	beat := time.NewTicker(o.Lease / 3)
	defer beat.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-beat.C:
			if err := sign(ctx); err != nil {
				cancel(err)
				<-done
				return err
			}
		}
	}
}

// resumed reports whether somebody took the failure away that is being waited for.
func (w *follower) resumed(ctx context.Context) bool {
	row, err := states.Find(ctx, w.o.Store, w.forward.Name, theState)
	return err == nil && row.Revision != w.row.Revision
}

// acquire takes the forward, if nobody has it or its holder has fallen silent.
func (w *follower) acquire(ctx context.Context) (bool, error) {
	row, err := states.Find(ctx, w.o.Store, w.forward.Name, theState)
	if err != nil {
		return false, err
	}
	s := row.Value
	if s.Holder != "" && s.Holder != w.o.Process && !w.o.Alone {
		now := w.o.Now()
		if w.seen.token != s.Token || w.seen.beat != s.Beat || w.seen.since.IsZero() {
			w.seen = sign{s.Token, s.Beat, now}
			return false, nil
		}
		if now.Sub(w.seen.since) < w.o.Lease {
			return false, nil
		}
	}
	w.mu.Lock()
	w.row = row
	w.mu.Unlock()
	s.Holder, s.Token = w.o.Process, s.Token+1
	if err := w.write(ctx, s); err != nil {
		if errors.Is(err, errDeposed) { // another was faster
			return false, nil
		}
		return false, err
	}
	w.mu.Lock()
	w.held = true
	w.mu.Unlock()
	return true, w.prepare(ctx)
}

func (w *follower) prepare(ctx context.Context) (err error) {
	if w.sender, err = w.o.Open(w.forward); err != nil {
		return err
	}
	if w.matcher, err = newMatcher(w.forward.Filter); err != nil {
		return err
	}
	if err := w.spareOrigin(ctx); err != nil {
		return err
	}
	w.limiter = rate.NewLimiter(rate.Inf, 0)
	if w.forward.Rate > 0 {
		w.limiter = rate.NewLimiter(rate.Limit(w.forward.Rate), max(w.batch(), int(w.forward.Rate)))
	}
	return nil
}

// spareOrigin leaves out what is pulled from the target itself: it has that.
func (w *follower) spareOrigin(ctx context.Context) error {
	for row, err := range pulls.Rows(ctx, w.o.Store, docstore.Scan{}) {
		if err != nil {
			return err
		}
		if samePlace(row.Value.Endpoint, w.forward.Endpoint) {
			w.matcher.except = append(w.matcher.except, row.Value.Name)
		}
	}
	return nil
}

// samePlace tells whether two endpoints are the same record store.
func samePlace(a, b string) bool {
	plain := func(s string) string {
		return strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(s, "/"), "/statements"))
	}
	return plain(a) == plain(b)
}

func (w *follower) batch() int {
	if w.forward.Batch == 0 {
		return stdBatch
	}
	return w.forward.Batch
}

// write writes the state, and what was learned with it, unless another process holds it.
func (w *follower) write(ctx context.Context, s ForwardState, writes ...docstore.Write) error {
	s.Beat++
	next := docstore.Row[ForwardState]{Key: docstore.Key{Partition: w.forward.Name, ID: theState}, Revision: w.row.Revision, Value: s}
	put, err := states.Put(next)
	if err != nil {
		return err
	}
	revisions, err := w.o.Store.ApplyDocs(ctx, docstore.Group{Partition: w.forward.Name, Writes: append([]docstore.Write{put}, writes...)})
	var conflict *docstore.Conflict
	if errors.As(err, &conflict) && conflict.Collection == states.Name {
		return errDeposed
	}
	if err != nil {
		return err
	}
	next.Revision = revisions[0]
	w.mu.Lock()
	w.row, w.saved, w.unsaved = next, w.o.Now(), false
	w.mu.Unlock()
	return nil
}

// release gives the forward back, so that another process need not wait.
func (w *follower) release() {
	if !w.held {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s := w.state()
	s.Holder = ""
	if err := w.write(ctx, s); err != nil && !errors.Is(err, errDeposed) {
		w.o.Logger.Warn("giving back a forward failed", "forward", w.forward.Name, "error", err)
	}
	w.lose()
}
