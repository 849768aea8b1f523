package connectors

import (
	"context"
	"slices"
	"time"

	"acquis/docstore"
	"acquis/hub"
)

// journalEvery is how often the journal tells how far a run has come.
const journalEvery = 2 * time.Second

// page deals with what a connector yielded: durably, before it reads on.
func (x *execution) page(ctx context.Context, p Page) error {
	run := &x.run.Value
	for _, f := range p.Fields {
		run.field(f)
	}
	if err := MissingFields(run.Fields); err != nil {
		return err
	}
	run.Pages++
	run.Items += p.Items
	run.Expected = max(run.Expected, p.Expected)
	for _, s := range p.Skipped {
		run.skip(s)
	}
	if err := x.observe(ctx, p.Observations); err != nil {
		return err
	}
	if err := x.progress(ctx, observed[ProgressSeen](p)); err != nil {
		return err
	}
	if err := x.inSets(ctx, p); err != nil {
		return err
	}
	for _, e := range observed[SetEnd](p) {
		if e.Of == Rows && !run.Full {
			return Faultf(GiveUp, "Acquis itself made a mistake while it read this provider. Nothing was changed; show the detail to an engineer.", "the connector ends the set %s of rows in a pull that is not full", setKey(e.Set))
		}
		x.ends[setID(e.Of, e.Set)] = ended{e.Of, e.Set}
	}
	if x.o.Now().Sub(x.saved) < journalEvery {
		return nil
	}
	return x.journal(ctx)
}

// observed are the observations of one kind on a page.
func observed[T Observation](p Page) []T {
	var found []T
	for _, o := range p.Observations {
		if seen, is := o.(T); is {
			found = append(found, seen)
		}
	}
	return found
}

// journal writes how far the run has come.
func (x *execution) journal(ctx context.Context) error {
	w, err := Runs.Put(x.run)
	if err != nil {
		return err
	}
	if err := x.holder.write(ctx, w); err != nil {
		return err
	}
	row, err := Runs.Get(ctx, x.o.Store, x.connection.Name, x.run.ID)
	x.run.Revision, x.saved = row.Revision, x.o.Now()
	return err
}

// observe tells the directory whom the connector saw.
func (x *execution) observe(ctx context.Context, observations []Observation) error {
	var seen []Sighting
	for _, o := range observations {
		if i, is := o.(IdentitySeen); is {
			seen = append(seen, Sighting{Key: aliasKey(i.Account), Name: i.Name, At: instantOf(i), Related: i.Related})
		}
	}
	x.run.Value.Identities += len(seen)
	if len(seen) == 0 || x.order.Dry {
		return nil
	}
	return x.o.Identities.Observe(ctx, seen)
}

// inSets marks the seats and items of a page.
func (x *execution) inSets(ctx context.Context, p Page) error {
	var writes []docstore.Write
	seen := lastOf(observed[SeatSeen](p), func(s SeatSeen) string { return x.mask(x.connection.Name, "seat", s.Set, s.ID) })
	for _, s := range seen.order {
		w, err := mark(ctx, x, seats, s, setID(Seats, seen.by[s].Set), seen.by[s].Set, x.seat(s, seen.by[s]), &x.run.Value.Seats)
		if err != nil {
			return err
		}
		writes = append(writes, w...)
	}
	items := lastOf(observed[ItemSeen](p), func(i ItemSeen) string { return x.mask(x.connection.Name, "item", i.ID) })
	for _, i := range items.order {
		w, err := mark(ctx, x, offers, i, setID(Items, ""), "", x.offer(items.by[i]), &x.run.Value.Offers)
		if err != nil {
			return err
		}
		writes = append(writes, w...)
	}
	if x.order.Dry {
		return nil
	}
	return x.writeAll(ctx, writes)
}

// unique are things by id, the last of each, in the order of the first.
type unique[T any] struct {
	order []string
	by    map[string]T
}

func lastOf[T any](all []T, id func(T) string) unique[T] {
	u := unique[T]{by: make(map[string]T, len(all))}
	for _, thing := range all {
		key := id(thing)
		if _, known := u.by[key]; !known {
			u.order = append(u.order, key)
		}
		u.by[key] = thing
	}
	return u
}

func (x *execution) seat(id string, s SeatSeen) Seat {
	seat := Seat{
		Connection: x.connection.Name, Set: s.Set, ID: id, Organisation: s.Organisation, Teams: s.Teams, State: s.State, Role: s.Role,
		Invited: s.Invited.UTC(), Joined: s.Joined.UTC(), FirstUsed: s.FirstUsed.UTC(), LastActive: s.LastActive.UTC(),
	}
	if seat.Role == "" {
		seat.Role = Learner
	}
	if !s.Account.IsZero() {
		seat.Holder = x.o.Identities.AliasID(aliasKey(s.Account))
	}
	for _, k := range s.Holder {
		seat.Known = append(seat.Known, x.o.Identities.AliasID(k))
	}
	slices.Sort(seat.Known)
	seat.Known = slices.Compact(seat.Known)
	return seat
}

func (x *execution) offer(i ItemSeen) Offer {
	return Offer{
		Connection: x.connection.Name, ID: i.ID, Activity: i.Activity, Path: i.Path, Title: i.Title, URL: i.URL,
		Status: i.Status, Live: i.Live, Language: i.Language, Announced: int64(i.Announced / time.Second),
	}
}

// mark notes that the run saw something of a set.
func mark[T any](ctx context.Context, x *execution, table docstore.Table[marked[T]], id, set, name string, value T, tally *Tally) ([]docstore.Write, error) {
	n := x.run.Value.Number
	row, err := table.Find(ctx, x.o.Store, x.connection.Name, id)
	if err != nil {
		return nil, err
	}
	if row.Value.NextMark != n || x.order.Dry { // else it stood on a page before
		x.counted[set]++
	}
	now := row.Value.at(x.state.Value.Clean)
	known := now.Mark != 0
	if row.Value.NextMark == n {
		value = sinceFirst(value, *row.Value.Next)
	}
	if known {
		value = sinceFirst(value, now.Value)
	}
	same := known && sameValue(&now.Value, &value)
	tally.add(known, !same)
	if !known {
		now.Value = value
	}
	row.Value = marked[T]{Set: name, Value: now.Value, Mark: now.Mark, Next: &value, NextMark: n}
	if seat, is := any(value).(Seat); is && !same {
		x.run.Value.example(Example{What: "seat", State: string(seat.State)})
	}
	w, err := table.Put(row)
	return []docstore.Write{w}, err
}

// sinceFirst keeps of a seat when it was used first: a page may tell of a later use only.
func sinceFirst[T any](value, before T) T {
	seat, is := any(&value).(*Seat)
	former, _ := any(&before).(*Seat)
	if is && !former.FirstUsed.IsZero() && (seat.FirstUsed.IsZero() || former.FirstUsed.Before(seat.FirstUsed)) {
		seat.FirstUsed = former.FirstUsed
	}
	return value
}

// memory reads what is remembered of a row.
func (x *execution) memory(ctx context.Context, id string) (docstore.Row[Row], error) {
	return Memory.Find(ctx, x.o.Store, x.connection.Name, x.mask(x.connection.Name, "row", id))
}

// aliasOf is who an account is.
func (x *execution) aliasOf(a Account) hub.AliasID {
	if a.IsZero() {
		return ""
	}
	return x.o.Identities.AliasID(aliasKey(a))
}
