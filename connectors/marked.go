package connectors

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"acquis/docstore"
	"acquis/lrs"
)

// setKey is a set in an index, however long its name is.
func setKey(set string) string {
	sum := sha256.Sum256([]byte(set))
	return hex.EncodeToString(sum[:10])
}

func rowKeys(r *Row) []docstore.IndexKey {
	keys := []docstore.IndexKey{}
	if r.Alias != "" {
		keys = append(keys, docstore.IndexKey{Index: byAlias, Key: string(r.Alias)})
	}
	if r.Gone.IsZero() {
		keys = append(keys, docstore.IndexKey{Index: bySet, Key: docstore.Tuple(r.Connection, setKey(r.Set), docstore.Number(r.Seen))})
	}
	return keys
}

func seatKeys(m *marked[Seat]) []docstore.IndexKey {
	keys := pendingKey(m.Value.Connection, m.Next, m.NextMark)
	named := map[string]bool{}
	for _, s := range []*Seat{&m.Value, m.Next} {
		if s == nil {
			continue
		}
		for _, a := range append(s.Known[:len(s.Known):len(s.Known)], s.Holder) {
			if a != "" && !named[string(a)] && len(keys) < docstore.MaxKeys {
				named[string(a)] = true
				keys = append(keys, docstore.IndexKey{Index: byAlias, Key: string(a)})
			}
		}
	}
	return keys
}

// pendingKey places something that a run saw by the run.
func pendingKey[T any](connection string, next *T, mark int64) []docstore.IndexKey {
	if next == nil {
		return nil
	}
	return []docstore.IndexKey{{Index: byPending, Key: docstore.Tuple(connection, docstore.Number(mark))}}
}

// settle takes back what runs after the last clean one marked and never ended clean. Until it is done, no
// run may end clean.
func settle[T any](ctx context.Context, h *holder, table docstore.Table[marked[T]], clean int64) error {
	for {
		found, _, err := table.Scan(ctx, h.store, docstore.Scan{
			Index: byPending, Prefix: docstore.TuplePrefix(h.name, ""), From: docstore.Tuple(h.name, docstore.Number(clean+1)), Limit: maxGroup,
		})
		if err != nil || len(found) == 0 {
			return err
		}
		var writes []docstore.Write
		for _, f := range found {
			w, err := settled(table, f.Row, clean)
			if err != nil {
				return err
			}
			writes = append(writes, w)
		}
		if err := h.write(ctx, writes...); err != nil {
			return err
		}
	}
}

// settled is the write that leaves of a thing what counts.
func settled[T any](table docstore.Table[marked[T]], row docstore.Row[marked[T]], clean int64) (docstore.Write, error) {
	row.Value = row.Value.at(clean)
	if row.Value.Mark == 0 {
		return table.Drop(row), nil
	}
	return table.Put(row)
}

// SeatInSet is a seat and for how many complete sets it has been missing: 0 in the last, 1 in that only,
// 2 in the one before too. It is at least that.
type SeatInSet struct {
	Seat
	Missing int `json:"missing,omitempty"`
}

// SeatsOf tells the seats of a connection as its last clean run left them: those of complete sets, and those
// that runs in between added. Seats that have been missing from two complete sets are told too, so that
// whoever reconciles can end them.
func SeatsOf(ctx context.Context, store docstore.Store, connection string, yield func(SeatInSet) error) error {
	state, err := States.Find(ctx, store, connection, theState)
	if err != nil {
		return err
	}
	clean := state.Value.Clean
	sets, err := setsOf(ctx, store, connection, clean)
	if err != nil {
		return err
	}
	for row, err := range seats.Rows(ctx, store, docstore.Scan{Prefix: docstore.TuplePrefix(connection, "")}) {
		if err != nil {
			return err
		}
		m := row.Value.at(clean)
		if m.Mark == 0 {
			continue
		}
		set := sets[setID(Seats, m.Set)]
		if err := yield(SeatInSet{m.Value, missing(m.Mark, set)}); err != nil {
			return err
		}
	}
	return nil
}

func missing(mark int64, set SetState) int {
	switch {
	case mark >= set.Full:
		return 0
	case mark >= set.Before:
		return 1
	}
	return 2
}

// OffersOf tells the provider's catalogue as the last clean run left it.
func OffersOf(ctx context.Context, store docstore.Store, connection string, yield func(Offer) error) error {
	state, err := States.Find(ctx, store, connection, theState)
	if err != nil {
		return err
	}
	clean := state.Value.Clean
	sets, err := setsOf(ctx, store, connection, clean)
	if err != nil {
		return err
	}
	for row, err := range offers.Rows(ctx, store, docstore.Scan{Prefix: docstore.TuplePrefix(connection, "")}) {
		if err != nil {
			return err
		}
		if m := row.Value.at(clean); m.Mark != 0 && m.Mark >= sets[setID(Items, m.Set)].Full {
			if err := yield(m.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// setID names the document of a set.
func setID(of SetKind, set string) string { return string(of) + "-" + setKey(set) }

// setsOf reads the sets of a connection as they count.
func setsOf(ctx context.Context, store docstore.Store, connection string, clean int64) (map[string]SetState, error) {
	sets := map[string]SetState{}
	for row, err := range Sets.Rows(ctx, store, docstore.Scan{Prefix: docstore.TuplePrefix(connection, "")}) {
		if err != nil {
			return nil, err
		}
		sets[row.ID] = row.Value.at(clean)
	}
	return sets, nil
}

// aliasKey is how an account is known to the directory.
func aliasKey(a Account) Key { return Key{Kind: KeyAccount, HomePage: a.HomePage, Value: a.Name} }

// instantOf is a time for the directory, 0 for none.
func instantOf(s IdentitySeen) lrs.Instant {
	if s.At.IsZero() {
		return 0
	}
	return lrs.InstantOf(s.At)
}
