package lrs

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// Draft is an accepted statement with everything the store needs, all but its stored time, which
// the store alone can give. A Draft belongs to one AppendStatements call.
type Draft struct {
	ID          ID
	Fresh       bool         // the id was made here: nobody else can have it or refer to it yet
	Version     Version      // the rules it was accepted by, and by which repeats are compared
	Source      string       // the name of the source that sent it
	Statement   *Statement   // as decoded, with the assigned authority
	Terms       []Term       // own terms, sorted
	Target      ID           // the statement its object refers to, uuid.Nil for none
	Voids       bool         // it voids Target
	Definitions []Definition // activity definitions to merge into the canonical ones, in order
	Attachments []string     // SHA-2 of the attachments whose bytes the store keeps, lower case
	// Stored is when AppendStatements stored it: told by the store when that succeeds. It stays 0 for
	// a draft that changed nothing.
	Stored Instant

	bytes    []byte
	storedAt []int // where in bytes the stored time goes
}

// Definition is an activity with the definition that a statement gives it.
type Definition struct {
	Activity   string // IRI
	Definition RawJSON
}

// DefinitionsOf lists the definitions that a statement gives to activities, in their order.
func DefinitionsOf(s *Statement) []Definition {
	var definitions []Definition
	for _, activity := range s.places.activities {
		if activity.Definition != nil {
			definitions = append(definitions, Definition{activity.ID, activity.Definition})
		}
	}
	return definitions
}

// Seal writes the stored time into the draft's bytes and returns them: the statement as it is
// served from now on.
func (d *Draft) Seal(stored Instant) []byte {
	var text [instantWidth + 8]byte // formatting may use what lies behind its result
	for _, at := range d.storedAt {
		copy(d.bytes[at:], stored.Append(text[:0]))
	}
	return d.bytes
}

// Size is the length of what Seal returns.
func (d *Draft) Size() int { return len(d.bytes) }

// Assignment is what the LRS assigns to a statement besides stored.
type Assignment struct {
	ID        ID      // used when the statement has none
	Version   Version // the version of the request
	Source    string
	Authority Authority
	Define    bool       // the sender may define activities
	Kept      []string   // SHA-2 of the attachments whose bytes came along
	Known     *TermCache // terms of earlier statements; nil makes each anew
}

// Authority is an actor with its JSON.
type Authority struct {
	Actor Actor
	JSON  RawJSON
}

// NewAuthority decodes the JSON of an authority (Data 2.4.9).
func NewAuthority(json []byte) (Authority, error) {
	a, err := decodeActor(json, V103, authorityActor)
	if err != nil {
		return Authority{}, err
	}
	return Authority{Actor: *a, JSON: slices.Clone(json)}, nil
}

// DecodeAgent decodes an Agent or identified Group as request parameters carry it
// (Communication 2.1.3, 2.3).
func DecodeAgent(json []byte) (*Actor, error) {
	a, err := decodeActor(json, V103, anyActor)
	if err == nil && a.IFI.Kind == NoIFI {
		return nil, Errorf(KindInvalid, "the agent needs one of mbox, mbox_sha1sum, openid, account")
	}
	return a, err
}

func decodeActor(json []byte, version Version, rule actorRule) (*Actor, error) {
	d := newDecoder(json, version, Limits{})
	d.current = &Statement{}
	a := &Actor{}
	d.actor(a, rule, "Data 2.4.2")
	return a, d.finish("the agent")
}

// Accept makes a Draft of a decoded statement. What the specification lets the LRS assign is
// spliced into the received bytes: stored and authority always, id, timestamp and version where
// absent; lone contextActivities values become arrays. Every other byte stays as it came.
func Accept(s *Statement, a Assignment) *Draft {
	accepted := *s
	accepted.Authority = &a.Authority.Actor
	if accepted.ID == uuid.Nil {
		accepted.ID = a.ID
	}
	d := &Draft{
		ID: accepted.ID, Fresh: s.ID == uuid.Nil, Version: a.Version, Source: a.Source,
		Statement: &accepted, Terms: a.Known.terms(&accepted, a.Source), Target: TargetOf(s),
		Attachments: a.Kept,
	}
	d.Voids = d.Target != uuid.Nil && s.Verb.ID == VerbVoided
	if a.Define {
		d.Definitions = DefinitionsOf(s)
	}
	d.splice(s, a)
	return d
}

// placeholder holds the place of a stored time.
var placeholder = `"` + strings.Repeat("0", instantWidth) + `"`

func (d *Draft) splice(s *Statement, a Assignment) {
	p := newPatch(s.raw)
	for _, at := range s.places.loneActivities {
		p.insert(at.start, "[")
		p.insert(at.end, "]")
	}
	p.set("id", s.places.id, func() { p.appendQuoted(d.ID.String()) }, false)
	p.set("authority", authoritySpan(s), func() { p.out = append(p.out, a.Authority.JSON...) }, true)
	p.set("stored", s.places.stored, func() { d.placeStored(p) }, true)
	p.set("timestamp", s.places.timestamp, func() { d.placeStored(p) }, false)
	p.set("version", s.places.version, func() { p.appendQuoted(assignedVersion(a.Version)) }, false)
	d.bytes = p.apply()
}

func authoritySpan(s *Statement) span {
	if s.Authority == nil {
		return span{}
	}
	return s.Authority.span
}

// assignedVersion is the version of a statement that came without: 1.0.0 in 1.0.x (Data 2.4.10).
func assignedVersion(v Version) string {
	if v == V103 {
		return "1.0.0"
	}
	return string(v)
}

func (d *Draft) placeStored(p *patch) {
	d.storedAt = append(d.storedAt, len(p.out)+1)
	p.out = append(p.out, placeholder...)
}

// patch rewrites places of a JSON object and leaves every other byte alone.
type patch struct {
	raw   []byte
	out   []byte
	edits []edit
	added []func()
}

// edit replaces a span of raw by what write appends.
type edit struct {
	at    span
	write func()
}

func newPatch(raw []byte) *patch { return &patch{raw: raw} }

func (p *patch) insert(at int, text string) {
	p.edits = append(p.edits, edit{span{at, at}, func() { p.out = append(p.out, text...) }})
}

func (p *patch) replace(at span, write func()) { p.edits = append(p.edits, edit{at, write}) }

// set gives a member of the outermost object a value: where it stands when it is there and
// overwrite is wanted, else at the end of the object.
func (p *patch) set(name string, at span, write func(), overwrite bool) {
	switch {
	case at.end == 0:
		p.added = append(p.added, func() {
			p.out = append(p.out, ',')
			p.appendQuoted(name)
			p.out = append(p.out, ':')
			write()
		})
	case overwrite:
		p.replace(at, write)
	}
}

func (p *patch) appendQuoted(s string) { p.out = appendQuoted(p.out, s) }

func appendQuoted(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // fails on invalid UTF-8 only, which decoding refused
	return b
}

// apply writes the edited object. The object must not be empty if members are added.
func (p *patch) apply() []byte {
	p.out = make([]byte, 0, len(p.raw)+256)
	slices.SortStableFunc(p.edits, func(a, b edit) int { return a.at.start - b.at.start })
	done := 0
	for _, e := range p.edits {
		p.out = append(p.out, p.raw[done:e.at.start]...)
		e.write()
		done = e.at.end
	}
	end := len(p.raw) - 1 // the closing brace
	p.out = append(p.out, p.raw[done:end]...)
	for _, add := range p.added {
		add()
	}
	return append(p.out, '}')
}

// DecodeStored decodes a statement that a store holds. It was judged when it was accepted, so an
// error means that the stored bytes are damaged.
func DecodeStored(stored []byte) (*Statement, error) {
	d := newDecoder(stored, V200, Limits{})
	d.timestamps = V103
	s := d.statement()
	return s, d.finish("the stored statement")
}

// SameAsStored reports whether a draft repeats the stored statement of its id.
func (d *Draft) SameAsStored(stored []byte) (bool, error) {
	s, err := DecodeStored(stored)
	if err != nil {
		return false, err
	}
	return Equal(s, d.Statement, d.Version), nil
}
