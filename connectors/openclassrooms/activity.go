package openclassrooms

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
)

type fieldTime = time.Time

// fieldError names the field whose value cannot be read.
type fieldError struct {
	field string
	err   error
}

func (e fieldError) Error() string { return e.field + ": " + e.err.Error() }

// Extensions and types of what the connector writes.
const (
	extensionProgress  = "https://w3id.org/xapi/cmi5/result/extensions/progress"
	extensionAnnounced = "urn:acquis:extension:announced-duration"
	extensionSource    = "urn:acquis:extension:timestamp-source"

	typeCourse = "http://adlnet.gov/expapi/activities/course"
	typePath   = "https://w3id.org/xapi/cmi5/activitytype/block"
)

// Names of the sets of rows.
const (
	setCourses = "courses"
	setPaths   = "paths"
)

var secondsOf = map[string]float64{"seconds": 1, "minutes": 60, "hours": 3600}

// course reads what a member did in a course. Full progress, an explicit completion and a certificate are told
// apart, and none is taken for another.
func (s *settings) course(user string, f fields, skip func(string, bool)) (row connectors.ProgressSeen, ok bool, err error) {
	id := f.text("courseId")
	if !numberForm.MatchString(id) || !numberForm.MatchString(user) {
		skip(skipCourseID, true)
		return row, false, nil
	}
	var started, completed, certified time.Time
	for field, to := range map[string]*time.Time{"startedAt": &started, "completedAt": &completed, "certificateAt": &certified} {
		if *to, err = f.date(field); err != nil {
			return row, false, fieldError{field, err}
		}
	}
	percent, err := s.percent(f, float64(s.ProgressScale), skip)
	if err != nil {
		return row, false, fieldError{"progress", err}
	}
	object := s.activity("courses", id, typeCourse, f.text("title"))
	announced, err := s.announced(f)
	if err != nil {
		return row, false, fieldError{"duration", err}
	}
	row = connectors.ProgressSeen{Set: setCourses, ID: user + "/courses/" + id, Account: connectors.Account{HomePage: HomePage, Name: user}}
	if percent > 0 || !started.IsZero() {
		row.Milestones = append(row.Milestones, s.milestone("initialized", verbInitialized, object, started, connectors.Result{}))
	}
	row.Milestones = append(row.Milestones, s.progressed(object, percent)...)
	if percent == 100 || !completed.IsZero() {
		row.Milestones = append(row.Milestones, s.completed(object, completed, announced))
	}
	if !certified.IsZero() {
		row.Milestones = append(row.Milestones, s.earned(object, "certificate", "Certificat de réussite", certified))
	}
	return row, true, nil
}

// path reads how far a member is on a path. It is completed by its own status alone, whatever the figures say.
func (s *settings) path(user string, f fields, skip func(string, bool)) (row connectors.ProgressSeen, ok bool, err error) {
	id := f.text("pathId")
	if !numberForm.MatchString(id) || !numberForm.MatchString(user) {
		skip(skipCourseID, true)
		return row, false, nil
	}
	var completed, diploma time.Time
	for field, to := range map[string]*time.Time{"completedAt": &completed, "diplomaAt": &diploma} {
		if *to, err = f.date(field); err != nil {
			return row, false, fieldError{field, err}
		}
	}
	scale := float64(s.ProgressScale)
	if s.Paths.Map["expected"] != "" {
		expected, told, err := f.number("expected")
		if err != nil {
			return row, false, fieldError{"expected", err}
		}
		if scale = 0; told {
			scale = expected
		}
	}
	percent, err := s.percent(f, scale, skip)
	if err != nil {
		return row, false, fieldError{"progress", err}
	}
	object := s.activity("paths", id, typePath, f.text("title"))
	row = connectors.ProgressSeen{Set: setPaths, ID: user + "/paths/" + id, Account: connectors.Account{HomePage: HomePage, Name: user}}
	row.Milestones = s.progressed(object, percent)
	if slices.ContainsFunc(s.Paths.CompletedStatuses, func(word string) bool { return strings.EqualFold(word, f.text("status")) }) {
		row.Milestones = append(row.Milestones, s.completed(object, completed, nil))
	}
	if !diploma.IsZero() {
		row.Milestones = append(row.Milestones, s.earned(object, "diploma", "Diplôme", diploma))
	}
	return row, true, nil
}

// percent is the progress in whole percent, rounded down: 100 is all. Beyond the scale it is cut, and said.
func (s *settings) percent(f fields, scale float64, skip func(string, bool)) (int, error) {
	n, told, err := f.number("progress")
	if err != nil || !told || scale <= 0 {
		return 0, err
	}
	if n < 0 || n > scale {
		skip(skipClamped, false)
	}
	return int(math.Floor(math.Min(math.Max(n, 0), scale)*100/scale + 1e-9)), nil
}

// progressed tells each value of progress once. When it falls, as after a revision of the course, what was told
// before stays.
func (s *settings) progressed(object connectors.Activity, percent int) []connectors.Milestone {
	if percent == 0 {
		return nil
	}
	result := connectors.Result{Extensions: map[string]jsontext.Value{extensionProgress: jsontext.Value(strconv.Itoa(percent))}}
	return []connectors.Milestone{s.milestone("progress "+strconv.Itoa(percent), verbProgressed, object, time.Time{}, result)}
}

func (s *settings) completed(object connectors.Activity, at time.Time, extensions map[string]jsontext.Value) connectors.Milestone {
	complete := true
	return s.milestone("completed", verbCompleted, object, at, connectors.Result{Completion: &complete, Extensions: extensions})
}

func (s *settings) earned(of connectors.Activity, what, name string, at time.Time) connectors.Milestone {
	object := connectors.Activity{ID: of.ID + "/" + what, Type: of.Type, Name: map[string]string{"fr": name}}
	m := s.milestone(what, verbEarned, object, at, connectors.Result{})
	m.Context.Parent = []connectors.Activity{{ID: of.ID}}
	return m
}

// announced is how long the provider says that the course takes. It is no measured time, so it goes into an
// extension of its own.
func (s *settings) announced(f fields) (map[string]jsontext.Value, error) {
	n, told, err := f.number("duration")
	if err != nil || !told || n <= 0 || n > 1e7 {
		return nil, err
	}
	return map[string]jsontext.Value{extensionAnnounced: fmt.Appendf(nil, "%q", isoDuration(n*secondsOf[s.DurationUnit]))}, nil
}

// isoDuration writes seconds as an ISO 8601 duration.
func isoDuration(seconds float64) string {
	whole := int64(math.Round(seconds))
	text := "PT"
	if whole >= 3600 {
		text += fmt.Sprintf("%dH", whole/3600)
	}
	if whole%3600 >= 60 {
		text += fmt.Sprintf("%dM", whole%3600/60)
	}
	if whole%60 > 0 || text == "PT" {
		text += fmt.Sprintf("%dS", whole%60)
	}
	return text
}

// activity is how the hub calls a course or path: by its number, without language and slug.
func (s *settings) activity(kind, id, of, title string) connectors.Activity {
	a := connectors.Activity{ID: HomePage + "/" + kind + "/" + id, Type: of}
	if title != "" {
		a.Name = map[string]string{s.Language: title}
	}
	return a
}

func (s *settings) milestone(name, verb string, object connectors.Activity, at time.Time, result connectors.Result) connectors.Milestone {
	source := `"provider"`
	if at.IsZero() {
		source = `"observation"`
	}
	return connectors.Milestone{
		Name: name, Verb: connectors.Verb{ID: verb, Display: displayOf[verb]}, Object: object, At: at, Result: result,
		Context: connectors.Context{Platform: "OpenClassrooms", Language: s.Language, Extensions: map[string]jsontext.Value{extensionSource: jsontext.Value(source)}},
	}
}

var displayOf = map[string]map[string]string{
	verbInitialized: {"fr": "a commencé", "en": "initialized"},
	verbProgressed:  {"fr": "a progressé dans", "en": "progressed"},
	verbCompleted:   {"fr": "a terminé", "en": "completed"},
	verbEarned:      {"fr": "a obtenu", "en": "earned"},
}

// offer reads an item of the catalogue.
func (s *settings) offer(f fields, skip func(string, bool)) (offer connectors.ItemSeen, ok bool, err error) {
	id := f.text("id")
	if !numberForm.MatchString(id) {
		skip(skipCourseID, true)
		return offer, false, nil
	}
	status := f.text("status")
	n, told, err := f.number("duration")
	if err != nil {
		return offer, false, fieldError{"duration", err}
	}
	a := s.activity("courses", id, typeCourse, f.text("title"))
	offer = connectors.ItemSeen{
		ID: id, Activity: a.ID, Title: a.Name, Status: status, Language: f.text("language"),
		Live: slices.ContainsFunc(s.Catalogue.LiveStatuses, func(live string) bool { return strings.EqualFold(live, status) }),
	}
	if address := f.text("url"); isAddress(address) {
		offer.URL = address
	}
	if told && n > 0 && n < 1e7 {
		offer.Announced = time.Duration(n * secondsOf[s.DurationUnit] * float64(time.Second))
	}
	return offer, true, nil
}
