package campus

import (
	"fmt"
	"time"
)

// tellCourse tells an OpenClassrooms course: six chapters of progress, a quiz, a certificate.
func (t *teller) tellCourse() {
	self, whole := agentAs(t.learner, byCourses), t.activity(course)
	path := activity{ID: fmt.Sprintf("%s/fr/paths/%d", homeCourses, 700+t.subject%6), Definition: &definition{
		Type: activityTypes + "course",
		Name: languageMap{"fr": fmt.Sprintf("Parcours numérique %d", t.subject%6+1), "en": fmt.Sprintf("Digital path %d", t.subject%6+1)},
	}}
	around := context{
		Registration:      t.registration,
		Platform:          "OpenClassrooms",
		Language:          "fr-FR",
		ContextActivities: &contextActivities{Grouping: []activity{path}},
	}
	inside := around
	inside.ContextActivities = &contextActivities{Parent: []activity{{ID: whole.ID}}, Grouping: []activity{path}}

	t.tell(time.Hour, self, "registered", whole, withContext(around))
	for n := 1; n <= 5; n++ {
		r := progress(n * 18)
		r.Duration = t.duration(2 * time.Hour)
		t.tell(5*day, self, "progressed", part(whole, "chapters", n, chapterName(n)), withContext(inside), withResult(r))
	}
	quiz := part(whole, "quizzes", 1, languageMap{"fr": "Quiz final", "en": "Final quiz"})
	quiz.Definition.Type = activityTypes + "assessment"
	first := t.percent(30, 95)
	if first < 0.7 {
		t.tell(time.Hour, self, "failed", quiz, withContext(inside), withResult(scored(first, false)))
		first = t.percent(70, 90)
	} else {
		t.tell(time.Hour, self, "progressed", whole, withContext(around), withResult(progress(95)))
	}
	t.tell(3*day, self, "passed", quiz, withContext(inside), withResult(scored(first, true)))
	t.tell(time.Minute, self, "completed", whole, withContext(around), withResult(completion()))
	title := languageMap{"fr": "Certificat de réussite", "en": "Certificate of achievement"}
	t.tell(time.Hour, self, "earned", part(whole, "certificates", 1, title), withContext(inside),
		withCertificate(title, fmt.Sprintf("%s/certificates/%d.pdf", homeCourses, 5_000_000+t.number)))
}
