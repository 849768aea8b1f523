package connectors

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"acquis/docstore"
	"acquis/lrs"
)

// The statement as it is written. Members are left out when they say nothing; the order is fixed, so equal
// milestones have equal bytes.
type (
	statement struct {
		ID        string     `json:"id,omitempty"`
		Actor     actor      `json:"actor"`
		Verb      verb       `json:"verb"`
		Object    any        `json:"object"`
		Result    *result    `json:"result,omitempty"`
		Context   *stContext `json:"context,omitempty"`
		Timestamp string     `json:"timestamp,omitempty"`
	}
	actor struct {
		ObjectType string  `json:"objectType"`
		Account    account `json:"account"`
	}
	account struct {
		HomePage string `json:"homePage"`
		Name     string `json:"name"`
	}
	verb struct {
		ID      string            `json:"id"`
		Display map[string]string `json:"display,omitempty"`
	}
	activity struct {
		ObjectType string      `json:"objectType"`
		ID         string      `json:"id"`
		Definition *definition `json:"definition,omitempty"`
	}
	definition struct {
		Type        string                    `json:"type,omitempty"`
		Name        map[string]string         `json:"name,omitempty"`
		Description map[string]string         `json:"description,omitempty"`
		MoreInfo    string                    `json:"moreInfo,omitempty"`
		Extensions  map[string]jsontext.Value `json:"extensions,omitempty"`
	}
	reference struct {
		ObjectType string `json:"objectType"`
		ID         string `json:"id"`
	}
	result struct {
		Score      *score                    `json:"score,omitempty"`
		Success    *bool                     `json:"success,omitempty"`
		Completion *bool                     `json:"completion,omitempty"`
		Duration   string                    `json:"duration,omitempty"`
		Extensions map[string]jsontext.Value `json:"extensions,omitempty"`
	}
	score struct {
		Scaled *float64 `json:"scaled,omitempty"`
		Raw    *float64 `json:"raw,omitempty"`
		Min    *float64 `json:"min,omitempty"`
		Max    *float64 `json:"max,omitempty"`
	}
	stContext struct {
		Registration string                    `json:"registration,omitempty"`
		Instructor   *actor                    `json:"instructor,omitempty"`
		Activities   *contextActivities        `json:"contextActivities,omitempty"`
		Platform     string                    `json:"platform,omitempty"`
		Language     string                    `json:"language,omitempty"`
		Extensions   map[string]jsontext.Value `json:"extensions,omitempty"`
	}
	contextActivities struct {
		Parent   []activity `json:"parent,omitempty"`
		Grouping []activity `json:"grouping,omitempty"`
		Category []activity `json:"category,omitempty"`
		Other    []activity `json:"other,omitempty"`
	}
)

// Undated is the context extension of a statement whose timestamp is when Acquis first saw the milestone,
// as the provider does not say when it happened.
const Undated = "urn:acquis:undated"

// contentOf is the statement of a milestone without its id, and without a timestamp when the provider gives
// none. It is a pure function.
func contentOf(of Account, m Milestone) statement {
	s := statement{
		Actor:  agentOf(of),
		Verb:   verb{m.Verb.ID, m.Verb.Display},
		Object: activityOf(m.Object),
		Result: resultOf(m.Result),
	}
	c := contextOf(m.Context)
	if m.At.IsZero() {
		extensions := map[string]jsontext.Value{Undated: jsontext.Value("true")}
		for name, value := range c.Extensions {
			extensions[name] = value
		}
		c.Extensions = extensions
	} else {
		s.Timestamp = timestampOf(m.At)
	}
	if c.Registration != "" || c.Instructor != nil || c.Activities != nil || c.Platform != "" || c.Language != "" || len(c.Extensions) > 0 {
		s.Context = &c
	}
	return s
}

// timestampOf writes a time to the millisecond, as providers give it, in UTC.
func timestampOf(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

func agentOf(a Account) actor { return actor{"Agent", account(a)} }

func activityOf(a Activity) activity {
	d := definition{a.Type, a.Name, a.Description, a.MoreInfo, a.Extensions}
	written := activity{ObjectType: "Activity", ID: a.ID}
	if d.Type != "" || len(d.Name) > 0 || len(d.Description) > 0 || d.MoreInfo != "" || len(d.Extensions) > 0 {
		written.Definition = &d
	}
	return written
}

func activitiesOf(list []Activity) []activity {
	var written []activity
	for _, a := range list {
		written = append(written, activityOf(a))
	}
	return written
}

func resultOf(r Result) *result {
	written := result{Success: r.Success, Completion: r.Completion, Extensions: r.Extensions}
	if r.Scaled != nil || r.Raw != nil || r.Min != nil || r.Max != nil {
		written.Score = &score{r.Scaled, r.Raw, r.Min, r.Max}
	}
	if r.Duration > 0 {
		written.Duration = fmt.Sprintf("PT%dS", int64(r.Duration/time.Second))
	}
	if written.Score == nil && r.Success == nil && r.Completion == nil && written.Duration == "" && len(r.Extensions) == 0 {
		return nil
	}
	return &written
}

func contextOf(c Context) stContext {
	written := stContext{Platform: c.Platform, Language: c.Language, Extensions: c.Extensions}
	if c.Registration != uuid.Nil {
		written.Registration = c.Registration.String()
	}
	if !c.Instructor.IsZero() {
		a := agentOf(c.Instructor)
		written.Instructor = &a
	}
	if len(c.Parent)+len(c.Grouping)+len(c.Category)+len(c.Other) > 0 {
		written.Activities = &contextActivities{activitiesOf(c.Parent), activitiesOf(c.Grouping), activitiesOf(c.Category), activitiesOf(c.Other)}
	}
	return written
}

// bytes writes the statement.
func (s statement) bytes() ([]byte, error) { return json.Marshal(s, json.Deterministic(true)) }

// essence is what of a statement says something: the definitions of activities are left out, as in the
// comparison of Data 2.3.1. So a campaign that gets another name revises nothing that was learned in it.
func (s statement) essence() statement {
	if object, is := s.Object.(activity); is {
		s.Object = activity{ObjectType: object.ObjectType, ID: object.ID}
	}
	if s.Context == nil || s.Context.Activities == nil {
		return s
	}
	c, bare := *s.Context, *s.Context.Activities
	for _, list := range []*[]activity{&bare.Parent, &bare.Grouping, &bare.Category, &bare.Other} {
		var named []activity
		for _, a := range *list {
			named = append(named, activity{ObjectType: a.ObjectType, ID: a.ID})
		}
		*list = named
	}
	c.Activities = &bare
	s.Context = &c
	return s
}

// digest of a content tells whether it changed.
func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:12])
}

// statements are named in this space.
var statementSpace = uuid.MustParse("5f0f5c4e-7d0b-5d53-9a3c-2f1d0f6f8c11")

// milestoneID is the id of the statement about a revision of a milestone.
func milestoneID(source, row string, m Milestone, revision int) lrs.ID {
	return uuid.NewSHA1(statementSpace, []byte(docstore.Tuple(source, row, m.Object.ID, m.Verb.ID, m.Name, fmt.Sprint(revision))))
}

// milestoneKey names a milestone within its row.
func milestoneKey(m Milestone) string {
	sum := sha256.Sum256([]byte(docstore.Tuple(m.Object.ID, m.Verb.ID, m.Name)))
	return hex.EncodeToString(sum[:8])
}

// voiding is the statement by which a source takes back one of its own. It is a pure function of its target:
// when it was is the store's affair.
func voiding(source string, target lrs.ID) statement {
	return statement{
		ID:     uuid.NewSHA1(statementSpace, []byte(docstore.Tuple(source, "void", target.String()))).String(),
		Actor:  agentOf(Account{HomePage: "urn:acquis:source", Name: source}),
		Verb:   verb{ID: lrs.VerbVoided, Display: map[string]string{"en": "voided"}},
		Object: reference{"StatementRef", target.String()},
	}
}
