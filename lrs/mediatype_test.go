package lrs

import (
	"mime"
	"testing"
)

var goodMediaTypes = []string{
	"text/plain", "text/plain; charset=ascii", "text/plain;charset=\"utf-8\" ; format=flowed",
	"application/octet-stream", "application/vnd.api+json", "IMAGE/PNG", "x-world/x-3dmf",
	`multipart/mixed; boundary="a b\"c"`, "a/b;\tc=d", `a/b; c=""`, `a/b; c="é"`,
}

var badMediaTypes = map[string]string{
	"":                        "type and a subtype",
	"text":                    "type and a subtype",
	"text/":                   "type and a subtype",
	"/plain":                  "type and a subtype",
	"text/plain/x":            "type and a subtype",
	"text plain":              "type and a subtype",
	"text/pl ain":             "type and a subtype",
	" text/plain":             "type and a subtype",
	"text/plain ":             "type and a subtype",
	"*/*":                     "type and a subtype",
	"text/*":                  "type and a subtype",
	"text/plain, text/html":   "type and a subtype",
	"text/plain;":             "parameters",
	"text/plain; charset":     "parameters",
	"text/plain; charset=":    "parameters",
	"text/plain; =x":          "parameters",
	"text/plain; a = b":       "parameters",
	`text/plain; a="b`:        "parameters",
	`text/plain; a="b\`:       "parameters",
	"text/plain; a=\"b\nc\"":  "parameters",
	"text/plain; a=\"b\\\n\"": "parameters",
	`text/plain; a="b"c`:      "type and a subtype",
	"texté/plain":             "type and a subtype",
}

func TestMediaType(t *testing.T) {
	t.Run("a type, a subtype and parameters are accepted, everything else is refused with its reason", func(t *testing.T) {
		checkAll(t, CheckMediaType, goodMediaTypes, badMediaTypes)
	})
}

func FuzzMediaType(f *testing.F) {
	for _, s := range goodMediaTypes {
		f.Add(s)
	}
	for s := range badMediaTypes {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if CheckMediaType(s) != nil {
			return
		}
		if err := CheckMediaType(s + "; extra=1"); err != nil {
			t.Errorf("%q is accepted, but with a parameter more it %v", s, err)
		}
		if kind, _, err := mime.ParseMediaType(s); err != nil && kind == "" && ascii(s) && err.Error() != "mime: duplicate parameter name" {
			t.Errorf("%q is accepted, package mime says %v", s, err)
		}
	})
}

func BenchmarkMediaType(b *testing.B) { benchCheck(b, CheckMediaType, "text/plain; charset=ascii") }
