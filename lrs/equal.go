package lrs

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Equal reports whether two statements are the same by the comparison of Data 2.3.1. It is used
// for repeats, conflicts and signatures alike. These differences don't count:
//   - id, authority, stored and version, which an LRS may assign, and a timestamp that one side
//     lacks or has from the LRS (then it is equal to its stored);
//   - activity definitions and the display of verbs;
//   - the order of a group's members;
//   - how an instant's time zone, a number, a string's escapes or an object's key order is written;
//   - a lone contextActivities value against an array of one;
//   - the case of a mail address's domain, of hexadecimal digits and of UUIDs.
//
// A duration counts as its string in 1.0.3 and to a hundredth of a second in 2.0.
func Equal(a, b *Statement, version Version) bool {
	e := equality{version}
	return e.actor(&a.Actor, &b.Actor) &&
		a.Verb.ID == b.Verb.ID &&
		e.object(&a.Object, &b.Object) &&
		e.result(a.Result, b.Result) &&
		e.context(a.Context, b.Context) &&
		e.statementTimestamps(a, b) &&
		slices.EqualFunc(a.Attachments, b.Attachments, e.attachment)
}

type equality struct{ version Version }

func (e equality) statementTimestamps(a, b *Statement) bool {
	return a.assignedTimestamp() || b.assignedTimestamp() || e.timestamp(a.Timestamp, b.Timestamp)
}

// assignedTimestamp reports whether the timestamp is not the sender's.
func (s *Statement) assignedTimestamp() bool { return s.Timestamp == "" || s.Timestamp == s.Stored }

func (e equality) timestamp(a, b string) bool {
	return a == b || a != "" && b != "" && EqualTimestamps(a, b)
}

func (e equality) actor(a, b *Actor) bool {
	if a.Group != b.Group || a.Name != b.Name || !e.ifi(a.IFI, b.IFI) || len(a.Members) != len(b.Members) {
		return false
	}
	return slices.EqualFunc(sortedMembers(a), sortedMembers(b), func(x, y *Actor) bool { return e.actor(x, y) })
}

func (e equality) ifi(a, b IFI) bool {
	return compareIFI(a, b) == 0
}

func sortedMembers(a *Actor) []*Actor {
	members := make([]*Actor, len(a.Members))
	for i := range a.Members {
		members[i] = &a.Members[i]
	}
	slices.SortFunc(members, func(x, y *Actor) int {
		return cmp.Or(compareIFI(x.IFI, y.IFI), strings.Compare(x.Name, y.Name))
	})
	return members
}

// compareIFI orders identifiers; those that the specification holds equal are.
func compareIFI(x, y IFI) int {
	return cmp.Or(
		cmp.Compare(x.Kind, y.Kind),
		strings.Compare(x.canonicalValue(), y.canonicalValue()),
		strings.Compare(x.HomePage, y.HomePage),
	)
}

func (e equality) object(a, b *Object) bool {
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case ObjectActivity:
		return a.Activity.ID == b.Activity.ID
	case ObjectActor:
		return e.actor(a.Actor, b.Actor)
	case ObjectStatementRef:
		return a.StatementRef == b.StatementRef
	case ObjectSubStatement:
		return e.subStatement(a.SubStatement, b.SubStatement)
	default:
		return true
	}
}

func (e equality) subStatement(a, b *SubStatement) bool {
	return e.actor(&a.Actor, &b.Actor) &&
		a.Verb.ID == b.Verb.ID &&
		e.object(&a.Object, &b.Object) &&
		e.result(a.Result, b.Result) &&
		e.context(a.Context, b.Context) &&
		e.timestamp(a.Timestamp, b.Timestamp) &&
		slices.EqualFunc(a.Attachments, b.Attachments, e.attachment)
}

func (e equality) result(a, b *Result) bool {
	if a == nil || b == nil {
		return a == b
	}
	return e.score(a.Score, b.Score) &&
		equalPointers(a.Success, b.Success) &&
		equalPointers(a.Completion, b.Completion) &&
		equalPointers(a.Response, b.Response) &&
		e.duration(a.Duration, b.Duration) &&
		equalJSON(a.Extensions, b.Extensions)
}

func (e equality) duration(a, b string) bool {
	if a == b || e.version == V103 || a == "" || b == "" {
		return a == b
	}
	da, errA := ParseDuration(a)
	db, errB := ParseDuration(b)
	return errA == nil && errB == nil && da.Equal(db, true)
}

func (e equality) score(a, b *Score) bool {
	if a == nil || b == nil {
		return a == b
	}
	return equalLiteral(a.Scaled, b.Scaled) && equalLiteral(a.Raw, b.Raw) && equalLiteral(a.Min, b.Min) && equalLiteral(a.Max, b.Max)
}

func equalLiteral(a, b string) bool { return a == b || a != "" && b != "" && equalNumber(a, b) }

func equalPointers[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func (e equality) context(a, b *Context) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Registration == b.Registration &&
		e.optionalActor(a.Instructor, b.Instructor) &&
		e.optionalActor(a.Team, b.Team) &&
		e.activities(a.Activities.Parent, b.Activities.Parent) &&
		e.activities(a.Activities.Grouping, b.Activities.Grouping) &&
		e.activities(a.Activities.Category, b.Activities.Category) &&
		e.activities(a.Activities.Other, b.Activities.Other) &&
		slices.EqualFunc(a.Agents, b.Agents, e.contextActor) &&
		slices.EqualFunc(a.Groups, b.Groups, e.contextActor) &&
		equalPointers(a.Revision, b.Revision) &&
		equalPointers(a.Platform, b.Platform) &&
		strings.EqualFold(a.Language, b.Language) &&
		a.Statement == b.Statement &&
		equalJSON(a.Extensions, b.Extensions)
}

func (e equality) optionalActor(a, b *Actor) bool {
	if a == nil || b == nil {
		return a == b
	}
	return e.actor(a, b)
}

func (e equality) activities(a, b []Activity) bool {
	return slices.EqualFunc(a, b, func(x, y Activity) bool { return x.ID == y.ID })
}

func (e equality) contextActor(a, b ContextActor) bool {
	return e.actor(&a.Actor, &b.Actor) && slices.Equal(a.RelevantTypes, b.RelevantTypes)
}

func (e equality) attachment(a, b Attachment) bool {
	return a.UsageType == b.UsageType && a.ContentType == b.ContentType && a.Length == b.Length &&
		strings.EqualFold(a.SHA2, b.SHA2) && a.FileURL == b.FileURL &&
		equalJSON(a.Display, b.Display) && equalJSON(a.Description, b.Description)
}

// equalJSON compares two valid JSON values by what they mean: numbers by value and exactly, objects
// without order. nil equals only nil.
func equalJSON(a, b RawJSON) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return bytes.Equal(a, b) || equalNodes(parseNode(a), parseNode(b))
}

// node is a JSON value for comparison: a scalar's kind and text, an array's elements or an object's
// members.
type node struct {
	kind     jsontext.Kind
	text     string
	elements []node
	members  map[string]node
}

func parseNode(raw RawJSON) node {
	return readNode(jsontext.NewDecoder(bytes.NewBuffer(raw)))
}

func readNode(dec *jsontext.Decoder) node {
	n := node{kind: dec.PeekKind()}
	token, err := dec.ReadToken()
	if err != nil {
		return n
	}
	switch n.kind {
	case '"', '0':
		n.text = token.String()
	case '[':
		for k := dec.PeekKind(); k != ']' && k != 0; k = dec.PeekKind() {
			n.elements = append(n.elements, readNode(dec))
		}
		_, _ = dec.ReadToken() // the bracket that was peeked
	case '{':
		n.members = map[string]node{}
		for k := dec.PeekKind(); k != '}' && k != 0; k = dec.PeekKind() {
			name, _ := dec.ReadToken()
			n.members[name.String()] = readNode(dec)
		}
		_, _ = dec.ReadToken() // the brace that was peeked
	}
	return n
}

func equalNodes(a, b node) bool {
	if a.kind != b.kind || len(a.elements) != len(b.elements) || len(a.members) != len(b.members) {
		return false
	}
	if a.kind == '0' {
		return equalNumber(a.text, b.text)
	}
	if a.text != b.text || !slices.EqualFunc(a.elements, b.elements, equalNodes) {
		return false
	}
	for name, x := range a.members {
		if y, ok := b.members[name]; !ok || !equalNodes(x, y) {
			return false
		}
	}
	return true
}
