package attendance

import (
	"slices"
	"strings"
	"time"

	"acquis/connectors"
	"acquis/hub/sheet"
)

// Columns of a file of attestations.
const (
	columnProvider  = "organisme"
	columnTitle     = "intitulé"
	columnReference = "référence"
	columnStatus    = "statut"
)

var attestationColumns = slices.Concat([]sheet.Column{
	{Name: columnProvider, Also: []string{"prestataire", "provider"}, Required: true},
	{Name: columnTitle, Also: []string{"intitule", "formation", "module", "title"}, Required: true},
	{Name: columnDate, Also: []string{"délivrée le", "date de délivrance", "day"}, Required: true},
	{Name: columnReference, Also: []string{"reference", "numéro d'attestation"}},
	{Name: columnStatus, Also: []string{"status"}},
	{Name: columnMinutes, Also: []string{"durée en minutes"}},
}, personColumns, []sheet.Column{{Family: true}})

// attestationLine observes one attestation: somebody followed something at an outside provider to its end.
func (s *settings) attestationLine(row sheet.Row, faults *sheet.Faults) []connectors.Observation {
	before := len(*faults)
	provider, title := slug(row.Get(columnProvider)), slug(row.Get(columnTitle))
	for column, text := range map[string]string{columnProvider: provider, columnTitle: title} {
		if text == "" || len(text) > 200 {
			faults.Add(row.Line, column, "missing", "this cell is empty or too long")
		}
	}
	day := dayOf(row, columnDate, faults)
	withdrawn := false
	switch strings.ToLower(row.Get(columnStatus)) {
	case "", "délivrée", "delivree", "valide", "issued":
	case "annulée", "annulee", "retirée", "withdrawn":
		withdrawn = true
	default:
		faults.Add(row.Line, columnStatus, "status", "write délivrée or annulée, or leave the cell empty")
	}
	minutes := s.attestedMinutes(row, faults)
	who, ok := s.person(row, faults)
	if !ok || len(*faults) > before {
		return nil
	}
	y, month, d := day.Date()
	at, complete := time.Date(y, month, d, 12, 0, 0, 0, s.zone), true // of the hour nothing is known
	who.At = at
	object := connectors.Activity{ID: s.Attestations + provider + "/" + title, Type: typeMeeting, Name: map[string]string{s.Language: row.Get(columnTitle)}}
	of := object.ID
	if reference := row.Get(columnReference); reference != "" {
		of += "\n" + reference
	}
	return []connectors.Observation{who, connectors.ProgressSeen{
		Set: "attestations", ID: "attestation " + strings.ReplaceAll(of, "\n", " ") + " " + who.Account.Name, Account: who.Account,
		Milestones: []connectors.Milestone{{
			Name: "completed", Verb: connectors.Verb{ID: verbCompleted, Display: map[string]string{"fr": "a terminé", "en": "completed"}}, Object: object, At: at,
			Result:  connectors.Result{Completion: &complete, Duration: time.Duration(minutes) * time.Minute},
			Context: connectors.Context{Registration: registration(of, who.Account), Language: s.Language}, Withdrawn: withdrawn,
		}},
	}}
}

// attestedMinutes reads how long it took; 0 when the attestation does not say.
func (s *settings) attestedMinutes(row sheet.Row, faults *sheet.Faults) int {
	text := row.Get(columnMinutes)
	if text == "" {
		return 0
	}
	n := 0
	for _, c := range text {
		if c < '0' || c > '9' || n > 100_000 {
			faults.Add(row.Line, columnMinutes, "minutes", "write a whole number of minutes")
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}
