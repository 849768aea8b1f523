package lrs

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkAll runs check over strings that it must accept and strings that it must refuse, each refusal
// with the reason that contains the value.
func checkAll(t *testing.T, check func(string) error, good []string, bad map[string]string) {
	t.Helper()
	for _, s := range good {
		if err := check(s); err != nil {
			t.Errorf("%q %v", s, err)
		}
	}
	for s, reason := range bad {
		err := check(s)
		if err == nil {
			t.Errorf("%q is accepted", s)
		} else if !strings.Contains(err.Error(), reason) {
			t.Errorf("%q %v, want the reason %q", s, err, reason)
		}
	}
	for _, s := range good {
		if n := testing.AllocsPerRun(10, func() { _ = check(s) }); n != 0 {
			t.Errorf("%q is accepted with %v allocations", s, n)
		}
	}
}

// benchCheck measures check on a string that it accepts.
func benchCheck(b *testing.B, check func(string) error, s string) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		if err := check(s); err != nil {
			b.Fatal(err)
		}
	}
}

var goodIRIs = []string{
	"http://adlnet.gov/expapi/verbs/completed",
	"https://example.com",
	"HTTPS://example.com:8443/a?b=c#d",
	"http://example.com:/",
	"http://user:pass@example.com/",
	"http://example.com/path/../other",
	"http://example.com/فعل/خواندن",
	"http://exämple.fr/é%C3%A9",
	"http://[2001:db8::1]:80/",
	"http://[v1.fe80::a+en1]/",
	"http://example.com/?q=\ue000\U000f0000",
	"urn:uuid:6690e6c9-3ef0-4ed3-8b37-7f3964730bee",
	"urn:isbn:9782070368228#page",
	"mailto:ann@example.com",
	"tag:example.com,2015:activity/1",
	"file:///tmp/x",
	"custom:",
	"a+b-c.d:/x",
	"example.com:8080/x", // a scheme with dots, by the grammar
	"act:x?y/z?w#?/",
	"http://example.com/\U00020000",
}

var badIRIs = map[string]string{
	"":                                   "empty",
	"should fail":                        "no scheme",
	"ab=c://should.fail.com":             "no scheme",
	"homePage.com/testUser":              "no scheme",
	"not.a.valid.iri.com/verb":           "no scheme",
	"/relative":                          "no scheme",
	"#fragment":                          "no scheme",
	":x":                                 "no scheme",
	"1a:x":                               "no scheme",
	"é:x":                                "no scheme",
	"http://":                            "host",
	"http:":                              "host",
	"http:foo":                           "host",
	"https:/foo":                         "host",
	"https:///foo":                       "host",
	"http://:80/":                        "host",
	"http://user@/":                      "host",
	"http://exa mple.com/":               "' ' (U+0020) at byte 10",
	"http://example.com/a b":             "percent-encoded",
	"http://example.com/a\n":             "U+000A",
	"http://example.com/<a>":             "U+003C",
	"http://example.com/{a}":             "U+007B",
	"http://example.com/a|b":             "U+007C",
	"http://example.com/a\\b":            "U+005C",
	"http://example.com/a^b":             "U+005E",
	"http://example.com/a`b":             "U+0060",
	"http://example.com/\"a":             "U+0022",
	"http://example.com/a[0]":            "U+005B",
	"http://example.com/a%2":             "percent sign at byte 20",
	"http://example.com/%zz":             "percent sign at byte 19",
	"http://example.com/a#b#c":           "U+0023",
	"http://example.com/\x7f":            "U+007F",
	"http://example.com/\xff":            "byte 19 is not UTF-8",
	"http://example.com/\xc3":            "byte 19 is not UTF-8",
	"http://example.com/\ufffd":          "U+FFFD",
	"http://example.com/\u200e":          "U+200E",
	"http://example.com/\u202e":          "U+202E",
	"http://example.com/\u0085":          "U+0085",
	"http://example.com/\ue000":          "U+E000",
	"http://example.com/?a#\ue000":       "U+E000",
	"http://example.com/\U0001ffff":      "U+1FFFF",
	"http://example.com/\U000e0001":      "U+E0001",
	"http://example.com/?\U0010ffff":     "U+10FFFF",
	"http://example.com:8a/":             "U+0061",
	"http://a@b@c/":                      "U+0040",
	"http://[::1/":                       "IPv6",
	"http://[127.0.0.1]/":                "IPv6",
	"http://[fe80::1%25eth0]/":           "IPv6",
	"http://[v.1]/":                      "IPv6",
	"http://[::1]x/":                     "U+0078",
	"http://ex[ample].com/":              "U+005B",
	`X:\meetings\minutes\example.one`:    "U+005C",
	"http://us er@example.com/":          "U+0020",
	"urn:example:a b":                    "U+0020",
	"http://example.com/\u202a?x":        "U+202A",
	"ht\u00e9tp://example.com/":          "no scheme",
	"http://example.com?\\":              "U+005C",
	"http://example.com/trailing space ": "U+0020",
}

func TestIRI(t *testing.T) {
	t.Run("XAPI-00011 absolute IRIs are accepted, everything else is refused with its reason", func(t *testing.T) {
		checkAll(t, CheckIRI, goodIRIs, badIRIs)
	})
	t.Run("an IRL has the form of an IRI", func(t *testing.T) {
		checkAll(t, CheckIRL, goodIRIs, badIRIs)
	})
}

func FuzzIRI(f *testing.F) {
	for _, s := range goodIRIs {
		f.Add(s)
	}
	for s := range badIRIs {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if CheckIRI(s) != nil {
			return
		}
		if strings.ContainsAny(s, " <>\"{}|\\^`\x00\n\x7f\u202e") {
			t.Errorf("%q is accepted", s)
		}
		var uri strings.Builder // RFC 3987, 3.1: every IRI maps to a URI
		for i := range len(s) {
			if s[i] < utf8.RuneSelf {
				uri.WriteByte(s[i])
			} else {
				fmt.Fprintf(&uri, "%%%02X", s[i])
			}
		}
		if err := CheckIRI(uri.String()); err != nil {
			t.Errorf("%q is accepted, but its URI %q %v", s, uri.String(), err)
		}
	})
}

func BenchmarkIRI(b *testing.B) {
	b.Run("a verb", func(b *testing.B) { benchCheck(b, CheckIRI, "http://adlnet.gov/expapi/verbs/completed") })
	b.Run("an activity beyond ASCII", func(b *testing.B) {
		benchCheck(b, CheckIRI, "https://exemple.gouv.fr/modules/éco-conception?étape=3#résumé")
	})
}
