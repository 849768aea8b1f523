package pix

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
)

// watermark is how far each campaign was read, in Pix's own times.
type watermark struct {
	// ClientID is whose pseudonyms are known. Under another client_id everybody has another.
	ClientID  string               `json:"clientId"`
	Campaigns map[string]time.Time `json:"campaigns"`
}

func (c *connector) watermark(saved jsontext.Value) (watermark, error) {
	var w watermark
	if len(saved) > 0 {
		if err := json.Unmarshal(saved, &w); err != nil {
			return w, connectors.Faultf(connectors.NeedsPerson, "What was noted of the last run of this connection cannot be read. Nothing was changed; show the detail to an engineer.", "the watermark is of another form: %v", err)
		}
	}
	if w.ClientID != "" && w.ClientID != c.settings.ClientID {
		return w, connectors.Faultf(connectors.NeedsPerson,
			"The client_id of this connection was changed. Pix gives every participant another pseudonym under another client_id, so all would be counted twice. Set the former client_id again, or make a new connection for the new one.",
			"the watermark is of another client_id")
	}
	w.ClientID = c.settings.ClientID
	if w.Campaigns == nil {
		w.Campaigns = map[string]time.Time{}
	}
	return w, nil
}

func (w watermark) value() (jsontext.Value, error) { return json.Marshal(w, json.Deterministic(true)) }

// longestWait is how long a sending without results keeps the watermark from moving on. The weekly sweep finds
// what takes longer.
const longestWait = 7 * 24 * time.Hour

// reach is how far a campaign was read: the latest time in its rows, or just before the earliest sending whose
// results are awaited.
type reach struct {
	latest time.Time
	held   time.Time
}

func (r *reach) row(p participation, held bool) {
	for _, at := range []time.Time{p.CreatedAt.Time, p.SharedAt.Time} {
		if at.After(r.latest) {
			r.latest = at
		}
	}
	if held && (r.held.IsZero() || p.SharedAt.Before(r.held)) {
		r.held = p.SharedAt.Time
	}
}

// mark returns the campaign's new watermark; it never goes back behind the former, but for what is held.
func (r *reach) mark(former time.Time) time.Time {
	mark := former
	if r.latest.After(mark) {
		mark = r.latest
	}
	if !r.held.IsZero() && r.held.Before(mark) && mark.Sub(r.held) < longestWait {
		mark = r.held.Add(-time.Millisecond)
	}
	return mark
}
