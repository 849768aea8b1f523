package mongostore

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"acquis/internal/mongotest"
	"acquis/lrs"
)

func TestDefinitions_settle_when_nothing_can_come_before_them(t *testing.T) {
	const activity = "https://campus.example/modules/droit"
	s, err := Open(t.Context(), Options{
		URI: mongotest.Database(t), Logger: slog.New(slog.DiscardHandler),
		Heartbeat: 20 * time.Millisecond, Skew: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	record := func() *activityRecord {
		r, err := s.activity(t.Context(), activity)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	want := func(name string) {
		t.Helper()
		got, err := s.ActivityDefinition(t.Context(), activity)
		if err != nil || string(got) != `{"name":{"fr":"`+name+`"}}` {
			t.Fatalf("the definition is %s, %v; want the name %s", got, err, name)
		}
	}
	for _, name := range []string{"Droit", "Droit", "Droit public"} {
		if err := s.AppendStatements(t.Context(), []*lrs.Draft{defining(t, activity, name)}); err != nil {
			t.Fatal(err)
		}
		want(name)
	}
	if record().isSettled() {
		t.Fatal("a definition that was just given is settled")
	}
	for end := time.Now().Add(time.Minute); !record().isSettled(); time.Sleep(50 * time.Millisecond) {
		want("Droit public")
		if time.Now().After(end) {
			t.Fatal("the definition never settles")
		}
	}
	settled := record()
	if err := s.AppendStatements(t.Context(), []*lrs.Draft{defining(t, activity, "Droit public")}); err != nil {
		t.Fatal(err)
	}
	if record().Revision != settled.Revision {
		t.Error("a definition that changes nothing was written")
	}
	want("Droit public")
}

func defining(t *testing.T, activity, name string) *lrs.Draft {
	authority, err := lrs.NewAuthority([]byte(`{"account":{"homePage":"https://acquis.example","name":"pix"}}`))
	if err != nil {
		t.Fatal(err)
	}
	statement, err := lrs.DecodeStatement(fmt.Appendf(nil, `{"id":%q,"actor":{"mbox":"mailto:ada@example.org"},
		"verb":{"id":"http://adlnet.gov/expapi/verbs/completed"},"object":{"id":%q,"definition":{"name":{"fr":%q}}}}`,
		uuid.New(), activity, name), lrs.V103, lrs.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return lrs.Accept(statement, lrs.Assignment{Version: lrs.V103, Source: "pix", Authority: authority, Define: true})
}
