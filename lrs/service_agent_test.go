package lrs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/lrs"
)

func TestServicePerson(t *testing.T) {
	service, ctx := openService(t), t.Context()
	authority, err := lrs.NewAuthority([]byte(`{"mbox":"mailto:lrs@a.fr"}`))
	if err != nil {
		t.Fatal(err)
	}
	all := lrs.Principal{Source: "a", Authority: authority, Scopes: lrs.ScopeAll}
	var batch []string
	for i := range 102 {
		batch = append(batch, fmt.Sprintf(`{"actor":{"name":"n%d","mbox":"mailto:ada@A.fr"},"verb":{"id":"https://v.example/v"},"object":{"id":"https://a.example/a"}}`, i))
	}
	if _, err := service.StoreStatements(ctx, all, lrs.StoreRequest{Version: lrs.V103, Body: []byte("[" + strings.Join(batch, ",") + "]")}); err != nil {
		t.Fatal(err)
	}
	agent, err := lrs.DecodeAgent([]byte(`{"name":"Ada","mbox":"mailto:ada@a.fr"}`))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the latest 100 statements are searched, after the name asked by", func(t *testing.T) {
		want := []string{"Ada"}
		for i := 101; i > 1; i-- {
			want = append(want, fmt.Sprintf("n%d", i))
		}
		person, err := service.Person(ctx, all, *agent)
		if diff := cmp.Diff(want, person.Name); diff != "" || err != nil {
			t.Error(err, diff)
		}
	})
	t.Run("another source, that reads its own only, learns nothing", func(t *testing.T) {
		person, err := service.Person(ctx, lrs.Principal{Source: "b", Scopes: lrs.ScopeStatementsReadMine}, *agent)
		if diff := cmp.Diff(lrs.Person{Name: []string{"Ada"}, Mbox: []string{"mailto:ada@a.fr"}}, person); diff != "" || err != nil {
			t.Error(err, diff)
		}
	})
}
