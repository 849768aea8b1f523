package pebblestore

import (
	"context"

	"github.com/cockroachdb/pebble/v2"

	"acquis/lrs"
)

// StatementByID implements lrs.StatementStore.
func (s *Store) StatementByID(_ context.Context, id lrs.ID) (lrs.Entry, error) {
	known, err := s.id(s.db, id)
	if err != nil {
		return lrs.Entry{}, err
	}
	if known.stored == 0 {
		return lrs.Entry{}, lrs.ErrNotFound
	}
	r, err := s.record(s.db, known.stored)
	if err != nil {
		return lrs.Entry{}, err
	}
	voided := false
	if known.voided {
		mark, err := s.get(s.db, instantKey(spaceVoided, known.stored))
		if err != nil {
			return lrs.Entry{}, err
		}
		voided = mark != nil
	}
	return r.entry(known.stored, voided), nil
}

// ConsistentThrough implements lrs.StatementStore.
func (s *Store) ConsistentThrough(context.Context) (lrs.Instant, error) {
	return s.sequence.consistentThrough()
}

func (s *Store) id(r pebble.Reader, id lrs.ID) (idRecord, error) {
	value, err := s.get(r, idKey(spaceID, id))
	if err != nil || value == nil {
		return idRecord{}, err
	}
	return decodeIDRecord(value)
}

// record reads the statement at a position. ErrNotFound when there is none, or none any more.
func (s *Store) record(r pebble.Reader, stored lrs.Instant) (record, error) {
	value, err := s.get(r, instantKey(spaceLog, stored))
	if err != nil {
		return record{}, err
	}
	if value == nil {
		return record{}, lrs.ErrNotFound
	}
	rec, err := decodeRecord(value)
	if err == nil && (rec.kind != lrs.LogStored || rec.gone) {
		return record{}, lrs.ErrNotFound
	}
	return rec, err
}
