package lrs_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"acquis/lrs"
)

// given yields attachments that a test holds.
type given []lrs.Part

func (g *given) Next() (lrs.Part, error) {
	if len(*g) == 0 {
		return lrs.Part{}, io.EOF
	}
	first := (*g)[0]
	*g = (*g)[1:]
	return first, nil
}

func movedID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

func moving(t *testing.T, service *lrs.Service, p lrs.Principal, parts lrs.Parts, statements ...string) []lrs.Moved {
	t.Helper()
	r := lrs.MoveRequest{Version: lrs.V103, Parts: parts}
	for _, s := range statements {
		r.Statements = append(r.Statements, []byte(s))
	}
	moved, err := service.MoveStatements(t.Context(), p, r)
	if err != nil {
		t.Fatal(err)
	}
	return moved
}

func TestMoveStatements(t *testing.T) {
	service, p := openService(t), writer(t)
	said := func(m lrs.Moved) []string {
		if m.Refusal == nil {
			return nil
		}
		var list []string
		for _, v := range m.Refusal.Violations {
			list = append(list, v.Pointer+" "+v.Rule)
		}
		return list
	}
	one := `{"id":"` + movedID(1) + `","stored":"2020-01-01T00:00:00Z","authority":{"mbox":"mailto:lrs@old.example"},` + plainMembers + `}`
	t.Run("what is valid is stored, what is not is refused with every violation", func(t *testing.T) {
		moved := moving(t, service, p, nil, one, `{"id":"x",`+plainActor+`,"verb":{"id":"did"}}`, `{`, `{"id":"`+movedID(2)+`",`+plainMembers+`}`)
		want := [][]string{nil, {"/id uuid", "/verb/id iri", "/object missing-property"}, {" json"}, nil}
		for i, m := range moved {
			got := said(m)
			if len(want[i]) == 0 != (len(got) == 0) || len(got) < len(want[i]) {
				t.Errorf("statement %d: %v, want %v", i, got, want[i])
			}
			if (m.Stored == 0) != (m.Refusal != nil) {
				t.Errorf("statement %d: stored %s, refusal %v", i, m.Stored, m.Refusal)
			}
		}
		if moved[3].Stored <= moved[0].Stored {
			t.Error("the order was not kept")
		}
	})
	t.Run("ids are kept, and what the other store assigned is told", func(t *testing.T) {
		m := moving(t, service, p, nil, one)[0]
		if m.ID.String() != movedID(1) || m.Stored != 0 || m.Refusal != nil {
			t.Errorf("%+v", m)
		}
		if m.Origin.Stored != "2020-01-01T00:00:00Z" || string(m.Origin.Authority) != `{"mbox":"mailto:lrs@old.example"}` {
			t.Errorf("origin %s %s", m.Origin.Stored, m.Origin.Authority)
		}
	})
	t.Run("a different statement under a known id is refused alone", func(t *testing.T) {
		moved := moving(t, service, p, nil, strings.Replace(one, "https://v.example/did", "https://v.example/undid", 1), `{"id":"`+movedID(3)+`",`+plainMembers+`}`)
		if diff := cmp.Diff([]string{"/id statement-conflict"}, said(moved[0])); diff != "" {
			t.Error(diff)
		}
		if moved[1].Stored == 0 {
			t.Error("the other was not stored")
		}
	})
	t.Run("a statement without an id gets the same one each time", func(t *testing.T) {
		without := `{"timestamp":"2026-01-01T00:00:00Z",` + plainMembers + `}`
		first, again := moving(t, service, p, nil, without)[0], moving(t, service, p, nil, without)[0]
		if first.ID != again.ID || first.ID == uuid.Nil || first.Stored == 0 || again.Stored != 0 {
			t.Errorf("%+v, then %+v", first, again)
		}
	})
	t.Run("each statement is judged by the version that it names", func(t *testing.T) {
		second := `{"id":"` + movedID(4) + `","version":"2.0.0",` + plainMembers + `,"context":{"contextAgents":[{"objectType":"contextAgent","agent":{"mbox":"mailto:a@example.org"}}]}}`
		wrong := strings.Replace(strings.Replace(second, movedID(4), movedID(5), 1), `"2.0.0"`, `"1.0.3"`, 1)
		moved := moving(t, service, p, nil, second, wrong)
		if moved[0].Refusal != nil || moved[1].Refusal == nil {
			t.Errorf("%v, %v", moved[0].Refusal, moved[1].Refusal)
		}
	})
	t.Run("attachments come along, and one that is spoilt costs its own statement only", func(t *testing.T) {
		with := func(n int, content string) string {
			return fmt.Sprintf(`{"id":%q,%s,"attachments":[{"usageType":"https://u.example/x","display":{"en":"x"},"contentType":"text/plain","length":%d,"sha2":"%x"}]}`, movedID(n), plainMembers, len(content), sha256.Sum256([]byte(content)))
		}
		part := func(content, claimed string) lrs.Part {
			return lrs.Part{SHA2: fmt.Sprintf("%x", sha256.Sum256([]byte(claimed))), Content: strings.NewReader(content)}
		}
		parts := &given{part("good", "good"), part("spoilt", "bad"), part("unasked", "unasked")}
		moved := moving(t, service, p, parts, with(6, "good"), with(7, "bad"), with(8, "missing"), `{"id":"`+movedID(9)+`",`+plainMembers+`}`)
		want := [][]string{nil, {"/attachments/0 attachment-content"}, {"/attachments/0 attachment-missing"}, nil}
		for i, m := range moved {
			if diff := cmp.Diff(want[i], said(m)); diff != "" {
				t.Errorf("statement %d (-want +got):\n%s", i, diff)
			}
		}
	})
	t.Run("an attachment that the caller has put in already need not come again", func(t *testing.T) {
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte("put before")))
		statement := fmt.Sprintf(`{"id":%q,%s,"attachments":[{"usageType":"https://u.example/x","display":{"en":"x"},"contentType":"text/plain","length":10,"sha2":%q}]}`, movedID(20), plainMembers, sum)
		moved, err := service.MoveStatements(t.Context(), p, lrs.MoveRequest{Version: lrs.V103, Statements: [][]byte{[]byte(statement)}, Kept: []string{sum}})
		if err != nil || moved[0].Stored == 0 {
			t.Errorf("%v %+v", err, moved)
		}
	})
	t.Run("it needs the scope to write", func(t *testing.T) {
		if _, err := service.MoveStatements(t.Context(), lrs.Principal{Scopes: lrs.ScopeStatementsRead}, lrs.MoveRequest{}); lrs.KindOf(err) != lrs.KindForbidden {
			t.Error(err)
		}
	})
}

func TestMoveStatements_rules(t *testing.T) {
	service, p := openService(t), writer(t)
	p.Scopes = lrs.ScopeStatementsWrite
	foreign := writer(t)
	foreign.Source = "another"
	moving(t, service, foreign, nil, `{"id":"`+movedID(1)+`",`+plainMembers+`}`)
	voids := `{"id":"` + movedID(2) + `",` + plainActor + `,"verb":{"id":"` + lrs.VerbVoided + `"},"object":{"objectType":"StatementRef","id":"` + movedID(1) + `"}}`
	moved := moving(t, service, p, nil, voids, `{"id":"`+movedID(3)+`",`+plainMembers+`}`)
	if moved[0].Refusal == nil || moved[0].Refusal.Violations[0].Pointer != "/object/id" || moved[1].Stored == 0 {
		t.Errorf("%+v", moved)
	}
}
