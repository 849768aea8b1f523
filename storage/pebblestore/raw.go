package pebblestore

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"acquis/lrs"
)

// Raw is the engine alone, for measuring what a store could reach at most: the same options, keys,
// values and synced batches, without judging, comparing or answering anything.
type Raw struct {
	db     *pebble.DB
	stored atomic.Int64
}

// OpenRaw opens the engine in a directory of its own, which no Store may use.
func OpenRaw(o Options) (*Raw, error) {
	o = o.withDefaults()
	db, err := openEngine(o.FS.PathJoin(o.Dir, "raw"), pebbleOptions(o))
	if err != nil {
		return nil, fmt.Errorf("open the engine: %w", err)
	}
	raw := &Raw{db: db}
	raw.stored.Store(int64(lrs.InstantOf(o.Now())))
	return raw, nil
}

// Append writes one synced batch with the keys and values of the drafts, each under an id and a
// stored time of its own. Several goroutines may call it; the engine joins their syncs.
func (r *Raw) Append(drafts []*lrs.Draft) error {
	u := &unit{batch: r.db.NewBatch()}
	for _, d := range drafts {
		stored := lrs.Instant(r.stored.Add(1))
		entry := record{kind: lrs.LogStored, id: uuid.New(), source: d.Source, attached: d.Attachments, bytes: d.Seal(stored)}
		u.set(idKey(spaceID, entry.id), idRecord{stored: stored}.encode())
		u.set(instantKey(spaceLog, stored), entry.encode(nil))
		u.post(d.Terms, stored)
	}
	u.writePostings()
	return errors.Join(u.broken, u.batch.Commit(pebble.Sync), u.batch.Close())
}

// Close frees the engine.
func (r *Raw) Close() error { return r.db.Close() }
