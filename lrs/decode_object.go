package lrs

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// objectOf reads the object of a statement or SubStatement (Data 2.4.4). Its objectType decides
// what the other properties mean and may stand anywhere in it, so it is looked up first.
func (d *decoder) objectOf(o *Object) {
	if !d.is('{', "an object", "Data 2.4.4") {
		return
	}
	switch objectType, given := objectTypeAhead(d.body[d.startOfValue():]); {
	case !given || objectType == "Activity":
		o.Kind, o.Activity = ObjectActivity, &Activity{}
		d.activity(o.Activity, "Data 2.4.4.1")
		d.noteActivity(o.Activity)
	case objectType == "Agent" || objectType == "Group":
		o.Kind, o.Actor = ObjectActor, &Actor{}
		d.actor(o.Actor, anyActor, "Data 2.4.4.2")
		d.noteActor(o.Actor)
	case objectType == "StatementRef":
		o.Kind = ObjectStatementRef
		o.StatementRef = d.statementRef()
	case objectType == "SubStatement" && d.inSub:
		d.value()
		d.fail("substatement-nested", "Data 2.4.4.3", "a SubStatement must not contain a SubStatement")
	case objectType == "SubStatement":
		o.Kind, o.SubStatement = ObjectSubStatement, &SubStatement{}
		d.readSubStatement(o.SubStatement)
	default:
		d.value()
		d.failMember("objectType", "object-type", "Data 2.4.4", "must be Activity, Agent, Group, StatementRef or SubStatement")
	}
}

func (d *decoder) readSubStatement(sub *SubStatement) {
	d.inSub = true
	var seen properties
	_, ok := d.object("a SubStatement", "Data 2.4.4.3", func(name []byte) {
		if string(name) == "objectType" {
			d.str("Data 2.4.4.3")
			return
		}
		d.subStatement(sub, &seen, name)
	})
	if ok {
		d.require(seen, "a SubStatement")
		d.judgeTogether(sub.Verb, &sub.Object, sub.Context, seen)
	}
	d.inSub = false
}

// objectTypeAhead finds the objectType of the JSON object at the start of b without judging the
// JSON: the decoder does that right after. A value that is no string reads as "?".
func objectTypeAhead(b []byte) (objectType string, given bool) {
	depth, key := 0, false
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			depth++
			key = true
		case '}', ']':
			if depth--; depth == 0 {
				return "", false
			}
			key = false
		case ',':
			key = true
		case ':':
			key = false
		case '"':
			end := endOfString(b, i)
			if depth == 1 && key && isObjectType(b[i:end]) {
				return stringAfter(b[end:]), true
			}
			i = end - 1
		}
	}
	return "", false
}

// endOfString returns the index after the string that starts at i.
func endOfString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

func isObjectType(quoted []byte) bool {
	if string(quoted) == `"objectType"` {
		return true
	}
	if slices.Index(quoted, '\\') < 0 {
		return false
	}
	name, err := jsontext.AppendUnquote(nil, quoted)
	return err == nil && string(name) == "objectType"
}

func stringAfter(b []byte) string {
	for i, c := range b {
		switch c {
		case ' ', '\t', '\r', '\n', ':':
		case '"':
			s, err := jsontext.AppendUnquote(nil, b[i:endOfString(b, i)])
			if err != nil {
				return "?"
			}
			return string(s)
		default:
			return "?"
		}
	}
	return "?"
}

func (d *decoder) noteActivity(a *Activity) {
	d.current.places.activities = append(d.current.places.activities, a)
}

// activity reads an Activity (Data 2.4.4.1).
func (d *decoder) activity(a *Activity, section string) {
	var hasID bool
	at, ok := d.object("an Activity", section, func(name []byte) {
		switch string(name) {
		case "objectType":
			if s, good := d.str("Data 2.4.4.1"); good && s != "Activity" {
				d.fail("object-type", "Data 2.4.4.1", "must be \"Activity\" here")
			}
		case "id":
			hasID = true
			a.ID, _ = d.checked("iri", "Data 2.4.4.1", CheckIRI)
		case "definition":
			a.Definition = d.definition()
		default:
			d.unknown(name, "an Activity", "Data 2.4.4.1")
		}
	})
	if !ok {
		return
	}
	a.span = d.place(at)
	if !hasID {
		d.fail("required", "Data 2.4.4.1", "an Activity needs the property \"id\"")
	}
}

// interactionLists tells which interaction component lists an interactionType supports
// (Data 2.4.4.1, Interaction Components).
var interactionLists = map[string][]string{
	"true-false": nil, "choice": {"choices"}, "fill-in": nil, "long-fill-in": nil,
	"matching": {"source", "target"}, "performance": {"steps"}, "sequencing": {"choices"},
	"likert": {"scale"}, "numeric": nil, "other": nil,
}

// definition reads an Activity Definition and returns its bytes.
func (d *decoder) definition() RawJSON {
	var interactionType string
	var lists []string
	var interactive bool
	at, ok := d.object("an Activity Definition", "Data 2.4.4.1", func(name []byte) {
		switch string(name) {
		case "name", "description":
			d.languageMap("Data 2.4.4.1")
		case "type":
			d.checked("iri", "Data 2.4.4.1", CheckIRI)
		case "moreInfo":
			d.checked("irl", "Data 2.4.4.1", CheckIRL)
		case "extensions":
			d.extensions()
		case "interactionType":
			interactionType = d.interactionType()
		case "correctResponsesPattern":
			interactive = true
			d.array("an array of strings", "Data 2.4.4.1", func() { d.str("Data 2.4.4.1") })
		case "choices", "scale", "source", "target", "steps":
			lists = append(lists, string(name))
			d.components()
		default:
			d.unknown(name, "an Activity Definition", "Data 2.4.4.1")
		}
	})
	if !ok {
		return nil
	}
	d.judgeInteraction(interactionType, interactive, lists)
	return d.body[at.start:at.end]
}

// badInteraction stands for an interactionType that was given and refused already.
const badInteraction = "?"

func (d *decoder) interactionType() string {
	s, ok := d.str("Data 2.4.4.1")
	if !ok {
		return badInteraction
	}
	if _, known := interactionLists[s]; !known {
		d.fail("interaction-type", "Data 2.4.4.1", "must be true-false, choice, fill-in, long-fill-in, matching, performance, sequencing, likert, numeric or other")
		return badInteraction
	}
	return s
}

func (d *decoder) judgeInteraction(interactionType string, interactive bool, lists []string) {
	switch interactionType {
	case badInteraction:
		return
	case "":
		if interactive || len(lists) > 0 {
			d.fail("required", "Data 2.4.4.1", "an interaction activity needs the property \"interactionType\"")
		}
		return
	}
	for _, list := range lists {
		if !slices.Contains(interactionLists[interactionType], list) {
			d.failMember(list, "interaction-components", "Data 2.4.4.1", "an interaction of type %s has no list %q", interactionType, list)
		}
	}
}

// components reads an interaction component list, whose ids must be distinct.
func (d *decoder) components() {
	seen := map[string]bool{}
	d.array("an array of interaction components", "Data 2.4.4.1", func() {
		var id string
		var hasID bool
		_, ok := d.object("an interaction component", "Data 2.4.4.1", func(name []byte) {
			switch string(name) {
			case "id":
				hasID = true
				id, _ = d.str("Data 2.4.4.1")
			case "description":
				d.languageMap("Data 2.4.4.1")
			default:
				d.unknown(name, "an interaction component", "Data 2.4.4.1")
			}
		})
		if !ok {
			return
		}
		if !hasID {
			d.fail("required", "Data 2.4.4.1", "an interaction component needs the property \"id\"")
			return
		}
		if seen[id] {
			d.failMember("id", "interaction-components", "Data 2.4.4.1", "the list holds another component with this id")
		}
		seen[id] = true
	})
}
