package connectors

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Sample is an answer as it is kept for whoever maps fields: its structure, without what it says about
// anybody.
type Sample struct {
	Method string `json:"method"`
	Host   string `json:"host"`
	Path   string `json:"path"`
	Status int    `json:"status"`
	Body   string `json:"body,omitempty"`
}

// Bounds of a sample.
const (
	maxSample   = 4 << 10 // bytes of a masked body
	maxElements = 2       // of an array
	maxMasked   = 40      // characters of a text
	maxDepth    = 32
)

// sampleOf masks an exchange.
func sampleOf(x Exchange) Sample {
	return Sample{Method: x.Method, Host: x.Host, Path: maskedPath(x.Path), Status: x.Status, Body: MaskJSON(x.Body)}
}

// telling are the last words of members whose values say what a record is, not whose: they help to map
// states, and are kept when they look like one.
var telling = regexp.MustCompile(`(?i)(status|state|type|role|kind|count|number|size|total|actual|expected)$`)

var word = regexp.MustCompile(`^[A-Za-z][A-Za-z_ -]{0,23}$`)

// MaskJSON shows the structure of a JSON text: every text and number is masked, letters as x and digits as
// 0, so that forms of dates and ids can be seen; of arrays the first two elements. What is not JSON is only
// told the length of.
func MaskJSON(body []byte) string {
	var out bytes.Buffer
	decoder := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true))
	if !maskValue(decoder, &out, "", 0) && out.Len() == 0 {
		return ""
	}
	return truncated(out.String(), maxSample)
}

// maskValue writes the next value masked; false when it could not be read.
func maskValue(d *jsontext.Decoder, out *bytes.Buffer, member string, depth int) bool {
	if out.Len() > maxSample || depth > maxDepth {
		return false
	}
	token, err := d.ReadToken()
	if err != nil {
		return false
	}
	switch token.Kind() {
	case '{':
		out.WriteByte('{')
		for n := 0; d.PeekKind() == '"'; n++ {
			name, err := d.ReadToken()
			if err != nil {
				return false
			}
			if n > 0 {
				out.WriteByte(',')
			}
			shown := maskedName(name.String())
			writeText(out, shown)
			out.WriteByte(':')
			if !maskValue(d, out, shown, depth+1) {
				return false
			}
		}
		out.WriteByte('}')
	case '[':
		out.WriteByte('[')
		for n := 0; d.PeekKind() != ']'; n++ {
			if n >= maxElements {
				if d.SkipValue() != nil {
					return false
				}
				continue
			}
			if n > 0 {
				out.WriteByte(',')
			}
			if !maskValue(d, out, member, depth+1) {
				return false
			}
		}
		out.WriteByte(']')
	case '"':
		writeText(out, maskedText(token.String(), member))
		return true
	case '0':
		out.WriteString(maskedNumber(token.String(), member))
		return true
	default: // null, true, false
		out.WriteString(token.String())
		return true
	}
	_, err = d.ReadToken()
	return err == nil
}

func writeText(out *bytes.Buffer, text string) {
	quoted, err := jsontext.AppendQuote(nil, text)
	if err != nil {
		quoted = []byte(`""`)
	}
	out.Write(quoted)
}

// memberName is how names of members look; where people or ids are members, as in a map by mail
// address, they are masked.
var memberName = regexp.MustCompile(`^[A-Za-z_$][A-Za-z_$.:-]{0,39}[0-9]{0,2}$`)

func maskedName(name string) string {
	if memberName.MatchString(name) {
		return name
	}
	return masked(name)
}

func maskedText(text, member string) string {
	if telling.MatchString(member) && word.MatchString(text) {
		return text
	}
	return masked(text)
}

func maskedNumber(text, member string) string {
	if telling.MatchString(member) {
		return text
	}
	if strings.ContainsAny(text, ".eE") {
		return "0.0"
	}
	return "0"
}

// masked keeps the form of a text.
func masked(text string) string {
	return truncated(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsDigit(r):
			return '0'
		case unicode.IsLetter(r):
			return 'x'
		}
		return r
	}, text), maxMasked)
}

func truncated(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// pathWord is a segment of a path that names a resource and not a person.
var pathWord = regexp.MustCompile(`^[a-z][A-Za-z-]{0,39}$`)

// maskedPath masks what may identify somebody in a path.
func maskedPath(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if s != "" && !pathWord.MatchString(s) {
			segments[i] = masked(s)
		}
	}
	return strings.Join(segments, "/")
}
