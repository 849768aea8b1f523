package openclassrooms

import (
	"net/mail"
	"regexp"
	"strings"

	"acquis/connectors"
)

// member is somebody in the organisation, or invited into it.
type member struct {
	id    string
	state connectors.SeatState
	seat  connectors.SeatSeen
	known connectors.IdentitySeen
}

// why an item, or a part of it, was passed over.
const (
	skipMemberID = "member whose id is no number"
	skipState    = "member in a state that the settings do not know"
	skipRole     = "member with a role that the settings do not know"
	skipTwice    = "item that came twice"
	skipCourseID = "course or path whose id is no number"
	skipClamped  = "progress beyond its scale, taken for the nearest"
	skipRefused  = "member whose activity is not shown"
)

var numberForm = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)

// member reads a member. An invitation has no account yet, whichever number it bears.
func (s *settings) member(f fields, skip func(reason string, person bool)) (m member, ok bool, err error) {
	m.id = f.text("id")
	word := strings.ToLower(f.text("state"))
	state, known := s.Members.States[word]
	if !known { // it keeps its seat, and somebody has to look
		state = connectors.SeatActive
		skip(skipState, true)
	}
	m.state = state
	m.seat = connectors.SeatSeen{
		Set: s.set(), ID: m.id, State: state, Role: connectors.Learner, Organisation: s.HubOrganisation, Teams: f.texts("teams"),
	}
	if word := strings.ToLower(f.text("role")); word != "" {
		role, known := s.Members.Roles[word]
		if !known {
			skip(skipRole, true)
			role = connectors.Learner
		}
		m.seat.Role = role
	}
	for field, to := range map[string]*fieldTime{"invitedAt": &m.seat.Invited, "joinedAt": &m.seat.Joined, "lastActivityAt": &m.seat.LastActive} {
		if *to, err = f.date(field); err != nil {
			return m, false, fieldError{field, err}
		}
	}
	if address, is := mailAddress(f.text("email")); is {
		m.seat.Holder = []connectors.Key{{Kind: connectors.KeyMbox, Value: address}}
	}
	if !m.hasAccount() {
		m.seat.ID = "invitation " + m.id
		return m, m.id != "", nil
	}
	if !numberForm.MatchString(m.id) {
		skip(skipMemberID, true)
		return m, false, nil
	}
	m.seat.Account = connectors.Account{HomePage: HomePage, Name: m.id}
	m.known = connectors.IdentitySeen{
		Account: m.seat.Account, Name: strings.TrimSpace(f.text("givenName") + " " + f.text("familyName")), Related: m.seat.Holder, At: m.seat.Joined,
	}
	if m.seat.LastActive.After(m.known.At) {
		m.known.At = m.seat.LastActive
	}
	return m, true, nil
}

// hasAccount reports whether the member is one by now.
func (m member) hasAccount() bool {
	return m.state != connectors.SeatInvited && m.state != connectors.SeatExpired
}

// set names the set of seats.
func (s *settings) set() string {
	if s.Organisation == "" {
		return "members"
	}
	return s.Organisation
}

// mailAddress reads an address without dot or plus tricks.
func mailAddress(text string) (string, bool) {
	address := strings.ToLower(strings.TrimSpace(text))
	parsed, err := mail.ParseAddress(address)
	return address, err == nil && parsed.Address == address && parsed.Name == ""
}

// observe makes the observations of a member.
func (m member) observe() (list []connectors.Observation) {
	if m.hasAccount() {
		list = append(list, m.known)
	}
	return append(list, m.seat)
}
