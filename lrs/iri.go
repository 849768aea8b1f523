package lrs

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// The ASCII characters of each part of an IRI (RFC 3987, 2.2). A percent sign and what lies beyond
// ASCII are judged apart.
var (
	iriSchemeChars   = classOf(letters, digits, "+-.")
	iriUserInfoChars = classOf(letters, digits, "-._~!$&'()*+,;=:")
	iriHostChars     = classOf(letters, digits, "-._~!$&'()*+,;=")
	iriPathChars     = classOf(letters, digits, "-._~!$&'()*+,;=:@/")
	iriQueryChars    = classOf(letters, digits, "-._~!$&'()*+,;=:@/?")
)

var (
	errIRIEmpty   = errors.New("is not an absolute IRI: it is empty")
	errIRIScheme  = errors.New("is not an absolute IRI: it has no scheme, such as https: before what follows")
	errIRINoHost  = errors.New("is not an absolute IRI: after http: or https: a host must follow, as in https://example.com")
	errIRILiteral = errors.New("is not an absolute IRI: what stands in [ ] is not an IPv6 address")
)

// CheckIRI says why s is not an absolute IRI, nil when it is one (Data 4.3 and 2.2; 2.0: 4.2.7).
//
// The grammar is RFC 3987's, scheme demanded, fragment allowed; bidirectional formatting characters
// are refused (4.1 there). With the schemes http and https a host is demanded too, as RFC 9110
// (4.2) does: without one nobody controls the identifier. Nothing is normalised: IRIs are compared
// as strings.
func CheckIRI(s string) error {
	colon := strings.IndexByte(s, ':')
	if s == "" {
		return errIRIEmpty
	}
	if colon <= 0 || !letterChars[s[0]] || !iriSchemeChars.holds(s[:colon]) {
		return errIRIScheme
	}
	i := colon + 1
	web := colon == len("https") && strings.EqualFold(s[:colon], "https") || colon == len("http") && strings.EqualFold(s[:colon], "http")
	if strings.HasPrefix(s[i:], "//") {
		end := i + 2
		for end < len(s) && s[end] != '/' && s[end] != '?' && s[end] != '#' {
			end++
		}
		if err := checkAuthority(s[:end], i+2, web); err != nil {
			return err
		}
		i = end
	} else if web {
		return errIRINoHost
	}
	i = skipIRIChars(s, i, iriPathChars, false)
	if i < len(s) && s[i] == '?' {
		i = skipIRIChars(s, i+1, iriQueryChars, true)
	}
	if i < len(s) && s[i] == '#' {
		i = skipIRIChars(s, i+1, iriQueryChars, false)
	}
	if i < len(s) {
		return strayInIRI(s, i)
	}
	return nil
}

// CheckIRL says why s is not an absolute IRL, the kind of IRI that can be fetched: fileUrl,
// moreInfo, homePage. The specification (About 4.0) asks no more of its form than of an IRI's.
func CheckIRL(s string) error { return CheckIRI(s) }

// checkAuthority checks [userinfo "@"] host [":" port], which is s from byte i on.
func checkAuthority(s string, i int, hostNeeded bool) error {
	if at := strings.IndexByte(s[i:], '@'); at >= 0 {
		if end := i + at; skipIRIChars(s[:end], i, iriUserInfoChars, false) != end {
			return strayInIRI(s, skipIRIChars(s[:end], i, iriUserInfoChars, false))
		}
		i += at + 1
	}
	host := i
	if i < len(s) && s[i] == '[' {
		end := strings.IndexByte(s[i:], ']')
		if end < 0 || !isIPLiteral(s[i+1:i+end]) {
			return errIRILiteral
		}
		i += end + 1
	} else {
		i = skipIRIChars(s, i, iriHostChars, false)
	}
	if i == host && hostNeeded {
		return errIRINoHost
	}
	if i < len(s) && s[i] == ':' {
		i++
		for i < len(s) && digitChars[s[i]] {
			i++
		}
	}
	if i < len(s) {
		return strayInIRI(s, i)
	}
	return nil
}

// isIPLiteral reports whether s may stand in brackets as a host: IPv6address or IPvFuture
// (RFC 3986, 3.2.2).
func isIPLiteral(s string) bool {
	if s != "" && (s[0] == 'v' || s[0] == 'V') {
		version, address, ok := strings.Cut(s[1:], ".")
		return ok && version != "" && hexChars.holds(version) && address != "" && iriUserInfoChars.holds(address)
	}
	address, err := netip.ParseAddr(s)
	return err == nil && address.Is6() && address.Zone() == ""
}

// skipIRIChars returns the first byte from i on that is neither of the class, nor begins a percent
// encoding, nor an ucschar or, where private, an iprivate character.
func skipIRIChars(s string, i int, class *charClass, private bool) int {
	for {
		for i < len(s) && class[s[i]] {
			i++
		}
		switch {
		case i == len(s):
			return i
		case s[i] == '%':
			if i+2 >= len(s) || !hexChars[s[i+1]] || !hexChars[s[i+2]] {
				return i
			}
			i += 3
		case s[i] < utf8.RuneSelf:
			return i
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			if !isUCSChar(r) && !(private && isIPrivate(r)) {
				return i
			}
			i += size
		}
	}
}

// isUCSChar reports whether r is an ucschar (RFC 3987, 2.2) and no bidirectional formatting
// character. utf8.RuneError is none, so broken UTF-8 is refused with the rest.
func isUCSChar(r rune) bool {
	switch {
	case r < 0xA0, r == 0x200E, r == 0x200F, r >= 0x202A && r <= 0x202E:
		return false
	case r <= 0xFFEF:
		return r <= 0xD7FF || r >= 0xF900 && r <= 0xFDCF || r >= 0xFDF0
	case r < 0x10000:
		return false
	default:
		return r&0xFFFF <= 0xFFFD && (r < 0xE0000 || r >= 0xE1000 && r < 0xF0000)
	}
}

func isIPrivate(r rune) bool {
	return r >= 0xE000 && r <= 0xF8FF || r >= 0xF0000 && r&0xFFFF <= 0xFFFD
}

// strayInIRI describes the character at byte i, which may not stand there.
func strayInIRI(s string, i int) error {
	r, size := utf8.DecodeRuneInString(s[i:])
	switch {
	case r == '%':
		return fmt.Errorf("is not an absolute IRI: the percent sign at byte %d is not followed by two hexadecimal digits", i)
	case r == utf8.RuneError && size <= 1:
		return fmt.Errorf("is not an absolute IRI: byte %d is not UTF-8", i)
	default:
		return fmt.Errorf("is not an absolute IRI: the character %q (U+%04X) at byte %d must be percent-encoded", r, r, i)
	}
}
