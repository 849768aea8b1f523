package completion

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"acquis/docstore"
	"acquis/lrs"
)

// Only who has the lease moves the cursors. But facts and completions lie in partitions of their own, and a
// writer that slept while another took over could still write what it had begun: a fact that was voided since.
//
// So the documents that a step is about to write are named in the plan, which is committed with the lease, before
// the first of them is written. Who takes the lease over touches each document of the plan: its revision
// changes, and what the former holder has under way finds another revision than it expects. It can't begin
// anything else, since that needs a plan. A document that is not there yet is put without content, and marked so
// that it stays: were it deleted again, a late write that expects none would pass.
//
// A store that only this process can write (Options.Sole) needs none of it: what was under way died with
// the process.

// apply carries out the phases of a step, one after the other, each in parallel, and then commits.
func (c *Consolidator) apply(ctx context.Context, phases [][]docstore.Group, settle settling, writes []docstore.Write) ([]lrs.Instant, error) {
	planned := false
	if !c.options.Sole {
		var err error
		if planned, err = c.announce(ctx, phases); err != nil {
			return nil, err
		}
	}
	written := &revisions{of: map[docstore.Key]lrs.Instant{}}
	for _, groups := range phases {
		if err := c.write(ctx, groups, written); err != nil {
			return nil, err
		}
	}
	if settle != nil {
		groups, err := settle(written.of)
		if err == nil {
			err = c.write(ctx, groups, written)
		}
		if err != nil {
			return nil, err
		}
	}
	if !planned {
		return c.commit(ctx, writes...)
	}
	row := c.planRow
	row.Value = plan{}
	empty, err := planTable.Put(row)
	if err != nil {
		return nil, err
	}
	revisions, err := c.commit(ctx, append([]docstore.Write{empty}, writes...)...)
	if err != nil {
		return nil, err
	}
	row.Revision = revisions[0]
	c.planRow = row
	return revisions[1:], nil
}

// announce commits the plan of the phases.
func (c *Consolidator) announce(ctx context.Context, phases [][]docstore.Group) (bool, error) {
	row := c.planRow
	row.Value = plan{}
	seen := map[docstore.Key]bool{}
	for _, groups := range phases {
		for _, g := range groups {
			for _, w := range g.Writes {
				if key := g.Key(w); !seen[key] {
					seen[key] = true
					row.Value.Keys = append(row.Value.Keys, [3]string{w.Collection, g.Partition, w.ID})
				}
			}
		}
	}
	if len(row.Value.Keys) == 0 {
		return false, nil
	}
	put, err := planTable.Put(row)
	if err != nil {
		return false, err
	}
	revisions, err := c.commit(ctx, put)
	if err != nil {
		return false, err
	}
	row.Revision = revisions[0]
	c.planRow = row
	return true, nil
}

// fence touches the documents that a former holder may have under way.
func (c *Consolidator) fence(ctx context.Context) error {
	if c.options.Sole {
		return nil
	}
	err := inParallel(ctx, c.planRow.Value.Keys, func(ctx context.Context, key [3]string) error {
		return docstore.Retry(func() error { return c.touch(ctx, docstore.Key{Collection: key[0], Partition: key[1], ID: key[2]}) })
	})
	if err != nil || len(c.planRow.Value.Keys) == 0 {
		return err
	}
	row := c.planRow
	row.Value = plan{}
	empty, err := planTable.Put(row)
	if err != nil {
		return err
	}
	revisions, err := c.commit(ctx, empty)
	if err != nil {
		return err
	}
	row.Revision = revisions[0]
	c.planRow = row
	return nil
}

// touch gives a document a new revision, and nothing else that counts.
func (c *Consolidator) touch(ctx context.Context, key docstore.Key) error {
	doc, err := c.store.GetDoc(ctx, key)
	w := docstore.Write{Collection: key.Collection, ID: key.ID, Expected: doc.Revision, Keys: doc.Keys, Bytes: doc.Bytes}
	if errors.Is(err, lrs.ErrNotFound) {
		if from, err := leafBegin(key.ID); key.Collection == factDocs.Name && from != 0 {
			return err // it comes into being with a change of the first leaf only, which is touched
		}
		w, err = vacancy(key)
	}
	if err != nil {
		return err
	}
	_, err = c.store.ApplyDocs(ctx, docstore.Group{Partition: key.Partition, Writes: []docstore.Write{w}})
	return err
}

// vacancy is the write that holds the place of a document.
func vacancy(key docstore.Key) (w docstore.Write, err error) {
	w = docstore.Write{Collection: key.Collection, ID: key.ID}
	switch key.Collection {
	case factDocs.Name:
		w.Bytes = encodeLeaf(&leaf{kept: true})
	case Completions.Name:
		w.Bytes, err = json.Marshal(&Completion{Kept: true}, json.Deterministic(true))
	case attributionTable.Name:
		w.Bytes, err = json.Marshal(&attribution{Settled: true}, json.Deterministic(true))
	default:
		err = fmt.Errorf("completion: the plan names a document of %s", key.Collection)
	}
	return w, err
}
