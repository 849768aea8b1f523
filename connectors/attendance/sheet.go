package attendance

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
	"acquis/hub/sheet"
)

// Columns of a sign-in sheet.
const (
	columnSession  = "session"
	columnModule   = "module"
	columnDate     = "date"
	columnTrainer  = "formateur"
	columnPlace    = "lieu"
	columnPresence = "présence"
	columnHalfDay  = "demi-journée"
	columnMinutes  = "minutes"
)

var sheetColumns = slices.Concat([]sheet.Column{
	{Name: columnSession, Also: []string{"code session", "id session"}, Required: true},
	{Name: columnModule, Also: []string{"intitulé", "formation", "title"}, Required: true},
	{Name: columnDate, Also: []string{"jour", "day"}, Required: true},
	{Name: columnTrainer, Also: []string{"formatrice", "formateur / formatrice", "animateur", "trainer", "instructor"}, Required: true},
	{Name: columnPlace, Also: []string{"salle", "place"}},
	{Name: columnPresence, Also: []string{"presence", "émargement", "attendance"}, Required: true},
	{Name: columnHalfDay, Also: []string{"demi-journee", "demi journée", "half-day"}},
	{Name: columnMinutes, Also: []string{"durée en minutes"}},
}, personColumns, []sheet.Column{{Family: true}})

// meeting is a half-day of a session.
type meeting struct {
	day  time.Time // midnight, in no zone
	half string
}

func (m meeting) key() string { return m.day.Format(time.DateOnly) + "-" + m.half }

// enrolment is what a sheet tells of one person in one session.
type enrolment struct {
	session  string
	who      connectors.IdentitySeen
	module   string
	place    string
	trainer  connectors.Account
	attended map[string]attendance // by meeting
}

// attendance is a meeting that somebody was at, or was not.
type attendance struct {
	meeting
	present bool
	minutes int
}

// register is a sheet, read.
type register struct {
	enrolments []*enrolment
	of         map[string]*enrolment
	meetings   map[string]map[string]meeting // of each session
}

// sheetLines reads a sign-in sheet. Only lines of one file make a session: it is to be whole.
func (s *settings) sheetLines(t *sheet.Sheet, faults *sheet.Faults) *register {
	r := &register{of: map[string]*enrolment{}, meetings: map[string]map[string]meeting{}}
	for _, row := range t.Rows {
		s.line(r, row, faults)
	}
	return r
}

var sessionForm = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,99}$`)

func (s *settings) line(r *register, row sheet.Row, faults *sheet.Faults) {
	before := len(*faults)
	session := row.Get(columnSession)
	if !sessionForm.MatchString(session) {
		faults.Add(row.Line, columnSession, "session", "give the session's code, of letters, digits, spaces, points and hyphens")
	}
	for _, column := range []string{columnModule, columnTrainer} {
		if row.Get(column) == "" {
			faults.Add(row.Line, column, "missing", "this cell is empty")
		}
	}
	day := dayOf(row, columnDate, faults)
	halves := halvesOf(row, faults)
	minutes := s.minutesOf(row, faults)
	who, ok := s.person(row, faults)
	if !ok || len(*faults) > before {
		return
	}
	key := session + "\n" + who.Account.Name
	e := r.of[key]
	if e == nil {
		e = &enrolment{session: session, attended: map[string]attendance{}}
		r.of[key] = e
		r.enrolments = append(r.enrolments, e)
	}
	e.who, e.module, e.place, e.trainer = who, row.Get(columnModule), row.Get(columnPlace), s.trainer(row.Get(columnTrainer))
	if r.meetings[session] == nil {
		r.meetings[session] = map[string]meeting{}
	}
	for half, present := range halves {
		m := meeting{day, half}
		if former, twice := e.attended[m.key()]; twice && former.present != present {
			faults.Add(row.Line, columnPresence, "contradiction", "an earlier line says otherwise of the same person and half-day")
			continue
		}
		r.meetings[session][m.key()] = m
		a := attendance{meeting: m, present: present, minutes: s.halfDay(half).Minutes}
		if minutes > 0 {
			a.minutes = minutes
		}
		e.attended[m.key()] = a
	}
}

// trainer is an account, whatever a sheet names trainers by.
func (s *settings) trainer(text string) connectors.Account {
	if strings.ContainsFunc(text, func(c rune) bool { return c >= '0' && c <= '9' }) && staffForm.MatchString(text) {
		return connectors.Account{HomePage: s.StaffNumbers, Name: text}
	}
	return s.unnumbered("trainer", text)
}

// dayOf reads a date, as people or workbooks write it.
func dayOf(row sheet.Row, column string, faults *sheet.Faults) time.Time {
	text := row.Get(column)
	for _, form := range []string{"02/01/2006", "2/1/2006", time.DateOnly, "02-01-2006", "02.01.2006"} {
		if at, err := time.Parse(form, text); err == nil && at.Year() > 1999 && at.Year() < 2200 {
			return at
		}
	}
	if at, is := sheet.Date(text); is && at.Year() > 1999 && at.Year() < 2200 {
		return at.Truncate(24 * time.Hour)
	}
	faults.Add(row.Line, column, "date", "this is no date: write it as 02/03/2026")
	return time.Time{}
}

// words for half-days and for presence, in lower case.
var (
	halfWords = map[string][]string{
		"": nil, "journée": {morning, afternoon}, "journee": {morning, afternoon}, "jour": {morning, afternoon}, "day": {morning, afternoon},
		"matin": {morning}, "matinée": {morning}, "am": {morning}, "morning": {morning},
		"après-midi": {afternoon}, "apres-midi": {afternoon}, "après midi": {afternoon}, "pm": {afternoon}, "afternoon": {afternoon},
		"soir": {evening}, "soirée": {evening}, "evening": {evening},
	}
	presentWords = []string{"présent", "présente", "present", "p", "oui", "x", "1", "yes"}
	absentWords  = []string{"absent", "absente", "a", "abs", "non", "0", "no", "excusé", "excusée", "absence justifiée"}
)

// halvesOf says of which half-days a line speaks, and whether the person was there. A line without a half-day is about
// the whole day.
func halvesOf(row sheet.Row, faults *sheet.Faults) map[string]bool {
	presence, half := strings.ToLower(row.Get(columnPresence)), strings.ToLower(row.Get(columnHalfDay))
	about, known := halfWords[half]
	if !known {
		faults.Add(row.Line, columnHalfDay, "half-day", "write matin, après-midi, soir or journée")
		return nil
	}
	if half == "" {
		about = []string{morning, afternoon}
	}
	halves := map[string]bool{}
	mark := func(there func(string) bool) map[string]bool {
		for _, h := range about {
			halves[h] = there(h)
		}
		return halves
	}
	switch there, isHalf := halfWords[presence]; {
	case slices.Contains(presentWords, presence):
		return mark(func(string) bool { return true })
	case slices.Contains(absentWords, presence):
		return mark(func(string) bool { return false })
	case isHalf && presence != "" && half == "": // present, but for half a day only
		halves := mark(func(h string) bool { return slices.Contains(there, h) })
		for _, h := range there {
			halves[h] = true
		}
		return halves
	case strings.HasPrefix(presence, "demi") || presence == "half-day" || presence == "1/2":
		if len(about) == 1 {
			return mark(func(string) bool { return true })
		}
		faults.Add(row.Line, columnPresence, "half-day", "say which half-day: matin or après-midi")
	default:
		faults.Add(row.Line, columnPresence, "presence", "write présent, absent, matin or après-midi")
	}
	return nil
}

func (s *settings) minutesOf(row sheet.Row, faults *sheet.Faults) int {
	text := row.Get(columnMinutes)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 720 {
		faults.Add(row.Line, columnMinutes, "minutes", "write the minutes of one half-day, 1 to 720")
	}
	return n
}

// observe makes observations of an enrolment. What the sheet takes back is withdrawn.
func (s *settings) observe(r *register, e *enrolment) []connectors.Observation {
	session := connectors.Activity{ID: s.Sessions + slug(e.session), Type: typeMeeting, Name: map[string]string{s.Language: e.module}}
	context := connectors.Context{Registration: registration(session.ID, e.who.Account), Language: s.Language, Instructor: e.trainer, Extensions: map[string]jsontext.Value{}}
	if e.place != "" {
		context.Extensions[extensionPlace] = fmt.Appendf(nil, "%q", plainText(e.place))
	}
	row := connectors.ProgressSeen{Set: slug(e.session), ID: slug(e.session) + " " + e.who.Account.Name, Account: e.who.Account}
	all := r.meetings[e.session]
	there, last := 0, time.Time{}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		m := all[key]
		a := e.attended[key]
		begins := s.begins(m)
		if a.present {
			there++
		}
		if ends := begins.Add(time.Duration(s.halfDay(m.half).Minutes) * time.Minute); ends.After(last) {
			last = ends
		}
		at := context
		at.Parent = []connectors.Activity{{ID: session.ID}}
		at.Extensions = maps.Clone(context.Extensions)
		at.Extensions[extensionHalfDay] = jsontext.Value(`"` + m.half + `"`)
		row.Milestones = append(row.Milestones, connectors.Milestone{
			Name: "attended", Verb: connectors.Verb{ID: verbAttended, Display: map[string]string{"fr": "a assisté à", "en": "attended"}}, At: begins,
			Object:  connectors.Activity{ID: session.ID + "/half-days/" + key, Type: typeMeeting, Name: map[string]string{s.Language: e.module + ", " + halfNames[m.half]}},
			Context: at, Result: connectors.Result{Duration: time.Duration(max(a.minutes, 1)) * time.Minute}, Withdrawn: !a.present,
		})
	}
	complete := true
	row.Milestones = append(row.Milestones, connectors.Milestone{
		Name: "completed", Verb: connectors.Verb{ID: verbCompleted, Display: map[string]string{"fr": "a terminé", "en": "completed"}}, At: last,
		Object: session, Context: context, Result: connectors.Result{Completion: &complete}, Withdrawn: there*100 < s.CompletedFrom*len(all),
	})
	e.who.At = last
	return []connectors.Observation{e.who, row}
}

const (
	typeMeeting      = "http://adlnet.gov/expapi/activities/meeting"
	extensionHalfDay = "urn:acquis:extension:half-day"
	extensionPlace   = "urn:acquis:extension:place"
)

var halfNames = map[string]string{morning: "matin", afternoon: "après-midi", evening: "soir"}

// begins is when a half-day begins, by the clock there.
func (s *settings) begins(m meeting) time.Time {
	y, month, d := m.day.Date()
	begins := s.halfDay(m.half).begins
	return time.Date(y, month, d, int(begins.Hours()), int(begins.Minutes())%60, 0, 0, s.zone)
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// slug writes a code for an IRI.
func slug(text string) string {
	folded := strings.NewReplacer("é", "e", "è", "e", "ê", "e", "ë", "e", "à", "a", "â", "a", "ç", "c", "ô", "o", "î", "i", "ï", "i", "û", "u", "ù", "u", "œ", "oe").Replace(strings.ToLower(text))
	return strings.Trim(notSlug.ReplaceAllString(folded, "-"), "-")
}

// plainText takes out what would need escapes in JSON.
func plainText(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(c rune) bool { return c < ' ' || c == '"' || c == '\\' }), " ")
}
