package hubapi_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/completion"
	"acquis/hub/directory"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/api"
	"acquis/server/hubapi"
	"acquis/server/problem"
	"acquis/storage"
	"acquis/storage/pebblestore"
)

// records is a server of completions, with what makes them.
type records struct {
	*house
	store        storage.Store
	consolidator *completion.Consolidator
	person       map[string]hub.PersonID
}

func startRecords(t *testing.T) *records {
	t.Helper()
	store, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir(), CacheBytes: 1 << 20, MemtableSize: 1 << 20})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	paris, err := hub.NewCalendar("Europe/Paris")
	must(t, err)
	people, err := directory.New(t.Context(), store, directory.Options{Audit: silence{}, Calendar: paris})
	must(t, err)
	must(t, store.DeclareCollections(t.Context(), catalogue.Collections()...))
	r := &records{house: &house{store: store, people: people}, store: store, person: map[string]hub.PersonID{}}
	r.consolidator, err = completion.New(t.Context(), store, people, completion.Options{Name: "test", Sole: true, Calendar: paris})
	must(t, err)
	r.furnish(t)
	problems := problem.New(slog.New(slog.DiscardHandler))
	srv, err := server.New(server.Options{}, server.Mount{Path: "/api", Surface: hubapi.NewCompletions(everybody, completion.NewReader(store, people, silence{}, paris, nil), problems)})
	must(t, err)
	listening := httptest.NewServer(srv)
	t.Cleanup(listening.Close)
	r.url = listening.URL
	whole, err := api.Document(hubapi.CompletionDocument)
	must(t, err)
	d, err := openapi3.NewLoader().LoadFromData(whole)
	must(t, err)
	must(t, d.Validate(t.Context()))
	r.router, err = legacy.NewRouter(d)
	must(t, err)
	return r
}

// furnish makes an item of security, and Ann of the south and Bob of the north, who completed it.
func (r *records) furnish(t *testing.T) {
	t.Helper()
	operate := hub.Caller{Principal: everybody[operator], Reason: "a test"}
	for _, o := range []hub.OrganisationID{"south", "north"} {
		_, err := r.people.PutOrganisation(t.Context(), operate, directory.Organisation{ID: o, Name: string(o), Kind: directory.Service}, 0)
		must(t, err)
	}
	row, err := catalogue.Items.Find(t.Context(), r.store, catalogue.House, "passwords")
	must(t, err)
	row.Value = catalogue.Item{ID: "passwords", Kind: catalogue.Module, Status: catalogue.Live, Expertise: "security", Minutes: 30}
	_, err = catalogue.Items.Save(t.Context(), r.store, row)
	must(t, err)
	m, err := catalogue.Mappings.Find(t.Context(), r.store, catalogue.House, "m")
	must(t, err)
	m.Value = catalogue.Mapping{ID: "m", Form: catalogue.Exact, IRI: "https://lms.example/passwords", Item: "passwords"}
	_, err = catalogue.Mappings.Save(t.Context(), r.store, m)
	must(t, err)
	for name, organisation := range map[string]hub.OrganisationID{"ann": "south", "bob": "north"} {
		row, err := r.people.PutPerson(t.Context(), operate, "", directory.Profile{
			FamilyName: "Durand", Affiliations: []directory.Affiliation{{Organisation: organisation}},
			Keys: []directory.Key{{Kind: directory.Account, HomePage: "https://lms.example", Value: name}},
		}, 0)
		must(t, err)
		r.person[name] = row.Value.ID
		r.send(t, name, "completed", "https://lms.example/passwords")
	}
}

// send stores a statement and lets it be folded.
func (r *records) send(t *testing.T, account, verb, activity string) lrs.ID {
	t.Helper()
	raw := fmt.Sprintf(`{"actor":{"account":{"homePage":"https://lms.example","name":%q}},"verb":{"id":"http://adlnet.gov/expapi/verbs/%s"},"object":{"id":%q},"timestamp":"2026-03-02T10:00:00Z","result":{"score":{"scaled":0.8}}}`, account, verb, activity)
	s, err := lrs.DecodeStatement([]byte(raw), lrs.V103, lrs.Limits{})
	must(t, err)
	authority, err := lrs.NewAuthority([]byte(`{"mbox":"mailto:lms@lms.example"}`))
	must(t, err)
	d := lrs.Accept(s, lrs.Assignment{ID: uuid.New(), Version: lrs.V103, Source: "lms", Authority: authority})
	must(t, r.store.AppendStatements(t.Context(), []*lrs.Draft{d}))
	r.settle(t)
	return d.ID
}

func (r *records) settle(t *testing.T) {
	t.Helper()
	for {
		busy, err := r.consolidator.Step(t.Context())
		must(t, err)
		if !busy {
			return
		}
	}
}

type shownRecord struct {
	Person, Item, Reached, Organisation, Day string
	Completed                                struct{ At, Statement string }
	Evidence                                 []struct{ Statement, Tells string }
}

func TestCompletions(t *testing.T) {
	r := startRecords(t)
	people := func(t *testing.T, key, query string) (found []string) {
		t.Helper()
		names := map[string]string{string(r.person["ann"]): "ann", string(r.person["bob"]): "bob"}
		after := ""
		for {
			var page struct {
				Items []shownRecord
				Next  string
			}
			r.ask(t, key, "GET /api/completions?limit=1&after="+after+"&"+query, "", http.StatusOK, &page)
			for _, c := range page.Items {
				found = append(found, names[c.Person])
			}
			if after = page.Next; after == "" {
				slices.Sort(found)
				return found
			}
		}
	}
	for query, want := range map[string][]string{
		"": {"ann", "bob"}, "organisation=north": {"bob"}, "item=passwords": {"ann", "bob"}, "item=none": nil, "expertise=security": {"ann", "bob"}, "expertise=design": nil,
		"state=completed": {"ann", "bob"}, "state=completed+passed": nil, "from=2026-03-02&to=2026-03-02": {"ann", "bob"}, "from=2026-03-03": nil, "state=completed&to=2026-03-01": nil,
		"person=" + string(r.person["ann"]): {"ann"}, "item=passwords&organisation=south&state=completed": {"ann"},
	} {
		t.Run("an operator asks for "+query, func(t *testing.T) {
			if diff := cmp.Diff(want, people(t, operator, query)); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("the manager of the south sees of it the south alone: "+query, func(t *testing.T) {
			south := slices.DeleteFunc(slices.Clone(want), func(name string) bool { return name != "ann" })
			if got := people(t, manager, query); !slices.Equal(got, south) {
				t.Errorf("%v", got)
			}
		})
	}
	t.Run("one is read with its evidence, unless it lies elsewhere", func(t *testing.T) {
		var c shownRecord
		r.ask(t, manager, "GET /api/completions/"+string(r.person["ann"])+"/passwords", "", http.StatusOK, &c)
		if c.Reached != "completed" || c.Organisation != "south" || c.Day != "2026-03-02" || len(c.Evidence) != 1 || c.Evidence[0].Statement != c.Completed.Statement {
			t.Errorf("%+v", c)
		}
		r.ask(t, manager, "GET /api/completions/"+string(r.person["bob"])+"/passwords", "", http.StatusNotFound, nil)
		r.ask(t, operator, "GET /api/completions/"+string(r.person["bob"])+"/none", "", http.StatusNotFound, nil)
	})
	t.Run("the whole list is a table", func(t *testing.T) {
		a := r.ask(t, manager, "GET /api/completions?format=csv", "", http.StatusOK, nil)
		lines := strings.Split(strings.TrimSpace(a.body), "\r\n")
		if len(lines) != 2 || !strings.HasPrefix(lines[0], "person,item,kind,reached,") || !strings.Contains(lines[1], ",passwords,module,completed,") {
			t.Error(a.body)
		}
	})
	t.Run("what cannot be is refused", func(t *testing.T) {
		for _, query := range []string{"state=done", "from=yesterday", "from=2026-03-02&to=2026-03-01", "limit=0", "colour=blue", "format=pdf", "after=x"} {
			r.ask(t, operator, "GET /api/completions?"+query, "", http.StatusBadRequest, nil)
		}
	})
	t.Run("partners' credentials read none", func(t *testing.T) {
		for _, at := range []string{"GET /api/completions", "GET /api/completions/p/i", "GET /api/completions/rebuild", "GET /api/statements/" + uuid.NewString() + "/fold"} {
			r.ask(t, partner, at, "", http.StatusForbidden, nil)
		}
		r.ask(t, manager, "POST /api/completions/rebuild", `{}`, http.StatusForbidden, nil)
	})
}

func TestFold(t *testing.T) {
	r := startRecords(t)
	type fold struct {
		Counts, Folded         bool
		Why, Explained, Person string
		Tells                  []struct{ Item, Tells string }
	}
	ask := func(t *testing.T, id lrs.ID) (f fold) {
		t.Helper()
		r.ask(t, operator, "GET /api/statements/"+id.String()+"/fold", "", http.StatusOK, &f)
		return f
	}
	t.Run("a statement that counts says for whom and what", func(t *testing.T) {
		f := ask(t, r.send(t, "ann", "passed", "https://lms.example/passwords"))
		if !f.Counts || !f.Folded || f.Person != string(r.person["ann"]) || len(f.Tells) != 1 || f.Tells[0].Item != "passwords" || f.Tells[0].Tells != "passed" {
			t.Errorf("%+v", f)
		}
	})
	t.Run("an auditor of the south learns of statements that count there, and of no other", func(t *testing.T) {
		for account, status := range map[string]int{"ann": http.StatusOK, "bob": http.StatusNotFound, "zoe": http.StatusNotFound} {
			r.ask(t, inspector, "GET /api/statements/"+r.send(t, account, "passed", "https://lms.example/passwords").String()+"/fold", "", status, nil)
		}
	})
	t.Run("one of an unknown activity, and one of an unknown identity, say what to do", func(t *testing.T) {
		if f := ask(t, r.send(t, "ann", "passed", "https://lms.example/other")); f.Counts || f.Why != "unknown-activity" || !strings.Contains(f.Explained, "map") {
			t.Errorf("%+v", f)
		}
		if f := ask(t, r.send(t, "zoe", "passed", "https://lms.example/passwords")); !f.Counts || f.Person != "" || !strings.Contains(f.Explained, "link") {
			t.Errorf("%+v", f)
		}
	})
	t.Run("one that is not there is not found, and a name that is no id is refused", func(t *testing.T) {
		r.ask(t, operator, "GET /api/statements/"+uuid.NewString()+"/fold", "", http.StatusNotFound, nil)
		a, err := http.NewRequest(http.MethodGet, r.url+"/api/statements/x/fold", nil)
		must(t, err)
		a.SetBasicAuth(operator, "secret")
		response, err := http.DefaultClient.Do(a)
		must(t, err)
		response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Error(response.Status)
		}
	})
}

func TestRebuild(t *testing.T) {
	r := startRecords(t)
	var state struct {
		State                          string
		Statements, People, Identities int
		Differences                    int
	}
	r.ask(t, operator, "GET /api/completions/rebuild", "", http.StatusOK, &state)
	if state.State != "never" {
		t.Errorf("%+v", state)
	}
	r.ask(t, operator, "POST /api/completions/rebuild", `{}`, http.StatusAccepted, &state)
	r.ask(t, operator, "POST /api/completions/rebuild", `{}`, http.StatusConflict, nil)
	r.settle(t)
	r.ask(t, operator, "GET /api/completions/rebuild", "", http.StatusOK, &state)
	if state.State != "done" || state.Statements != 2 || state.People != 2 || state.Identities != 2 || state.Differences != 0 {
		t.Errorf("%+v", state)
	}
}

func TestCompletionDocument(t *testing.T) {
	t.Run("it lists the routes that there are, and no others", func(t *testing.T) {
		gin.SetMode(gin.ReleaseMode)
		engine := gin.New()
		hubapi.NewCompletions(nil, nil, nil).Mount(engine.Group("/api"))
		var real, listed []string
		for _, route := range engine.Routes() {
			if route.Method != http.MethodHead {
				real = append(real, route.Method+" "+parameter.ReplaceAllString(route.Path, "{$1}"))
			}
		}
		part := struct {
			Paths map[string]map[string]json.RawMessage `json:"paths"`
		}{}
		must(t, json.Unmarshal(hubapi.CompletionDocument, &part))
		for path, item := range part.Paths {
			for method := range item {
				listed = append(listed, strings.ToUpper(method)+" "+path)
			}
		}
		slices.Sort(real)
		slices.Sort(listed)
		if diff := cmp.Diff(real, listed); diff != "" {
			t.Errorf("(-real +listed)\n%s", diff)
		}
	})
}
