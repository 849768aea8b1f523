// Package openclassroomsfake is a made-up OpenClassrooms: a real HTTP server with the paths, fields and paging
// that the connector expects where nothing else is set. What it tells follows from a seed and the clock.
//
// Little is published about the real interface: only base address, token address, paging by Range and the
// fields of a followed path were seen in public code. The rest is this project's own default mapping, and the
// fake can rename any field, so that a mapping which no longer fits is tried too.
package openclassroomsfake

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"acquis/connectors/connectortest/oauthfake"
)

// Options of a made-up OpenClassrooms. The zero value is a small one.
type Options struct {
	Seed uint64
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Start is when the first member was invited; the first of January 2026 when zero.
	Start time.Time
	// Organisation is the name in the path of members; campus when empty.
	Organisation string
	// Members (12) have an account, Pending (2) were only invited, Administrators (2) and Supervisors (2) are
	// counted apart; Courses (6) and Paths (2) are in the catalogue. Less than 0 is none.
	Members, Pending, Administrators, Supervisors, Courses, Paths int
	// Person names member n. Made up when nil.
	Person                 func(n int) Person
	ClientID, ClientSecret string // hub-campus and secret when empty
	// Rename gives fields of the answers other names, by item and field as in "members/status".
	Rename map[string]string
	// FractionalProgress writes progress from 0 to 1, TextProgress as a text.
	FractionalProgress, TextProgress bool
}

// Person is a member.
type Person struct {
	Given, Family, Mail string
}

// World is a made-up OpenClassrooms. It is safe for concurrent use.
type World struct {
	options Options
	tokens  *oauthfake.Server

	mu       sync.Mutex
	gone     map[int]bool
	progress map[string]int
	closed   map[int]bool
}

// New makes a world.
func New(options Options) *World {
	o := &options
	for count, usual := range map[*int]int{&o.Members: 12, &o.Pending: 2, &o.Administrators: 2, &o.Supervisors: 2, &o.Courses: 6, &o.Paths: 2} {
		if *count == 0 {
			*count = usual
		}
		*count = max(*count, 0)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Start.IsZero() {
		o.Start = time.Date(2026, time.January, 1, 8, 0, 0, 0, time.UTC)
	}
	for text, usual := range map[*string]string{&o.Organisation: "campus", &o.ClientID: "hub-campus", &o.ClientSecret: "secret"} {
		if *text == "" {
			*text = usual
		}
	}
	if o.Person == nil {
		o.Person = func(n int) Person {
			return Person{"Prénom" + fmt.Sprint(n%97), "Nom" + fmt.Sprint(n%89), fmt.Sprintf("agent.%d@ministere-exemple.example", n)}
		}
	}
	return &World{
		options: options, gone: map[int]bool{}, progress: map[string]int{}, closed: map[int]bool{},
		tokens: oauthfake.New(oauthfake.Options{ClientID: o.ClientID, ClientSecret: o.ClientSecret, Scopes: []string{"learning_content"}, Now: o.Now}),
	}
}

// Tokens is the authorisation server, at /oauth2/token.
func (w *World) Tokens() *oauthfake.Server { return w.tokens }

// MemberID returns the number of member n, from 0. Administrators and supervisors come after the members.
func MemberID(n int) int { return 7_100_011 + n*11 }

// CourseID returns the number of course n, PathID that of path n.
func CourseID(n int) int { return 4_525_281 + n*37 }

// PathID returns the number of path n.
func PathID(n int) int { return 717 + n }

// Remove removes members n from the organisation.
func (w *World) Remove(members ...int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range members {
		w.gone[n] = true
	}
}

// Return takes Remove back.
func (w *World) Return(members ...int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range members {
		delete(w.gone, n)
	}
}

// SetProgress sets how far member n is in course c, from 0 to 100; it may fall, as when a course is revised.
func (w *World) SetProgress(n, c, percent int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress[fmt.Sprint(n, "/", c)] = percent
}

// Close ends the offer of course c.
func (w *World) Close(c int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed[c] = true
}

// random is a number that follows from its arguments alone (a round of SplitMix64).
func random(seed, a, b uint64) uint64 {
	x := seed*0x9e3779b97f4a7c15 + a*0xbf58476d1ce4e5b9 + b*0x94d049bb133111eb + 0x2545f4914f6cdd1d
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// accounts is how many have an account.
func (w *World) accounts() int {
	return w.options.Members + w.options.Administrators + w.options.Supervisors
}

func (w *World) members() []map[string]any {
	o := w.options
	w.mu.Lock()
	gone := maps.Clone(w.gone)
	w.mu.Unlock()
	list := []map[string]any{}
	for n := range w.accounts() + o.Pending {
		invited := o.Start.Add(time.Duration(n) * 3 * time.Hour)
		if gone[n] || invited.After(o.Now()) {
			continue
		}
		p := o.Person(n)
		m := map[string]any{
			"id": MemberID(n), "email": p.Mail, "firstName": p.Given, "lastName": p.Family,
			"teams": []any{map[string]any{"id": 1 + n%3, "name": fmt.Sprintf("Direction %d", 1+n%3)}},
			"role":  w.role(n), "status": "active", "invitedAt": stamp(invited), "joinedAt": stamp(invited.Add(26 * time.Hour)), "lastActivityAt": nil,
		}
		if n >= w.accounts() { // an invitation has a number of its own, and no account
			m["id"], m["status"], m["joinedAt"] = 90_000+n, "pending", nil
		} else if at := w.lastActivity(n); !at.IsZero() {
			m["lastActivityAt"] = stamp(at)
		}
		list = append(list, w.renamed("members", m))
	}
	return list
}

func (w *World) role(n int) string {
	switch o := w.options; {
	case n >= o.Members && n < o.Members+o.Administrators:
		return "administrator"
	case n >= o.Members+o.Administrators && n < w.accounts():
		return "supervisor"
	default:
		return "learner"
	}
}

// lastActivity is when member n was last seen at a course; zero: never.
func (w *World) lastActivity(n int) (last time.Time) {
	for _, a := range w.followed(n) {
		if a.moved.After(last) {
			last = a.moved
		}
	}
	return last
}

// activity is what a member does at a course.
type activity struct {
	course                     int
	percent                    int
	started, moved, done, cert time.Time
}

// followed is what member n follows now: one to three courses, each taking up to sixty days.
func (w *World) followed(n int) (list []activity) {
	o := w.options
	if o.Courses == 0 || random(o.Seed, uint64(n), 0)%9 == 0 { // some never start
		return nil
	}
	joined := o.Start.Add(time.Duration(n)*3*time.Hour + 26*time.Hour)
	for k := range 1 + int(random(o.Seed, uint64(n), 1)%3) {
		x := random(o.Seed, uint64(n), uint64(k+2))
		a := activity{course: (n + k*5) % o.Courses, started: joined.Add(time.Duration(k*20*24)*time.Hour + time.Duration(x%5000)*time.Minute)}
		if slices.ContainsFunc(list, func(other activity) bool { return other.course == a.course }) || a.started.After(o.Now()) {
			continue
		}
		takes := time.Duration(10+x>>16%50) * 24 * time.Hour
		end := int(40 + x>>32%61) // some stop before the end
		if x>>24%3 != 0 {
			end = 100
		}
		steps := min(int(o.Now().Sub(a.started)*10/takes), 10)
		a.percent, a.moved = end*steps/10, a.started.Add(takes*time.Duration(steps)/10)
		if a.percent == 100 {
			a.done = a.moved
			if x>>40%2 == 0 {
				a.cert = a.done.Add(48 * time.Hour)
			}
		}
		w.mu.Lock()
		if percent, is := w.progress[fmt.Sprint(n, "/", a.course)]; is {
			a.percent = percent
		}
		w.mu.Unlock()
		list = append(list, a)
	}
	return list
}

func (w *World) courses(n int) []map[string]any {
	list := []map[string]any{}
	for _, a := range w.followed(n) {
		progress := any(a.percent)
		switch {
		case w.options.FractionalProgress:
			progress = float64(a.percent) / 100
		case w.options.TextProgress:
			progress = fmt.Sprint(a.percent)
		}
		item := map[string]any{
			"id": CourseID(a.course), "title": courseTitle(a.course), "progress": progress, "startedAt": stamp(a.started),
			"completedAt": nil, "certificate": nil, "timeSpent": 3600 * (4 + a.course%8),
		}
		if !a.done.IsZero() {
			item["completedAt"] = stamp(a.done)
		}
		if !a.cert.IsZero() && !a.cert.After(w.options.Now()) {
			item["certificate"] = map[string]any{"issuedAt": stamp(a.cert)}
		}
		list = append(list, w.renamed("activity", item))
	}
	return list
}

// path is the one path that member n follows, nil without.
func (w *World) path(n int) map[string]any {
	o := w.options
	joined := o.Start.Add(time.Duration(n)*3*time.Hour + 26*time.Hour)
	if o.Paths == 0 || n%3 != 0 || joined.After(o.Now()) {
		return nil
	}
	expected := 8
	actual := min(int(o.Now().Sub(joined)/(20*24*time.Hour)), expected)
	status := "in progress"
	if actual == expected && n%2 == 0 {
		status = "completed"
	}
	return w.renamed("paths", map[string]any{
		"id": PathID(n % o.Paths), "title": pathTitle(n % o.Paths), "projects": []any{},
		"completion": map[string]any{"actual": actual, "expected": expected, "status": status},
	})
}

func (w *World) catalogue() []map[string]any {
	list := []map[string]any{}
	for c := range w.options.Courses {
		w.mu.Lock()
		status := [...]string{"active", "active", "coming-soon", "pre-registration"}[c%4]
		if w.closed[c] {
			status = "archived"
		}
		w.mu.Unlock()
		list = append(list, w.renamed("catalogue", map[string]any{
			"id": CourseID(c), "title": courseTitle(c), "status": status, "language": "fr", "duration": 3600 * (4 + c%8),
			"url": fmt.Sprintf("https://openclassrooms.com/fr/courses/%d-cours-%d", CourseID(c), c),
		}))
	}
	return list
}

var subjects = [...]string{"Réalisez un rapport statistique", "Protégez vos données", "Concevez avec les usagers", "Programmez en Python", "Écrivez en langage clair", "Pilotez un produit"}

func courseTitle(c int) string {
	if c < len(subjects) {
		return subjects[c]
	}
	return fmt.Sprintf("%s, partie %d", subjects[c%len(subjects)], c/len(subjects)+1)
}

func pathTitle(p int) string { return [...]string{"Data Analyst", "Chef de projet"}[p%2] }

// renamed gives the fields of an item the names that the options demand.
func (w *World) renamed(kind string, item map[string]any) map[string]any {
	for key, name := range w.options.Rename {
		var field string
		if n, _ := fmt.Sscanf(key, kind+"/%s", &field); n != 1 {
			continue
		}
		if value, is := item[field]; is {
			delete(item, field)
			if name != "" {
				item[name] = value
			}
		}
	}
	return item
}

func stamp(at time.Time) string { return at.UTC().Truncate(time.Second).Format(time.RFC3339) }
