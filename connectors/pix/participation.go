package pix

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// number is an id of Pix's, documented as a number and sometimes sent as text, or the other way round.
type number int64

// UnmarshalJSON takes 501, "501", 501.0 and null, which is 0.
func (n *number) UnmarshalJSON(value []byte) error {
	text := string(bytes.Trim(value, `"`))
	if text == "null" || text == "" {
		*n = 0
		return nil
	}
	if whole, err := strconv.ParseInt(text, 10, 64); err == nil {
		*n = number(whole)
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return errors.New("an id is not a whole number")
	}
	*n = number(f)
	return nil
}

func (n number) String() string { return strconv.FormatInt(int64(n), 10) }

// word is a text that may be sent as a number, or be null.
type word string

// UnmarshalJSON takes texts, numbers and null, which is empty.
func (w *word) UnmarshalJSON(value []byte) error {
	var text string
	switch jsontext.Value(value).Kind() {
	case '"':
		if err := json.Unmarshal(value, &text, jsontext.AllowInvalidUTF8(true)); err != nil {
			return err
		}
	case '0':
		text = string(value)
	case 'n':
	default:
		return errors.New("a text is expected")
	}
	*w = word(strings.TrimSpace(text))
	return nil
}

// instant is a time in ISO 8601; null is zero.
type instant struct{ time.Time }

// UnmarshalJSON takes times with a zone, and null.
func (i *instant) UnmarshalJSON(value []byte) error {
	if string(value) == "null" || string(value) == `""` {
		i.Time = time.Time{}
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, string(bytes.Trim(value, `"`)))
	if err != nil || at.Year() < 2000 || at.Year() > 9000 {
		return errors.New("a date is not one of ISO 8601 with a time zone")
	}
	i.Time = at.UTC()
	return nil
}

// organisation of Pix.
type organisation struct {
	ID   number `json:"id"`
	Name word   `json:"name"`
}

// campaign of Pix.
type campaign struct {
	ID         number  `json:"id"`
	Name       word    `json:"name"`
	Type       word    `json:"type"`
	Profile    word    `json:"targetProfileName"`
	Code       word    `json:"code"`
	ArchivedAt instant `json:"archivedAt"`
}

const typeCollection = "PROFILES_COLLECTION"

// page is the part of an answer that says which it is.
type page struct {
	Number number `json:"number"`
	Count  number `json:"count"` // of pages
}

// participation is one sending, or the beginning of one.
type participation struct {
	ID               number   `json:"id"`
	Status           word     `json:"status"`
	ParticipantID    word     `json:"participantId"`
	ExternalID       word     `json:"participantExternalId"`
	FirstName        word     `json:"participantFirstName"`
	LastName         word     `json:"participantLastName"`
	AuthenticationID word     `json:"authenticationId"`
	CreatedAt        instant  `json:"createdAt"`
	SharedAt         instant  `json:"sharedAt"`
	MasteryRate      *float64 `json:"masteryRate"`
	PixScore         *float64 `json:"pixScore"`
	Stages           *struct {
		Reached number `json:"reachedStage"`
		Number  number `json:"numberOfStages"`
	} `json:"stages"`
	Badges []badge `json:"badges"`
	Tubes  []struct {
		ID      word   `json:"id"`
		Reached number `json:"reachedLevel"`
		Max     number `json:"maxLevel"`
	} `json:"tubes"`
}

// badge of a participation.
type badge struct {
	ID       word `json:"id"`
	Key      word `json:"key"`
	Title    word `json:"title"`
	Acquired bool `json:"isAcquired"`
}

func (p *participation) addBadge(id, title string) {
	p.Badges = append(p.Badges, badge{ID: word(id), Title: word(title), Acquired: true})
}

// participationPage is an answer with participations.
type participationPage struct {
	Rows []participation `json:"campaignParticipations"`
	Page page            `json:"page"`
}

// readParticipations decodes a page. It refuses one that cannot be of Pix, or is another than was asked for.
func readParticipations(body []byte, asked int) (*participationPage, error) {
	if err := mustHave(body, "campaignParticipations", "page"); err != nil {
		return nil, err
	}
	var p participationPage
	if err := lenient(body, &p); err != nil {
		return nil, readable(err)
	}
	if p.Page.Number != number(asked) {
		return nil, fmt.Errorf("page %d was asked for, page %d came", asked, p.Page.Number)
	}
	for _, row := range p.Rows {
		if row.ID <= 0 || row.CreatedAt.IsZero() {
			return nil, errors.New("a participation has no id or no createdAt")
		}
	}
	return &p, nil
}

// mustHave refuses an answer that is no object with the members.
func mustHave(body []byte, names ...string) error {
	var members map[string]jsontext.Value
	if err := lenient(body, &members); err != nil {
		return readable(err)
	}
	for _, name := range names {
		if _, has := members[name]; !has {
			return fmt.Errorf("the answer has no member %q", name)
		}
	}
	return nil
}

// readable says where JSON cannot be read, and quotes nothing of it: it is about people.
func readable(err error) error {
	if wrong, is := errors.AsType[*json.SemanticError](err); is {
		return fmt.Errorf("%s is not of the expected form", wrong.JSONPointer)
	}
	if broken, is := errors.AsType[*jsontext.SyntacticError](err); is {
		return fmt.Errorf("the JSON breaks at byte %d", broken.ByteOffset)
	}
	return errors.New("the JSON cannot be read")
}
