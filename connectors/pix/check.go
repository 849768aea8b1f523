package pix

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"acquis/connectors"
)

// Check implements connectors.Connector: a token, the organisations, and how many pages their campaigns have.
func (c *connector) Check(ctx context.Context, r connectors.Request) (connectors.Check, error) {
	if c.settings.Driver == driverFiles {
		return connectors.Check{Says: []string{"Nothing is pulled from Pix: exports are handed in."}}, nil
	}
	p := &pull{session: c.session(r), observer: newObserver(c.settings)}
	list, err := p.organisations(ctx)
	if err != nil {
		return connectors.Check{}, faultOf(err)
	}
	check := connectors.Check{Calls: 2, Says: []string{fmt.Sprintf("Pix shows %d organisations.", len(list))}}
	for _, org := range list {
		if err := p.checkOrganisation(ctx, org, &check); err != nil {
			return connectors.Check{}, err
		}
	}
	return check, nil
}

func (p *pull) checkOrganisation(ctx context.Context, org organisation, check *connectors.Check) error {
	mapped, is := p.settings.Organisations[org.ID.String()]
	switch {
	case !is && p.settings.OnlyMapped:
		check.Says = append(check.Says, fmt.Sprintf("Organisation %d (%s) is left out: it is not in the setting organisations.", org.ID, org.Name))
		return nil
	case !is:
		mapped = "no organisation of the hub: name one in the setting organisations"
	}
	campaigns, hidden, err := p.campaigns(ctx, org)
	check.Calls++
	if isStatus(err, http.StatusForbidden) {
		check.Says = append(check.Says, fmt.Sprintf("Organisation %d (%s) may not be read.", org.ID, org.Name))
		return nil
	}
	if err != nil {
		return faultOf(err)
	}
	pages, archived := 0, 0
	for _, c := range campaigns {
		if !c.ArchivedAt.IsZero() {
			archived++
		}
		answer, err := p.rows(ctx, c, time.Time{}, 1)
		if isStatus(err, http.StatusForbidden) {
			continue
		}
		if err != nil {
			return faultOf(err)
		}
		pages += max(1, int(answer.Page.Count))
		if answer.Page.Count > 1 {
			pages += 2 // see pull.anchor
		}
	}
	check.Calls += pages
	check.Says = append(check.Says, fmt.Sprintf("Organisation %d (%s) → %s: %d campaigns, %d of them archived, %d requests for their participations.", org.ID, org.Name, mapped, len(campaigns), archived, pages))
	if hidden {
		check.Says = append(check.Says, "This server does not show archived campaigns, so the seats of that organisation cannot be counted whole.")
	}
	if p.plain {
		check.Says = append(check.Says, "This server does not sort participations by date: they are read in the order of names.")
	}
	return nil
}

// probed is how many participations a probe looks at in each campaign, and at most.
const (
	probedOfEach = 20
	probedInAll  = 200
)

// Probe implements connectors.Connector: which fields a few participations of each campaign have.
func (c *connector) Probe(ctx context.Context, r connectors.Request) (connectors.Probe, error) {
	if c.settings.Driver == driverFiles {
		return connectors.Probe{Says: []string{"Nothing is pulled from Pix: exports are handed in."}}, nil
	}
	p := &pull{session: c.session(r), observer: newObserver(c.settings)}
	list, err := p.organisations(ctx)
	if err != nil {
		return connectors.Probe{}, faultOf(err)
	}
	counts := &fieldCounts{}
	for _, org := range list {
		campaigns, _, err := p.campaigns(ctx, org)
		if isStatus(err, http.StatusForbidden) {
			continue
		}
		if err != nil {
			return connectors.Probe{}, faultOf(err)
		}
		for _, campaign := range campaigns {
			counts.campaign(campaign)
			if counts.rows >= probedInAll {
				continue
			}
			answer, err := p.rows(ctx, campaign, time.Time{}, 1)
			if isStatus(err, http.StatusForbidden) {
				continue
			}
			if err != nil {
				return connectors.Probe{}, faultOf(err)
			}
			for _, row := range answer.Rows[:min(probedOfEach, len(answer.Rows))] {
				counts.row(row)
			}
		}
	}
	return connectors.Probe{
		Says:   []string{fmt.Sprintf("Looked at %d organisations, %d campaigns and %d participations.", len(list), counts.campaigns, counts.rows)},
		Fields: counts.fields,
	}, nil
}

// fieldCounts counts in how many items fields are found.
type fieldCounts struct {
	campaigns, rows int
	fields          []connectors.Field
}

func (f *fieldCounts) count(item, name string, required, found bool) {
	at := -1
	for i := range f.fields {
		if f.fields[i].Item == item && f.fields[i].Name == name {
			at = i
		}
	}
	if at < 0 {
		f.fields = append(f.fields, connectors.Field{Item: item, Name: name, Required: required})
		at = len(f.fields) - 1
	}
	f.fields[at].Of++
	if found {
		f.fields[at].Found++
	}
}

func (f *fieldCounts) campaign(c campaign) {
	f.campaigns++
	f.count("campaign", "type", true, c.Type != "")
	f.count("campaign", "name", false, c.Name != "")
	f.count("campaign", "code", false, c.Code != "")
	f.count("campaign", "targetProfileName", false, c.Profile != "")
	f.count("campaign", "archivedAt", false, !c.ArchivedAt.IsZero())
}

func (f *fieldCounts) row(p participation) {
	f.rows++
	f.count("participation", "participantId", true, p.ParticipantID != "")
	f.count("participation", "status", true, p.Status != "")
	f.count("participation", "participantExternalId", false, p.ExternalID != "")
	f.count("participation", "authenticationId", false, p.AuthenticationID != "")
	f.count("participation", "names", false, p.FirstName != "" || p.LastName != "")
	f.count("participation", "sharedAt", false, !p.SharedAt.IsZero())
	f.count("participation", "masteryRate", false, p.MasteryRate != nil)
	f.count("participation", "pixScore", false, p.PixScore != nil)
	f.count("participation", "badges", false, len(p.Badges) > 0)
}
