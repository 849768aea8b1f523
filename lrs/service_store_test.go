package lrs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"acquis/lrs"
)

// writer is a principal who may do everything.
func writer(tb testing.TB) lrs.Principal {
	tb.Helper()
	return lrs.Principal{Source: "a source", Authority: assignment(tb, lrs.V103).Authority, Scopes: lrs.ScopeAll}
}

func TestStoreStatementsPointsToWhatIsWrong(t *testing.T) {
	service, p := openService(t), writer(t)
	withoutFile := changed(t, fullAttachments, "/0/fileUrl", "")
	own := `{` + plainMembers + `,"attachments":` + withoutFile + `}`
	plan := `{` + plainActor + `,` + plainVerb + `,"object":{"objectType":"SubStatement",` + plainMembers + `,"attachments":` + withoutFile + `},"attachments":` + withoutFile + `}`
	for _, c := range []struct {
		name, body string
		id         lrs.ID
		want       []string
	}{
		{"an attachment of one statement", own, uuid.Nil, []string{"/attachments/0 attachment-missing"}},
		{"an attachment of a batch of one", "[" + own + "]", uuid.Nil, []string{"/0/attachments/0 attachment-missing"}},
		{"attachments of a SubStatement and its statement", "[{" + plainMembers + "}," + plan + "]", uuid.Nil, []string{"/1/attachments/0 attachment-missing", "/1/object/attachments/0 attachment-missing"}},
		{"an id that is not the request's", `{"id":"` + someID + `",` + plainMembers + `}`, uuid.MustParse("11111111-2222-4333-8444-555555555555"), []string{"/id put-id"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := service.StoreStatements(t.Context(), p, lrs.StoreRequest{Version: lrs.V103, Body: []byte(c.body), ID: c.id})
			if diff := cmp.Diff(c.want, found(t, err)); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("nothing of it was stored", func(t *testing.T) {
		result, err := service.QueryStatements(t.Context(), p, lrs.StatementFilter{})
		if err != nil || len(result.Statements) != 0 {
			t.Errorf("%v: %s", err, result.Statements)
		}
	})
}

func TestStoreStatementsReplacesStoredHoweverItIsWritten(t *testing.T) {
	service, p := openService(t), writer(t)
	body := `{"stored":"2020-01-01T00:00:00\u005a",` + plainMembers + `}`
	ids, err := service.StoreStatements(t.Context(), p, lrs.StoreRequest{Version: lrs.V103, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	result, err := service.Statement(t.Context(), p, ids[0], false, lrs.Presentation{})
	if err != nil {
		t.Fatal(err)
	}
	if s := decoded(t, string(result.Statements[0]), lrs.V103); strings.HasPrefix(s.Stored, "2020") {
		t.Errorf("stored is the sender's: %s", result.Statements[0])
	}
}

// TestQueryPages walks a store page by page, in both orders, through the tokens of more.
func TestQueryPages(t *testing.T) {
	service, p := openService(t), writer(t)
	for i := range 23 {
		body := fmt.Sprintf(`{"id":"00000000-0000-4000-8000-0000000000%02d",`, i) + plainMembers + `}`
		if _, err := service.StoreStatements(t.Context(), p, lrs.StoreRequest{Version: lrs.V103, Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, ascending := range []bool{true, false} {
		t.Run(fmt.Sprintf("ascending is %v", ascending), func(t *testing.T) {
			limit := 5
			filter := lrs.StatementFilter{Verb: "https://v.example/did", Limit: &limit, Ascending: ascending}
			var got, want []string
			for {
				page, err := service.QueryStatements(t.Context(), p, filter)
				if err != nil || len(page.Statements) > limit {
					t.Fatalf("%d statements: %v", len(page.Statements), err)
				}
				for _, statement := range page.Statements {
					got = append(got, decoded(t, string(statement), lrs.V103).ID.String()[34:])
				}
				if page.More == "" {
					break
				}
				filter = lrs.StatementFilter{More: page.More}
			}
			for i := range 23 {
				if !ascending {
					i = 22 - i
				}
				want = append(want, fmt.Sprintf("%02d", i))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("statements (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOwnStatementsOnly(t *testing.T) {
	service, all := openService(t), writer(t)
	mine := lrs.Principal{Source: "mine", Authority: all.Authority, Scopes: lrs.ScopeStatementsReadMine | lrs.ScopeStatementsWrite}
	ids := map[string]lrs.ID{}
	for name, p := range map[string]lrs.Principal{"theirs": all, "mine": mine} {
		stored, err := service.StoreStatements(t.Context(), p, lrs.StoreRequest{Version: lrs.V103, Body: []byte(`{` + plainMembers + `}`)})
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = stored[0]
	}
	page, err := service.QueryStatements(t.Context(), mine, lrs.StatementFilter{})
	if err != nil || len(page.Statements) != 1 || decoded(t, string(page.Statements[0]), lrs.V103).ID != ids["mine"] {
		t.Errorf("%v: %s", err, page.Statements)
	}
	if _, err := service.Statement(t.Context(), mine, ids["theirs"], false, lrs.Presentation{}); lrs.KindOf(err) != lrs.KindNotFound {
		t.Errorf("another's statement: %v", err)
	}
	if _, err := service.QueryStatements(t.Context(), lrs.Principal{Scopes: lrs.ScopeStatementsWrite}, lrs.StatementFilter{}); lrs.KindOf(err) != lrs.KindForbidden {
		t.Errorf("without a scope to read: %v", err)
	}
}
