package directory_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"acquis/hub"
	"acquis/hub/directory"
	"acquis/lrs"
)

func wantKind(tb testing.TB, err error, kind lrs.Kind) {
	tb.Helper()
	if lrs.KindOf(err) != kind {
		tb.Errorf("got %v (kind %d), want kind %d", err, lrs.KindOf(err), kind)
	}
}

func TestDecisions(t *testing.T) {
	backends(t, func(t *testing.T, h *house) {
		d := h.directory
		lea := h.person(t, directory.Profile{FamilyName: "Lampadou", Addresses: mails("lea@exemple.example")})
		mia := h.person(t, directory.Profile{FamilyName: "Merluchon"})
		key := mbox("lea@exemple.example")
		id := d.AliasID(key)
		h.see(t, directory.Sighting{Key: key})
		t.Run("what is somebody's must be unlinked first", func(t *testing.T) {
			_, err := d.Link(t.Context(), operator, id, mia)
			wantKind(t, err, lrs.KindConflict)
			_, err = d.Ignore(t.Context(), operator, id)
			wantKind(t, err, lrs.KindConflict)
		})
		t.Run("no rule links again what somebody unlinked", func(t *testing.T) {
			a, err := d.Unlink(t.Context(), operator, id)
			must(t, err)
			wantState(t, a, directory.Waiting)
			h.pass(1)
			wantState(t, h.see(t, directory.Sighting{Key: key, At: lrs.InstantOf(h.clock())}), directory.Waiting)
		})
		t.Run("somebody's decision holds against the rules", func(t *testing.T) {
			a, err := d.Link(t.Context(), operator, id, mia)
			must(t, err)
			wantLink(t, a, mia, directory.ByHand, directory.Certain)
			h.edit(t, lea, func(f *directory.Profile) { f.Tags = []directory.Tag{{Name: "pilote"}} })
			wantLink(t, h.kept(t, key), mia, directory.ByHand, directory.Certain)
		})
		t.Run("decisions are undone, the last one first, and each is in the history", func(t *testing.T) {
			a, err := d.UndoDecision(t.Context(), operator, id)
			must(t, err)
			wantState(t, a, directory.Waiting)
			a, err = d.UndoDecision(t.Context(), operator, id)
			must(t, err)
			wantLink(t, a, lea, directory.ByMail, directory.High)
			_, err = d.UndoDecision(t.Context(), operator, id)
			wantKind(t, err, lrs.KindConflict)
			var did []directory.Decision
			for _, l := range h.kept(t, key).History {
				did = append(did, l.Action)
				if l.By != operator.Name && l.By != directory.ByRules || l.At.IsZero() || l.By == operator.Name && l.Reason != operator.Reason {
					t.Errorf("%+v", l)
				}
			}
			if diff := cmp.Diff([]directory.Decision{"resolve", "unlink", "link", "undo", "undo"}, did); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
		t.Run("what is ignored does not wait, and no rule links it", func(t *testing.T) {
			kiosk := mbox("borne@exemple.example")
			h.see(t, directory.Sighting{Key: kiosk})
			_, err := d.Ignore(t.Context(), operator, d.AliasID(kiosk))
			must(t, err)
			h.edit(t, mia, func(f *directory.Profile) { f.Addresses = mails("borne@exemple.example") })
			wantState(t, h.kept(t, kiosk), directory.Ignored)
		})
		t.Run("a decision about an account decides about what its provider says to be of the same holder", func(t *testing.T) {
			pix := account("https://pix.example", "9")
			home := mbox("noe@maison.example")
			h.see(t, directory.Sighting{Key: home})
			h.see(t, directory.Sighting{Key: pix, Related: []directory.Key{home}})
			_, err := d.Link(t.Context(), operator, d.AliasID(pix), mia)
			must(t, err)
			wantLink(t, h.kept(t, home), mia, directory.ByRelated, directory.Medium)
			_, err = d.UndoDecision(t.Context(), operator, d.AliasID(pix))
			must(t, err)
			wantState(t, h.kept(t, home), directory.Waiting)
		})
		t.Run("only operators and administrators decide, and every attempt is on record", func(t *testing.T) {
			manager := hub.Caller{Principal: lrs.Principal{Name: "manager", Roles: lrs.RoleLicenceManager | lrs.RoleAuditor | lrs.RoleBIReader}}
			before := len(h.acts)
			for _, err := range []error{
				second(d.Link(t.Context(), manager, id, mia)), second(d.Unlink(t.Context(), manager, id)), second(d.Ignore(t.Context(), manager, id)),
				second(d.UndoDecision(t.Context(), manager, id)), second(d.MergePeople(t.Context(), manager, lea, mia)), second(d.SeparatePeople(t.Context(), manager, lea)),
			} {
				wantKind(t, err, lrs.KindForbidden)
			}
			for _, act := range h.acts[before:] {
				if act.Outcome != hub.Denied {
					t.Errorf("%+v", act)
				}
			}
			if len(h.acts) != before+6 {
				t.Errorf("%d are on record", len(h.acts)-before)
			}
		})
	})
}

func second[T any](_ T, err error) error { return err }

func TestMerge(t *testing.T) {
	backends(t, func(t *testing.T, h *house) {
		d := h.directory
		h.organisation(t, directory.Organisation{ID: "marees", Name: "Marées", Kind: directory.Ministry})
		h.organisation(t, directory.Organisation{ID: "forets", Name: "Forêts", Kind: directory.Ministry})
		before := h.person(t, directory.Profile{FamilyName: "Ombrepré", Addresses: mails("o@marees.example"), Affiliations: []directory.Affiliation{{Organisation: "marees", Span: hub.Span{To: day("2026-03-31")}}}})
		after := h.person(t, directory.Profile{FamilyName: "Ombrepré", Addresses: mails("o@forets.example"), Affiliations: []directory.Affiliation{{Organisation: "forets", Span: hub.Span{From: day("2026-04-01")}}}})
		old, now := mbox("o@marees.example"), mbox("o@forets.example")
		h.see(t, directory.Sighting{Key: old})
		h.see(t, directory.Sighting{Key: now})
		merged, err := d.MergePeople(t.Context(), operator, before, after)
		must(t, err)
		t.Run("who changed the ministry under two names for the hub is one, with both times", func(t *testing.T) {
			for on, want := range map[string]hub.OrganisationID{"2026-03-31": "marees", "2026-04-01": "forets"} {
				if got, _ := merged.OrganisationOn(day(on)); got != want {
					t.Errorf("on %s it is %q", on, got)
				}
			}
			aliases, err := d.AliasesOf(t.Context(), after)
			if err != nil || len(aliases) != 2 {
				t.Fatalf("%d aliases, %v", len(aliases), err)
			}
			wantLink(t, h.kept(t, old), after, directory.ByMail, directory.High)
		})
		t.Run("what is seen later of either is linked to the one", func(t *testing.T) {
			wantLink(t, h.see(t, directory.Sighting{Key: digest("o@marees.example")}), after, directory.ByDigest, directory.Medium)
		})
		t.Run("a merged person is not merged again, nor merged into", func(t *testing.T) {
			third := h.person(t, directory.Profile{FamilyName: "Orangeval"})
			for _, err := range []error{
				second(d.MergePeople(t.Context(), operator, before, third)), second(d.MergePeople(t.Context(), operator, third, before)), second(d.MergePeople(t.Context(), operator, after, before)),
			} {
				wantKind(t, err, lrs.KindConflict)
			}
			wantKind(t, second(d.MergePeople(t.Context(), operator, third, third)), lrs.KindInvalid)
			wantKind(t, second(d.MergePeople(t.Context(), operator, third, "nobody")), lrs.KindNotFound)
			wantKind(t, second(d.SeparatePeople(t.Context(), operator, third)), lrs.KindConflict)
		})
		t.Run("separated, each has again what it had, and what came meanwhile goes to whose it is", func(t *testing.T) {
			apart, err := d.SeparatePeople(t.Context(), operator, before)
			must(t, err)
			if apart.MergedInto != "" || apart.Merge != nil {
				t.Errorf("it is %+v", apart)
			}
			wantLink(t, h.kept(t, old), before, directory.ByMail, directory.High)
			wantLink(t, h.kept(t, now), after, directory.ByMail, directory.High)
			wantLink(t, h.kept(t, digest("o@marees.example")), before, directory.ByDigest, directory.Medium)
			row, err := directory.People.Get(t.Context(), h.store, string(after), string(after))
			must(t, err)
			if _, in := row.Value.OrganisationOn(day("2026-03-31")); in || len(row.Value.Absorbed) != 0 {
				t.Errorf("it keeps %+v", row.Value.Absorbed)
			}
		})
	})
}

// TestBrokenMerge breaks off a merge between its decision and the moving of aliases, as a kill does.
func TestBrokenMerge(t *testing.T) {
	backends(t, func(t *testing.T, h *house) {
		from := h.person(t, directory.Profile{FamilyName: "Papillard", Addresses: mails("p@exemple.example")})
		into := h.person(t, directory.Profile{FamilyName: "Pâquerin"})
		key := mbox("p@exemple.example")
		h.see(t, directory.Sighting{Key: key})
		row, err := directory.People.Get(t.Context(), h.store, string(from), string(from))
		must(t, err)
		row.Value.MergedInto, row.Value.Merge = into, &directory.Merge{ID: "m", Into: into, Phase: directory.Merging}
		_, err = directory.People.Save(t.Context(), h.store, row)
		must(t, err)
		must(t, h.replica(t).FinishMerges(t.Context()))
		wantLink(t, h.kept(t, key), into, directory.ByMail, directory.High)
		row, err = directory.People.Get(t.Context(), h.store, string(from), string(from))
		must(t, err)
		if row.Value.Merge.Phase != directory.Merged {
			t.Errorf("it is %s", row.Value.Merge.Phase)
		}
	})
}

// cast is a few people and identities, and what was done about them.
type cast struct {
	h       *house
	people  []hub.PersonID
	aliases []directory.Key
	undo    []func() error
}

// act does something to somebody, if it may be done, and remembers how it is undone.
func (c *cast) act(tb testing.TB, pick func(what string, n int) int) {
	d, ctx := c.h.directory, tb.Context()
	id := d.AliasID(c.aliases[pick("alias", len(c.aliases))])
	from, into := c.people[pick("from", len(c.people))], c.people[pick("into", len(c.people))]
	undoDecision := func() error { return second(d.UndoDecision(ctx, operator, id)) }
	var err error
	undo := undoDecision
	switch pick("act", 5) {
	case 0:
		_, err = d.Link(ctx, operator, id, into)
	case 1:
		_, err = d.Unlink(ctx, operator, id)
	case 2:
		_, err = d.Ignore(ctx, operator, id)
	case 3:
		_, err = d.MergePeople(ctx, operator, from, into)
		undo = func() error { return second(d.SeparatePeople(ctx, operator, from)) }
	case 4:
		var row directory.Person
		if row, err = c.person(tb, from); err == nil && row.MergedInto != "" {
			into = row.MergedInto
		}
		_, err = d.SeparatePeople(ctx, operator, from)
		undo = func() error { return second(d.MergePeople(ctx, operator, from, into)) }
	}
	switch kind := lrs.KindOf(err); {
	case err == nil:
		c.undo = append(c.undo, undo)
	case kind != lrs.KindConflict && kind != lrs.KindInvalid:
		tb.Fatal(err)
	}
}

func (c *cast) person(tb testing.TB, id hub.PersonID) (directory.Person, error) {
	row, err := directory.People.Get(tb.Context(), c.h.store, string(id), string(id))
	return row.Value, err
}

// standings are those of all identities, without what a repeated merge makes anew.
func (c *cast) standings(tb testing.TB) (all []directory.Standing) {
	for _, k := range c.aliases {
		s := c.h.kept(tb, k).Standing
		s.Moves = slices.Clone(s.Moves)
		for i := range s.Moves {
			s.Moves[i].Merge = ""
		}
		all = append(all, s)
	}
	return all
}

// reversible does things and undoes them: every identity must stand as before, and at every moment
// those of a person must be at who that person is.
func reversible(tb testing.TB, h *house, scene string, steps int, pick func(what string, n int) int) {
	c := &cast{h: h}
	for i := range 4 {
		mail := fmt.Sprintf("%s-%d@exemple.example", scene, i)
		c.people = append(c.people, h.person(tb, directory.Profile{FamilyName: "Quenouillet", Addresses: mails(mail)}))
		known, unknown := mbox(mail), account("https://pix.example", fmt.Sprintf("%s-%d", scene, i))
		h.see(tb, directory.Sighting{Key: known})
		h.see(tb, directory.Sighting{Key: unknown, Related: []directory.Key{account("https://courses.example", scene)}})
		c.aliases = append(c.aliases, known, unknown)
	}
	for range pick("before", 4) {
		c.act(tb, pick)
	}
	c.undo = nil
	before := c.standings(tb)
	for range steps {
		c.act(tb, pick)
		for i, s := range c.standings(tb) {
			if s.Person == "" {
				continue
			}
			if p, err := c.person(tb, s.Person); err != nil || p.MergedInto != "" {
				tb.Fatalf("%v is linked to %s, who is %s now (%v)", c.aliases[i], s.Person, p.MergedInto, err)
			}
		}
	}
	for _, undo := range slices.Backward(c.undo) {
		must(tb, undo())
	}
	if diff := cmp.Diff(before, c.standings(tb), cmpopts.EquateEmpty()); diff != "" {
		tb.Errorf("after everything was undone (-want +got):\n%s", diff)
	}
}

func TestReversible(t *testing.T) {
	t.Run("what is done to identities and undone leaves them as they were", func(t *testing.T) {
		h := newHouse(t)
		scene := 0
		rapid.Check(t, func(r *rapid.T) {
			scene++
			pick := func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(r, what) }
			reversible(check{t, r}, h, fmt.Sprint(scene), pick("steps", 14), pick)
		})
	})
	t.Run("on MongoDB too", func(t *testing.T) {
		backends(t, func(t *testing.T, h *house) {
			for seed := range uint64(3) {
				chance := rand.New(rand.NewPCG(seed, 5))
				reversible(t, h, fmt.Sprint(seed), 10, func(_ string, n int) int { return chance.IntN(n) })
			}
		})
	})
}

// check reports to rapid, so that it can look for a shorter way, and is a test for the rest.
type check struct {
	*testing.T
	r *rapid.T
}

func (c check) Helper()                           { c.r.Helper() }
func (c check) Error(args ...any)                 { c.r.Error(args...) }
func (c check) Errorf(format string, args ...any) { c.r.Errorf(format, args...) }
func (c check) Fatal(args ...any)                 { c.r.Fatal(args...) }
func (c check) Fatalf(format string, args ...any) { c.r.Fatalf(format, args...) }

func (h *house) organisation(tb testing.TB, o directory.Organisation) {
	tb.Helper()
	_, err := h.directory.PutOrganisation(tb.Context(), operator, o, 0)
	must(tb, err)
}
