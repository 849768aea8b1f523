package lrs

import "testing"

var goodMailtos = []string{
	"mailto:xapi@adlnet.gov",
	"mailto:player-1@example.com",
	"mailto:agent6690e6c9-3ef0-4ed3-8b37-7f3964730bee@adlnet.gov",
	"mailto:o'brien+tag=1@sub.example.fr",
	"mailto:ann@localhost",
	"mailto:josé.müller@exämple.fr",
	"mailto:用户@例子.广告",
	"mailto:%22joe%20x%22@example.com",
	"mailto:gorby%25kremvax@example.com",
	"mailto:user@ex%C3%A4mple.com",
	"mailto:_@a-b.c",
}

var badMailtos = map[string]string{
	"":                                 "begin with",
	"http://should.fail.com":           "begin with",
	"MAILTO:ann@example.com":           "begin with",
	"ann@example.com":                  "begin with",
	"mailto:should.fail.com":           "one @",
	"mailto:":                          "one @",
	"mailto:@":                         "before the @",
	"mailto:@example.com":              "before the @",
	"mailto:ann@":                      "after the @",
	"mailto:a@b@c":                     "one @",
	"mailto:a@b.fr,c@d.fr":             "one @",
	"mailto:a,c@d.fr":                  "before the @",
	"mailto:a@d.fr,c":                  "after the @",
	"mailto:ann@example.com?subject=x": "may follow",
	"mailto:ann@example.com#x":         "may follow",
	"mailto:Ann <ann@example.com>":     "before the @",
	"mailto: ann@example.com":          "before the @",
	"mailto:ann@example.com ":          "after the @",
	"mailto:ann(comment)@example.com":  "before the @",
	"mailto:ann@example.com(comment)":  "after the @",
	"mailto:a..b@example.com":          "before the @",
	"mailto:.a@example.com":            "before the @",
	"mailto:a.@example.com":            "before the @",
	"mailto:a@example..com":            "after the @",
	"mailto:a@example.com.":            "after the @",
	"mailto:a@.example.com":            "after the @",
	"mailto:a@-example.com":            "after the @",
	"mailto:a@example-.com":            "after the @",
	"mailto:a@example.-com":            "after the @",
	"mailto:a@example.com-":            "after the @",
	"mailto:a@exa_mple.com":            "after the @",
	"mailto:a@[192.0.2.1]":             "after the @",
	"mailto:a%2@example.com":           "before the @",
	"mailto:a\u00a0b@example.com":      "before the @",
	"mailto:a\u3000@example.com":       "before the @",
	"mailto:a\u202e@example.com":       "before the @",
	"mailto:a\xff@example.com":         "before the @",
	"mailto:\"a b\"@example.com":       "before the @",
	"mailto:a/b@example.com":           "before the @",
	"mailto:a\n@example.com":           "before the @",
	"mailto://ann@example.com":         "before the @",
}

func TestMailto(t *testing.T) {
	t.Run("mailto and one address is accepted, everything else is refused with its reason", func(t *testing.T) {
		checkAll(t, CheckMailto, goodMailtos, badMailtos)
	})
}

func FuzzMailto(f *testing.F) {
	for _, s := range goodMailtos {
		f.Add(s)
	}
	for s := range badMailtos {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if CheckMailto(s) != nil {
			return
		}
		if err := CheckIRI(s); err != nil {
			t.Errorf("%q is a mailto IRI, but %v", s, err)
		}
	})
}

func BenchmarkMailto(b *testing.B) {
	benchCheck(b, CheckMailto, "mailto:prenom.nom@developpement-durable.gouv.fr")
}
