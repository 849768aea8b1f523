package pebblestore

import "time"

// A store is at rest when it wrote no more than restWrites within idleAfter: a ceiling now and then, which
// readers cause too. Less than worthFlushing in the write-ahead log is left there: it is replayed in some
// hundredths of a second, and many small tables would have to be compacted for it.
const (
	idleAfter     = 2 * time.Second
	restWrites    = 64 << 10
	worthFlushing = 4 << 20
)

// flushWhenIdle flushes the memtables when the store has come to rest, so that the start after a crash has
// next to nothing to replay. Commits go on meanwhile, into a new memtable. It looks at each tick, and
// ends when the store closes.
func (s *Store) flushWhenIdle(ticks <-chan time.Time) {
	var r rest
	for {
		select {
		case <-s.stop:
			return
		case <-ticks:
		}
		if wal := s.db.Metrics().WAL; r.calls(wal.Size, wal.BytesIn) {
			if err := s.db.Flush(); err != nil {
				s.log.Error("flushing the idle store failed; it is tried again", "error", err)
			}
		}
	}
}

// rest remembers how much had been written when it was last looked at.
type rest struct{ written uint64 }

// calls reports whether a flush is called for: enough is live in the write-ahead log, and next to nothing
// was written since the last look. written counts from the start.
func (r *rest) calls(live, written uint64) bool {
	more := written - r.written
	r.written = written
	return live >= worthFlushing && more <= restWrites
}
