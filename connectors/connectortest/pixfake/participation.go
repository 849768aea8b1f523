package pixfake

import (
	"net/http"
	"strconv"
	"time"
)

func (w *World) participations(rw http.ResponseWriter, r *http.Request, id string) {
	known := []string{"since", "page[number]", "page[size]", "page", "authenticationrequesteddata"}
	if !w.options.NoSort {
		known = append(known, "sort[0][value]", "sort[0][type]")
	}
	asked, fault := nested(r.URL.Query(), known...)
	q := query{sorted: asked["sort[0][value]"] == "createdAt", desc: asked["sort[0][type]"] == "desc"}
	if value := asked["sort[0][value]"]; fault == "" && value != "" && value != "createdAt" {
		fault = `"sort[0].value" must be [createdAt]`
	}
	if text := asked["since"]; fault == "" && text != "" {
		since, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			fault = `"since" must be in ISO 8601 date format`
		}
		q.since = since
	}
	q.page, q.size, fault = paging(asked, fault, 10, 200)
	if fault != "" {
		jsonAPI(rw, http.StatusBadRequest, "Bad Request", fault, "")
		return
	}
	if _, asks := asked["authenticationrequesteddata"]; asks {
		jsonAPI(rw, http.StatusBadRequest, "Bad Request", "The requested data is not known.", "INVALID_AUTHENTICATION_DATA")
		return
	}
	c, ok := w.campaignOf(id)
	if !ok { // never 404
		boom(rw, http.StatusForbidden, "Forbidden")
		return
	}
	rows, pages := w.page(c, q)
	list := make([]participation, len(rows))
	for i, row := range rows {
		if w.options.AnonymisedFails && w.isAnonymised(row.person) {
			boom(rw, http.StatusInternalServerError, "An internal server error occurred")
			return
		}
		list[i] = w.participation(c, row)
	}
	answer(rw, http.StatusOK, map[string]any{
		"campaignParticipations": list, "page": map[string]any{"number": q.page, "size": q.size, "count": pages},
	})
}

func (w *World) isAnonymised(person int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.anonymised[person]
}

func (w *World) campaignOf(text string) (campaign, bool) {
	id, err := strconv.ParseInt(text, 10, 64)
	n := id - CampaignID(0)
	if err != nil || n < 0 || n >= int64(w.options.Organisations*w.options.Campaigns) {
		return campaign{}, false
	}
	c := w.campaign(int(n))
	return c, w.seen(c.org)
}

// participation is a row as the partner interface writes it.
type participation struct {
	ID                  any            `json:"id"`
	CampaignID          any            `json:"campaignId"`
	Status              string         `json:"status"`
	ParticipantID       string         `json:"participantId"`
	ExternalID          *string        `json:"participantExternalId"`
	FirstName           string         `json:"participantFirstName"`
	LastName            string         `json:"participantLastName"`
	AuthenticationID    *string        `json:"authenticationId"`
	AuthenticationAsked map[string]any `json:"authenticationRequestedData,omitempty"`
	CreatedAt           string         `json:"createdAt"`
	SharedAt            *string        `json:"sharedAt"`
	MasteryRate         *float64       `json:"masteryRate"`
	PixScore            *int           `json:"pixScore"`
	Stages              *stages        `json:"stages,omitempty"`
	Badges              []badge        `json:"badges,omitempty"`
	Tubes               []tube         `json:"tubes,omitempty"`
}

type stages struct {
	Reached int `json:"reachedStage"`
	Number  int `json:"numberOfStages"`
}

type badge struct {
	ID         int64  `json:"id"`
	Key        string `json:"key"`
	Title      string `json:"title"`
	ImageURL   string `json:"imageUrl"`
	Message    string `json:"message"`
	AltMessage string `json:"altMessage"`
	Acquired   bool   `json:"isAcquired"`
	Percentage int    `json:"acquisitionPercentage"`
}

type tube struct {
	ID           string `json:"id"`
	CompetenceID string `json:"competenceId"`
	AreaName     string `json:"areaName"`
	MaxLevel     int    `json:"maxLevel"`
	ReachedLevel int    `json:"reachedLevel"`
	Title        string `json:"practicalTitle"`
	Description  string `json:"practicalDescription"`
}

func (w *World) participation(c campaign, r row) participation {
	p := participation{
		ID: w.number(r.id), CampaignID: w.number(c.id), Status: r.status, ParticipantID: r.pseudo,
		FirstName: r.given, LastName: r.family, CreatedAt: stamp(r.created), MasteryRate: r.rate, PixScore: r.pix,
	}
	if r.external != "" {
		p.ExternalID = &r.external
	}
	shared := !r.shared.IsZero()
	if shared {
		at := stamp(r.shared)
		p.SharedAt = &at
		p.Tubes = []tube{{"tube1", "comp1", "Information et données", 5, int(r.id % 6), "Rechercher", "Trouver une information"}}
	}
	if c.kind == Collection { // neither stages nor badges
		return p
	}
	p.Stages = &stages{Number: 4}
	if r.rate != nil {
		p.Stages.Reached = int(*r.rate * 4)
	}
	b := badge{ID: 7, Key: "SOCLE", Title: "Socle", ImageURL: "https://images.pix.example/socle.svg", Message: "Bravo", AltMessage: "Socle", Acquired: r.badge}
	if b.Acquired {
		b.Percentage = 100
	}
	p.Badges = []badge{b}
	return p
}
