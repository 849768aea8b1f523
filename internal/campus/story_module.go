package campus

import (
	"time"
)

// tellModule tells one launch of an in-house module, as cmi5 content reports it.
func (t *teller) tellModule() {
	self, whole := t.self(), t.activity(module)
	around := t.moduleContext()
	inside := around
	categories := around.ContextActivities.Category
	inside.ContextActivities = &contextActivities{Parent: []activity{{ID: whole.ID}}, Category: categories}

	t.tell(time.Hour, self, "initialized", whole, withContext(around))
	for n := 1; n <= 2; n++ {
		page := part(whole, "pages", n, languageMap{"fr-FR": "Page", "en-GB": "Page"})
		t.tell(5*time.Minute, self, "experienced", page, withContext(inside), withResult(result{Duration: t.duration(5 * time.Minute)}))
	}
	right := 0
	for n := range questions {
		success := t.random.IntN(4) > 0
		if success {
			right++
		}
		t.tell(3*time.Minute, self, "answered", questions[n].activity(whole, n+1), withContext(inside), withResult(questions[n].answer(success)))
	}
	mastery := float64(right) / float64(len(questions))
	r := scored(mastery, mastery >= 0.5)
	r.Duration = t.duration(20 * time.Minute)
	if mastery >= 0.5 {
		t.tell(time.Minute, self, "passed", whole, withContext(around), withResult(r))
		r = completion()
		r.Duration = t.duration(20 * time.Minute)
		t.tell(time.Second, self, "completed", whole, withContext(around), withResult(r))
	} else {
		t.tell(time.Minute, self, "failed", whole, withContext(around), withResult(r))
		t.tell(10*time.Minute, self, "experienced", part(whole, "pages", 3, languageMap{"fr-FR": "Pour revoir", "en-GB": "Go over it again"}), withContext(inside))
	}
	t.tell(time.Minute, self, "terminated", whole, withContext(around), withResult(result{Duration: t.duration(30 * time.Minute)}))
}

func (t *teller) moduleContext() context {
	around := context{
		Registration: t.registration,
		Platform:     "Campus",
		Language:     "fr-FR",
		ContextActivities: &contextActivities{Category: []activity{
			{ID: "https://w3id.org/xapi/cmi5/context/categories/cmi5"},
			{ID: "https://campus.example/xapi/profiles/module"},
		}},
		Extensions: extensions{"https://w3id.org/xapi/cmi5/context/extensions/sessionid": "session-" + t.registration[:8]},
	}
	if t.version == Version200 {
		around.ContextAgents = []contextAgent{{
			ObjectType:    "contextAgent",
			Agent:         staff(t.subject),
			RelevantTypes: []string{"https://campus.example/xapi/roles/designer"},
		}}
	}
	return around
}

// question is an interaction (Data 2.4.4.1) with a right and a wrong response.
type question struct {
	interaction  string
	name         languageMap
	pattern      []string
	right, wrong string
	choices      []component
	scale        []component
}

var questions = []question{
	{
		interaction: "choice",
		name:        languageMap{"fr-FR": "Quel mot de passe est le plus sûr ?", "en-GB": "Which password is the safest?"},
		pattern:     []string{"phrase"},
		right:       "phrase",
		wrong:       "prenom",
		choices: []component{
			{"prenom", languageMap{"fr-FR": "Un prénom", "en-GB": "A first name"}},
			{"phrase", languageMap{"fr-FR": "Une longue phrase", "en-GB": "A long sentence"}},
		},
	},
	{
		interaction: "true-false",
		name:        languageMap{"fr-FR": "Un lien bleu est toujours sûr", "en-GB": "A blue link is always safe"},
		pattern:     []string{"false"},
		right:       "false",
		wrong:       "true",
	},
	{
		interaction: "numeric",
		name:        languageMap{"fr-FR": "Combien de bits dans un octet ?", "en-GB": "How many bits in a byte?"},
		pattern:     []string{"8[:]8"},
		right:       "8",
		wrong:       "10",
	},
	{
		interaction: "likert",
		name:        languageMap{"fr-FR": "Ce module m’a été utile", "en-GB": "This module was useful to me"},
		pattern:     []string{"4"},
		right:       "4",
		wrong:       "2",
		scale: []component{
			{"1", languageMap{"fr-FR": "Pas du tout", "en-GB": "Not at all"}},
			{"2", languageMap{"fr-FR": "Peu", "en-GB": "A little"}},
			{"3", languageMap{"fr-FR": "Assez", "en-GB": "Rather"}},
			{"4", languageMap{"fr-FR": "Beaucoup", "en-GB": "Very"}},
		},
	},
}

func (q question) activity(whole activity, n int) activity {
	a := part(whole, "questions", n, q.name)
	a.Definition.Type = activityTypes + "cmi.interaction"
	a.Definition.InteractionType = q.interaction
	a.Definition.CorrectResponsesPattern = q.pattern
	a.Definition.Choices = q.choices
	a.Definition.Scale = q.scale
	return a
}

func (q question) answer(success bool) result {
	if success {
		return answer(q.right, true)
	}
	return answer(q.wrong, false)
}
