package sheet

import (
	"bytes"
	"math"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"

	"acquis/lrs"
)

// maxUnzipped bounds what a workbook may unfold to, in bytes.
const maxUnzipped = 256 << 20

// maxUnzippedSheet bounds one sheet of it that is unfolded in memory.
const maxUnzippedSheet = 64 << 20

// ReadAny reads a CSV file, or the first sheet of a workbook (.xlsx).
func ReadAny(file []byte, columns []Column) (*Sheet, error) {
	if bytes.HasPrefix(file, []byte("PK\x03\x04")) {
		return ReadWorkbook(file, columns)
	}
	return Read(file, columns)
}

// ReadWorkbook reads the first sheet of a workbook (.xlsx) as Read reads CSV. Cells are taken as they are kept,
// not as they are shown: a date is a number of days, which Date reads.
func ReadWorkbook(file []byte, columns []Column) (*Sheet, error) {
	book, err := excelize.OpenReader(bytes.NewReader(file), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: maxUnzipped, UnzipXMLSizeLimit: maxUnzippedSheet,
	})
	if err != nil {
		return nil, noWorkbook()
	}
	defer book.Close() // it was read from memory
	names := book.GetSheetList()
	if len(names) == 0 {
		return nil, noWorkbook()
	}
	lines, err := book.GetRows(names[0])
	if err != nil {
		return nil, noWorkbook()
	}
	if len(lines) == 0 {
		return nil, lrs.Errorf(lrs.KindInvalid, "the first sheet is empty: its first line must name the columns")
	}
	s := &Sheet{}
	if s.Header, err = s.named(lines[0], columns); err != nil {
		return nil, err
	}
	var faults Faults
	for i, cells := range lines[1:] {
		if row, any := s.row(i+2, cells, &faults); any {
			s.Rows = append(s.Rows, row)
		}
	}
	return s, faults.Err()
}

func noWorkbook() error {
	return lrs.Errorf(lrs.KindInvalid, "this workbook cannot be read: save it as .xlsx without a password, or as CSV in UTF-8, and send that")
}

// Date reads a date or a time of day as workbooks keep them: days since 30 December 1899. It is in no time zone, so
// that the clock's reading counts, not the instant.
func Date(cell string) (time.Time, bool) {
	days, err := strconv.ParseFloat(cell, 64)
	if err != nil || days < 0 || days > 200_000 {
		return time.Time{}, false
	}
	whole, part := math.Modf(days)
	at := time.Date(1899, time.December, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(whole))
	return at.Add(time.Duration(math.Round(part*24*3600)) * time.Second), true
}
