package catalogue

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// change carries out what prepare puts, all of it or, when something is wrong, nothing. With dry it
// only says what would be done. Up to about five hundred things are written together; more in several
// groups, after each of which the catalogue is whole, and doing it again ends what was broken off.
func (c *Catalogue) change(ctx context.Context, caller hub.Caller, dry bool, prepare func(*work)) (steps []Step, err error) {
	err = docstore.Retry(func() error {
		w, held, err := c.load(ctx)
		if err != nil {
			return err
		}
		prepare(w)
		if err := w.settle(); err != nil {
			return err
		}
		steps = w.steps
		if dry {
			return nil
		}
		return c.write(ctx, caller, w, held)
	})
	var changed *docstore.Conflict
	if errors.As(err, &changed) {
		err = lrs.Errorf(lrs.KindConflict, "the catalogue is being changed by others: try again")
	}
	if err == nil && !dry {
		_, err = c.Refresh(ctx)
	}
	return steps, err
}

// changesTogether is how many things go into a group, each with its edit, beside the guard.
const changesTogether = (docstore.MaxWrites - 1) / 2

func (c *Catalogue) write(ctx context.Context, caller hub.Caller, w *work, held docstore.Row[guard]) error {
	steps := slices.DeleteFunc(slices.Clone(w.steps), func(s Step) bool { return s.Action == Unchanged })
	w.order(steps)
	for some := range slices.Chunk(steps, changesTogether) {
		now := c.options.Now().UTC()
		held.Key, held.Value.Changed = keyOf(guards.Name, guardID), now
		first, err := guards.Put(held)
		if err != nil {
			return err
		}
		writes := []docstore.Write{first}
		for _, step := range some {
			write, edited, err := w.writes(step, Edit{At: now, By: caller.Name, Target: step.Target, Action: step.Action, Reason: caller.Reason})
			if err != nil {
				return err
			}
			writes = append(writes, write, edited)
		}
		revisions, err := c.store.ApplyDocs(ctx, docstore.Group{Partition: House, Writes: writes})
		if err != nil {
			return err
		}
		held.Revision = revisions[0]
	}
	return nil
}

// order puts what others refer to before them, so that each group leaves a catalogue that is whole.
func (w *work) order(steps []Step) {
	items := make(map[hub.ItemID]Item, len(w.items))
	for id, row := range w.items {
		items[id] = row.Value
	}
	rank, _ := rankAll(items) // settle has found no cycle
	weight := func(s Step) int {
		noun, id, _ := strings.Cut(s.Target, "/")
		switch {
		case s.Action == Removed || noun == "expertise" || noun == "provider":
			return -1
		case noun == "item":
			return rank[hub.ItemID(id)]
		default:
			return len(items) + 1
		}
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(weight(a), weight(b)) })
}

// writes are those of a step and of its edit.
func (w *work) writes(step Step, edit Edit) (write, edited docstore.Write, err error) {
	noun, id, _ := strings.Cut(step.Target, "/")
	switch {
	case step.Action == Removed:
		write = docstore.Write{Collection: Mappings.Name, ID: id, Expected: w.removed[id], Deleted: true}
	case noun == "item":
		write, err = Items.Put(w.items[hub.ItemID(id)])
	case noun == "mapping":
		write, err = Mappings.Put(w.mappings[id])
	case noun == "expertise":
		write, err = Expertises.Put(w.expertises[id])
	default:
		write, err = Providers.Put(w.providers[id])
	}
	if err != nil {
		return write, edited, err
	}
	if edit.Before, err = image(w.images[step.Target].before); err != nil {
		return write, edited, err
	}
	if edit.After, err = image(w.images[step.Target].after); err != nil {
		return write, edited, err
	}
	at := docstore.Number(lrs.InstantOf(edit.At))
	edited, err = Edits.Put(docstore.Row[Edit]{Key: keyOf(Edits.Name, at+"-"+step.Target), Value: edit})
	return write, edited, err
}

func image(v any) (jsontext.Value, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v, json.Deterministic(true))
}
