package campus

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

const day = 24 * time.Hour

// teller tells one story: what one learner did with one activity, in the order in which it happened.
type teller struct {
	campus       *Campus
	random       *rand.Rand
	number       int // of the story
	learner      int // number of the agent
	subject      int
	registration string
	version      string // "" or Version200
	at           time.Time
	told         []statement
}

// tellers has one telling for each kind; each of them tells statementsAStory statements.
var tellers = [kinds]func(*teller){
	pixCampaign: (*teller).tellPixCampaign,
	course:      (*teller).tellCourse,
	module:      (*teller).tellModule,
	session:     (*teller).tellSession,
	programme:   (*teller).tellProgramme,
}

// story tells story n. The five stories of a learner start ten weeks apart and last six weeks at most.
func (c *Campus) story(n int) []statement {
	random := c.random(streamStory, uint64(n))
	chapter, learner := n%storiesALearner, n/storiesALearner
	t := &teller{
		campus:       c,
		random:       random,
		number:       n,
		learner:      learner % (People - 100), // the rest is staff
		subject:      random.IntN(len(subjects)),
		registration: c.uuid(streamRegistration, uint64(n)),
		at:           c.start.Add(-365*day + time.Duration(chapter)*70*day + time.Duration(random.IntN(20*24*60))*time.Minute),
	}
	k := kind(chapter)
	if k >= module && learner%2 == 1 { // the in-house tools of every second ministry speak 2.0
		t.version = Version200
	}
	tellers[k](t)
	return t.told
}

// tell adds a statement that happened within the given time after the one before.
func (t *teller) tell(within time.Duration, who actor, verbName string, object any, with ...func(*statement)) statement {
	t.at = t.at.Add(time.Second + time.Duration(t.random.Int64N(int64(within/time.Millisecond)))*time.Millisecond)
	stmt := statement{
		ID:        t.id(len(t.told)),
		Actor:     who,
		Verb:      verbNamed(verbName),
		Object:    object,
		Timestamp: t.timestamp(),
		Version:   t.version,
	}
	for _, change := range with {
		change(&stmt)
	}
	t.told = append(t.told, stmt)
	return stmt
}

func (t *teller) id(step int) string {
	return t.campus.uuid(streamStatementID, uint64(t.number*statementsAStory+step))
}

// timestamp is in UTC, save that the sign-in sheets of half the classrooms are in French winter time.
func (t *teller) timestamp() string {
	if kind(t.number%storiesALearner) == session && t.learner%4 == 0 {
		return t.at.In(time.FixedZone("", 3600)).Format("2006-01-02T15:04:05.000-07:00")
	}
	return t.at.Format("2006-01-02T15:04:05.000Z")
}

func (t *teller) activity(k kind) activity {
	return activityOf(k, t.subject)
}

// self is the learner as in-house tools know them.
func (t *teller) self() actor {
	return agentAs(t.learner, [...]identity{byMbox, byMatricule, byMbox, bySHA1, byOpenID}[t.learner%5])
}

// percent draws a whole percentage between the bounds, as a fraction.
func (t *teller) percent(low, high int) float64 {
	return float64(low+t.random.IntN(high-low+1)) / 100
}

func (t *teller) duration(atMost time.Duration) string {
	seconds := 20 + t.random.IntN(int(atMost/time.Second))
	return "PT" + strings.ToUpper((time.Duration(seconds) * time.Second).String())
}

// The parts that tellings add to a statement.

func withResult(r result) func(*statement) {
	return func(stmt *statement) { stmt.Result = &r }
}

func withContext(c context) func(*statement) {
	return func(stmt *statement) { stmt.Context = &c }
}

func withCertificate(title languageMap, url string) func(*statement) {
	return func(stmt *statement) {
		sum := sha256.Sum256([]byte(url))
		stmt.Attachments = []attachment{{
			UsageType:   "http://id.tincanapi.com/attachment/certificate-of-completion",
			Display:     title,
			ContentType: "application/pdf",
			Length:      48_000 + int(sum[0])*97,
			SHA2:        hex.EncodeToString(sum[:]),
			FileURL:     url,
		}}
	}
}

func scored(scaled float64, success bool) result {
	raw, low, high := float64(int(scaled*100+0.5)), 0.0, 100.0
	return result{Score: &score{Scaled: scaled, Raw: &raw, Min: &low, Max: &high}, Success: &success}
}

func progress(percent int) result {
	done := percent == 100
	return result{Completion: &done, Extensions: extensions{"https://w3id.org/xapi/cmi5/result/extensions/progress": percent}}
}

func completion() result {
	done := true
	return result{Completion: &done}
}

func answer(response string, success bool) result {
	return result{Response: response, Success: &success}
}

func chapterName(n int) languageMap {
	return languageMap{"fr": fmt.Sprintf("Chapitre %d", n), "en": fmt.Sprintf("Chapter %d", n)}
}
