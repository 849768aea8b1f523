package campus

import (
	"fmt"
	"time"
)

// tellPixCampaign tells a participation: started, a few challenges, shared with the organisation.
// The actor is the provider's account, and masteryRate travels as score.scaled.
func (t *teller) tellPixCampaign() {
	self, campaign := agentAs(t.learner, byPix), t.activity(pixCampaign)
	around := withContext(context{
		Platform: "Pix",
		Language: "fr",
		ContextActivities: &contextActivities{
			Grouping: []activity{{ID: homePix + "/organisations/" + agentMinistry(t.learner).domain}},
			Category: []activity{{ID: homePix + "/xapi/profile"}},
		},
		Extensions: extensions{homePix + "/xapi/participation": 900_000 + t.number},
	})
	t.tell(time.Hour, self, "initialized", campaign, around)
	for n := 1; n <= 4; n++ {
		t.tell(10*time.Minute, self, "answered", t.challenge(campaign, n), around,
			withResult(answer(fmt.Sprintf("réponse %d", n), t.random.IntN(3) > 0)))
	}
	t.tell(2*day, self, "progressed", campaign, around, withResult(progress(30+t.random.IntN(20))))
	t.tell(2*day, self, "progressed", campaign, around, withResult(progress(70+t.random.IntN(20))))
	t.tell(day, self, "completed", campaign, around, withResult(completion()))

	mastery := t.percent(25, 98)
	stage := int(mastery * 5)
	shared := result{Score: &score{Scaled: mastery}, Extensions: extensions{
		homePix + "/xapi/stage":  map[string]any{"reached": stage, "of": 5},
		homePix + "/xapi/badges": t.badges(stage),
	}}
	t.tell(day, self, "shared", campaign, around, withResult(shared))
	if stage < 3 {
		t.tell(7*day, self, "initialized", campaign, around) // a second try
		return
	}
	badge := part(campaign, "badges", 1, languageMap{"fr": "Badge " + subjects[t.subject].fr, "en": "Badge " + subjects[t.subject].en})
	t.tell(time.Minute, self, "earned", badge, around)
}

func (t *teller) challenge(campaign activity, n int) activity {
	a := part(campaign, "epreuves", n, languageMap{"fr": fmt.Sprintf("Épreuve %d", n), "en": fmt.Sprintf("Challenge %d", n)})
	a.Definition.Type = activityTypes + "cmi.interaction"
	a.Definition.InteractionType = "other"
	return a
}

func (t *teller) badges(stage int) []string {
	badges := []string{}
	if stage >= 3 {
		badges = append(badges, subjects[t.subject].slug+"-confirme")
	}
	if stage >= 4 {
		badges = append(badges, subjects[t.subject].slug+"-avance")
	}
	return badges
}
