package attendance

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/lrs"
)

// settings of a connection. Members that are not there have the values of defaults.
type settings struct {
	// Sessions is what the IRIs of sessions begin with, Attestations those of attestations.
	Sessions     string `json:"sessions"`
	Attestations string `json:"attestations"`
	// StaffNumbers is who gives out the staff numbers, and the home page of the accounts that people have here.
	StaffNumbers string  `json:"staffNumbers"`
	TimeZone     string  `json:"timeZone"`
	Language     string  `json:"language"`
	Morning      halfDay `json:"morning"`
	Afternoon    halfDay `json:"afternoon"`
	Evening      halfDay `json:"evening"`
	// CompletedFrom is which share of a session's half-days makes it completed, in percent.
	CompletedFrom int `json:"completedFrom"`

	zone *time.Location
}

// halfDay says when a half-day begins and how long people are in the room, where the sheet does not.
type halfDay struct {
	Begins  string `json:"begins"`
	Minutes int    `json:"minutes"`

	begins time.Duration // after midnight
}

const defaults = `{
  "sessions": "",
  "attestations": "",
  "staffNumbers": "",
  "timeZone": "Europe/Paris",
  "language": "fr",
  "morning": {"begins": "09:00", "minutes": 180},
  "afternoon": {"begins": "14:00", "minutes": 180},
  "evening": {"begins": "18:00", "minutes": 120},
  "completedFrom": 100
}`

// The half-days of a day, as the contract calls them.
const (
	morning   = "morning"
	afternoon = "afternoon"
	evening   = "evening"
)

func (s *settings) halfDay(name string) *halfDay {
	return map[string]*halfDay{morning: &s.Morning, afternoon: &s.Afternoon, evening: &s.Evening}[name]
}

// readSettings decodes and judges settings; every fault is told, with a pointer into them.
func readSettings(given jsontext.Value) (*settings, error) {
	s := &settings{}
	if err := json.Unmarshal([]byte(defaults), s); err != nil {
		return nil, fmt.Errorf("attendance: the defaults: %w", err)
	}
	if len(given) > 0 {
		if err := json.Unmarshal(given, s, json.RejectUnknownMembers(true)); err != nil {
			violation := lrs.Violation{Rule: "settings", Detail: "This is not of the form that is expected here: compare it with the default settings of attendance."}
			if wrong, is := errors.AsType[*json.SemanticError](err); is {
				violation.Pointer = string(wrong.JSONPointer)
			}
			return nil, &lrs.Error{Kind: lrs.KindInvalid, Detail: "the settings of the connection cannot be read", Violations: []lrs.Violation{violation}}
		}
	}
	if found := s.faults(); len(found) > 0 {
		return nil, &lrs.Error{Kind: lrs.KindInvalid, Detail: "the settings of the connection have faults", Violations: found}
	}
	return s, nil
}

func (s *settings) faults() (found []lrs.Violation) {
	fault := func(pointer, rule, detail string) {
		found = append(found, lrs.Violation{Pointer: pointer, Rule: rule, Detail: detail})
	}
	if !isBase(s.Sessions) {
		fault("/sessions", "address", "Write what the addresses of your sessions begin with, with a slash at the end, as in https://formation.exemple.gouv.fr/sessions/.")
	}
	if !isBase(s.Attestations) {
		fault("/attestations", "address", "Write what the addresses of attestations begin with, with a slash at the end, as in https://formation.exemple.gouv.fr/attestations/.")
	}
	if u, err := url.Parse(s.StaffNumbers); err != nil || u.Scheme == "" || u.Host == "" {
		fault("/staffNumbers", "address", "Say by an address who gives out the staff numbers, as the directory calls them.")
	}
	var err error
	if s.zone, err = time.LoadLocation(s.TimeZone); err != nil || s.TimeZone == "" {
		fault("/timeZone", "time-zone", "Write a time zone such as Europe/Paris.")
	}
	if s.Language == "" {
		fault("/language", "language", "Write the language of titles, such as fr.")
	}
	if s.CompletedFrom < 1 || s.CompletedFrom > 100 {
		fault("/completedFrom", "range", "Write 1 to 100 percent of the half-days.")
	}
	for _, name := range []string{morning, afternoon, evening} {
		h := s.halfDay(name)
		at, err := time.Parse("15:04", h.Begins)
		if err != nil {
			fault("/"+name+"/begins", "time", "Write a time such as 09:00.")
		}
		h.begins = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
		if h.Minutes < 1 || h.Minutes > 720 {
			fault("/"+name+"/minutes", "range", "Write 1 to 720 minutes.")
		}
	}
	return found
}

func isBase(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && strings.HasSuffix(u.Path, "/") && u.RawQuery == "" && u.Fragment == ""
}
