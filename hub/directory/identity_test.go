package directory_test

import (
	"crypto/sha1" // xAPI's mbox_sha1sum is SHA-1 by definition
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"acquis/hub"
	"acquis/hub/directory"
	"acquis/lrs"
)

func (h *house) person(tb testing.TB, f directory.Profile) hub.PersonID {
	tb.Helper()
	row, err := h.directory.PutPerson(tb.Context(), operator, "", f, 0)
	must(tb, err)
	return row.Value.ID
}

// edit changes what is said of a person.
func (h *house) edit(tb testing.TB, id hub.PersonID, change func(*directory.Profile)) {
	tb.Helper()
	row, err := directory.People.Get(tb.Context(), h.store, string(id), string(id))
	must(tb, err)
	f := row.Value.Profile()
	change(&f)
	_, err = h.directory.PutPerson(tb.Context(), operator, id, f, row.Revision)
	must(tb, err)
}

func (h *house) see(tb testing.TB, s directory.Sighting) directory.Alias {
	tb.Helper()
	if s.At == 0 {
		s.At = lrs.InstantOf(noon)
	}
	all, err := h.directory.Observe(tb.Context(), []directory.Sighting{s})
	must(tb, err)
	a, there := all[h.directory.AliasID(s.Key)]
	if !there || len(all) != 1 {
		tb.Fatalf("%d aliases are answered", len(all))
	}
	return a
}

// kept is an alias as its document is.
func (h *house) kept(tb testing.TB, k directory.Key) directory.Alias {
	tb.Helper()
	id := string(h.directory.AliasID(k))
	row, err := directory.Aliases.Get(tb.Context(), h.store, id, id)
	must(tb, err)
	return row.Value
}

func mbox(address string) directory.Key { return directory.Key{Kind: directory.Mbox, Value: address} }

func account(home, name string) directory.Key {
	return directory.Key{Kind: directory.Account, HomePage: home, Value: name}
}

func digest(address string) directory.Key {
	sum := sha1.Sum([]byte("mailto:" + address))
	return directory.Key{Kind: directory.MboxSHA1Sum, Value: hex.EncodeToString(sum[:])}
}

func mails(addresses ...string) (all []directory.Address) {
	for _, a := range addresses {
		all = append(all, directory.Address{Mail: a})
	}
	return all
}

func wantLink(tb testing.TB, a directory.Alias, p hub.PersonID, rule directory.Rule, sure directory.Confidence) {
	tb.Helper()
	if a.State != directory.Linked || a.Person != p || a.Rule != rule || a.Confidence != sure || a.LinkedAt.IsZero() {
		tb.Errorf("%v is %s, to %q by %q, %q, at %s", a.Key, a.State, a.Person, a.Rule, a.Confidence, a.LinkedAt)
	}
}

func wantState(tb testing.TB, a directory.Alias, state directory.State, candidates ...hub.PersonID) {
	tb.Helper()
	slices.Sort(candidates)
	if a.State != state || a.Person != "" || !slices.Equal(a.Candidates, candidates) {
		tb.Errorf("%v is %s, of %q, candidates %v", a.Key, a.State, a.Person, a.Candidates)
	}
}

func TestRules(t *testing.T) {
	backends(t, func(t *testing.T, h *house) {
		const issuer, pix = "https://idp.example", "https://pix.example"
		ann := h.person(t, directory.Profile{
			FamilyName: "Abricourt", GivenName: "Ann",
			Addresses: []directory.Address{
				{Mail: "Ann.Abricourt@ministere-exemple.example"},
				{Mail: "ann@invitee.example", Use: directory.Invited},
				{Mail: "ann@maison.example", Use: directory.Alternative},
				{Mail: "ann@bücher.example", Span: hub.Span{From: day("2026-01-01"), To: day("2026-06-30")}},
			},
			Keys: []directory.Key{account(pix, "7"), {Kind: directory.OpenID, Value: "https://id.example/ann"}, {Kind: directory.Subject, HomePage: issuer, Value: "sub-1"}, {Kind: directory.Matricule, HomePage: "marees", Value: "m-12"}},
		})
		june := lrs.InstantOf(time.Date(2026, 6, 30, 21, 59, 0, 0, time.UTC)) // still 30 June in Paris
		july := june + 2*60_000_000
		for name, c := range map[string]struct {
			key  directory.Key
			at   lrs.Instant
			rule directory.Rule
			sure directory.Confidence
		}{
			"an account in the person's file":              {account(pix, "7"), 0, directory.ByAccount, directory.Certain},
			"an OpenID in the person's file":               {directory.Key{Kind: directory.OpenID, Value: "https://id.example/ann"}, 0, directory.ByAccount, directory.Certain},
			"a number, whatever its case":                  {directory.Key{Kind: directory.Matricule, HomePage: "Marees", Value: " M-12 "}, 0, directory.ByAccount, directory.Certain},
			"an identity provider's sub":                   {directory.Key{Kind: directory.Subject, HomePage: issuer, Value: "sub-1"}, 0, directory.BySubject, directory.Certain},
			"an account that is the sub at its issuer":     {account(issuer, "sub-1"), 0, directory.BySubject, directory.Certain},
			"a mail address, whatever its case":            {mbox("ann.abricourt@MINISTERE-exemple.example"), 0, directory.ByMail, directory.High},
			"the address that the invitation went to":      {mbox("ann@invitee.example"), 0, directory.ByMail, directory.High},
			"another address":                              {mbox("ann@maison.example"), 0, directory.ByAltMail, directory.High},
			"an international domain in its ASCII form":    {mbox("ANN@xn--bcher-kva.example"), june, directory.ByMail, directory.High},
			"the digest of an address":                     {digest("ann@maison.example"), 0, directory.ByDigest, directory.Medium},
			"the digest of an address as it is written":    {digest("Ann.Abricourt@ministere-exemple.example"), 0, directory.ByDigest, directory.Medium},
			"the digest of an address in lower case":       {digest("ann.abricourt@ministere-exemple.example"), 0, directory.ByDigest, directory.Medium},
			"the digest of an address that was valid then": {digest("ann@bücher.example"), june, directory.ByDigest, directory.Medium},
		} {
			t.Run(name+" links", func(t *testing.T) {
				wantLink(t, h.see(t, directory.Sighting{Key: c.key, At: c.at}), ann, c.rule, c.sure)
				wantLink(t, h.kept(t, c.key), ann, c.rule, c.sure)
			})
		}
		for name, s := range map[string]directory.Sighting{
			"an address after its last day":           {Key: mbox("Ann@bücher.example"), At: july},
			"an address with a plus":                  {Key: mbox("ann+pix@maison.example")},
			"an address with other dots":              {Key: mbox("annabricourt@ministere-exemple.example")},
			"an account of another home page":         {Key: account("https://other.example", "7")},
			"nobody's account, with the name of Ann":  {Key: account(pix, "8"), Name: "Ann Abricourt"},
			"an account whose name is a mail address": {Key: account(pix, "ann@maison.example")},
		} {
			t.Run(name+" waits", func(t *testing.T) { wantState(t, h.see(t, s), directory.Waiting) })
		}
		t.Run("what a provider says to be of the same holder links", func(t *testing.T) {
			s := directory.Sighting{Key: account("https://courses.example", "11"), Related: []directory.Key{mbox("nobody@maison.example"), mbox("ann@invitee.example")}}
			wantLink(t, h.see(t, s), ann, directory.ByRelated, directory.Medium)
		})
		t.Run("a key of the account itself goes before what is related", func(t *testing.T) {
			bob := h.person(t, directory.Profile{FamilyName: "Brindazur", Keys: []directory.Key{account(pix, "12")}, Addresses: mails("bob@maison.example")})
			wantLink(t, h.see(t, directory.Sighting{Key: account(pix, "12"), Related: []directory.Key{mbox("ann@invitee.example")}}), bob, directory.ByAccount, directory.Certain)
		})
		t.Run("two candidates make it ambiguous", func(t *testing.T) {
			cid := h.person(t, directory.Profile{FamilyName: "Calvadon", Addresses: mails("cid@maison.example")})
			s := directory.Sighting{Key: account(pix, "13"), Related: []directory.Key{mbox("cid@maison.example"), mbox("ann@maison.example")}}
			wantState(t, h.see(t, s), directory.Ambiguous, ann, cid)
		})
	})
}

func TestDirectoryChanges(t *testing.T) {
	backends(t, func(t *testing.T, h *house) {
		t.Run("a new person links what waits, by the address that was valid when it was seen", func(t *testing.T) {
			early, late := mbox("dora@exemple.example"), digest("dora@exemple.example")
			h.see(t, directory.Sighting{Key: early, At: lrs.InstantOf(noon.AddDate(-1, 0, 0))})
			h.see(t, directory.Sighting{Key: late})
			dora := h.person(t, directory.Profile{FamilyName: "Dormebois", Addresses: []directory.Address{{Mail: "Dora@exemple.example", Span: hub.Span{From: day("2026-01-01")}}}})
			wantState(t, h.kept(t, early), directory.Waiting)
			wantLink(t, h.kept(t, late), dora, directory.ByDigest, directory.Medium)
			t.Run("and what is seen again when it is valid", func(t *testing.T) {
				wantLink(t, h.see(t, directory.Sighting{Key: early}), dora, directory.ByMail, directory.High)
			})
		})
		t.Run("a new address links what waits", func(t *testing.T) {
			key := mbox("emil@exemple.example")
			wantState(t, h.see(t, directory.Sighting{Key: key}), directory.Waiting)
			emil := h.person(t, directory.Profile{FamilyName: "Écumeval"})
			h.edit(t, emil, func(f *directory.Profile) { f.Addresses = mails("emil@exemple.example") })
			wantLink(t, h.see(t, directory.Sighting{Key: key}), emil, directory.ByMail, directory.High)
		})
		t.Run("an address that was given in error lets go what it linked", func(t *testing.T) {
			key := mbox("flo@exemple.example")
			wrong := h.person(t, directory.Profile{FamilyName: "Faribole", Addresses: mails("flo@exemple.example")})
			wantLink(t, h.see(t, directory.Sighting{Key: key}), wrong, directory.ByMail, directory.High)
			h.edit(t, wrong, func(f *directory.Profile) { f.Addresses = nil })
			wantState(t, h.kept(t, key), directory.Waiting)
			right := h.person(t, directory.Profile{FamilyName: "Feuillardent", Addresses: mails("flo@exemple.example")})
			wantLink(t, h.kept(t, key), right, directory.ByMail, directory.High)
		})
		t.Run("an address that goes from one to another stays linked, and is shown as contested", func(t *testing.T) {
			key := mbox("accueil@exemple.example")
			first := h.person(t, directory.Profile{FamilyName: "Galipette", Addresses: []directory.Address{{Mail: "accueil@exemple.example", Span: hub.Span{To: day("2026-09-30")}}}})
			h.see(t, directory.Sighting{Key: key})
			second := h.person(t, directory.Profile{FamilyName: "Givrelac", Addresses: []directory.Address{{Mail: "accueil@exemple.example", Span: hub.Span{From: day("2026-10-01")}}}})
			h.pass(40)
			h.see(t, directory.Sighting{Key: key, At: lrs.InstantOf(h.clock())})
			a := h.kept(t, key)
			if a.State != directory.Linked || a.Person != first || !slices.Equal(a.Candidates, []hub.PersonID{second}) {
				t.Errorf("it is %s of %s, candidates %v", a.State, a.Person, a.Candidates)
			}
		})
		t.Run("two people cannot have one address at the same time", func(t *testing.T) {
			h.person(t, directory.Profile{FamilyName: "Haltelune", Addresses: mails("h@exemple.example")})
			_, err := h.directory.PutPerson(t.Context(), operator, "", directory.Profile{FamilyName: "Houblonval", Addresses: mails("H@Exemple.example")}, 0)
			if lrs.KindOf(err) != lrs.KindConflict {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestObserve(t *testing.T) {
	backends(t, func(t *testing.T, h *house) {
		key := account("https://pix.example", "70")
		t.Run("a known alias is written once a day at most", func(t *testing.T) {
			h.see(t, directory.Sighting{Key: key, Name: "A"})
			before := h.revision(t, key)
			for range 3 {
				h.see(t, directory.Sighting{Key: key, Name: "A", At: lrs.InstantOf(noon.Add(time.Minute))})
			}
			if h.revision(t, key) != before {
				t.Error("it was written again")
			}
			h.pass(1)
			h.see(t, directory.Sighting{Key: key, At: lrs.InstantOf(noon.AddDate(0, 0, 1))})
			if h.revision(t, key) == before {
				t.Error("on the next day it was not written")
			}
		})
		t.Run("days seen are kept at last, also those of one day's reading of a long log", func(t *testing.T) {
			person := h.person(t, directory.Profile{FamilyName: "Inventorin", Keys: []directory.Key{account("https://pix.example", "71")}})
			k := account("https://pix.example", "71")
			for month := range 12 {
				wantLink(t, h.see(t, directory.Sighting{Key: k, At: lrs.InstantOf(noon.AddDate(-1, month, 0))}), person, directory.ByAccount, directory.Certain)
			}
			must(t, h.directory.Flush(t.Context()))
			a := h.kept(t, k)
			if a.FirstSeen != lrs.InstantOf(noon.AddDate(-1, 0, 0)) || a.LastSeen != lrs.InstantOf(noon.AddDate(-1, 11, 0)) {
				t.Errorf("it was seen from %s to %s", a.FirstSeen, a.LastSeen)
			}
		})
		t.Run("what another process decided is answered at once", func(t *testing.T) {
			k := account("https://pix.example", "72")
			other := h.replica(t)
			seen := []directory.Sighting{{Key: k, At: lrs.InstantOf(noon)}}
			_, err := other.Observe(t.Context(), seen)
			must(t, err)
			person := h.person(t, directory.Profile{FamilyName: "Jolibruit"})
			_, err = h.directory.Link(t.Context(), operator, h.directory.AliasID(k), person)
			must(t, err)
			all, err := other.Observe(t.Context(), seen)
			must(t, err)
			wantLink(t, all[other.AliasID(k)], person, directory.ByHand, directory.Certain)
		})
		t.Run("names and related keys are kept, not without end", func(t *testing.T) {
			k := account("https://pix.example", "73")
			for i := range 30 {
				h.see(t, directory.Sighting{Key: k, Name: string(rune('a' + i)), Related: []directory.Key{account("https://x.example", string(rune('a'+i)))}})
			}
			if a := h.kept(t, k); len(a.Names) != 5 || len(a.Related) != 20 {
				t.Errorf("%d names, %d related keys", len(a.Names), len(a.Related))
			}
		})
		t.Run("many at once are answered, each once", func(t *testing.T) {
			var all []directory.Sighting
			for i := range 60 {
				all = append(all, directory.Sighting{Key: account("https://many.example", string(rune('A'+i%40))), At: lrs.InstantOf(noon)})
			}
			got, err := h.directory.Observe(t.Context(), all)
			if err != nil || len(got) != 40 {
				t.Errorf("%d aliases, %v", len(got), err)
			}
		})
	})
}

func (h *house) revision(tb testing.TB, k directory.Key) lrs.Instant {
	tb.Helper()
	id := string(h.directory.AliasID(k))
	row, err := directory.Aliases.Get(tb.Context(), h.store, id, id)
	must(tb, err)
	return row.Revision
}

func TestPurge(t *testing.T) {
	backends(t, func(t *testing.T, h *house) {
		old, recent, linked := account("https://pix.example", "1"), account("https://pix.example", "2"), account("https://pix.example", "3")
		h.person(t, directory.Profile{FamilyName: "Kermirage", Keys: []directory.Key{linked}})
		for _, k := range []directory.Key{old, recent, linked} {
			h.see(t, directory.Sighting{Key: k})
		}
		h.pass(60)
		h.see(t, directory.Sighting{Key: recent, At: lrs.InstantOf(h.clock())})
		h.pass(31)
		purged, err := h.directory.PurgeUnmatched(t.Context())
		if err != nil || purged != 1 {
			t.Fatalf("%d are purged, %v", purged, err)
		}
		changes, err := directory.Aliases.Changes(t.Context(), h.store, 0, 10)
		must(t, err)
		gone := map[hub.AliasID]bool{}
		for _, c := range changes {
			gone[hub.AliasID(c.Row.ID)] = c.Deleted
		}
		want := map[hub.AliasID]bool{h.directory.AliasID(old): true, h.directory.AliasID(recent): false, h.directory.AliasID(linked): false}
		if diff := cmp.Diff(want, gone); diff != "" {
			t.Errorf("a follower sees otherwise (-want +got):\n%s", diff)
		}
		t.Run("one that comes back waits anew", func(t *testing.T) {
			wantState(t, h.see(t, directory.Sighting{Key: old}), directory.Waiting)
		})
	})
}
