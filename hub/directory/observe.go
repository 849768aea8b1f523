package directory

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// observers is how many aliases are written at once; the store joins their writes.
const observers = 32

// Observe tells the directory of identities that were seen, and returns their aliases as they are
// then. Those that are new are made, and linked if a rule knows whose they are. When an alias was
// first and last seen is kept to the day, written once a day at most; Flush writes what is left.
func (d *Directory) Observe(ctx context.Context, sightings []Sighting) (map[hub.AliasID]Alias, error) {
	if err := d.refresh(ctx); err != nil {
		return nil, err
	}
	seen := d.gather(sightings)
	aliases := make(map[hub.AliasID]Alias, len(seen))
	var news []*appearance
	for id, s := range seen {
		if known, ok := d.known.get(id); ok && !d.isNews(&known, s) {
			d.known.widen(id, s.first, s.last)
			aliases[id] = known
			continue
		}
		news = append(news, s)
	}
	var mu sync.Mutex
	err := d.each(ctx, news, func(ctx context.Context, s *appearance) error {
		a, err := d.note(ctx, s)
		mu.Lock()
		defer mu.Unlock()
		aliases[a.ID] = a
		return err
	})
	if err != nil {
		return nil, err
	}
	return aliases, d.write(ctx, d.known.rotate())
}

func (d *Directory) each(ctx context.Context, news []*appearance, do func(context.Context, *appearance) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(observers)
	for _, s := range news {
		group.Go(func() error { return do(ctx, s) })
	}
	return group.Wait()
}

// Flush writes on which days aliases were seen, as far as documents do not tell.
func (d *Directory) Flush(ctx context.Context) error { return d.write(ctx, d.known.dirty()) }

func (d *Directory) write(ctx context.Context, dirty []Alias) error {
	news := make([]*appearance, len(dirty))
	for i, a := range dirty {
		news[i] = &appearance{id: a.ID, key: a.Key, first: a.FirstSeen, last: a.LastSeen, due: true}
	}
	return d.each(ctx, news, func(ctx context.Context, s *appearance) error {
		_, err := d.note(ctx, s)
		return err
	})
}

// appearance is what sightings tell of one alias.
type appearance struct {
	id          hub.AliasID
	key         Key
	names       []string
	related     []Key
	first, last lrs.Instant
	due         bool // days seen are to be written, even if some were today
}

// gather joins the sightings of each alias.
func (d *Directory) gather(sightings []Sighting) map[hub.AliasID]*appearance {
	seen := map[hub.AliasID]*appearance{}
	ids := map[Key]hub.AliasID{}
	for _, s := range sightings {
		id, known := ids[s.Key]
		if !known {
			id = d.AliasID(s.Key)
			ids[s.Key] = id
		}
		all := seen[id]
		if all == nil {
			all = &appearance{id: id, key: s.Key, first: s.At, last: s.At}
			seen[id] = all
		}
		all.first, all.last = min(all.first, s.At), max(all.last, s.At)
		if name := cutText(s.Name, maxName); name != "" && !slices.Contains(all.names, name) {
			all.names = append(all.names, name)
		}
		for _, k := range s.Related {
			if k != s.Key && !slices.Contains(all.related, k) {
				all.related = append(all.related, k)
			}
		}
	}
	return seen
}

// maxName bounds a name that platforms give, in bytes.
const maxName = 200

// isNews reports whether an appearance tells something that a document should hold.
func (d *Directory) isNews(a *Alias, s *appearance) bool {
	if a.lacks(s) {
		return true
	}
	return d.widens(a, s) && (a.unmatched() || d.dueAgain(a))
}

// lacks reports whether the alias does not have a name or related key yet, and has room for it.
func (a *Alias) lacks(s *appearance) bool {
	return len(a.Names) < maxNames && slices.ContainsFunc(s.names, func(n string) bool { return !slices.Contains(a.Names, n) }) ||
		len(a.Related) < maxRelated && slices.ContainsFunc(s.related, func(k Key) bool { return !slices.Contains(a.Related, k) })
}

// widens reports whether the appearance was on a day before or after all on which the alias was seen.
func (d *Directory) widens(a *Alias, s *appearance) bool {
	day := func(at lrs.Instant) hub.Day { return d.options.Calendar.Day(at.Time()) }
	return day(s.first) < day(a.FirstSeen) || day(s.last) > day(a.LastSeen)
}

// dueAgain reports whether the alias was not written today.
func (d *Directory) dueAgain(a *Alias) bool { return d.options.Calendar.Day(a.Updated) != d.today() }

// add takes over what the appearance tells.
func (a *Alias) add(s *appearance) {
	a.Names, a.Related = slices.Clip(a.Names), slices.Clip(a.Related)
	for _, n := range s.names {
		if len(a.Names) < maxNames && !slices.Contains(a.Names, n) {
			a.Names = append(a.Names, n)
		}
	}
	for _, k := range s.related {
		if len(a.Related) < maxRelated && !slices.Contains(a.Related, k) {
			a.Related = append(a.Related, k)
		}
	}
	a.FirstSeen, a.LastSeen = min(a.FirstSeen, s.first), max(a.LastSeen, s.last)
}

// note makes an alias of what was seen, or adds to it what is new.
func (d *Directory) note(ctx context.Context, s *appearance) (Alias, error) {
	var row docstore.Row[Alias]
	var fresh, decided, more bool
	err := docstore.Retry(func() (err error) {
		since := d.known.since()
		if row, err = Aliases.Find(ctx, d.store, string(s.id), string(s.id)); err != nil {
			return err
		}
		a := &row.Value
		if fresh = row.Revision == 0; fresh {
			a.ID, a.Key, a.FirstSeen, a.LastSeen = s.id, s.key, s.first, s.last
		}
		more = a.lacks(s)
		wider := d.widens(a, s)
		a.add(s)
		if decided = false; fresh || more || wider {
			if decided, err = d.apply(ctx, a); err != nil {
				return err
			}
		}
		if fresh || decided || more || wider && (s.due || d.dueAgain(a)) {
			row, err = d.saveAlias(ctx, row)
			return err
		}
		d.known.put(row, since)
		d.known.widen(s.id, s.first, s.last)
		return nil
	})
	if err != nil {
		return Alias{ID: s.id}, err
	}
	return d.settle(ctx, row.Value, fresh, fresh || decided || more)
}

// settle does what follows once an alias is written: somebody whose key it is may have come meanwhile,
// and others that a provider says are of the same holder may be known now.
func (d *Directory) settle(ctx context.Context, a Alias, fresh, changed bool) (Alias, error) {
	if fresh && a.unmatched() {
		if err := d.rejudge(ctx, a.ID); err != nil {
			return a, err
		}
	}
	if changed && len(a.Related) > 0 {
		if err := d.awaken(ctx, d.matches(&a)...); err != nil {
			return a, err
		}
	}
	if now, ok := d.known.get(a.ID); ok {
		return now, nil
	}
	if !changed {
		return a, nil
	}
	row, err := d.alias(ctx, a.ID)
	return row.Value, err
}
