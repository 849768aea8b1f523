package archive

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// wrappings are the members under which record stores keep a statement, in the order in which they are
// looked for: Learning Locker's documents, Elasticsearch's and Ralph's, rows of SQL LRS, events of Ralph on
// ClickHouse, rows of TRAX.
var wrappings = []string{"statement", "_source", "payload", "event", "raw"}

// maxWrapped is how many wrappings may lie around each other.
const maxWrapped = 3

// Unwrap takes a statement out of what a record store wrote around it. What is a statement, or nothing that
// is known, is returned as it is: whoever takes it in says what is wrong with it.
func Unwrap(value []byte) []byte {
	for range maxWrapped {
		value = bytes.TrimSpace(value)
		if member(value, "actor") != nil && member(value, "verb") != nil {
			return withDots(value)
		}
		inner := value
		for _, name := range wrappings {
			if found := member(value, name); len(found) > 0 && (found[0] == '{' || found[0] == '"') {
				inner = found
				break
			}
		}
		if len(inner) == len(value) {
			return value
		}
		value = inner
		if value[0] == '"' { // JSON as text, as a column of a table holds it
			text, err := jsontext.AppendUnquote(nil, value)
			if err != nil {
				return value
			}
			value = text
		}
	}
	return withDots(value)
}

// member returns a member of an object, nil when it has none of the name. It reads no deeper than it must and
// does not judge.
func member(object []byte, name string) []byte {
	if len(object) == 0 || object[0] != '{' {
		return nil
	}
	at := 1
	for {
		at = blank(object, at)
		if at >= len(object) || object[at] != '"' {
			return nil
		}
		key := at
		if at = valueEnd(object, at); at < 0 {
			return nil
		}
		named := string(object[key+1:at-1]) == name
		at = blank(object, at)
		if at >= len(object) || object[at] != ':' {
			return nil
		}
		start := blank(object, at+1)
		if at = valueEnd(object, start); at < 0 {
			return nil
		}
		if named {
			return object[start:at]
		}
		at = blank(object, at)
		if at >= len(object) || object[at] != ',' {
			return nil
		}
		at++
	}
}

func blank(b []byte, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\t' || b[at] == '\n' || b[at] == '\r') {
		at++
	}
	return at
}

// valueEnd is the end of the value that begins at a place, -1 when it has none.
func valueEnd(b []byte, at int) int {
	var s splitter
	for i := at; i < len(b); i++ {
		if s.plain() && (b[i] == ',' || b[i] == '}') {
			return i
		}
		if s.next(b[i]) {
			return i + 1
		}
	}
	return -1
}

// Learning Locker writes a dot in a member's name as &46;, which MongoDB would not take.
const hiddenDot = "&46;"

// withDots brings back the dots in the names of members. Nothing else is touched.
func withDots(statement []byte) []byte {
	if !bytes.Contains(statement, []byte(hiddenDot)) {
		return statement
	}
	out := make([]byte, 0, len(statement))
	for at := 0; at < len(statement); {
		if statement[at] != '"' {
			out = append(out, statement[at])
			at++
			continue
		}
		end := valueEnd(statement, at)
		if end < 0 {
			return statement
		}
		text := statement[at:end]
		if next := blank(statement, end); next < len(statement) && statement[next] == ':' {
			text = bytes.ReplaceAll(text, []byte(hiddenDot), []byte("."))
		}
		out = append(out, text...)
		at = end
	}
	return out
}
