package pix

import (
	"regexp"
	"strings"

	"acquis/connectors"
	"acquis/hub/sheet"
)

// certificationLines observes an export of certification results: one line for each certification. Date and place of
// birth are not looked at.
func (c *connector) certificationLines(t *table) []connectors.Page {
	columns := certificationColumns{
		number: t.need("Numéro de certification"), family: t.column("Nom"), given: t.column("Prénom"), external: t.need("Identifiant Externe"),
		status: t.need("Statut"), pix: t.need("Nombre de Pix", "Résultat"), kind: t.column("Type de certification"), day: t.need("Date de passage de la certification"),
	}
	if len(t.faults) > 0 {
		return nil
	}
	g := &gather{total: len(t.Rows)}
	for _, row := range t.Rows {
		s := &seen{}
		c.certification(s, t, columns, row)
		g.add(s)
	}
	return g.pages
}

type certificationColumns struct {
	number, family, given, external, status, pix, kind, day string
}

// verdicts of the states of a certification that has one.
var verdicts = map[string]string{"validée": verbPassed, "rejetée": verbFailed, "annulée": ""}

func (c *connector) certification(s *seen, t *table, at certificationColumns, row sheet.Row) {
	number := row.Get(at.number)
	if !numberForm.MatchString(number) {
		t.faults.Add(row.Line, at.number, "certification", "this is no number of a certification")
		return
	}
	status := strings.ToLower(row.Get(at.status))
	verdict, decided := verdicts[status]
	switch {
	case status == "en erreur" || status == "démarrée":
		s.skip("certification without a result", false)
		return
	case !decided:
		t.faults.Add(row.Line, at.status, "status", "this is none of Validée, Rejetée, Annulée, En erreur, Démarrée")
		return
	}
	day, pix := t.when(row, at.day), t.figure(row, at.pix)
	if day.IsZero() {
		t.faults.Add(row.Line, at.day, "date", "the day of the test is missing")
		return
	}
	key, valid := externalKey(c.settings.ExternalID, c.settings.StaffNumbers, row.Get(at.external))
	if !valid {
		s.skip(skipNobody, true)
		return
	}
	account := whose(key)
	object := connectors.Activity{ID: HomePage + "/xapi/certifications/" + kindOf(row.Get(at.kind)), Type: typeAssessment, Name: map[string]string{"fr": "Certification Pix"}}
	progress := connectors.ProgressSeen{Set: "certifications", ID: "certification " + number, Account: account}
	for _, verb := range []string{verbPassed, verbFailed} { // what a correction took back is withdrawn
		m := connectors.Milestone{Name: "certification", Verb: verbOf(verb), Object: object, At: day, Context: connectors.Context{Platform: "Pix", Language: c.settings.Language}}
		m.Withdrawn = verb != verdict
		if !m.Withdrawn {
			success, least := verb == verbPassed, 0.0
			m.Result.Success = &success
			if pix != nil {
				m.Result.Raw, m.Result.Min = pix, &least
			}
		}
		progress.Milestones = append(progress.Milestones, m)
	}
	s.observe(
		connectors.IdentitySeen{Account: account, Name: fullName(row.Get(at.given), row.Get(at.family)), Related: []connectors.Key{key}, At: day},
		progress,
	)
}

var notKind = regexp.MustCompile(`[^a-z0-9]+`)

// kindOf names a kind of certification for an IRI.
func kindOf(text string) string {
	folded := strings.NewReplacer("é", "e", "è", "e", "ê", "e", "à", "a", "ç", "c", "ô", "o").Replace(strings.ToLower(text))
	kind := strings.Trim(notKind.ReplaceAllString(folded, "-"), "-")
	if kind == "" || len(kind) > 100 || kind == "certification-pix" || kind == "coeur" {
		return "pix"
	}
	return kind
}
