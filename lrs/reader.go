package lrs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// maxViolations bounds how many broken rules one answer lists.
const maxViolations = 200

// reader reads JSON values strictly and collects what is wrong with them. After a value of the
// wrong kind it goes on with the next, so that one pass finds every violation; after a syntax
// error (err set) every method returns at once.
//
// It is the only place that knows jsontext, which becomes the standard library's encoding/json/jsontext.
type reader struct {
	dec        *jsontext.Decoder
	body       []byte
	base       string // pointer of body within the request
	violations []Violation
	last       span // of the value that was read last, as it is written
	err        error
}

// decoders hands the working memory of finished readers to new ones.
var decoders = sync.Pool{New: func() any { return new(jsontext.Decoder) }}

// newReader returns a reader of body; release it when everything is read.
func newReader(body []byte) *reader {
	dec, _ := decoders.Get().(*jsontext.Decoder)
	dec.Reset(bytes.NewBuffer(body))
	return &reader{dec: dec, body: body}
}

// release gives the working memory back. The reader must not be used any more.
func (r *reader) release() {
	r.dec.Reset(nothing{}) // let go of the body
	decoders.Put(r.dec)
	r.dec = nil
}

// nothing is an empty input.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }

// fail notes a violation at the value that was read last.
func (r *reader) fail(rule, section, format string, args ...any) {
	r.failAt(string(r.dec.StackPointer()), rule, section, format, args...)
}

// failMember notes a violation at a member of the object that was read last. name is a property of
// the specification, or several joined by slashes: nothing in it needs escaping.
func (r *reader) failMember(name, rule, section, format string, args ...any) {
	r.failAt(string(r.dec.StackPointer())+"/"+name, rule, section, format, args...)
}

func (r *reader) failAt(pointer, rule, section, format string, args ...any) {
	if len(r.violations) < maxViolations {
		detail := format
		if len(args) > 0 {
			detail = fmt.Sprintf(format, args...)
		}
		r.violations = append(r.violations, Violation{Pointer: r.base + pointer, Rule: rule, Detail: detail, Section: section})
	}
}

// stop notes a syntax error, after which nothing more can be read.
func (r *reader) stop(err error) {
	if r.err != nil {
		return
	}
	r.err = err
	var syntactic *jsontext.SyntacticError
	pointer, offset := "", r.dec.InputOffset()
	if errors.As(err, &syntactic) {
		pointer, offset = string(syntactic.JSONPointer), syntactic.ByteOffset
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		r.failAt(pointer, "duplicate-key", "Data 2.2", "this key stands twice in the same object: keep one")
	default:
		r.failAt(pointer, "json", "Data 2.2", "the JSON cannot be read from byte %d on: %s", offset, syntaxReason(syntactic))
	}
}

func syntaxReason(err *jsontext.SyntacticError) string {
	if err == nil || err.Err == nil {
		return "it ends too early"
	}
	return strings.TrimPrefix(err.Err.Error(), "jsontext: ")
}

// offset is the end of what was read last.
func (r *reader) offset() int { return int(r.dec.InputOffset()) }

// value reads a value of any kind; nil after a syntax error.
func (r *reader) value() []byte {
	if r.err != nil {
		return nil
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		r.stop(err)
		return nil
	}
	r.last = span{r.offset() - len(v), r.offset()}
	return v
}

// refuse skips a value that is not of the wanted kind and says so.
func (r *reader) refuse(want, section string) {
	kind := r.dec.PeekKind()
	r.value()
	if r.err != nil {
		return
	}
	if kind == 'n' {
		r.fail("null", "Data 2.2", "null is not allowed here: leave the property out, or give %s", want)
		return
	}
	r.fail("type", section, "must be %s, not %s", want, kindName(kind))
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	default:
		return "null"
	}
}

func (r *reader) peek() jsontext.Kind {
	if r.err != nil {
		return 0
	}
	return r.dec.PeekKind()
}

// is reports whether the next value is of the kind; otherwise it is refused and skipped.
func (r *reader) is(kind jsontext.Kind, want, section string) bool {
	k := r.peek()
	if k == kind {
		return true
	}
	if r.err == nil {
		if k == 0 { // not JSON at all: let the decoder say what is wrong
			r.value()
			return false
		}
		r.refuse(want, section)
	}
	return false
}

// object reads an object and calls member for each name; member must read the value.
// It returns where the object stands, and false when the value is no object.
func (r *reader) object(want, section string, member func(name []byte)) (span, bool) {
	if !r.is('{', want, section) {
		return span{}, false
	}
	if !r.token() {
		return span{}, false
	}
	start := r.offset() - 1
	for r.err == nil && r.dec.PeekKind() != '}' {
		name, ok := r.name()
		if !ok {
			return span{}, false
		}
		member(name)
	}
	ok := r.token()
	return span{start, r.offset()}, ok
}

// array reads an array and calls element before each value; element must read the value.
func (r *reader) array(want, section string, element func()) bool {
	if !r.is('[', want, section) {
		return false
	}
	if !r.token() {
		return false
	}
	for r.err == nil && r.dec.PeekKind() != ']' {
		element()
	}
	return r.token()
}

func (r *reader) token() bool {
	if r.err != nil {
		return false
	}
	if _, err := r.dec.ReadToken(); err != nil {
		r.stop(err)
		return false
	}
	return true
}

// name reads an object's name. It aliases body unless it has escapes.
func (r *reader) name() ([]byte, bool) {
	raw := r.value()
	if raw == nil {
		return nil, false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], true
	}
	return []byte(r.unquote(raw)), true
}

func (r *reader) unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	s, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		r.stop(err)
	}
	return string(s)
}

// str reads a string; ok is false when the value is none.
func (r *reader) str(section string) (s string, ok bool) {
	if !r.is('"', "a string", section) {
		return "", false
	}
	raw := r.value()
	if raw == nil {
		return "", false
	}
	return r.unquote(raw), true
}

// checked reads a string and judges it by check.
func (r *reader) checked(rule, section string, check func(string) error) (string, bool) {
	s, ok := r.str(section)
	if !ok {
		return "", false
	}
	if err := check(s); err != nil {
		r.fail(rule, section, "%v", err)
		return "", false
	}
	return s, true
}

// boolean reads true or false.
func (r *reader) boolean(section string) *bool {
	k := r.peek()
	if k != 't' && k != 'f' {
		r.is('t', "true or false", section)
		return nil
	}
	v := k == 't'
	r.token()
	return &v
}

// number reads a number and returns its literal.
func (r *reader) number(section string) (string, bool) {
	if !r.is('0', "a number", section) {
		return "", false
	}
	return string(r.value()), r.err == nil
}

// unknown refuses a property that the specification does not have.
func (r *reader) unknown(name []byte, of, section string) {
	r.value()
	if r.err == nil {
		r.fail("unknown-property", section, "%s has no property %q: names are case-sensitive, and own data goes into extensions", of, name)
	}
}
