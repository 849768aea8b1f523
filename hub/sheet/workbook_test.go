package sheet_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"acquis/hub/sheet"
	"acquis/lrs"
)

// workbook writes lines into the first sheet of a workbook.
func workbook(t *testing.T, lines ...[]any) []byte {
	t.Helper()
	book := excelize.NewFile()
	for i, cells := range lines {
		at, err := excelize.CoordinatesToCellName(1, i+1)
		if err != nil {
			t.Fatal(err)
		}
		if err := book.SetSheetRow("Sheet1", at, &cells); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	if err := book.Write(&file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestReadWorkbook(t *testing.T) {
	t.Run("the first sheet is read as a CSV file is", func(t *testing.T) {
		s, err := sheet.ReadAny(workbook(t, []any{"ID", "Nom"}, []any{1, "École"}, []any{nil, nil}, []any{"002", "x"}), columns)
		if err != nil || len(s.Rows) != 2 || s.Rows[0].Get("name") != "École" || s.Rows[0].Get("id") != "1" || s.Rows[1].Line != 4 || s.Rows[1].Get("id") != "002" {
			t.Fatalf("%+v, %v", s, err)
		}
	})
	t.Run("dates are taken as they are kept, whatever they look like", func(t *testing.T) {
		at := time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC)
		s, err := sheet.ReadAny(workbook(t, []any{"id"}, []any{at}), columns)
		if err != nil {
			t.Fatal(err)
		}
		if got, is := sheet.Date(s.Rows[0].Get("id")); !is || !got.Equal(at) {
			t.Errorf("%s is read as %s", s.Rows[0].Get("id"), got)
		}
	})
	t.Run("every fault has its line", func(t *testing.T) {
		_, err := sheet.ReadWorkbook(workbook(t, []any{"nom", "other"}, []any{"a"}), columns)
		if diff := cmp.Diff([]string{"/line/1 column", "/line/1/id column"}, pointers(err)); diff != "" {
			t.Error(diff)
		}
		_, err = sheet.ReadWorkbook(workbook(t, []any{"id"}, []any{"a"}, []any{"a", "b"}), columns)
		if diff := cmp.Diff([]string{"/line/3 cells"}, pointers(err)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("what is no workbook is refused", func(t *testing.T) {
		for _, file := range []string{"PK\x03\x04", "PK\x03\x04rubbish", ""} {
			if _, err := sheet.ReadAny([]byte(file), columns); lrs.KindOf(err) != lrs.KindInvalid {
				t.Errorf("%q: %v", file, err)
			}
		}
	})
	t.Run("what is no date of a workbook is none", func(t *testing.T) {
		for _, cell := range []string{"", "2026-03-02", "-1", "1e9"} {
			if at, is := sheet.Date(cell); is {
				t.Errorf("%q is %s", cell, at)
			}
		}
	})
}
