package pebblestore

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// compactions lets the engine run as many compactions at once as it asks for, as its own scheduler does, but none
// before begin: opening would wait for each that began meanwhile, up to minutes after a crash under load.
type compactions struct {
	db    pebble.DBForCompaction // set by Register, before anything else is called
	wake  chan struct{}          // holds one: something has changed
	stop  chan struct{}          // closed by Unregister
	ended chan struct{}          // closed when offering has ended; nil before begin

	mu      sync.Mutex
	open    bool // between begin and Unregister
	running int
}

func newCompactions() *compactions {
	return &compactions{wake: make(chan struct{}, 1), stop: make(chan struct{})}
}

// offerEvery is how often waiting compactions are looked for that no event announced, as often as the engine's own
// scheduler does.
const offerEvery = 100 * time.Millisecond

// begin is called when the engine is open.
func (c *compactions) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open, c.ended = true, make(chan struct{})
	go c.keepOffering()
	c.changed()
}

// Register implements pebble.CompactionScheduler.
func (c *compactions) Register(_ int, db pebble.DBForCompaction) { c.db = db }

// Unregister implements pebble.CompactionScheduler.
func (c *compactions) Unregister() {
	c.mu.Lock()
	c.open = false
	ended := c.ended
	c.mu.Unlock()
	close(c.stop)
	if ended != nil {
		<-ended
	}
}

// TrySchedule implements pebble.CompactionScheduler.
func (c *compactions) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open || c.running >= c.db.GetAllowedWithoutPermission() {
		return false, nil
	}
	c.running++
	return true, grant{c}
}

// UpdateGetAllowedWithoutPermission implements pebble.CompactionScheduler.
func (c *compactions) UpdateGetAllowedWithoutPermission() { c.changed() }

func (c *compactions) changed() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *compactions) keepOffering() {
	defer close(c.ended)
	ticker := time.NewTicker(offerEvery)
	defer ticker.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-c.wake:
		case <-ticker.C:
		}
		for c.offer() {
		}
	}
}

// offer starts a waiting compaction if one more may run, and reports whether it did.
func (c *compactions) offer() bool {
	granted, handle := c.TrySchedule()
	if !granted {
		return false
	}
	if waiting, _ := c.db.GetWaitingCompaction(); waiting && c.db.Schedule(handle) {
		return true
	}
	c.giveBack()
	return false
}

func (c *compactions) giveBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
}

// grant is the leave to run one compaction.
type grant struct{ *compactions }

// Started implements pebble.CompactionGrantHandle.
func (grant) Started() {}

// MeasureCPU implements pebble.CompactionGrantHandle.
func (grant) MeasureCPU(pebble.CompactionGoroutineKind) {}

// CumulativeStats implements pebble.CompactionGrantHandle.
func (grant) CumulativeStats(pebble.CompactionGrantHandleStats) {}

// Done implements pebble.CompactionGrantHandle.
func (g grant) Done() {
	g.giveBack()
	g.changed()
}
