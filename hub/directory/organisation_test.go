package directory_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/hub"
	"acquis/hub/directory"
	"acquis/lrs"
)

func violations(err error) (found []string) {
	var e *lrs.Error
	if errors.As(err, &e) {
		for _, v := range e.Violations {
			found = append(found, v.Pointer+" "+v.Rule)
		}
	}
	return found
}

func TestSIRET(t *testing.T) {
	for siret, good := range map[string]bool{
		"73282932000074": true, "35600000049837": true, // La Poste's
		"73282932000075": false, "7328293200007": false, "732829320 0074": false, "": false, "35600000049838": false,
	} {
		if fault := directory.CheckSIRET(siret); (fault == "") != good {
			t.Errorf("%q: %s", siret, fault)
		}
	}
}

func TestOrganisations(t *testing.T) {
	backends(t, func(t *testing.T, h *house) {
		d := h.directory
		edge := func(parent hub.OrganisationID) []directory.Edge { return []directory.Edge{{Parent: parent}} }
		h.organisation(t, directory.Organisation{ID: "marees", Name: "Ministère des Marées", Kind: directory.Ministry, SIRET: "73282932000074"})
		h.organisation(t, directory.Organisation{ID: "phares", Name: "Direction des phares", Kind: directory.Directorate, Parents: edge("marees")})
		h.organisation(t, directory.Organisation{ID: "brume", Name: "Service de la brume", Kind: directory.Service, Parents: edge("phares")})
		revision := func(id string) lrs.Instant {
			row, err := directory.Organisations.Get(t.Context(), h.store, "organisations", id)
			must(t, err)
			return row.Revision
		}
		t.Run("a circle is refused by the names of who stands in it", func(t *testing.T) {
			_, err := d.PutOrganisation(t.Context(), operator, directory.Organisation{ID: "marees", Name: "Ministère des Marées", Kind: directory.Ministry, Parents: edge("brume")}, revision("marees"))
			wantKind(t, err, lrs.KindInvalid)
			for _, name := range []string{"Ministère des Marées", "Direction des phares", "Service de la brume"} {
				if !strings.Contains(err.Error(), name) {
					t.Errorf("%s is not named in: %v", name, err)
				}
			}
			_, err = d.PutOrganisation(t.Context(), operator, directory.Organisation{ID: "seule", Name: "Seule", Kind: directory.Other, Parents: edge("seule")}, 0)
			wantKind(t, err, lrs.KindInvalid)
		})
		t.Run("two may stand under each other at different times", func(t *testing.T) {
			_, err := d.PutOrganisation(t.Context(), operator, directory.Organisation{
				ID: "brume", Name: "Service de la brume", Kind: directory.Service,
				Parents: []directory.Edge{{Parent: "phares", Span: hub.Span{To: day("2026-06-30")}}},
			}, revision("brume"))
			must(t, err)
			_, err = d.PutOrganisation(t.Context(), operator, directory.Organisation{
				ID: "phares", Name: "Direction des phares", Kind: directory.Directorate,
				Parents: []directory.Edge{{Parent: "marees", Span: hub.Span{To: day("2026-06-30")}}, {Parent: "brume", Span: hub.Span{From: day("2026-07-01")}}},
			}, revision("phares"))
			must(t, err)
		})
		t.Run("everything that is wrong is said at once", func(t *testing.T) {
			_, err := d.PutOrganisation(t.Context(), operator, directory.Organisation{
				ID: " x", Kind: "guild", SIRET: "1", Span: hub.Span{From: 5, To: 4},
				Parents:    []directory.Edge{{Parent: "nowhere", Span: hub.Span{From: 1}}, {Parent: "marees", Span: hub.Span{To: 9}}},
				Headcounts: []directory.Headcount{{Count: -1}, {Day: 5, Count: 1}, {Day: 5, Count: 2}},
			}, 0)
			want := []string{
				"/id id", "/name text", "/kind kind", "/siret siret", "/to span", "/parents/0/parent unknown-organisation", "/parents/1 overlap",
				"/headcounts/0/day required", "/headcounts/0/count count", "/headcounts/2 duplicate",
			}
			if diff := cmp.Diff(want, violations(err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
		t.Run("what changed is in its history, with what was before", func(t *testing.T) {
			row, err := d.Organisation(t.Context(), operator, "brume")
			must(t, err)
			last := row.Value.History[len(row.Value.History)-1]
			if len(row.Value.History) != 2 || last.Action != "update" || last.By != "operator" || string(last.Before["parents"]) != `[{"parent":"phares"}]` {
				t.Errorf("%+v", row.Value.History)
			}
		})
		t.Run("a former revision is refused", func(t *testing.T) {
			_, err := d.PutOrganisation(t.Context(), operator, directory.Organisation{ID: "marees", Name: "M", Kind: directory.Ministry}, revision("marees")-1)
			wantKind(t, err, lrs.KindConflict)
		})
		t.Run("of two that make a circle only together one is refused", func(t *testing.T) {
			h.organisation(t, directory.Organisation{ID: "a", Name: "A", Kind: directory.Other})
			h.organisation(t, directory.Organisation{ID: "b", Name: "B", Kind: directory.Other})
			var both sync.WaitGroup
			var errs [2]error
			other := h.replica(t)
			at := [2]lrs.Instant{revision("a"), revision("b")}
			both.Go(func() {
				_, errs[0] = d.PutOrganisation(t.Context(), operator, directory.Organisation{ID: "a", Name: "A", Kind: directory.Other, Parents: edge("b")}, at[0])
			})
			both.Go(func() {
				_, errs[1] = other.PutOrganisation(t.Context(), operator, directory.Organisation{ID: "b", Name: "B", Kind: directory.Other, Parents: edge("a")}, at[1])
			})
			both.Wait()
			if (errs[0] == nil) == (errs[1] == nil) || lrs.KindOf(errors.Join(errs[0], errs[1])) != lrs.KindInvalid {
				t.Errorf("they are answered %v and %v", errs[0], errs[1])
			}
		})
		t.Run("who has a subtree sees that and no other", func(t *testing.T) {
			reader := hub.Caller{Principal: lrs.Principal{Roles: lrs.RoleBIReader, Subtrees: []string{"brume"}}}
			if _, err := d.Organisation(t.Context(), reader, "phares"); err != nil { // since July it stands below
				t.Error(err)
			}
			_, err := d.Organisation(t.Context(), reader, "marees")
			wantKind(t, err, lrs.KindNotFound)
			_, err = d.Organisation(t.Context(), hub.Caller{}, "brume")
			wantKind(t, err, lrs.KindForbidden)
		})
	})
}
