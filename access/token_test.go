package access_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"acquis/access"
	"acquis/lrs"
)

func stopped(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

func TestTokens(t *testing.T) {
	h := newHouse(t)
	h.source(t, access.Source{Name: "pix"})
	k, secret := h.credential(t, access.Credential{Key: "pix-1", Source: "pix", Scopes: lrs.ScopeStatementsWrite | lrs.ScopeStatementsRead})
	client := h.knows(t, access.Presented{Key: "pix-1", Secret: secret})

	t.Run("a token stands for its credential, with the scopes that were asked for", func(t *testing.T) {
		issued, err := h.tokens.Issue(t.Context(), client, lrs.ScopeStatementsReadMine)
		must(t, err)
		p := h.knows(t, access.Presented{Bearer: issued.Token})
		if p.Name != "pix-1" || p.Source != "pix" || p.Scopes != lrs.ScopeStatementsReadMine || p.Launch != nil {
			t.Errorf("%+v", p)
		}
	})
	t.Run("without scopes it has those of the credential", func(t *testing.T) {
		issued, err := h.tokens.Issue(t.Context(), client, 0)
		must(t, err)
		if issued.Scopes != client.Scopes || !issued.Expires.Equal(h.clock.Now().Add(time.Hour)) {
			t.Errorf("%+v", issued)
		}
	})
	t.Run("a scope that the credential lacks is refused", func(t *testing.T) {
		_, err := h.tokens.Issue(t.Context(), client, lrs.ScopeStatementsWrite|lrs.ScopeProfile)
		wantKind(t, err, lrs.KindForbidden, "profile")
	})
	t.Run("it ends when it expires", func(t *testing.T) {
		issued, err := h.tokens.Issue(t.Context(), client, 0)
		must(t, err)
		h.knows(t, access.Presented{Bearer: issued.Token})
		h.clock.pass(time.Hour)
		_, err = h.directory.Authenticate(t.Context(), access.Presented{Bearer: issued.Token})
		wantKind(t, err, lrs.KindUnauthenticated, "expired")
	})
	t.Run("it ends when it is revoked: here at once, elsewhere as soon as changes are looked for", func(t *testing.T) {
		other := h.replica(t)
		issued, err := h.tokens.Issue(t.Context(), client, 0)
		must(t, err)
		given := access.Presented{Bearer: issued.Token}
		h.knows(t, given)
		_, err = other.Authenticate(t.Context(), given)
		must(t, err)
		must(t, h.tokens.Revoke(t.Context(), client, issued.Token))
		_, err = h.directory.Authenticate(t.Context(), given)
		wantKind(t, err, lrs.KindUnauthenticated, "revoked")
		h.clock.pass(time.Second) // DirectoryOptions.Every
		_, err = other.Authenticate(t.Context(), given)
		wantKind(t, err, lrs.KindUnauthenticated, "revoked")
		must(t, h.tokens.Revoke(t.Context(), client, issued.Token))
	})
	t.Run("another client does not revoke it", func(t *testing.T) {
		issued, err := h.tokens.Issue(t.Context(), client, 0)
		must(t, err)
		must(t, h.tokens.Revoke(t.Context(), lrs.Principal{Name: "other"}, issued.Token))
		h.knows(t, access.Presented{Bearer: issued.Token})
	})
	t.Run("an administrator's token carries no role", func(t *testing.T) {
		_, secret := h.credential(t, access.Credential{Key: "boss", Kind: access.OfAccount, Account: "boss", Roles: lrs.RoleAdministrator, Scopes: lrs.ScopeAll})
		issued, err := h.tokens.Issue(t.Context(), h.knows(t, access.Presented{Key: "boss", Secret: secret}), 0)
		must(t, err)
		if p := h.knows(t, access.Presented{Bearer: issued.Token}); p.Roles != 0 {
			t.Errorf("%+v", p)
		}
	})
	t.Run("it ends with its credential, and what that loses it loses", func(t *testing.T) {
		issued, err := h.tokens.Issue(t.Context(), client, 0)
		must(t, err)
		k.Scopes = lrs.ScopeStatementsRead
		k, err = h.admin.UpdateCredential(t.Context(), root, k)
		must(t, err)
		if p := h.knows(t, access.Presented{Bearer: issued.Token}); p.Scopes != lrs.ScopeStatementsRead {
			t.Errorf("%s", p.Scopes)
		}
		k.Disabled = true
		_, err = h.admin.UpdateCredential(t.Context(), root, k)
		must(t, err)
		_, err = h.directory.Authenticate(t.Context(), access.Presented{Bearer: issued.Token})
		wantKind(t, err, lrs.KindUnauthenticated, "disabled")
	})
}

func TestLaunch(t *testing.T) {
	h := newHouse(t)
	h.source(t, access.Source{Name: "pix"})
	_, secret := h.credential(t, access.Credential{Key: "pix-1", Source: "pix", Scopes: lrs.ScopeStatementsWrite | lrs.ScopeState | lrs.ScopeStatementsRead | lrs.ScopeProfile})
	client := h.knows(t, access.Presented{Key: "pix-1", Secret: secret})
	ann := access.LaunchBinding{Actor: []byte(`{"mbox":"mailto:ann@example.org"}`), Activity: "https://pix.fr/1"}
	issued, err := h.tokens.Launch(t.Context(), client, access.LaunchRequest{LaunchBinding: ann})
	must(t, err)
	launched := h.knows(t, access.Presented{Bearer: issued.Token})

	t.Run("it is bound, and writes only", func(t *testing.T) {
		if launched.Scopes != lrs.ScopeStatementsWrite|lrs.ScopeState || launched.Launch == nil || launched.Launch.Activity != ann.Activity ||
			launched.Launch.Registration == uuid.Nil || launched.Launch.Registration != issued.Launch.Registration || launched.Source != "pix" {
			t.Errorf("%+v", launched)
		}
	})
	t.Run("it is not to be exchanged", func(t *testing.T) {
		_, err := h.tokens.Issue(t.Context(), launched, 0)
		wantKind(t, err, lrs.KindForbidden, "launch token")
		_, err = h.tokens.Launch(t.Context(), launched, access.LaunchRequest{LaunchBinding: ann})
		wantKind(t, err, lrs.KindForbidden, "launch token")
	})
	t.Run("it does no more than its credential", func(t *testing.T) {
		_, secret := h.credential(t, access.Credential{Key: "writer", Source: "pix", Scopes: lrs.ScopeStatementsWrite})
		issued, err := h.tokens.Launch(t.Context(), h.knows(t, access.Presented{Key: "writer", Secret: secret}), access.LaunchRequest{LaunchBinding: ann})
		must(t, err)
		if p := h.knows(t, access.Presented{Bearer: issued.Token}); p.Scopes != lrs.ScopeStatementsWrite || issued.Scopes != p.Scopes {
			t.Errorf("%s, told %s", p.Scopes, issued.Scopes)
		}
		_, err = h.tokens.Launch(t.Context(), lrs.Principal{Scopes: lrs.ScopeStatementsRead}, access.LaunchRequest{LaunchBinding: ann})
		wantKind(t, err, lrs.KindForbidden, "statements/write")
	})
	t.Run("everything wrong with a request is listed", func(t *testing.T) {
		_, err := h.tokens.Launch(t.Context(), client, access.LaunchRequest{
			LaunchBinding: access.LaunchBinding{Actor: []byte(`{"mbox":"ann"}`), Activity: "1"}, Lifetime: 5 * time.Hour,
		})
		wantKind(t, err, lrs.KindInvalid, "")
		if diff := cmp.Diff([]string{"/actor/mbox", "/activity", "/lifetime"}, pointers(err)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
