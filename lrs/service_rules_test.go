package lrs_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"acquis/lrs"
)

// verbRules object to a verb, each with its weight.
type verbRules map[string]lrs.Weight

func (r verbRules) Judge(_ lrs.Version, statements []*lrs.Statement) (found []lrs.Objection) {
	for i, s := range statements {
		if weight := r[s.Verb.ID]; weight != 0 {
			found = append(found, lrs.Objection{Statement: i, Weight: weight, Violation: lrs.Violation{Pointer: "/verb/id", Rule: "verb"}})
		}
	}
	return found
}

func verbStatement(verb string) string {
	return `{"actor":{"mbox":"mailto:ann@example.org"},"verb":{"id":"` + verb + `"},"object":{"id":"https://a.example/1"}}`
}

func batchOf(statements ...string) string { return "[" + strings.Join(statements, ",") + "]" }

func pointersOf(violations []lrs.Violation) (at []string) {
	for _, v := range violations {
		at = append(at, v.Pointer)
	}
	return at
}

func TestRulesOfASource(t *testing.T) {
	var noted, repeated int
	service := openServiceWith(t, lrs.ServiceOptions{
		PageDefault: 10, PageMax: 10, Steps: 1000,
		Objected: func(_ lrs.Principal, o []lrs.Objection) { noted += len(o) },
		Repeated: func(_ lrs.Principal, n int) { repeated += n },
	})
	p := writer(t)
	p.Rules = verbRules{"urn:noted": lrs.Noted, "urn:refused": lrs.Refused, "urn:withheld": lrs.Withheld}
	for _, c := range []struct {
		name, body string
		kind       lrs.Kind
		at         []string
		objections int
	}{
		{"what nobody objects to is stored", verbStatement("urn:good"), 0, nil, 0},
		{"what is noted is stored", batchOf(verbStatement("urn:noted"), verbStatement("urn:good")), 0, nil, 1},
		{"what is to be mended is invalid", verbStatement("urn:refused"), lrs.KindInvalid, []string{"/verb/id"}, 1},
		{"what lacks a permission is forbidden", verbStatement("urn:withheld"), lrs.KindForbidden, []string{"/verb/id"}, 1},
		{
			"all objections are listed, and a batch that can be mended is invalid",
			batchOf(verbStatement("urn:withheld"), verbStatement("urn:noted"), verbStatement("urn:refused")), lrs.KindInvalid,
			[]string{"/0/verb/id", "/2/verb/id"},
			3,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			noted = 0
			_, err := service.StoreStatements(t.Context(), p, lrs.StoreRequest{Version: lrs.V200, Body: []byte(c.body)})
			var violations []lrs.Violation
			if e, ok := err.(*lrs.Error); ok {
				violations = e.Violations
			}
			if diff := cmp.Diff(c.at, pointersOf(violations)); lrs.KindOf(err) != c.kind || diff != "" || noted != c.objections {
				t.Errorf("%v, %d objections told (-want +got):\n%s", err, noted, diff)
			}
			x, err := service.ExamineStatements(t.Context(), p, lrs.StoreRequest{Version: lrs.V200, Body: []byte(c.body)})
			if diff := cmp.Diff(c.at, pointersOf(x.Violations)); err != nil || x.Kind != c.kind || diff != "" {
				t.Errorf("examined: %+v, %v", x, err)
			}
		})
	}
	t.Run("a statement without id that was sent before is counted", func(t *testing.T) {
		body := `{"timestamp":"2026-09-01T12:00:00Z",` + verbStatement("urn:good")[1:]
		for range 3 {
			if _, err := service.StoreStatements(t.Context(), p, lrs.StoreRequest{Version: lrs.V200, Body: []byte(body)}); err != nil {
				t.Fatal(err)
			}
		}
		if repeated != 2 {
			t.Errorf("%d repeats", repeated)
		}
	})
}

func TestExamineStatements(t *testing.T) {
	service := openService(t)
	p := writer(t)
	id := uuid.NewString()
	stored := `{"id":"` + id + `",` + verbStatement("urn:good")[1:]
	if _, err := service.StoreStatements(t.Context(), p, lrs.StoreRequest{Version: lrs.V200, Body: []byte(stored)}); err != nil {
		t.Fatal(err)
	}
	p.Rules = verbRules{"urn:refused": lrs.Refused, "urn:noted": lrs.Noted}
	for _, c := range []struct {
		name, body string
		scopes     lrs.Scope
		kind       lrs.Kind
		at, noted  []string
		repeats    int
	}{
		{"a repeat changes nothing", stored, lrs.ScopeStatementsWrite, 0, nil, nil, 1},
		{"a conflict is told", strings.Replace(stored, "urn:good", "urn:other", 1), lrs.ScopeStatementsWrite, lrs.KindConflict, []string{"/id"}, nil, 0},
		{"a lack of scope is told with all else", verbStatement("urn:refused"), lrs.ScopeState, lrs.KindInvalid, []string{"/verb/id"}, nil, 0},
		{"and alone", verbStatement("urn:good"), lrs.ScopeState, lrs.KindForbidden, nil, nil, 0},
		{
			"what the specification and what the source refuses is told at once, each where it is",
			batchOf(`{"verb":1}`, verbStatement("urn:noted"), verbStatement("urn:refused")), lrs.ScopeStatementsWrite, lrs.KindInvalid,
			[]string{"/0/verb", "/0", "/0", "/2/verb/id"},
			[]string{"/1/verb/id"},
			0,
		},
		{"what is no JSON is told", `{`, lrs.ScopeStatementsWrite, lrs.KindInvalid, []string{""}, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.Scopes = c.scopes
			x, err := service.ExamineStatements(t.Context(), p, lrs.StoreRequest{Version: lrs.V200, Body: []byte(c.body)})
			if err != nil || x.Kind != c.kind || len(x.Repeats) != c.repeats {
				t.Errorf("%+v, %v", x, err)
			}
			if diff := cmp.Diff(c.at, pointersOf(x.Violations)) + cmp.Diff(c.noted, pointersOf(x.Noted)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	all, err := service.QueryStatements(t.Context(), writer(t), lrs.StatementFilter{})
	if err != nil || len(all.Statements) != 1 {
		t.Errorf("examining stored something: %d, %v", len(all.Statements), err)
	}
}

func TestLaunchedStatements(t *testing.T) {
	service := openService(t)
	registration := uuid.New()
	agent, err := lrs.DecodeAgent([]byte(`{"mbox":"mailto:ann@EXAMPLE.org"}`))
	if err != nil {
		t.Fatal(err)
	}
	p := writer(t)
	p.Scopes = lrs.ScopeStatementsWrite | lrs.ScopeState
	p.Launch = &lrs.Launch{Actor: *agent, Activity: "https://a.example/1", Registration: registration}
	said := func(actor, object, context string) string {
		return `{"actor":{"mbox":"mailto:` + actor + `"},"verb":{"id":"urn:did"},"object":` + object + `,"context":{"registration":"` + context + `}}`
	}
	own, in := `{"id":"https://a.example/1"}`, registration.String()+`"`
	for _, c := range []struct {
		name, statement string
		at              []string
	}{
		{"the attempt itself is stored", said("ann@example.org", own, in), nil},
		{"so is a part that names it as parent", said("ann@example.org", `{"id":"urn:question"}`, in+`,"contextActivities":{"parent":[`+own+`]}`), nil},
		{"or as grouping", said("ann@example.org", `{"id":"urn:question"}`, in+`,"contextActivities":{"grouping":`+own+`}`), nil},
		{"another activity is not", said("ann@example.org", `{"id":"urn:other"}`, in+`,"contextActivities":{"other":[`+own+`]}`), []string{"/object"}},
		{"another actor is not", said("bob@example.org", own, in), []string{"/actor"}},
		{"another registration is not", said("ann@example.org", own, uuid.NewString()+`"`), []string{"/context/registration"}},
		{"no registration is not", `{"actor":{"mbox":"mailto:ann@example.org"},"verb":{"id":"urn:did"},"object":` + own + `}`, []string{"/context/registration"}},
		{"nor is a statement about a person", said("ann@example.org", `{"objectType":"Agent","mbox":"mailto:ann@example.org"}`, in), []string{"/object"}},
		{
			"nor is a voiding", `{"actor":{"mbox":"mailto:ann@example.org"},"verb":{"id":"` + lrs.VerbVoided + `"},"object":{"objectType":"StatementRef","id":"` + uuid.NewString() + `"}}`,
			[]string{"/context/registration", "/object"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := service.StoreStatements(t.Context(), p, lrs.StoreRequest{Version: lrs.V200, Body: []byte(c.statement)})
			if c.at == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e, ok := err.(*lrs.Error)
			if !ok || e.Kind != lrs.KindForbidden {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(c.at, pointersOf(e.Violations)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("nothing is read but the attempt's state", func(t *testing.T) {
		if _, err := service.QueryStatements(t.Context(), p, lrs.StatementFilter{}); lrs.KindOf(err) != lrs.KindForbidden {
			t.Errorf("statements: %v", err)
		}
		scope := lrs.DocumentScope{Kind: lrs.StateDocument, Activity: "https://a.example/1", Agent: *agent, Registration: registration}
		key := func(change func(*lrs.DocumentScope)) lrs.DocumentKey {
			other := scope
			change(&other)
			return lrs.DocumentKey{DocumentScope: other, ID: "bookmark"}
		}
		write := func(k lrs.DocumentKey) error {
			return service.PutDocument(t.Context(), p, lrs.DocumentWrite{Key: k, Version: lrs.V103, Content: []byte("page 3")})
		}
		if err := write(key(func(*lrs.DocumentScope) {})); err != nil {
			t.Error(err)
		}
		if _, err := service.Document(t.Context(), p, key(func(*lrs.DocumentScope) {})); err != nil {
			t.Error(err)
		}
		for name, change := range map[string]func(*lrs.DocumentScope){
			"another activity's":      func(s *lrs.DocumentScope) { s.Activity = "urn:other" },
			"another agent's":         func(s *lrs.DocumentScope) { s.Agent.IFI.Value = "mailto:bob@example.org" },
			"another registration's":  func(s *lrs.DocumentScope) { s.Registration = uuid.New() },
			"that of no registration": func(s *lrs.DocumentScope) { s.Registration = uuid.Nil },
			"a profile":               func(s *lrs.DocumentScope) { s.Kind = lrs.ActivityProfileDocument },
		} {
			if err := write(key(change)); lrs.KindOf(err) != lrs.KindForbidden {
				t.Errorf("%s: %v", name, err)
			}
		}
		scope.AnyRegistration = true
		if err := service.DeleteDocuments(t.Context(), p, scope); lrs.KindOf(err) != lrs.KindForbidden {
			t.Errorf("all state: %v", err)
		}
	})
}
