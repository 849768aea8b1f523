package catalogue

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// Options say how a catalogue works.
type Options struct {
	Audit    hub.Audit        // keeps what is changed; it must be there
	Calendar hub.Calendar     // tells on which day a version of a parcours comes into force
	Now      func() time.Time // nil for the clock
	Logger   *slog.Logger     // nil for none
	// Every is how often Run looks for what others changed; 0 for every second.
	Every time.Duration
}

// Catalogue answers for what can be learned. It is safe for concurrent use, and any number of
// processes may have one over the same store.
type Catalogue struct {
	store   docstore.Store
	options Options

	mu       sync.Mutex // of what follows, and of refreshing
	picture  *Picture
	position lrs.Instant
	items    map[hub.ItemID]Item
	mappings map[string]Mapping
}

// New returns the catalogue that a store keeps, in which it declares its collections.
func New(ctx context.Context, store docstore.Store, o Options) (*Catalogue, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Every == 0 {
		o.Every = time.Second
	}
	if err := store.DeclareCollections(ctx, Collections()...); err != nil {
		return nil, err
	}
	c := &Catalogue{store: store, options: o, items: map[hub.ItemID]Item{}, mappings: map[string]Mapping{}}
	_, err := c.Refresh(ctx)
	return c, err
}

// Picture returns the catalogue as this process last saw it.
func (c *Catalogue) Picture() *Picture {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.picture
}

// Refresh reads what changed and returns the catalogue as it is now. Its Through is no older than the
// store's ChangesThrough at the call.
func (c *Catalogue) Refresh(ctx context.Context) (*Picture, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	through, err := c.store.ChangesThrough(ctx)
	if err != nil {
		return nil, err
	}
	itemsChanged, err := follow(ctx, c.store, Items, c.position, func(id string, item *Item) {
		if item == nil {
			delete(c.items, hub.ItemID(id))
		} else {
			c.items[hub.ItemID(id)] = *item
		}
	})
	if err != nil {
		return nil, err
	}
	mappingsChanged, err := follow(ctx, c.store, Mappings, c.position, func(id string, m *Mapping) {
		if m == nil {
			delete(c.mappings, id)
		} else {
			c.mappings[id] = *m
		}
	})
	if err != nil {
		return nil, err
	}
	c.position = max(c.position, through)
	if itemsChanged || mappingsChanged || c.picture == nil {
		next, err := NewPicture(slices.Collect(maps.Values(c.items)), slices.Collect(maps.Values(c.mappings)))
		if err != nil {
			return nil, err
		}
		next.Through = c.position
		c.picture = next
		return next, nil
	}
	if c.picture.Through < c.position {
		c.picture = c.picture.at(c.position)
	}
	return c.picture, nil
}

const changesPage = 500

// follow takes the changes of a table after a position, and tells whether there were any. Taking one
// again does nothing.
func follow[T any](ctx context.Context, store docstore.Store, table docstore.Table[T], after lrs.Instant, take func(id string, value *T)) (any bool, err error) {
	for {
		changes, err := table.Changes(ctx, store, after, changesPage)
		if err != nil {
			return any, err
		}
		for _, change := range changes {
			after, any = change.Row.Revision, true
			if change.Deleted {
				take(change.Row.ID, nil)
			} else {
				take(change.Row.ID, &change.Row.Value)
			}
		}
		if len(changes) < changesPage {
			return any, nil
		}
	}
}

// beginEvery is how often it is asked whether a version comes into force.
const beginEvery = 15 * time.Minute

// Run keeps the picture near what others change, and lets versions begin on their day, until ctx ends.
func (c *Catalogue) Run(ctx context.Context) {
	look, begin := time.NewTicker(c.options.Every), time.NewTicker(beginEvery)
	defer look.Stop()
	defer begin.Stop()
	c.complain(ctx, c.Begin(ctx))
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			_, err := c.Refresh(ctx)
			c.complain(ctx, err)
		case <-begin.C:
			c.complain(ctx, c.Begin(ctx))
		}
	}
}

func (c *Catalogue) complain(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		c.options.Logger.Error("the catalogue could not be read or written", "error", err)
	}
}

func (c *Catalogue) today() hub.Day { return c.options.Calendar.Day(c.options.Now()) }

// Begin marks the versions of parcours whose first day has come. Until then they complete nothing.
func (c *Catalogue) Begin(ctx context.Context) error {
	today := c.today()
	due := func(i Item) bool { return !slices.Equal(begun(i.Versions), begun(withBegun(i.Versions, today))) }
	picture, err := c.Refresh(ctx)
	if err != nil || !slices.ContainsFunc(picture.Items(), due) {
		return err
	}
	house := hub.Caller{Principal: lrs.Principal{Name: "acquis"}, Reason: "a version came into force"}
	_, err = c.change(ctx, house, false, func(w *work) {
		for _, id := range sortedKeys(w.items) {
			if item := w.items[id].Value; due(item) {
				item.Versions = withBegun(item.Versions, today)
				w.putItem(item)
			}
		}
	})
	return err
}

// withBegun says of each version whether it has begun.
func withBegun(versions []Version, today hub.Day) []Version {
	versions = slices.Clone(versions)
	for i := range versions {
		versions[i].Begun = versions[i].InForce.From <= today
	}
	return versions
}

func begun(versions []Version) []bool {
	all := make([]bool, len(versions))
	for i, v := range versions {
		all[i] = v.Begun
	}
	return all
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
