package xapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

const ann, bob = `{"mbox":"mailto:ann@example.org"}`, `{"mbox":"mailto:bob@example.org"}`

// campus stores a few statements that the filters tell apart, and returns their ids by name, and
// names by id.
func campus(t *testing.T, s *resources) (ids map[string]uuid.UUID, names map[uuid.UUID]string) {
	t.Helper()
	ids, names = map[string]uuid.UUID{}, map[uuid.UUID]string{}
	post := func(name, actor, verb, object string, members ...string) {
		id := uuid.New()
		ids[name], names[id] = id, name
		body := `{` + strings.Join(append(members, `"id":"`+id.String()+`"`, `"actor":`+actor, `"verb":{"id":"https://verbs.example/`+verb+`"}`, `"object":`+object), ",") + `}`
		s.post(t, body).want(t, 200, "")
	}
	const page1, page2 = `{"id":"https://pages.example/1"}`, `{"id":"https://pages.example/2"}`
	post("ann read 1", ann, "read", page1, `"context":{"registration":"`+registration+`"}`)
	post("ann passed 2", ann, "passed", page2)
	post("bob read 1", bob, "read", page1)
	post("bob met ann", bob, "met", `{"objectType":"Agent","mbox":"mailto:ann@example.org"}`)
	post("group read 2", `{"objectType":"Group","member":[`+ann+`,`+bob+`]}`, "read", page2)
	post("bob taught by ann", bob, "read", page2, `"context":{"instructor":`+ann+`,"contextActivities":{"parent":`+page1+`}}`)
	post("about bob met ann", bob, "liked", `{"objectType":"StatementRef","id":"`+ids["bob met ann"].String()+`"}`)
	return ids, names
}

const registration = "b3f7e0a2-0a3c-4f7f-9d7b-0f1f6a8a2c11"

func TestFilters(t *testing.T) {
	s := start(t)
	ids, names := campus(t, s)
	storedOf := func(name string) string {
		var v struct{ Stored string }
		body := s.send(t, "GET", "/statements"+query("statementId", ids[name].String()), "").body
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
		return v.Stored
	}
	for _, c := range []struct {
		rule       string
		parameters []string
		want       []string // oldest last
	}{
		{"XAPI-00181 agent matches actor, object and members, and through references", []string{"agent", ann}, []string{"about bob met ann", "group read 2", "bob met ann", "ann passed 2", "ann read 1"}},
		{"XAPI-00176 related_agents matches everywhere", []string{"agent", ann, "related_agents", "true"}, []string{"about bob met ann", "bob taught by ann", "group read 2", "bob met ann", "ann passed 2", "ann read 1"}},
		{"related_agents=false is the default", []string{"agent", ann, "related_agents", "false", "verb", "https://verbs.example/read"}, []string{"group read 2", "ann read 1"}},
		{"an agent's name does not count", []string{"agent", `{"name":"Ann","objectType":"Agent","mbox":"mailto:ann@example.org"}`, "verb", "https://verbs.example/passed"}, []string{"ann passed 2"}},
		{"XAPI-00180 verb", []string{"verb", "https://verbs.example/read"}, []string{"bob taught by ann", "group read 2", "bob read 1", "ann read 1"}},
		{"XAPI-00179 activity matches the object", []string{"activity", "https://pages.example/1"}, []string{"bob read 1", "ann read 1"}},
		{"XAPI-00177 related_activities matches the context too", []string{"activity", "https://pages.example/1", "related_activities", "true"}, []string{"bob taught by ann", "bob read 1", "ann read 1"}},
		{"XAPI-00178 registration", []string{"registration", registration}, []string{"ann read 1"}},
		{"a registration in capitals is the same", []string{"registration", strings.ToUpper(registration)}, []string{"ann read 1"}},
		{"XAPI-00175 since excludes its instant", []string{"since", storedOf("group read 2")}, []string{"about bob met ann", "bob taught by ann"}},
		{"XAPI-00174 until includes its instant", []string{"until", storedOf("ann passed 2")}, []string{"ann passed 2", "ann read 1"}},
		{"since and until together", []string{"since", storedOf("ann read 1"), "until", storedOf("bob read 1")}, []string{"bob read 1", "ann passed 2"}},
		{"until before the first is empty", []string{"until", "1969-01-01T00:00:00Z"}, []string{}},
		{"since in the far future is empty", []string{"since", "9999-01-01T00:00:00Z"}, []string{}},
		{"XAPI-00164 filters are joined by and", []string{"agent", bob, "verb", "https://verbs.example/read", "activity", "https://pages.example/2"}, []string{"bob taught by ann", "group read 2"}},
		{"XAPI-00149 nothing found is an empty list", []string{"verb", "https://verbs.example/never"}, []string{}},
		{"XAPI-00173 limit", []string{"limit", "2"}, []string{"about bob met ann", "bob taught by ann"}},
		{"limit=0 is as many as the store allows", []string{"limit", "0", "agent", ann}, []string{"about bob met ann", "group read 2", "bob met ann", "ann passed 2", "ann read 1"}},
		{"a limit beyond the store's is the store's", []string{"limit", "4000000000", "verb", "https://verbs.example/passed"}, []string{"ann passed 2"}},
		{"XAPI-00166 ascending begins with the oldest", []string{"ascending", "true", "limit", "2"}, []string{"ann read 1", "ann passed 2"}},
		{"ascending=false is the default", []string{"ascending", "false", "limit", "1"}, []string{"about bob met ann"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := []string{}
			for _, id := range s.page(t, "/statements"+query(c.parameters...)).ids(t) {
				got = append(got, names[id])
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParameters_refused(t *testing.T) {
	s := start(t)
	id := uuid.New()
	s.post(t, statement(id)).want(t, 200, "")
	for _, c := range []struct{ rule, query, text string }{
		{"XAPI-00324 an unknown parameter", query("colour", "blue"), "colour"},
		{"an unknown parameter is quoted in short", query(strings.Repeat("x", 4000), "blue"), "xxx…"},
		{"XAPI-00325 statementID", query("statementID", id.String()), "statementID"},
		{"XAPI-00325 Agent", query("Agent", ann), "case-sensitive"},
		{"XAPI-00325 Related_Agents", query("Related_Agents", "true"), ""},
		{"a repeated parameter", query("limit", "1", "limit", "2"), "more than once"},
		{"a repeated equal parameter", query("verb", "https://a.example", "verb", "https://a.example"), "more than once"},
		{"a statementId that is no UUID", query("statementId", "1"), "statementId"},
		{"the nil UUID as registration", query("registration", uuid.Nil.String()), "registration"},
		{"an empty statementId", "?statementId=", "statementId"},
		{"an empty agent", "?agent=", "agent"},
		{"an empty verb", "?verb=", "verb"},
		{"an empty more", "?more=", "more"},
		{"an agent that is no JSON", query("agent", "ann"), "agent"},
		{"an agent without identifier", query("agent", `{"name":"Ann"}`), "agent"},
		{"an agent with two identifiers", query("agent", `{"mbox":"mailto:a@example.org","openid":"https://a.example"}`), "agent"},
		{"an agent with an unknown property", query("agent", `{"mbox":"mailto:a@example.org","age":3}`), "age"},
		{"an anonymous group", query("agent", `{"objectType":"Group","member":[`+ann+`]}`), "agent"},
		{"a verb that is no IRI", query("verb", "read"), "verb"},
		{"an activity that is no IRI", query("activity", "pages/1"), "activity"},
		{"a boolean that is neither", query("ascending", "yes"), "ascending"},
		{"a boolean in capitals", query("attachments", "TRUE"), "attachments"},
		{"a limit below zero", query("limit", "-1"), "limit"},
		{"a limit that is no number", query("limit", "ten"), "limit"},
		{"a limit that is no whole number", query("limit", "1.5"), "limit"},
		{"a limit with a sign", query("limit", "+1"), "limit"},
		{"a format that is not known", query("format", "short"), "format"},
		{"a format in capitals", query("format", "Exact"), "format"},
		{"since that is no timestamp", query("since", "yesterday"), "since"},
		{"until that is no timestamp", query("until", "2024-13-01T00:00:00Z"), "until"},
		{"a plus that was not encoded", "?since=2024-01-01T00:00:00+01:00", "since"},
		{"a query string that cannot be decoded", "?verb=%zz", "percent-encode"},
		{"a semicolon in the query string", "?verb=a;limit=1", "percent-encode"},
		{"statementId and voidedStatementId", query("statementId", id.String(), "voidedStatementId", id.String()), "voidedStatementId"},
		{"more and limit", query("more", "abc", "limit", "1"), "limit"},
		{"more that the store did not make", query("more", "abc"), "more"},
	} {
		t.Run(c.rule+" is 400", func(t *testing.T) {
			a := s.send(t, "GET", "/statements"+c.query, "").want(t, 400, c.text)
			if len(a.body) > 3000 {
				t.Errorf("the answer repeats the request: %d bytes", len(a.body))
			}
		})
	}
	for _, single := range []string{"statementId", "voidedStatementId"} {
		for _, other := range []string{
			"agent", "verb", "activity", "registration", "related_activities", "related_agents", "since", "until", "limit", "ascending", "more",
		} {
			t.Run("XAPI-00151 XAPI-00150 "+single+" and "+other+" is 400", func(t *testing.T) {
				value := map[string]string{
					"agent": ann, "verb": "https://a.example", "activity": "https://a.example", "registration": registration,
					"since": "2024-01-01T00:00:00Z", "until": "2024-01-01T00:00:00Z", "limit": "1", "more": "abc",
				}[other]
				if value == "" {
					value = "true"
				}
				s.send(t, "GET", "/statements"+query(single, id.String(), other, value), "").want(t, 400, other)
			})
		}
	}
	t.Run("XAPI-00151 statementId goes with format and attachments", func(t *testing.T) {
		s.send(t, "GET", "/statements"+query("statementId", id.String(), "format", "ids", "attachments", "true"), "").want(t, 200, id.String())
	})
	t.Run("of very many faults some are said", func(t *testing.T) {
		var unknown []string
		for i := range 2000 {
			unknown = append(unknown, fmt.Sprint("x", i), "")
		}
		if got := s.send(t, "GET", "/statements"+query(unknown...), "").want(t, 400, "x0").violations(t); len(got) != 50 {
			t.Errorf("%d violations", len(got))
		}
	})
	t.Run("everything that is wrong is said at once", func(t *testing.T) {
		a := s.send(t, "GET", "/statements"+query("limit", "x", "verb", "x", "agent", "x", "format", "x"), "").want(t, 400, "")
		if got := a.violations(t); len(got) != 4 {
			t.Errorf("violations %q in %s", got, a.body)
		}
	})
}

func TestFormats(t *testing.T) {
	s := start(t)
	id := uuid.New()
	s.post(t, `{"id":"`+id.String()+`","actor":{"name":"Ann","mbox":"mailto:ann@example.org"},
		"verb":{"id":"https://verbs.example/read","display":{"en":"read","fr":"a lu","de":"las"}},
		"object":{"id":"https://pages.example/1","definition":{"name":{"en":"Page one","fr":"Page une"},"description":{"de":"Seite"}}}}`).want(t, 200, "")
	s.post(t, statement(uuid.New(), `"context":{"contextActivities":{"parent":[{"id":"https://pages.example/1","definition":{"name":{"it":"Pagina"}}}]}}`)).want(t, 200, "")
	get := func(t *testing.T, format, languages string) (v struct {
		Actor map[string]any
		Verb  struct {
			ID      string
			Display map[string]string
		}
		Object struct {
			ID         string
			Definition map[string]any
		}
	},
	) {
		t.Helper()
		body := s.send(t, "GET", "/statements"+query("statementId", id.String(), "format", format), "", "Accept-Language: "+languages).want(t, 200, "").body
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		return v
	}
	t.Run("XAPI-00171 ids leaves what identifies", func(t *testing.T) {
		v := get(t, "ids", "fr")
		if len(v.Verb.Display) != 0 || v.Verb.ID != "https://verbs.example/read" || v.Object.Definition != nil || v.Object.ID == "" || v.Actor["name"] != nil || v.Actor["mbox"] == nil {
			t.Errorf("%+v", v)
		}
	})
	t.Run("XAPI-00170 exact leaves all as it was", func(t *testing.T) {
		v := get(t, "exact", "fr")
		if len(v.Verb.Display) != 3 || v.Actor["name"] != "Ann" {
			t.Errorf("%+v", v)
		}
	})
	for _, c := range []struct{ languages, verb, name string }{
		{"fr", "a lu", "Page une"},
		{"fr-CA, en;q=0.5", "a lu", "Page une"},
		{"de;q=0.9, en;q=0.1", "las", "Page one"},
		{"", "read", "Page one"},
		{"ja", "read", "Page one"},
		{"*", "read", "Page one"},
		{"%%% not a language;;", "read", "Page one"},
	} {
		t.Run("XAPI-00169 canonical gives one language for Accept-Language: "+c.languages, func(t *testing.T) {
			v := get(t, "canonical", c.languages)
			if len(v.Verb.Display) != 1 || !strings.Contains(fmt.Sprint(v.Verb.Display), c.verb) {
				t.Errorf("display %v", v.Verb.Display)
			}
			name, _ := v.Object.Definition["name"].(map[string]any)
			if len(name) != 1 || !strings.Contains(fmt.Sprint(name), c.name) {
				t.Errorf("name %v", name)
			}
		})
	}
	t.Run("only the first wishes of a very long Accept-Language count", func(t *testing.T) {
		if v := get(t, "canonical", strings.Repeat("ja, ", 30)+"fr"); v.Verb.Display["fr"] != "" {
			t.Errorf("display %v", v.Verb.Display)
		}
	})
	t.Run("canonical merges the languages of all statements", func(t *testing.T) {
		if v := get(t, "canonical", "it"); !strings.Contains(fmt.Sprint(v.Object.Definition["name"]), "Pagina") {
			t.Errorf("%v", v.Object.Definition)
		}
	})
	t.Run("each format has an ETag of its own, which is known again", func(t *testing.T) {
		seen := map[string]string{}
		for _, format := range []string{"exact", "ids", "canonical"} {
			path := "/statements" + query("statementId", id.String(), "format", format)
			etag := s.send(t, "GET", path, "").header.Get("ETag")
			if other, twice := seen[etag]; twice {
				t.Errorf("%s and %s have the same ETag", format, other)
			}
			seen[etag] = format
			s.send(t, "GET", path, "", "If-None-Match: "+etag).want(t, 304, "")
		}
	})
}

func TestCaching(t *testing.T) {
	s := start(t)
	id := uuid.New()
	s.post(t, statement(id)).want(t, 200, "")
	for _, path := range []string{"/statements", "/statements" + query("statementId", id.String()), "/statements?attachments=true"} {
		t.Run("a cache must ask before it gives an answer again: "+strings.ReplaceAll(path, id.String(), "known"), func(t *testing.T) {
			a := s.send(t, "GET", path, "").want(t, 200, "")
			if got := a.header.Get("Cache-Control"); got != "private, no-cache" {
				t.Errorf("Cache-Control: %q", got)
			}
			if a.header.Get("Last-Modified") == "" {
				t.Error("no Last-Modified")
			}
		})
	}
	t.Run("a page has another ETag when something is stored", func(t *testing.T) {
		before := s.send(t, "GET", "/statements", "").header.Get("ETag")
		s.post(t, statement(uuid.New())).want(t, 200, "")
		s.send(t, "GET", "/statements", "", "If-None-Match: "+before).want(t, 200, "")
	})
}

func TestConsistentThrough(t *testing.T) {
	s := start(t)
	s.post(t, statement(uuid.New())).want(t, 200, "")
	through := func(a answer) time.Time {
		at, err := time.Parse(time.RFC3339Nano, a.header.Get(consistentThrough))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	t.Run("it never goes back, and what is stored later is later", func(t *testing.T) {
		last := through(s.send(t, "GET", "/statements", ""))
		for range 20 {
			id := uuid.New()
			s.post(t, statement(id)).want(t, 200, "")
			var v struct{ Stored time.Time }
			a := s.send(t, "GET", "/statements"+query("statementId", id.String()), "").want(t, 200, "")
			if err := json.Unmarshal([]byte(a.body), &v); err != nil {
				t.Fatal(err)
			}
			if !v.Stored.After(last) || through(a).Before(last) {
				t.Errorf("stored %s and through %s, after through %s", v.Stored, through(a), last)
			}
			last = through(a)
		}
	})
	t.Run("a statement that was answered is within it, for who polls from there", func(t *testing.T) {
		since := s.send(t, "GET", "/statements", "").header.Get(consistentThrough)
		id := uuid.New()
		s.post(t, statement(id)).want(t, 200, "")
		if diff := cmp.Diff([]uuid.UUID{id}, s.page(t, "/statements"+query("since", since)).ids(t)); diff != "" {
			t.Error(diff)
		}
	})
}
