package exchange

import (
	"context"
	"errors"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// PullView is a pull with how far it has come.
type PullView struct {
	Pull
	State PullState
}

// Pulls lists the pulls by name.
func (a *Admin) Pulls(ctx context.Context, c hub.Caller) ([]PullView, error) {
	if err := c.Has(readers, "read pulls"); err != nil {
		return nil, err
	}
	views := []PullView{}
	for row, err := range pulls.Rows(ctx, a.o.Store, docstore.Scan{}) {
		if err != nil {
			return nil, err
		}
		view, err := a.pullView(ctx, row)
		if err != nil {
			return nil, err
		}
		views = append(views, view)
	}
	return views, nil
}

func (a *Admin) pullView(ctx context.Context, row docstore.Row[Pull]) (PullView, error) {
	state, err := pullStates.Find(ctx, a.o.Store, row.Partition, theState)
	v := PullView{row.Value, state.Value}
	v.Revision = row.Revision
	return v, err
}

func (a *Admin) findPull(ctx context.Context, name string) (docstore.Row[Pull], error) {
	none := lrs.Errorf(lrs.KindNotFound, "there is no pull %.100q", name)
	if !kebab.MatchString(name) {
		return docstore.Row[Pull]{}, none
	}
	row, err := pulls.Get(ctx, a.o.Store, name, thePull)
	if errors.Is(err, lrs.ErrNotFound) {
		return row, none
	}
	return row, err
}

// Pull returns a pull. KindNotFound when there is none.
func (a *Admin) Pull(ctx context.Context, c hub.Caller, name string) (PullView, error) {
	if err := c.Has(readers, "read pulls"); err != nil {
		return PullView{}, err
	}
	row, err := a.findPull(ctx, name)
	if err != nil {
		return PullView{}, err
	}
	return a.pullView(ctx, row)
}

// PutPull makes a pull, or when p.Revision is not 0 replaces the one that has that revision.
func (a *Admin) PutPull(ctx context.Context, c hub.Caller, p Pull) (PullView, error) {
	action, words := "pull.update", "change a pull"
	if p.Revision == 0 {
		action, words = "pull.create", "make a pull"
	}
	err := a.act(ctx, c, action, words, "pull/"+p.Name, func() error {
		if err := p.judge(); err != nil {
			return err
		}
		if err := a.o.JudgePull(p); err != nil {
			return err
		}
		row := docstore.Row[Pull]{Key: docstore.Key{Partition: p.Name, ID: thePull}, Revision: p.Revision, Value: p}
		_, err := pulls.Save(ctx, a.o.Store, row)
		return changedMeanwhile(err)
	})
	if err != nil {
		return PullView{}, err
	}
	row, err := a.findPull(ctx, p.Name)
	if err != nil {
		return PullView{}, err
	}
	return a.pullView(ctx, row)
}

// DeletePull takes a pull away. The statements that it brought stay, and how far it came: one of the same name
// goes on there.
func (a *Admin) DeletePull(ctx context.Context, c hub.Caller, name string) error {
	return a.act(ctx, c, "pull.delete", "delete a pull", "pull/"+name, func() error {
		row, err := a.findPull(ctx, name)
		if err != nil {
			return err
		}
		_, err = a.o.Store.ApplyDocs(ctx, docstore.Group{Partition: name, Writes: []docstore.Write{pulls.Drop(row)}})
		return changedMeanwhile(err)
	})
}

// PausePull lets a pull rest from its next run on, or go on.
func (a *Admin) PausePull(ctx context.Context, c hub.Caller, name string, pause bool) error {
	action, words := "pull.resume", "resume a pull"
	if pause {
		action, words = "pull.pause", "pause a pull"
	}
	return a.act(ctx, c, action, words, "pull/"+name, func() error {
		return docstore.Retry(func() error {
			row, err := a.findPull(ctx, name)
			if err != nil || row.Value.Paused == pause {
				return err
			}
			row.Value.Paused = pause
			_, err = pulls.Save(ctx, a.o.Store, row)
			return err
		})
	})
}

// RunPull begins a run now, unless one is under way.
func (a *Admin) RunPull(ctx context.Context, c hub.Caller, name string) error {
	return a.act(ctx, c, "pull.run", "run a pull", "pull/"+name, func() error {
		return docstore.Retry(func() error {
			if _, err := a.findPull(ctx, name); err != nil {
				return err
			}
			state, err := pullStates.Find(ctx, a.o.Store, name, theState)
			if err != nil || state.Value.Holder != "" && state.Value.Run != nil {
				return err // it runs, or will be taken over
			}
			state.Value.Wanted = true
			_, err = pullStates.Save(ctx, a.o.Store, state)
			return err
		})
	})
}

// PullRuns lists the runs of a pull that ended clean, the latest first.
func (a *Admin) PullRuns(ctx context.Context, c hub.Caller, name string, limit int, after string) (list []PullRun, next string, err error) {
	if err := c.Has(readers, "read pulls"); err != nil {
		return nil, "", err
	}
	if _, err := a.findPull(ctx, name); err != nil {
		return nil, "", err
	}
	found, next, err := pullRuns.Scan(ctx, a.o.Store, docstore.Scan{Prefix: docstore.Tuple(name), Descending: true, Limit: limit, After: after})
	list = make([]PullRun, len(found))
	for i, f := range found {
		list[i] = f.Row.Value
	}
	return list, next, err
}

// PullRefusals lists the statements of another store that were not taken in, the oldest first.
func (a *Admin) PullRefusals(ctx context.Context, c hub.Caller, name string, limit int, after string) (list []PullRefusal, next string, err error) {
	if err := c.Has(readers, "read pulls"); err != nil {
		return nil, "", err
	}
	if _, err := a.findPull(ctx, name); err != nil {
		return nil, "", err
	}
	found, next, err := pullRefusals.Scan(ctx, a.o.Store, docstore.Scan{Index: byPull, Prefix: docstore.Tuple(name), Limit: limit, After: after})
	list = make([]PullRefusal, len(found))
	for i, f := range found {
		list[i] = f.Row.Value
	}
	return list, next, err
}
