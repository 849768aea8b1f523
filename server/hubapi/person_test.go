package hubapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"acquis/hub/directory"
	"acquis/lrs"
)

type pageSaid[T any] struct {
	Items []T
	Next  string
}

type personSaid struct {
	ID, FamilyName, Revision, MergedInto string
	Absorbed                             []string
}

func (h *office) people(t *testing.T, key, query string) []personSaid {
	t.Helper()
	var found pageSaid[personSaid]
	h.must(t, key, "GET", "/api/people"+query, "", http.StatusOK, &found)
	return found.Items
}

func TestPeople(t *testing.T) {
	h := openOffice(t)
	t.Run("a list is filtered, and bound to the caller's subtrees", func(t *testing.T) {
		if got := h.people(t, anOperator, "?mail=Dorian@X.example"); len(got) != 1 || got[0].FamilyName != "Calvadon" {
			t.Errorf("%+v", got)
		}
		if got := h.people(t, licenceManager, ""); len(got) != 1 || got[0].FamilyName != "=Abricourt" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a misspelt filter is refused", func(t *testing.T) {
		h.must(t, anOperator, "GET", "/api/people?organization=phares", "", http.StatusBadRequest, nil)
		h.must(t, anOperator, "GET", "/api/people?on=today", "", http.StatusBadRequest, nil)
		h.must(t, anOperator, "GET", "/api/people?profile=word&format=csv&reason=x", "", http.StatusBadRequest, nil)
	})
	t.Run("pages join without a gap", func(t *testing.T) {
		var first, second pageSaid[personSaid]
		h.must(t, anOperator, "GET", "/api/people?limit=1", "", http.StatusOK, &first)
		h.must(t, anOperator, "GET", "/api/people?limit=1&after="+first.Next, "", http.StatusOK, &second)
		if len(first.Items) != 1 || len(second.Items) != 1 || first.Items[0].ID == second.Items[0].ID {
			t.Errorf("%+v, %+v", first, second)
		}
	})
	t.Run("a CSV needs a reason, and is on record", func(t *testing.T) {
		h.must(t, anOperator, "GET", "/api/people?format=csv", "", http.StatusBadRequest, nil)
		before := len(h.acts)
		a := h.must(t, anOperator, "GET", "/api/people", "", http.StatusOK, nil, "Accept: text/csv", "X-Reason: bilan")
		if want := ",=Abricourt,Aldine,aldine@x.example,active,phares,,\r\n"; !strings.Contains(string(a.body), want) || !strings.HasPrefix(string(a.body), "id,family_name,") {
			t.Errorf("%s", a.body)
		}
		if act := h.acts[before]; act.Action != "person.export" || act.Count != 2 || act.Detail != "reason: bilan" {
			t.Errorf("%+v", act)
		}
	})
	t.Run("cells are guarded for a spreadsheet only", func(t *testing.T) {
		a := h.must(t, anOperator, "GET", "/api/people?format=csv&profile=excel&reason=x", "", http.StatusOK, nil)
		if !strings.Contains(string(a.body), ";'=Abricourt;") || !strings.HasPrefix(string(a.body), "\uFEFF") {
			t.Errorf("%s", a.body)
		}
	})
	t.Run("one is read, changed at its revision, and has a history", func(t *testing.T) {
		id := h.people(t, anOperator, "?name=Calvadon")[0].ID
		a := h.must(t, anOperator, "GET", "/api/people/"+id, "", http.StatusOK, nil)
		body := strings.Replace(string(a.body), `"Calvadon"`, `"Chantepluie"`, 1)
		h.must(t, anOperator, "PUT", "/api/people/"+id, body, http.StatusOK, nil, "If-Match: "+a.header.Get("ETag"))
		h.must(t, anOperator, "PUT", "/api/people/"+id, body, http.StatusPreconditionFailed, nil, "If-Match: "+a.header.Get("ETag"))
		var history pageSaid[directory.PersonChange]
		h.must(t, anOperator, "GET", "/api/people/"+id+"/history", "", http.StatusOK, &history)
		if len(history.Items) != 2 || string(history.Items[1].Before["familyName"]) != `"Calvadon"` {
			t.Errorf("%+v", history)
		}
	})
	t.Run("an upsert finds who has the key, or makes that person", func(t *testing.T) {
		var made, same personSaid
		a := h.must(t, anOperator, "POST", "/api/people", `{"familyName":"Noisetin","keys":[{"kind":"account","homePage":"https://pix.example","value":"1"}]}`, http.StatusCreated, &made)
		if a.header.Get("Location") != "/api/people/"+made.ID {
			t.Errorf("it is at %s", a.header.Get("Location"))
		}
		h.must(t, anOperator, "POST", "/api/people", `{"givenName":"Noé","keys":[{"kind":"account","homePage":"https://pix.example","value":"1"}]}`, http.StatusOK, &same)
		if same.ID != made.ID || same.FamilyName != "Noisetin" {
			t.Errorf("%+v", same)
		}
		h.must(t, anOperator, "POST", "/api/people", `{"familyName":"X","nickname":"Y"}`, http.StatusBadRequest, nil)
		h.must(t, anOperator, "PUT", "/api/people/"+made.ID, `{"familyName":"N","addresses":[{"mail":"aldine@x.example"}]}`, http.StatusConflict, nil, fmt.Sprintf("If-Match: %q", same.Revision))
	})
	t.Run("a file with faults is refused with all of them", func(t *testing.T) {
		a := h.must(t, anOperator, "POST", "/api/people/import", "matricule;ministry;mail\nM8;x;bad\n;;\nM9;x;worse\n", http.StatusBadRequest, nil, "Content-Type: text/csv; charset=utf-8")
		for _, line := range []string{"/line/2/mail", "/line/4/mail"} {
			if !strings.Contains(string(a.body), line) {
				t.Errorf("%s is not in %s", line, a.body)
			}
		}
		h.must(t, anOperator, "POST", "/api/people/import", "{}", http.StatusUnsupportedMediaType, nil)
	})
}

func TestIdentities(t *testing.T) {
	h := openOffice(t)
	pix := directory.Key{Kind: directory.Account, HomePage: "https://pix.example", Value: "7"}
	_, err := h.directory.Observe(t.Context(), []directory.Sighting{{Key: pix, Name: "Dorian Calvadon", At: lrs.Instant(1_780_000_000_000_000)}})
	if err != nil {
		t.Fatal(err)
	}
	type identity struct {
		ID, State, Person, Rule string
		Suggestions             []struct{ Person, Because string }
		History                 []struct{ Action, By, Reason string }
	}
	var queue pageSaid[identity]
	h.must(t, anOperator, "GET", "/api/identities?state=waiting", "", http.StatusOK, &queue)
	if len(queue.Items) != 1 {
		t.Fatalf("%+v", queue)
	}
	at := "/api/identities/" + queue.Items[0].ID
	var one identity
	h.must(t, anOperator, "GET", at, "", http.StatusOK, &one)
	dorian := h.people(t, anOperator, "?name=Calvadon")[0].ID
	if len(one.Suggestions) != 1 || one.Suggestions[0].Person != dorian || one.Suggestions[0].Because != "name" {
		t.Fatalf("%+v", one)
	}
	h.must(t, anOperator, "POST", at+"/link", `{"person":"`+dorian+`","reason":"a call"}`, http.StatusOK, &one)
	if one.State != "linked" || one.Person != dorian || one.Rule != "manual" {
		t.Fatalf("%+v", one)
	}
	var of pageSaid[identity]
	h.must(t, anOperator, "GET", "/api/people/"+dorian+"/identities", "", http.StatusOK, &of)
	if len(of.Items) != 1 {
		t.Errorf("%+v", of)
	}
	aldine := h.people(t, anOperator, "?mail=aldine@x.example")[0].ID
	var merged personSaid
	h.must(t, anOperator, "POST", "/api/people/"+dorian+"/merge", `{"into":"`+aldine+`"}`, http.StatusOK, &merged)
	h.must(t, anOperator, "GET", at, "", http.StatusOK, &one)
	if merged.ID != aldine || len(merged.Absorbed) != 1 || one.Person != aldine {
		t.Errorf("%+v, %+v", merged, one)
	}
	h.must(t, anOperator, "POST", "/api/people/"+dorian+"/unmerge", `{}`, http.StatusOK, &merged)
	h.must(t, anOperator, "POST", at+"/undo", `{}`, http.StatusOK, &one)
	h.must(t, anOperator, "POST", at+"/undo", `{}`, http.StatusConflict, nil)
	h.must(t, anOperator, "POST", at+"/ignore", `{}`, http.StatusOK, &one)
	var after identity
	h.must(t, anOperator, "GET", at, "", http.StatusOK, &after)
	if after.State != "ignored" || after.Person != "" || len(after.History) < 4 || after.History[0].Reason != "a call" || after.History[0].By != anOperator {
		t.Errorf("%+v", after)
	}
	h.must(t, anOperator, "GET", "/api/identities?format=csv", "", http.StatusBadRequest, nil)
	h.must(t, anOperator, "GET", "/api/identities?format=csv&reason=x", "", http.StatusOK, nil)
}

func TestOrganisations(t *testing.T) {
	h := openOffice(t)
	a := h.must(t, anOperator, "POST", "/api/organisations", `{"id":"brume","name":"Brume","kind":"service","parents":[{"parent":"phares","from":"2026-01-01"}],"headcounts":[{"day":"2026-01-01","count":12}]}`, http.StatusCreated, nil)
	var found pageSaid[struct{ ID string }]
	h.must(t, licenceManager, "GET", "/api/organisations?under=phares", "", http.StatusOK, &found)
	if len(found.Items) != 2 {
		t.Errorf("%+v", found)
	}
	h.must(t, licenceManager, "GET", "/api/organisations/forets", "", http.StatusNotFound, nil)
	h.must(t, anOperator, "PUT", "/api/organisations/brume", `{"name":"Brumes","kind":"service"}`, http.StatusOK, nil, "If-Match: "+a.header.Get("ETag"))
	h.must(t, anOperator, "PUT", "/api/organisations/brume", `{"name":"Brumes","kind":"service"}`, http.StatusPreconditionFailed, nil, "If-Match: "+a.header.Get("ETag"))
	h.must(t, anOperator, "PUT", "/api/organisations/brume", `{"id":"x","name":"Brumes","kind":"service"}`, http.StatusBadRequest, nil, `If-Match: "1"`)
	h.must(t, anOperator, "GET", "/api/organisations/brume/history", "", http.StatusOK, nil)
	csv := h.must(t, reader, "GET", "/api/organisations?format=csv&kind=ministry", "", http.StatusOK, nil)
	if want := "id,name,kind,siret,parent,headcount\r\nforets,Forêts,ministry,,,\r\nmarees,Marées,ministry,,,\r\n"; string(csv.body) != want {
		t.Errorf("%q", csv.body)
	}
}
