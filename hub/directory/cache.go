package directory

import (
	"context"
	"sync"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// cachedAliases is how many aliases are remembered in each of two generations.
const cachedAliases = 30_000

// aliasCache remembers aliases as they are at a position of their changes. What is decided is decided
// by documents; the cache spares reading those that did not change.
type aliasCache struct {
	refreshing sync.Mutex // one at a time reads changes

	mu         sync.Mutex
	position   lrs.Instant
	young, old map[hub.AliasID]*knownAlias
}

// knownAlias is a remembered alias. It is dirty when it was seen on days that its document does not
// tell yet.
type knownAlias struct {
	alias    Alias
	revision lrs.Instant
	dirty    bool
}

func newAliasCache(position lrs.Instant) *aliasCache {
	return &aliasCache{position: position, young: map[hub.AliasID]*knownAlias{}, old: map[hub.AliasID]*knownAlias{}}
}

// since is the position that the cache knows, to be had before a document is read.
func (c *aliasCache) since() lrs.Instant {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.position
}

// get returns an alias, if it is remembered.
func (c *aliasCache) get(id hub.AliasID) (Alias, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.find(id)
	if k == nil {
		return Alias{}, false
	}
	return k.alias, true
}

func (c *aliasCache) find(id hub.AliasID) *knownAlias {
	if k := c.young[id]; k != nil {
		return k
	}
	k := c.old[id]
	if k != nil {
		delete(c.old, id)
		c.young[id] = k
	}
	return k
}

// put remembers a row that was written, or read when the cache knew the position since. One that may
// have changed since is not remembered.
func (c *aliasCache) put(row docstore.Row[Alias], since lrs.Instant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.position != since && row.Revision < c.position {
		return
	}
	if k := c.find(row.Value.ID); k != nil {
		if k.revision < row.Revision {
			k.take(row)
		}
		return
	}
	c.young[row.Value.ID] = &knownAlias{alias: row.Value, revision: row.Revision}
}

// take replaces what is remembered by what the document says. Days seen that it does not tell stay.
func (k *knownAlias) take(row docstore.Row[Alias]) {
	first, last := k.alias.FirstSeen, k.alias.LastSeen
	k.alias, k.revision = row.Value, row.Revision
	k.dirty = k.dirty && (first < row.Value.FirstSeen || last > row.Value.LastSeen)
	if k.dirty {
		k.alias.FirstSeen, k.alias.LastSeen = min(first, k.alias.FirstSeen), max(last, k.alias.LastSeen)
	}
}

// widen notes days on which a remembered alias was seen.
func (c *aliasCache) widen(id hub.AliasID, first, last lrs.Instant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.find(id); k != nil && (first < k.alias.FirstSeen || last > k.alias.LastSeen) {
		k.alias.FirstSeen, k.alias.LastSeen, k.dirty = min(first, k.alias.FirstSeen), max(last, k.alias.LastSeen), true
	}
}

// rotate forgets what was not asked for in a long time, and returns what of it is dirty.
func (c *aliasCache) rotate() (dirty []Alias) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) < cachedAliases {
		return nil
	}
	for _, k := range c.old {
		if k.dirty {
			dirty = append(dirty, k.alias)
		}
	}
	c.old, c.young = c.young, map[hub.AliasID]*knownAlias{}
	return dirty
}

// dirty returns what was seen on days that no document tells.
func (c *aliasCache) dirty() (dirty []Alias) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, generation := range []map[hub.AliasID]*knownAlias{c.young, c.old} {
		for _, k := range generation {
			if k.dirty {
				dirty = append(dirty, k.alias)
			}
		}
	}
	return dirty
}

// refresh takes over what changed, through whichever process.
func (d *Directory) refresh(ctx context.Context) error {
	c := d.known
	c.refreshing.Lock()
	defer c.refreshing.Unlock()
	for {
		changes, err := Aliases.Changes(ctx, d.store, c.since(), changesPage)
		if err != nil {
			return err
		}
		c.follow(changes)
		if len(changes) < changesPage {
			return nil
		}
	}
}

func (c *aliasCache) follow(changes []docstore.RowChange[Alias]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, change := range changes {
		c.position = change.Row.Revision
		id := hub.AliasID(change.Row.ID)
		k := c.find(id)
		switch {
		case k == nil || k.revision >= change.Row.Revision:
		case change.Deleted:
			delete(c.young, id)
		default:
			k.take(change.Row)
		}
	}
}
