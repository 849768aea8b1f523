package campus

import "fmt"

// tellProgramme tells a retraining programme: months of work with a tutor, and a new trade at the end.
func (t *teller) tellProgramme() {
	self, whole, tutor := t.self(), t.activity(programme), staff(t.learner)
	around := t.classContext(tutor)
	around.ContextActivities = &contextActivities{
		Grouping: []activity{{ID: activityID(course, t.subject)}, {ID: activityID(module, t.subject)}},
		Category: []activity{{ID: "https://campus.example/xapi/profiles/reconversion"}},
	}
	inside := withContext(around)
	milestone := func(n int) activity {
		return part(whole, "milestones", n, languageMap{"fr": fmt.Sprintf("Jalon %d", n), "en": fmt.Sprintf("Milestone %d", n)})
	}

	t.tell(day, self, "registered", whole, inside)
	first := t.tell(10*day, self, "progressed", milestone(1), inside, withResult(progress(20)))
	t.tell(5*day, tutor, "interacted", self, withContext(context{Registration: t.registration}))
	t.tell(8*day, self, "progressed", milestone(2), inside, withResult(progress(45)))
	t.tell(day, tutor, "commented", reference{"StatementRef", first.ID},
		withResult(result{Response: "Jalon atteint avec une semaine d’avance."}),
		withContext(context{Statement: &reference{"StatementRef", first.ID}, Language: "fr"}))
	t.tell(8*day, self, "progressed", milestone(3), inside, withResult(progress(80)))
	t.tell(3*day, self, "passed", part(whole, "projects", 1, languageMap{"fr": "Projet devant jury", "en": "Project before a jury"}), inside,
		withResult(scored(t.percent(55, 100), true)))
	t.tell(day, self, "progressed", whole, inside, withResult(progress(100)))
	t.tell(day, self, "completed", whole, inside, withResult(completion()))
	title := languageMap{"fr": "Titre professionnel", "en": "Professional title"}
	t.tell(day, self, "earned", part(whole, "titles", 1, title), inside,
		withCertificate(title, fmt.Sprintf("https://campus.example/titres/%06d.pdf", t.number)))
}
