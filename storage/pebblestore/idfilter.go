package pebblestore

import (
	"sync"

	"github.com/bits-and-blooms/bloom/v3"

	"acquis/lrs"
)

// An idFilter is made of Bloom filters, each for twice as many ids as the one before: few have to be
// asked, and a small store needs little memory. All of them together hold 63 Mi ids in 79 MiB. With ten
// bits an id, one in a hundred ids that are new is taken for a known one.
const (
	firstFilterIDs = 1 << 20
	maxFilters     = 6
	bitsPerID      = 10
	hashesPerID    = 7
)

// idFilter says of most ids that are not in the store that they are not, without asking the engine, which
// is slowest where it finds nothing. Ids of the senders' making are nearly always new.
//
// It never denies an id that was added, and denies none before completed. An id that was erased stays in
// it, which costs a look-up in vain, as does one that a sender made to be taken for another. It grows up to a
// bound, beyond which it gives up: it denies nothing any more and takes no memory.
type idFilter struct {
	mu      sync.Mutex // the committer and the scan of what was there before both add
	first   uint       // how many ids the first filter is for
	filters []*bloom.BloomFilter
	room    uint // how many ids the last filter still takes
	state   filterState
}

type filterState uint8

const (
	scanning filterState = iota
	complete
	overfull
)

func newIDFilter(first uint) *idFilter { return &idFilter{first: first} }

// perhaps reports whether the id may have been added.
func (f *idFilter) perhaps(id lrs.ID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state != complete || f.holds(id)
}

func (f *idFilter) add(id lrs.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state == overfull || f.holds(id) { // what is not denied needs no room
		return
	}
	if f.room == 0 && !f.grow() {
		return
	}
	f.filters[len(f.filters)-1].Add(id[:])
	f.room--
}

// completed says that every id that is in the store was added.
func (f *idFilter) completed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state == scanning {
		f.state = complete
	}
}

// bytes is the memory that the filters take.
func (f *idFilter) bytes() (size uint) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range f.filters {
		size += b.Cap() / 8
	}
	return size
}

func (f *idFilter) holds(id lrs.ID) bool {
	for _, b := range f.filters {
		if b.Test(id[:]) {
			return true
		}
	}
	return false
}

// grow makes room for more ids, or gives up when there may be no more filters.
func (f *idFilter) grow() bool {
	if len(f.filters) == maxFilters {
		f.filters, f.state = nil, overfull
		return false
	}
	f.room = f.first << len(f.filters)
	f.filters = append(f.filters, bloom.New(f.room*bitsPerID, hashesPerID))
	return true
}
