package oauth

import (
	"strings"

	"acquis/lrs"
)

// scopesSupported are the names that clients may ask for: the specification's (Communication 4.0) and
// those of LinkedIn Learning and others.
var scopesSupported = strings.Fields(
	"statements/write statements/read statements/read/mine state define profile all/read all xapi:write xapi:read xapi:all")

// scopeRequest is the scopes that a client asks for.
type scopeRequest []namedScope

type namedScope struct {
	name string
	of   lrs.Scope
}

// parseScopes reads the parameter scope. No scope at all asks for everything that the client has.
func parseScopes(text string) (scopeRequest, error) {
	var asked scopeRequest
	for name := range strings.FieldsSeq(text) {
		of, known := scopeOf(name)
		if !known {
			return nil, &fault{invalidScope, "a scope is not known: use " + strings.Join(scopesSupported, ", ")}
		}
		asked = append(asked, namedScope{name, of})
	}
	return asked, nil
}

// scopeOf returns what a name asks for. The vendors' word for reading is whatever reading there is.
func scopeOf(name string) (lrs.Scope, bool) {
	scopes, err := lrs.ParseScopes(name)
	if name == "xapi:read" {
		scopes |= lrs.ScopeStatementsReadMine
	}
	return scopes, err == nil
}

// of returns the scopes to grant to a client that has its own. A name for all means all that the
// client has; any other must be its own.
func (asked scopeRequest) of(own lrs.Scope) (lrs.Scope, error) {
	if len(asked) == 0 {
		return own, nil
	}
	var granted lrs.Scope
	for _, scope := range asked {
		part := within(scope.of, own)
		if part == 0 {
			return 0, &fault{invalidScope, "this client was not granted the scope " + scope.name}
		}
		granted |= part
	}
	return granted, nil
}

// within is what of the scopes a client has.
func within(scopes, own lrs.Scope) lrs.Scope {
	switch {
	case scopes&lrs.ScopeAll != 0:
		return own
	case own&lrs.ScopeAll != 0:
		return scopes
	case own&lrs.ScopeAllRead != 0:
		own |= lrs.ScopeStatementsRead | lrs.ScopeStatementsReadMine
	case own&lrs.ScopeStatementsRead != 0:
		own |= lrs.ScopeStatementsReadMine
	}
	return scopes & own
}

// named writes what was granted: in the words of the request when it was granted as asked, since
// some clients compare, else in the specification's.
func (asked scopeRequest) named(granted lrs.Scope) string {
	names := make([]string, len(asked))
	for i, scope := range asked {
		if scope.of&lrs.ScopeAll != 0 && granted&lrs.ScopeAll == 0 {
			return granted.String()
		}
		names[i] = scope.name
	}
	if len(names) == 0 {
		return granted.String()
	}
	return strings.Join(names, " ")
}
