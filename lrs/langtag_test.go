package lrs

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var goodTags = []string{
	"en", "fr-FR", "EN-us", "tlh", "ase", "zh-Hant", "zh-Hans-CN", "sr-Latn-RS", "sr-Cyrl", "es-419",
	"en-t-en-m0-ungegn", "x-private", "x-a-b-c", "en-x-a", "de-DE-u-co-phonebk", "en-a-bbb-x-a-ccc",
	"zh-cmn-Hans-CN", "zh-min-nan", "zh-yue-yue-yue", "art-lojban", "cel-gaulish", "no-bok",
	"abcd", "abcdefgh", "en-1-bb", "qaa-Qaaa-QM-x-southern", "sl-nedis", "und", "en-abcd-12345",
	"de-CH-1901", "ar-a-aaa-b-bbb-a1",
}

var badTags = map[string]string{
	"":                      "empty",
	"fr_FR":                 "hyphen",
	"a12345678":             "2 to 8 letters",
	"a12345":                "2 to 8 letters",
	"a":                     "2 to 8 letters",
	"abcdefghi":             "2 to 8 letters",
	"e1":                    "2 to 8 letters",
	"é":                     "2 to 8 letters",
	"i-unknown":             "2 to 8 letters",
	"en-":                   `part ""`,
	"-en":                   "2 to 8 letters",
	"en--US":                `part ""`,
	"en-something-AU":       `part "something"`,
	"zh-something-ccc":      `part "something"`,
	"en-US-Latn":            `part "Latn"`,
	"en-US-GB":              `part "GB"`,
	"abcd-yue":              `part "yue"`,
	"zh-yue-yue-yue-yue":    `part "yue"`,
	"en-variant-US":         `part "US"`,
	"de-1901-1901":          `variant "1901" stands twice`,
	"sl-rozaj-1994-ROZAJ":   `variant "ROZAJ" stands twice`,
	"en-a-bbb-a-ccc":        `extension "a" stands twice`,
	"en-a-bbb-A-ccc":        `extension "A" stands twice`,
	"en-a":                  `after the extension "a"`,
	"en-a-b":                `after the extension "a"`,
	"en-a-":                 `after the extension "a"`,
	"en-x":                  "after x",
	"x":                     "after x",
	"x-":                    "after x",
	"x-123456789":           "after x",
	"x-a-":                  "after x",
	"en-u-co-phonebookname": `part "phonebookname"`,
	"en-a1-bb":              `part "a1"`,
	"en US":                 "2 to 8 letters",
	"en-é":                  `part "é"`,
}

func TestLanguageTag(t *testing.T) {
	t.Run("XAPI-00121 well-formed tags are accepted, everything else is refused with its reason", func(t *testing.T) {
		checkAll(t, CheckLanguageTag, goodTags, badTags)
	})
	t.Run("grandfathered tags are accepted in any case", func(t *testing.T) {
		for _, tag := range []string{"i-klingon", "I-KLINGON", "i-default", "en-GB-oed", "SGN-be-fr"} {
			if err := CheckLanguageTag(tag); err != nil {
				t.Errorf("%q %v", tag, err)
			}
		}
	})
	t.Run("different variants may follow each other", func(t *testing.T) {
		for _, tag := range []string{"sl-rozaj-biske", "sl-rozaj-biske-1994", "sl-IT-nedis-1994-x-y"} {
			if err := CheckLanguageTag(tag); err != nil {
				t.Errorf("%q %v", tag, err)
			}
		}
	})
}

// tagGrammar is langtag and privateuse of RFC 5646, 2.1, which do not know of repetitions.
var tagGrammar = regexp.MustCompile(`(?i)^(?:(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?` +
	`(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[0-9a-wyz](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?|x(?:-[a-z0-9]{1,8})+)$`)

func FuzzLanguageTag(f *testing.F) {
	for _, s := range goodTags {
		f.Add(s)
	}
	for s := range badTags {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		err := CheckLanguageTag(s)
		derived := ascii(s) && tagGrammar.MatchString(s)
		grandfathered := slices.ContainsFunc(irregularTags[:], func(tag string) bool { return strings.EqualFold(tag, s) })
		if err == nil && !derived && !grandfathered {
			t.Errorf("%q is accepted", s)
		}
		if err != nil && (grandfathered || derived && !strings.Contains(err.Error(), "stands twice")) {
			t.Errorf("%q %v", s, err)
		}
	})
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func BenchmarkLanguageTag(b *testing.B) {
	b.Run("language and region", func(b *testing.B) { benchCheck(b, CheckLanguageTag, "fr-FR") })
	b.Run("language, script and region", func(b *testing.B) { benchCheck(b, CheckLanguageTag, "sr-Latn-RS") })
}
