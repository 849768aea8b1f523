package lrs

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// ContentKey is what a statement tells, whatever its id: who did what to what, when, with which result.
// It makes a repeat recognisable where a sender gives no ids and sends a batch again after a lost answer:
// both statements stay, as Data 2.3.1 wants, and whoever folds or counts takes one for the other.
type ContentKey [16]byte

// ContentKey derives the key from actor, verb, object, timestamp and result. There is none (ok is false) for
// a statement without a timestamp of its sender: nothing tells its repeat from doing the same thing again.
//
// Statements that are Equal have the same key. Those that differ in nothing else than these share it, too: an
// actor's name, the members of a group that has an identifier, a duration's notation or what it has beyond a
// hundredth of a second, context and attachments. It costs a few microseconds.
func (s *Statement) ContentKey() (key ContentKey, ok bool) {
	if s.assignedTimestamp() {
		return ContentKey{}, false
	}
	c := make(content, 0, 512)
	c.happening(&s.Actor, s.Verb.ID, &s.Object, s.Timestamp, s.Result)
	sum := sha256.Sum256(c)
	return ContentKey(sum[:len(key)]), true
}

// content is the canonical form that is hashed. Each part says its own length, so that no two contents are
// written alike.
type content []byte

func (c *content) tag(b byte) { *c = append(*c, b) }

func (c *content) count(n int) { *c = binary.AppendUvarint(*c, uint64(n)) }

func (c *content) text(s string) {
	c.count(len(s))
	*c = append(*c, s...)
}

func (c *content) happening(actor *Actor, verb string, object *Object, timestamp string, result *Result) {
	c.actor(actor)
	c.text(verb)
	c.object(object)
	c.timestamp(timestamp)
	c.result(result)
}

func (c *content) actor(a *Actor) {
	kind := byte(a.IFI.Kind)
	if a.Group {
		kind |= 0x80
	}
	c.tag(kind)
	if a.IFI.Kind != NoIFI {
		c.text(a.IFI.canonicalValue())
		c.text(a.IFI.HomePage)
		return
	}
	members := sortedMembers(a)
	c.count(len(members))
	for _, member := range members {
		c.actor(member)
	}
}

func (c *content) object(o *Object) {
	c.tag(byte(o.Kind))
	switch o.Kind {
	case ObjectActivity:
		c.text(o.Activity.ID)
	case ObjectActor:
		c.actor(o.Actor)
	case ObjectStatementRef:
		*c = append(*c, o.StatementRef[:]...)
	case ObjectSubStatement:
		sub := o.SubStatement
		c.happening(&sub.Actor, sub.Verb.ID, &sub.Object, sub.Timestamp, sub.Result)
	}
}

func (c *content) timestamp(s string) {
	m, err := parseMoment(s, V103)
	if err != nil {
		c.tag(0)
		c.text(s) // "" in a SubStatement without one
		return
	}
	c.tag(1)
	*c = binary.BigEndian.AppendUint64(*c, uint64(m.seconds))
	c.text(strings.TrimRight(m.fraction, "0"))
}

func (c *content) result(r *Result) {
	if r == nil {
		c.tag(0)
		return
	}
	c.tag(1)
	c.score(r.Score)
	c.flag(r.Success)
	c.flag(r.Completion)
	if r.Response == nil {
		c.tag(0)
	} else {
		c.tag(1)
		c.text(*r.Response)
	}
	c.duration(r.Duration)
	if r.Extensions == nil {
		c.tag(0)
		return
	}
	c.node(parseNode(r.Extensions))
}

func (c *content) score(s *Score) {
	if s == nil {
		c.tag(0)
		return
	}
	c.tag(1)
	for _, literal := range []string{s.Scaled, s.Raw, s.Min, s.Max} {
		if literal == "" {
			c.tag(0)
			continue
		}
		c.tag(1)
		c.number(literal)
	}
}

func (c *content) number(literal string) {
	digits, exponent, negative := normalForm(literal)
	c.text(digits)
	*c = binary.AppendVarint(*c, int64(exponent))
	c.boolean(negative)
}

func (c *content) boolean(b bool) {
	if b {
		c.tag(2)
	} else {
		c.tag(1)
	}
}

func (c *content) flag(b *bool) {
	if b == nil {
		c.tag(0)
	} else {
		c.boolean(*b)
	}
}

func (c *content) duration(s string) {
	d, err := ParseDuration(s)
	if err != nil {
		c.tag(0)
		c.text(s) // "" where there is none
		return
	}
	c.tag(1)
	for _, a := range []amount{d.total(unitYears, unitMonths), d.total(unitWeeks, unitSeconds).truncate(2)} {
		whole, fraction := a.parts()
		c.text(string(whole))
		c.text(string(fraction))
	}
}

// node writes a JSON value by what it means: numbers by value, objects without order.
func (c *content) node(n node) {
	c.tag(byte(n.kind))
	switch n.kind {
	case jsontext.KindString:
		c.text(n.text)
	case jsontext.KindNumber:
		c.number(n.text)
	case jsontext.KindBeginArray:
		c.count(len(n.elements))
		for _, element := range n.elements {
			c.node(element)
		}
	case jsontext.KindBeginObject:
		c.count(len(n.members))
		for _, name := range slices.Sorted(maps.Keys(n.members)) {
			c.text(name)
			c.node(n.members[name])
		}
	}
}
