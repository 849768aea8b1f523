package lrs

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/text/language"
)

const shownStatement = `{"id":"7ccd3322-e1a5-411a-a67d-6a735c76f119", "actor":{"name":"Crew","objectType":"Group","member":[{"name":"Ann","mbox":"mailto:ann@a.fr"},{"openid":"urn:o","objectType":"Agent"}]},` +
	`"verb":{"display":{"fr":"fait","en-GB":"did"},"id":"urn:\u0076"},` +
	`"object":{"objectType":"SubStatement","actor":{"account":{"name":"n\"","homePage":"urn:h"},"name":"x"},"verb":{"id":"urn:w"},"object":{"id":"urn:a","definition":{"name":{"en":"A","de":"B"}}},` +
	`"context":{"contextActivities":{"parent":[{"id":"urn:p","definition":{"type":"urn:t"}}]},"team":{"objectType":"Group","name":"T","mbox_sha1sum":"ebd31e95054c018b10727ccffd2ef2ec3a016ee9","member":[]}}},` +
	`"context":{"instructor":{"name":"I","mbox":"mailto:i@a.fr"},"extensions":{"urn:x":1.50},"contextAgents":[{"objectType":"contextAgent","agent":{"mbox":"mailto:c@a.fr","name":"C"}}]},` +
	`"result":{"score":{"raw":1.0}},"authority":{"name":"Key","account":{"homePage":"urn:h","name":"k"}},"stored":"2026-01-31T09:30:00.000000Z"}`

func noDefinition(string) (RawJSON, error) { return nil, nil }

func TestFormatExact(t *testing.T) {
	shown, err := formatter{format: FormatExact}.apply([]byte("no JSON, not looked at"))
	if err != nil || string(shown) != "no JSON, not looked at" {
		t.Errorf("%s %v", shown, err)
	}
}

func TestFormatIDs(t *testing.T) {
	want := `{"id":"7ccd3322-e1a5-411a-a67d-6a735c76f119", "actor":{"objectType":"Group","member":[{"objectType":"Agent","mbox":"mailto:ann@a.fr"},{"objectType":"Agent","openid":"urn:o"}]},` +
		`"verb":{"id":"urn:v"},` +
		`"object":{"objectType":"SubStatement","actor":{"objectType":"Agent","account":{"homePage":"urn:h","name":"n\""}},"verb":{"id":"urn:w"},"object":{"id":"urn:a"},` +
		`"context":{"contextActivities":{"parent":[{"id":"urn:p"}]},"team":{"objectType":"Group","mbox_sha1sum":"ebd31e95054c018b10727ccffd2ef2ec3a016ee9"}}},` +
		`"context":{"instructor":{"objectType":"Agent","mbox":"mailto:i@a.fr"},"extensions":{"urn:x":1.50},"contextAgents":[{"objectType":"contextAgent","agent":{"objectType":"Agent","mbox":"mailto:c@a.fr"}}]},` +
		`"result":{"score":{"raw":1.0}},"authority":{"objectType":"Agent","account":{"homePage":"urn:h","name":"k"}},"stored":"2026-01-31T09:30:00.000000Z"}`
	stored := []byte(shownStatement)
	shown, err := formatter{format: FormatIDs, definition: noDefinition}.apply(stored)
	if err != nil || string(shown) != want {
		t.Errorf("%v, shown as\n%s, want\n%s", err, shown, want)
	}
	if string(stored) != shownStatement {
		t.Error("the stored bytes changed")
	}
	if _, err := DecodeStatement(shown, V200, Limits{}); err != nil {
		t.Errorf("what is shown is no statement: %v", err)
	}
}

func TestFormatCanonical(t *testing.T) {
	definitions := map[string]RawJSON{
		"urn:a": RawJSON(`{"name":{"en":"Canonical","de-AT":"Kanonisch"},"type":"urn:t","interactionType":"choice","choices":[{"id":"1","description":{"en":"One","de":"Eins"}},{"id":"2"}],"extensions":{"urn:x":{"en":1,"de":2}}}`),
	}
	f := formatter{
		format: FormatCanonical, languages: []language.Tag{language.German},
		definition: func(activity string) (RawJSON, error) { return definitions[activity], nil },
	}
	want := strings.NewReplacer(
		`{"display":{"fr":"fait","en-GB":"did"},"id":"urn:\u0076"}`, `{"id":"urn:v","display":{"fr":"fait"}}`,
		`{"id":"urn:a","definition":{"name":{"en":"A","de":"B"}}}`, `{"objectType":"Activity","id":"urn:a","definition":{"name":{"de-AT":"Kanonisch"},"type":"urn:t","interactionType":"choice","choices":[{"id":"1","description":{"de":"Eins"}},{"id":"2"}],"extensions":{"urn:x":{"en":1,"de":2}}}}`,
		`{"id":"urn:p","definition":{"type":"urn:t"}}`, `{"objectType":"Activity","id":"urn:p","definition":{"type":"urn:t"}}`,
	).Replace(shownStatement)
	shown, err := f.apply([]byte(shownStatement))
	if err != nil || string(shown) != want {
		t.Errorf("%v, shown as\n%s, want\n%s", err, shown, want)
	}
	t.Run("a definition that cannot be had is an error", func(t *testing.T) {
		failed := errors.New("the store failed")
		f.definition = func(string) (RawJSON, error) { return nil, failed }
		if _, err := f.apply([]byte(shownStatement)); !errors.Is(err, failed) {
			t.Errorf("%v", err)
		}
	})
	t.Run("a damaged definition is an error", func(t *testing.T) {
		for _, damaged := range []string{`[]`, `{"name":1,`, `{"name":["en"]}`, `{"choices":[1]}`, `{"choices":[{"description":"x"}]}`} {
			f.definition = func(string) (RawJSON, error) { return RawJSON(damaged), nil }
			if shown, err := f.apply([]byte(shownStatement)); err == nil {
				t.Errorf("%s: shown as %s", damaged, shown)
			}
		}
	})
	t.Run("a damaged statement is an error", func(t *testing.T) {
		if _, err := f.apply([]byte(`{`)); err == nil {
			t.Error("shown")
		}
	})
}

func TestFormatChoosesALanguage(t *testing.T) {
	for _, c := range []struct{ name, accept, languages, want string }{
		{"the first when the reader says nothing", "", `{"fr":"F","en":"E"}`, `{"fr":"F"}`},
		{"the wanted one", "en", `{"fr":"F","en":"E"}`, `{"en":"E"}`},
		{"a region stands for its language", "en", `{"fr":"F","en-GB":"E"}`, `{"en-GB":"E"}`},
		{"a language stands for its region", "pt-BR", `{"fr":"F","pt":"P"}`, `{"pt":"P"}`},
		{"the best by quality", "fr;q=0.2, de;q=0.9, en;q=0.5", `{"fr":"F","en":"E","de":"D"}`, `{"de":"D"}`},
		{"the next best when the best lacks", "it, fr;q=0.2, en;q=0.5", `{"fr":"F","en":"E","de":"D"}`, `{"en":"E"}`},
		{"the first when none suits", "ja", `{"fr":"F","en":"E"}`, `{"fr":"F"}`},
		{"a script is kept apart", "zh-Hant", `{"zh-Hans":"S","zh-Hant":"T"}`, `{"zh-Hant":"T"}`},
		{"the only one, whatever is wanted", "ja", `{ "fr" : "F" }`, `{ "fr" : "F" }`},
		{"none stays none", "ja", `{}`, `{}`},
		{"tags that nobody registered are passed over", "en", `{"abcdefgh":"X","en":"E"}`, `{"en":"E"}`},
		{"the first of tags that nobody registered", "en", `{"abcdefgh":"X","abcdefgi":"Y"}`, `{"abcdefgh":"X"}`},
		{"anything will do", "*", `{"fr":"F","en":"E"}`, `{"fr":"F"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			wanted, _, err := language.ParseAcceptLanguage(c.accept)
			if err != nil {
				t.Fatal(err)
			}
			got, err := formatter{languages: wanted}.oneLanguage(RawJSON(c.languages))
			if err != nil || string(got) != c.want {
				t.Errorf("%s %v, want %s", got, err, c.want)
			}
		})
	}
}
