package accessstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"acquis/access"
	"acquis/internal/mongotest"
	"acquis/lrs"
	"acquis/storage/accessstore"
	"acquis/storage/mongostore"
	"acquis/storage/pebblestore"
)

// backends runs a test on each backend, empty.
func backends(t *testing.T, test func(t *testing.T, s *accessstore.Store)) {
	t.Run("embedded", func(t *testing.T) {
		b, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir()})
		run(t, b, err, test)
	})
	t.Run("on MongoDB", func(t *testing.T) {
		b, err := mongostore.Open(t.Context(), mongostore.Options{URI: mongotest.Database(t)})
		run(t, b, err, test)
	})
}

func run(t *testing.T, b interface {
	accessstore.Backend
	Close() error
}, err error, test func(*testing.T, *accessstore.Store),
) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := accessstore.New(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	test(t, s)
}

var noon = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func entry(minute int, actor, target string) access.Entry {
	return access.Entry{Time: noon.Add(time.Duration(minute) * time.Minute), Actor: actor, Action: "source.update", Target: target, Outcome: access.Done}
}

func TestApply(t *testing.T) {
	backends(t, func(t *testing.T, s *accessstore.Store) {
		pix := access.Source{Name: "pix", Verbs: []string{"urn:did"}, Authority: jsontext.Value(`{"mbox":"mailto:pix@example.org"}`), Contact: "someone@example.org"}
		made, err := s.Apply(t.Context(), access.Change{Source: &pix, Entry: entry(0, "root", "source/pix")})
		must(t, err)
		key := access.Credential{
			Key: "pix-1", Kind: access.OfSource, Source: "pix", Scopes: lrs.ScopeStatementsWrite | lrs.ScopeState, Created: noon,
			Secrets: []access.Secret{{MAC: []byte{1, 0, 255}, Created: noon, Expires: noon.Add(time.Hour)}},
		}
		_, err = s.Apply(t.Context(), access.Change{Credential: &key, Entry: entry(1, "root", "credential/pix-1")})
		must(t, err)
		_, err = s.Apply(t.Context(), access.Change{Schema: &access.Schema{Name: "pix", Version: "1", Body: jsontext.Value(`{"type":"object"}`)}, Entry: entry(2, "root", "schema/pix@1")})
		must(t, err)

		t.Run("a change is found among the changes, as it was put", func(t *testing.T) {
			c, err := s.Changes(t.Context(), 0)
			must(t, err)
			pix.Revision = made
			want := access.Changes{Sources: []access.Source{pix}, Credentials: []access.Credential{key}, Schemas: []access.Schema{{Name: "pix", Version: "1", Body: jsontext.Value(`{"type":"object"}`)}}}
			ignored := cmpopts.IgnoreFields(access.Changes{}, "Through")
			revisions := cmpopts.IgnoreFields(access.Credential{}, "Revision")
			if diff := cmp.Diff(want, c, ignored, revisions, cmpopts.IgnoreFields(access.Schema{}, "Revision")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
		t.Run("who read the changes sees only what comes later", func(t *testing.T) {
			before, err := s.Changes(t.Context(), 0)
			must(t, err)
			pix.Title, pix.Revision = "Pix", made
			_, err = s.Apply(t.Context(), access.Change{Source: &pix, Entry: entry(3, "root", "source/pix")})
			must(t, err)
			c, err := s.Changes(t.Context(), before.Through)
			must(t, err)
			if len(c.Sources) != 1 || c.Sources[0].Title != "Pix" || c.Sources[0].Revision <= made || len(c.Credentials)+len(c.Schemas) != 0 {
				t.Errorf("got %+v", c)
			}
		})
		t.Run("a change of what changed meanwhile is a conflict and leaves no entry", func(t *testing.T) {
			pix.Revision = made
			_, err := s.Apply(t.Context(), access.Change{Source: &pix, Entry: entry(4, "root", "source/pix")})
			if !errors.Is(err, lrs.ErrConflict) {
				t.Errorf("got %v", err)
			}
			page, err := s.Audit(t.Context(), access.AuditQuery{Limit: 10, Target: "source/pix"})
			must(t, err)
			if len(page.Entries) != 2 {
				t.Errorf("got %d entries", len(page.Entries))
			}
		})
	})
}

func TestAudit(t *testing.T) {
	backends(t, func(t *testing.T, s *accessstore.Store) {
		all := []access.Entry{entry(0, "root", "source/pix"), entry(1, "root", "source/moodle"), entry(2, "rooted", "source/pix"), entry(3, "root", "source/pix")}
		all[1].Outcome = access.Denied
		must(t, s.AppendAudit(t.Context(), all...))
		for name, c := range map[string]struct {
			query access.AuditQuery
			want  []int // minutes
		}{
			"everything, the newest first":          {access.AuditQuery{Limit: 10}, []int{3, 2, 1, 0}},
			"of an actor, not of one named alike":   {access.AuditQuery{Limit: 10, Actor: "root"}, []int{3, 1, 0}},
			"of a target":                           {access.AuditQuery{Limit: 10, Target: "source/pix"}, []int{3, 2, 0}},
			"of an actor and a target":              {access.AuditQuery{Limit: 10, Target: "source/pix", Actor: "root"}, []int{3, 0}},
			"by outcome":                            {access.AuditQuery{Limit: 10, Outcome: access.Denied}, []int{1}},
			"by time, from inclusive to exclusive":  {access.AuditQuery{Limit: 10, Since: all[1].Time, Until: all[3].Time}, []int{2, 1}},
			"of an actor by time":                   {access.AuditQuery{Limit: 10, Actor: "root", Since: all[1].Time, Until: all[3].Time}, []int{1}},
			"nothing of what never happened":        {access.AuditQuery{Limit: 10, Action: "schema.register"}, nil},
			"in pages that join without a gap":      {access.AuditQuery{Limit: 1}, []int{3, 2, 1, 0}},
			"in pages of few, where some are apart": {access.AuditQuery{Limit: 1, Actor: "root", Target: "source/pix"}, []int{3, 0}},
		} {
			t.Run(name, func(t *testing.T) {
				var got []int
				for q := c.query; ; {
					page, err := s.Audit(t.Context(), q)
					must(t, err)
					if len(page.Entries) > q.Limit {
						t.Fatalf("%d entries on a page of %d", len(page.Entries), q.Limit)
					}
					for _, e := range page.Entries {
						got = append(got, int(e.Time.Sub(noon)/time.Minute))
					}
					if q.After = page.Next; q.After == "" {
						break
					}
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	})
}

func TestTokens(t *testing.T) {
	backends(t, func(t *testing.T, s *accessstore.Store) {
		plain := access.Token{ID: "aa", Credential: "pix-1", Scopes: lrs.ScopeStatementsWrite, Issued: noon, Expires: noon.Add(time.Hour)}
		launch := access.Token{ID: "bb", Credential: "pix-1", Scopes: lrs.ScopeState, Issued: noon, Expires: noon.Add(2 * time.Hour), Launch: &access.LaunchBinding{
			Actor: jsontext.Value(`{"mbox":"mailto:a@example.org"}`), Activity: "https://pix.fr/1", Registration: lrs.ID{1},
		}}
		must(t, s.PutToken(t.Context(), plain))
		must(t, s.PutToken(t.Context(), launch))
		for _, want := range []access.Token{plain, launch} {
			got, err := s.Token(t.Context(), want.ID)
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		gone := func(t *testing.T, id string) {
			t.Helper()
			if _, err := s.Token(t.Context(), id); !errors.Is(err, lrs.ErrNotFound) {
				t.Errorf("the token %s: %v", id, err)
			}
		}
		t.Run("expired tokens are swept, others stay", func(t *testing.T) {
			removed, err := s.SweepTokens(t.Context(), noon.Add(90*time.Minute))
			if err != nil || removed != 1 {
				t.Errorf("removed %d, %v", removed, err)
			}
			gone(t, "aa")
			if _, err := s.Token(t.Context(), "bb"); err != nil {
				t.Error(err)
			}
		})
		t.Run("a deleted token is gone, and deleting it again is no error", func(t *testing.T) {
			must(t, s.DeleteToken(t.Context(), "bb"))
			must(t, s.DeleteToken(t.Context(), "bb"))
			gone(t, "bb")
		})
	})
}

func TestUses(t *testing.T) {
	backends(t, func(t *testing.T, s *accessstore.Store) {
		must(t, s.NoteUses(t.Context(), map[string]time.Time{"a": noon, "b": noon}))
		must(t, s.NoteUses(t.Context(), map[string]time.Time{"a": noon.Add(-time.Hour), "b": noon.Add(time.Hour)}))
		got, err := s.Uses(t.Context())
		must(t, err)
		if diff := cmp.Diff(map[string]time.Time{"a": noon, "b": noon.Add(time.Hour)}, got); diff != "" {
			t.Errorf("the later time counts (-want +got):\n%s", diff)
		}
	})
}
