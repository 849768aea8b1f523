package xapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestPostStatements(t *testing.T) {
	s := start(t)
	t.Run("XAPI-00146 the ids come back in the order of the batch, made where they were missing", func(t *testing.T) {
		first, last := uuid.New(), uuid.New()
		anonymous := strings.Replace(statement(uuid.Nil), `"id":"`+uuid.Nil.String()+`",`, "", 1)
		a := s.post(t, "["+statement(first)+","+anonymous+","+statement(last)+"]").want(t, 200, "")
		var ids []uuid.UUID
		if err := json.Unmarshal([]byte(a.body), &ids); err != nil || len(ids) != 3 {
			t.Fatalf("%v: %s", err, a.body)
		}
		if ids[0] != first || ids[1] == uuid.Nil || ids[2] != last {
			t.Errorf("ids %v", ids)
		}
		for _, id := range ids {
			s.send(t, "GET", "/statements?statementId="+id.String(), "").want(t, 200, id.String())
		}
	})
	t.Run("XAPI-00147 a lone statement is answered with an array too", func(t *testing.T) {
		id := uuid.New()
		if a := s.post(t, statement(id)).want(t, 200, ""); a.body != `["`+id.String()+`"]` {
			t.Error(a.body)
		}
	})
	t.Run("an empty batch stores nothing and is no fault", func(t *testing.T) {
		before := s.count(t)
		if a := s.post(t, "[]").want(t, 200, ""); a.body != "[]" {
			t.Error(a.body)
		}
		s.stays(t, before)
	})
	t.Run("the same statement again is answered like a new one", func(t *testing.T) {
		id := uuid.New()
		before := s.count(t)
		for range 3 {
			s.post(t, statement(id)).want(t, 200, id.String())
		}
		s.stays(t, before+1)
	})
	t.Run("upper and lower case of an id are the same", func(t *testing.T) {
		id := uuid.New()
		s.post(t, statement(id)).want(t, 200, "")
		s.post(t, strings.Replace(statement(id), id.String(), strings.ToUpper(id.String()), 1)).want(t, 200, "")
		s.send(t, "GET", "/statements?statementId="+strings.ToUpper(id.String()), "").want(t, 200, id.String())
	})
}

func TestPostStatements_refused(t *testing.T) {
	s := start(t)
	kept := uuid.New()
	s.post(t, statement(kept)).want(t, 200, "")
	twice, changed := uuid.New(), statement(kept, `"result":{"success":true}`)
	for _, c := range []struct {
		rule, body string
		status     int
		text       string
		violations []string
	}{
		{"no body is 400", "", 400, "", []string{" json"}},
		{"white space is 400", " \n", 400, "", []string{" json"}},
		{"a body that breaks off is 400", `{"actor":{`, 400, "", nil},
		{"two values are 400", statement(uuid.New()) + statement(uuid.New()), 400, "", []string{" json"}},
		{"null is 400", "null", 400, "", []string{" null"}},
		{"a string is 400", `"x"`, 400, "", []string{" type"}},
		{"an array in an array is 400", "[[" + statement(uuid.New()) + "]]", 400, "", []string{"/0 type"}},
		{"invalid UTF-8 is 400", statement(uuid.New(), "\"result\":{\"response\":\"\xff\"}"), 400, "", nil},
		{"a duplicate key is 400", statement(uuid.New(), `"actor":{"mbox":"mailto:b@example.org"}`), 400, "", []string{"/actor duplicate-key"}},
		{"two equal ids in a batch are 400", "[" + statement(twice) + "," + statement(twice) + "]", 400, "", []string{"/1/id duplicate-id"}},
		{
			"every violation is listed with its pointer",
			`[` + statement(uuid.New()) + `,{"id":"x","actor":{"mbox":"nobody"},"verb":{"id":"read"},"object":{"id":"https://pages.example/1"},"more":1}]`,
			400, "",
			[]string{"/1/id uuid", "/1/actor/mbox mailto", "/1/verb/id iri", "/1/more unknown-property"},
		},
		{"XAPI-00142 another statement under the id is 409 and named", changed, 409, kept.String(), []string{" statement-conflict"}},
		{
			"XAPI-00326 a conflict refuses the whole batch and names its place",
			"[" + statement(uuid.New()) + "," + changed + "]", 409, kept.String(),
			[]string{"/1 statement-conflict"},
		},
		{
			"XAPI-00326 a refused statement refuses the whole batch",
			"[" + statement(uuid.New()) + "," + statement(uuid.New(), `"result":{"success":1}`) + "]", 400, "",
			[]string{"/1/result/success type"},
		},
	} {
		t.Run(c.rule, func(t *testing.T) {
			a := s.post(t, c.body).want(t, c.status, c.text)
			if got := a.header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("Content-Type: %s", got)
			}
			if diff := cmp.Diff(c.violations, a.violations(t)); c.violations != nil && diff != "" {
				t.Errorf("violations (-want +got):\n%s\n%s", diff, a.body)
			}
			s.stays(t, 1)
		})
	}
	t.Run("a content type that is not taken is 400", func(t *testing.T) {
		for _, contentType := range []string{"", "text/plain", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=", ";;"} {
			s.send(t, "POST", "/statements", statement(uuid.New()), "Content-Type: "+contentType).want(t, 400, "invalid")
		}
		s.stays(t, 1)
	})
	t.Run("a refusal tells nothing of the inside", func(t *testing.T) {
		for _, body := range []string{"{", "[1", `{"actor":`, strings.Repeat("[", 12000)} {
			a := s.post(t, body).want(t, 400, "")
			for _, inside := range []string{"jsontext", "unmarshal", "goroutine", ".go:", "acquis/"} {
				if strings.Contains(a.body, inside) {
					t.Errorf("%q stands in %s", inside, a.body)
				}
			}
		}
	})
}

func TestPutStatement(t *testing.T) {
	s := start(t)
	put := func(t *testing.T, query, body string) answer {
		t.Helper()
		return s.send(t, "PUT", "/statements"+query, body, "Content-Type: application/json")
	}
	id := uuid.New()
	anonymous := strings.Replace(statement(uuid.Nil), `"id":"`+uuid.Nil.String()+`",`, "", 1)
	for _, c := range []struct {
		rule, query, body string
		status            int
		stored            int
	}{
		{"XAPI-00145 the parameter statementId is needed", "", statement(id), 400, 0},
		{"XAPI-00144 the parameter must be a UUID", "?statementId=1", statement(id), 400, 0},
		{"the nil UUID is none", "?statementId=" + uuid.Nil.String(), statement(id), 400, 0},
		{"the id of the statement must be the parameter's", "?statementId=" + uuid.NewString(), statement(id), 400, 0},
		{"an array is refused", "?statementId=" + id.String(), "[" + statement(id) + "]", 400, 0},
		{"XAPI-00325 the parameter's case counts", "?statementid=" + id.String(), statement(id), 400, 0},
		{"XAPI-00324 an unknown parameter is refused", "?statementId=" + id.String() + "&x=1", statement(id), 400, 0},
		{"a repeated parameter is refused", "?statementId=" + id.String() + "&statementId=" + id.String(), statement(id), 400, 0},
		{"XAPI-00143 a statement is stored", "?statementId=" + id.String(), statement(id), 204, 1},
		{"the same again changes nothing", "?statementId=" + id.String(), statement(id), 204, 1},
		{"the same without id changes nothing", "?statementId=" + id.String(), anonymous, 204, 1},
		{"XAPI-00142 another under the id is 409", "?statementId=" + id.String(), statement(id, `"result":{"success":true}`), 409, 1},
		{"a statement without id takes the parameter's", "?statementId=" + strings.Repeat("a", 8) + id.String()[8:], anonymous, 204, 2},
	} {
		t.Run(c.rule, func(t *testing.T) {
			a := put(t, c.query, c.body).want(t, c.status, "")
			if c.status == 204 && a.body != "" {
				t.Errorf("204 with a body: %s", a.body)
			}
			s.stays(t, c.stored)
		})
	}
	t.Run("a conflict names the id", func(t *testing.T) {
		put(t, "?statementId="+id.String(), statement(id, `"result":{"success":true}`)).want(t, 409, id.String())
	})
	t.Run("POST takes no parameter", func(t *testing.T) {
		s.send(t, "POST", "/statements?statementId="+id.String(), statement(id), "Content-Type: application/json").want(t, 400, "unknown-parameter")
	})
}

func TestConcurrentPuts(t *testing.T) {
	s := start(t)
	id := uuid.New()
	var wins sync.Map
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			body := statement(id, fmt.Sprintf(`"result":{"response":"%d"}`, i))
			a := s.send(t, "PUT", "/statements?statementId="+id.String(), body, "Content-Type: application/json")
			if a.status == 204 {
				wins.Store(i, true)
			} else {
				a.want(t, 409, id.String())
			}
		})
	}
	group.Wait()
	t.Run("one of several different statements under one id wins and is served", func(t *testing.T) {
		n := 0
		wins.Range(func(winner, _ any) bool {
			n++
			s.send(t, "GET", "/statements?statementId="+id.String(), "").want(t, 200, fmt.Sprintf(`"response":"%d"`, winner))
			return true
		})
		if n != 1 {
			t.Errorf("%d won", n)
		}
	})
}

func TestRoundTrip(t *testing.T) {
	s := start(t)
	for _, c := range []struct{ rule, version, member string }{
		{"numbers keep their notation", "1.0.3", `"result":{"score":{"scaled":1.0,"raw":1.00e2,"min":-0,"max":1E+2}}`},
		{"huge and tiny numbers stay what they are", "1.0.3", `"result":{"extensions":{"https://e.example/n":[123456789012345678901234567890,1e-400,0.1000]}}`},
		{"the order of keys stays", "1.0.3", `"result":{"success":true,"completion":false,"response":"z","duration":"PT1S"}`},
		{"nulls inside extensions stay", "1.0.3", `"context":{"extensions":{"https://e.example/x":null,"https://e.example/y":{"b":null,"a":[null]}}}`},
		{"escapes stay escaped", "1.0.3", `"result":{"response":"\u00e9\/\u2028 é \ud83d\ude00"}`},
		{"an escaped key stays", "1.0.3", `"result":{"extensions":{"https://e.example/\u00e9":1}}`},
		{"white space stays", "1.0.3", "\"result\" : {\n\t\"success\" :true }"},
		{"a timestamp keeps its zone and digits", "1.0.3", `"timestamp":"2024-02-29T23:59:59.1234567+02:00"`},
		{"an escaped timestamp stays", "1.0.3", `"timestamp":"2024-02-29T23:59:5\u0039Z"`},
		{"a context of 2.0 stays", "2.0.0", `"context":{"contextAgents":[{"objectType":"contextAgent","agent":{"mbox":"mailto:a@example.org"},"relevantTypes":["https://types.example/1"]}]}`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			id := uuid.New()
			sent := statement(id, c.member)
			version := "X-Experience-API-Version: " + c.version
			s.post(t, sent, version).want(t, 200, "")
			got := s.send(t, "GET", "/statements?statementId="+id.String(), "", version).want(t, 200, "").body
			if !strings.HasPrefix(got, strings.TrimSuffix(sent, "}")+",") || !json.Valid([]byte(got)) {
				t.Errorf("sent %s\ngot  %s", sent, got)
			}
		})
	}
}

func TestAssigned(t *testing.T) {
	s := start(t)
	type assigned struct {
		ID, Stored, Timestamp, Version string
		Authority                      struct{ Account struct{ Name string } }
		Context                        struct {
			ContextActivities map[string][]map[string]string
		}
	}
	get := func(t *testing.T, id uuid.UUID, version string) (v assigned) {
		t.Helper()
		body := s.send(t, "GET", "/statements?statementId="+id.String(), "", "X-Experience-API-Version: "+version).want(t, 200, "").body
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		return v
	}
	t.Run("stored and authority are the store's, whatever the client sent", func(t *testing.T) {
		id := uuid.New()
		s.post(t, statement(id, `"stored":"2000-01-01T00:00:00Z"`, `"authority":{"mbox":"mailto:eve@example.org"}`)).want(t, 200, "")
		if v := get(t, id, "1.0.3"); strings.HasPrefix(v.Stored, "2000") || v.Authority.Account.Name != "all" {
			t.Errorf("%+v", v)
		}
	})
	t.Run("an escaped stored is replaced whole", func(t *testing.T) {
		id := uuid.New()
		s.post(t, statement(id, `"stored":"2000-01-01T00:00:0\u0030Z"`, `"result":{"success":true}`)).want(t, 200, "")
		if v := get(t, id, "1.0.3"); strings.HasPrefix(v.Stored, "2000") {
			t.Errorf("%+v", v)
		}
	})
	t.Run("a missing timestamp is stored", func(t *testing.T) {
		id := uuid.New()
		s.post(t, statement(id)).want(t, 200, "")
		if v := get(t, id, "1.0.3"); v.Timestamp != v.Stored {
			t.Errorf("%+v", v)
		}
	})
	t.Run("a lone context activity becomes an array", func(t *testing.T) {
		id := uuid.New()
		s.post(t, statement(id, `"context":{"contextActivities":{"parent":{"id":"https://pages.example/2"}}}`)).want(t, 200, "")
		if v := get(t, id, "1.0.3"); len(v.Context.ContextActivities["parent"]) != 1 {
			t.Errorf("%+v", v)
		}
	})
	for _, c := range []struct{ rule, version, member, want string }{
		{"XAPI-00330 a version that came stays", "1.0.3", `"version":"1.0.1"`, "1.0.1"},
		{"a missing version is 1.0.0 in 1.0.3", "1.0.3", "", "1.0.0"},
		{"a missing version is 2.0.0 in 2.0", "2.0.0", "", "2.0.0"},
	} {
		t.Run(c.rule+" for readers of either version", func(t *testing.T) {
			id := uuid.New()
			body := statement(id)
			if c.member != "" {
				body = statement(id, c.member)
			}
			s.post(t, body, "X-Experience-API-Version: "+c.version).want(t, 200, "")
			for _, reader := range []string{"1.0.3", "2.0.0"} {
				if v := get(t, id, reader); v.Version != c.want {
					t.Errorf("version %q to a reader of %s", v.Version, reader)
				}
			}
		})
	}
	t.Run("a version of 2.0 is refused in 1.0.3", func(t *testing.T) {
		s.post(t, statement(uuid.New(), `"version":"2.0.0"`)).want(t, 400, "/version")
	})
}

func TestVoiding(t *testing.T) {
	s := start(t)
	target, act, ghost, early := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	s.post(t, statement(target)).want(t, 200, "")
	one := func(name string, id uuid.UUID) string { return "/statements?" + name + "=" + id.String() }
	s.send(t, "GET", one("voidedStatementId", target), "").want(t, 404, "")
	s.post(t, voiding(act, target)).want(t, 200, "")
	t.Run("XAPI-00163 a voided statement is found as voided only", func(t *testing.T) {
		s.send(t, "GET", one("statementId", target), "").want(t, 404, "not-found")
		s.send(t, "GET", one("voidedStatementId", target), "").want(t, 200, target.String())
	})
	t.Run("XAPI-00162 the voiding statement is still found", func(t *testing.T) {
		s.send(t, "GET", one("statementId", act), "").want(t, 200, target.String())
		if diff := cmp.Diff([]uuid.UUID{act}, s.page(t, "/statements?agent=%7B%22mbox%22%3A%22mailto%3Aann%40example.org%22%7D").ids(t)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a voiding statement cannot be voided", func(t *testing.T) {
		s.post(t, voiding(uuid.New(), act))
		s.send(t, "GET", one("statementId", act), "").want(t, 200, "")
		s.send(t, "GET", one("voidedStatementId", target), "").want(t, 200, "")
	})
	t.Run("a voiding that comes first holds", func(t *testing.T) {
		s.post(t, voiding(ghost, early)).want(t, 200, "")
		s.post(t, statement(early)).want(t, 200, "")
		s.send(t, "GET", one("statementId", early), "").want(t, 404, "")
		s.send(t, "GET", one("voidedStatementId", early), "").want(t, 200, "")
	})
}

func TestHead(t *testing.T) {
	s := start(t)
	id := uuid.New()
	s.post(t, statement(id)).want(t, 200, "")
	for _, path := range []string{
		"/statements", "/statements?statementId=" + id.String(), "/statements?statementId=" + uuid.NewString(), "/statements?limit=x",
		"/statements?attachments=true",
	} {
		t.Run("XAPI-00125 HEAD is GET without body: "+strings.ReplaceAll(path, id.String(), "known"), func(t *testing.T) {
			get, head := s.send(t, "GET", path, ""), s.send(t, "HEAD", path, "")
			if head.status != get.status || head.body != "" {
				t.Errorf("HEAD %d %q, GET %d", head.status, head.body, get.status)
			}
			for _, name := range []string{"ETag", "Last-Modified", "X-Experience-API-Version"} {
				if head.header.Get(name) != get.header.Get(name) {
					t.Errorf("%s: HEAD %q, GET %q", name, head.header.Get(name), get.header.Get(name))
				}
			}
		})
	}
}
