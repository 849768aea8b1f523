package pix

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"acquis/connectors"
	"acquis/hub/sheet"
)

const skipNobody = "line without an external id that is a key"

// campaignLines observes an export of campaign results, of an assessment or a collection of profiles: one line for
// each sending. Names are shown to whoever links by hand; lines without a key are passed over.
func (c *connector) campaignLines(t *table) []connectors.Page {
	o, g := newObserver(c.settings), &gather{total: len(t.Rows)}
	columns := campaignColumns{
		campaign: t.need("ID Campagne"), name: t.column("Nom de la campagne"), code: t.column("Code"), profile: t.column("Parcours"),
		family: t.column("Nom du Participant"), given: t.column("Prénom du Participant"),
		begun:  t.column("Date et heure de début (Europe/Paris)", "Date de début"),
		shared: t.need("Partage (O/N)", "Envoi (O/N)"), sharedAt: t.need("Date et heure du partage (Europe/Paris)", "Date du partage", "Date et heure de l'envoi (Europe/Paris)", "Date de l'envoi"),
		rate: t.column("% maitrise de l'ensemble des acquis du profil"), pix: t.column("Nombre de pix total"),
		external: c.externalColumn(t),
	}
	if len(t.faults) > 0 {
		return nil
	}
	for _, row := range t.Rows {
		s := &seen{}
		o.line(s, t, columns, row)
		g.add(s)
	}
	return g.pages
}

type campaignColumns struct {
	campaign, name, code, profile, family, given, begun, shared, sharedAt, rate, pix, external string
}

// externalColumn is the column of the external id, which the campaign's author has named.
func (c *connector) externalColumn(t *table) string {
	label := c.settings.Files.ExternalIDColumn
	if label == "" {
		t.faults.Add(1, "", "external-id", "say in the setting files.externalIdColumn which column holds the external id: lines are of people by that alone")
		return ""
	}
	return t.need(label)
}

// line observes one sending.
func (o *observer) line(s *seen, t *table, at campaignColumns, row sheet.Row) {
	id, err := strconv.ParseInt(row.Get(at.campaign), 10, 64)
	if err != nil || id <= 0 || id >= 1<<53 {
		t.faults.Add(row.Line, at.campaign, "campaign", "this is no number of a campaign")
		return
	}
	c := campaign{ID: number(id), Name: word(row.Get(at.name)), Code: word(row.Get(at.code)), Profile: word(row.Get(at.profile)), Type: "ASSESSMENT"}
	if at.pix != "" {
		c.Type = typeCollection
	}
	p := participation{CreatedAt: instant{t.when(row, at.begun)}, SharedAt: instant{t.when(row, at.sharedAt)}, Status: "STARTED", MasteryRate: t.figure(row, at.rate), PixScore: t.figure(row, at.pix)}
	if p.MasteryRate != nil && *p.MasteryRate > 1 {
		t.faults.Add(row.Line, at.rate, "range", "a rate is from 0 to 1, as in 0,82")
	}
	if t.yes(row, at.shared) {
		p.Status = "SHARED"
	} else {
		p.SharedAt, p.MasteryRate, p.PixScore = instant{}, nil, nil
	}
	kind := o.settings.externalID(c.ID.String())
	key, valid := externalKey(kind, o.settings.StaffNumbers, row.Get(at.external))
	switch {
	case !valid:
		s.skip(skipNobody, true)
		return
	case at.begun != "" && p.CreatedAt.IsZero():
		if row.Get(at.begun) == "" { // else it was told already
			t.faults.Add(row.Line, at.begun, "date", "the beginning is missing")
		}
		return
	case p.Status == "SHARED" && p.SharedAt.IsZero():
		t.faults.Add(row.Line, at.sharedAt, "date", "the line is sent without a date")
		return
	}
	begun := at.begun != ""
	if !begun { // a collection's export does not tell it
		p.CreatedAt = p.SharedAt
	}
	p.ID = numberOf(c.ID, key, p.CreatedAt.Time)
	o.badgesOf(s, t, row, &p)
	account := whose(key)
	milestones := o.milestones(s, organisation{}, c, p)
	if !begun {
		milestones = slices.DeleteFunc(milestones, func(m connectors.Milestone) bool { return m.Name == "initialized" })
	}
	s.observe(
		connectors.IdentitySeen{Account: account, Name: fullName(row.Get(at.given), row.Get(at.family)), Related: []connectors.Key{key}, At: p.CreatedAt.Time},
		connectors.ProgressSeen{Set: "import " + c.ID.String(), ID: "import " + c.ID.String() + " " + p.ID.String(), Account: account, Milestones: milestones},
	)
}

// badgesOf reads the columns of badges that the settings name.
func (o *observer) badgesOf(s *seen, t *table, row sheet.Row, p *participation) {
	for _, title := range slices.Sorted(maps.Keys(o.settings.Files.Badges)) {
		if column := t.column(title + " obtenu (O/N)"); column != "" && t.yes(row, column) {
			p.addBadge(o.settings.Files.Badges[title], title)
		}
	}
	for _, column := range t.Header {
		title, is := strings.CutSuffix(plainName(column), " obtenu (o/n)")
		named := slices.ContainsFunc(slices.Collect(maps.Keys(o.settings.Files.Badges)), func(t string) bool { return plainName(t) == title })
		if is && !named && t.yes(row, column) {
			s.skip("badge that the settings do not name", true)
		}
	}
}

// numberOf makes a number for a sending that has none in the export. It lies above all that Pix gives out, and is the
// same each time the line is read.
func numberOf(campaign number, key connectors.Key, begun time.Time) number {
	sum := sha256.Sum256([]byte(campaign.String() + "\n" + whose(key).Name + "\n" + begun.UTC().Format(time.RFC3339)))
	return number(1<<52 | binary.BigEndian.Uint64(sum[:])>>12)
}
