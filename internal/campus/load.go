package campus

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// DefaultSize is the size in bytes of a statement that Bench makes when none is asked for.
const DefaultSize = 1200

// Enrolments are interleaved: enrolmentsAtOnce of them are under way, each has a place in
// statementsAnEnrolment statements in turn, and every second of these carries its registration.
const (
	enrolmentsAtOnce      = 64
	statementsAnEnrolment = 16
)

// loadPool holds what Bench puts together, already written as JSON.
type loadPool struct {
	agents, staff []string
	activities    []string // with a short definition
	activityIDs   []string // {"id":"…"}
	verbs         [kinds][]string
}

// loadVerbs says which verbs are used with a kind of activity. Verbs "attended" and "answered" thus
// both have long lists of statements, and no activity in common: an intersection that is empty.
var loadVerbs = [kinds][]string{
	pixCampaign: {"initialized", "progressed", "progressed", "shared", "completed"},
	course:      {"registered", "progressed", "progressed", "progressed", "completed", "earned"},
	module:      {"initialized", "experienced", "experienced", "answered", "answered", "answered", "completed", "passed", "failed", "terminated"},
	session:     {"registered", "attended", "attended"},
	programme:   {"registered", "progressed", "progressed", "passed", "completed"},
}

func (c *Campus) newLoadPool() *loadPool {
	p := &loadPool{}
	for n := range People {
		p.agents = append(p.agents, string(c.AgentJSON(n)))
	}
	for n := range 100 {
		p.staff = append(p.staff, string(marshal(staff(n))))
	}
	for n := range Activities {
		id := string(marshal(c.ActivityID(n)))
		p.activityIDs = append(p.activityIDs, `{"id":`+id+`}`)
		a := activityOf(kind(n%int(kinds)), n/int(kinds))
		a.Definition.Description, a.Definition.Extensions = nil, nil
		p.activities = append(p.activities, string(marshal(a)))
	}
	for k, names := range loadVerbs {
		for _, name := range names {
			p.verbs[k] = append(p.verbs[k], string(marshal(verbNamed(name))))
		}
	}
	return p
}

// Registration returns the registration of enrolment n of Bench. Statement i belongs to enrolment
// i/1024*64 + i%64, and carries its registration when i/64 is even.
func (c *Campus) Registration(n int) string {
	return c.uuid(streamRegistration, 1<<40|uint64(n))
}

// Bench returns statement i of a load: 1.0.3, about nine index terms, size bytes or the least that a
// statement takes (some 900). A size of 0 means DefaultSize. The id is its first property.
func (c *Campus) Bench(i, size int) []byte {
	if size == 0 {
		size = DefaultSize
	}
	return c.AppendBench(make([]byte, 0, max(size, 1024)), i, size)
}

// AppendBench is Bench without an allocation for the bytes.
func (c *Campus) AppendBench(dst []byte, i, size int) []byte {
	pool, random := c.load(), c.random(streamLoad, uint64(i))
	enrolment := i/(enrolmentsAtOnce*statementsAnEnrolment)*enrolmentsAtOnce + i%enrolmentsAtOnce
	registered := i/enrolmentsAtOnce%2 == 0
	who := random
	if registered { // an enrolment is one learner on one activity
		who = c.random(streamEnrolment, uint64(enrolment))
	}
	agent, activity := who.IntN(People), popular(who, Activities)
	verbs := pool.verbs[activity%int(kinds)]

	from := len(dst)
	dst = append(dst, `{"id":"`...)
	dst = c.appendUUID(dst, streamStatementID, 1<<40|uint64(i))
	dst = append(dst, `","actor":`...)
	dst = append(dst, pool.agents[agent]...)
	dst = append(dst, `,"verb":`...)
	dst = append(dst, verbs[random.IntN(len(verbs))]...)
	dst = append(dst, `,"object":`...)
	dst = append(dst, pool.activities[activity]...)
	dst = append(dst, `,"context":{`...)
	if registered {
		dst = append(dst, `"registration":"`...)
		dst = append(dst, c.Registration(enrolment)...)
		dst = append(dst, `",`...)
	}
	dst = appendLoadContext(dst, pool, random, activity)
	dst = append(dst, `},"timestamp":"`...)
	dst = c.start.Add(-time.Duration(random.Int64N(int64(365*day)))).AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	dst = append(dst, `","result":`...)
	return appendLoadResult(dst, random, size-(len(dst)-from))
}

// popular draws a number below n, low ones more often: the first tenth gets a third of the draws.
func popular(random *rand.Rand, n int) int {
	f := random.Float64()
	return int(f * f * float64(n))
}

// appendLoadContext adds an instructor, the programme that the activity is part of, a grouping and a category.
func appendLoadContext(dst []byte, pool *loadPool, random *rand.Rand, activity int) []byte {
	dst = append(dst, `"instructor":`...)
	dst = append(dst, pool.staff[random.IntN(len(pool.staff))]...)
	dst = append(dst, `,"platform":"Campus","language":"fr-FR","contextActivities":{"parent":[`...)
	dst = append(dst, pool.activityIDs[activity-activity%int(kinds)+int(programme)]...)
	dst = append(dst, `],"grouping":[`...)
	dst = append(dst, pool.activityIDs[(activity*7+3)%Activities]...)
	return append(dst, `],"category":[{"id":"https://campus.example/xapi/profiles/charge"}]}`...)
}

// loadWords are ASCII, so that a text can be cut at any byte.
var loadWords = strings.Fields(`le la un une pour avec dans service agent projet module atelier question exemple donnee
	equipe usager public demarche formation parcours objectif document partage calcul tableau resultat semaine
	tuteur retour point travail pratique methode outil reseau securite accessible ouvert simple utile rapide lent`)

// appendLoadResult ends a statement with a score, a duration and a response that takes the room left.
func appendLoadResult(dst []byte, random *rand.Rand, room int) []byte {
	from := len(dst)
	dst = append(dst, `{"score":{"scaled":0.`...)
	dst = strconv.AppendInt(dst, 10+random.Int64N(90), 10)
	dst = append(dst, `},"duration":"PT`...)
	dst = strconv.AppendInt(dst, random.Int64N(60), 10)
	dst = append(dst, 'M')
	dst = strconv.AppendInt(dst, random.Int64N(60), 10)
	dst = append(dst, `S","response":"`...)
	end := max(len(dst), from+room-len(`"}}`))
	for len(dst) < end {
		dst = append(dst, loadWords[random.IntN(len(loadWords))]...)
		dst = append(dst, ' ')
		if random.IntN(6) == 0 {
			dst = strconv.AppendInt(dst, random.Int64N(100_000), 10)
			dst = append(dst, ' ')
		}
	}
	return append(dst[:end], `"}}`...)
}
