package access

import (
	"context"
	"strings"
	"sync"
	"time"
)

// maxRefusals bounds how many different refusals are remembered until they are kept; the rest is
// counted as one, so that an attacker can't fill memory or disk.
const maxRefusals = 100

// journal gathers refused authentications, alike ones together, until they are kept.
type journal struct {
	store Store
	now   func() time.Time

	mu      sync.Mutex
	pending map[refusal]*Entry
}

type refusal struct{ actor, address, detail string }

func newJournal(store Store, now func() time.Time) *journal {
	return &journal{store: store, now: now, pending: map[refusal]*Entry{}}
}

// refused notes a refusal. What the stranger says of himself is cut short; his secret is not looked at.
func (j *journal) refused(given Presented, detail string) {
	r := refusal{shortened(given.Key), given.Address, detail}
	if given.Bearer != "" {
		r.actor = "bearer"
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, known := j.pending[r]; !known && len(j.pending) >= maxRefusals {
		r = refusal{detail: "many different keys or addresses at once"}
	}
	e := j.pending[r]
	if e == nil {
		e = &Entry{Actor: r.actor, Action: "authenticate", Address: r.address, Outcome: Denied, Detail: r.detail}
		j.pending[r] = e
	}
	e.Time = j.now().UTC()
	e.Count++
}

// flush keeps what was gathered. What could not be kept is tried again.
func (j *journal) flush(ctx context.Context) error {
	j.mu.Lock()
	pending := j.pending
	j.pending = map[refusal]*Entry{}
	j.mu.Unlock()
	if len(pending) == 0 {
		return nil
	}
	entries := make([]Entry, 0, len(pending))
	for _, e := range pending {
		entries = append(entries, *e)
	}
	err := j.store.AppendAudit(ctx, entries...)
	if err != nil {
		j.restore(pending)
	}
	return err
}

func (j *journal) restore(pending map[refusal]*Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for r, e := range pending {
		if since := j.pending[r]; since != nil {
			since.Count += e.Count
		} else if len(j.pending) < 2*maxRefusals {
			j.pending[r] = e
		}
	}
}

// shortened is a name that a stranger chose, fit for the record.
func shortened(name string) string { return shortenedTo(name, maxName) }

func shortenedTo(text string, most int) string {
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
