package main

import (
	"errors"
	"strings"
	"testing"

	"acquis/access"
	"acquis/lrs"
)

func TestShippedContractsCanBeUsed(t *testing.T) {
	shipped, err := shippedContracts()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, s := range shipped {
		ids = append(ids, s.ID())
		if _, err := compileContract(s.Body); err != nil {
			t.Errorf("%s: %v", s.ID(), err)
		}
	}
	if want := "attendance@1.0 in-house@1.0 openclassrooms@1.0 pix@1.0"; strings.Join(ids, " ") != want {
		t.Errorf("%s, not %s", ids, want)
	}
}

func TestContractsSpeakTheStoresLanguage(t *testing.T) {
	t.Run("a judge names the place, the rule and the contract", func(t *testing.T) {
		judge := compiledContract(t, `{"x-contract": {"name": "campus", "version": "2"}, "required": ["id"]}`)
		got := judge.Judge([]byte(`{}`))
		if len(got) != 1 || got[0].Rule != "required" || got[0].Section != "campus 2" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a statement without faults has no violations", func(t *testing.T) {
		if got := compiledContract(t, `{}`).Judge([]byte(`{}`)); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a refused schema is a request that can be mended", func(t *testing.T) {
		_, err := compileContract([]byte(`{"pattern": "(a+)+"}`))
		var refused *lrs.Error
		if !errors.As(err, &refused) || refused.Kind != lrs.KindInvalid || len(refused.Violations) != 1 || refused.Violations[0].Pointer != "/schema/pattern" {
			t.Errorf("%v", err)
		}
	})
}

func compiledContract(t *testing.T, document string) access.SchemaJudge {
	t.Helper()
	judge, err := compileContract([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return judge
}
