package pebblestore

import (
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"acquis/lrs"
)

// The ids are read in stretches with pauses in between, so that requests hardly notice: ten million take
// about a minute on a busy machine.
const (
	scanStretch = 8192
	scanPause   = 10 * time.Millisecond
)

// idScan adds the ids to a filter that were in the store before. Those that come meanwhile are added by the
// committer, so the scan needs no snapshot: each stretch has an iterator of its own, and none keeps
// memtables or old files from going away for long.
type idScan struct {
	db     *pebble.DB
	filter *idFilter
	from   []byte // the key where the next stretch begins
}

func newIDScan(db *pebble.DB, filter *idFilter) *idScan {
	return &idScan{db: db, filter: filter, from: []byte{spaceID}}
}

// run scans to the end, or until stop is closed.
func (c *idScan) run(stop <-chan struct{}) error {
	for {
		if done, err := c.stretch(scanStretch); done || err != nil {
			return err
		}
		select {
		case <-stop:
			return nil
		case <-time.After(scanPause):
		}
	}
}

// stretch adds up to most ids. After the last one the filter is complete.
func (c *idScan) stretch(most int) (done bool, err error) {
	it, err := c.db.NewIter(&pebble.IterOptions{LowerBound: c.from, UpperBound: prefixEnd([]byte{spaceID})})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		key := it.Key()
		if n == most {
			c.from = append(c.from[:0], key...)
			return false, nil
		}
		if len(key) != 1+len(lrs.ID{}) {
			return false, errDamaged
		}
		c.filter.add(lrs.ID(key[1:]))
		n++
	}
	if err := it.Error(); err != nil {
		return false, err
	}
	c.filter.completed()
	return true, nil
}
