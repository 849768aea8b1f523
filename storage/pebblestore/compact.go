package pebblestore

import "context"

// Compact rewrites the whole store, so that it takes the least room and what was erased is gone from
// the disk too, not only from every answer. It takes time and room for a second copy; the store
// can be used meanwhile.
func (s *Store) Compact(ctx context.Context) error {
	if err := s.db.Flush(); err != nil {
		return err
	}
	return s.db.Compact(ctx, []byte{0}, []byte{0xff}, true)
}

// DiskBytes is the room that the engine takes, without attachments.
func (s *Store) DiskBytes() uint64 { return s.db.Metrics().DiskSpaceUsage() }
