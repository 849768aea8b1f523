package lrs

import "errors"

var (
	mediaNameChars  = classOf(letters, digits, "!#$%&'+-.^_`|~") // a token without *, which is for ranges
	mediaTokenChars = classOf(letters, digits, "!#$%&'*+-.^_`|~")
)

var (
	errMediaType      = errors.New("is not a media type: it must be a type and a subtype, such as text/plain")
	errMediaParameter = errors.New("is not a media type: its parameters must be written as in text/plain; charset=utf-8")
)

// CheckMediaType says why s is not an Internet media type with its parameters, nil when it is one
// (Data 2.4.11, contentType; RFC 2046 in the grammar of RFC 7231, 3.1.1.1). Whether the type is
// registered is not asked.
func CheckMediaType(s string) error {
	i := skipClass(s, 0, mediaNameChars)
	if i == 0 || i == len(s) || s[i] != '/' {
		return errMediaType
	}
	subtype := i + 1
	i = skipClass(s, subtype, mediaNameChars)
	if i == subtype {
		return errMediaType
	}
	for i < len(s) {
		i = skipBlanks(s, i)
		if i == len(s) || s[i] != ';' {
			return errMediaType
		}
		end, ok := skipParameter(s, skipBlanks(s, i+1))
		if !ok {
			return errMediaParameter
		}
		i = end
	}
	return nil
}

// skipParameter reads token "=" ( token / quoted-string ) from byte i on.
func skipParameter(s string, i int) (end int, ok bool) {
	equals := skipClass(s, i, mediaTokenChars)
	if equals == i || equals == len(s) || s[equals] != '=' {
		return 0, false
	}
	value := equals + 1
	if value < len(s) && s[value] == '"' {
		return skipQuoted(s, value+1)
	}
	end = skipClass(s, value, mediaTokenChars)
	return end, end > value
}

// skipQuoted reads a quoted-string whose opening quote stands before byte i.
func skipQuoted(s string, i int) (end int, ok bool) {
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1, true
		case c == '\\':
			i++
			if i == len(s) || isControl(s[i]) {
				return 0, false
			}
		case isControl(c):
			return 0, false
		}
	}
	return 0, false
}

func isControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7F }

func skipClass(s string, i int, class *charClass) int {
	for i < len(s) && class[s[i]] {
		i++
	}
	return i
}

func skipBlanks(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}
