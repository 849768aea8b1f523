package schemas_test

import (
	"strings"
	"testing"
)

func TestFormats(t *testing.T) {
	for format, values := range map[string]struct{ valid, invalid []string }{
		"xapi-iri": {
			valid: []string{
				"http://example.com", "https://user@example.com:8080/a;b/c?d=e/?#f?", "urn:uuid:7ccd3322", "tag:example.com,2026:x", "mailto:a@example.com",
				"http://[2001:db8::1]:80/", "http://bücher.example/straße?ü#ß", "http://例え.テスト/", "a+b-c.d:x", "http://example.com/%C3%BC", "file:///x", "http://example.com/\U0001F600", "urn:", "x:", "file:///a", "http://[v1.a:b]/",
				"x:?\uE000",
			},
			invalid: []string{
				"", "example.com/a", "/a", "//example.com", "#a", "http", "http:", "http:/a", "https://", "HTTP://:80/", "http://a@/", "http://[1.2.3.4]/", "http://[fe80::1%25en0]/", "http://example.com/\u200E", "1a:b", "ab=c://x", "http://exa mple.com", "http://example.com/a b", "http://example.com/%", "http://example.com/%2",
				"http://example.com/%GG", "http://example.com/<a>", "http://example.com/{a}", "http://example.com/a\\b", "http://example.com/\"", "http://example.com/^", "http://example.com/`",
				"http://example.com/a#b#c", "http://example.com/[a]", "http://example.com:port/", "http://[::1", "http://[]/", "http://a@b@c/", "http://example.com/\u0000", "http://example.com/\uE000", "http://example.com/\uFFFE", "ü:x",
			},
		},
		"xapi-mailto": {
			valid:   []string{"mailto:a@example.com", "mailto:a.b+c@mail.example.com", "mailto:user@localhost", "mailto:a%26b@example.com", "mailto:jörg@bücher.example", "mailto:a%20b@b-c.example"},
			invalid: []string{"", "a@example.com", "mailto:", "mailto:a", "mailto:@example.com", "mailto:a@", "mailto:a@b@c", "mailto:a b@example.com", "mailto:a@example..com", "mailto:a@example.com?subject=x", "MAILTO:a@example.com", "mailto://a@example.com", "mailto:a@example.com,b@example.com", "mailto:a..b@example.com", "mailto:a@-b.example", "mailto:a@b_c.example", "mailto:a\u00A0b@example.com"},
		},
		"xapi-uuid": {
			valid:   []string{"7ccd3322-e1a5-411a-a67d-6a735c76f119", "7CCD3322-E1A5-411A-A67D-6A735C76F119"},
			invalid: []string{"", "7ccd3322e1a5411aa67d6a735c76f119", "{7ccd3322-e1a5-411a-a67d-6a735c76f119}", "urn:uuid:7ccd3322-e1a5-411a-a67d-6a735c76f119", "7ccd3322-e1a5-411a-a67d-6a735c76f11g", "7ccd3322-e1a5-411a-a67d-6a735c76f119\n", "00000000-0000-0000-0000-000000000000"},
		},
		"xapi-language-tag": {
			valid:   []string{"en", "EN-gb", "zh-Hans-CN", "zh-cmn-Hans-CN", "de-CH-1996", "sl-rozaj-biske-1994", "es-419", "tlh", "x-klingon", "i-klingon", "en-GB-oed", "de-DE-u-co-phonebk", "en-a-bbb-x-a-ccc", "sgn-BE-FR", "x-a-a", "en-a-bbb-bbb", "en-x-a-a"},
			invalid: []string{"", "e", "en_GB", "en-", "-en", "a12345678", "englishlanguage", "en-GB-GB", "en--GB", "de-419-DE", "x", "en-x", "en-a", "1n", "en ", "i-none", "sl-rozaj-ROZAJ", "en-a-bbb-A-ccc"},
		},
		"xapi-duration": {
			valid:   []string{"PT0S", "P3Y1M29DT4H35M59.14S", "PT16559.14S", "P3Y", "P4W", "P1.5W", "PT1,5H", "P0.5D", "P1M", "PT1M", "P1Y2D", "PT1H5S", "P0,5Y"},
			invalid: []string{"", "P", "PT", "P1YT", "P4W1D", "P1D4W", "1D", "P1S", "PT1D", "P1.5DT1H", "PT1.5M1S", "PA1H", "P-1D", "-P1D", "PT1.S", "P1M1Y", "PT1S1M", "P0003-06-04T12:30:05", "PT1H1H", "p1d"},
		},
		"xapi-timestamp": {
			valid:   []string{"2026-01-31T09:30:00Z", "2026-01-31T09:30:00.123456789+05:45", "2026-01-31T09:30:00", "2026-01-31T09:30Z", "2026-01-31t09:30:00z", "2026-01-31T09:30:00,5Z", "20260131T093000Z", "20260131T0930+01", "2026-01-31T09:30:00+0100", "2024-02-29T00:00:00Z", "2016-12-31T23:59:60Z", "2017-01-01T05:44:60+05:45", "2016-12-31T22:59:60-01", "0001-01-01T00:00:00Z"},
			invalid: []string{"", "2026-01-31", "2026-01-31 09:30:00Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-31T25:00:00Z", "2026-01-31T24:00:01Z", "2026-01-31T09:60:00Z", "2026-01-31T09:30:61Z", "2026-01-31T09:30:60Z", "2026-01-31T09:30:00-00", "2026-01-31T09:30:00-0000", "2026-01-31T09:30:00-00:00", "2026-01-31T09:30:00+24:00", "2026-01-31T09:30:00+01:60", "2026-01-31T24:00:00Z", "2026-01-31T09Z", "2026-01-31T09:30,5Z", "2016-12-31T23:59:60+01:00", "26-01-31T09:30:00Z", "2026-01-31T09:30:00.Z", "01/011/2015"},
		},
		"xapi-timestamp-rfc3339": {
			valid:   []string{"2026-01-31T09:30:00Z", "2026-01-31T09:30:00.1-05:00", "2008-09-15T15:53:00.601+00:00", "2026-01-31t09:30:00z"},
			invalid: []string{"2026-01-31T09:30:00", "2026-01-31T09:30Z", "20260131T093000Z", "2026-01-31T09:30:00+01", "2026-01-31T09:30:00,5Z", "2026-01-31T09:30:00-00:00", "2026-04-31T09:30:00Z"},
		},
		"xapi-sha1": {valid: []string{strings.Repeat("aB", 20)}, invalid: []string{"", strings.Repeat("a", 39), strings.Repeat("a", 41), strings.Repeat("g", 40)}},
		"xapi-sha2": {
			valid:   []string{strings.Repeat("a", 56), strings.Repeat("0F", 32), strings.Repeat("a", 96), strings.Repeat("a", 128)},
			invalid: []string{"", strings.Repeat("a", 40), strings.Repeat("a", 63), strings.Repeat("g", 64)},
		},
		"xapi-media-type": {
			valid:   []string{"text/plain", "text/plain; charset=ascii", "application/vnd.example+json", `multipart/mixed; boundary="a b"`, "application/octet-stream"},
			invalid: []string{"", "text", "text/", "/plain", "text/plain/x", "text plain", "text/plain; charset", "text/plain, text/html", "text/*", "text/plain;", "text/plain "},
		},
	} {
		schema := compile(t, `{"format": "`+format+`"}`)
		judge := func(value string) int {
			violations, err := schema.Check([]byte(marshal(t, value)))
			if err != nil {
				t.Fatal(err)
			}
			return len(violations)
		}
		for _, value := range values.valid {
			t.Run(format+" accepts "+value, func(t *testing.T) {
				if judge(value) != 0 {
					t.Errorf("refused %q", value)
				}
			})
		}
		for _, value := range values.invalid {
			t.Run(format+" refuses "+value, func(t *testing.T) {
				if judge(value) != 1 {
					t.Errorf("accepted %q", value)
				}
			})
		}
	}
}
