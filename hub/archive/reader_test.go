package archive_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/hub/archive"
)

type read struct {
	Line  int
	Value string
}

func readAll(t testing.TB, content []byte) (items []read, failure string) {
	t.Helper()
	r, err := archive.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err.Error()
	}
	for {
		item, err := r.Next()
		if errors.Is(err, io.EOF) {
			return items, ""
		}
		if err != nil {
			return items, err.Error()
		}
		items = append(items, read{item.Line, string(item.Bytes)})
	}
}

func TestReader(t *testing.T) {
	for _, c := range []struct {
		name, content string
		want          []read
		failure       string
	}{
		{"a statement on each line", "{\"a\":1}\n{\"a\":2}\r\n\n{\"a\":3}", []read{{1, `{"a":1}`}, {2, `{"a":2}`}, {4, `{"a":3}`}}, ""},
		{"a bad line does not spoil the next", "{\"a\":1}\n{\"a\":\n{\"a\":3}\n", []read{{1, `{"a":1}`}, {2, `{"a":`}, {3, `{"a":3}`}}, ""},
		{"a first line that is bad does not either", "nonsense\n{\"a\":3}\n", []read{{1, `nonsense`}, {2, `{"a":3}`}}, ""},
		{"an array", "\n[ {\"a\":\"]\\\"\"},\n {\"a\":[2]} , 3, \"x\"]\n", []read{{2, `{"a":"]\""}`}, {3, `{"a":[2]}`}, {3, `3`}, {3, `"x"`}}, ""},
		{"an array without elements", "[]", nil, ""},
		{"an array that is cut", "[{\"a\":1},\n{\"a\"", []read{{1, `{"a":1}`}}, "the file ends in the middle of the value that begins on line 2"},
		{"an array that is not closed", "[{\"a\":1}", []read{{1, `{"a":1}`}}, "the file ends on line 1 within its array: it is not whole"},
		{"a page of a statement resource", "{\"statements\": [{\"a\":1}\n,{\"a\":2}],\"more\":\"/x\"}", []read{{1, `{"a":1}`}, {2, `{"a":2}`}}, ""},
		{"indented values", "{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n", []read{{1, "{\n \"a\": 1\n}"}, {4, "{\n \"a\": 2\n}"}}, ""},
		{"a byte order mark", "\xef\xbb\xbf{\"a\":1}\n", []read{{1, `{"a":1}`}}, ""},
		{"nothing", "", nil, ""},
		{"a lone statement", "{\"a\":1}", []read{{1, `{"a":1}`}}, ""},
	} {
		for form, content := range map[string][]byte{"": []byte(c.content), " in gzip": zipped(t, c.content)} {
			t.Run(c.name+form, func(t *testing.T) {
				got, failure := readAll(t, content)
				if diff := cmp.Diff(c.want, got); diff != "" || failure != c.failure {
					t.Errorf("failure %q, want %q (-want +got):\n%s", failure, c.failure, diff)
				}
			})
		}
	}
	t.Run("lines longer than the buffer are whole", func(t *testing.T) {
		long := `{"a":"` + strings.Repeat("x", 1<<20) + `"}`
		got, _ := readAll(t, []byte(long+"\n{\"a\":2}\n"))
		if len(got) != 2 || got[0].Value != long || got[1].Line != 2 {
			t.Errorf("%d items", len(got))
		}
	})
}

func zipped(t testing.TB, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(content))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUnwrap(t *testing.T) {
	const plain = `{"id":"a","actor":{},"verb":{},"object":{"statement":{}}}`
	for name, c := range map[string][2]string{
		"a statement stays as it is":                      {plain, plain},
		"a document of Learning Locker":                   {`{"_id":{"$oid":"5"},"voided":false,"statement":{"actor":{},"verb":{},"context":{"extensions":{"http://a&46;b/c":{"d&46;e":"f&46;g"}}}},"stored":{"$date":"2020"}}`, `{"actor":{},"verb":{},"context":{"extensions":{"http://a.b/c":{"d.e":"f&46;g"}}}}`},
		"a row of SQL LRS":                                {`{"id":"1","statement_id":"a","is_voided":false,"payload":` + plain + `}`, plain},
		"a row of SQL LRS whose JSON is text":             {`{"id":"1","payload":"{\"actor\":{},\"verb\":{}}"}`, `{"actor":{},"verb":{}}`},
		"a document of Ralph on Elasticsearch or MongoDB": {`{"_id":"1","_source":` + plain + `}`, plain},
		"an event of Ralph on ClickHouse":                 {`{"event_id":"1","emission_time":"2020","event":"{\"actor\":{},\"verb\":{}}"}`, `{"actor":{},"verb":{}}`},
		"a row of TRAX":                                   {`{"id":1,"raw":` + plain + `,"voided":0}`, plain},
		"a wrapping within another":                       {`{"_source":{"statement":` + plain + `}}`, plain},
		"what is not known stays":                         {`{"a":{"b":1}}`, `{"a":{"b":1}}`},
		"what is broken stays":                            {`{"statement":{`, `{"statement":{`},
		"what is no object stays":                         {`[1]`, `[1]`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(archive.Unwrap([]byte(c[0]))); got != c[1] {
				t.Errorf("got %s, want %s", got, c[1])
			}
		})
	}
}

func FuzzReader(f *testing.F) {
	for _, seed := range []string{"{\"a\":1}\n{", "[{},[],\"x\",1", "{\"statements\":[{}]}", "{\n\"a\":\"\\\"\"}\n{}", "\x1f\x8b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		items, _ := readAll(t, content)
		size := 0
		for _, item := range items {
			size += len(item.Value)
			archive.Unwrap([]byte(item.Value))
		}
		if size > len(content) && !bytes.HasPrefix(content, []byte("\x1f\x8b")) {
			t.Errorf("%d bytes of values in a file of %d", size, len(content))
		}
	})
}
