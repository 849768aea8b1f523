package exchange

import (
	"context"
	"errors"
	"time"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// Who may administer what.
const (
	readers  = lrs.RoleAdministrator | lrs.RoleOperator | lrs.RoleAuditor
	managers = lrs.RoleAdministrator | lrs.RoleOperator
)

// AdminOptions configure Admin.
type AdminOptions struct {
	Store docstore.Store
	Log   interface {
		ConsistentThrough(ctx context.Context) (lrs.Instant, error)
	}
	Judge     func(Forward) error // what the package cannot: secrets, hosts
	JudgePull func(Pull) error    // likewise
	Wake      func()              // tells who forwards and pulls of a change
	Audit     hub.Audit
	Now       func() time.Time
}

// Admin changes what is forwarded to whom. It decides by the caller's roles, and puts every change and every
// refusal on record.
type Admin struct{ o AdminOptions }

// NewAdmin returns the administration.
func NewAdmin(o AdminOptions) *Admin {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Admin{o}
}

// act carries something out if the caller may, and puts it on record.
func (a *Admin) act(ctx context.Context, c hub.Caller, action, words, target string, do func() error) error {
	err := c.Has(managers, words)
	if err == nil {
		err = do()
	}
	if err == nil && a.o.Wake != nil {
		a.o.Wake()
	}
	return hub.Record(ctx, a.o.Audit, c, hub.Act{Action: action, Target: target}, err)
}

// ForwardView is a forward with how far it has come.
type ForwardView struct {
	Forward
	State ForwardState
	Open  int // dead letters that wait for somebody, at most maxCounted
}

// maxCounted bounds how many letters are counted for a view.
const maxCounted = 1000

// Forwards lists the forwards by name.
func (a *Admin) Forwards(ctx context.Context, c hub.Caller) ([]ForwardView, error) {
	if err := c.Has(readers, "read forwards"); err != nil {
		return nil, err
	}
	views := []ForwardView{}
	for row, err := range forwards.Rows(ctx, a.o.Store, docstore.Scan{}) {
		if err != nil {
			return nil, err
		}
		view, err := a.view(ctx, row)
		if err != nil {
			return nil, err
		}
		views = append(views, view)
	}
	return views, nil
}

func (a *Admin) view(ctx context.Context, row docstore.Row[Forward]) (ForwardView, error) {
	state, err := states.Find(ctx, a.o.Store, row.Partition, theState)
	if err != nil {
		return ForwardView{}, err
	}
	open, _, err := letters.Scan(ctx, a.o.Store, docstore.Scan{Index: byState, Prefix: docstore.Tuple(string(LetterOpen), row.Partition), Limit: maxCounted})
	v := ForwardView{Forward: row.Value, State: state.Value, Open: len(open)}
	v.Revision = row.Revision
	return v, err
}

// Forward returns a forward. KindNotFound when there is none.
func (a *Admin) Forward(ctx context.Context, c hub.Caller, name string) (ForwardView, error) {
	if err := c.Has(readers, "read forwards"); err != nil {
		return ForwardView{}, err
	}
	row, err := a.find(ctx, name)
	if err != nil {
		return ForwardView{}, err
	}
	return a.view(ctx, row)
}

func (a *Admin) find(ctx context.Context, name string) (docstore.Row[Forward], error) {
	if !kebab.MatchString(name) {
		return docstore.Row[Forward]{}, noForward(name)
	}
	row, err := forwards.Get(ctx, a.o.Store, name, theForward)
	if errors.Is(err, lrs.ErrNotFound) {
		return row, noForward(name)
	}
	return row, err
}

func noForward(name string) error {
	return lrs.Errorf(lrs.KindNotFound, "there is no forward %.100q", name)
}

// PutForward makes a forward, or when f.Revision is not 0 replaces the one that has that revision. Where it
// stands in the log is settled when it is made.
func (a *Admin) PutForward(ctx context.Context, c hub.Caller, f Forward) (ForwardView, error) {
	action, words := "forward.update", "change a forward"
	if f.Revision == 0 {
		action, words = "forward.create", "make a forward"
	}
	err := a.act(ctx, c, action, words, "forward/"+f.Name, func() error {
		if err := f.judge(); err != nil {
			return err
		}
		if err := a.o.Judge(f); err != nil {
			return err
		}
		return a.put(ctx, f)
	})
	if err != nil {
		return ForwardView{}, err
	}
	row, err := a.find(ctx, f.Name)
	if err != nil {
		return ForwardView{}, err
	}
	return a.view(ctx, row)
}

func (a *Admin) put(ctx context.Context, f Forward) error {
	row := docstore.Row[Forward]{Key: docstore.Key{Partition: f.Name, ID: theForward}, Revision: f.Revision, Value: f}
	w, err := forwards.Put(row)
	if err != nil {
		return err
	}
	writes := []docstore.Write{w}
	if f.Revision == 0 {
		now, err := a.o.Log.ConsistentThrough(ctx)
		if err != nil {
			return err
		}
		state, err := states.Find(ctx, a.o.Store, f.Name, theState) // of a former one of this name
		if err != nil {
			return err
		}
		state.Value = ForwardState{Token: state.Value.Token + 1}
		if state.Value.Cursor, err = f.begin(now); err != nil {
			return err
		}
		if w, err = states.Put(state); err != nil {
			return err
		}
		writes = append(writes, w)
	}
	_, err = a.o.Store.ApplyDocs(ctx, docstore.Group{Partition: f.Name, Writes: writes})
	return changedMeanwhile(err)
}

func changedMeanwhile(err error) error {
	if lrs.KindOf(err) == lrs.KindConflict {
		return lrs.Errorf(lrs.KindConflict, "this was changed by somebody else meanwhile, or is there already: read it again and decide anew")
	}
	return err
}

// DeleteForward takes a forward away. What it has sent stays known, so that a later one of the same name can tell
// erasures.
func (a *Admin) DeleteForward(ctx context.Context, c hub.Caller, name string) error {
	return a.act(ctx, c, "forward.delete", "delete a forward", "forward/"+name, func() error {
		row, err := a.find(ctx, name)
		if err != nil {
			return err
		}
		_, err = a.o.Store.ApplyDocs(ctx, docstore.Group{Partition: name, Writes: []docstore.Write{forwards.Drop(row)}})
		return changedMeanwhile(err)
	})
}

// PauseForward lets a forward rest, or go on. Going on also takes away the failure that it waits for somebody
// with, or for its next attempt.
func (a *Admin) PauseForward(ctx context.Context, c hub.Caller, name string, pause bool) error {
	action, words := "forward.resume", "resume a forward"
	if pause {
		action, words = "forward.pause", "pause a forward"
	}
	return a.act(ctx, c, action, words, "forward/"+name, func() error {
		return docstore.Retry(func() error {
			row, err := a.find(ctx, name)
			if err != nil {
				return err
			}
			var writes []docstore.Write
			if row.Value.Paused != pause {
				row.Value.Paused = pause
				w, err := forwards.Put(row)
				if err != nil {
					return err
				}
				writes = append(writes, w)
			}
			state, err := states.Find(ctx, a.o.Store, name, theState)
			if err != nil {
				return err
			}
			if !pause && state.Value.Failure != nil {
				state.Value.Failure = nil
				w, err := states.Put(state)
				if err != nil {
					return err
				}
				writes = append(writes, w)
			}
			if len(writes) == 0 {
				return nil
			}
			_, err = a.o.Store.ApplyDocs(ctx, docstore.Group{Partition: name, Writes: writes})
			return err
		})
	})
}

// LetterQuery asks for dead letters, the oldest first within each forward.
type LetterQuery struct {
	Forward string      // "" for all
	State   LetterState // "" for open
	Limit   int
	After   string // next of the page before
}

// Letters lists dead letters.
func (a *Admin) Letters(ctx context.Context, c hub.Caller, q LetterQuery) (list []DeadLetter, next string, err error) {
	if err := c.Has(readers, "read dead letters"); err != nil {
		return nil, "", err
	}
	if q.State == "" {
		q.State = LetterOpen
	}
	prefix := docstore.Tuple(string(q.State))
	if q.Forward != "" {
		prefix = docstore.Tuple(string(q.State), q.Forward)
	}
	found, next, err := letters.Scan(ctx, a.o.Store, docstore.Scan{Index: byState, Prefix: prefix, Limit: q.Limit, After: q.After})
	list = make([]DeadLetter, len(found))
	for i, f := range found {
		list[i] = f.Row.Value
	}
	return list, next, err
}

// LetterOrder says what is to come of dead letters.
type LetterOrder struct {
	Forward string
	IDs     []string // none: every open one of the forward
	Note    string   // what was done instead, when they are settled
}

// ReplayLetters has dead letters sent once more, and returns how many those are.
func (a *Admin) ReplayLetters(ctx context.Context, c hub.Caller, o LetterOrder) (int, error) {
	return a.order(ctx, c, "dead-letter.replay", "replay dead letters", o, LetterReplay)
}

// SettleLetters notes that dead letters were dealt with otherwise, and returns how many those are.
func (a *Admin) SettleLetters(ctx context.Context, c hub.Caller, o LetterOrder) (int, error) {
	return a.order(ctx, c, "dead-letter.settle", "settle dead letters", o, LetterSettled)
}

// maxNote bounds a note, in bytes.
const maxNote = 1000

func (a *Admin) order(ctx context.Context, c hub.Caller, action, words string, o LetterOrder, state LetterState) (n int, err error) {
	err = a.act(ctx, c, action, words, "forward/"+o.Forward, func() error {
		if !kebab.MatchString(o.Forward) {
			return noForward(o.Forward)
		}
		if len(o.IDs) > maxList || len(o.Note) > maxNote {
			return lrs.Errorf(lrs.KindInvalid, "at most %d dead letters can be named, with a note of %d bytes", maxList, maxNote)
		}
		change := func(row docstore.Row[DeadLetter]) error {
			if row.Value.State == state {
				return nil
			}
			row.Value.State, row.Value.By, row.Value.Note = state, c.Name, o.Note
			n++
			_, err := letters.Save(ctx, a.o.Store, row)
			return err
		}
		if len(o.IDs) > 0 {
			return a.orderNamed(ctx, o, change)
		}
		for row, err := range letters.Rows(ctx, a.o.Store, docstore.Scan{Index: byState, Prefix: docstore.Tuple(string(LetterOpen), o.Forward)}) {
			if err == nil {
				err = change(row)
			}
			if err != nil && lrs.KindOf(err) != lrs.KindConflict { // one that changed meanwhile is dealt with
				return err
			}
		}
		return nil
	})
	return n, err
}

func (a *Admin) orderNamed(ctx context.Context, o LetterOrder, change func(docstore.Row[DeadLetter]) error) error {
	for _, id := range o.IDs {
		if id == "" || len(id) > docstore.MaxKey {
			return lrs.Errorf(lrs.KindNotFound, "there is no dead letter %.100q", id)
		}
		row, err := letters.Get(ctx, a.o.Store, o.Forward, id)
		if errors.Is(err, lrs.ErrNotFound) {
			return lrs.Errorf(lrs.KindNotFound, "there is no dead letter %.100q of the forward %s", id, o.Forward)
		}
		if err == nil {
			err = change(row)
		}
		if err != nil {
			return changedMeanwhile(err)
		}
	}
	return nil
}
