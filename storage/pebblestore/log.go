package pebblestore

import (
	"bytes"
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"acquis/lrs"
)

// ReadLog implements lrs.Log. What is visible but not yet synced lies beyond the promise, and is left
// for the next call: a power cut could take it back.
func (s *Store) ReadLog(ctx context.Context, after lrs.Instant, limit int) (entries []lrs.LogEntry, err error) {
	through, err := s.sequence.consistentThrough()
	if err != nil || after >= through {
		return nil, err
	}
	snapshot := s.db.NewSnapshot()
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	it, err := snapshot.NewIter(&pebble.IterOptions{
		LowerBound: instantKey(spaceLog, after+1), UpperBound: instantKey(spaceLog, through+1),
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok && len(entries) < limit; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		r, err := decodeRecord(bytes.Clone(value))
		if err != nil {
			return nil, err
		}
		e := lrs.LogEntry{Position: instantAt(it.Key()), Kind: r.kind, Target: r.target}
		if r.kind == lrs.LogStored && !r.gone {
			voided, err := s.get(snapshot, instantKey(spaceVoided, e.Position))
			if err != nil {
				return nil, err
			}
			e.Entry = r.entry(e.Position, voided != nil)
		}
		entries = append(entries, e)
	}
	return entries, it.Error()
}
