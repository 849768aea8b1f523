package directory_test

import (
	"strings"
	"testing"

	"acquis/hub/directory"
	"acquis/lrs"
)

func TestKeyOf(t *testing.T) {
	d := newHouse(t).directory
	for name, c := range map[string]struct {
		ifi  lrs.IFI
		want directory.Key
	}{
		"a mail address without its scheme, the domain in lower case": {
			lrs.IFI{Kind: lrs.Mbox, Value: "mailto:Ann.B@Ministere-Exemple.example"},
			directory.Key{Kind: directory.Mbox, Value: "Ann.B@ministere-exemple.example"},
		},
		"a digest in lower case": {
			lrs.IFI{Kind: lrs.MboxSHA1Sum, Value: strings.Repeat("AB", 20)},
			directory.Key{Kind: directory.MboxSHA1Sum, Value: strings.Repeat("ab", 20)},
		},
		"an OpenID as it is": {
			lrs.IFI{Kind: lrs.OpenID, Value: "https://id.example/Ann"},
			directory.Key{Kind: directory.OpenID, Value: "https://id.example/Ann"},
		},
		"an account with its home page": {
			lrs.IFI{Kind: lrs.Account, Value: "7", HomePage: "https://pix.example"},
			directory.Key{Kind: directory.Account, Value: "7", HomePage: "https://pix.example"},
		},
	} {
		t.Run("it is "+name, func(t *testing.T) {
			got, ok := directory.KeyOf(lrs.Actor{IFI: c.ifi})
			if !ok || got != c.want {
				t.Fatalf("%+v, %v", got, ok)
			}
			back, ok := got.IFI()
			if !ok || lrs.IFITerm(lrs.TermAgent, back) != lrs.IFITerm(lrs.TermAgent, c.ifi) {
				t.Errorf("its statements are looked for as %+v", back)
			}
		})
	}
	t.Run("groups and the anonymous have none", func(t *testing.T) {
		for _, a := range []lrs.Actor{{}, {Group: true, IFI: lrs.IFI{Kind: lrs.Mbox, Value: "mailto:a@example.org"}}} {
			if k, ok := directory.KeyOf(a); ok {
				t.Errorf("%+v has the key %+v", a, k)
			}
		}
	})
	t.Run("an alias id is 26 characters, and different keys have different ones", func(t *testing.T) {
		ids := map[string]directory.Key{}
		for _, k := range []directory.Key{
			{Kind: directory.Account, Value: "ab", HomePage: "c"},
			{Kind: directory.Account, Value: "a", HomePage: "cb"},
			{Kind: directory.Subject, Value: "ab", HomePage: "c"},
			{Kind: directory.Mbox, Value: "ab"},
			{Kind: directory.OpenID, Value: "ab"},
		} {
			id := string(d.AliasID(k))
			if other, taken := ids[id]; taken || len(id) != 26 || id != strings.ToLower(id) {
				t.Errorf("%+v has %q, as %+v", k, id, other)
			}
			ids[id] = k
		}
	})
	t.Run("an alias id is of its store: another has other ids", func(t *testing.T) {
		k := directory.Key{Kind: directory.Mbox, Value: "a@example.org"}
		if d.AliasID(k) == newHouse(t).directory.AliasID(k) {
			t.Error("two stores digest alike")
		}
	})
}
