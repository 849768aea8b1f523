package docstore

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"acquis/lrs"
)

// A tuple ends each part with U+0001, which stands below everything that a part may hold: U+0001
// and U+0002 within a part are written as two characters. So tuples are ordered as their parts are,
// none is the start of another of as many parts, and no character is used that a database refuses in
// text, as some do U+0000.
const tupleEnd = "\x01"

var (
	tupleEscaper   = strings.NewReplacer("\x01", "\x02\x02", "\x02", "\x02\x03")
	tupleUnescaper = strings.NewReplacer("\x02\x02", "\x01", "\x02\x03", "\x02")
)

// Tuple joins parts to one key that is ordered by the first part, then the second, and so on. A key
// that starts with Tuple(a) has the first part a, and at least one more.
func Tuple(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString(tupleEscaper.Replace(part))
		b.WriteString(tupleEnd)
	}
	return b.String()
}

// TuplePrefix is what tuples start with whose first parts are the given ones and whose next part
// starts with the last of them.
func TuplePrefix(parts ...string) string {
	return strings.TrimSuffix(Tuple(parts...), tupleEnd)
}

var errNoTuple = errors.New("docstore: a key is not made of parts")

// SplitTuple returns the parts that Tuple joined.
func SplitTuple(key string) ([]string, error) {
	joined, whole := strings.CutSuffix(key, tupleEnd)
	if !whole {
		return nil, errNoTuple
	}
	parts := strings.Split(joined, tupleEnd)
	for i := range parts {
		parts[i] = tupleUnescaper.Replace(parts[i])
	}
	return parts, nil
}

// Number makes a key of a number; the keys are ordered as the numbers are. An lrs.Instant is one.
func Number[N ~int | ~int32 | ~int64](n N) string {
	return fmt.Sprintf("%016x", uint64(n)^(1<<63))
}

// Position is where the entry of a document stands in the index's whole order: what Span bounds and
// Next names.
func (s Scan) Position(key string, doc Key) string {
	if s.Index == "" {
		return key
	}
	return Tuple(key, doc.Partition, doc.ID)
}

// Span returns between which positions the rest of the scan lies: from lower, inclusive, to upper,
// exclusive, "" for no bound.
func (s Scan) Span() (lower, upper string) {
	written := func(bound string) string { return bound }
	if s.Index != "" { // positions hold the keys as parts
		written = tupleEscaper.Replace
	}
	lower = max(written(s.Prefix), written(s.From))
	upper = lowest(prefixEnd(written(s.Prefix)), written(s.Until))
	switch {
	case s.After == "":
	case s.Descending:
		upper = lowest(upper, s.After)
	default:
		lower = max(lower, s.After+tupleEnd) // no position starts with another
	}
	return lower, upper
}

// lowest returns the lower of two upper bounds, of which "" is none.
func lowest(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return min(a, b)
}

// prefixEnd returns the first text after all that start with prefix, "" when there is none. UTF-8 is
// ordered as the code points are, so the last one is raised.
func prefixEnd(prefix string) string {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch {
		case last == 0xD7FF: // the surrogates that follow are no characters
			return prefix + "\uE000"
		case last < utf8.MaxRune:
			return prefix + string(last+1)
		}
	}
	return ""
}

// What one call may hold, sizes in bytes. Two versions of a document fit into 16 MiB, the most that MongoDB takes.
const (
	MaxKey    = 512
	MaxDoc    = 4 << 20
	MaxKeys   = 200
	MaxWrites = 1000
	MaxGroup  = 16 << 20
)

func judgeKey(what, key string) error {
	if len(key) > MaxKey {
		return fmt.Errorf("docstore: the %s has %d bytes, at most %d are allowed", what, len(key), MaxKey)
	}
	return judgeText(what, key)
}

func judgeText(what, text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return fmt.Errorf("docstore: the %s %q is not UTF-8 text without U+0000", what, text)
	}
	return nil
}

func (k Key) judge() error {
	if k.Partition == "" || k.ID == "" {
		return fmt.Errorf("docstore: a document of %s has no partition or no id", k.Collection)
	}
	return errors.Join(judgeKey("partition", k.Partition), judgeKey("id", k.ID))
}

func tooLarge(what string, size, most int) error {
	return lrs.Errorf(lrs.KindTooLarge, "%s has %d bytes, at most %d are allowed", what, size, most)
}
