package schemas

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/xeipuuv/gojsonschema"
)

// format is a grammar that schemas name by "format".
type format struct {
	name   string // in a schema
	rule   string // in a violation
	remedy string
	valid  func(string) bool
}

var formats = []format{
	{"xapi-iri", "iri", "This is not an absolute IRI: begin it with a scheme, as in https://example.com/path, and percent-encode spaces and other characters that an IRI can't hold.", isIRI},
	{"xapi-mailto", "mailto", "This is not a mailto IRI: write mailto: and then the e-mail address, as in mailto:name@example.com.", isMailto},
	{"xapi-uuid", "uuid", "This is not a UUID: write 32 hexadecimal digits in groups of 8-4-4-4-12, not all zero.", isUUID},
	{"xapi-language-tag", "language-tag", "This is not a language tag of RFC 5646: write one such as en, en-GB or zh-Hans.", isLanguageTag},
	{"xapi-duration", "duration", "This is not a duration of ISO 8601: write one such as PT1H30M, P3DT4H or P4W; weeks stand alone, and only the last number may have decimals.", isDuration},
	{"xapi-timestamp", "timestamp", "This is not a timestamp of ISO 8601: write date, T, time and time zone, as in 2026-01-31T09:30:00.000Z; the time zone -00:00 means nothing.", isTimestamp},
	{"xapi-timestamp-rfc3339", "timestamp", "This is not a timestamp of RFC 3339: write date, T, time and time zone, as in 2026-01-31T09:30:00.000Z; the time zone -00:00 is not allowed.", isRFC3339},
	{"xapi-sha1", "sha1", "This is not a SHA-1 hash: write its 40 hexadecimal digits.", sha1Form.MatchString},
	{"xapi-sha2", "sha2", "This is not a SHA-2 hash: write its 56, 64, 96 or 128 hexadecimal digits.", sha2Form.MatchString},
	{"xapi-media-type", "media-type", "This is not an Internet media type: write one such as text/plain or text/plain; charset=utf-8.", mediaType.MatchString},
}

// registerFormats enters our formats into gojsonschema's registry, which is global: hence names of our own.
var registerFormats = sync.OnceFunc(func() {
	for _, f := range formats {
		gojsonschema.FormatCheckers.Add(f.name, checker(f.valid))
	}
})

// checker judges strings; whether a value must be a string is the type's matter.
type checker func(string) bool

// IsFormat implements gojsonschema.FormatChecker.
func (valid checker) IsFormat(input any) bool {
	text, isString := input.(string)
	return !isString || valid(text)
}

func formatNamed(name string) (format, bool) {
	i := slices.IndexFunc(formats, func(f format) bool { return f.name == name })
	if i < 0 {
		return format{}, false
	}
	return formats[i], true
}

var (
	uuidForm = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	sha1Form = regexp.MustCompile(`^[0-9A-Fa-f]{40}$`)
	sha2Form = regexp.MustCompile(`^([0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})$`)

	// languageTag is the grammar of RFC 5646 section 2.1: langtag, privateuse, or one of the grandfathered tags
	// that the grammar does not cover.
	languageTag = regexp.MustCompile(`^(?i:` +
		`([a-z]{2,3}(-[a-z]{3}){0,3}|[a-z]{4}|[a-z]{5,8})` + // language, with extended languages
		`(-[a-z]{4})?` + // script
		`(-([a-z]{2}|[0-9]{3}))?` + // region
		`(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*` + // variants
		`(-[0-9a-wy-z](-[a-z0-9]{2,8})+)*` + // extensions
		`(-x(-[a-z0-9]{1,8})+)?` +
		`|x(-[a-z0-9]{1,8})+` +
		`|en-gb-oed|i-ami|i-bnn|i-default|i-enochian|i-hak|i-klingon|i-lux|i-mingo|i-navajo|i-pwn|i-tao|i-tay|i-tsu` +
		`|sgn-be-fr|sgn-be-nl|sgn-ch-de)$`)

	// mediaType is the grammar of RFC 7231 section 3.1.1.1; the names of a type have no asterisk, which is for ranges.
	mediaType = regexp.MustCompile("^[-!#$%&'+.^_`|~0-9A-Za-z]+/[-!#$%&'+.^_`|~0-9A-Za-z]+" +
		"(?:[ \t]*;[ \t]*[-!#$%&'*+.^_`|~0-9A-Za-z]+=(?:[-!#$%&'*+.^_`|~0-9A-Za-z]+|" +
		`"(?:[^"\\\x00-\x08\x0A-\x1F\x7F]|\\[^\x00-\x08\x0A-\x1F\x7F])*"))*$`)

	// mailto is one address of RFC 6068 and nothing behind it: no list, no subject. Both sides may be international.
	mailto = regexp.MustCompile(`^mailto:` + mailPart + `(?:\.` + mailPart + `)*@` + mailLabel + `(?:\.` + mailLabel + `)*$`)
)

const (
	mailPart   = "(?:[-!$&'*+=_~0-9A-Za-z]|%[0-9A-Fa-f]{2}|[^\\x00-\\x7F])+"
	mailLetter = `(?:[0-9A-Za-z]|%[0-9A-Fa-f]{2}|[^\x00-\x7F])`
	mailLabel  = mailLetter + `(?:-*` + mailLetter + `)*`
)

// isMailto asks for an IRI too, which keeps out what Unicode has no place for in identifiers.
func isMailto(text string) bool {
	return mailto.MatchString(text) && isIRI(text) && strings.IndexFunc(text, unicode.IsSpace) < 0
}

// isUUID refuses the nil UUID, which identifies nothing.
func isUUID(text string) bool { return uuidForm.MatchString(text) && strings.Trim(text, "0-") != "" }

// isLanguageTag refuses what RFC 5646 sections 2.2.5 and 2.2.6 do beyond the grammar: a variant or the letter of an
// extension that stands twice.
func isLanguageTag(text string) bool {
	if !languageTag.MatchString(text) {
		return false
	}
	seen, inExtension := map[string]bool{}, false
	for i, part := range strings.Split(strings.ToLower(text), "-") {
		singleton := len(part) == 1
		if part == "x" {
			return true
		}
		inExtension = inExtension || singleton
		variant := i > 0 && !inExtension && (len(part) > 4 || len(part) == 4 && part[0] <= '9')
		if (variant || singleton) && seen[part] {
			return false
		}
		seen[part] = variant || singleton || seen[part]
	}
	return true
}
