package pix

import (
	"crypto/sha1" // the pseudonym of a participant is a SHA-1 at Pix
	"encoding/hex"
	"fmt"
	"net/mail"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"acquis/connectors"
)

// Extensions and types of what the connector writes.
const (
	extensionParticipation = HomePage + "/xapi/participation"
	extensionType          = HomePage + "/xapi/campaign-type"
	extensionProfile       = HomePage + "/xapi/target-profile"
	extensionStage         = HomePage + "/xapi/stage"
	extensionTubes         = HomePage + "/xapi/tubes"

	typeAssessment = "http://adlnet.gov/expapi/activities/assessment"
	typeObjective  = "http://adlnet.gov/expapi/activities/objective"
)

// registrations are named in this space: each sending has its own.
var registrationSpace = uuid.NewSHA1(uuid.NameSpaceURL, []byte(HomePage+"/xapi/participations"))

// why a row, or a part of it, was passed over.
const (
	skipAnonymised = "anonymised account"
	skipComputing  = "results not computed yet"
	skipUndated    = "sent without a date"
	skipRate       = "mastery rate or score out of range"
	skipPseudonym  = "participantId that is no pseudonym"
	skipBadge      = "badge without an id"
)

// observer makes observations of rows. It is a pure function of the settings and the row.
type observer struct {
	settings *settings
	// nobody is the participantId that all anonymised accounts share.
	nobody string
}

func newObserver(s *settings) *observer {
	sum := sha1.Sum([]byte("null_" + s.ClientID))
	return &observer{settings: s, nobody: hex.EncodeToString(sum[:])}
}

// seen is what rows gave.
type seen struct {
	observations []connectors.Observation
	skipped      []connectors.Skip
	// held reports that a row's results are awaited: it must be read again.
	held bool
	keys [2]found // how many rows had, of those that could have: an external id, an identity
}

type found struct{ is, of int }

func (s *seen) observe(o ...connectors.Observation) { s.observations = append(s.observations, o...) }

func (s *seen) skip(reason string, person bool) {
	s.skipped = append(s.skipped, connectors.Skip{Reason: reason, Items: 1, Person: person})
}

var pseudonymForm = regexp.MustCompile(`^[0-9a-f]{40}$`)

// row observes one participation of a campaign.
func (o *observer) row(s *seen, org organisation, c campaign, p participation) {
	progress := connectors.ProgressSeen{Set: c.ID.String(), ID: p.ID.String()}
	pseudonym := strings.ToLower(string(p.ParticipantID))
	if pseudonym == o.nobody { // every anonymised account at once: neither a person nor a seat
		progress.Anonymised = true
		s.observe(progress)
		s.skip(skipAnonymised, false)
		return
	}
	if !pseudonymForm.MatchString(pseudonym) {
		s.skip(skipPseudonym, true)
		return
	}
	account := connectors.Account{HomePage: HomePage, Name: pseudonym}
	if identity, known := o.identity(s, account, c, p); known {
		s.observe(identity)
	}
	s.observe(connectors.SeatSeen{
		Set: org.ID.String(), ID: pseudonym, Account: account, Organisation: o.settings.Organisations[org.ID.String()],
		State: connectors.SeatOccupied, FirstUsed: p.CreatedAt.Time,
	})
	progress.Account, progress.Milestones = account, o.milestones(s, org, c, p)
	s.observe(progress)
}

// identity is by which keys Pix itself knows the participant. Names link nobody; who has neither name nor key came
// by simplified access.
func (o *observer) identity(s *seen, account connectors.Account, c campaign, p participation) (connectors.IdentitySeen, bool) {
	seen := connectors.IdentitySeen{Account: account, Name: strings.TrimSpace(string(p.FirstName + " " + p.LastName)), At: p.CreatedAt.Time}
	if !p.SharedAt.IsZero() {
		seen.At = p.SharedAt.Time
	}
	if o.settings.Issuer != "" {
		s.keys[1].of++
		if p.AuthenticationID != "" {
			s.keys[1].is++
			seen.Related = append(seen.Related, connectors.Key{Kind: connectors.KeyIDP, HomePage: o.settings.Issuer, Value: string(p.AuthenticationID)})
		}
	}
	if kind := o.settings.externalID(c.ID.String()); kind != externalNone {
		s.keys[0].of++
		if key, valid := externalKey(kind, o.settings.StaffNumbers, string(p.ExternalID)); valid {
			s.keys[0].is++
			seen.Related = append(seen.Related, key)
		}
	}
	return seen, seen.Name != "" || len(seen.Related) > 0
}

var staffForm = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._/-]{0,63}$`)

// externalKey reads what a learner typed. It is unverified, so that nothing but a well-formed key passes.
func externalKey(kind, staffNumbers, typed string) (connectors.Key, bool) {
	typed = strings.TrimSpace(typed)
	switch kind {
	case externalMail:
		address := strings.ToLower(typed)
		parsed, err := mail.ParseAddress(address)
		if err != nil || parsed.Address != address || parsed.Name != "" || !strings.Contains(address[strings.LastIndexByte(address, '@'):], ".") {
			return connectors.Key{}, false
		}
		return connectors.Key{Kind: connectors.KeyMbox, Value: address}, true
	case externalStaff:
		return connectors.Key{Kind: connectors.KeyMatricule, HomePage: staffNumbers, Value: typed}, staffForm.MatchString(typed)
	}
	return connectors.Key{}, false
}

// milestones of a participation: begun, sent, badges.
func (o *observer) milestones(s *seen, org organisation, c campaign, p participation) []connectors.Milestone {
	object := o.activity(c)
	context := o.context(org, p)
	list := []connectors.Milestone{{Name: "initialized", Verb: verbOf(verbInitialized), Object: object, At: p.CreatedAt.Time, Context: context}}
	switch p.Status {
	case "SHARED":
	case "STARTED", "TO_SHARE":
		return list
	default:
		s.skip("unknown status "+statusForSkip(p.Status), true)
		return list
	}
	if p.SharedAt.IsZero() {
		s.skip(skipUndated, true)
		return list
	}
	result, skip := o.result(c, p)
	if skip != "" {
		s.held = s.held || skip == skipComputing
		s.skip(skip, skip != skipComputing)
		return list
	}
	list = append(list, connectors.Milestone{Name: "completed", Verb: verbOf(verbCompleted), Object: object, At: p.SharedAt.Time, Result: result, Context: context})
	for _, badge := range p.Badges {
		if !badge.Acquired {
			continue
		}
		name := badge.ID
		if name == "" || !badgeForm.MatchString(string(name)) {
			name = badge.Key
		}
		if !badgeForm.MatchString(string(name)) {
			s.skip(skipBadge, true)
			continue
		}
		list = append(list, connectors.Milestone{Name: "badge", Verb: verbOf(verbEarned), At: p.SharedAt.Time, Context: context, Object: connectors.Activity{
			ID: HomePage + "/xapi/badges/" + string(name), Type: typeObjective, Name: o.named(badge.Title),
		}})
	}
	return list
}

var (
	badgeForm  = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,100}$`)
	statusForm = regexp.MustCompile(`^[A-Z_]{1,24}$`)
)

// statusForSkip names an unknown status where it can hold nothing but a status.
func statusForSkip(status word) string {
	if statusForm.MatchString(string(status)) {
		return string(status)
	}
	return "of another form"
}

// result of a sending; the second value says why there is none to tell yet.
func (o *observer) result(c campaign, p participation) (connectors.Result, string) {
	complete := true
	result := connectors.Result{Completion: &complete}
	switch {
	case c.Type == typeCollection:
		if p.PixScore != nil {
			least := 0.0
			result.Raw, result.Min = p.PixScore, &least
		}
	case p.MasteryRate == nil:
		return result, skipComputing
	default:
		result.Scaled = p.MasteryRate
	}
	if result.Scaled != nil && (*result.Scaled < 0 || *result.Scaled > 1) || result.Raw != nil && *result.Raw < 0 {
		return result, skipRate
	}
	result.Extensions = map[string]jsontext.Value{}
	if p.Stages != nil && p.Stages.Number > 0 {
		result.Extensions[extensionStage] = fmt.Appendf(nil, `{"reached":%d,"of":%d}`, p.Stages.Reached, p.Stages.Number)
	}
	if o.settings.Tubes && len(p.Tubes) > 0 {
		result.Extensions[extensionTubes] = tubes(p)
	}
	return result, ""
}

func tubes(p participation) jsontext.Value {
	type level struct {
		ID      string `json:"id"`
		Reached number `json:"reached"`
		Max     number `json:"max"`
	}
	levels := make([]level, len(p.Tubes))
	for i, t := range p.Tubes {
		levels[i] = level{string(t.ID), t.Reached, t.Max}
	}
	return written(levels)
}

// written encodes a value of ours.
func written(value any) jsontext.Value {
	encoded, err := json.Marshal(value, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(fmt.Sprintf("pix: texts and numbers cannot be written as JSON: %v", err)) // a fault in this package
	}
	return encoded
}

// activity is how the hub calls a campaign: by its number, which never changes.
func (o *observer) activity(c campaign) connectors.Activity {
	a := connectors.Activity{
		ID: HomePage + "/xapi/campaigns/" + c.ID.String(), Type: typeAssessment, Name: o.named(c.Name),
		Extensions: map[string]jsontext.Value{},
	}
	if codeForm.MatchString(string(c.Code)) {
		a.MoreInfo = "https://app.pix.fr/campagnes/" + string(c.Code)
	}
	if c.Type != "" {
		a.Extensions[extensionType] = written(string(c.Type))
	}
	if c.Profile != "" {
		a.Extensions[extensionProfile] = written(string(c.Profile))
	}
	return a
}

var codeForm = regexp.MustCompile(`^[A-Za-z0-9]{4,20}$`)

func (o *observer) named(name word) map[string]string {
	if name == "" {
		return nil
	}
	return map[string]string{o.settings.Language: string(name)}
}

func (o *observer) context(org organisation, p participation) connectors.Context {
	context := connectors.Context{
		Registration: uuid.NewSHA1(registrationSpace, []byte(p.ID.String())), Platform: "Pix", Language: o.settings.Language,
		Extensions: map[string]jsontext.Value{extensionParticipation: jsontext.Value(p.ID.String())},
	}
	if org.ID > 0 {
		context.Grouping = []connectors.Activity{{ID: HomePage + "/xapi/organizations/" + org.ID.String()}}
	}
	return context
}

// verbOf returns a verb with its display.
func verbOf(id string) connectors.Verb {
	display := map[string]string{
		verbInitialized: "a commencé", verbCompleted: "a terminé", verbPassed: "a réussi", verbFailed: "a échoué à", verbEarned: "a obtenu",
	}
	english := map[string]string{
		verbInitialized: "initialized", verbCompleted: "completed", verbPassed: "passed", verbFailed: "failed", verbEarned: "earned",
	}
	return connectors.Verb{ID: id, Display: map[string]string{"fr": display[id], "en": english[id]}}
}
