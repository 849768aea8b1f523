package lrs

import (
	"errors"
	"io"

	"github.com/google/uuid"
)

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// actorRule says which actors a place takes.
type actorRule uint8

const (
	anyActor       actorRule = iota
	onlyAgent                // members of groups, contextAgents
	onlyGroup                // team, contextGroups
	authorityActor           // an Agent, or the user and the application of three-legged OAuth (Data 2.4.9)
)

// actorFields holds what an actor's decoding needs to know until its end.
type actorFields struct {
	rule       actorRule
	objectType string
	ifis       int
	hasMember  bool
	broken     bool // a property had the wrong kind: rules that count would only confuse
}

// actor reads an Agent or a Group (Data 2.4.2).
func (d *decoder) actor(a *Actor, rule actorRule, section string) {
	f := actorFields{rule: rule}
	at, ok := d.object("an Agent or Group", section, func(name []byte) { d.actorProperty(a, &f, name) })
	if !ok {
		return
	}
	a.span = d.place(at)
	switch f.objectType {
	case "", "Agent":
		if f.hasMember {
			d.failMember("member", "unknown-property", "Data 2.4.2.1", "an Agent has no member: set \"objectType\": \"Group\" if it is a Group")
		}
	case "Group":
		a.Group = true
	default:
		d.failMember("objectType", "object-type", "Data 2.4.2", "must be \"Agent\" or \"Group\" here")
		return
	}
	d.judgeIFI(a, f)
	d.judgeActor(a, rule, section)
}

// judgeIFI counts identifiers: exactly one for an Agent and an Identified Group, none for an
// Anonymous Group, which needs members instead (Data 2.4.2.1, 2.4.2.2).
func (d *decoder) judgeIFI(a *Actor, f actorFields) {
	switch {
	case f.broken:
	case f.ifis > 1:
		d.fail("ifi-count", "Data 2.4.2.3", "must have exactly one of mbox, mbox_sha1sum, openid, account; this has %d", f.ifis)
	case f.ifis == 0 && !a.Group:
		d.fail("ifi-count", "Data 2.4.2.1", "an Agent needs exactly one of mbox, mbox_sha1sum, openid, account")
	case f.ifis == 0 && !f.hasMember:
		d.fail("required", "Data 2.4.2.2", "a Group without mbox, mbox_sha1sum, openid or account needs the property \"member\"")
	}
}

func (d *decoder) judgeActor(a *Actor, rule actorRule, section string) {
	switch {
	case rule == onlyAgent && a.Group:
		d.fail("object-type", section, "must be an Agent: a Group is not allowed here")
	case rule == onlyGroup && !a.Group:
		d.fail("object-type", section, "must be a Group, with \"objectType\": \"Group\"")
	case rule == authorityActor && a.Group && (a.IFI.Kind != NoIFI || len(a.Members) != 2):
		d.fail("authority", "Data 2.4.9", "an authority is an Agent, or an anonymous Group of exactly two Agents")
	case rule == authorityActor && a.Group && a.Members[0].IFI.Kind != Account && a.Members[1].IFI.Kind != Account:
		d.fail("authority", "Data 2.4.9", "one of the two Agents of an authority is the application, identified by an account")
	}
}

func (d *decoder) actorProperty(a *Actor, f *actorFields, name []byte) {
	switch string(name) {
	case "objectType":
		f.objectType = d.objectType("Data 2.4.2")
	case "name":
		a.Name, _ = d.str("Data 2.4.2")
	case "mbox":
		d.ifi(a, f, Mbox, "mailto", CheckMailto)
	case "mbox_sha1sum":
		d.ifi(a, f, MboxSHA1Sum, "sha1", CheckSHA1)
	case "openid":
		d.ifi(a, f, OpenID, "iri", CheckIRI)
	case "account":
		f.ifis++
		ifi, ok := d.account()
		a.IFI, f.broken = ifi, f.broken || !ok
	case "member":
		f.hasMember = true
		if f.rule == onlyAgent { // refused at the end, whatever it holds; not followed into the depth
			d.value()
			return
		}
		d.members(a, f)
	default:
		d.unknown(name, "an Agent or Group", "Data 2.4.2")
	}
}

// objectType reads an objectType; a value of another kind reads as one that nothing takes.
func (d *decoder) objectType(section string) string {
	s, ok := d.str(section)
	if !ok || s == "" {
		return "?"
	}
	return s
}

func (d *decoder) ifi(a *Actor, f *actorFields, kind IFIKind, rule string, check func(string) error) {
	f.ifis++
	s, ok := d.checked(rule, "Data 2.4.2.3", check)
	a.IFI, f.broken = IFI{Kind: kind, Value: s}, f.broken || !ok
}

func (d *decoder) account() (IFI, bool) {
	ifi, ok := IFI{Kind: Account}, true
	var hasName, hasHome bool
	_, isObject := d.object("an account object", "Data 2.4.2.4", func(name []byte) {
		switch string(name) {
		case "name":
			hasName = true
			s, good := d.str("Data 2.4.2.4")
			ifi.Value, ok = s, ok && good
		case "homePage":
			hasHome = true
			s, good := d.checked("iri", "Data 2.4.2.4", CheckIRI)
			ifi.HomePage, ok = s, ok && good
		default:
			d.unknown(name, "an account", "Data 2.4.2.4")
		}
	})
	if !isObject {
		return IFI{}, false
	}
	if !hasName {
		d.fail("required", "Data 2.4.2.4", "an account needs the property \"name\"")
	}
	if !hasHome {
		d.fail("required", "Data 2.4.2.4", "an account needs the property \"homePage\"")
	}
	return ifi, ok && hasName && hasHome
}

func (d *decoder) members(a *Actor, f *actorFields) {
	ok := d.array("an array of Agents", "Data 2.4.2.2", func() {
		a.Members = append(a.Members, Actor{})
		d.actor(&a.Members[len(a.Members)-1], onlyAgent, "Data 2.4.2.2")
	})
	f.broken = f.broken || !ok
}

// verb reads a Verb (Data 2.4.3).
func (d *decoder) verb(v *Verb) {
	var hasID bool
	at, ok := d.object("a Verb", "Data 2.4.3", func(name []byte) {
		switch string(name) {
		case "id":
			hasID = true
			v.ID, _ = d.checked("iri", "Data 2.4.3", CheckIRI)
		case "display":
			v.Display = d.languageMap("Data 2.4.3")
		default:
			d.unknown(name, "a Verb", "Data 2.4.3")
		}
	})
	if !ok {
		return
	}
	v.span = d.place(at)
	if !hasID {
		d.fail("required", "Data 2.4.3", "a Verb needs the property \"id\"")
	}
}

// statementRef reads a StatementRef that must be one (context.statement, Data 2.4.6).
func (d *decoder) statementRef() ID {
	id := uuid.Nil
	var objectType string
	var hasID bool
	_, ok := d.object("a StatementRef", "Data 2.4.4.3", func(name []byte) {
		switch string(name) {
		case "objectType":
			objectType = d.objectType("Data 2.4.4.3")
		case "id":
			hasID = true
			id, _ = d.uuidAt("Data 2.4.4.3")
		default:
			d.unknown(name, "a StatementRef", "Data 2.4.4.3")
		}
	})
	if !ok {
		return uuid.Nil
	}
	if objectType != "StatementRef" {
		d.failMember("objectType", "object-type", "Data 2.4.4.3", "must be \"StatementRef\"")
	}
	if !hasID {
		d.fail("required", "Data 2.4.4.3", "a StatementRef needs the property \"id\"")
	}
	return id
}
