package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"acquis/access"
	"acquis/lrs"
)

func TestAdmin_roles(t *testing.T) {
	h := newHouse(t)
	h.source(t, access.Source{Name: "pix"})
	h.credential(t, access.Credential{Key: "pix-1", Source: "pix", Scopes: lrs.ScopeStatementsWrite})
	h.credential(t, access.Credential{Key: "wide", Source: "pix", Scopes: lrs.ScopeAll})
	boss, _ := h.credential(t, access.Credential{Key: "boss", Kind: access.OfAccount, Account: "boss", Roles: lrs.RoleAdministrator})
	acts := map[string]func(c access.Caller) error{
		"read sources": func(c access.Caller) error {
			_, err := h.admin.Sources(t.Context(), c, access.List{Limit: 1})
			return err
		},
		"read a source": func(c access.Caller) error { _, err := h.admin.Source(t.Context(), c, "pix"); return err },
		"change a source": func(c access.Caller) error {
			s, _ := h.directory.Source("pix")
			_, err := h.admin.PutSource(t.Context(), c, s)
			return err
		},
		"read credentials": func(c access.Caller) error {
			_, err := h.admin.Credentials(t.Context(), c, "", access.List{Limit: 1})
			return err
		},
		"issue for a source": func(c access.Caller) error {
			_, _, err := h.admin.IssueCredential(t.Context(), c, access.Credential{Kind: access.OfSource, Source: "pix", Scopes: lrs.ScopeStatementsWrite | lrs.ScopeStatementsReadMine})
			return err
		},
		"issue what reads others": func(c access.Caller) error {
			_, _, err := h.admin.IssueCredential(t.Context(), c, access.Credential{Kind: access.OfSource, Source: "pix", Scopes: lrs.ScopeStatementsRead})
			return err
		},
		"issue for an account": func(c access.Caller) error {
			_, _, err := h.admin.IssueCredential(t.Context(), c, access.Credential{Kind: access.OfAccount, Account: "me", Roles: lrs.RoleAdministrator})
			return err
		},
		"rotate a source's":        func(c access.Caller) error { _, _, err := h.admin.RotateSecret(t.Context(), c, "pix-1", 0); return err },
		"rotate what reads others": func(c access.Caller) error { _, _, err := h.admin.RotateSecret(t.Context(), c, "wide", 0); return err },
		"rotate an administrator's": func(c access.Caller) error {
			_, _, err := h.admin.RotateSecret(t.Context(), c, boss.Key, 0)
			return err
		},
		"widen a source's": func(c access.Caller) error {
			k, err := h.admin.Credential(t.Context(), root, "pix-1")
			if err != nil {
				return err
			}
			k.Scopes |= lrs.ScopeAllRead
			if _, err = h.admin.UpdateCredential(t.Context(), c, k); err == nil {
				k, _ = h.admin.Credential(t.Context(), root, "pix-1")
				k.Scopes = lrs.ScopeStatementsWrite
				_, err = h.admin.UpdateCredential(t.Context(), root, k)
			}
			return err
		},
		"read schemas": func(c access.Caller) error {
			_, err := h.admin.Schemas(t.Context(), c, access.List{Limit: 1})
			return err
		},
		"register a schema": func(c access.Caller) error {
			_, err := h.admin.RegisterSchema(t.Context(), c, access.Schema{Name: "own", Version: strings.ToLower(c.Name), Body: []byte(`{"about":"x"}`)})
			return err
		},
		"read the audit log": func(c access.Caller) error {
			_, err := h.admin.Audit(t.Context(), c, access.AuditQuery{Limit: 1})
			return err
		},
	}
	reading := []string{"read sources", "read a source", "read credentials", "read schemas"}
	operating := append([]string{"change a source", "issue for a source", "rotate a source's", "register a schema"}, reading...)
	all := make([]string, 0, len(acts))
	for act := range acts {
		all = append(all, act)
	}
	for role, may := range map[lrs.Role][]string{
		lrs.RoleAdministrator: all, lrs.RoleOperator: operating, lrs.RoleAuditor: append([]string{"read the audit log"}, reading...),
		lrs.RoleLicenceManager: nil, lrs.RoleBIReader: nil, 0: nil,
	} {
		caller := access.Caller{Principal: lrs.Principal{Name: strings.ReplaceAll("as-"+role.String(), " ", ""), Roles: role, Scopes: lrs.ScopeAll}}
		for act, try := range acts {
			t.Run(strings.TrimSpace("the role "+role.String())+": "+act, func(t *testing.T) {
				want := lrs.KindForbidden
				for _, name := range may {
					if name == act {
						want = 0
					}
				}
				wantKind(t, try(caller), want, "")
			})
		}
	}
}

func TestAdmin_audit(t *testing.T) {
	h := newHouse(t)
	s := h.source(t, access.Source{Name: "pix"})
	s.Title = "Pix"
	s = h.source(t, s)
	_, secret := h.credential(t, access.Credential{Key: "pix-1", Source: "pix", Scopes: lrs.ScopeStatementsWrite})
	_, rotated, err := h.admin.RotateSecret(t.Context(), root, "pix-1", time.Hour)
	must(t, err)
	_, err = h.admin.PutSource(t.Context(), access.Caller{Principal: lrs.Principal{Name: "reader", Roles: lrs.RoleAuditor}, Address: "192.0.2.7"}, s)
	wantKind(t, err, lrs.KindForbidden, "administrator or operator")
	s.Verbs = []string{"no iri"}
	_, err = h.admin.PutSource(t.Context(), root, s)
	wantKind(t, err, lrs.KindInvalid, "")

	page, err := h.admin.Audit(t.Context(), root, access.AuditQuery{Limit: 100})
	must(t, err)
	type line struct {
		Actor, Action, Target, Address string
		Outcome                        access.Outcome
		Before, After                  bool
	}
	got := map[line]int{}
	for _, e := range page.Entries {
		got[line{e.Actor, e.Action, e.Target, e.Address, e.Outcome, len(e.Before) > 0, len(e.After) > 0}]++
		for _, secret := range []string{secret, rotated, `"mac"`} {
			if strings.Contains(string(e.Before)+string(e.After)+e.Detail, secret) {
				t.Errorf("%s holds a secret: %s", e.Action, e.After)
			}
		}
	}
	want := map[line]int{
		{"root", "source.create", "source/pix", root.Address, access.Done, false, true}:          1,
		{"root", "source.update", "source/pix", root.Address, access.Done, true, true}:           1,
		{"root", "credential.issue", "credential/pix-1", root.Address, access.Done, false, true}: 1,
		{"root", "credential.rotate", "credential/pix-1", root.Address, access.Done, true, true}: 1,
		{"reader", "source.update", "source/pix", "192.0.2.7", access.Denied, false, false}:      1,
		{"root", "source.update", "source/pix", root.Address, access.Invalid, false, false}:      1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPutSource(t *testing.T) {
	h := newHouse(t)
	t.Run("everything wrong is listed, with where", func(t *testing.T) {
		_, err := h.admin.PutSource(t.Context(), root, access.Source{
			Name: "Pix!", Title: "two\nlines", Authority: []byte(`{"mbox":"pix"}`), Versions: []lrs.Version{"0.9"}, DefaultVersion: "3",
			Verbs: []string{"https://ok.example", "bad"}, ActivityPrefixes: []string{""}, ActorForms: []string{"name"},
			Schemas: []access.SchemaUse{{Name: "none", Version: "1", Mode: "guess"}}, Retention: "For Ever", DailyQuota: -1,
		})
		wantKind(t, err, lrs.KindInvalid, "")
		want := []string{
			"/name", "/title", "/retention", "/authority/mbox", "/versions/0", "/defaultVersion", "/verbs/1", "/activityPrefixes/0",
			"/actorForms/0", "/schemas/0", "/schemas/0/mode", "/dailyQuota",
		}
		if diff := cmp.Diff(want, pointers(err)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	made := h.source(t, access.Source{Name: "pix"})
	t.Run("a name is taken once", func(t *testing.T) {
		_, err := h.admin.PutSource(t.Context(), root, access.Source{Name: "pix"})
		wantKind(t, err, lrs.KindConflict, "read it again")
	})
	t.Run("a change of what changed meanwhile is a conflict", func(t *testing.T) {
		h.source(t, made)
		_, err := h.admin.PutSource(t.Context(), root, made)
		wantKind(t, err, lrs.KindConflict, "")
	})
	t.Run("what is not there cannot be changed", func(t *testing.T) {
		_, err := h.admin.PutSource(t.Context(), root, access.Source{Name: "moodle", Revision: 1})
		wantKind(t, err, lrs.KindNotFound, "moodle")
	})
	t.Run("what cannot be read is not there", func(t *testing.T) {
		_, err := h.admin.Source(t.Context(), root, "moodle")
		wantKind(t, err, lrs.KindNotFound, "moodle")
	})
}

func TestIssueCredential(t *testing.T) {
	h := newHouse(t)
	h.source(t, access.Source{Name: "pix"})
	for name, c := range map[string]struct {
		credential access.Credential
		want       []string
	}{
		"of a source that is not there":          {access.Credential{Key: "a", Kind: access.OfSource, Source: "none", Scopes: lrs.ScopeState}, []string{"/source"}},
		"a source's with a role":                 {access.Credential{Key: "a", Kind: access.OfSource, Source: "pix", Scopes: lrs.ScopeState, Roles: lrs.RoleAuditor}, []string{"/kind"}},
		"without a scope":                        {access.Credential{Key: "a", Kind: access.OfSource, Source: "pix"}, []string{"/scopes"}},
		"an account's without anything":          {access.Credential{Key: "a", Kind: access.OfAccount, Account: "me"}, []string{"/roles"}},
		"an external account":                    {access.Credential{Key: "a", Kind: access.OfAccount, Account: "me", Roles: lrs.RoleAuditor, External: true}, []string{"/kind"}},
		"a key with a colon, of nobody":          {access.Credential{Key: "a:b"}, []string{"/key", "/kind"}},
		"a key that would break a line of a log": {access.Credential{Key: "a\nb", Kind: access.OfSource, Source: "pix", Scopes: lrs.ScopeState}, []string{"/key"}},
		"a key that leads out of a directory":    {access.Credential{Key: "../a", Kind: access.OfSource, Source: "pix", Scopes: lrs.ScopeState}, []string{"/key"}},
		"a subtree without an id":                {access.Credential{Key: "a", Kind: access.OfAccount, Account: "me", Roles: lrs.RoleAuditor, Subtrees: []string{""}}, []string{"/subtrees/0"}},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			_, _, err := h.admin.IssueCredential(t.Context(), root, c.credential)
			wantKind(t, err, lrs.KindInvalid, "")
			if diff := cmp.Diff(c.want, pointers(err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a key is made up when none is given", func(t *testing.T) {
		k, secret := h.credential(t, access.Credential{Source: "pix", Scopes: lrs.ScopeState})
		if !strings.HasPrefix(k.Key, "pix-") || len(secret) != 43 {
			t.Errorf("%s, a secret of %d characters", k.Key, len(secret))
		}
		h.knows(t, access.Presented{Key: k.Key, Secret: secret})
	})
	t.Run("a key is taken once, and the first keeps its secret", func(t *testing.T) {
		_, secret := h.credential(t, access.Credential{Key: "mine", Source: "pix", Scopes: lrs.ScopeState})
		_, _, err := h.admin.IssueCredential(t.Context(), root, access.Credential{Key: "mine", Kind: access.OfSource, Source: "pix", Scopes: lrs.ScopeState})
		wantKind(t, err, lrs.KindConflict, "taken")
		h.knows(t, access.Presented{Key: "mine", Secret: secret})
	})
}

func TestFirstCredential(t *testing.T) {
	h := newHouse(t)
	secret, err := h.admin.FirstCredential(t.Context(), "root")
	must(t, err)
	p := h.knows(t, access.Presented{Key: "root", Secret: secret})
	if p.Scopes != lrs.ScopeAll || p.Roles != lrs.RoleAdministrator {
		t.Errorf("%+v", p)
	}
	again, err := access.NewAdmin(h.store, h.replica(t)).FirstCredential(t.Context(), "root")
	if again != "" || err != nil {
		t.Errorf("a second one was made: %v", err)
	}
}

func TestRegisterSchema(t *testing.T) {
	h := newHouse(t)
	own := access.Schema{Name: "own", Version: "1", Body: []byte(`{"about":"did"}`)}
	_, err := h.admin.RegisterSchema(t.Context(), root, own)
	must(t, err)
	t.Run("a version never changes", func(t *testing.T) {
		_, err := h.admin.RegisterSchema(t.Context(), root, own)
		wantKind(t, err, lrs.KindConflict, "next version")
	})
	t.Run("one that comes with the product is not replaced", func(t *testing.T) {
		_, err := h.admin.RegisterSchema(t.Context(), root, access.Schema{Name: "shipped", Version: "1", Body: own.Body})
		wantKind(t, err, lrs.KindConflict, "")
	})
	t.Run("one that does not compile is refused", func(t *testing.T) {
		_, err := h.admin.RegisterSchema(t.Context(), root, access.Schema{Name: "own", Version: "2", Body: []byte(`{}`)})
		wantKind(t, err, lrs.KindInvalid, "about")
	})
	t.Run("one of an odd name is refused", func(t *testing.T) {
		_, err := h.admin.RegisterSchema(t.Context(), root, access.Schema{Name: "../own", Version: "2/3", Body: own.Body})
		if diff := cmp.Diff([]string{"/name", "/version"}, pointers(err)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("another process has it, compiled", func(t *testing.T) {
		other := access.NewAdmin(h.store, h.replica(t))
		_, err := other.PutSource(t.Context(), root, access.Source{Name: "pix", Schemas: []access.SchemaUse{{Name: "own", Version: "1", Mode: access.Enforce}}})
		must(t, err)
	})
}
