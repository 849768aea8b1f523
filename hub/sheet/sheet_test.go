package sheet_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"acquis/hub/sheet"
	"acquis/lrs"
)

var columns = []sheet.Column{{Name: "id", Required: true}, {Name: "name", Also: []string{"nom"}}, {Name: "title_", Family: true}}

func read(t *testing.T, file string) *sheet.Sheet {
	t.Helper()
	s, err := sheet.Read([]byte(file), columns)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func pointers(err error) (all []string) {
	var e *lrs.Error
	if errors.As(err, &e) {
		for _, v := range e.Violations {
			all = append(all, v.Pointer+" "+v.Rule)
		}
	}
	return all
}

func TestRead(t *testing.T) {
	t.Run("encodings are told apart, and said", func(t *testing.T) {
		for file, want := range map[string]sheet.Encoding{
			"id;nom\n1;\u00c9cole":                 sheet.UTF8,
			"\xef\xbb\xbfid;nom\n1;\u00c9cole":     sheet.UTF8BOM,
			"id;nom\r\n1;\xc9cole":                 sheet.Windows1252,
			"\xff\xfei\x00d\x00\n\x001\x00":        sheet.UTF16,
			"id;nom\n1;\u00c9cole \u0153 \u20ac":   sheet.UTF8,
			"id;nom\n1;\xc9cole \x9c \x80":         sheet.Windows1252,
			"\xef\xbb\xbfid;nom\n1;\u00c9cole\n\n": sheet.UTF8BOM,
		} {
			s := read(t, file)
			if s.Encoding != want || len(s.Rows) != 1 || want != sheet.UTF16 && !strings.HasPrefix(s.Rows[0].Get("name"), "École") {
				t.Errorf("%q is %s: %+v", file, s.Encoding, s.Rows)
			}
		}
	})
	t.Run("the separator is what the first line has most of", func(t *testing.T) {
		for file, want := range map[string]rune{"id;nom\n1;a,b": ';', "id,nom\n1,a;b": ',', "id\tnom\n1\ta": '\t', "id\n1": ';', "\"id\",title_fr\n1,a": ','} {
			if s := read(t, file); s.Separator != want || s.Rows[0].Get("id") != "1" {
				t.Errorf("%q is separated by %q", file, s.Separator)
			}
		}
	})
	t.Run("rows know their line, and the empty ones are left out", func(t *testing.T) {
		s := read(t, "id;nom;title_FR\n1;\"two\nlines\";x\n\n;;\n2;'=1+1;\n")
		if len(s.Rows) != 2 || s.Rows[0].Line != 2 || s.Rows[1].Line != 6 || s.Rows[1].Get("name") != "=1+1" || s.Rows[0].Get("title_fr") != "x" {
			t.Errorf("%+v", s)
		}
	})
	t.Run("every fault of the header is said", func(t *testing.T) {
		_, err := sheet.Read([]byte("nom;name;wrong;other\n"), columns)
		want := []string{"/line/1/name column", "/line/1 column", "/line/1 column", "/line/1/id column"}
		if diff := cmp.Diff(want, pointers(err)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("every line at fault is said", func(t *testing.T) {
		_, err := sheet.Read([]byte("id;nom\n1;a;b\n2;ok\n3;\x01\n4;\"a\"b\n5;x"), columns)
		want := []string{"/line/2 cells", "/line/4/name text", "/line/5 csv"}
		if diff := cmp.Diff(want, pointers(err)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("what is no text is refused", func(t *testing.T) {
		for _, file := range []string{"", "PK\x03\x04\x00\x00", "\n\n"} {
			if _, err := sheet.Read([]byte(file), columns); lrs.KindOf(err) != lrs.KindInvalid {
				t.Errorf("%q: %v", file, err)
			}
		}
	})
	t.Run("what a program wrote is read as it was written", rapid.MakeCheck(func(t *rapid.T) {
		cell := rapid.StringMatching(`[a-zé0-9;,"|\n]{0,8}`)
		var file bytes.Buffer
		w := csv.NewWriter(&file)
		w.Comma = rapid.SampledFrom([]rune{';', ',', '\t'}).Draw(t, "separator")
		want := [][]string{}
		write := func(cells []string) {
			if err := w.Write(cells); err != nil {
				t.Fatal(err)
			}
		}
		write([]string{"id", "title_fr"})
		for range rapid.IntRange(0, 5).Draw(t, "rows") {
			row := []string{"x" + cell.Draw(t, "id") + "x", "x" + cell.Draw(t, "title") + "x"}
			want = append(want, row)
			write(row)
		}
		w.Flush()
		s, err := sheet.Read(file.Bytes(), columns)
		if err != nil {
			t.Fatal(err)
		}
		got := [][]string{}
		for _, row := range s.Rows {
			got = append(got, []string{row.Get("id"), row.Get("title_fr")})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	}))
	t.Run("lists are split at spaces, commas and bars", func(t *testing.T) {
		if got := read(t, "id;nom\n1;a, b|c  d").Rows[0].List("name"); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
			t.Errorf("%q", got)
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"id;nom\n1;a", "id,title_fr\n\"", "\xff\xfei\x00", "id;nom\n1;\xc9", "\xef\xbb\xbf", "id\n'=1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := sheet.Read(file, columns)
		if err != nil {
			if lrs.KindOf(err) != lrs.KindInvalid {
				t.Fatal(err)
			}
			return
		}
		line := 1
		for _, row := range s.Rows {
			if row.Line <= line {
				t.Fatalf("line %d follows line %d", row.Line, line)
			}
			line = row.Line
		}
	})
}
