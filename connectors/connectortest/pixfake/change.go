package pixfake

import (
	"fmt"
	"time"
)

// change does something to the world; pages that are asked for afterwards show it.
func (w *World) change(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
	w.version++
	clear(w.cache)
}

// Vanish deletes a participation, as an organisation does: it is listed no more, and nothing says so.
func (w *World) Vanish(participation int64) { w.change(func() { w.vanished[participation] = true }) }

// Restore takes Vanish back.
func (w *World) Restore(participation int64) {
	w.change(func() { delete(w.vanished, participation) })
}

// AnonymiseHolder blanks the account behind a participation: its rows keep names and external id, and get the
// participantId that all anonymised accounts share.
func (w *World) AnonymiseHolder(participation int64) {
	c, i := placeOf(participation)
	person := w.personOf(w.campaign(c), i)
	w.change(func() { w.anonymised[person] = true })
}

// SetRate corrects the mastery rate of a participation that was sent; nil is "not computed yet".
func (w *World) SetRate(participation int64, rate *float64) {
	w.change(func() { w.rates[participation] = rate })
}

// SetStatus lets a participation bear a status that nobody knows.
func (w *World) SetStatus(participation int64, status string) {
	w.change(func() { w.statuses[participation] = status })
}

// SetExternalID changes what the learner typed.
func (w *World) SetExternalID(participation int64, text string) {
	w.change(func() { w.externalIDs[participation] = text })
}

// Archive archives campaign n.
func (w *World) Archive(n int, at time.Time) { w.change(func() { w.archived[n] = at }) }

// Rename gives campaign n another name.
func (w *World) Rename(n int, name string) { w.change(func() { w.names[n] = name }) }

// Shared reports whether a participation was sent by now.
func (w *World) Shared(participation int64) bool {
	n, i := placeOf(participation)
	c, now := w.campaign(n), w.options.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.row(c, i, now)
	return !r.created.After(now) && r.status == "SHARED"
}

// Withdraw takes an organisation out of the client's jurisdiction: 403 for it and its campaigns.
func (w *World) Withdraw(organisation int64) {
	w.change(func() { w.withdrawn[int(organisation)] = true })
}

// Return takes Withdraw back.
func (w *World) Return(organisation int64) {
	w.change(func() { delete(w.withdrawn, int(organisation)) })
}

// ChangeClient gives the application another client_id: every pseudonym changes with it.
func (w *World) ChangeClient(id string) { w.change(func() { w.clientID = id }) }

// RevokeTokens withdraws all tokens that were given out.
func (w *World) RevokeTokens() { w.change(func() { w.revoked = w.issued }) }

// Pseudonym returns the participantId of a participation as it is now.
func (w *World) Pseudonym(participation int64) string {
	c, i := placeOf(participation)
	person := w.personOf(w.campaign(c), i)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pseudonym(person)
}

// Count says what of a campaign can be seen now.
type Count struct {
	Rows, Shared, Anonymous, Badges, Computing int
}

// CountOf counts the rows of campaign n as they are now.
func (w *World) CountOf(n int) (count Count) {
	c, now := w.campaign(n), w.options.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.visible(c, now) {
		r := w.row(c, i, now)
		if w.vanished[r.id] {
			continue
		}
		count.Rows++
		if r.status == "SHARED" {
			count.Shared++
			if c.kind != Collection && r.rate == nil {
				count.Computing++
			}
		}
		if r.badge {
			count.Badges++
		}
		if w.anonymised[r.person] {
			count.Anonymous++
		}
	}
	return count
}

// changed applies what was done to a row. mu is held.
func (w *World) changed(r *row) {
	if status, is := w.statuses[r.id]; is {
		r.status = status
	}
	if rate, is := w.rates[r.id]; is && r.status == "SHARED" {
		r.rate, r.badge = rate, rate != nil && *rate >= 0.8
	}
	r.external = w.externalIDs[r.id]
}

func (c campaign) String() string { return fmt.Sprint(c.id) }
