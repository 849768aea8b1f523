package completion

// told is what a verb says.
type told struct {
	does Milestones
	// closes says that a duration with it is that of the attempt from its beginning.
	closes bool
	// scores says that a score with it is that of the item.
	scores bool
}

const (
	adl    = "http://adlnet.gov/expapi/verbs/"
	tincan = "http://id.tincanapi.com/verb/"
)

// VerbMeaning tells which milestones a verb stands for; ok is false for one that says nothing about learning.
// Verbs are compared by their ids, never by what they are displayed as.
func VerbMeaning(verb string) (does Milestones, ok bool) {
	t, ok := meaning(verb)
	return t.does, ok
}

// meaning is the whole list of verbs that count. Those without a milestone show that somebody was there, and
// for how long.
func meaning(verb string) (told, bool) {
	switch verb {
	case adl + "initialized", adl + "attempted", adl + "attended", "http://activitystrea.ms/schema/1.0/start", "http://activitystrea.ms/start":
		return told{does: Started}, true
	case adl + "progressed":
		return told{does: Progressed}, true
	case adl + "completed", "http://activitystrea.ms/schema/1.0/complete", "http://activitystrea.ms/complete":
		return told{does: Completed, closes: true, scores: true}, true
	case adl + "passed":
		return told{does: Passed, closes: true, scores: true}, true
	case adl + "failed":
		return told{does: Failed, closes: true, scores: true}, true
	case tincan + "earned", "http://specification.openbadges.org/xapi/verbs/earned", "https://w3id.org/xapi/openbadges/verbs/earned":
		return told{does: Certified}, true
	case "https://w3id.org/xapi/adl/verbs/satisfied":
		return told{does: Validated}, true
	case adl + "scored":
		return told{scores: true}, true
	case adl + "terminated", adl + "suspended", adl + "exited", "https://w3id.org/xapi/adl/verbs/abandoned":
		return told{closes: true}, true
	case adl + "experienced", adl + "interacted", adl + "answered", adl + "resumed", adl + "asked",
		tincan + "viewed", "https://w3id.org/xapi/video/verbs/played", "https://w3id.org/xapi/video/verbs/paused":
		return told{}, true
	}
	return told{}, false
}
