package lrs

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The ASCII characters of a mail address that may stand in a mailto IRI as they are: those of
// addr-spec (RFC 5322, 3.4.1) without those that RFC 6068 (section 2) wants percent-encoded.
var (
	mailLocalChars  = classOf(letters, digits, "!$&'*+-=_~")
	mailDomainChars = classOf(letters, digits, "-")
)

var (
	errMailtoScheme = errors.New(`is not a mailto IRI: it must begin with "mailto:"`)
	errMailtoAt     = errors.New("is not a mailto IRI: after mailto: one address with one @ must follow, as in mailto:ann@example.com")
	errMailtoQuery  = errors.New("is not a mailto IRI: nothing may follow the address, remove what begins with ? or #")
	errMailtoLocal  = errors.New("is not a mailto IRI: before the @ stands something that no address has, or that must be percent-encoded")
	errMailtoDomain = errors.New("is not a mailto IRI: after the @ must stand a domain name such as example.com")
)

// CheckMailto says why s is not "mailto:" and one mail address, nil when it is (Data 2.4.2.3, mbox).
// The address is the addr-spec of RFC 5322 in the spelling of RFC 6068, both parts of which may be
// international (RFC 6531). Display names, comments, spaces, several addresses and header fields
// after ? are refused, since an mbox is an identifier and not a letter.
func CheckMailto(s string) error {
	address, ok := strings.CutPrefix(s, "mailto:")
	if !ok {
		return errMailtoScheme
	}
	local, domain, ok := strings.Cut(address, "@")
	if ok && isDotted(local, mailLocalChars) && isDotted(domain, mailDomainChars) && !hyphenAtEdge(domain) && !hasSpace(address) {
		return nil
	}
	switch {
	case strings.ContainsAny(address, "?#"):
		return errMailtoQuery
	case !ok || strings.IndexByte(domain, '@') >= 0:
		return errMailtoAt
	case !isDotted(local, mailLocalChars) || hasSpace(local):
		return errMailtoLocal
	default:
		return errMailtoDomain
	}
}

// isDotted reports whether s consists of parts joined by single dots, each of characters of the
// class, percent encodings and international characters.
func isDotted(s string, class *charClass) bool {
	for start := 0; ; {
		end := skipIRIChars(s, start, class, false)
		if end == start {
			return false
		}
		if end == len(s) {
			return true
		}
		if s[end] != '.' {
			return false
		}
		start = end + 1
	}
}

// hasSpace reports whether s has a space beyond ASCII, such as U+00A0.
func hasSpace(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return strings.IndexFunc(s[i:], unicode.IsSpace) >= 0
		}
	}
	return false
}

// hyphenAtEdge reports whether a label of the domain begins or ends with a hyphen (RFC 1123, 2.1).
func hyphenAtEdge(domain string) bool {
	for i := range len(domain) {
		if domain[i] == '-' && (i == 0 || i == len(domain)-1 || domain[i-1] == '.' || domain[i+1] == '.') {
			return true
		}
	}
	return false
}
