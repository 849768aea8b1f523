package lrs

import (
	"slices"
	"strings"
)

// Scope is a set of permissions (Communication 4.0).
type Scope uint16

// The scopes of the specification.
const (
	ScopeStatementsWrite Scope = 1 << iota
	ScopeStatementsRead
	ScopeStatementsReadMine
	ScopeState
	ScopeDefine
	ScopeProfile
	ScopeAllRead
	ScopeAll
)

var scopeNames = []string{
	"statements/write", "statements/read", "statements/read/mine", "state", "define", "profile", "all/read", "all",
}

// vendorScopes are the names that LinkedIn Learning and Udemy Business ask for.
var vendorScopes = map[string]Scope{
	"xapi:write": ScopeStatementsWrite, "xapi:read": ScopeStatementsRead, "xapi:all": ScopeAll,
}

// ParseScopes reads scopes by the specification's or the vendors' names, separated by spaces.
func ParseScopes(names string) (Scope, error) {
	var scopes Scope
	for name := range strings.FieldsSeq(names) {
		scope := vendorScopes[name]
		if i := slices.Index(scopeNames, name); i >= 0 {
			scope = 1 << i
		}
		if scope == 0 {
			return 0, Errorf(KindInvalid, "%.60q is not a scope: use %s", name, strings.Join(scopeNames, ", "))
		}
		scopes |= scope
	}
	return scopes, nil
}

// String names the scopes, separated by spaces.
func (s Scope) String() string {
	var names []string
	for i, name := range scopeNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// MarshalText implements encoding.TextMarshaler.
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Scope) UnmarshalText(text []byte) (err error) {
	*s, err = ParseScopes(string(text))
	return err
}

// Principal is who asks. It is passed explicitly to every service method, which decides what it
// may do; stores never see it.
type Principal struct {
	Name      string // the credential's key, for the record
	Source    string // whose statements are its own
	Authority Authority
	Scopes    Scope
	Roles     Role
	Subtrees  []string // the organisations that the roles are about, with all below; none: every one
	Rules     Rules    // of its source; nil: the specification's only
	Launch    *Launch  // what it is bound to; nil when it is not
}

// may refuses unless the principal has one of the scopes.
func (p Principal) may(scopes Scope, action string) error {
	if p.Scopes&(scopes|ScopeAll) == 0 {
		return Errorf(KindForbidden, "this credential may not %s: it needs the scope %s", action, strings.ReplaceAll(scopes.String(), " ", " or "))
	}
	return nil
}

// seesOwnOnly reports whether statements of other sources are hidden from the principal.
func (p Principal) seesOwnOnly() bool {
	return p.Scopes&(ScopeStatementsRead|ScopeAllRead|ScopeAll) == 0
}
