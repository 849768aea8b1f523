package xapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"acquis/access"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/problem"
	"acquis/server/xapi"
	"acquis/storage/accessstore"
	"acquis/storage/pebblestore"
)

const consistentThrough = "X-Experience-API-Consistent-Through"

// setting is what a test may change of the server.
type setting struct {
	service lrs.ServiceOptions
	surface xapi.Options
	server  server.Options
}

// startWith starts a server over a store of its own.
func startWith(t *testing.T, adjust func(*setting)) *resources {
	t.Helper()
	o := setting{
		service: lrs.ServiceOptions{PageDefault: 10, PageMax: 100, Steps: 10000},
		surface: xapi.Options{
			Versions: []lrs.Version{lrs.V103, lrs.V200}, Path: "/xapi",
			BodyBytes: 1 << 20, RequestBytes: 64 << 20, AttachmentBytes: 32 << 20, DocumentBytes: documentLimit,
		},
	}
	adjust(&o)
	logger := slog.New(slog.DiscardHandler)
	store, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir(), CacheBytes: 1 << 20, MemtableSize: 1 << 20, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	accounts := register(t, store)
	service, err := lrs.NewService(t.Context(), store, o.service)
	if err != nil {
		t.Fatal(err)
	}
	surface := xapi.New(service, accounts, problem.New(logger), o.surface)
	srv, err := server.New(o.server, server.Mount{Path: "/xapi", Surface: surface, CrossOrigin: true})
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(srv)
	t.Cleanup(listening.Close)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	t.Cleanup(client.CloseIdleConnections)
	return &resources{listening.URL + "/xapi", client}
}

// register makes the credentials of the test server known.
func register(t *testing.T, store *pebblestore.Store) *access.Directory {
	t.Helper()
	kept, err := accessstore.New(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	directory, err := access.NewDirectory(t.Context(), kept, access.DirectoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for key, scopes := range credentials {
		if err := directory.Pin(access.Credential{Key: key, Kind: access.OfAccount, Account: key, Scopes: scopes}, "secret"); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

// start starts a server with the settings of most tests.
func start(t *testing.T) *resources {
	t.Helper()
	return startWith(t, func(*setting) {})
}

// statement is a small statement with the id; members, given as JSON, come before it.
func statement(id uuid.UUID, members ...string) string {
	return `{` + strings.Join(append(members,
		`"id":"`+id.String()+`"`,
		`"actor":{"mbox":"mailto:ann@example.org"}`,
		`"verb":{"id":"https://verbs.example/read"}`,
		`"object":{"id":"https://pages.example/1"}`), ",") + `}`
}

// voiding is a statement that voids another.
func voiding(id, target uuid.UUID) string {
	return `{"id":"` + id.String() + `","actor":{"mbox":"mailto:ann@example.org"},
		"verb":{"id":"http://adlnet.gov/expapi/verbs/voided"},"object":{"objectType":"StatementRef","id":"` + target.String() + `"}}`
}

// count is how many statements the store serves.
func (s *resources) count(t *testing.T) int {
	t.Helper()
	return len(s.page(t, "/statements?limit=0").Statements)
}

// stays checks that the store still serves n statements.
func (s *resources) stays(t *testing.T, n int) {
	t.Helper()
	if got := s.count(t); got != n {
		t.Errorf("%d statements are stored, want %d", got, n)
	}
}

// result is a StatementResult.
type result struct {
	Statements []json.RawMessage `json:"statements"`
	More       *string           `json:"more"`
}

func (s *resources) page(t *testing.T, path string, header ...string) result {
	t.Helper()
	return readResult(t, s.send(t, "GET", path, "", header...).want(t, 200, "").body)
}

func readResult(t *testing.T, body string) (r result) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &r); err != nil || r.Statements == nil || r.More == nil {
		t.Fatalf("no StatementResult: %v in %s", err, body)
	}
	return r
}

// ids of the statements of a result, in order.
func (r result) ids(t *testing.T) []uuid.UUID {
	t.Helper()
	ids := []uuid.UUID{}
	for _, s := range r.Statements {
		var v struct{ ID uuid.UUID }
		if err := json.Unmarshal(s, &v); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, v.ID)
	}
	return ids
}

// violations of a problem document, as "pointer rule".
func (a answer) violations(t *testing.T) []string {
	t.Helper()
	var document struct {
		Violations []struct{ Pointer, Rule string }
	}
	if err := json.Unmarshal([]byte(a.body), &document); err != nil {
		t.Fatalf("no problem document: %v in %s", err, a.body)
	}
	var found []string
	for _, v := range document.Violations {
		found = append(found, v.Pointer+" "+v.Rule)
	}
	return found
}

func TestVersionNegotiation(t *testing.T) {
	both := start(t)
	newest := startWith(t, func(o *setting) { o.surface.Versions = []lrs.Version{lrs.V200} })
	for _, c := range []struct {
		rule      string
		server    *resources
		version   string
		status    int
		announced string
	}{
		{"XAPI-00331 a request without a version is refused and told the first", both, "", 400, "1.0.3"},
		{"a request without a version is told the first of those spoken", newest, "", 400, "2.0.0"},
		{"XAPI-00332 1.0 means 1.0.3", both, "1.0", 200, "1.0.3"},
		{"XAPI-00332 any 1.0.x means 1.0.3", both, "1.0.9", 200, "1.0.3"},
		{"1.0.3 is spoken", both, "1.0.3", 200, "1.0.3"},
		{"2.0 means 2.0.0", both, "2.0", 200, "2.0.0"},
		{"any 2.0.x means 2.0.0", both, "2.0.1", 200, "2.0.0"},
		{"XAPI-00333 0.9 is not spoken", both, "0.9", 400, "1.0.3"},
		{"0.95 is not spoken", both, "0.95", 400, "1.0.3"},
		{"1.1 is not spoken", both, "1.1.0", 400, "1.0.3"},
		{"3.0 is not spoken", both, "3.0.0", 400, "1.0.3"},
		{"what is no version is refused", both, "latest", 400, "1.0.3"},
		{"a version that is turned off is refused", newest, "1.0.3", 400, "2.0.0"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			a := c.server.send(t, "GET", "/statements", "", "X-Experience-API-Version: "+c.version).want(t, c.status, "")
			if got := a.header.Get("X-Experience-API-Version"); got != c.announced {
				t.Errorf("announced %q, want %q", got, c.announced)
			}
		})
	}
}

func TestAuthentication(t *testing.T) {
	s := start(t)
	id := uuid.New()
	for _, c := range []struct {
		rule, method, header string
		status               int
	}{
		{"XAPI-00334 no credential is 401", "GET", "Authorization: ", 401},
		{"XAPI-00334 an unknown key is 401", "GET", "Key: nobody", 401},
		{"XAPI-00334 a wrong secret is 401", "GET", "Authorization: Basic YWxsOndyb25n", 401},
		{"another scheme is 401", "GET", "Authorization: Digest abc", 401},
		{"a token that is not known is 401", "GET", "Authorization: Bearer abc", 401},
		{"what is no base64 is 401", "GET", "Authorization: Basic %%%", 401},
		{"XAPI-00335 Basic is taken", "GET", "Key: reader", 200},
		{"all/read may not store", "POST", "Key: reader", 403},
		{"state may not store", "POST", "Key: state", 403},
		{"state may not read statements", "GET", "Key: state", 403},
		{"statements/write may store", "POST", "Key: mine", 200},
	} {
		t.Run(c.rule, func(t *testing.T) {
			body := ""
			if c.method == "POST" {
				body = statement(id)
			}
			a := s.send(t, c.method, "/statements", body, c.header, "Content-Type: application/json").want(t, c.status, "")
			want := []string(nil)
			if a.status == 401 {
				want = []string{`Basic realm="Acquis"`, `Bearer realm="Acquis"`}
			}
			if strings.Contains(c.header, "Bearer") {
				want = []string{`Bearer realm="Acquis", error="invalid_token"`}
			}
			if diff := cmp.Diff(want, a.header.Values("WWW-Authenticate")); diff != "" {
				t.Errorf("WWW-Authenticate (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadMine(t *testing.T) {
	s := start(t)
	own, foreign, gone := uuid.New(), uuid.New(), uuid.New()
	s.post(t, statement(own), "Key: mine").want(t, 200, "")
	s.post(t, "["+statement(foreign)+","+statement(gone)+","+voiding(uuid.New(), gone)+"]", "Key: neighbour").want(t, 200, "")

	t.Run("statements/read/mine lists the source's own statements only", func(t *testing.T) {
		if diff := cmp.Diff([]uuid.UUID{own}, s.page(t, "/statements", "Key: mine").ids(t)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("statements/read/mine does not find another source's statement by id", func(t *testing.T) {
		s.send(t, "GET", "/statements?statementId="+own.String(), "", "Key: mine").want(t, 200, own.String())
		s.send(t, "GET", "/statements?statementId="+foreign.String(), "", "Key: mine").want(t, 404, "")
		s.send(t, "GET", "/statements?voidedStatementId="+gone.String(), "", "Key: mine").want(t, 404, "")
	})
	t.Run("a more link of a reader of all shows another only what is its own", func(t *testing.T) {
		more := *s.page(t, "/statements?limit=1&ascending=true").More
		for _, id := range s.follow(t, more, "Key: mine") {
			if id != own {
				t.Errorf("%s belongs to another source", id)
			}
		}
	})
}

func TestStatementsEveryAnswer(t *testing.T) {
	s := start(t)
	id := uuid.New()
	s.post(t, statement(id)).want(t, 200, "")
	for _, c := range []struct {
		rule, method, path, body, header string
		status                           int
	}{
		{"a page", "GET", "/statements", "", "", 200},
		{"one statement", "GET", "/statements?statementId=" + id.String(), "", "", 200},
		{"a HEAD request", "HEAD", "/statements", "", "", 200},
		{"a stored statement", "POST", "/statements", statement(uuid.New()), "Content-Type: application/json", 200},
		{"a put statement", "PUT", "/statements?statementId=" + id.String(), statement(id), "Content-Type: application/json", 204},
		{"a conflict", "POST", "/statements", statement(id, `"result":{"success":true}`), "Content-Type: application/json", 409},
		{"an unknown statement", "GET", "/statements?statementId=" + uuid.NewString(), "", "", 404},
		{"a wrong parameter", "GET", "/statements?limit=x", "", "", 400},
		{"a broken query string", "GET", "/statements?limit=%zz", "", "", 400},
		{"a missing version", "GET", "/statements", "", "X-Experience-API-Version: ", 400},
		{"a missing credential", "GET", "/statements", "", "Authorization: ", 401},
		{"a forbidden request", "GET", "/statements", "", "Key: state", 403},
		{"a method that is not known", "DELETE", "/statements", "", "", 405},
		{"a method that nobody uses", "PATCH", "/statements", "", "", 405},
		{"an unknown content encoding", "POST", "/statements", "x", "Content-Type: application/json\nContent-Encoding: br", 415},
		{"a wrong alternate request", "POST", "/statements?method=BREW", "", "", 400},
	} {
		t.Run("XAPI-00153 "+c.rule+" carries Consistent-Through", func(t *testing.T) {
			var header []string
			if c.header != "" {
				header = strings.Split(c.header, "\n")
			}
			a := s.send(t, c.method, c.path, c.body, header...).want(t, c.status, "")
			if _, err := lrs.ParseTimestamp(a.header.Get(consistentThrough), lrs.V103); err != nil {
				t.Errorf("%s: %q: %v", consistentThrough, a.header.Get(consistentThrough), err)
			}
			if a.header.Get("X-Experience-API-Version") != "1.0.3" {
				t.Errorf("announced %q", a.header.Get("X-Experience-API-Version"))
			}
		})
	}
	t.Run("a method that is not known is told those that are", func(t *testing.T) {
		a := s.send(t, "DELETE", "/statements", "").want(t, 405, "method-not-allowed")
		if got := a.header.Get("Allow"); got != "GET, HEAD, POST, PUT" {
			t.Errorf("Allow: %q", got)
		}
	})
}

func TestCORS(t *testing.T) {
	s := startWith(t, func(o *setting) { o.server.Origins = []string{"https://learn.example"} })
	t.Run("a preflight needs neither credential nor version", func(t *testing.T) {
		a := s.send(t, "OPTIONS", "/statements", "", "Authorization: ", "X-Experience-API-Version: ", "Origin: https://learn.example",
			"Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization,x-experience-api-version").want(t, 204, "")
		if got := a.header.Get("Access-Control-Allow-Origin"); got != "https://learn.example" {
			t.Errorf("Access-Control-Allow-Origin: %q", got)
		}
	})
	t.Run("a page may read the headers of the specification, also on refusals", func(t *testing.T) {
		a := s.send(t, "GET", "/statements?limit=x", "", "Origin: https://learn.example").want(t, 400, "")
		exposed := strings.ToLower(a.header.Get("Access-Control-Expose-Headers"))
		for _, name := range []string{consistentThrough, "X-Experience-API-Version", "ETag", "Last-Modified"} {
			if !strings.Contains(exposed, strings.ToLower(name)) {
				t.Errorf("%s is not exposed: %s", name, exposed)
			}
		}
	})
	t.Run("pages of other origins get no mark", func(t *testing.T) {
		a := s.send(t, "GET", "/statements", "", "Origin: https://evil.example")
		if got := a.header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("Access-Control-Allow-Origin: %q", got)
		}
	})
}

// compress returns content in gzip.
func compress(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, content)
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGzip(t *testing.T) {
	s := start(t)
	id := uuid.New()
	long := statement(id, `"result":{"response":"`+strings.Repeat("a long answer ", 500)+`"}`)
	t.Run("a compressed request is taken", func(t *testing.T) {
		s.post(t, compress(t, long), "Content-Encoding: gzip").want(t, 200, id.String())
	})
	one := "/statements?statementId=" + id.String()
	t.Run("an answer is compressed when asked for, with an ETag of its own that is known again", func(t *testing.T) {
		plain := s.send(t, "GET", one, "").want(t, 200, "a long answer")
		packed := s.send(t, "GET", one, "", "Accept-Encoding: gzip").want(t, 200, "")
		r, err := gzip.NewReader(strings.NewReader(packed.body))
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil || string(content) != plain.body {
			t.Errorf("%v, %s", err, content)
		}
		if packed.header.Get("ETag") == plain.header.Get("ETag") {
			t.Error("both answers have the same ETag")
		}
		for _, a := range []answer{plain, packed} {
			s.send(t, "GET", one, "", "If-None-Match: "+a.header.Get("ETag")).want(t, 304, "")
		}
		s.send(t, "GET", one, "", `If-None-Match: "other"`).want(t, 200, "a long answer")
	})
	t.Run("a bomb is 413, stores nothing and leaves the connection usable", func(t *testing.T) {
		bomb := compress(t, `[`+strings.Repeat(" ", 8<<20)+`]`)
		s.sameConnection(t, func() { s.post(t, bomb, "Content-Encoding: gzip").want(t, 413, "too-large") })
		s.stays(t, 1)
	})
	t.Run("what is announced as gzip and is not is 400", func(t *testing.T) {
		s.post(t, statement(uuid.New()), "Content-Encoding: gzip").want(t, 400, "invalid")
		s.post(t, compress(t, long)[:200], "Content-Encoding: gzip").want(t, 400, "")
		s.stays(t, 1)
	})
}

// sameConnection checks that a request after do goes over the connection that was used before it.
func (s *resources) sameConnection(t *testing.T, do func()) {
	t.Helper()
	s.send(t, "GET", "/about", "").want(t, 200, "")
	do()
	reused := false
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(context.WithoutCancel(t.Context()), trace), "GET", s.url+"/about", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if !reused || response.StatusCode != 200 {
		t.Errorf("connection reused: %v, then %s", reused, response.Status)
	}
}

func TestLimits(t *testing.T) {
	s := startWith(t, func(o *setting) {
		o.service.Limits = lrs.Limits{Batch: 3, Statement: 2000, Depth: 8}
		o.surface.BodyBytes, o.surface.RequestBytes, o.surface.AttachmentBytes = 20000, 40000, 10000
	})
	batch := func(n int) string {
		var list []string
		for range n {
			list = append(list, statement(uuid.New()))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	nested := func(n int) string {
		return statement(uuid.New(), `"result":{"extensions":{"https://e.example":`+strings.Repeat("[", n)+strings.Repeat("]", n)+`}}`)
	}
	long := func(n int) string {
		return statement(uuid.New(), `"result":{"response":"`+strings.Repeat("x", n)+`"}`)
	}
	for _, c := range []struct {
		rule, body string
		status     int
	}{
		{"a batch over the limit is 413", batch(4), 413},
		{"a statement over the limit is 413", long(2000), 413},
		{"a statement over the limit within a batch is 413", "[" + statement(uuid.New()) + "," + long(2000) + "]", 413},
		{"a body over the limit is 413", long(30000), 413},
		{"a body far over the limit is 413", long(100000), 413},
		{"a statement that nests too deep is 400", nested(7), 400},
		{"a statement that nests without bound is 400", nested(300), 400},
		{"an array that nests without bound is 400", strings.Repeat("[", 15000), 400},
		{"an object that nests without bound is 400", strings.Repeat(`{"object":`, 1500), 400},
	} {
		t.Run(c.rule+" and stores nothing", func(t *testing.T) {
			s.sameConnection(t, func() { s.post(t, c.body).want(t, c.status, "") })
			s.stays(t, 0)
		})
	}
	t.Run("what is within the limits is stored", func(t *testing.T) {
		s.post(t, batch(3)).want(t, 200, "")
		s.post(t, nested(4)).want(t, 200, "")
		s.post(t, long(1500)).want(t, 200, "")
	})
}

// post sends statements as application/json.
func (s *resources) post(t testing.TB, body string, header ...string) answer {
	t.Helper()
	return s.send(t, "POST", "/statements", body, append([]string{"Content-Type: application/json"}, header...)...)
}

// follow walks a more link to its end and returns the ids in order.
func (s *resources) follow(t *testing.T, more string, header ...string) []uuid.UUID {
	t.Helper()
	var ids []uuid.UUID
	for more != "" {
		path, ok := strings.CutPrefix(more, "/xapi")
		if !ok {
			t.Fatalf("the more link %q is not below /xapi", more)
		}
		r := s.page(t, path, header...)
		ids, more = append(ids, r.ids(t)...), *r.More
	}
	return ids
}
