package pix

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
	"acquis/lrs"
)

// settings of a connection. Members that are not there have the values of defaults.
type settings struct {
	// Driver is api, or files where nothing is pulled and exports are handed in only.
	Driver string `json:"driver"`
	// BaseURL is the gateway, TokenURL where tokens are given out (BaseURL and /token when empty), Prefix
	// what stands before /organizations and /campaigns.
	BaseURL  string `json:"baseUrl"`
	TokenURL string `json:"tokenUrl"`
	Prefix   string `json:"prefix"`

	ClientID     string               `json:"clientId"`
	ClientSecret connectors.SecretRef `json:"clientSecret"`
	Scope        string               `json:"scope"`

	// Organisations names the hub's organisation for those of Pix; OnlyMapped leaves the others out.
	Organisations map[string]string `json:"organisations"`
	OnlyMapped    bool              `json:"onlyMapped"`

	// ExternalID is what learners type into the field that the campaign asks for: none of the hub's
	// affairs, a mail address, or a staff number. Campaigns may differ.
	ExternalID string                      `json:"externalId"`
	Campaigns  map[string]campaignSettings `json:"campaigns"`
	// StaffNumbers is who gives out the staff numbers.
	StaffNumbers string `json:"staffNumbers"`
	// Issuer is the identity provider whose sub authenticationId is; empty: it is not looked at.
	Issuer string `json:"issuer"`

	OverlapHours int    `json:"overlapHours"`
	Language     string `json:"language"`
	// Tubes keeps the levels that were reached in each subject as an extension of results.
	Tubes bool         `json:"tubes"`
	Files fileSettings `json:"files"`
}

// campaignSettings are what one campaign has of its own.
type campaignSettings struct {
	ExternalID string `json:"externalId"`
}

// fileSettings say how exports of Pix Orga are read.
type fileSettings struct {
	// ExternalIDColumn is the label that the campaign's author gave to the external id.
	ExternalIDColumn string `json:"externalIdColumn"`
	// TimeZone is that of dates without one.
	TimeZone string `json:"timeZone"`
	// Badges names the badges whose columns are read: title to the id that the interface gives them.
	Badges   map[string]string `json:"badges"`
	location *time.Location
}

const (
	driverAPI   = "api"
	driverFiles = "files"

	externalNone  = "none"
	externalMail  = "mail"
	externalStaff = "staff-number"
)

const defaults = `{
  "driver": "api",
  "baseUrl": "https://gateway.pix.fr",
  "tokenUrl": "",
  "prefix": "",
  "clientId": "",
  "clientSecret": "env:CONNECT_PIX_SECRET",
  "scope": "meta campaigns",
  "organisations": {},
  "onlyMapped": false,
  "externalId": "none",
  "campaigns": {},
  "staffNumbers": "",
  "issuer": "",
  "overlapHours": 48,
  "language": "fr",
  "tubes": false,
  "files": {"externalIdColumn": "", "timeZone": "Europe/Paris", "badges": {}}
}`

// readSettings decodes and judges settings; every fault is told, with a pointer into them.
func readSettings(given jsontext.Value) (*settings, error) {
	s := &settings{}
	if err := json.Unmarshal([]byte(defaults), s); err != nil {
		return nil, fmt.Errorf("pix: the defaults: %w", err)
	}
	if len(given) > 0 {
		if err := json.Unmarshal(given, s, json.RejectUnknownMembers(true)); err != nil {
			return nil, unreadable(err)
		}
	}
	s.TokenURL = cmp.Or(s.TokenURL, strings.TrimSuffix(s.BaseURL, "/")+"/token")
	if found := s.faults(); len(found) > 0 {
		return nil, &lrs.Error{Kind: lrs.KindInvalid, Detail: "the settings of the connection to Pix have faults", Violations: found}
	}
	return s, nil
}

// unreadable is the fault of settings that are not of the right form.
func unreadable(err error) error {
	violation := lrs.Violation{Rule: "settings", Detail: "This is not of the form that is expected here: compare it with the default settings of Pix."}
	if wrong, is := errors.AsType[*json.SemanticError](err); is {
		violation.Pointer = string(wrong.JSONPointer)
	}
	return &lrs.Error{Kind: lrs.KindInvalid, Detail: "the settings of the connection to Pix cannot be read", Violations: []lrs.Violation{violation}}
}

var (
	numberForm   = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)
	languageForm = regexp.MustCompile(`^[a-z]{2}(-[A-Z]{2})?$`)
)

func (s *settings) faults() (found []lrs.Violation) {
	fault := func(pointer, rule, format string, args ...any) {
		found = append(found, lrs.Violation{Pointer: pointer, Rule: rule, Detail: fmt.Sprintf(format, args...)})
	}
	if s.Driver != driverAPI && s.Driver != driverFiles {
		fault("/driver", "driver", "Write api to pull from Pix, or files to take exports only.")
	}
	if s.Driver == driverAPI {
		s.apiFaults(fault)
	}
	kinds := []string{externalNone, externalMail, externalStaff}
	if !slices.Contains(kinds, s.ExternalID) {
		fault("/externalId", "external-id", "Write none, mail or staff-number.")
	}
	staff := s.ExternalID == externalStaff
	for id, own := range s.Campaigns {
		staff = staff || own.ExternalID == externalStaff
		if !numberForm.MatchString(id) || !slices.Contains(kinds, own.ExternalID) {
			fault("/campaigns/"+escaped(id), "external-id", `Name a campaign by its number, as in {"501": {"externalId": "mail"}}, with none, mail or staff-number.`)
		}
	}
	if staff && !isAddress(s.StaffNumbers) {
		fault("/staffNumbers", "staff-numbers", "Say by an address (an IRI) who gives out the staff numbers, as the directory calls them.")
	}
	if s.Issuer != "" && !isAddress(s.Issuer) {
		fault("/issuer", "issuer", "Write the issuer's address, as the directory knows it, or leave it empty.")
	}
	for id, organisation := range s.Organisations {
		if !numberForm.MatchString(id) || organisation == "" {
			fault("/organisations/"+escaped(id), "organisation", `Name an organisation of Pix by its number, and the hub's by its id, as in {"1001": "dinum"}.`)
		}
	}
	if s.OverlapHours < 24 || s.OverlapHours > 24*90 {
		fault("/overlapHours", "range", "Write 24 to 2160 hours: results are computed late, and pages shift while they are read.")
	}
	if !languageForm.MatchString(s.Language) {
		fault("/language", "language", "Write a language such as fr.")
	}
	var err error
	if s.Files.location, err = time.LoadLocation(s.Files.TimeZone); err != nil || s.Files.TimeZone == "" {
		fault("/files/timeZone", "time-zone", "Write a time zone such as Europe/Paris.")
	}
	for title, id := range s.Files.Badges {
		if !badgeForm.MatchString(id) {
			fault("/files/badges/"+escaped(title), "badge", "Write the badge's id or key as Pix has it, of letters, digits and hyphens.")
		}
	}
	return found
}

func (s *settings) apiFaults(fault func(pointer, rule, format string, args ...any)) {
	if !isAddress(s.BaseURL) {
		fault("/baseUrl", "address", "Write the address of Pix's gateway, as in https://gateway.pix.fr.")
	}
	if !isAddress(s.TokenURL) {
		fault("/tokenUrl", "address", "Write the address at which tokens are given out, or leave it empty for the base address and /token.")
	}
	if s.Prefix != "" && (!strings.HasPrefix(s.Prefix, "/") || strings.HasSuffix(s.Prefix, "/") || strings.ContainsAny(s.Prefix, "?# ")) {
		fault("/prefix", "prefix", "Write what stands between the base address and /organizations, as in /api, or leave it empty.")
	}
	if s.ClientID == "" {
		fault("/clientId", "client-id", "Write the client_id that Pix has given for this purpose.")
	}
	if err := s.ClientSecret.Judge(); err != nil {
		fault("/clientSecret", "secret", "The secret %v.", err)
	}
	if strings.TrimSpace(s.Scope) == "" {
		fault("/scope", "scope", "Write the scopes that Pix has granted, as in meta campaigns.")
	}
}

// escaped writes a member's name for a JSON pointer (RFC 6901).
func escaped(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

func isAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}

// externalID says what learners type in a campaign.
func (s *settings) externalID(campaign string) string {
	if own, is := s.Campaigns[campaign]; is {
		return own.ExternalID
	}
	return s.ExternalID
}
