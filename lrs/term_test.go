package lrs_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"acquis/lrs"
)

// termNames spells the terms of the people and things that the tests speak of.
func termNames(tb testing.TB) map[lrs.Term]string {
	tb.Helper()
	names := map[lrs.Term]string{}
	for i := range 20 {
		ifi := lrs.IFI{Kind: lrs.Mbox, Value: fmt.Sprintf("mailto:p%d@a.fr", i)}
		names[lrs.IFITerm(lrs.TermAgent, ifi)] = fmt.Sprintf("agent p%d", i)
		names[lrs.IFITerm(lrs.TermRelatedAgent, ifi)] = fmt.Sprintf("related p%d", i)
		names[lrs.AuthorityTerm(lrs.Actor{IFI: ifi})] = fmt.Sprintf("authority p%d", i)
		iri := fmt.Sprintf("urn:%d", i)
		names[lrs.IRITerm(lrs.TermVerb, iri)] = "verb " + iri
		names[lrs.IRITerm(lrs.TermActivity, iri)] = "activity " + iri
		names[lrs.IRITerm(lrs.TermRelatedActivity, iri)] = "related " + iri
		id := uuid.UUID{15: byte(i), 6: 0x40, 8: 0x80}
		names[lrs.IDTerm(lrs.TermRegistration, id)] = fmt.Sprintf("registration %d", i)
		names[lrs.IDTerm(lrs.TermTarget, id)] = fmt.Sprintf("target %d", i)
	}
	names[lrs.SourceTerm("pix")] = "source pix"
	return names
}

// mail is the Agent whose number stands in the names of terms.
func mail(i int) string { return fmt.Sprintf(`{"mbox":"mailto:p%d@a.fr"}`, i) }

func crew(members ...int) string {
	var list []string
	for _, i := range members {
		list = append(list, mail(i))
	}
	return `{"objectType":"Group","member":[` + strings.Join(list, ",") + `]}`
}

func TestTerms(t *testing.T) {
	names := termNames(t)
	const (
		did        = `"verb":{"id":"urn:1"}`
		id3        = "00000000-0000-4000-8000-000000000003"
		id4        = "00000000-0000-4000-8000-000000000004"
		activities = `"contextActivities":{"parent":{"id":"urn:11"},"grouping":[{"id":"urn:12"},{"id":"urn:2"}],"category":[{"id":"urn:13"}],"other":[{"id":"urn:14"}]}`
	)
	context := `"context":{"registration":"` + id3 + `","instructor":` + mail(5) + `,"team":{"objectType":"Group","mbox":"mailto:p6@a.fr","member":[` + mail(7) + `]},"statement":{"objectType":"StatementRef","id":"` + id4 + `"},` + activities +
		`,"contextAgents":[{"objectType":"contextAgent","agent":` + mail(8) + `}],"contextGroups":[{"objectType":"contextGroup","group":` + crew(9) + `}]}`
	contextTerms := []string{"related p5", "related p6", "related p7", "related p8", "related p9", "related urn:11", "related urn:12", "related urn:13", "related urn:14", "related urn:2"}
	for _, c := range []struct {
		name, statement string
		want            []string
	}{
		{
			"an actor, a verb and an activity", `{"actor":` + mail(1) + `,` + did + `,"object":{"id":"urn:2"}}`,
			[]string{"agent p1", "related p1", "verb urn:1", "activity urn:2", "related urn:2", "source pix"},
		},
		{
			"a mail domain counts without case", `{"actor":{"mbox":"mailto:p1@A.Fr"},` + did + `,"object":{"id":"urn:2"}}`,
			[]string{"agent p1", "related p1", "verb urn:1", "activity urn:2", "related urn:2", "source pix"},
		},
		{
			"an Agent as object is an agent", `{"actor":` + mail(1) + `,` + did + `,"object":{"objectType":"Agent","mbox":"mailto:p2@a.fr"}}`,
			[]string{"agent p1", "related p1", "agent p2", "related p2", "verb urn:1", "source pix"},
		},
		{
			"members are agents, of the actor and of the object, the group too when it has a name of its own", `{"actor":{"objectType":"Group","mbox":"mailto:p3@a.fr","member":[` + mail(1) + `]},` + did + `,"object":` + crew(1, 2) + `}`,
			[]string{"agent p1", "related p1", "agent p2", "related p2", "agent p3", "related p3", "verb urn:1", "source pix"},
		},
		{
			"a context's people and activities are related", `{"actor":` + mail(1) + `,` + did + `,"object":{"id":"urn:2"},` + context + `}`,
			slices.Concat([]string{"agent p1", "related p1", "verb urn:1", "activity urn:2", "source pix", "registration 3"}, contextTerms),
		},
		{
			"all of a SubStatement is related, its verb and registration are not", `{"actor":` + mail(1) + `,` + did + `,"object":{"objectType":"SubStatement","actor":` + crew(2, 3) + `,"verb":{"id":"urn:9"},"object":{"id":"urn:4"},` + context + `}}`,
			slices.Concat([]string{"agent p1", "related p1", "related p2", "related p3", "verb urn:1", "related urn:4", "source pix"}, contextTerms),
		},
		{
			"an Agent as object of a SubStatement is related", `{"actor":` + mail(1) + `,` + did + `,"object":{"objectType":"SubStatement","actor":` + mail(2) + `,"verb":{"id":"urn:9"},"object":{"objectType":"Agent","mbox":"mailto:p3@a.fr"}}}`,
			[]string{"agent p1", "related p1", "related p2", "related p3", "verb urn:1", "source pix"},
		},
		{
			"a StatementRef is a target", `{"actor":` + mail(1) + `,` + did + `,"object":{"objectType":"StatementRef","id":"` + id4 + `"}}`,
			[]string{"agent p1", "related p1", "verb urn:1", "target 4", "source pix"},
		},
		{
			"a StatementRef in a SubStatement is none", `{"actor":` + mail(1) + `,` + did + `,"object":{"objectType":"SubStatement","actor":` + mail(1) + `,"verb":{"id":"urn:9"},"object":{"objectType":"StatementRef","id":"` + id4 + `"}}}`,
			[]string{"agent p1", "related p1", "verb urn:1", "source pix"},
		},
		{
			"an authority is related, and a scope", `{"actor":` + mail(1) + `,` + did + `,"object":{"id":"urn:2"},"authority":` + mail(7) + `}`,
			[]string{"agent p1", "related p1", "verb urn:1", "activity urn:2", "related urn:2", "source pix", "related p7", "authority p7"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			terms := lrs.Terms(decoded(t, c.statement, lrs.V200), "pix")
			var got []string
			for _, term := range terms {
				got = append(got, names[term])
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("terms (-want +got):\n%s", diff)
			}
			if !slices.IsSortedFunc(terms, func(a, b lrs.Term) int { return bytes.Compare(a[:], b[:]) }) {
				t.Error("the terms are not sorted")
			}
		})
	}
}

func TestTermKinds(t *testing.T) {
	t.Run("filter terms are inherited, scopes and targets are not", func(t *testing.T) {
		for kind := lrs.TermTarget; kind <= lrs.TermSource; kind++ {
			term := lrs.IRITerm(kind, "urn:x")
			want := kind != lrs.TermTarget && kind != lrs.TermAuthority && kind != lrs.TermSource
			if term.Kind() != kind || term.Inheritable() != want {
				t.Errorf("kind %d: %d, inheritable %v", kind, term.Kind(), term.Inheritable())
			}
		}
	})
	t.Run("an identifier's kind and home page count", func(t *testing.T) {
		seen := map[lrs.Term]lrs.IFI{}
		for _, ifi := range []lrs.IFI{
			{Kind: lrs.Mbox, Value: "x"},
			{Kind: lrs.OpenID, Value: "x"},
			{Kind: lrs.MboxSHA1Sum, Value: "x"},
			{Kind: lrs.Account, Value: "x"},
			{Kind: lrs.Account, Value: "x", HomePage: "y"},
			{Kind: lrs.Account, Value: "y", HomePage: "x"},
			{Kind: lrs.Account, Value: "X", HomePage: "y"},
			{Kind: lrs.Account, Value: "xy"},
		} {
			term := lrs.IFITerm(lrs.TermAgent, ifi)
			if other, twice := seen[term]; twice {
				t.Errorf("%+v and %+v share a term", ifi, other)
			}
			seen[term] = ifi
		}
	})
	t.Run("case counts where the specification says so", func(t *testing.T) {
		term := func(kind lrs.IFIKind, value string) lrs.Term {
			return lrs.IFITerm(lrs.TermAgent, lrs.IFI{Kind: kind, Value: value})
		}
		if term(lrs.Mbox, "mailto:a@B.fr") != term(lrs.Mbox, "mailto:a@b.FR") || term(lrs.Mbox, "mailto:A@b.fr") == term(lrs.Mbox, "mailto:a@b.fr") {
			t.Error("of a mail address, the domain alone is without case")
		}
		if term(lrs.MboxSHA1Sum, "AB") != term(lrs.MboxSHA1Sum, "ab") || term(lrs.OpenID, "urn:A") == term(lrs.OpenID, "urn:a") {
			t.Error("hexadecimal digits are without case, an OpenID is not")
		}
	})
	t.Run("an authority of two is itself in either order", func(t *testing.T) {
		group := func(json string) lrs.Term {
			a, err := lrs.NewAuthority([]byte(`{"objectType":"Group","member":[` + json + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			return lrs.AuthorityTerm(a.Actor)
		}
		account := `{"account":{"homePage":"urn:h","name":"n"}}`
		if group(account+","+mail(1)) != group(mail(1)+","+account) || group(account+","+mail(1)) == group(account+","+mail(2)) {
			t.Error("the order counts, or the user does not")
		}
	})
	t.Run("a value longer than the buffer has a term", func(t *testing.T) {
		long := "urn:" + strings.Repeat("x", 1000)
		if lrs.IRITerm(lrs.TermVerb, long) == lrs.IRITerm(lrs.TermVerb, long+"y") {
			t.Error("they share a term")
		}
	})
}

func TestTargetOf(t *testing.T) {
	if id := lrs.TargetOf(decoded(t, fullStatements("1.0.3")[2], lrs.V103)); id.String() != someID {
		t.Errorf("the target is %s", id)
	}
	for _, text := range []string{fullStatements("1.0.3")[0], fullStatements("1.0.3")[3]} {
		if id := lrs.TargetOf(decoded(t, text, lrs.V103)); id != uuid.Nil {
			t.Errorf("the target is %s", id)
		}
	}
}
