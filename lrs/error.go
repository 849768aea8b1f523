package lrs

import (
	"errors"
	"fmt"
	"strings"
)

// Kind classes an Error by what the caller can do about it. Each HTTP surface maps kinds to
// statuses in one table.
type Kind uint8

// The closed set of kinds. An error that is not an *Error is internal.
const (
	KindInvalid              Kind = iota + 1 // the request breaks a rule; mend it and send it again
	KindUnauthenticated                      // no credential, or one that is not known
	KindForbidden                            // the credential lacks the scope
	KindNotFound                             // nothing there, or not visible to the caller
	KindConflict                             // another content is stored under the same identity
	KindPrecondition                         // If-Match or If-None-Match does not hold
	KindTooLarge                             // a limit on size is passed
	KindUnsupportedMediaType                 // a content type or encoding the resource does not take
	KindUnavailable                          // not now: try again later
)

// Violation is one broken rule at one place.
type Violation struct {
	Pointer string `json:"pointer"`           // JSON pointer (RFC 6901) into the request's JSON, "" for the whole
	Rule    string `json:"rule"`              // stable kebab-case name of the rule, for machines
	Detail  string `json:"detail"`            // what is wrong and how to mend it, for people
	Section string `json:"section,omitempty"` // where the specification says so: "Data 2.4.2"
}

// Error is an error whose text is meant for the client. It never carries internal text.
type Error struct {
	Kind       Kind
	Detail     string      // one sentence
	Violations []Violation // every broken rule that was found, in document order
}

func (e *Error) Error() string {
	if len(e.Violations) == 0 {
		return e.Detail
	}
	var b strings.Builder
	b.WriteString(e.Detail)
	for _, v := range e.Violations {
		fmt.Fprintf(&b, "; %s: %s", v.Pointer, v.Detail)
	}
	return b.String()
}

// Is reports whether target is an *Error of the same kind, so that
// errors.Is(err, ErrNotFound) holds for every not-found error.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && t.Detail == "" && t.Violations == nil
}

// Errors to compare with errors.Is; they carry a kind and no text.
var (
	ErrInvalid      = &Error{Kind: KindInvalid}
	ErrNotFound     = &Error{Kind: KindNotFound}
	ErrConflict     = &Error{Kind: KindConflict}
	ErrPrecondition = &Error{Kind: KindPrecondition}
	ErrForbidden    = &Error{Kind: KindForbidden}
	ErrTooLarge     = &Error{Kind: KindTooLarge}
	ErrUnavailable  = &Error{Kind: KindUnavailable}
)

// Errorf makes an *Error of the kind; the text reaches the client.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// KindOf returns the kind of err, 0 when err is internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return 0
}
