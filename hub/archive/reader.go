package archive

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// MaxStatement bounds one statement of a file, so that a file that is none cannot fill the memory.
const MaxStatement = 64 << 20

// ErrTooLong says that a value of a file is longer than MaxStatement.
var ErrTooLong = fmt.Errorf("longer than %d MiB: no statement is", MaxStatement>>20)

// Item is one value of a file.
type Item struct {
	Line  int    // where it begins, from 1
	Bytes []byte // as it is written, with its wrapping; valid as long as it is kept
	Err   error  // why it could not be read: the file goes on after it
}

// Reader yields the values of a file of statements, one at a time, whatever its form: a statement on each
// line, a JSON array, a page as the statement resource answers it, JSON values one after the other; each of
// them in gzip or not. Nothing but the value in hand is held.
type Reader struct {
	in    *bufio.Reader
	line  int
	lines bool // a value on each line: what is wrong with one says nothing of the next
	array bool
	ended bool
}

const readAhead = 256 << 10

// page is how the answer of a statement resource begins.
var page = regexp.MustCompile(`^\s*\{\s*"statements"\s*:\s*\[`)

// NewReader looks at how a file begins. The error is of the reader, or of gzip.
func NewReader(r io.Reader) (*Reader, error) {
	in := bufio.NewReaderSize(r, readAhead)
	if magic, _ := in.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("the file begins like gzip, and is not: %w", err)
		}
		in = bufio.NewReaderSize(unzipped, readAhead)
	}
	if mark, _ := in.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		if _, err := in.Discard(3); err != nil {
			return nil, err
		}
	}
	a := &Reader{in: in, line: 1}
	start, err := in.Peek(readAhead)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	switch trimmed := bytes.TrimLeft(start, " \t\r\n"); {
	case page.Match(start):
		a.array = true
		return a, a.skip(len(page.Find(start)))
	case len(trimmed) > 0 && trimmed[0] == '[':
		a.array = true
		return a, a.skip(len(start) - len(trimmed) + 1)
	default:
		a.lines = !spansLines(trimmed)
		return a, nil
	}
}

// spansLines tells whether the first value goes on after its first line, as indented JSON does.
func spansLines(start []byte) bool {
	line, _, more := bytes.Cut(start, []byte("\n"))
	if !more || len(line) == 0 || line[0] != '{' {
		return false
	}
	return !balanced(line) && balanced(start[:len(start):len(start)]) || bytes.Equal(bytes.TrimSpace(line), []byte("{"))
}

// balanced tells whether a first JSON value ends within the bytes.
func balanced(b []byte) bool {
	var s splitter
	for _, c := range b {
		if s.next(c) {
			return true
		}
	}
	return false
}

func (r *Reader) skip(n int) error {
	start, err := r.in.Peek(n)
	if err != nil {
		return err
	}
	r.line += bytes.Count(start, []byte("\n"))
	_, err = r.in.Discard(n)
	return err
}

// Next returns the next value; io.EOF after the last. Any other error ends the file: what comes after it
// cannot be told apart, and the error says at which line.
func (r *Reader) Next() (Item, error) {
	if r.ended {
		return Item{}, io.EOF
	}
	if r.lines {
		return r.nextLine()
	}
	return r.nextValue()
}

func (r *Reader) nextLine() (Item, error) {
	for {
		item := Item{Line: r.line}
		for {
			some, err := r.in.ReadSlice('\n')
			if len(item.Bytes)+len(some) <= MaxStatement {
				item.Bytes = append(item.Bytes, some...)
			} else {
				item.Err = ErrTooLong
			}
			if err == nil {
				r.line++
				break
			}
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			if !errors.Is(err, io.EOF) {
				return Item{}, r.broken(err)
			}
			r.ended = true
			break
		}
		if item.Bytes = bytes.TrimSpace(item.Bytes); len(item.Bytes) > 0 || item.Err != nil {
			return item, nil
		}
		if r.ended {
			return Item{}, io.EOF
		}
	}
}

func (r *Reader) broken(err error) error {
	return fmt.Errorf("the file cannot be read from line %d on: %w", r.line, err)
}

// nextValue reads a JSON value up to its end, commas and white space before it passed over.
func (r *Reader) nextValue() (Item, error) {
	first, err := r.firstByte()
	if err != nil || r.ended {
		return Item{}, err
	}
	item := Item{Line: r.line, Bytes: []byte{first}}
	s := splitter{}
	if s.next(first) {
		return item, nil
	}
	for {
		c, err := r.in.ReadByte()
		if errors.Is(err, io.EOF) {
			return Item{}, fmt.Errorf("the file ends in the middle of the value that begins on line %d", item.Line)
		}
		if err != nil {
			return Item{}, r.broken(err)
		}
		if s.plain() && (c == ',' || c == ']' || c == '\n') { // a scalar ends before what follows
			return item, r.in.UnreadByte()
		}
		if c == '\n' {
			r.line++
		}
		if len(item.Bytes) < MaxStatement {
			item.Bytes = append(item.Bytes, c)
		} else {
			item.Err = ErrTooLong
		}
		if s.next(c) {
			return item, nil
		}
	}
}

// firstByte finds where the next value begins. It sets ended at the end of the array or the file.
func (r *Reader) firstByte() (byte, error) {
	for {
		c, err := r.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && r.array:
			return 0, fmt.Errorf("the file ends on line %d within its array: it is not whole", r.line)
		case errors.Is(err, io.EOF):
			r.ended = true
			return 0, io.EOF
		case err != nil:
			return 0, r.broken(err)
		case c == '\n':
			r.line++
		case c == ' ', c == '\t', c == '\r', c == ',':
		case c == ']' && r.array:
			r.ended = true
			return 0, io.EOF
		default:
			return c, nil
		}
	}
}

// splitter finds the end of a JSON value without judging it.
type splitter struct {
	depth   int
	quoted  bool
	escaped bool
	begun   bool
}

// plain tells that the value is a number, true, false or null.
func (s *splitter) plain() bool { return s.begun && s.depth == 0 && !s.quoted }

// next takes a byte and tells whether the value ends with it. Numbers, true, false and null have no end of
// their own.
func (s *splitter) next(c byte) (end bool) {
	s.begun = s.begun || c > ' '
	switch {
	case s.escaped:
		s.escaped = false
	case s.quoted && c == '\\':
		s.escaped = true
	case c == '"':
		s.quoted = !s.quoted
		return !s.quoted && s.depth == 0
	case s.quoted:
	case c == '{' || c == '[':
		s.depth++
	case c == '}' || c == ']':
		s.depth--
		return s.depth <= 0
	}
	return false
}
