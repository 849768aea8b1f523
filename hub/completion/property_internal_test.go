package completion

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/directory"
	"acquis/lrs"
	"acquis/storage"
)

// serial lets one write through at a time, so that a death has a definite place among the writes.
type serial struct {
	*frail
	mu sync.Mutex
}

// ApplyDocs implements docstore.Store.
func (s *serial) ApplyDocs(ctx context.Context, g docstore.Group) ([]lrs.Instant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frail.ApplyDocs(ctx, g)
}

// The things of which random histories are made.
var (
	accounts   = []string{"ann", "bob", "cleo", "dan"}
	activities = []string{"https://a.example/1", "https://a.example/1/part", "https://a.example/2", "https://b.example/x?id=3", "https://b.example/x?id=3&subContentId=q", "https://c.example/path"}
	verbs      = []string{adl + "initialized", adl + "progressed", adl + "completed", adl + "passed", adl + "failed", adl + "terminated", adl + "registered", tincan + "earned", "https://w3id.org/xapi/adl/verbs/satisfied"}
	items      = []hub.ItemID{"one", "two", "three", "all", "some"}
	services   = []hub.OrganisationID{"ministry", "taxes", "customs", "office"}
	sources    = []string{"s", "t"}
)

func accountOf(name string) directory.Key {
	return directory.Key{Kind: directory.Account, Value: name, HomePage: "https://lms.example"}
}

func drawMapping(t *rapid.T) catalogue.Mapping {
	m := catalogue.Mapping{
		Form: rapid.SampledFrom([]catalogue.Form{catalogue.Exact, catalogue.Exact, catalogue.Prefix, catalogue.Pattern}).Draw(t, "form"),
		IRI:  rapid.SampledFrom(activities).Draw(t, "mapped"), Item: rapid.SampledFrom(items).Draw(t, "item"),
		Source: rapid.SampledFrom([]string{"", "", "s"}).Draw(t, "of source"), Parts: rapid.Bool().Draw(t, "parts"),
		PassedAt: rapid.SampledFrom([]float64{0, 0, 0.5}).Draw(t, "passed at"),
	}
	switch m.Form {
	case catalogue.Pattern:
		m.IRI = rapid.SampledFrom([]string{`https://a\.example/.*`, `https://.\.example/[0-9]`}).Draw(t, "pattern")
	case catalogue.Prefix:
		m.IRI = rapid.SampledFrom([]string{"https://a.example/1", "https://b.example/", "https://"}).Draw(t, "prefix")
	}
	return m
}

// drawStatement draws a statement; few times and values, so that repeats, ties and contradictions are common.
func drawStatement(t *rapid.T) string {
	id := ""
	if rapid.Bool().Draw(t, "with id") {
		id = `"id":"` + uuid.NewSHA1(uuid.Nil, fmt.Append(nil, rapid.IntRange(0, 1<<30).Draw(t, "id"))).String() + `",`
	}
	result := rapid.SampledFrom([]string{
		"", "", `,"result":{"completion":true}`, `,"result":{"completion":false}`, `,"result":{"score":{"scaled":0.4},"duration":"PT5M"}`, `,"result":{"score":{"scaled":0.8}}`,
		`,"result":{"duration":"PT10M","extensions":{"http://w3id.org/xapi/cmi5/result/extensions/progress":"60"}}`, `,"result":{"extensions":{"https://w3id.org/xapi/cmi5/result/extensions/progress":140}}`,
	}).Draw(t, "result")
	about := rapid.SampledFrom([]string{
		"", "", `,"context":{"contextActivities":{"parent":[{"id":"https://a.example/1"}]}}`, `,"context":{"registration":"9a34e028-224b-54ab-8567-2ceb35ea57a9"}`,
	}).Draw(t, "context")
	when := ""
	if rapid.IntRange(0, 5).Draw(t, "dated") > 0 {
		when = fmt.Sprintf(`,"timestamp":"2026-0%d-01T10:00:00Z"`, rapid.IntRange(1, 6).Draw(t, "month"))
	}
	return fmt.Sprintf(`{%s"actor":{"account":{"homePage":"https://lms.example","name":%q}},"verb":{"id":%q},"object":{"id":%q}%s%s%s}`,
		id, rapid.SampledFrom(accounts).Draw(t, "account"), rapid.SampledFrom(verbs).Draw(t, "verb"), rapid.SampledFrom(activities).Draw(t, "activity"), result, about, when)
}

func drawItem(t *rapid.T) catalogue.Item {
	item := catalogue.Item{ID: rapid.SampledFrom(items).Draw(t, "item"), Kind: catalogue.Module, Status: catalogue.Live, Minutes: rapid.SampledFrom([]int{0, 30}).Draw(t, "minutes")}
	switch item.ID {
	case "all":
		item.Kind = catalogue.Parcours
		item.Versions = []catalogue.Version{
			{Number: 1, Begun: true, InForce: hub.Span{To: hub.NewDay(2026, time.March, 31)}, Rule: catalogue.Rule{{All: []hub.ItemID{"one", "two"}}}},
			{Number: 2, Begun: rapid.Bool().Draw(t, "begun"), InForce: hub.Span{From: hub.NewDay(2026, time.April, 1)}, Rule: catalogue.Rule{{AtLeast: 2, Of: []hub.ItemID{"one", "two", "three"}}}},
		}
	case "some":
		item.Kind = catalogue.Parcours
		item.Versions = []catalogue.Version{{Number: 1, Begun: true, Rule: rapid.SampledFrom([]catalogue.Rule{{{All: []hub.ItemID{"all"}}}, {{AtLeast: 1, Of: []hub.ItemID{"three", "all"}}}}).Draw(t, "rule")}}
	}
	return item
}

// happen lets one thing happen.
func (w *world) happen(t *rapid.T) {
	person := func() hub.PersonID {
		if len(w.people) == 0 {
			return w.person("taxes")
		}
		return rapid.SampledFrom(w.people).Draw(t, "person")
	}
	alias := func() hub.AliasID {
		return w.directory.AliasID(accountOf(rapid.SampledFrom(accounts).Draw(t, "alias")))
	}
	statement := func() lrs.ID {
		if len(w.statements) == 0 {
			return w.send("s", drawStatement(t))
		}
		return rapid.SampledFrom(w.statements).Draw(t, "statement")
	}
	voiding := func(id lrs.ID) string {
		return `{"actor":{"mbox":"mailto:admin@lms.example"},"verb":{"id":"` + lrs.VerbVoided + `"},"object":{"objectType":"StatementRef","id":"` + id.String() + `"}}`
	}
	var err error
	switch rapid.IntRange(0, 26).Draw(t, "event") {
	case 0, 1, 2, 3, 4, 5, 6:
		w.send(rapid.SampledFrom(sources).Draw(t, "source"), drawStatement(t))
	case 7:
		w.send("s", voiding(statement()))
	case 8: // a voiding that comes first
		id := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, rapid.IntRange(0, 20).Draw(t, "id")))
		w.send("s", voiding(id))
		w.statements = append(w.statements, id)
	case 9:
		w.may(w.store.EraseStatement(w.ctx, statement()))
	case 10:
		w.redact(t, statement())
	case 11:
		_, err = w.directory.Link(w.ctx, operator, alias(), person())
	case 12:
		_, err = w.directory.Unlink(w.ctx, operator, alias())
	case 13:
		_, err = w.directory.MergePeople(w.ctx, operator, person(), person())
	case 14:
		_, err = w.directory.SeparatePeople(w.ctx, operator, person())
	case 15:
		w.move(t, person())
	case 16:
		if len(w.people) < len(accounts) {
			w.person(rapid.SampledFrom(services).Draw(t, "service"), accountOf(accounts[len(w.people)]))
		}
	case 17:
		w.organisation(rapid.SampledFrom(services).Draw(t, "organisation"), rapid.SampledFrom(append(services, "")).Draw(t, "above"))
	case 18, 19:
		w.mapping(drawMapping(t))
	case 20:
		w.unmap(drawMapping(t))
	case 21:
		w.item(drawItem(t))
	case 22, 23, 24:
		w.step()
	case 25:
		if w.consolidator != nil {
			w.frail.left, w.frail.after = rapid.IntRange(0, 12).Draw(t, "writes before death"), rapid.Bool().Draw(t, "written")
		}
		w.step()
	case 26:
		w.now = w.now.Add(2 * time.Minute) // time enough for another to take over
		w.consolidator = nil
		w.step()
	}
	w.may(err)
}

func (w *world) redact(t *rapid.T, id lrs.ID) {
	authority, err := lrs.NewAuthority([]byte(`{"mbox":"mailto:admin@lms.example"}`))
	w.must(err)
	raw := fmt.Sprintf(`{"id":"%s","actor":{"account":{"homePage":"https://lms.example","name":%q}},"verb":{"id":%q},"object":{"id":%q}}`,
		id, rapid.SampledFrom(accounts).Draw(t, "account"), rapid.SampledFrom(verbs).Draw(t, "verb"), rapid.SampledFrom(activities).Draw(t, "activity"))
	other, err := lrs.DecodeStatement([]byte(raw), lrs.V103, lrs.Limits{})
	w.must(err)
	w.may(w.store.RedactStatement(w.ctx, id, lrs.Accept(other, lrs.Assignment{Version: lrs.V103, Source: "s", Authority: authority})))
}

// move gives a person another organisation from April on.
func (w *world) move(t *rapid.T, p hub.PersonID) {
	row, err := directory.People.Get(w.ctx, w.store, string(p), string(p))
	w.must(err)
	profile := row.Value.Profile()
	profile.Affiliations = []directory.Affiliation{
		{Organisation: rapid.SampledFrom(services).Draw(t, "before"), Span: hub.Span{To: hub.NewDay(2026, time.March, 31)}},
		{Organisation: rapid.SampledFrom(services).Draw(t, "after"), Span: hub.Span{From: hub.NewDay(2026, time.April, 1)}},
	}
	_, err = w.directory.PutPerson(w.ctx, operator, p, profile, row.Revision)
	w.may(err)
}

// history is a random history, at whose end the records must be those of a fold of everything.
func history(tb testing.TB, open func(testing.TB) storage.Store, events int) func(*rapid.T) {
	return func(t *rapid.T) {
		store := open(tb)
		defer func() {
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
		}()
		w := newWorld(tb, t, store)
		for _, o := range services {
			w.organisation(o, map[hub.OrganisationID]hub.OrganisationID{"taxes": "ministry", "customs": "ministry", "office": "taxes"}[o])
		}
		for _, m := range []catalogue.Mapping{{Form: catalogue.Exact, IRI: activities[0], Item: "one"}, {Form: catalogue.Exact, IRI: activities[2], Item: "two"}, {Form: catalogue.Exact, IRI: activities[5], Item: "all"}} {
			w.mapping(m)
		}
		for i := range 3 {
			w.person(services[i], accountOf(accounts[i]))
		}
		for _, item := range items {
			w.item(catalogue.Item{ID: item, Kind: catalogue.Module, Status: catalogue.Live})
		}
		for range rapid.IntRange(1, events).Draw(t, "events") {
			w.happen(t)
		}
		w.run()
		w.wantFolded()
		if r := w.rebuild(false); r.Differences != 0 {
			t.Fatalf("folding everything again differs: %+v", r)
		}
	}
}

func TestConsolidator_anyHistory(t *testing.T) {
	t.Run("whatever happens in whichever order, and wherever processes die, the records are those of a fold of everything", func(t *testing.T) {
		rapid.Check(t, history(t, embedded, 40))
	})
}

func TestConsolidator_onMongo(t *testing.T) {
	t.Run("on MongoDB, too", func(t *testing.T) {
		for seed := range 2 { // of few events: the stand-in is slow
			rapid.Custom(func(rt *rapid.T) bool {
				history(t, onMongo, 10)(rt)
				return true
			}).Example(seed)
		}
	})
}
