package connectors

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"

	"acquis/docstore"
	"acquis/lrs"
)

// lookups is how many rows are looked up at a time.
const lookups = 8

// progressing is what one row of the provider's comes to.
type progressing struct {
	seen  []ProgressSeen // more than one when the page has it twice; in order
	row   docstore.Row[Row]
	known bool
	write bool
	sends []sending
	again bool // it was dealt with earlier in this run
	open  bool // an erasure review is to be opened
}

// sending is a statement with the voidings that must come with it.
type sending struct {
	statement []byte // nil when only something is taken back
	voids     [][]byte
	example   Example
}

// progress makes statements of what rows tell, sends them, and then remembers them.
func (x *execution) progress(ctx context.Context, seen []ProgressSeen) error {
	rows := byRow(seen)
	for attempt := 0; ; attempt++ {
		if err := x.resolve(ctx, rows); err != nil {
			return err
		}
		if x.order.Dry {
			x.tally(rows)
			return nil
		}
		err := x.send(ctx, rows)
		if err == nil {
			break
		}
		if lrs.KindOf(err) != lrs.KindConflict || attempt > 0 {
			return x.refused(err)
		} // somebody else was at it: look again
	}
	x.tally(rows)
	var writes []docstore.Write
	for _, p := range rows {
		if p.open {
			w, err := x.review(ctx, p.row.Value)
			if err != nil {
				return err
			}
			writes = append(writes, w...)
		}
		if !p.write {
			continue
		}
		w, err := Memory.Put(p.row)
		if err != nil {
			return err
		}
		writes = append(writes, w)
	}
	return x.writeAll(ctx, writes)
}

// byRow gathers what is seen of each row.
func byRow(seen []ProgressSeen) []*progressing {
	var rows []*progressing
	by := map[string]*progressing{}
	for _, s := range seen {
		p := by[s.ID]
		if p == nil {
			p = &progressing{}
			by[s.ID] = p
			rows = append(rows, p)
		}
		p.seen = append(p.seen, s)
	}
	return rows
}

// resolve finds out what is to be sent of each row.
func (x *execution) resolve(ctx context.Context, rows []*progressing) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lookups)
	for _, p := range rows {
		group.Go(func() error { return x.resolveRow(ctx, p) })
	}
	return group.Wait()
}

func (x *execution) resolveRow(ctx context.Context, p *progressing) (err error) {
	*p = progressing{seen: p.seen}
	if p.row, err = x.memory(ctx, p.seen[0].ID); err != nil {
		return err
	}
	p.known = p.row.Revision != 0
	n := x.run.Value.Number
	p.again = p.row.Value.Seen == n
	for _, s := range p.seen {
		before := p.row.Value
		row := &p.row.Value
		row.Connection, row.Set, row.Gone = x.connection.Name, s.Set, before.Gone
		if row.Sent == nil {
			row.Sent = map[string]Sent{}
		}
		if s.Anonymised {
			p.open = p.open || row.Alias != "" && !row.Anonymised
			row.Anonymised = true
		} else {
			row.Alias, row.Anonymised = x.aliasOf(s.Account), false
			if err := x.resolveMilestones(ctx, p, s); err != nil {
				return err
			}
		}
		back := !row.Gone.IsZero()
		row.Gone = before.Gone
		if back {
			row.Gone = zeroTime
		}
		changed := !p.known || len(p.sends) > 0 || back || before.Set != row.Set || before.Alias != row.Alias || before.Anonymised != row.Anonymised
		if changed || x.run.Value.Full && row.Seen != n {
			row.Seen, p.write = n, true
		}
	}
	return nil
}

// resolveMilestones finds out what is to be sent of a row's milestones.
func (x *execution) resolveMilestones(ctx context.Context, p *progressing, s ProgressSeen) error {
	for _, m := range s.Milestones {
		key := milestoneKey(m)
		last, known := p.row.Value.Sent[key]
		var next Sent
		var send *sending
		var err error
		if m.Withdrawn {
			next, send, err = x.withdraw(ctx, s, m, last, known)
		} else {
			next, send, err = x.assert(ctx, s, m, last, known)
		}
		if err != nil {
			return err
		}
		if send != nil {
			send.example = Example{Verb: m.Verb.ID, Object: m.Object.ID, Milestone: m.Name}
			p.sends = append(p.sends, *send)
		}
		if next != last || !known {
			p.row.Value.Sent[key] = next
			p.write = true
		}
	}
	return nil
}

// assert finds the revision under which a milestone is sent; nothing is to be sent when it was.
func (x *execution) assert(ctx context.Context, s ProgressSeen, m Milestone, last Sent, known bool) (Sent, *sending, error) {
	content := contentOf(s.Account, m)
	written, err := content.essence().bytes()
	if err != nil {
		return last, nil, Faultf(GiveUp, "The provider's answer holds something that cannot be written down. Show the detail to an engineer.", "milestone %s: %v", m.Name, err)
	}
	next := Sent{Digest: digest(written)}
	var voids []lrs.ID
	if known {
		if last.Digest == next.Digest && !last.Withdrawn {
			return last, nil, nil
		}
		if !last.Withdrawn {
			voids = append(voids, milestoneID(x.principal.Source, s.ID, m, last.Revision))
		}
		next.Revision = last.Revision + 1
	}
	for {
		id := milestoneID(x.principal.Source, s.ID, m, next.Revision)
		content.ID = id.String()
		entry, err := x.o.Finder.StatementByID(ctx, id)
		if errors.Is(err, lrs.ErrNotFound) {
			break
		}
		if err != nil {
			return last, nil, err
		}
		if !entry.Voided && x.same(entry, content) {
			return next, nil, nil // a run was cut after it was sent
		}
		if !entry.Voided {
			voids = append(voids, id)
		}
		next.Revision++
	}
	if content.Timestamp == "" {
		content.Timestamp = timestampOf(x.run.Value.Started)
	}
	send, err := x.sendingOf(&content, voids)
	return next, send, err
}

// withdraw takes back what stands of a milestone.
func (x *execution) withdraw(ctx context.Context, s ProgressSeen, m Milestone, last Sent, known bool) (Sent, *sending, error) {
	if known && last.Withdrawn {
		return last, nil, nil
	}
	next := Sent{Withdrawn: true, Revision: last.Revision}
	var voids []lrs.ID
	for n := last.Revision; ; n++ {
		id := milestoneID(x.principal.Source, s.ID, m, n)
		entry, err := x.o.Finder.StatementByID(ctx, id)
		if errors.Is(err, lrs.ErrNotFound) {
			break
		}
		if err != nil {
			return last, nil, err
		}
		next.Revision = n
		if !entry.Voided {
			voids = append(voids, id)
		}
	}
	if len(voids) == 0 {
		return next, nil, nil
	}
	send, err := x.sendingOf(nil, voids)
	return next, send, err
}

func (x *execution) sendingOf(content *statement, voids []lrs.ID) (*sending, error) {
	var send sending
	var err error
	for _, id := range voids {
		written, err := voiding(x.principal.Source, id).bytes()
		if err != nil {
			return nil, err
		}
		send.voids = append(send.voids, written)
	}
	if content != nil {
		send.statement, err = content.bytes()
	}
	return &send, err
}

// same reports whether a stored statement is what would be sent.
func (x *execution) same(entry lrs.Entry, content statement) bool {
	stored, err := lrs.DecodeStored(entry.Bytes)
	if err != nil {
		return false
	}
	if content.Timestamp == "" {
		content.Timestamp = stored.Timestamp
	}
	written, err := content.bytes()
	if err != nil {
		return false
	}
	ours, err := lrs.DecodeStatement(written, x.o.Version, lrs.Limits{})
	return err == nil && lrs.Equal(ours, stored, x.o.Version)
}

// send sends what is to be sent, a row's voidings with the statement that takes the place.
func (x *execution) send(ctx context.Context, rows []*progressing) error {
	var batch [][]byte
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		body := slices.Concat([]byte("["), bytes.Join(batch, []byte(",")), []byte("]"))
		batch = nil
		_, err := x.o.Door.StoreStatements(ctx, x.principal, lrs.StoreRequest{Version: x.o.Version, Body: body})
		return err
	}
	for _, p := range rows {
		for _, s := range p.sends {
			if len(batch)+len(s.voids)+1 > x.o.Batch {
				if err := flush(); err != nil {
					return err
				}
			}
			batch = append(batch, s.voids...)
			if s.statement != nil {
				batch = append(batch, s.statement)
			}
		}
	}
	return flush()
}

// refused is the fault of statements that were not taken.
func (x *execution) refused(err error) error {
	e, is := errors.AsType[*lrs.Error](err)
	if !is || e.Kind == lrs.KindUnavailable {
		return err
	}
	detail := ""
	for i, v := range e.Violations[:min(len(e.Violations), 5)] {
		if i > 0 {
			detail += "; "
		}
		detail += v.Pointer + " breaks " + v.Rule
	}
	return Faultf(
		GiveUp, "What the provider says does not fit what Acquis has agreed to take from it, so this part was not stored. Show the detail to an engineer.",
		"the door refuses statements of %s: %s", x.principal.Source, detail,
	)
}

// tally counts what was found of the rows.
func (x *execution) tally(rows []*progressing) {
	run := &x.run.Value
	for _, p := range rows {
		set := setID(Rows, p.row.Value.Set)
		if !p.again {
			x.counted[set]++
		}
		run.Rows.add(p.known, len(p.sends) > 0)
		if p.open {
			run.Reviews++
		}
		for _, s := range p.sends {
			run.Voided += len(s.voids)
			run.Statements += len(s.voids)
			if s.statement != nil {
				run.Statements++
			}
			s.example.What = "statement"
			if s.statement == nil {
				s.example.What = "voiding"
			}
			run.example(s.example)
		}
	}
}

// review opens a review about a row whose account the provider made anonymous.
func (x *execution) review(ctx context.Context, row Row) ([]docstore.Write, error) {
	id := x.mask(x.connection.Name, ErasureReview, string(row.Alias))
	found, err := Reviews.Find(ctx, x.o.Store, x.connection.Name, id)
	if err != nil || found.Revision != 0 {
		return nil, err
	}
	found.Value = Review{Connection: x.connection.Name, Kind: ErasureReview, Alias: row.Alias, Opened: x.run.Value.Started}
	w, err := Reviews.Put(found)
	return []docstore.Write{w}, err
}

// sameValue reports whether two values are written alike.
func sameValue[T any](a, b *T) bool {
	first, err := json.Marshal(a, json.Deterministic(true))
	if err != nil {
		return false
	}
	second, err := json.Marshal(b, json.Deterministic(true))
	return err == nil && bytes.Equal(first, second)
}
