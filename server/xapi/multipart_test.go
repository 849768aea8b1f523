package xapi_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func sha256Of(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// attachment is the JSON of one attachment; members, given as JSON, come before the rest.
func attachment(sha2 string, members ...string) string {
	return `{` + strings.Join(append(members,
		`"usageType":"https://usage.example/essay"`, `"display":{"en":"Essay"}`, `"contentType":"text/plain"`,
		`"length":5`, `"sha2":"`+sha2+`"`), ",") + `}`
}

// attached is a statement with attachments.
func attached(id uuid.UUID, attachments ...string) string {
	return statement(id, `"attachments":[`+strings.Join(attachments, ",")+`]`)
}

const boundary = "a-boundary"

// form writes a multipart body: the statements, then the parts as they are given.
func form(statements string, parts ...string) string {
	var b strings.Builder
	for _, part := range append([]string{"Content-Type: application/json\r\n\r\n" + statements}, parts...) {
		b.WriteString("--" + boundary + "\r\n" + part + "\r\n")
	}
	return b.String() + "--" + boundary + "--\r\n"
}

// part is the part of an attachment.
func part(sha2, content string) string {
	return "Content-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\nX-Experience-API-Hash: " + sha2 + "\r\n\r\n" + content
}

func (s *resources) postForm(t *testing.T, body string, header ...string) answer {
	t.Helper()
	return s.send(t, "POST", "/statements", body, append([]string{"Content-Type: multipart/mixed; boundary=" + boundary}, header...)...)
}

// readForm takes a multipart answer apart: the first part, then content by hash, in order.
func readForm(t *testing.T, a answer) (first string, hashes []string, contents map[string]string) {
	t.Helper()
	mediaType, parameters, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/mixed" {
		t.Fatalf("Content-Type %q: %v", a.header.Get("Content-Type"), err)
	}
	r := multipart.NewReader(strings.NewReader(a.body), parameters["boundary"])
	contents = map[string]string{}
	for i := 0; ; i++ {
		p, err := r.NextRawPart()
		if err == io.EOF { //nolint:errorlint // a wrapped one is a broken body
			return first, hashes, contents
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = string(content)
			continue
		}
		if p.Header.Get("Content-Transfer-Encoding") != "binary" {
			t.Errorf("Content-Transfer-Encoding: %q", p.Header.Get("Content-Transfer-Encoding"))
		}
		hash := p.Header.Get("X-Experience-API-Hash")
		hashes, contents[hash] = append(hashes, hash), p.Header.Get("Content-Type")+"|"+string(content)
	}
}

func TestAttachments(t *testing.T) {
	s := start(t)
	const essay = "an essay\r\n--a-boundar\x00\xff"
	sum := sha256Of(essay)
	first, second := uuid.New(), uuid.New()
	t.Run("XAPI-00130 two statements of a request may share an attachment", func(t *testing.T) {
		s.postForm(t, form("["+attached(first, attachment(sum))+","+attached(second, attachment(sum))+"]", part(sum, essay))).want(t, 200, first.String())
		for _, id := range []uuid.UUID{first, second} {
			shown, hashes, contents := readForm(t, s.send(t, "GET", "/statements?attachments=true&statementId="+id.String(), "").want(t, 200, ""))
			if !strings.Contains(shown, id.String()) || len(hashes) != 1 || contents[sum] != "text/plain|"+essay {
				t.Errorf("%s with %q", shown, contents)
			}
		}
	})
	t.Run("a page carries a shared attachment once", func(t *testing.T) {
		shown, hashes, contents := readForm(t, s.send(t, "GET", "/statements?attachments=true", "").want(t, 200, ""))
		if len(readResult(t, shown).Statements) != 2 || len(hashes) != 1 || contents[sum] != "text/plain|"+essay {
			t.Errorf("%s with %v", shown, hashes)
		}
	})
	t.Run("XAPI-00161 without attachments=true the answer is JSON alone", func(t *testing.T) {
		for _, query := range []string{"", "?attachments=false"} {
			if got := s.send(t, "GET", "/statements"+query, "").want(t, 200, "").header.Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type: %s", got)
			}
		}
	})
	t.Run("attachments=true is multipart also when there are none", func(t *testing.T) {
		id := uuid.New()
		s.post(t, statement(id)).want(t, 200, "")
		if _, hashes, _ := readForm(t, s.send(t, "GET", "/statements?attachments=true&statementId="+id.String(), "")); len(hashes) != 0 {
			t.Errorf("parts %v", hashes)
		}
	})
	t.Run("a hash in capitals belongs to the same content", func(t *testing.T) {
		id, upper := uuid.New(), strings.ToUpper(sum)
		s.postForm(t, form(attached(id, attachment(upper)), part(sum, essay))).want(t, 200, "")
		if _, _, contents := readForm(t, s.send(t, "GET", "/statements?attachments=true&statementId="+id.String(), "")); contents[upper] != "text/plain|"+essay {
			t.Errorf("%q", contents)
		}
	})
	t.Run("SHA-384 and SHA-512 are taken", func(t *testing.T) {
		long, middle := sha512.Sum512([]byte(essay)), sha512.Sum384([]byte(essay))
		for _, sum := range []string{hex.EncodeToString(long[:]), hex.EncodeToString(middle[:])} {
			s.postForm(t, form(attached(uuid.New(), attachment(sum)), part(sum, essay))).want(t, 200, "")
		}
	})
	t.Run("an attachment with a fileUrl needs no content, and may have it", func(t *testing.T) {
		elsewhere := attachment(sha256Of("elsewhere"), `"fileUrl":"https://files.example/1"`)
		s.post(t, attached(uuid.New(), elsewhere)).want(t, 200, "")
		s.postForm(t, form(attached(uuid.New(), elsewhere))).want(t, 200, "")
		s.postForm(t, form(attached(uuid.New(), elsewhere), part(sha256Of("elsewhere"), "elsewhere"))).want(t, 200, "")
	})
	t.Run("a SubStatement's attachment comes along and is given back", func(t *testing.T) {
		id := uuid.New()
		body := `{"id":"` + id.String() + `","actor":{"mbox":"mailto:ann@example.org"},"verb":{"id":"https://verbs.example/plan"},"object":{"objectType":"SubStatement",
			"actor":{"mbox":"mailto:ann@example.org"},"verb":{"id":"https://verbs.example/read"},"object":{"id":"https://pages.example/1"},
			"attachments":[` + attachment(sum) + `]}}`
		s.post(t, body).want(t, 400, "/object/attachments/0")
		s.postForm(t, form(body, part(sum, essay))).want(t, 200, "")
		if _, hashes, _ := readForm(t, s.send(t, "GET", "/statements?attachments=true&statementId="+id.String(), "")); len(hashes) != 1 {
			t.Errorf("parts %v", hashes)
		}
	})
	t.Run("statements without attachments may come as multipart", func(t *testing.T) {
		s.postForm(t, form(statement(uuid.New()))).want(t, 200, "")
	})
	t.Run("PUT takes attachments", func(t *testing.T) {
		id := uuid.New()
		s.send(t, "PUT", "/statements?statementId="+id.String(), form(attached(id, attachment(sum)), part(sum, essay)),
			"Content-Type: multipart/mixed; boundary="+boundary).want(t, 204, "")
	})
}

func TestAttachments_refused(t *testing.T) {
	s := startWith(t, func(o *setting) {
		o.surface.AttachmentBytes, o.surface.RequestBytes, o.surface.BodyBytes = 1000, 5000, 2000
	})
	const content = "hello"
	sum, other := sha256Of(content), sha256Of("other")
	good := attached(uuid.New(), attachment(sum))
	whole := form(good, part(sum, content))
	large := strings.Repeat("x", 2000)
	for _, c := range []struct {
		rule, body string
		status     int
	}{
		{"XAPI-00128 a part that belongs to no attachment is 400", form(statement(uuid.New()), part(sum, content)), 400},
		{"XAPI-00128 an excess part after the right one is 400", form(good, part(sum, content), part(other, "other")), 400},
		{"the same part twice is 400", form(good, part(sum, content), part(sum, content)), 400},
		{"XAPI-00129 a missing content is 400", form(good), 400},
		{"one of two contents missing is 400", form(attached(uuid.New(), attachment(sum), attachment(other)), part(sum, content)), 400},
		{"a content with another digest is 400", form(good, part(sum, "hallo")), 400},
		{"an empty content with another digest is 400", form(good, part(sum, "")), 400},
		{"XAPI-00135 a part without hash is 400", form(good, "Content-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\n"+content), 400},
		{"XAPI-00134 a part without transfer encoding is 400", form(good, "X-Experience-API-Hash: "+sum+"\r\n\r\n"+content), 400},
		{"XAPI-00134 another transfer encoding is 400", form(good, "X-Experience-API-Hash: "+sum+"\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8="), 400},
		{"XAPI-00132 a first part of another type is 400", strings.Replace(whole, "application/json", "text/plain", 1), 400},
		{"XAPI-00133 statements behind the first part are 400", form(statement(uuid.New()), "Content-Type: application/json\r\n\r\n"+statement(uuid.New())), 400},
		{"XAPI-00131 a body without boundaries is 400", good, 400},
		{"no body is 400", "", 400},
		{"no part is 400", "--" + boundary + "--\r\n", 400},
		{"another boundary than announced is 400", strings.ReplaceAll(whole, boundary, "b-boundary"), 400},
		{"a part without header is 400", "--" + boundary + "\r\n" + good + "\r\n--" + boundary + "--\r\n", 400},
		{"an attachment over the limit is 413", form(attached(uuid.New(), attachment(sha256Of(large))), part(sha256Of(large), large)), 413},
		{"statements over the limit are 413", form(statement(uuid.New(), `"result":{"response":"`+large+`"}`)), 413},
		{"a request over the limit is 413", form(good, part(sum, content), part(sum, strings.Repeat(large, 3))), 413},
		{"a part's header without end is 4xx", form(good, "X-Experience-API-Hash: "+strings.Repeat("f", 3000)+"\r\nContent-Transfer-Encoding: binary\r\n\r\n"), 400},
	} {
		t.Run(c.rule+" and stores nothing", func(t *testing.T) {
			var a answer
			s.sameConnection(t, func() { a = s.postForm(t, c.body).want(t, c.status, "") })
			if len(a.body) > 2000 {
				t.Errorf("the answer repeats the request: %d bytes", len(a.body))
			}
			s.stays(t, 0)
		})
	}
	t.Run("a body that is cut at any byte is 400 and stores nothing", func(t *testing.T) {
		end := strings.LastIndex(whole, "--") // of the closing boundary; what follows means nothing
		for cut := range end + 1 {
			if a := s.postForm(t, whole[:cut]); a.status != 400 {
				t.Fatalf("cut at %d of %d: %d %s", cut, len(whole), a.status, a.body)
			}
		}
		s.stays(t, 0)
	})
	t.Run("XAPI-00130 a missing boundary parameter is 400", func(t *testing.T) {
		for _, contentType := range []string{"multipart/mixed", "multipart/mixed; boundary=", `multipart/mixed; boundary=""`} {
			s.send(t, "POST", "/statements", whole, "Content-Type: "+contentType).want(t, 400, "")
		}
		s.stays(t, 0)
	})
	t.Run("XAPI-00127 a content that should come along cannot come as application/json", func(t *testing.T) {
		a := s.post(t, "["+good+"]").want(t, 400, "")
		if diff := cmp.Diff([]string{"/0/attachments/0 attachment-missing"}, a.violations(t)); diff != "" {
			t.Error(diff)
		}
		s.stays(t, 0)
	})
	t.Run("what was refused is stored when it is mended", func(t *testing.T) {
		s.postForm(t, whole).want(t, 200, "")
	})
}

func TestAttachments_tooMany(t *testing.T) {
	s := start(t)
	attachments := make([]string, 5001)
	for i := range attachments {
		attachments[i] = attachment(sha256Of(fmt.Sprint(i)))
	}
	half := len(attachments) / 2
	statements := "[" + attached(uuid.New(), attachments[:half]...) + "," + attached(uuid.New(), attachments[half:]...) + "]"
	s.postForm(t, form(statements, part(sha256Of("0"), "0"))).want(t, 413, "5000")
	s.stays(t, 0)
}

// TestAttachmentsAreStreamed sends a large attachment through a pipe: neither side holds it whole.
func TestAttachmentsAreStreamed(t *testing.T) {
	s := start(t)
	const blocks, block = 24 * 16, 64 << 10 // 24 MiB
	digest := sha256.New()
	line := func(i int) string {
		return fmt.Sprintf("%0*d", block, i)
	}
	for i := range blocks {
		io.WriteString(digest, line(i))
	}
	sum := hex.EncodeToString(digest.Sum(nil))
	id := uuid.New()
	head, tail, _ := strings.Cut(form(attached(id, attachment(sum)), part(sum, "CONTENT")), "CONTENT")

	t.Run("in", func(t *testing.T) {
		body, w := io.Pipe()
		go func() {
			_, err := io.WriteString(w, head)
			for i := 0; i < blocks && err == nil; i++ {
				_, err = io.WriteString(w, line(i))
			}
			if err == nil {
				_, err = io.WriteString(w, tail)
			}
			w.CloseWithError(err)
		}()
		r := s.request(t, "POST", "/statements", body)
		r.Header.Set("Content-Type", "multipart/mixed; boundary="+boundary)
		response, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != 200 {
			t.Fatal(response.Status)
		}
	})
	t.Run("out", func(t *testing.T) {
		response, err := s.client.Do(s.request(t, "GET", "/statements?attachments=true&statementId="+id.String(), nil))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		_, parameters, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		parts := multipart.NewReader(response.Body, parameters["boundary"])
		if _, err := parts.NextRawPart(); err != nil {
			t.Fatal(err)
		}
		content, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		back := sha256.New()
		if _, err := io.Copy(back, content); err != nil || hex.EncodeToString(back.Sum(nil)) != sum {
			t.Errorf("another content came back: %v", err)
		}
	})
}

// request makes a request of the credential "all" in version 1.0.3.
func (s *resources) request(t *testing.T, method, path string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Experience-API-Version", "1.0.3")
	r.SetBasicAuth("all", "secret")
	return r
}
