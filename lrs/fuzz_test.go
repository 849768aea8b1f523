package lrs_test

import (
	"testing"

	"acquis/lrs"
)

// FuzzDecodeStatement holds that no bytes make decoding panic or change, that a refusal says why,
// and that what is accepted can be read again and is the same statement.
func FuzzDecodeStatement(f *testing.F) {
	for _, version := range []lrs.Version{lrs.V103, lrs.V200} {
		for _, text := range corpus(version) {
			f.Add(version == lrs.V200, []byte(text))
		}
	}
	for _, body := range []string{"", "[]", "{", `{"object":{"objectTyp\u0065":"Agent"}}`, "\ufeff{}", `{"actor":{"member":[{"member":[{}]}]}}`, `{"stored":"2020-01-01T00:00:00\u005a"}`} {
		f.Add(true, []byte(body))
	}
	limits := lrs.Limits{Batch: 3, Statement: 4096, Depth: 20}
	f.Fuzz(func(t *testing.T, two bool, body []byte) {
		version := lrs.V103
		if two {
			version = lrs.V200
		}
		received := string(body)
		statements, _, err := lrs.DecodeStatements(body, version, limits)
		if string(body) != received {
			t.Fatal("the body changed")
		}
		if lrs.KindOf(err) == lrs.KindTooLarge {
			return
		}
		if err != nil {
			violationsOf(t, err)
			return
		}
		for _, s := range statements {
			draft := lrs.Accept(s, assignment(t, version))
			sealed := draft.Seal(someStored)
			if same, err := draft.SameAsStored(sealed); err != nil || !same {
				t.Fatalf("%v %v: accepted as %s", same, err, sealed)
			}
			again, err := lrs.DecodeStatement(sealed, version, lrs.Limits{})
			if err != nil || !lrs.Equal(s, again, version) || !lrs.Equal(again, s, version) {
				t.Fatalf("%v: served as another statement: %s", err, sealed)
			}
			if len(lrs.Terms(again, "x")) == 0 {
				t.Fatal("no terms")
			}
		}
	})
}
