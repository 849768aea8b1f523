// Package sheet reads tables that people made with a spreadsheet: CSV in whichever encoding and with
// whichever separator it came out, every fault with its line.
package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	utf16 "golang.org/x/text/encoding/unicode"

	"acquis/lrs"
)

// Encoding is how the text of a file was written.
type Encoding string

// The encodings that are told apart. What is not UTF-8 and has no byte order mark is Windows-1252, which
// French spreadsheets write.
const (
	UTF8        Encoding = "UTF-8"
	UTF8BOM     Encoding = "UTF-8 with a byte order mark"
	UTF16       Encoding = "UTF-16"
	Windows1252 Encoding = "Windows-1252"
)

// Column is a column that a sheet may have. Names are compared without case and without space around.
type Column struct {
	Name     string
	Also     []string // other names that mean it
	Required bool     // the sheet must have it
	// Family makes Name what the names of any number of columns begin with, such as title_.
	Family bool
}

// Sheet is a table.
type Sheet struct {
	Encoding  Encoding
	Separator rune
	Header    []string // the Name of each column; of a family, the name as it stands, in lower case
	Rows      []Row    // without the empty ones
}

// Row is a line of the table, and more when a cell holds line breaks.
type Row struct {
	Line  int // of the file at which it begins, from 1
	cells map[string]string
}

// Get returns the text of a column without space around, "" when there is none.
func (r Row) Get(column string) string { return r.cells[column] }

// List returns the words of a column, separated by spaces, commas or vertical bars.
func (r Row) List(column string) []string {
	return strings.FieldsFunc(r.cells[column], func(c rune) bool { return c == ',' || c == '|' || unicode.IsSpace(c) })
}

// maxCell bounds the text of a cell, in bytes: more is a quotation mark that was never closed.
const maxCell = 32 << 10

// Names lists columns' names, for people.
func Names(columns []Column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
		if c.Family {
			names[i] += "…"
		}
	}
	return strings.Join(names, ", ")
}

// Read reads a CSV file. What it refuses is of lrs.KindInvalid and lists every fault that it can find,
// with pointers such as /line/12/title. The separator is whichever of ; , and tab the first line has
// most of.
func Read(file []byte, columns []Column) (*Sheet, error) {
	text, encoding, err := decode(file)
	if err != nil {
		return nil, err
	}
	s := &Sheet{Encoding: encoding, Separator: separator(text)}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord = s.Separator, -1
	header, err := r.Read()
	if err != nil {
		return nil, refusal([]lrs.Violation{broken(err)})
	}
	if s.Header, err = s.named(header, columns); err != nil {
		return nil, err
	}
	var faults Faults
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			faults = append(faults, broken(err)) // what follows cannot be told apart any more
			break
		}
		line, _ := r.FieldPos(0)
		if row, any := s.row(line, cells, &faults); any {
			s.Rows = append(s.Rows, row)
		}
	}
	return s, faults.Err()
}

// row takes the cells of a line, and tells whether there is anything in it.
func (s *Sheet) row(line int, cells []string, faults *Faults) (Row, bool) {
	row, any := Row{Line: line, cells: make(map[string]string, len(cells))}, false
	for i, cell := range cells {
		cell = plain(cell)
		any = any || cell != ""
		if i >= len(s.Header) {
			if cell != "" {
				faults.Add(line, "", "cells", "has more cells than the first line has names: close the quotation marks, or quote a text that holds the separator %q", s.Separator)
				break
			}
			continue
		}
		if len(cell) > maxCell || strings.ContainsFunc(cell, isStray) {
			faults.Add(line, s.Header[i], "text", "must be text without control characters, of %d bytes at most", maxCell)
			continue
		}
		row.cells[s.Header[i]] = cell
	}
	return row, any
}

func isStray(r rune) bool {
	return r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
}

// plain takes the space around a cell away, and the apostrophe that keeps spreadsheets from taking it
// for a formula.
func plain(cell string) string {
	cell = strings.TrimSpace(cell)
	if len(cell) > 1 && cell[0] == '\'' && strings.ContainsRune("=+-@", rune(cell[1])) {
		return cell[1:]
	}
	return cell
}

// named finds the columns that a header names.
func (s *Sheet) named(header []string, columns []Column) (names []string, err error) {
	var faults Faults
	for _, given := range header {
		name, known := find(strings.ToLower(strings.TrimSpace(given)), columns)
		switch {
		case !known:
			faults.Add(1, "", "column", "the column %.60q is not known: the columns are %s", given, Names(columns))
		case slices.Contains(names, name):
			faults.Add(1, name, "column", "the column stands twice")
		}
		names = append(names, name)
	}
	for _, c := range columns {
		if c.Required && !slices.Contains(names, c.Name) {
			faults.Add(1, c.Name, "column", "the column is missing: the columns are %s", Names(columns))
		}
	}
	return names, faults.Err()
}

func find(name string, columns []Column) (string, bool) {
	for _, c := range columns {
		switch {
		case c.Family && len(name) > len(c.Name) && strings.HasPrefix(name, c.Name):
			return name, true
		case !c.Family && (name == c.Name || slices.ContainsFunc(c.Also, func(also string) bool { return strings.EqualFold(also, name) })):
			return c.Name, true
		}
	}
	return "?" + name, false
}

// separator is whichever the first line has most of outside quotation marks.
func separator(text string) rune {
	line, _, _ := strings.Cut(text, "\n")
	quoted, count := false, map[rune]int{}
	for _, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted:
			count[c]++
		}
	}
	best := ';'
	for _, c := range []rune{',', '\t'} {
		if count[c] > count[best] {
			best = c
		}
	}
	return best
}

// decode finds out how a file was written and returns its text.
func decode(file []byte) (string, Encoding, error) {
	bom := []byte("\xef\xbb\xbf")
	switch {
	case bytes.HasPrefix(file, bom) && utf8.Valid(file):
		return string(file[len(bom):]), UTF8BOM, nil
	case bytes.HasPrefix(file, []byte("\xff\xfe")), bytes.HasPrefix(file, []byte("\xfe\xff")):
		text, err := utf16.UTF16(utf16.LittleEndian, utf16.UseBOM).NewDecoder().Bytes(file)
		return string(text), UTF16, unreadable(err)
	case bytes.IndexByte(file, 0) >= 0:
		return "", "", lrs.Errorf(lrs.KindInvalid, "this is no text: save the spreadsheet as CSV in UTF-8, and send that")
	case utf8.Valid(file):
		return string(file), UTF8, nil
	default:
		text, err := charmap.Windows1252.NewDecoder().Bytes(file)
		return string(text), Windows1252, unreadable(err)
	}
}

func unreadable(err error) error {
	if err == nil {
		return nil
	}
	return lrs.Errorf(lrs.KindInvalid, "the text cannot be read: save it as CSV in UTF-8, and send that")
}

// broken says where the form of CSV breaks.
func broken(err error) lrs.Violation {
	var at *csv.ParseError
	if !errors.As(err, &at) {
		return lrs.Violation{Pointer: Pointer(1, ""), Rule: "csv", Detail: "the file is empty: its first line must name the columns"}
	}
	return lrs.Violation{Pointer: Pointer(at.StartLine, ""), Rule: "csv", Detail: fmt.Sprintf("the quotation marks break at line %d, column %d: write one within a text twice, and close each text that begins with one; nothing after it was read", at.Line, at.Column)}
}

// Faults gathers what is wrong with a file.
type Faults []lrs.Violation

// Add notes a fault of a line, and of a column or "" for the whole line.
func (f *Faults) Add(line int, column, rule, detail string, values ...any) {
	*f = append(*f, lrs.Violation{Pointer: Pointer(line, column), Rule: rule, Detail: fmt.Sprintf(detail, values...)})
}

// Err is nil when nothing is wrong, otherwise an error of lrs.KindInvalid with all of it.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return refusal(f)
}

func refusal(faults []lrs.Violation) error {
	return &lrs.Error{Kind: lrs.KindInvalid, Detail: "the file has faults, and nothing of it was taken", Violations: faults}
}

// Pointer says where in a file something stands: /line/12, or /line/12/title.
func Pointer(line int, column string) string {
	if column == "" {
		return fmt.Sprintf("/line/%d", line)
	}
	return fmt.Sprintf("/line/%d/%s", line, column)
}
