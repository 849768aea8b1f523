package campus

import (
	"fmt"
	"time"
)

// tellSession tells a day in a classroom: planned by the manager, signed in twice, judged at the end.
// At every fourth learner the trainer writes down a failure by mistake and voids it (Data 2.3.2).
func (t *teller) tellSession() {
	self, meeting, trainer := t.self(), t.activity(session), staff(t.subject)
	around := withContext(t.classContext(trainer))

	plan := subStatement{ObjectType: "SubStatement", Actor: self, Verb: verbNamed("registered"), Object: meeting}
	plan.Timestamp = t.at.Add(14 * day).Format("2006-01-02T15:04:05Z")
	t.tell(time.Hour, staff(50+t.learner/4), "planned", plan)
	t.tell(3*day, self, "registered", meeting, around)
	t.tell(12*day, self, "attended", part(meeting, "half-days", 1, languageMap{"fr": "Matin", "en": "Morning"}), around)
	afternoon := t.tell(4*time.Hour, self, "attended", part(meeting, "half-days", 2, languageMap{"fr": "Après-midi", "en": "Afternoon"}), around,
		withResult(result{Duration: "PT3H30M"}))
	class := actor{ObjectType: "Group", Name: "Présents", Member: cohort(t.learner, subjects[t.subject].fr).Member}
	t.tell(time.Hour, class, "attended", meeting, around)
	t.tell(time.Hour, self, "answered", questions[3].activity(meeting, 1), around, withResult(questions[3].answer(t.random.IntN(4) > 0)))
	t.tell(day, trainer, "commented", reference{"StatementRef", afternoon.ID}, withResult(result{Response: "Participation active, à encourager."}))
	if t.learner%4 == 0 {
		mistake := t.tell(time.Hour, self, "failed", meeting, around, withResult(scored(0, false)))
		t.tell(time.Hour, trainer, "voided", reference{"StatementRef", mistake.ID})
	} else {
		t.tell(day, self, "experienced", part(meeting, "handouts", 1, languageMap{"fr": "Support de l’atelier", "en": "Workshop handout"}), around)
		t.tell(day, self, "passed", meeting, around, withResult(scored(t.percent(50, 100), true)))
	}
	t.tell(2*day, self, "completed", meeting, around, withResult(completion()),
		withCertificate(languageMap{"fr": "Attestation de présence", "en": "Certificate of attendance"},
			fmt.Sprintf("https://campus.example/attestations/%06d.pdf", t.number)))
}

// classContext names the trainer and the cohort; 2.0 has properties of its own for them as well.
func (t *teller) classContext(trainer actor) context {
	class := cohort(t.learner, subjects[t.subject].fr)
	around := context{
		Registration: t.registration,
		Instructor:   &trainer,
		Team:         &class,
		Language:     "fr",
		ContextActivities: &contextActivities{
			Parent:   []activity{{ID: activityID(programme, t.subject)}},
			Grouping: []activity{{ID: "https://campus.example/catalogue/2026"}},
			Category: []activity{{ID: "https://campus.example/xapi/profiles/presence"}},
		},
	}
	if t.version == Version200 {
		around.Team = nil
		around.ContextAgents = []contextAgent{{
			ObjectType:    "contextAgent",
			Agent:         staff(50 + t.learner/4),
			RelevantTypes: []string{"https://campus.example/xapi/roles/manager"},
		}}
		around.ContextGroups = []contextGroup{{
			ObjectType:    "contextGroup",
			Group:         class,
			RelevantTypes: []string{"https://campus.example/xapi/roles/cohort"},
		}}
	}
	return around
}
