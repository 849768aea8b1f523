package pix

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
)

// FuzzParticipations lets the reader take whatever a page may be: it refuses the page, or its observations name
// people by pseudonyms only and objects as the contract does.
func FuzzParticipations(f *testing.F) {
	for _, seed := range []string{
		`{"campaignParticipations":[{"id":"90017","status":"SHARED","participantId":"3f0c1f0d2f1b5c0d7b8e1d2c3b4a59687a6b5c4d","participantExternalId":"a@b.example","createdAt":"2026-02-01T08:00:00.000Z","sharedAt":"2026-02-03T10:12:00.000Z","masteryRate":0.82,"stages":{"reachedStage":2,"numberOfStages":4},"badges":[{"id":7,"key":"SOCLE","isAcquired":true}],"tubes":[{"id":"t","reachedLevel":"4"}]}],"page":{"number":1,"size":200,"count":1}}`,
		`{"campaignParticipations":[{"id":1,"status":"TO_SHARE","participantId":12,"createdAt":"2026-02-01T08:00:00Z","pixScore":-3}],"page":{"number":"1"}}`,
		`{"campaignParticipations":null,"page":{"number":1}}`, `{"campaignParticipations":[null],"page":{}}`, `[]`, `{`,
	} {
		f.Add([]byte(seed))
	}
	s, err := readSettings(jsontext.Value(`{"clientId":"hub","externalId":"mail","tubes":true,"issuer":"https://idp.example"}`))
	if err != nil {
		f.Fatal(err)
	}
	o := newObserver(s)
	f.Fuzz(func(t *testing.T, body []byte) {
		answer, err := readParticipations(body, 1)
		if err != nil {
			return
		}
		for _, kind := range []word{"ASSESSMENT", typeCollection} {
			s := &seen{}
			var far reach
			for _, row := range answer.Rows {
				o.row(s, organisation{ID: 1001}, campaign{ID: 501, Type: kind}, row)
				far.row(row, s.held)
			}
			for _, observation := range s.observations {
				row, is := observation.(connectors.ProgressSeen)
				if !is || row.Anonymised {
					continue
				}
				if !pseudonymForm.MatchString(row.Account.Name) || !numberForm.MatchString(row.ID) {
					t.Fatalf("%+v", row)
				}
				for _, m := range row.Milestones {
					if !strings.HasPrefix(m.Object.ID, "https://pix.fr/xapi/") || m.At.IsZero() || m.Result.Scaled != nil && (*m.Result.Scaled < 0 || *m.Result.Scaled > 1) {
						t.Fatalf("%+v", m)
					}
				}
			}
		}
	})
}
