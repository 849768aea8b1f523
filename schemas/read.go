package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep a document is looked at: gojsonschema recurses, and with a partner's recursive schema its
// work grows with the square of the depth.
const maxDepth = 128

// object is a JSON object as gojsonschema wants it.
type object = map[string]any

// document is a JSON text made harmless for gojsonschema, together with what its decoded form can't tell.
type document struct {
	value      any
	duplicates [][]string // paths of the names that an object holds twice; the last value counts
	truncated  bool       // something was deeper than maxDepth
}

// readDocument decodes strictly: one value, valid UTF-8, no trailing bytes. A name used twice is reported, not
// refused, because it is a violation with a place like any other.
func readDocument(text []byte) (document, error) {
	r := reader{decoder: jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))}
	value, err := r.value()
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return document{}, err
	}
	if _, err := r.decoder.ReadToken(); err != io.EOF {
		if err == nil {
			err = errTrailing
		}
		return document{}, err
	}
	r.document.value = value
	return r.document, nil
}

var errTrailing = errors.New("there is more than one value: send exactly one")

type reader struct {
	decoder  *jsontext.Decoder
	path     []string
	document document
}

func (r *reader) value() (any, error) {
	if len(r.path) >= maxDepth {
		r.document.truncated = true
		return r.skip()
	}
	token, err := r.decoder.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case jsontext.KindBeginObject:
		return r.object()
	case jsontext.KindBeginArray:
		return r.array()
	case jsontext.KindString:
		return token.String(), nil
	case jsontext.KindNumber:
		return tame(token.String()), nil
	case jsontext.KindNull:
		return nil, nil
	default:
		return token.Bool(), nil
	}
}

// skip stands in for what is too deep with an empty value of its kind.
func (r *reader) skip() (any, error) {
	kind := r.decoder.PeekKind()
	if err := r.decoder.SkipValue(); err != nil {
		return nil, err
	}
	switch kind {
	case jsontext.KindBeginObject:
		return object{}, nil
	case jsontext.KindBeginArray:
		return []any{}, nil
	default:
		return "", nil
	}
}

func (r *reader) object() (any, error) {
	members := object{}
	for r.decoder.PeekKind() != jsontext.KindEndObject {
		token, err := r.decoder.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String()
		r.path = append(r.path, name)
		if _, twice := members[name]; twice {
			r.document.duplicates = append(r.document.duplicates, append([]string(nil), r.path...))
		}
		if members[name], err = r.value(); err != nil {
			return nil, err
		}
		r.path = r.path[:len(r.path)-1]
	}
	_, err := r.decoder.ReadToken()
	return members, err
}

func (r *reader) array() (any, error) {
	items := []any{}
	for r.decoder.PeekKind() != jsontext.KindEndArray {
		r.path = append(r.path, strconv.Itoa(len(items)))
		item, err := r.value()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		r.path = r.path[:len(r.path)-1]
	}
	_, err := r.decoder.ReadToken()
	return items, err
}

const (
	maxMagnitude = 300 // of a decimal number; within a float64, which gojsonschema's enum and const go through
	maxDigits    = 600
)

// tame returns a number that gojsonschema judges as it would the given one, at a bounded cost: it expands numbers
// to a big.Rat, for which 1e999999999 is half a gigabyte, and it panics when an enum meets what no float64 holds.
// Sign, being an integer and the order relative to any bound below 1e300 are kept.
func tame(literal string) json.Number {
	if len(literal) <= maxDigits/2 && !strings.ContainsAny(literal, "eE") {
		return json.Number(literal)
	}
	sign, unsigned := "", literal
	if strings.HasPrefix(literal, "-") {
		sign, unsigned = "-", literal[1:]
	}
	mantissa, exponent, _ := strings.Cut(strings.ToLower(unsigned), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	magnitude := saturatedInt(exponent) + len(digits) - len(fraction)
	digits = strings.TrimRight(digits, "0")
	switch {
	case digits == "":
		return "0"
	case magnitude > maxMagnitude:
		return json.Number(sign + "1e" + strconv.Itoa(maxMagnitude))
	case magnitude < -maxMagnitude:
		return json.Number(sign + "1e-" + strconv.Itoa(maxMagnitude))
	case len(digits) > maxDigits:
		digits = digits[:maxDigits] + "1"
	}
	return json.Number(sign + "0." + digits + "e" + strconv.Itoa(magnitude))
}

// saturatedInt reads an exponent, and takes what is too large for an int as very large.
func saturatedInt(exponent string) int {
	const large = 1 << 60
	n, err := strconv.Atoi(exponent)
	switch {
	case exponent == "":
		return 0
	case err == nil && -large < n && n < large:
		return n
	case strings.HasPrefix(exponent, "-"):
		return -large
	default:
		return large
	}
}

// pointerOrder numbers every place of a document in the order of its text.
func pointerOrder(text []byte) map[string]int {
	order := map[string]int{}
	decoder := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	for {
		var err error
		if decoder.StackDepth() > maxDepth && decoder.PeekKind() != jsontext.KindEndObject && decoder.PeekKind() != jsontext.KindEndArray {
			err = decoder.SkipValue()
		} else {
			_, err = decoder.ReadToken()
		}
		if err != nil {
			return order
		}
		pointer := string(decoder.StackPointer())
		if _, known := order[pointer]; !known {
			order[pointer] = len(order)
		}
	}
}
