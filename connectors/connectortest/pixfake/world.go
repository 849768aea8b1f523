// Package pixfake is a made-up Pix: a real HTTP server that answers as the partner interface does, with its
// traps. What it tells follows from a seed and the clock: participations appear, are sent and computed as time
// goes by. No row is held in memory, so a campaign may have a million of them.
//
//	world.go   campaigns and participations, as functions of the seed
//	change.go  what tests do to them: rows vanish, accounts are anonymised, organisations are withdrawn
//	server.go  tokens, organisations, campaigns, errors
//	rows.go    the participations of a campaign: filter, order, pages
package pixfake

import (
	"crypto/sha1" // the pseudonym of a participant is a SHA-1 at Pix
	"encoding/hex"
	"fmt"
	"sort"
	"sync"
	"time"
)

// Kinds of campaigns.
const (
	Assessment = "ASSESSMENT"
	Exam       = "EXAM"
	Collection = "PROFILES_COLLECTION"
)

// Options of a made-up Pix. The zero value is a small one.
type Options struct {
	Seed uint64
	// Now is the clock: what is later has not happened yet. time.Now when nil.
	Now func() time.Time
	// Start is when the first campaign begins, Span over how long the rows of each spread. The first of
	// January 2026 and 300 days when zero.
	Start time.Time
	Span  time.Duration
	// Organisations (2), Campaigns of each (4), Participations of each campaign (30), People (a third more
	// than participations) where zero.
	Organisations, Campaigns, Participations, People int
	// Person names person n of the world: names, and the mail address that they type. Made up from the
	// number when nil.
	Person func(n int) Person

	ClientID, ClientSecret string // hub-campus and secret when empty
	// Scopes granted; meta and campaigns when nil.
	Scopes []string
	// TokenLife is from issue to exp; 20 minutes when zero. Opaque tokens cannot be read.
	TokenLife    time.Duration
	OpaqueTokens bool

	// What older servers do: refuse withArchived, refuse sort, answer 500 for a page with an anonymised
	// participant, still say TO_SHARE.
	NoArchived, NoSort, AnonymisedFails, OldStatuses bool
	// HideArchived leaves archived campaigns out unless withArchived is asked; with NoArchived too, they cannot
	// be had.
	HideArchived bool
	// TextIDs writes ids as strings.
	TextIDs bool
}

// Person is somebody who takes part.
type Person struct {
	Given, Family, Mail string
}

// World is a made-up Pix. It is safe for concurrent use.
type World struct {
	options Options

	mu          sync.Mutex
	version     int // rises with each change
	withdrawn   map[int]bool
	names       map[int]string
	archived    map[int]time.Time
	vanished    map[int64]bool
	anonymised  map[int]bool // people
	externalIDs map[int64]string
	rates       map[int64]*float64
	statuses    map[int64]string
	clientID    string
	issued      int // tokens so far
	revoked     int // those up to this are withdrawn
	cache       map[string][]int32
}

// New makes a world.
func New(options Options) *World {
	o := &options
	set(&o.Organisations, 2)
	set(&o.Campaigns, 4)
	set(&o.Participations, 30)
	set(&o.People, o.Participations+o.Participations/3+1)
	set(&o.Span, 300*24*time.Hour)
	set(&o.TokenLife, 20*time.Minute)
	set(&o.ClientID, "hub-campus")
	set(&o.ClientSecret, "secret")
	if o.Start.IsZero() {
		o.Start = time.Date(2026, time.January, 1, 8, 0, 0, 0, time.UTC)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Scopes == nil {
		o.Scopes = []string{"meta", "campaigns"}
	}
	if o.Person == nil {
		o.Person = func(n int) Person {
			return Person{"Prénom" + fmt.Sprint(n%97), "Nom" + fmt.Sprint(n%89), fmt.Sprintf("agent.%d@ministere-exemple.example", n)}
		}
	}
	return &World{
		options: options, clientID: o.ClientID,
		withdrawn: map[int]bool{}, names: map[int]string{}, archived: map[int]time.Time{}, vanished: map[int64]bool{}, anonymised: map[int]bool{},
		externalIDs: map[int64]string{}, rates: map[int64]*float64{}, statuses: map[int64]string{}, cache: map[string][]int32{},
	}
}

func set[T comparable](option *T, value T) {
	if zero := *new(T); *option == zero {
		*option = value
	}
}

// campaign c of the world; campaigns are numbered through all organisations.
type campaign struct {
	n        int
	id       int64
	org      int64
	kind     string
	name     string
	code     string
	created  time.Time
	archived time.Time // zero: it isn't
	multiple bool      // several sendings of one learner
}

// CampaignID returns the id of campaign n, from 0, counted through all organisations.
func CampaignID(n int) int64 { return 501 + int64(n) }

// OrganisationID returns the id of organisation n, from 0.
func OrganisationID(n int) int64 { return 1001 + int64(n) }

// rowsOfCampaign is how far apart the ids of two campaigns' participations begin.
const rowsOfCampaign = 10_000_000

// ParticipationID returns the id of row i, from 0, of campaign n.
func ParticipationID(n, i int) int64 { return int64(n+1)*rowsOfCampaign + int64(i) + 1 }

func placeOf(id int64) (campaign, row int) {
	return int(id/rowsOfCampaign) - 1, int(id%rowsOfCampaign) - 1
}

// campaign returns campaign n as it is now. The last of each organisation is archived, the one before it a
// collection of profiles, and one before that admits several sendings.
func (w *World) campaign(n int) campaign {
	o := w.options
	within := n % o.Campaigns
	c := campaign{
		n: n, id: CampaignID(n), org: OrganisationID(n / o.Campaigns), kind: Assessment,
		name: fmt.Sprintf("Socle numérique %d", n+1), created: o.Start.Add(time.Duration(within) * time.Hour),
		multiple: within%4 == 1,
	}
	for x := random(o.Seed, uint64(n), 'k'); len(c.code) < 9; x /= 17 {
		if len(c.code) < 6 {
			c.code += string("BCDFGHJKMPQRTVWXY"[x%17])
		} else {
			c.code += fmt.Sprint(x % 10)
		}
	}
	switch within % 4 {
	case 2:
		c.kind, c.name = Collection, fmt.Sprintf("Profils %d", n+1)
	case 3:
		c.kind, c.name = Exam, fmt.Sprintf("Épreuve %d", n+1)
		c.archived = c.created.Add(o.Span)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if at, is := w.archived[n]; is {
		c.archived = at
	}
	if name, is := w.names[n]; is {
		c.name = name
	}
	if c.archived.After(o.Now()) {
		c.archived = time.Time{}
	}
	return c
}

// row is a participation as it is at an instant.
type row struct {
	id       int64
	person   int
	status   string
	created  time.Time
	shared   time.Time // zero: it isn't
	rate     *float64
	pix      *int
	external string // "" is null
	given    string
	family   string
	pseudo   string
	badge    bool
}

// random is a number that follows from its arguments alone (a round of SplitMix64).
func random(seed, a, b uint64) uint64 {
	x := seed*0x9e3779b97f4a7c15 + a*0xbf58476d1ce4e5b9 + b*0x94d049bb133111eb + 0x632be59bd9b4e019
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// created is when row i begins: later for each row of the campaign, to the millisecond.
func (w *World) created(c campaign, i int) time.Time {
	step := w.options.Span / time.Duration(w.options.Participations)
	jitter := time.Duration(random(w.options.Seed, uint64(c.n), uint64(i))%1000) * step / 1000
	return c.created.Add(time.Duration(i)*step + jitter).Truncate(time.Millisecond)
}

// longestSending bounds the time from beginning to sending.
const longestSending = 20 * 24 * time.Hour

// sharedAt is when row i will be sent; zero: never. One in five never is.
func (w *World) sharedAt(c campaign, i int, created time.Time) time.Time {
	x := random(w.options.Seed^0x5a5a, uint64(c.n), uint64(i))
	if x%5 == 0 {
		return time.Time{}
	}
	after := time.Duration(x>>8%uint64(longestSending/time.Minute)) * time.Minute
	if x%3 == 0 {
		after = time.Duration(x>>8%50+10) * time.Minute
	}
	shared := created.Add(after + time.Duration(x>>40%60_000)*time.Millisecond)
	if !c.archived.IsZero() && shared.After(c.archived) { // nothing is sent any more
		return time.Time{}
	}
	return shared
}

// personOf is who takes part. Where several sendings are admitted, rows 2k and 2k+1 are one learner's.
func (w *World) personOf(c campaign, i int) int {
	if c.multiple {
		i /= 2
	}
	return (i + c.n*7) % w.options.People
}

// visible is how many rows of a campaign have begun by then.
func (w *World) visible(c campaign, at time.Time) int {
	return sort.Search(w.options.Participations, func(i int) bool { return w.created(c, i).After(at) })
}

// computing is how long the results of one in nine participations are not there after sending.
const computing = 90 * time.Second

// row returns row i of a campaign as it is at an instant. mu is held.
func (w *World) row(c campaign, i int, at time.Time) row {
	r := row{id: ParticipationID(c.n, i), person: w.personOf(c, i), created: w.created(c, i), status: "STARTED"}
	shared := w.sharedAt(c, i, r.created)
	if !shared.IsZero() && !shared.After(at) {
		r.shared, r.status = shared, "SHARED"
		x := random(w.options.Seed^0x77, uint64(c.n), uint64(i))
		if computed := i%9 != 0 || !shared.Add(computing).After(at); computed && c.kind != Collection {
			rate := float64(x%101) / 100
			r.rate, r.badge = &rate, rate >= 0.8
		}
		if c.kind == Collection {
			pix := int(x % 640)
			r.pix = &pix
		}
	} else if w.options.OldStatuses && i%6 == 0 {
		r.status = "TO_SHARE"
	}
	w.changed(&r)
	p := w.options.Person(r.person)
	r.given, r.family = p.Given, p.Family
	switch {
	case i%23 == 22: // simplified access: nobody knows who it is
		r.given, r.family, r.external = "", "", ""
	case i%11 != 10 && r.external == "":
		r.external = p.Mail
	}
	r.pseudo = w.pseudonym(r.person)
	return r
}

// pseudonym is the participantId of a person. All whose account was anonymised share one.
func (w *World) pseudonym(person int) string {
	user := fmt.Sprint(400_000 + person)
	if w.anonymised[person] {
		user = "null"
	}
	sum := sha1.Sum([]byte(user + "_" + w.clientID))
	return hex.EncodeToString(sum[:])
}
