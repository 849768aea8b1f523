// Package pebblestore is the embedded backend: one directory, one process, on Pebble.
//
// Statements are written by one committer, which joins the requests that wait into one synced
// batch (commit.go); that alone orders them, so that a position in the log is never seen before a
// lower one. Posting lists make the index (posting.go, query.go). Attachments are files beside.
package pebblestore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"
	lru "github.com/hashicorp/golang-lru/v2"

	"acquis/docstore"
	"acquis/lrs"
	"acquis/storage"
)

// layoutVersion is the version of the key layout. A store of another one is refused: there is no
// release yet whose stores would have to be carried over.
const layoutVersion = 2

var errDamaged = errors.New("pebblestore: a stored value is damaged")

// ErrLocked says that another process has the directory open.
var ErrLocked = errors.New("the data directory is in use by another process")

// Options configure a store. The zero value of a field means its default.
type Options struct {
	Dir          string           // made when absent
	CacheBytes   int64            // block cache, 128 MiB
	MemtableSize uint64           // 64 MiB; there may be two
	Now          func() time.Time // time.Now
	Logger       *slog.Logger     // slog.Default()
	FS           vfs.FS           // the operating system's
	Filling      bool             // the store may be an unfinished copy
}

func (o Options) withDefaults() Options {
	if o.CacheBytes == 0 {
		o.CacheBytes = 128 << 20
	}
	if o.MemtableSize == 0 {
		o.MemtableSize = 64 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	return o
}

// Store is the embedded backend.
type Store struct {
	db          *pebble.DB
	fs          vfs.FS
	log         *slog.Logger
	now         func() time.Time
	sequence    *sequence
	metrics     *metrics
	erasureKey  []byte
	anyErased   bool        // written by the committer only
	anyLate     atomic.Bool // there may be late postings; set before the first is written
	definitions *lru.Cache[string, digest]
	ids         *idFilter // of all keys of spaceID

	requests  chan *request
	stop      chan struct{} // closed by Close
	committed chan struct{} // closed when the committer has ended
	links     *linker
	upkeep    sync.WaitGroup // what goes on in the background until stop is closed

	documents   documentLocks
	catalogue   docstore.Catalogue
	attachments attachmentFiles
	keyMu       sync.Mutex
	closeOnce   sync.Once
	closeErr    error
}

var _ storage.Store = (*Store)(nil)

// knownDefinitions is how many activities' last definitions are remembered, to skip merging what
// was merged just before.
const knownDefinitions = 8192

// Open opens the store in o.Dir, making it when it is not there. ErrLocked when another process
// has it.
func Open(o Options) (*Store, error) {
	o = o.withDefaults()
	if err := makeDir(o.FS, o.Dir); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	dir := o.FS.PathJoin(o.Dir, "store")
	lock, err := pebble.LockDirectory(o.Dir, o.FS)
	if err != nil {
		var pathError *fs.PathError
		if errors.As(err, &pathError) {
			return nil, fmt.Errorf("lock the data directory: %w", err)
		}
		return nil, fmt.Errorf("%w: %s", ErrLocked, o.Dir)
	}
	db, err := openEngine(dir, pebbleOptions(o))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the store: %w", err), lock.Close())
	}
	s := &Store{
		db: db, fs: o.FS, log: o.Logger, now: o.Now, metrics: newMetrics(),
		ids:      newIDFilter(firstFilterIDs),
		requests: make(chan *request, 1024), stop: make(chan struct{}), committed: make(chan struct{}),
	}
	if err := s.start(o); err != nil {
		return nil, errors.Join(err, db.Close(), lock.Close())
	}
	s.attachments.lock = lock
	return s, nil
}

// openEngine opens the engine, and lets it compact from then on.
func openEngine(dir string, options *pebble.Options) (*pebble.DB, error) {
	scheduler := newCompactions()
	options.Experimental.CompactionScheduler = scheduler
	db, err := pebble.Open(dir, options)
	if err == nil {
		scheduler.begin()
	}
	return db, err
}

// MaxMemtables is how many memtables there may be before writes wait.
const MaxMemtables = 2

func pebbleOptions(o Options) *pebble.Options {
	options := &pebble.Options{
		FS: o.FS,
		// The engine takes its memtables out of the cache: what is left must be what was asked for.
		CacheSize:                   o.CacheBytes + MaxMemtables*int64(o.MemtableSize),
		MemTableSize:                o.MemtableSize,
		MemTableStopWritesThreshold: MaxMemtables,
		L0CompactionThreshold:       8, // each compaction rewrites most of the level below: postings are all over it
		L0StopWritesThreshold:       24,
		LBaseMaxBytes:               256 << 20,
		CompactionConcurrencyRange:  func() (lower, upper int) { return 1, 2 },
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      engineLog{o.Logger},
	}
	for i := range options.Levels {
		level := &options.Levels[i]
		level.BlockSize = 16 << 10
		level.IndexBlockSize = 64 << 10
		level.FilterPolicy = pointFilter{bloom.FilterPolicy(10)}
		// Most bytes lie in the last level; those above are rewritten soon.
		level.Compression = func() *block.CompressionProfile { return block.FastestCompression }
		if i == len(options.Levels)-1 {
			level.Compression = func() *block.CompressionProfile { return block.BalancedCompression }
		}
	}
	return options
}

// pointFilter is a Bloom filter without the postings: they are walked and never asked for one by
// one, and would make up most of it.
type pointFilter struct{ pebble.FilterPolicy }

func (f pointFilter) Name() string { return "acquis.points" }

func (f pointFilter) NewWriter(t pebble.FilterType) pebble.FilterWriter {
	return pointFilterWriter{f.FilterPolicy.NewWriter(t)}
}

type pointFilterWriter struct{ pebble.FilterWriter }

func (w pointFilterWriter) AddKey(key []byte) {
	if key[0] != spacePosting && key[0] != spaceLate {
		w.FilterWriter.AddKey(key)
	}
}

// makeDir makes a directory that is not there and makes that survive a power cut.
func makeDir(fs vfs.FS, path string) error {
	if err := fs.MkdirAll(path, 0o750); err != nil {
		return err
	}
	return syncDir(fs, fs.PathDir(path))
}

func syncDir(fs vfs.FS, path string) error {
	d, err := fs.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// engineLog passes on what Pebble finds worth a line. Its texts hold file names and numbers only.
type engineLog struct{ log *slog.Logger }

func (l engineLog) Infof(string, ...any) {}
func (l engineLog) Errorf(format string, args ...any) {
	l.log.Error("storage engine", "message", fmt.Sprintf(format, args...))
}

func (l engineLog) Fatalf(format string, args ...any) {
	panic("storage engine: " + fmt.Sprintf(format, args...))
}

func (s *Store) start(o Options) error {
	if err := s.checkLayout(); err != nil {
		return err
	}
	if err := s.checkFilling(o.Filling); err != nil {
		return err
	}
	ceiling, err := s.readCeiling()
	if err != nil {
		return err
	}
	s.sequence = newSequence(o.Now, ceiling, s.writeCeiling)
	if s.erasureKey, err = s.Key(context.Background(), "erasure"); err != nil {
		return err
	}
	if s.anyErased, err = s.hasPrefix(s.db, []byte{spaceErased}); err != nil {
		return err
	}
	late, err := s.hasPrefix(s.db, []byte{spaceLate})
	if err != nil {
		return err
	}
	s.anyLate.Store(late)
	if s.definitions, err = lru.New[string, digest](knownDefinitions); err != nil {
		return err
	}
	if err := s.attachments.open(o.FS, o.FS.PathJoin(o.Dir, "attachments"), o.Now); err != nil {
		return err
	}
	s.links = newLinker(s)
	go s.commitLoop()
	if err := s.links.start(); err != nil {
		return err
	}
	s.keepUp()
	return nil
}

// keepUp starts what nobody waits for.
func (s *Store) keepUp() {
	scan := newIDScan(s.db, s.ids)
	s.upkeep.Go(func() {
		if err := scan.run(s.stop); err != nil {
			s.log.Error("reading the ids failed; repeats are told apart more slowly until the next start", "error", err)
		}
	})
	s.upkeep.Go(func() {
		ticker := time.NewTicker(idleAfter)
		defer ticker.Stop()
		s.flushWhenIdle(ticker.C)
	})
}

func (s *Store) checkLayout() error {
	value, err := s.get(s.db, metaKey("layout"))
	if err != nil {
		return err
	}
	if value == nil {
		return s.db.Set(metaKey("layout"), []byte(strconv.Itoa(layoutVersion)), pebble.Sync)
	}
	version, err := strconv.Atoi(string(value))
	if err != nil {
		return errDamaged
	}
	if version > layoutVersion {
		return fmt.Errorf("the data directory was written by a newer acquis (layout %d, this one knows %d)", version, layoutVersion)
	}
	if version < layoutVersion {
		return fmt.Errorf("the data directory was written by an acquis from before the first release (layout %d, this one knows %d): start with an empty directory and load the statements again", version, layoutVersion)
	}
	return nil
}

// Ready returns nil while the store takes writes.
func (s *Store) Ready(context.Context) error {
	select {
	case <-s.stop:
		return errClosed
	default:
		return nil
	}
}

// Settle waits for the durable jobs that are pending.
func (s *Store) Settle(ctx context.Context) error { return s.links.settle(ctx) }

// Close ends the committer, the jobs and the upkeep, makes everything durable and frees the directory. It leaves
// no memtable behind, so that the next start has nothing to replay.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		close(s.stop)
		<-s.committed
		s.links.close()
		s.upkeep.Wait()
		s.closeErr = errors.Join(s.sequence.close(), s.db.Flush(), s.db.Close(), s.attachments.lock.Close())
	})
	return s.closeErr
}

// get returns a copy of the key's value, nil when there is none.
func (s *Store) get(r pebble.Reader, key []byte) ([]byte, error) {
	value, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	copied := append(make([]byte, 0, len(value)), value...)
	return copied, closer.Close()
}

// hasPrefix reports whether any key starts with prefix.
func (s *Store) hasPrefix(r pebble.Reader, prefix []byte) (bool, error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
	if err != nil {
		return false, err
	}
	found := it.First()
	return found, it.Close()
}

// Key returns the store's random key of that name.
func (s *Store) Key(_ context.Context, name string) ([]byte, error) {
	s.keyMu.Lock()
	defer s.keyMu.Unlock()
	key, err := s.get(s.db, metaKey("key/"+name))
	if key != nil || err != nil {
		return key, err
	}
	key = make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	return key, s.db.Set(metaKey("key/"+name), key, pebble.Sync)
}

var _ lrs.KeyStore = (*Store)(nil)
