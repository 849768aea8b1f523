package connectors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"acquis/docstore"
	"acquis/lrs"
)

var zeroTime time.Time

// Usual share of what may be gone at once, in percent.
const usualLoss = 20

// Retries after a run that failed.
const (
	maxRetries = 4
	firstRetry = 5 * time.Minute
	lastRetry  = 6 * time.Hour
)

// succeed ends a run that read everything. It counts only if this returns nil.
func (x *execution) succeed(ctx context.Context, watermark []byte) error {
	if err := x.safe(); err != nil {
		return err
	}
	run := &x.run.Value
	if !x.order.Dry {
		if err := x.endSets(ctx); err != nil {
			return err
		}
	} else if err := x.countGone(ctx); err != nil {
		return err
	}
	run.After = watermark
	if len(watermark) == 0 {
		run.After = run.Before
	}
	x.finish(Clean)
	if err := docstore.Retry(func() error { return x.settleState(ctx, x.noteSuccess) }); err != nil {
		run.After = nil
		return err
	}
	x.prune(ctx)
	return nil
}

// finish notes how the run ended.
func (x *execution) finish(outcome Outcome) {
	run := &x.run.Value
	run.Ended = x.o.Now().UTC()
	run.Duration = run.Ended.Sub(run.Started).Round(time.Millisecond).Seconds()
	run.Outcome = outcome
	if x.order.Dry {
		run.After = nil
	}
}

// noteSuccess is what a clean run changes: in one write the watermark, and that its marks count.
func (x *execution) noteSuccess(s *State) {
	if x.order.Dry {
		return
	}
	run := x.run.Value
	s.Watermark, s.Clean, s.LastSuccess = run.After, run.Number, run.Ended
	if run.Full {
		s.LastSweep = run.Ended
	}
	s.RetryAt, s.RetryFull, s.Retries, s.Stopped, s.Consent = time.Time{}, false, 0, nil, nil
}

// settleState writes state and entry together, and gives the lease back.
func (x *execution) settleState(ctx context.Context, note func(*State)) error {
	state, err := States.Get(ctx, x.o.Store, x.connection.Name, theState)
	if err != nil {
		return err
	}
	note(&state.Value)
	entry, err := Runs.Get(ctx, x.o.Store, x.connection.Name, x.run.ID)
	if err != nil {
		return err
	}
	x.run.Revision = entry.Revision
	first, err := States.Put(state)
	if err != nil {
		return err
	}
	second, err := Runs.Put(x.run)
	if err != nil {
		return err
	}
	return x.holder.release(ctx, first, second)
}

// fail ends a run that did not read everything, or may not count. It returns what is internal.
func (x *execution) fail(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	fault := FaultOf(cause)
	if fault.Cause == cause && fault.Cause != nil {
		x.o.Logger.Error("a run failed within", "connection", x.connection.Name, "run", x.run.Value.Number, "error", cause)
	}
	outcome := Failed
	switch {
	case errors.Is(cause, context.Canceled), errors.Is(cause, errDeposed):
		outcome = Cut
		fault = Faultf(RetryNow, "This run was told to stop before it had read everything. Nothing is lost: it will be run again.", "%v", cause)
	case fault.Class == NeedsPerson:
		outcome = Stopped
	}
	x.run.Value.failed(fault, x.o.Now().UTC())
	x.finish(outcome)
	err := docstore.Retry(func() error {
		return x.settleState(ctx, func(s *State) { x.noteFailure(s, fault, outcome) })
	})
	if errors.Is(err, errDeposed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("connectors: write the end of run %d of %s: %w", x.run.Value.Number, x.connection.Name, err)
	}
	return nil
}

// noteFailure is what a run that was not clean changes: when it is tried again, or that it isn't.
func (x *execution) noteFailure(s *State, f *Fault, outcome Outcome) {
	if x.order.Dry {
		return
	}
	now := x.o.Now().UTC()
	_, loss := errors.AsType[*lossError](f.Cause)
	switch {
	case outcome == Stopped:
		s.Stopped = &Stop{Run: x.run.Value.Number, At: now, Sentence: f.Sentence, Detail: truncated(f.Detail, 500), Loss: loss}
	case f.Class == GiveUp:
	case outcome == Cut:
		s.RetryAt, s.RetryFull = now, x.run.Value.Full
	case s.Retries < maxRetries:
		wait := max(f.Delay, firstRetry<<s.Retries)
		if f.Class == RetryNow && s.Retries == 0 {
			wait = 0
		}
		s.RetryAt, s.RetryFull = now.Add(min(wait, lastRetry)), x.run.Value.Full
		s.Retries++
	default:
		s.Retries = 0 // the next scheduled time begins anew
	}
}

// lossError is the safety stop.
type lossError struct {
	what     SetKind
	had, has int
}

func (e *lossError) Error() string {
	return fmt.Sprintf("%d %s of %d are gone", e.had-e.has, e.what, e.had)
}

// safe stops a run that would lose more at once than a person would expect.
func (x *execution) safe() error {
	if x.state.Value.Consent != nil {
		return nil
	}
	share := x.connection.MaxLoss
	fill(&share, usualLoss)
	for _, kind := range []SetKind{Seats, Rows, Items} {
		had, has := 0, 0
		for id, e := range x.ends {
			if e.of == kind {
				had += x.sets[id].Size
				has += x.counted[id]
			}
		}
		if lost := had - has; lost > 0 && (has == 0 || lost*100 > share*had) {
			f := Faultf(
				NeedsPerson,
				fmt.Sprintf("The provider shows %d %s where it showed %d. As this may be a mistake of the provider's, nothing was changed. If it is right, consent to it and run the connection again.", has, kind, had),
				"%v", &lossError{kind, had, has},
			)
			f.Detail += fmt.Sprintf("; more than %d %% at once", share)
			return f
		}
	}
	return nil
}

// endSets notes which sets were read whole, and which rows those are without.
func (x *execution) endSets(ctx context.Context) error {
	var writes []docstore.Write
	n := x.run.Value.Number
	for id, e := range x.ends {
		if e.of == Rows {
			if err := x.gone(ctx, e.set); err != nil {
				return err
			}
		}
		row, err := Sets.Find(ctx, x.o.Store, x.connection.Name, id)
		if err != nil {
			return err
		}
		row.Value = row.Value.at(x.state.Value.Clean)
		row.Value.Of, row.Value.Set, row.Value.Next, row.Value.NextSize = e.of, e.set, n, x.counted[id]
		w, err := Sets.Put(row)
		if err != nil {
			return err
		}
		writes = append(writes, w)
	}
	return x.writeAll(ctx, writes)
}

// vanished is the scan of the rows of a set that this run did not see.
func (x *execution) vanished(set string) docstore.Scan {
	in := docstore.Tuple(x.connection.Name, setKey(set))
	return docstore.Scan{Index: bySet, From: in, Until: in + docstore.Number(x.run.Value.Number), Limit: maxGroup}
}

// gone marks the rows that a complete set is without. What was sent of them stays.
func (x *execution) gone(ctx context.Context, set string) error {
	for {
		found, _, err := Memory.Scan(ctx, x.o.Store, x.vanished(set))
		if err != nil || len(found) == 0 {
			return err
		}
		var writes []docstore.Write
		for _, f := range found {
			f.Row.Value.Gone = x.run.Value.Started
			w, err := Memory.Put(f.Row)
			if err != nil {
				return err
			}
			writes = append(writes, w)
		}
		if err := x.holder.write(ctx, writes...); err != nil {
			return err
		}
		x.run.Value.Gone += len(found)
	}
}

// countGone counts, for a dry run, the rows that would be marked.
func (x *execution) countGone(context.Context) error {
	for id, e := range x.ends {
		if e.of == Rows {
			x.run.Value.Gone += max(x.sets[id].Size-x.counted[id], 0)
		}
	}
	return nil
}

// keptRuns is how many entries of the journal are kept of a connection.
const keptRuns = 400

// prune drops old entries and scheduled times. What it cannot do now, the next run does.
func (x *execution) prune(ctx context.Context) {
	oldest := x.run.Value.Number - keptRuns
	if oldest <= 0 {
		return
	}
	found, _, err := Runs.Scan(ctx, x.o.Store, docstore.Scan{
		Prefix: docstore.TuplePrefix(x.connection.Name, ""), Until: docstore.Tuple(x.connection.Name, docstore.Number(oldest)), Limit: maxGroup / 2,
	})
	var writes []docstore.Write
	for _, f := range found {
		writes = append(writes, Runs.Drop(f.Row))
		at := f.Row.Value.Scheduled
		if at.IsZero() {
			continue
		}
		if t, err := ticks.Get(ctx, x.o.Store, x.connection.Name, tickID(f.Row.Value.Full, at)); err == nil {
			writes = append(writes, ticks.Drop(t))
		}
	}
	if err == nil && len(writes) > 0 {
		_, err = x.o.Store.ApplyDocs(ctx, docstore.Group{Partition: x.connection.Name, Writes: writes})
	}
	if err != nil && lrs.KindOf(err) != lrs.KindConflict {
		x.o.Logger.Warn("old runs of a connection could not be dropped", "connection", x.connection.Name, "error", err)
	}
}
