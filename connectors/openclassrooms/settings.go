package openclassrooms

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
	"acquis/lrs"
)

// settings of a connection. Members that are not there have the values of defaults, also those of maps.
type settings struct {
	BaseURL string            `json:"baseUrl"`
	Auth    auth              `json:"auth"`
	Accept  string            `json:"accept"`
	Headers map[string]string `json:"headers"` // sent with each request; no secrets
	Paging  paging            `json:"paging"`

	Organisation    string `json:"organisation"`    // {org} in paths: whose members they are
	HubOrganisation string `json:"hubOrganisation"` // the hub's organisation that the seats are of; "": none said
	ProgressScale   int    `json:"progressScale"`   // 100, or 1 where 1 means all
	DurationUnit    string `json:"durationUnit"`    // seconds, minutes or hours
	Language        string `json:"language"`        // of titles

	Members   members   `json:"members"`
	Activity  port      `json:"activity"`
	Paths     paths     `json:"paths"`
	Catalogue catalogue `json:"catalogue"`
}

// auth is how the hub proves who it is.
type auth struct {
	Kind       string               `json:"kind"`
	TokenURL   string               `json:"tokenUrl"` // baseUrl and /oauth2/token when empty
	ClientAuth string               `json:"clientAuth"`
	Body       string               `json:"body"`
	ClientID   string               `json:"clientId"`
	Secret     connectors.SecretRef `json:"secret"` // the client's, the token or the key
	Scope      string               `json:"scope"`
	Header     string               `json:"header"` // of an api-key
}

const (
	authClient = "client-credentials"
	authBearer = "bearer"
	authKey    = "api-key"
)

// paging is how lists are cut.
type paging struct {
	Kind   string `json:"kind"`
	Size   int    `json:"size"`
	Number string `json:"number"` // query parameter: of the page, or the offset
	Limit  string `json:"limit"`  // query parameter: of the size
	First  int    `json:"first"`  // number of the first page
	Next   string `json:"next"`   // pointer to the next page's address
}

const (
	pagingRange  = "range-items"
	pagingNext   = "next-link"
	pagingPage   = "page"
	pagingOffset = "offset"
	pagingNone   = "none"
)

// port is where a kind of item comes from.
type port struct {
	Driver string            `json:"driver"`
	Path   string            `json:"path"`
	Query  map[string]string `json:"query"`
	Items  string            `json:"items"` // pointer to the list; "": the answer is the list, or its one item
	Map    map[string]string `json:"map"`   // field of ours: pointer into an item; "": it has none
}

const (
	driverAPI  = "api"
	driverCSV  = "csv"
	driverNone = "none"
)

type members struct {
	port
	States map[string]connectors.SeatState `json:"states"` // the provider's word: the state
	Roles  map[string]connectors.SeatRole  `json:"roles"`
}

type paths struct {
	port
	CompletedStatuses []string `json:"completedStatuses"`
}

type catalogue struct {
	port
	LiveStatuses []string `json:"liveStatuses"`
}

const defaults = `{
  "baseUrl": "https://api.openclassrooms.com",
  "auth": {"kind": "client-credentials", "tokenUrl": "", "clientAuth": "basic", "body": "form", "clientId": "",
    "secret": "env:CONNECT_OPENCLASSROOMS_SECRET", "scope": "", "header": "X-Api-Key"},
  "accept": "application/json;version=0.1",
  "headers": {},
  "paging": {"kind": "range-items", "size": 20, "number": "page", "limit": "limit", "first": 1, "next": "/next"},
  "organisation": "",
  "hubOrganisation": "",
  "progressScale": 100,
  "durationUnit": "seconds",
  "language": "fr",
  "members": {
    "driver": "api", "path": "/organizations/{org}/members", "query": {}, "items": "",
    "map": {"id": "/id", "email": "/email", "givenName": "/firstName", "familyName": "/lastName", "teams": "/teams/*/name",
      "role": "/role", "state": "/status", "invitedAt": "/invitedAt", "joinedAt": "/joinedAt", "lastActivityAt": "/lastActivityAt"},
    "states": {"pending": "invited", "active": "active", "inactive": "inactive", "suspended": "suspended", "expired": "expired", "removed": "released"},
    "roles": {"learner": "learner", "student": "learner", "administrator": "administrator", "admin": "administrator",
      "manager": "administrator", "supervisor": "supervisor"}
  },
  "activity": {
    "driver": "api", "path": "/users/{userId}/followed-courses", "query": {}, "items": "",
    "map": {"courseId": "/id", "title": "/title", "progress": "/progress", "startedAt": "/startedAt", "completedAt": "/completedAt",
      "certificateAt": "/certificate/issuedAt", "duration": "/timeSpent"}
  },
  "paths": {
    "driver": "api", "path": "/users/{userId}/followed-path", "query": {}, "items": "",
    "map": {"pathId": "/id", "title": "/title", "progress": "/completion/actual", "expected": "/completion/expected",
      "status": "/completion/status", "completedAt": "", "diplomaAt": ""},
    "completedStatuses": ["completed"]
  },
  "catalogue": {
    "driver": "api", "path": "/courses", "query": {}, "items": "",
    "map": {"id": "/id", "title": "/title", "status": "/status", "language": "/language", "duration": "/duration", "url": "/url"},
    "liveStatuses": ["active", "coming-soon", "pre-registration"]
  }
}`

// fieldsOf lists the fields of each port that may be mapped, the indispensable ones first.
var fieldsOf = map[string]struct{ needed, more []string }{
	"members":   {[]string{"id", "state"}, []string{"email", "givenName", "familyName", "teams", "role", "invitedAt", "joinedAt", "lastActivityAt"}},
	"activity":  {[]string{"courseId", "progress"}, []string{"member", "title", "startedAt", "completedAt", "certificateAt", "duration"}},
	"paths":     {[]string{"pathId", "status"}, []string{"member", "title", "progress", "expected", "completedAt", "diplomaAt"}},
	"catalogue": {[]string{"id", "title", "status"}, []string{"language", "duration", "url"}},
}

// readSettings decodes and judges settings; every fault is told, with a pointer into them.
func readSettings(given jsontext.Value) (*settings, error) {
	s := &settings{}
	if err := json.Unmarshal([]byte(defaults), s); err != nil {
		return nil, fmt.Errorf("openclassrooms: the defaults: %w", err)
	}
	if len(given) > 0 {
		if err := json.Unmarshal(given, s, json.RejectUnknownMembers(true)); err != nil {
			return nil, unreadable(err)
		}
	}
	s.Auth.TokenURL = cmp.Or(s.Auth.TokenURL, strings.TrimSuffix(s.BaseURL, "/")+"/oauth2/token")
	if found := s.faults(); len(found) > 0 {
		return nil, &lrs.Error{Kind: lrs.KindInvalid, Detail: "the settings of the connection to OpenClassrooms have faults", Violations: found}
	}
	return s, nil
}

func unreadable(err error) error {
	violation := lrs.Violation{Rule: "settings", Detail: "This is not of the form that is expected here: compare it with the default settings of OpenClassrooms."}
	if wrong, is := errors.AsType[*json.SemanticError](err); is {
		violation.Pointer = string(wrong.JSONPointer)
	}
	return &lrs.Error{Kind: lrs.KindInvalid, Detail: "the settings of the connection to OpenClassrooms cannot be read", Violations: []lrs.Violation{violation}}
}

// asks reports whether anything is asked of the provider's server.
func (s *settings) asks() bool {
	for _, p := range s.ports() {
		if p.Driver == driverAPI {
			return true
		}
	}
	return false
}

func (s *settings) ports() map[string]*port {
	return map[string]*port{"members": &s.Members.port, "activity": &s.Activity, "paths": &s.Paths.port, "catalogue": &s.Catalogue.port}
}

type faultFunc func(pointer, rule, format string, args ...any)

func (s *settings) faults() (found []lrs.Violation) {
	fault := func(pointer, rule, format string, args ...any) {
		found = append(found, lrs.Violation{Pointer: pointer, Rule: rule, Detail: fmt.Sprintf(format, args...)})
	}
	if s.asks() {
		s.apiFaults(fault)
	}
	if s.ProgressScale != 100 && s.ProgressScale != 1 {
		fault("/progressScale", "scale", "Write 100 where all is 100, or 1 where all is 1: a 1 alone does not tell.")
	}
	if secondsOf[s.DurationUnit] == 0 {
		fault("/durationUnit", "unit", "Write seconds, minutes or hours.")
	}
	if s.Language == "" {
		fault("/language", "language", "Write the language of titles, such as fr.")
	}
	for _, name := range slices.Sorted(maps.Keys(s.ports())) {
		s.ports()[name].faults(name, fault)
	}
	if s.Members.Driver == driverNone && (s.Activity.Driver == driverAPI || s.Paths.Driver == driverAPI) {
		fault("/members/driver", "driver", "Activity is asked for by member: give the members a driver, or let activity and paths have csv or none.")
	}
	for word, state := range s.Members.States {
		if !slices.Contains([]connectors.SeatState{connectors.SeatInvited, connectors.SeatActive, connectors.SeatInactive, connectors.SeatSuspended, connectors.SeatExpired, connectors.SeatReleased}, state) {
			fault("/members/states/"+escaped(word), "state", "Write invited, active, inactive, suspended, expired or released.")
		}
	}
	for word, role := range s.Members.Roles {
		if !slices.Contains([]connectors.SeatRole{connectors.Learner, connectors.Administrator, connectors.Supervisor}, role) {
			fault("/members/roles/"+escaped(word), "role", "Write learner, administrator or supervisor.")
		}
	}
	return found
}

func (s *settings) apiFaults(fault faultFunc) {
	if !isAddress(s.BaseURL) {
		fault("/baseUrl", "address", "Write the address of the interface, as in https://api.openclassrooms.com.")
	}
	if strings.Contains(s.Members.Path, "{org}") && s.Members.Driver == driverAPI && s.Organisation == "" {
		fault("/organisation", "organisation", "Write by which number or name OpenClassrooms calls your organisation.")
	}
	a := s.Auth
	switch {
	case !slices.Contains([]string{authClient, authBearer, authKey}, a.Kind):
		fault("/auth/kind", "auth", "Write client-credentials, bearer or api-key.")
	case a.Kind == authKey && a.Header == "":
		fault("/auth/header", "auth", "Write in which header the key goes.")
	case a.Kind == authClient:
		if !isAddress(a.TokenURL) {
			fault("/auth/tokenUrl", "address", "Write the address at which tokens are given out, or leave it empty.")
		}
		if a.ClientID == "" {
			fault("/auth/clientId", "client-id", "Write the client id that OpenClassrooms has issued for this purpose. Use no other.")
		}
		if a.ClientAuth != "basic" && a.ClientAuth != "post" {
			fault("/auth/clientAuth", "auth", "Write basic (HTTP Basic) or post (in the body).")
		}
		if a.Body != "form" && a.Body != "json" {
			fault("/auth/body", "auth", "Write form or json.")
		}
	}
	if err := a.Secret.Judge(); err != nil {
		fault("/auth/secret", "secret", "The secret %v.", err)
	}
	for name := range s.Headers {
		if slices.Contains([]string{"Authorization", "Range", "Host", "Content-Length"}, http.CanonicalHeaderKey(name)) {
			fault("/headers/"+escaped(name), "header", "Acquis sets this header itself.")
		}
	}
	kinds := []string{pagingRange, pagingNext, pagingPage, pagingOffset, pagingNone}
	if !slices.Contains(kinds, s.Paging.Kind) {
		fault("/paging/kind", "paging", "Write one of %s.", strings.Join(kinds, ", "))
	}
	if s.Paging.Size < 1 || s.Paging.Size > 1000 {
		fault("/paging/size", "range", "Write 1 to 1000 items.")
	}
	if s.Paging.Kind == pagingNext && !isPointer(s.Paging.Next) {
		fault("/paging/next", "pointer", "Write a JSON pointer to the next page's address, as in /paging/next.")
	}
	if (s.Paging.Kind == pagingPage || s.Paging.Kind == pagingOffset) && (s.Paging.Number == "" || s.Paging.Limit == "") {
		fault("/paging/number", "paging", "Name the query parameters of number and limit.")
	}
}

// faults of a port.
func (p *port) faults(name string, fault faultFunc) {
	at := "/" + name
	if !slices.Contains([]string{driverAPI, driverCSV, driverNone}, p.Driver) {
		fault(at+"/driver", "driver", "Write api, csv or none.")
	}
	if p.Driver == driverNone {
		return
	}
	if p.Driver == driverAPI {
		if !strings.HasPrefix(p.Path, "/") || strings.ContainsAny(p.Path, "?# ") {
			fault(at+"/path", "path", "Write a path that begins with a slash; parameters go into query.")
		}
		if (name == "activity" || name == "paths") && !strings.Contains(p.Path, "{userId}") {
			fault(at+"/path", "path", "Write {userId} where the member's number goes.")
		}
	}
	if p.Items != "" && !isPointer(p.Items) {
		fault(at+"/items", "pointer", "Write a JSON pointer to the list, as in /members, or leave it empty.")
	}
	fields := fieldsOf[name]
	for field, pointer := range p.Map {
		if !slices.Contains(fields.needed, field) && !slices.Contains(fields.more, field) {
			fault(at+"/map/"+escaped(field), "field", "There is no such field: the fields are %s.", strings.Join(slices.Concat(fields.needed, fields.more), ", "))
		} else if pointer != "" && !isPointer(pointer) {
			fault(at+"/map/"+escaped(field), "pointer", "Write a JSON pointer into an item, as in /firstName; * stands for each element of a list.")
		}
	}
	needed := fields.needed
	if p.Driver == driverCSV && (name == "activity" || name == "paths") {
		needed = append([]string{"member"}, needed...)
	}
	for _, field := range needed {
		if p.Map[field] == "" {
			fault(at+"/map/"+field, "field", "This field is indispensable: say where it is.")
		}
	}
}

func isPointer(text string) bool { return strings.HasPrefix(text, "/") && len(text) > 1 }

// escaped writes a member's name for a JSON pointer (RFC 6901).
func escaped(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

func isAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}
