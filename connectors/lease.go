package connectors

import (
	"context"
	"errors"
	"sync"
	"time"

	"acquis/docstore"
	"acquis/lrs"
)

// maxGroup is how many documents are written together, the lease and the run beside them.
const maxGroup = 500

// errDeposed ends a run whose lease another process has taken.
var errDeposed = errors.New("connectors: another process has taken over the run")

// errBusy says that the connection is being pulled.
var errBusy = lrs.Errorf(lrs.KindConflict, "this connection is being pulled at this moment: wait until that run has ended")

// holder has the lease of a connection. Whatever it writes is written together with a sign of life, under the
// revision of the lease: once another has taken it, nothing of the former holder's gets through.
type holder struct {
	store docstore.Store
	name  string

	mu   sync.Mutex // one write at a time: each changes the lease
	row  docstore.Row[lease]
	dead error
}

// sign is what was seen last of a lease of another's.
type sign struct {
	token, beat int64
	since       time.Time
}

// leaseBook remembers signs of life, as no clock of another's is believed.
type leaseBook struct {
	mu    sync.Mutex
	signs map[string]sign
}

// silent reports whether the holder of a lease has given no sign for as long.
func (b *leaseBook) silent(name string, l lease, now time.Time, patience time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen, known := b.signs[name]
	if !known || seen.token != l.Token || seen.beat != l.Beat {
		if b.signs == nil {
			b.signs = map[string]sign{}
		}
		b.signs[name] = sign{l.Token, l.Beat, now}
		return false
	}
	return now.Sub(seen.since) >= patience
}

// acquire takes the lease of a connection, if nobody has it or its holder has fallen silent.
func (r *Runner) acquire(ctx context.Context, name string) (*holder, error) {
	row, err := leases.Find(ctx, r.o.Store, name, theLease)
	if err != nil {
		return nil, err
	}
	if row.Value.Holder != "" && !r.book.silent(name, row.Value, r.o.Now(), r.o.Lease) {
		return nil, errBusy
	}
	row.Value = lease{Holder: r.o.Process, Token: row.Value.Token + 1}
	row.Revision, err = leases.Save(ctx, r.o.Store, row)
	if lrs.KindOf(err) == lrs.KindConflict {
		return nil, errBusy
	}
	if err != nil {
		return nil, err
	}
	return &holder{store: r.o.Store, name: name, row: row}, nil
}

// write writes documents of the connection together with a sign of life.
func (h *holder) write(ctx context.Context, writes ...docstore.Write) error {
	return h.renew(ctx, func(l *lease) { l.Beat++ }, writes...)
}

// release writes a last time, and gives the lease back.
func (h *holder) release(ctx context.Context, writes ...docstore.Write) error {
	return h.renew(ctx, func(l *lease) { l.Holder = "" }, writes...)
}

func (h *holder) renew(ctx context.Context, change func(*lease), writes ...docstore.Write) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dead != nil {
		return h.dead
	}
	next := h.row
	change(&next.Value)
	sign, err := leases.Put(next)
	if err != nil {
		return err
	}
	revisions, err := h.store.ApplyDocs(ctx, docstore.Group{Partition: h.name, Writes: append(writes, sign)})
	var conflict *docstore.Conflict
	switch {
	case err == nil:
		h.row = next
		h.row.Revision = revisions[len(revisions)-1]
	case errors.As(err, &conflict) && conflict.Collection != leases.Name: // nothing was written
	case errors.As(err, &conflict):
		h.dead = errDeposed
		return errDeposed
	default:
		h.resume(ctx, err)
	}
	return err
}

// resume finds the lease again after a write that may have happened or not.
func (h *holder) resume(ctx context.Context, cause error) {
	now, err := leases.Get(context.WithoutCancel(ctx), h.store, h.name, theLease)
	if err != nil || now.Value.Holder != h.row.Value.Holder || now.Value.Token != h.row.Value.Token {
		h.dead = cause
		return
	}
	h.row = now
}

// beat gives signs of life until ctx ends, and cancels when the lease is lost.
func (h *holder) beat(ctx context.Context, every time.Duration, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := h.write(ctx); err != nil && ctx.Err() == nil {
				cancel(err)
				return
			}
		}
	}
}
