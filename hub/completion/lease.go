package completion

import (
	"context"
	"errors"
	"time"

	"acquis/docstore"
	"acquis/lrs"
)

// errLost says that another writer has the lease. What was not committed did not happen.
var errLost = errors.New("completion: another process consolidates now")

// lease is what this process knows of the lease.
type lease struct {
	held bool
	row  docstore.Row[hold] // as it was last seen
	seen time.Time          // since when it has not changed, by this process's clock
	beat time.Time          // when it was last written by us
}

// acquire takes the lease if nobody has it, or if its holder has not moved it for as long as a lease lasts by this
// process's clock. Clocks are never compared with each other's.
func (c *Consolidator) acquire(ctx context.Context) (bool, error) {
	if c.lease.held {
		return true, nil
	}
	row, err := leaseTable.Find(ctx, c.store, house, onlyOne)
	if err != nil {
		return false, err
	}
	now := c.options.Now()
	if row.Revision != c.lease.row.Revision || c.lease.seen.IsZero() {
		c.lease.row, c.lease.seen = row, now
	}
	free := row.Revision == 0 || row.Value.Holder == "" || row.Value.Holder == c.options.Name || c.options.Sole
	if !free && now.Sub(c.lease.seen) < c.options.Lease {
		return false, nil
	}
	row.Value = hold{Holder: c.options.Name, Term: row.Value.Term + 1}
	revision, err := leaseTable.Save(ctx, c.store, row)
	var taken *docstore.Conflict
	if errors.As(err, &taken) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	row.Revision = revision
	c.lease = lease{row: row, seen: now, beat: now}
	if err := c.open(ctx); err != nil {
		return false, err
	}
	c.lease.held = true
	return true, nil
}

// open makes what a former holder left harmless, and reads where it stopped.
func (c *Consolidator) open(ctx context.Context) (err error) {
	if c.planRow, err = planTable.Find(ctx, c.store, house, onlyOne); err != nil {
		return err
	}
	if c.cursors, err = cursorTable.Find(ctx, c.store, house, onlyOne); err != nil {
		return err
	}
	c.forget()
	return c.fence(ctx)
}

// commit writes in the house, if the lease is still ours.
func (c *Consolidator) commit(ctx context.Context, writes ...docstore.Write) ([]lrs.Instant, error) {
	row := c.lease.row
	row.Value.Beats++
	beat, err := leaseTable.Put(row)
	if err != nil {
		return nil, err
	}
	revisions, err := c.store.ApplyDocs(ctx, docstore.Group{Partition: house, Writes: append([]docstore.Write{beat}, writes...)})
	var changed *docstore.Conflict
	if errors.As(err, &changed) {
		return nil, errors.Join(errLost, err)
	}
	if err != nil {
		return nil, err
	}
	row.Revision = revisions[0]
	c.lease.row, c.lease.beat = row, c.options.Now()
	return revisions[1:], nil
}

// beat keeps the lease while there is nothing to write.
func (c *Consolidator) beat(ctx context.Context) error {
	if c.options.Now().Sub(c.lease.beat) < c.options.Lease/4 {
		return nil
	}
	_, err := c.commit(ctx)
	return err
}

// release gives the lease back, so that another process need not wait for it to run out.
func (c *Consolidator) release(ctx context.Context) error {
	if !c.lease.held {
		return nil
	}
	c.lease.held = false
	row := c.lease.row
	row.Value.Holder = ""
	_, err := leaseTable.Save(ctx, c.store, row)
	var changed *docstore.Conflict
	if errors.As(err, &changed) {
		return nil
	}
	return err
}
