package xapi_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// TestScopes asks every resource with every method as a credential of each single scope (Communication
// 4.2).
func TestScopes(t *testing.T) {
	s := start(t)
	ann := url.QueryEscape(`{"mbox":"mailto:ann@example.org"}`)
	state := "/activities/state?activityId=https://pages.example/1&agent=" + ann + "&stateId=scopes"
	activity := "/activities/profile?activityId=https://pages.example/1&profileId=scopes"
	agent := "/agents/profile?profileId=scopes&agent=" + ann
	requests := map[string]func(key string) answer{
		"store statements": func(key string) answer { return s.post(t, statement(uuid.New()), "Key: "+key) },
		"put a statement": func(key string) answer {
			id := uuid.New()
			return s.send(t, "PUT", "/statements?statementId="+id.String(), statement(id), "Key: "+key, "Content-Type: application/json")
		},
	}
	for name, path := range map[string]string{
		"statements": "/statements", "an agent": "/agents?agent=" + ann, "an activity": "/activities?activityId=https://pages.example/1",
	} {
		requests["get "+name] = func(key string) answer { return s.send(t, "GET", path, "", "Key: "+key) }
		requests["head "+name] = func(key string) answer { return s.send(t, "HEAD", path, "", "Key: "+key) }
	}
	for name, path := range map[string]string{"state": state, "an activity profile": activity, "an agent profile": agent} {
		one, all, _ := strings.Cut(path, "Id=scopes")
		list := one[:strings.LastIndexAny(one, "?&")+1] + strings.TrimPrefix(all, "&")
		requests["get "+name] = func(key string) answer { return s.send(t, "GET", path, "", "Key: "+key) }
		requests["list "+name] = func(key string) answer { return s.send(t, "GET", list, "", "Key: "+key) }
		for _, method := range []string{"PUT", "POST", "DELETE"} {
			requests[strings.ToLower(method)+" "+name] = func(key string) answer {
				return s.send(t, method, path, `{}`, "Key: "+key, "Content-Type: application/json", "If-None-Match: x")
			}
		}
	}
	requests["delete all state"] = func(key string) answer {
		return s.send(t, "DELETE", strings.Replace(state, "&stateId=scopes", "", 1), "", "Key: "+key)
	}
	reading := []string{"get statements", "get an agent", "get an activity", "head statements", "head an agent", "head an activity"}
	documents := func(names ...string) (may []string) {
		for _, name := range names {
			may = append(may, "get "+name, "list "+name)
		}
		return may
	}
	changing := func(names ...string) (may []string) {
		for _, name := range names {
			may = append(may, "put "+name, "post "+name, "delete "+name)
		}
		return may
	}
	for key, may := range map[string][]string{
		"write": {"store statements", "put a statement"}, "read": reading, "readmine": reading, "define": nil,
		"state":   slices.Concat(documents("state"), changing("state"), []string{"delete all state"}),
		"profile": slices.Concat(documents("an activity profile", "an agent profile"), changing("an activity profile", "an agent profile")),
		"reader":  slices.Concat(reading, documents("state", "an activity profile", "an agent profile")),
		"all":     nil, // everything
	} {
		for name, ask := range requests {
			t.Run(credentials[key].String()+": "+name, func(t *testing.T) {
				allowed := key == "all" || slices.Contains(may, name)
				a := ask(key)
				if forbidden := a.status == 403; forbidden == allowed || a.status == 401 || a.status >= 500 {
					t.Errorf("status %d, allowed is %v: %s", a.status, allowed, a.body)
				}
				if a.status == 403 && !strings.HasPrefix(name, "head ") && !strings.Contains(a.body, "needs the scope") {
					t.Errorf("the scope that lacks is not named: %s", a.body)
				}
			})
		}
	}
}

// referring is a statement about another.
func referring(id, target uuid.UUID) string {
	return `{"id":"` + id.String() + `","actor":{"mbox":"mailto:bob@example.org"},"verb":{"id":"https://verbs.example/commented"},
		"object":{"objectType":"StatementRef","id":"` + target.String() + `"}}`
}

func TestReadMine_inherited(t *testing.T) {
	s := start(t)
	foreign, own, about, aboutOwn, theirs := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
	s.post(t, statement(foreign), "Key: neighbour").want(t, 200, "")
	s.post(t, statement(own), "Key: mine").want(t, 200, "")
	s.post(t, referring(about, foreign), "Key: mine").want(t, 200, "")
	s.post(t, referring(aboutOwn, own), "Key: mine").want(t, 200, "")
	s.post(t, referring(theirs, own), "Key: neighbour").want(t, 200, "")
	for filter, want := range map[string][]uuid.UUID{
		"?verb=https://verbs.example/read":      {aboutOwn, own},
		"?activity=https://pages.example/1":     {aboutOwn, own},
		"?verb=https://verbs.example/commented": {aboutOwn, about},
		"":                                      {aboutOwn, about, own},
	} {
		t.Run("nothing is found because of what another source's statement says: "+filter, func(t *testing.T) {
			if diff := cmp.Diff(want, s.page(t, "/statements"+filter, "Key: mine").ids(t)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("who reads all finds what inherits", func(t *testing.T) {
		if n := len(s.page(t, "/statements?verb=https://verbs.example/read", "Key: reader").ids(t)); n != 5 {
			t.Errorf("%d statements", n)
		}
	})
}

func TestVoiding_foreign(t *testing.T) {
	s := start(t)
	own, foreign := uuid.New(), uuid.New()
	s.post(t, statement(own), "Key: mine").want(t, 200, "")
	s.post(t, statement(foreign), "Key: neighbour").want(t, 200, "")
	t.Run("another source's statement is not voided", func(t *testing.T) {
		s.post(t, voiding(uuid.New(), foreign), "Key: mine").want(t, 403, `"pointer":"/object/id"`)
		s.send(t, "GET", "/statements?statementId="+foreign.String(), "").want(t, 200, "")
	})
	t.Run("its own is, and with the scope all every one", func(t *testing.T) {
		s.post(t, voiding(uuid.New(), own), "Key: mine").want(t, 200, "")
		s.post(t, voiding(uuid.New(), foreign), "Key: all").want(t, 200, "")
	})
}

func TestDefine(t *testing.T) {
	s := start(t)
	say := func(key, activity string) {
		s.post(t, `{"actor":{"mbox":"mailto:ann@example.org"},"verb":{"id":"https://verbs.example/read"},"object":{"id":"`+activity+`","definition":{"name":{"en":"A page"}}}}`,
			"Key: "+key).want(t, 200, "")
	}
	say("mine", "https://pages.example/defined")
	say("neighbour", "https://pages.example/undefined")
	s.send(t, "GET", "/activities?activityId=https://pages.example/defined", "").want(t, 200, "A page")
	if a := s.send(t, "GET", "/activities?activityId=https://pages.example/undefined", ""); strings.Contains(a.body, "A page") {
		t.Errorf("without define, it was defined: %s", a.body)
	}
}
