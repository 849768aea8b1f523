package lrs

import (
	"strings"

	"github.com/google/uuid"
)

// Limits bound what is decoded. A zero field means no bound.
type Limits struct {
	Batch     int // statements in one request
	Statement int // bytes of one statement
	Depth     int // levels of nesting within one statement
}

// DecodeStatement decodes exactly one statement, strictly: by the rules of Data 2.2 to 4.6 of the
// version, duplicate keys, unknown properties, wrong case and nulls refused. The error is an
// *Error that lists every violation. The statement aliases body, which must not change any more.
func DecodeStatement(body []byte, version Version, limits Limits) (*Statement, error) {
	d := newDecoder(body, version, limits)
	s := d.statement()
	return s, d.finish("the statement")
}

// DecodeStatements decodes one statement or an array of them, as POST takes them (Communication
// 2.1.2). Two equal ids in one batch are refused. batch tells which of the two it was.
func DecodeStatements(body []byte, version Version, limits Limits) (statements []*Statement, batch bool, err error) {
	d := newDecoder(body, version, limits)
	if d.peek() != '[' {
		s := d.statement()
		return []*Statement{s}, false, d.finish("the statement")
	}
	seen := make(map[ID]struct{})
	d.array("an array of statements", "Communication 2.1.2", func() {
		if limits.Batch > 0 && len(statements) == limits.Batch {
			d.tooLarge = Errorf(KindTooLarge, "a request may hold %d statements at most: send them in smaller batches", limits.Batch)
			d.err = d.tooLarge
			return
		}
		s := d.statement()
		if s == nil {
			return
		}
		if _, twice := seen[s.ID]; twice && s.ID != uuid.Nil {
			d.failMember("id", "duplicate-id", "Communication 2.1.2", "the batch holds another statement with this id")
		}
		seen[s.ID] = struct{}{}
		statements = append(statements, s)
	})
	return statements, true, d.finish("the batch")
}

// decoder reads statements of one version. It holds the statement being read, so that actors,
// verbs and activities can note where they stand.
type decoder struct {
	*reader
	version    Version
	timestamps Version // 1.0.3 takes more forms of them
	limits     Limits
	tooLarge   *Error
	current    *Statement
	origin     int  // where current starts in body
	inSub      bool // reading a SubStatement
}

func newDecoder(body []byte, version Version, limits Limits) *decoder {
	return &decoder{reader: newReader(body), version: version, timestamps: version, limits: limits}
}

// finish makes sure that nothing follows, turns what was found into one error, and ends the decoder.
func (d *decoder) finish(what string) error {
	defer d.release()
	if d.tooLarge != nil {
		return d.tooLarge
	}
	if d.err == nil {
		if _, err := d.dec.ReadToken(); err == nil {
			d.failAt("", "json", "Data 2.2", "something follows after %s: send one JSON value", what)
		} else if !isEOF(err) {
			d.stop(err)
		}
	}
	if len(d.violations) > 0 {
		return &Error{Kind: KindInvalid, Detail: what + " breaks the rules of xAPI " + string(d.version), Violations: d.violations}
	}
	return nil
}

// place turns a span of body into one of the current statement.
func (d *decoder) place(s span) span { return span{s.start - d.origin, s.end - d.origin} }

func (d *decoder) statement() *Statement {
	s := &Statement{places: places{activities: make([]*Activity, 0, 8)}}
	d.current, d.inSub = s, false
	d.peek()
	d.origin = -1
	var seen properties
	start := d.startOfValue()
	if start < 0 {
		d.is('{', "a statement", "Data 2.4")
		return nil
	}
	d.origin = start
	at, ok := d.object("a statement", "Data 2.4", func(name []byte) {
		if d.limits.Statement > 0 && d.offset()-start > d.limits.Statement {
			d.statementTooLarge()
			return
		}
		d.statementProperty(s, name, &seen)
	})
	if !ok {
		return nil
	}
	if d.limits.Statement > 0 && at.end-at.start > d.limits.Statement {
		d.statementTooLarge()
		return nil
	}
	s.raw = d.body[at.start:at.end]
	d.require(seen, "a statement")
	d.judgeTogether(s.Verb, &s.Object, s.Context, seen)
	return s
}

func (d *decoder) statementTooLarge() {
	d.tooLarge = Errorf(KindTooLarge, "a statement may be %d bytes at most", d.limits.Statement)
	d.err = d.tooLarge
}

// startOfValue finds where the next value, an object, starts in body; -1 when it is none.
func (d *decoder) startOfValue() int {
	if d.peek() != '{' {
		return -1
	}
	i := d.offset()
	for d.body[i] != '{' { // white space, and the comma between elements
		i++
	}
	return i
}

// properties says which properties of a statement were seen.
type properties struct{ actor, verb, object bool }

func (d *decoder) require(seen properties, of string) {
	for _, p := range []struct {
		name string
		seen bool
	}{{"actor", seen.actor}, {"verb", seen.verb}, {"object", seen.object}} {
		if !p.seen {
			d.fail("required", "Data 2.4", "%s needs the property %q", of, p.name)
		}
	}
}

func (d *decoder) statementProperty(s *Statement, name []byte, seen *properties) {
	switch string(name) {
	case "id":
		s.ID, s.places.id = d.uuidAt("Data 2.4.1")
	case "actor":
		seen.actor = true
		d.actor(&s.Actor, anyActor, "Data 2.4.2")
		s.places.actors = append(s.places.actors, &s.Actor)
	case "verb":
		seen.verb = true
		d.verb(&s.Verb)
		s.places.verbs = append(s.places.verbs, &s.Verb)
	case "object":
		seen.object = true
		d.objectOf(&s.Object)
	case "result":
		s.Result = d.result()
	case "context":
		s.Context = d.context()
	case "timestamp":
		s.Timestamp, s.places.timestamp = d.timestampAt("Data 2.4.7")
	case "stored":
		s.Stored, s.places.stored = d.timestampAt("Data 2.4.8")
	case "authority":
		s.Authority = &Actor{}
		d.actor(s.Authority, authorityActor, "Data 2.4.9")
	case "version":
		s.Version, s.places.version = d.versionAt()
	case "attachments":
		s.Attachments = d.attachments()
	default:
		d.unknown(name, "a statement", "Data 2.4")
	}
}

// judgeTogether checks the rules that bind several properties. They hold in SubStatements too, which
// are validated as statements (Data 2.4.4.3).
func (d *decoder) judgeTogether(verb Verb, object *Object, context *Context, seen properties) {
	if !seen.object || object.Kind == 0 {
		return
	}
	if seen.verb && verb.ID == VerbVoided && object.Kind != ObjectStatementRef {
		d.failMember("object", "voiding-object", "Data 2.3.2", "a voiding statement's object must be a StatementRef, with \"objectType\": \"StatementRef\"")
	}
	if context == nil || object.Kind == ObjectActivity {
		return
	}
	if context.Revision != nil {
		d.failMember("context/revision", "context-property", "Data 2.4.6", "revision may be used only when the object is an Activity")
	}
	if context.Platform != nil {
		d.failMember("context/platform", "context-property", "Data 2.4.6", "platform may be used only when the object is an Activity")
	}
}

func (d *decoder) subStatement(sub *SubStatement, seen *properties, name []byte) {
	switch string(name) {
	case "actor":
		seen.actor = true
		d.actor(&sub.Actor, anyActor, "Data 2.4.2")
		d.noteActor(&sub.Actor)
	case "verb":
		seen.verb = true
		d.verb(&sub.Verb)
		d.current.places.verbs = append(d.current.places.verbs, &sub.Verb)
	case "object":
		seen.object = true
		d.objectOf(&sub.Object)
	case "result":
		sub.Result = d.result()
	case "context":
		sub.Context = d.context()
	case "timestamp":
		sub.Timestamp, _ = d.timestampAt("Data 2.4.7")
	case "attachments":
		sub.Attachments = d.attachments()
	case "id", "stored", "version", "authority":
		d.value()
		d.fail("substatement-property", "Data 2.4.4.3", "a SubStatement must not have %q", name)
	default:
		d.unknown(name, "a SubStatement", "Data 2.4.4.3")
	}
}

func (d *decoder) noteActor(a *Actor) {
	d.current.places.actors = append(d.current.places.actors, a)
}

// uuidAt reads a UUID and where it stands.
func (d *decoder) uuidAt(section string) (ID, span) {
	s, ok := d.str(section)
	if !ok {
		return uuid.Nil, span{}
	}
	id, err := ParseUUID(s)
	if err != nil {
		d.fail("uuid", section, "%v", err)
		return uuid.Nil, span{}
	}
	return id, d.place(d.last)
}

func (d *decoder) timestampAt(section string) (string, span) {
	s, ok := d.checked("timestamp", section, func(s string) error {
		_, err := ParseTimestamp(s, d.timestamps)
		return err
	})
	if !ok {
		return "", span{}
	}
	return s, d.place(d.last)
}

// versionAt reads a statement's version: 1.0.x, in 2.0 also 2.0.x (Data 2.4.10, 2.0: 4.2.4.3).
func (d *decoder) versionAt() (string, span) {
	s, ok := d.str("Data 2.4.10")
	if !ok {
		return "", span{}
	}
	v, known := statementVersion(s)
	switch {
	case !known && d.version == V103, known && v == V200 && d.version == V103:
		d.fail("version", "Data 2.4.10", "must be 1.0 or 1.0.x in a request of xAPI 1.0.3")
	case !known:
		d.fail("version", "Data 2.4.10", "must be 1.0, 1.0.x or 2.0.x")
	}
	return s, d.place(d.last)
}

// preReleaseChars may stand behind the hyphen of a semantic version (1.0.0, 3).
var preReleaseChars = classOf(letters, digits, "-")

// statementVersion reads a statement's version as ParseVersion does, a pre-release such as 1.0.4-rc1
// included: every version that starts with "1.0." must be taken.
func statementVersion(s string) (v Version, ok bool) {
	number, preRelease, tagged := strings.Cut(s, "-")
	if tagged && (preRelease == "" || !preReleaseChars.holds(preRelease) || strings.Count(number, ".") != 2) {
		return "", false
	}
	return ParseVersion(number)
}

// extensions reads a map of extensions: the keys are IRIs, the values are data of any shape, nulls
// included, nested no deeper than the limit (Data 4.1).
func (d *decoder) extensions() RawJSON {
	at, ok := d.object("an object whose keys are IRIs", "Data 4.1", func(name []byte) {
		err := CheckIRI(string(name))
		v := d.value()
		if d.err != nil {
			return
		}
		if err != nil {
			d.fail("extension-key", "Data 4.1", "an extension's key must be an IRI: this one %v", err)
		}
		d.depth(v)
	})
	if !ok {
		return nil
	}
	return d.body[at.start:at.end]
}

// depth refuses a value that nests too deep.
func (d *decoder) depth(v []byte) {
	if d.limits.Depth > 0 && d.dec.StackDepth()+nesting(v) > d.limits.Depth {
		d.fail("depth", "", "nests too deep: %d levels are allowed", d.limits.Depth)
	}
}

// nesting counts how deep a valid JSON value nests.
func nesting(v []byte) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// languageMap reads a map from language tags to strings (Data 4.2).
func (d *decoder) languageMap(section string) RawJSON {
	at, ok := d.object("a language map", section, func(name []byte) {
		err := CheckLanguageTag(string(name))
		if d.is('"', "a string", "Data 4.2") {
			d.value()
		}
		if err != nil && d.err == nil {
			d.fail("language-tag", "Data 4.2", "a language map's key must be a language tag of RFC 5646: this one %v", err)
		}
	})
	if !ok {
		return nil
	}
	return d.body[at.start:at.end]
}

// since2 refuses a property that version 1.0.3 does not have.
func (d *decoder) since2(name []byte, of, section string) bool {
	if d.version == V103 {
		d.unknown(name, of, section)
		return false
	}
	return true
}
