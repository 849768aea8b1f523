package schemas

import (
	"net/netip"
	"regexp"
	"strings"
)

// isIRI is the grammar of RFC 3987 section 2.2, with a scheme: what xAPI calls an IRI is never relative. An http or
// https IRI has a host (RFC 9110 section 4.2), and no IRI has bidirectional formatting characters (RFC 3987 section 4.1).
func isIRI(text string) bool {
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok || !isScheme(scheme) {
		return false
	}
	rest, fragment, _ := strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	if authority, ok := strings.CutPrefix(rest, "//"); ok {
		path := ""
		if i := strings.IndexByte(authority, '/'); i >= 0 {
			authority, path = authority[:i], authority[i:]
		}
		if !isAuthority(authority, isWeb(scheme)) {
			return false
		}
		rest = path
	} else if isWeb(scheme) {
		return false
	}
	return madeOf(rest, "/:@", false) && madeOf(query, "/?:@", true) && madeOf(fragment, "/?:@", false)
}

func isScheme(text string) bool {
	for i, c := range []byte(text) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || !('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return false
		}
	}
	return text != ""
}

// isWeb tells whether IRIs of the scheme begin with a host.
func isWeb(scheme string) bool {
	return strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")
}

func isAuthority(text string, withHost bool) bool {
	if i := strings.IndexByte(text, '@'); i >= 0 {
		if !madeOf(text[:i], ":", false) {
			return false
		}
		text = text[i+1:]
	}
	if strings.HasPrefix(text, "[") {
		literal, port, closed := strings.Cut(text[1:], "]")
		return closed && isAddress(literal) && (port == "" || port[0] == ':' && isDigits(port[1:]))
	}
	host, port, _ := strings.Cut(text, ":")
	return (host != "" || !withHost) && madeOf(host, "", false) && isDigits(port)
}

// futureAddress is the IPvFuture of RFC 3986 section 3.2.2.
var futureAddress = regexp.MustCompile(`^[Vv][0-9A-Fa-f]+\.[-._~!$&'()*+,;=:0-9A-Za-z]+$`)

// isAddress tells whether text may stand in brackets as a host.
func isAddress(text string) bool {
	address, err := netip.ParseAddr(text)
	return err == nil && address.Is6() && address.Zone() == "" || futureAddress.MatchString(text)
}

// madeOf tells whether every character is unreserved, a sub-delimiter, percent-encoded or one of extra; private
// characters may stand in queries only.
func madeOf(text, extra string, private bool) bool {
	for i, r := range text {
		switch {
		case r == '%':
			if i+2 >= len(text) || !isHex(text[i+1]) || !isHex(text[i+2]) {
				return false
			}
		case r < 0x80:
			c := byte(r)
			alphanumeric := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
			if !alphanumeric && !strings.ContainsRune("-._~!$&'()*+,;="+extra, r) {
				return false
			}
		case !isUcschar(r) && !(private && isPrivate(r)):
			return false
		}
	}
	return true
}

// isUcschar covers U+A0 to U+EFFFD without surrogates, private use, non-characters, specials and the characters that
// set a direction of writing.
func isUcschar(r rune) bool {
	switch {
	case r == 0x200E, r == 0x200F, 0x202A <= r && r <= 0x202E:
		return false
	case r <= 0xFFEF:
		return 0xA0 <= r && r <= 0xD7FF || 0xF900 <= r && r <= 0xFDCF || 0xFDF0 <= r
	case r >= 0xE0000:
		return 0xE1000 <= r && r <= 0xEFFFD
	default:
		return r >= 0x10000 && r&0xFFFF <= 0xFFFD
	}
}

func isPrivate(r rune) bool {
	return 0xE000 <= r && r <= 0xF8FF || 0xF0000 <= r && r&0xFFFF <= 0xFFFD
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

func isDigits(text string) bool { return strings.Trim(text, "0123456789") == "" }
