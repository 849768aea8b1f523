package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/hub"
	"acquis/hub/directory"
	"acquis/hub/list"
	"acquis/lrs"
)

func TestPeople(t *testing.T) {
	backends(t, func(t *testing.T, h *house) {
		_, err := h.importOrganisations(t, organisationsFile)
		must(t, err)
		_, err = h.importPeople(t, peopleFile)
		must(t, err)
		for name, c := range map[string]struct {
			filter directory.PeopleFilter
			want   []string
		}{
			"everybody, by name":                     {directory.PeopleFilter{}, []string{"Abricourt", "Bellefontine", "Brindazur", "Calvadon"}},
			"by the beginning of the name":           {directory.PeopleFilter{Name: "BRÎN"}, []string{"Brindazur"}},
			"of an organisation with all below":      {directory.PeopleFilter{Organisation: "phares"}, []string{"Abricourt", "Bellefontine", "Brindazur"}},
			"of a population":                        {directory.PeopleFilter{Population: "director"}, []string{"Abricourt"}},
			"of a population in an organisation":     {directory.PeopleFilter{Population: "agent", Organisation: "forets"}, []string{"Calvadon"}},
			"by a mail address, whatever its case":   {directory.PeopleFilter{Key: mbox("DORIAN@forets.example")}, []string{"Calvadon"}},
			"of a status":                            {directory.PeopleFilter{Status: directory.Left}, nil},
			"of an organisation that nobody is in":   {directory.PeopleFilter{Organisation: "marees", Name: "z"}, nil},
			"by a number in the files of a ministry": {directory.PeopleFilter{Key: directory.Key{Kind: directory.Matricule, HomePage: "marees", Value: "m3"}}, []string{"Brindazur"}},
		} {
			t.Run("the list is "+name, func(t *testing.T) {
				got := h.named(t, c.filter)
				slices.Sort(got)
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
		manager := hub.Caller{Principal: lrs.Principal{Name: "manager", Roles: lrs.RoleLicenceManager, Subtrees: []string{"phares"}}, Reason: "relance"}
		t.Run("a licence manager sees the people of the subtree, page by page, and no other", func(t *testing.T) {
			var got []string
			for q := (list.Query{Limit: 1}); ; {
				page, err := h.directory.People(t.Context(), manager, directory.PeopleFilter{}, q)
				must(t, err)
				for _, r := range page.Items {
					got = append(got, r.Value.FamilyName)
				}
				if q.After = page.Next; q.After == "" {
					break
				}
			}
			if diff := cmp.Diff([]string{"Abricourt", "Bellefontine", "Brindazur"}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			dorian := h.withMail(t, "dorian@forets.example").ID
			_, err := h.directory.Person(t.Context(), manager, dorian)
			wantKind(t, err, lrs.KindNotFound)
			wantKind(t, h.directory.MaySee(t.Context(), manager, dorian), lrs.KindNotFound)
			must(t, h.directory.MaySee(t.Context(), manager, h.withMail(t, "aldine@marees.example").ID))
			page, err := h.directory.People(t.Context(), manager, directory.PeopleFilter{Organisation: "forets"}, list.Query{Limit: 9})
			if err != nil || len(page.Items) != 0 {
				t.Errorf("%d people of another ministry, %v", len(page.Items), err)
			}
		})
		t.Run("who reads figures sees nobody by name", func(t *testing.T) {
			reader := hub.Caller{Principal: lrs.Principal{Roles: lrs.RoleBIReader}}
			_, err := h.directory.People(t.Context(), reader, directory.PeopleFilter{}, list.Query{Limit: 1})
			wantKind(t, err, lrs.KindForbidden)
			_, err = h.directory.Identities(t.Context(), reader, directory.AliasFilter{}, list.Query{Limit: 1})
			wantKind(t, err, lrs.KindForbidden)
		})
		t.Run("every reading is on record, with how many and why", func(t *testing.T) {
			before := len(h.acts)
			aldine := h.withMail(t, "aldine@marees.example").ID
			_, err := h.directory.Person(t.Context(), manager, aldine)
			must(t, err)
			_, err = h.directory.ExportPeople(t.Context(), manager, directory.PeopleFilter{Organisation: "phares"}, list.Query{Limit: 9})
			must(t, err)
			want := []hub.Act{
				{Action: "person.list", Target: "people", Count: 1, Detail: "reason: a test", Outcome: hub.Done},
				{Action: "person.read", Target: "person/" + string(aldine), Detail: "reason: relance", Outcome: hub.Done},
				{Action: "person.export", Target: "organisation/phares", Count: 3, Detail: "reason: relance", Outcome: hub.Done},
			}
			if diff := cmp.Diff(want, h.acts[before:]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
		t.Run("an export without a reason is refused", func(t *testing.T) {
			_, err := h.directory.ExportPeople(t.Context(), hub.Caller{Principal: manager.Principal}, directory.PeopleFilter{}, list.Query{Limit: 9})
			wantKind(t, err, lrs.KindInvalid)
		})
		t.Run("acts name nobody", func(t *testing.T) {
			for _, act := range h.acts {
				if text := fmt.Sprint(act); strings.Contains(text, "@") || strings.Contains(text, "Abricourt") {
					t.Error(text)
				}
			}
		})
	})
}

func TestQueue(t *testing.T) {
	backends(t, func(t *testing.T, h *house) {
		noe := h.person(t, directory.Profile{FamilyName: "Nébulard", GivenName: "Noé"})
		ada := h.person(t, directory.Profile{FamilyName: "Noisetin", Addresses: mails("ada@x.example")})
		bob := h.person(t, directory.Profile{FamilyName: "Nacrevent", Addresses: mails("bob@x.example")})
		pix := account("https://pix.example", "1")
		both := account("https://pix.example", "2")
		h.see(t, directory.Sighting{Key: pix, Name: "NOE NEBULARD"})
		h.see(t, directory.Sighting{Key: both, Related: []directory.Key{mbox("ada@x.example"), mbox("bob@x.example")}})
		h.see(t, directory.Sighting{Key: mbox("ada@x.example")})
		t.Run("what waits and what is ambiguous is listed, what is linked apart", func(t *testing.T) {
			for state, want := range map[directory.State]directory.Key{directory.Waiting: pix, directory.Ambiguous: both, directory.Linked: mbox("ada@x.example")} {
				page, err := h.directory.Identities(t.Context(), operator, directory.AliasFilter{State: state}, list.Query{Limit: 9})
				if err != nil || len(page.Items) != 1 || page.Items[0].Value.Key != want {
					t.Errorf("%s: %+v, %v", state, page.Items, err)
				}
			}
		})
		t.Run("a name is a hint, marked so, and never links", func(t *testing.T) {
			row, whose, err := h.directory.Identity(t.Context(), operator, h.directory.AliasID(pix))
			must(t, err)
			wantState(t, row.Value, directory.Waiting)
			if diff := cmp.Diff([]directory.Suggestion{{Person: noe, Name: "Noé Nébulard", Because: directory.BecauseName}}, whose); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
		t.Run("the candidates of a rule are suggested", func(t *testing.T) {
			_, whose, err := h.directory.Identity(t.Context(), operator, h.directory.AliasID(both))
			must(t, err)
			want := []directory.Suggestion{{Person: ada, Name: "Noisetin", Because: directory.BecauseRule}, {Person: bob, Name: "Nacrevent", Because: directory.BecauseRule}}
			if diff := cmp.Diff(want, whose); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	})
}

func TestUpsert(t *testing.T) {
	backends(t, func(t *testing.T, h *house) {
		d := h.directory
		key := directory.Key{Kind: directory.Matricule, HomePage: "marees", Value: "M1"}
		first, created, err := d.UpsertPerson(t.Context(), operator, directory.Profile{FamilyName: "Oursinel", Keys: []directory.Key{key}})
		if err != nil || !created {
			t.Fatalf("%v, %v", created, err)
		}
		again, created, err := d.UpsertPerson(t.Context(), operator, directory.Profile{GivenName: "Ondine", Keys: []directory.Key{key}, Addresses: mails("o@x.example")})
		if err != nil || created || again.ID != first.ID || again.Value.FamilyName != "Oursinel" || len(again.Value.Addresses) != 1 {
			t.Fatalf("%+v, %v, %v", again.Value, created, err)
		}
		same, _, err := d.UpsertPerson(t.Context(), operator, directory.Profile{Addresses: mails("O@X.example")})
		if err != nil || same.ID != first.ID {
			t.Errorf("by its address it is %s, %v", same.ID, err)
		}
		h.person(t, directory.Profile{FamilyName: "Papillard", Addresses: mails("p@x.example")})
		_, _, err = d.UpsertPerson(t.Context(), operator, directory.Profile{Keys: []directory.Key{key}, Addresses: mails("p@x.example")})
		wantKind(t, err, lrs.KindConflict)
		t.Run("what changed is in the history, with what was before", func(t *testing.T) {
			row, err := d.Person(t.Context(), operator, hub.PersonID(first.ID))
			must(t, err)
			if h := row.Value.History; len(h) < 2 || h[1].By != "operator" || string(h[1].Before["addresses"]) != "null" {
				t.Errorf("%+v", h)
			}
		})
		t.Run("everything that is wrong is said at once", func(t *testing.T) {
			_, err := d.PutPerson(t.Context(), operator, "", directory.Profile{
				Addresses: []directory.Address{{Mail: "x"}, {Mail: "a@x.example", Use: "home"}, {Mail: "A@x.example"}}, Keys: []directory.Key{{Kind: directory.Mbox, Value: "a"}, {Kind: directory.Account, Value: "1"}},
				Status: "gone", Tags: []directory.Tag{{}}, Affiliations: []directory.Affiliation{{Organisation: "none"}, {Organisation: "none", Span: hub.Span{From: 9, To: 8}}},
			}, 0)
			want := []string{
				"/addresses/0/mail mail", "/addresses/1/use use", "/addresses/2 duplicate", "/keys/0/kind kind", "/keys/1/homePage required", "/status status", "/tags/0/name text",
				"/affiliations/0/organisation unknown-organisation", "/affiliations/1/organisation unknown-organisation", "/affiliations/1/to span", "/affiliations/1 overlap",
			}
			if diff := cmp.Diff(want, violations(err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	})
}
