package directory

import (
	"context"
	"errors"
	"time"

	"acquis/docstore"
	"acquis/lrs"
)

// PurgeUnmatched takes away the aliases that are nobody's and were not heard of for as long as
// Options.Unmatched says, and returns how many. Whoever follows the changes of Aliases sees them go,
// and drops what it keeps under their ids.
func (d *Directory) PurgeUnmatched(ctx context.Context) (int, error) {
	if d.options.Unmatched == 0 {
		return 0, nil
	}
	if err := d.Flush(ctx); err != nil { // what was seen only now is not old
		return 0, err
	}
	purged := 0
	until := docstore.Number(lrs.InstantOf(d.options.Now().Add(-d.options.Unmatched)))
	for row, err := range Aliases.Rows(ctx, d.store, docstore.Scan{Index: "unmatched", Until: until}) {
		if err != nil {
			return purged, err
		}
		_, err = d.store.ApplyDocs(ctx, docstore.Group{Partition: row.Partition, Writes: []docstore.Write{Aliases.Drop(row)}})
		var changed *docstore.Conflict
		switch {
		case errors.As(err, &changed): // it was heard of just now, or somebody else purged it
		case err != nil:
			return purged, err
		default:
			purged++
		}
	}
	return purged, nil
}

// maintainEvery is how often Run looks after the directory.
const maintainEvery = time.Hour

// Run looks after the directory until ctx ends: it finishes merges that broke off, writes when aliases
// were seen, and purges what is nobody's. At the end it writes once more when aliases were seen.
func (d *Directory) Run(ctx context.Context) {
	ticker := time.NewTicker(maintainEvery)
	defer ticker.Stop()
	for {
		d.maintain(ctx)
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			if err := d.Flush(last); err != nil {
				d.options.Logger.Warn("when identities were last seen could not be kept", "error", err)
			}
			return
		case <-ticker.C:
		}
	}
}

// lastFlush bounds the last writes at the end of the process.
const lastFlush = 5 * time.Second

func (d *Directory) maintain(ctx context.Context) {
	err := errors.Join(d.FinishMerges(ctx), d.Flush(ctx))
	purged, fault := d.PurgeUnmatched(ctx)
	if err = errors.Join(err, fault); err != nil && ctx.Err() == nil {
		d.options.Logger.Error("looking after the directory failed", "error", err)
	}
	if purged > 0 {
		d.options.Logger.Info("identities that nobody knows were purged", "count", purged)
	}
}
