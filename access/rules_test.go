package access_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/access"
	"acquis/lrs"
)

const (
	ann    = `"actor":{"mbox":"mailto:ann@example.org"}`
	did    = `"verb":{"id":"https://pix.fr/did"}`
	task   = `"object":{"id":"https://pix.fr/task/1"}`
	voided = `"verb":{"id":"http://adlnet.gov/expapi/verbs/voided"},"object":{"objectType":"StatementRef","id":"00000000-0000-4000-8000-000000000001"}`
)

func TestRules(t *testing.T) {
	h := newHouse(t)
	for i, c := range []struct {
		name      string
		source    access.Source
		version   lrs.Version
		statement string
		want      []string // weight and pointer
	}{
		{"a source without rules sends anything but voidings", access.Source{}, lrs.V200, ann + "," + did + "," + task, nil},
		{"a voiding is withheld", access.Source{}, lrs.V200, ann + "," + voided, []string{"3 0 /verb/id"}},
		{"a source that may void does", access.Source{MayVoid: true, Verbs: []string{"https://pix.fr/did"}}, lrs.V200, ann + "," + voided, nil},
		{"a version that was not agreed is refused, once for all", access.Source{Versions: []lrs.Version{lrs.V103}}, lrs.V200, ann + "," + did + "," + task, []string{"2 -1 "}},
		{"a verb that was agreed is taken", access.Source{Verbs: []string{"https://pix.fr/did"}}, lrs.V103, ann + "," + did + "," + task, nil},
		{"another verb is refused", access.Source{Verbs: []string{"https://pix.fr/done"}}, lrs.V103, ann + "," + did + "," + task, []string{"2 0 /verb/id"}},
		{"an activity below a prefix is taken", access.Source{ActivityPrefixes: []string{"https://pix.fr/"}}, lrs.V103, ann + "," + did + "," + task, nil},
		{"another activity is refused", access.Source{ActivityPrefixes: []string{"https://pix.fr/x"}}, lrs.V103, ann + "," + did + "," + task, []string{"2 0 /object/id"}},
		{"an actor of an agreed form is taken", access.Source{ActorForms: []string{"account", "mbox"}}, lrs.V103, ann + "," + did + "," + task, nil},
		{"another form is refused", access.Source{ActorForms: []string{"account"}}, lrs.V103, ann + "," + did + "," + task, []string{"2 0 /actor/mbox"}},
		{
			"of an anonymous group the members count",
			access.Source{ActorForms: []string{"account"}},
			lrs.V103,
			`"actor":{"objectType":"Group","member":[{"account":{"homePage":"https://a.example","name":"1"}},{"mbox":"mailto:ann@example.org"}]},` + did + "," + task,
			[]string{"2 0 /actor/member/1/mbox"},
		},
		{
			"a statement within a statement is judged too",
			access.Source{Verbs: []string{"https://pix.fr/did"}, ActivityPrefixes: []string{"https://pix.fr/"}, ActorForms: []string{"mbox"}},
			lrs.V103,
			ann + "," + did + `,"object":{"objectType":"SubStatement","actor":{"openid":"https://a.example"},"verb":{"id":"https://else.example/did"},"object":{"id":"https://else.example/1"}}`,
			[]string{"2 0 /object/verb/id", "2 0 /object/actor/openid", "2 0 /object/object/id"},
		},
		{"a schema in report mode notes", access.Source{Schemas: []access.SchemaUse{{Name: "shipped", Version: "1", Mode: access.Report}}}, lrs.V103, ann + "," + did + "," + task, []string{"1 0 /result"}},
		{"one in enforce mode refuses", access.Source{Schemas: []access.SchemaUse{{Name: "shipped", Version: "1", Mode: access.Enforce}}}, lrs.V103, ann + "," + did + "," + task, []string{"2 0 /result"}},
		{"one that is not about the statement says nothing", access.Source{Schemas: []access.SchemaUse{{Name: "shipped", Version: "1", Mode: access.Enforce}}}, lrs.V103, ann + `,"verb":{"id":"https://pix.fr/saw"},` + task, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.source.Name = fmt.Sprintf("source-%d", i)
			h.source(t, c.source)
			k, secret := h.credential(t, access.Credential{Source: c.source.Name, Scopes: lrs.ScopeStatementsWrite})
			s, err := lrs.DecodeStatement([]byte("{"+c.statement+"}"), c.version, lrs.Limits{})
			must(t, err)
			var got []string
			for _, o := range h.knows(t, access.Presented{Key: k.Key, Secret: secret}).Rules.Judge(c.version, []*lrs.Statement{s}) {
				got = append(got, fmt.Sprintf("%d %d %s", o.Weight, o.Statement, o.Pointer))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
