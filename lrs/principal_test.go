package lrs

import (
	"strings"
	"testing"
)

func TestScopes(t *testing.T) {
	t.Run("each has its name", func(t *testing.T) {
		for i, name := range scopeNames {
			scope, err := ParseScopes(name)
			if err != nil || scope != 1<<i || scope.String() != name {
				t.Errorf("%s is %d (%v) and named %s", name, scope, err, scope)
			}
		}
		if ScopeAll != 1<<(len(scopeNames)-1) {
			t.Error("a scope has no name")
		}
	})
	t.Run("several stand in any order, with any space", func(t *testing.T) {
		scopes, err := ParseScopes("  profile statements/write\tprofile ")
		if err != nil || scopes != ScopeProfile|ScopeStatementsWrite || scopes.String() != "statements/write profile" {
			t.Errorf("%s %v", scopes, err)
		}
	})
	t.Run("none is none", func(t *testing.T) {
		if scopes, err := ParseScopes(""); err != nil || scopes != 0 || scopes.String() != "" {
			t.Errorf("%s %v", scopes, err)
		}
	})
	t.Run("others are refused with the list", func(t *testing.T) {
		for _, names := range []string{"All", "statements", "all,state", "state x"} {
			if _, err := ParseScopes(names); KindOf(err) != KindInvalid || !strings.Contains(err.Error(), "statements/read/mine") {
				t.Errorf("%q: %v", names, err)
			}
		}
	})
}

func TestPrincipal(t *testing.T) {
	t.Run("it may do what one of its scopes allows", func(t *testing.T) {
		for scopes, may := range map[Scope]bool{ScopeState: true, ScopeProfile: true, ScopeAll: true, ScopeState | ScopeDefine: true, ScopeDefine: false, 0: false, ScopeAllRead: false} {
			err := Principal{Scopes: scopes}.may(ScopeState|ScopeProfile, "keep documents")
			if (err == nil) != may {
				t.Errorf("%q: %v", scopes, err)
			}
			if err != nil && (KindOf(err) != KindForbidden || !strings.Contains(err.Error(), "state or profile")) {
				t.Errorf("%q is not told what it needs: %v", scopes, err)
			}
		}
	})
	t.Run("it sees only its own unless it may read all", func(t *testing.T) {
		for scopes, own := range map[Scope]bool{
			ScopeStatementsReadMine: true, ScopeStatementsReadMine | ScopeStatementsWrite: true, ScopeStatementsRead: false,
			ScopeStatementsReadMine | ScopeStatementsRead: false, ScopeAllRead: false, ScopeAll: false, 0: true,
		} {
			if (Principal{Scopes: scopes}).seesOwnOnly() != own {
				t.Errorf("%q sees its own only: %v", scopes, !own)
			}
		}
	})
}
