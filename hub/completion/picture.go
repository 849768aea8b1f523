package completion

import (
	"context"
	"maps"
	"slices"

	"acquis/docstore"
	"acquis/hub/catalogue"
	"acquis/lrs"
)

// pictures follows the catalogue, so that it is known up to which change statements were read by it.
type pictures struct {
	store    docstore.Store
	items    followed[catalogue.Item]
	mappings followed[catalogue.Mapping]
	now      *catalogue.Picture
	version  int // rises with each picture
}

// followed is a whole collection, as it is at a position.
type followed[T any] struct {
	table docstore.Table[T]
	at    lrs.Instant
	rows  map[string]T
}

func newPictures(s docstore.Store) *pictures {
	return &pictures{
		store:    s,
		items:    followed[catalogue.Item]{table: catalogue.Items, rows: map[string]catalogue.Item{}},
		mappings: followed[catalogue.Mapping]{table: catalogue.Mappings, rows: map[string]catalogue.Mapping{}},
	}
}

// refresh takes over what changed, and tells whether anything did.
func (p *pictures) refresh(ctx context.Context) (changed bool, err error) {
	items, err := p.items.refresh(ctx, p.store)
	if err != nil {
		return false, err
	}
	mappings, err := p.mappings.refresh(ctx, p.store)
	if err != nil || !items && !mappings && p.now != nil {
		return false, err
	}
	now, err := catalogue.NewPicture(slices.Collect(maps.Values(p.items.rows)), slices.Collect(maps.Values(p.mappings.rows)))
	if err != nil {
		return false, err
	}
	p.now, p.version = now, p.version+1
	return true, nil
}

func (f *followed[T]) refresh(ctx context.Context, s docstore.Store) (changed bool, err error) {
	for {
		changes, err := f.table.Changes(ctx, s, f.at, changesPage)
		if err != nil {
			return changed, err
		}
		for _, c := range changes {
			f.at, changed = c.Row.Revision, true
			if c.Deleted {
				delete(f.rows, c.Row.ID)
			} else {
				f.rows[c.Row.ID] = c.Row.Value
			}
		}
		if len(changes) < changesPage {
			return changed, nil
		}
	}
}
