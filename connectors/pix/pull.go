package pix

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
)

const (
	campaignsAtOnce = 1000 // the most that Pix gives
	rowsAtOnce      = 200
	// mostPages bounds what is read of one list, for the case that its end never comes.
	mostPages = 100_000
)

// pull is one Pull under way.
type pull struct {
	*session
	observer *observer
	full     bool
	before   watermark
	after    watermark
	yield    func(connectors.Page) error

	items int  // rows so far
	plain bool // sort was refused once: rows come in the order of names
}

// Pull implements connectors.Connector.
func (c *connector) Pull(ctx context.Context, r connectors.Request, yield func(connectors.Page) error) (jsontext.Value, error) {
	before, err := c.watermark(r.Watermark)
	if err != nil {
		return nil, err
	}
	if err := c.readFiles(r.Files, yield); err != nil {
		return nil, err
	}
	if c.settings.Driver == driverFiles {
		return before.value()
	}
	p := &pull{
		session: c.session(r), observer: newObserver(c.settings), full: r.Full || len(r.Watermark) == 0, before: before, yield: yield,
		after: watermark{ClientID: before.ClientID, Campaigns: maps.Clone(before.Campaigns)},
	}
	if err := p.run(ctx); err != nil {
		return nil, err
	}
	return p.after.value()
}

func (p *pull) run(ctx context.Context) error {
	list, err := p.organisations(ctx)
	if err != nil {
		return faultOf(err)
	}
	listed := map[string]bool{}
	for _, org := range list {
		if _, mapped := p.settings.Organisations[org.ID.String()]; !mapped && p.settings.OnlyMapped {
			continue
		}
		if err := p.organisation(ctx, org, listed); err != nil {
			return err
		}
	}
	return p.missed(listed)
}

// missed tells of campaigns that were read before and are listed no more. Nothing ends with them: they were
// deleted, or the organisation lost its tag.
func (p *pull) missed(listed map[string]bool) error {
	gone := 0
	for id := range p.before.Campaigns {
		if !listed[id] {
			gone++
		}
	}
	if gone == 0 {
		return nil
	}
	return p.yield(connectors.Page{Skipped: []connectors.Skip{{Reason: "campaign that is listed no more", Items: gone, Person: true}}})
}

func (s *session) organisations(ctx context.Context) (list []organisation, err error) {
	err = s.get(ctx, "/organizations", nil, func(body []byte) error {
		list = nil
		if err := lenient(body, &list); err != nil {
			return readable(err)
		}
		for _, org := range list {
			if org.ID <= 0 {
				return errors.New("an organisation has no id")
			}
		}
		if list == nil {
			return errors.New("the answer is no list of organisations")
		}
		return nil
	})
	if err == nil && len(list) == 0 {
		return nil, connectors.Faultf(connectors.NeedsPerson, "Pix shows no organisation at all. Nothing was changed: ask Pix whether the client still has its jurisdiction.", "GET /organizations: an empty list")
	}
	return list, err
}

// organisation reads the campaigns of an organisation. The set of its seats ends only when every one was seen.
func (p *pull) organisation(ctx context.Context, org organisation, listed map[string]bool) error {
	campaigns, hidden, err := p.campaigns(ctx, org)
	if isStatus(err, http.StatusForbidden) { // for an unknown one too: nothing ends with it
		return p.yield(connectors.Page{Skipped: []connectors.Skip{{Reason: "organisation that Pix refuses to show", Items: 1, Person: true}}})
	}
	if err != nil {
		return faultOf(err)
	}
	if err := p.yield(p.offers(campaigns)); err != nil {
		return err
	}
	whole := !hidden
	for _, c := range campaigns {
		listed[c.ID.String()] = true
		complete, err := p.campaign(ctx, org, c)
		if err != nil {
			return err
		}
		whole = whole && complete
	}
	if p.full && whole {
		return p.yield(connectors.Page{Observations: []connectors.Observation{connectors.SetEnd{Of: connectors.Seats, Set: org.ID.String()}}})
	}
	return nil
}

// offers are the campaigns as things to learn. Their set never ends: one that vanishes takes nothing with it.
func (p *pull) offers(campaigns []campaign) (page connectors.Page) {
	for _, c := range campaigns {
		a := p.observer.activity(c)
		status := "open"
		if !c.ArchivedAt.IsZero() {
			status = "archived"
		}
		page.Observations = append(page.Observations, connectors.ItemSeen{
			ID: c.ID.String(), Activity: a.ID, Title: a.Name, URL: a.MoreInfo, Status: status, Live: c.ArchivedAt.IsZero(), Language: p.settings.Language,
		})
	}
	return page
}

// campaigns lists an organisation's campaigns, archived ones too. hidden reports that this server may keep archived
// ones back: it refuses to be asked for them, and shows none.
func (s *session) campaigns(ctx context.Context, org organisation) (list []campaign, hidden bool, err error) {
	list, err = s.campaignPages(ctx, org, true)
	if !isStatus(err, http.StatusBadRequest) {
		return list, false, err
	}
	list, err = s.campaignPages(ctx, org, false)
	hidden = true
	for _, c := range list {
		hidden = hidden && c.ArchivedAt.IsZero()
	}
	return list, hidden, err
}

func (s *session) campaignPages(ctx context.Context, org organisation, archived bool) (list []campaign, err error) {
	for number := 1; number <= mostPages; number++ {
		query := paged(number, campaignsAtOnce)
		if archived {
			query.Set("withArchived", "true")
		}
		var answer struct {
			Campaigns []campaign `json:"campaigns"`
			Page      page       `json:"page"`
		}
		err := s.get(ctx, "/organizations/"+org.ID.String()+"/campaigns", query, func(body []byte) error {
			answer.Campaigns = nil
			if err := mustHave(body, "campaigns"); err != nil {
				return err
			}
			if err := lenient(body, &answer); err != nil {
				return readable(err)
			}
			for _, c := range answer.Campaigns {
				if c.ID <= 0 {
					return errors.New("a campaign has no id")
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		list = append(list, answer.Campaigns...)
		if len(answer.Campaigns) == 0 || number >= int(answer.Page.Count) {
			break
		}
	}
	return list, nil
}

func paged(number, size int) url.Values {
	return url.Values{"page[number]": {strconv.Itoa(number)}, "page[size]": {strconv.Itoa(size)}}
}

// passes is how often a sweep reads a campaign from which rows are taken away meanwhile.
const passes = 3

// campaign reads the participations of a campaign. complete reports that every row that there is was seen: then
// the set of its rows ends.
func (p *pull) campaign(ctx context.Context, org organisation, c campaign) (complete bool, err error) {
	id := c.ID.String()
	former := p.before.Campaigns[id]
	var since time.Time
	if !p.full && !former.IsZero() {
		since = former.Add(-time.Duration(p.settings.OverlapHours) * time.Hour)
	}
	var far reach
	for range passes {
		far = reach{}
		if complete, err = p.pass(ctx, org, c, since, &far); complete || err != nil || !p.full {
			break
		}
	}
	if isStatus(err, http.StatusForbidden) { // unknown, deleted, or out of the jurisdiction by now
		return false, p.yield(connectors.Page{Skipped: []connectors.Skip{{Reason: "campaign that Pix refuses to show", Items: 1, Person: true}}})
	}
	if err != nil {
		return false, faultOf(err)
	}
	p.after.Campaigns[id] = far.mark(former)
	if !p.full {
		return true, nil
	}
	if !complete {
		return false, p.yield(connectors.Page{Skipped: []connectors.Skip{{Reason: "campaign whose rows moved while they were read", Items: 1}}})
	}
	return true, p.yield(connectors.Page{Observations: []connectors.Observation{connectors.SetEnd{Of: connectors.Rows, Set: id}}})
}

// pass reads all pages once. Pages are cut by counting rows, so that a row that is deleted meanwhile pulls one behind
// it over to a page that was read already. The first row of the last page tells: new rows come behind it, and only
// a deletion moves it.
func (p *pull) pass(ctx context.Context, org organisation, c campaign, since time.Time, far *reach) (still bool, err error) {
	anchor, last, err := p.anchor(ctx, c, since)
	if err != nil {
		return false, err
	}
	still = true
	for number := 1; number <= mostPages; number++ {
		answer, err := p.rows(ctx, c, since, number)
		if err != nil {
			return false, err
		}
		if number == last && (len(answer.Rows) == 0 || answer.Rows[0].ID != anchor) {
			still = false
		}
		if err := p.yield(p.observed(org, c, answer, far)); err != nil {
			return false, err
		}
		if len(answer.Rows) == 0 || number >= int(answer.Page.Count) {
			return still && number >= last, nil
		}
	}
	return false, connectors.Faultf(connectors.GiveUp, "The list of a Pix campaign has no end, so it was given up. Show the detail to an engineer.", "campaign %d has more than %d pages", c.ID, mostPages)
}

// anchor returns the first row of the last page, and which that is; 0 where there is one page or none, or nothing ends.
func (p *pull) anchor(ctx context.Context, c campaign, since time.Time) (id number, last int, err error) {
	if !p.full {
		return 0, 0, nil
	}
	first, err := p.rows(ctx, c, since, 1)
	if err != nil || first.Page.Count <= 1 {
		return 0, 0, err
	}
	answer, err := p.rows(ctx, c, since, int(first.Page.Count))
	if err != nil || len(answer.Rows) == 0 {
		return 0, 0, err
	}
	return answer.Rows[0].ID, int(first.Page.Count), nil
}

// rows asks for one page of participations, oldest first where the server can.
func (p *pull) rows(ctx context.Context, c campaign, since time.Time, number int) (answer *participationPage, err error) {
	path := "/campaigns/" + c.ID.String() + "/participations"
	read := func(body []byte) (err error) {
		answer, err = readParticipations(body, number)
		return err
	}
	query := paged(number, rowsAtOnce)
	if !since.IsZero() {
		query.Set("since", since.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	if !p.plain {
		query.Set("sort[0][value]", "createdAt")
		query.Set("sort[0][type]", "asc")
		err := p.get(ctx, path, query, read)
		if !isStatus(err, http.StatusBadRequest) {
			return answer, err
		}
		query.Del("sort[0][value]")
		query.Del("sort[0][type]")
	}
	if err := p.get(ctx, path, query, read); err != nil {
		return nil, err
	}
	p.plain = true
	return answer, nil
}

// observed makes observations of a page.
func (p *pull) observed(org organisation, c campaign, answer *participationPage, far *reach) connectors.Page {
	s := &seen{observations: make([]connectors.Observation, 0, 3*len(answer.Rows))}
	for _, row := range answer.Rows {
		s.held = false
		p.observer.row(s, org, c, row)
		far.row(row, s.held)
	}
	p.items += len(answer.Rows)
	behind := max(0, int(answer.Page.Count)-int(answer.Page.Number)) * rowsAtOnce
	return connectors.Page{
		Observations: s.observations, Skipped: s.skipped, Fields: s.fields(), Items: len(answer.Rows), Expected: p.items + behind,
	}
}

// fields counts the keys that could be used. None is required: learners may have typed anything.
func (s *seen) fields() (fields []connectors.Field) {
	for i, name := range []string{"participantExternalId", "authenticationId"} {
		if k := s.keys[i]; k.of > 0 {
			fields = append(fields, connectors.Field{Item: "participation", Name: name, Found: k.is, Of: k.of})
		}
	}
	return fields
}

// String names a campaign for engineers.
func (c campaign) String() string { return fmt.Sprint(int64(c.ID)) }
