package list

import (
	"encoding/csv"
	"io"
	"strings"
)

// Profile says for whom a CSV is written.
type Profile string

// The profiles. Machine is RFC 4180: UTF-8 without byte order mark, commas, dots in numbers, nothing
// changed in any cell. Excel is for a spreadsheet of French habits: a byte order mark, semicolons, and
// an apostrophe before what it would take for a formula.
const (
	Machine Profile = "machine"
	Excel   Profile = "excel"
)

// Column is a column of a list: its name, and what an item has in it.
type Column[T any] struct {
	Name string
	Of   func(*T) string
}

// Writer writes a list as CSV, line by line.
type Writer[T any] struct {
	csv     *csv.Writer
	columns []Column[T]
	guarded bool
}

// NewWriter begins a CSV with the names of the columns.
func NewWriter[T any](w io.Writer, profile Profile, columns []Column[T]) (*Writer[T], error) {
	c := &Writer[T]{csv: csv.NewWriter(w), columns: columns, guarded: profile == Excel}
	c.csv.UseCRLF = true
	if profile == Excel {
		c.csv.Comma = ';'
		if _, err := io.WriteString(w, "\uFEFF"); err != nil {
			return nil, err
		}
	}
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = column.Name
	}
	return c, c.csv.Write(names)
}

// Write writes items.
func (c *Writer[T]) Write(items ...T) error {
	for i := range items {
		cells := make([]string, len(c.columns))
		for j, column := range c.columns {
			cells[j] = column.Of(&items[i])
			if c.guarded {
				cells[j] = guard(cells[j])
			}
		}
		if err := c.csv.Write(cells); err != nil {
			return err
		}
	}
	c.csv.Flush()
	return c.csv.Error()
}

// guard keeps a spreadsheet from taking a cell for a formula.
func guard(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
