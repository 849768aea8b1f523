package access_test

import (
	"testing"
	"time"

	"acquis/access"
	"acquis/lrs"
)

func TestAuthenticate(t *testing.T) {
	h := newHouse(t)
	h.source(t, access.Source{Name: "pix", Title: "Pix", MayVoid: true})
	k, secret := h.credential(t, access.Credential{Key: "pix-1", Source: "pix", Scopes: lrs.ScopeStatementsWrite})
	given := access.Presented{Key: "pix-1", Secret: secret}

	t.Run("the right pair is its source's principal", func(t *testing.T) {
		p := h.knows(t, given)
		if p.Name != "pix-1" || p.Source != "pix" || p.Scopes != lrs.ScopeStatementsWrite || p.Authority.Actor.Name != "Pix" || p.Rules == nil || p.Roles != 0 {
			t.Errorf("%+v", p)
		}
	})
	t.Run("an account's principal has its roles and statements of its own", func(t *testing.T) {
		_, secret := h.credential(t, access.Credential{Key: "boss", Kind: access.OfAccount, Account: "pix", Roles: lrs.RoleAuditor, Subtrees: []string{"north"}})
		p := h.knows(t, access.Presented{Key: "boss", Secret: secret})
		if p.Roles != lrs.RoleAuditor || p.Source == "pix" || len(p.Subtrees) != 1 || p.Rules != nil {
			t.Errorf("%+v", p)
		}
	})
	t.Run("a source sends from within under its own rules, until it is disabled", func(t *testing.T) {
		s := h.source(t, access.Source{Name: "within", Title: "Within", Verbs: []string{"http://adlnet.gov/expapi/verbs/completed"}})
		p, err := h.directory.SourcePrincipal("within", lrs.ScopeStatementsWrite)
		if err != nil || p.Source != "within" || p.Scopes != lrs.ScopeStatementsWrite || p.Authority.Actor.Name != "Within" || p.Rules == nil || p.Roles != 0 {
			t.Errorf("%+v: %v", p, err)
		}
		s.Disabled = true
		h.source(t, s)
		for _, name := range []string{"within", "none"} {
			_, err := h.directory.SourcePrincipal(name, lrs.ScopeStatementsWrite)
			wantKind(t, err, lrs.KindUnauthenticated, name)
		}
	})
	for name, c := range map[string]access.Presented{
		"nothing is refused":           {},
		"an unknown key is refused":    {Key: "pix-2", Secret: secret},
		"no key is refused":            {Secret: secret},
		"a wrong secret is refused":    {Key: "pix-1", Secret: secret + "x"},
		"an empty secret is refused":   {Key: "pix-1"},
		"a key in another case is not": {Key: "PIX-1", Secret: secret},
		"a secret is no token":         {Bearer: secret},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.directory.Authenticate(t.Context(), c)
			wantKind(t, err, lrs.KindUnauthenticated, "not known")
		})
	}
	t.Run("an expired credential is refused and says so to who knows the secret", func(t *testing.T) {
		_, short := h.credential(t, access.Credential{Key: "short", Source: "pix", Scopes: lrs.ScopeState, Expires: h.clock.Now().Add(time.Hour)})
		h.knows(t, access.Presented{Key: "short", Secret: short})
		h.clock.pass(time.Hour)
		_, err := h.directory.Authenticate(t.Context(), access.Presented{Key: "short", Secret: short})
		wantKind(t, err, lrs.KindUnauthenticated, "expired")
		_, err = h.directory.Authenticate(t.Context(), access.Presented{Key: "short", Secret: "wrong"})
		wantKind(t, err, lrs.KindUnauthenticated, "not known")
	})
	t.Run("a disabled credential stops here at once, elsewhere at the next look", func(t *testing.T) {
		other := h.replica(t)
		k.Disabled = true
		var err error
		k, err = h.admin.UpdateCredential(t.Context(), root, k)
		must(t, err)
		_, err = h.directory.Authenticate(t.Context(), given)
		wantKind(t, err, lrs.KindUnauthenticated, "disabled")
		must(t, other.Refresh(t.Context()))
		_, err = other.Authenticate(t.Context(), given)
		wantKind(t, err, lrs.KindUnauthenticated, "disabled")
		k.Disabled = false
		_, err = h.admin.UpdateCredential(t.Context(), root, k)
		must(t, err)
		h.knows(t, given)
	})
	t.Run("a disabled source stops with all its credentials", func(t *testing.T) {
		s, _ := h.directory.Source("pix")
		s.Disabled = true
		s = h.source(t, s)
		_, err := h.directory.Authenticate(t.Context(), given)
		wantKind(t, err, lrs.KindUnauthenticated, "disabled")
		s.Disabled = false
		h.source(t, s)
		h.knows(t, given)
	})
}

func TestRotateSecret(t *testing.T) {
	h := newHouse(t)
	h.source(t, access.Source{Name: "pix"})
	_, first := h.credential(t, access.Credential{Key: "pix-1", Source: "pix", Scopes: lrs.ScopeStatementsWrite})
	taken := func(t *testing.T, secret string, want bool) {
		t.Helper()
		_, err := h.directory.Authenticate(t.Context(), access.Presented{Key: "pix-1", Secret: secret})
		if (err == nil) != want {
			t.Errorf("taken: %v, %v", !want, err)
		}
	}
	_, second, err := h.admin.RotateSecret(t.Context(), root, "pix-1", time.Hour)
	must(t, err)
	t.Run("two secrets live at once", func(t *testing.T) {
		taken(t, first, true)
		taken(t, second, true)
	})
	t.Run("the former ends with the overlap", func(t *testing.T) {
		h.clock.pass(time.Hour)
		taken(t, first, false)
		taken(t, second, true)
	})
	t.Run("a third puts an end to the first", func(t *testing.T) {
		_, third, err := h.admin.RotateSecret(t.Context(), root, "pix-1", time.Hour)
		must(t, err)
		_, fourth, err := h.admin.RotateSecret(t.Context(), root, "pix-1", time.Hour)
		must(t, err)
		taken(t, second, false)
		taken(t, third, true)
		taken(t, fourth, true)
	})
	t.Run("without an overlap the former ends at once", func(t *testing.T) {
		before := second
		k, last, err := h.admin.RotateSecret(t.Context(), root, "pix-1", 0)
		must(t, err)
		taken(t, before, false)
		taken(t, last, true)
		if len(k.Secrets) != 1 || k.Secrets[0].MAC != nil {
			t.Errorf("told %+v", k.Secrets)
		}
	})
	t.Run("an overlap without end is refused", func(t *testing.T) {
		_, _, err := h.admin.RotateSecret(t.Context(), root, "pix-1", 365*24*time.Hour)
		wantKind(t, err, lrs.KindInvalid, "overlap")
	})
}

func TestAuthenticate_external(t *testing.T) {
	h := newHouse(t)
	h.source(t, access.Source{Name: "pix"})
	h.credential(t, access.Credential{Key: "client", Source: "pix", External: true, Scopes: lrs.ScopeStatementsWrite | lrs.ScopeState})
	h.credential(t, access.Credential{Key: "local", Source: "pix", Scopes: lrs.ScopeAll})
	t.Run("a token of the issuer has what token and credential both permit", func(t *testing.T) {
		p := h.knows(t, access.Presented{Bearer: "header.client.signature"})
		if p.Name != "client" || p.Scopes != lrs.ScopeStatementsWrite {
			t.Errorf("%+v", p)
		}
	})
	for name, c := range map[string]access.Presented{
		"a client that is not registered is refused":            {Bearer: "header.nobody.signature"},
		"a credential with a secret is not the issuer's":        {Bearer: "header.local.signature"},
		"a token that does not hold is refused":                 {Bearer: "header.client.forged"},
		"an external credential takes no secret, not even none": {Key: "client"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.directory.Authenticate(t.Context(), c)
			wantKind(t, err, lrs.KindUnauthenticated, "")
		})
	}
}

func TestRun(t *testing.T) {
	h := newHouse(t)
	h.source(t, access.Source{Name: "pix"})
	_, secret := h.credential(t, access.Credential{Key: "pix-1", Source: "pix", Scopes: lrs.ScopeStatementsWrite})
	h.knows(t, access.Presented{Key: "pix-1", Secret: secret})
	for range 3 {
		_, _ = h.directory.Authenticate(t.Context(), access.Presented{Key: "pix-1", Secret: "guess", Address: "192.0.2.1"})
	}
	ctx, cancel := stopped(t)
	cancel()
	h.directory.Run(ctx) // at its end, everything is kept

	t.Run("refused authentications are on record, alike ones as one, without the secret", func(t *testing.T) {
		page, err := h.admin.Audit(t.Context(), root, access.AuditQuery{Limit: 10, Action: "authenticate"})
		must(t, err)
		if len(page.Entries) != 1 {
			t.Fatalf("%+v", page.Entries)
		}
		e := page.Entries[0]
		if e.Actor != "pix-1" || e.Address != "192.0.2.1" || e.Count != 3 || e.Outcome != access.Denied || e.Detail != "the key or the secret is not known" {
			t.Errorf("%+v", e)
		}
	})
	t.Run("when a credential was last used is told by another process, to the minute", func(t *testing.T) {
		k, err := access.NewAdmin(h.store, h.replica(t)).Credential(t.Context(), root, "pix-1")
		must(t, err)
		if !k.LastUsed.Equal(h.clock.Now().Truncate(time.Minute)) {
			t.Errorf("%v", k.LastUsed)
		}
	})
}

func TestPin(t *testing.T) {
	h := newHouse(t)
	h.source(t, access.Source{Name: "pix"})
	_, secret := h.credential(t, access.Credential{Key: "root", Source: "pix", Scopes: lrs.ScopeState})
	must(t, h.directory.Pin(access.Credential{Key: "root", Kind: access.OfAccount, Account: "root", Scopes: lrs.ScopeAll}, "open-sesame"))
	p := h.knows(t, access.Presented{Key: "root", Secret: "open-sesame"})
	if p.Scopes != lrs.ScopeAll {
		t.Errorf("%+v", p)
	}
	_, err := h.directory.Authenticate(t.Context(), access.Presented{Key: "root", Secret: secret})
	wantKind(t, err, lrs.KindUnauthenticated, "")
	must(t, h.directory.Refresh(t.Context()))
	h.knows(t, access.Presented{Key: "root", Secret: "open-sesame"})
	wantKind(t, h.directory.Pin(access.Credential{Key: "x"}, ""), lrs.KindInvalid, "needs a key and a secret")
}

// BenchmarkRefusal takes turns with an unknown key and a wrong secret, so that both meet the machine in
// the same state, and tells what each costs.
func BenchmarkRefusal(b *testing.B) {
	h := newHouse(b)
	h.source(b, access.Source{Name: "pix"})
	_, secret := h.credential(b, access.Credential{Key: "pix-1", Source: "pix", Scopes: lrs.ScopeStatementsWrite})
	wrong := secret[1:] + "x"
	refusals := []struct {
		unit  string
		given access.Presented
		spent time.Duration
	}{
		{unit: "unknown-key-ns/op", given: access.Presented{Key: "pix-2", Secret: wrong}},
		{unit: "wrong-secret-ns/op", given: access.Presented{Key: "pix-1", Secret: wrong}},
	}
	for b.Loop() {
		for i := range refusals {
			begun := time.Now()
			_, _ = h.directory.Authenticate(b.Context(), refusals[i].given)
			refusals[i].spent += time.Since(begun)
		}
	}
	for _, r := range refusals {
		b.ReportMetric(float64(r.spent.Nanoseconds())/float64(b.N), r.unit)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	h := newHouse(b)
	h.source(b, access.Source{Name: "pix", Verbs: []string{"https://pix.fr/did"}})
	_, secret := h.credential(b, access.Credential{Key: "pix-1", Source: "pix", Scopes: lrs.ScopeStatementsWrite})
	issued, err := h.tokens.Issue(b.Context(), h.knows(b, access.Presented{Key: "pix-1", Secret: secret}), 0)
	must(b, err)
	for _, c := range []struct {
		name  string
		given access.Presented
	}{
		{"key", access.Presented{Key: "pix-1", Secret: secret}},
		{"token", access.Presented{Bearer: issued.Token}},
		{"wrong_secret", access.Presented{Key: "pix-1", Secret: secret[1:] + "x"}},
		{"unknown_key", access.Presented{Key: "pix-2", Secret: secret}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = h.directory.Authenticate(b.Context(), c.given)
			}
		})
	}
}
