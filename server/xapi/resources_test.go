package xapi_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"acquis/lrs"
)

// documentLimit is the document size of the test server: more than any test needs but one.
const documentLimit = 64 << 10

// resources is a running server over a store of its own.
type resources struct {
	url    string
	client *http.Client
}

// credentials of the test server: key to scopes. Each is a source of its own; secrets are "secret".
var credentials = map[string]lrs.Scope{
	"all":       lrs.ScopeAll,
	"reader":    lrs.ScopeAllRead,
	"mine":      lrs.ScopeStatementsWrite | lrs.ScopeStatementsReadMine | lrs.ScopeDefine,
	"neighbour": lrs.ScopeStatementsWrite | lrs.ScopeStatementsReadMine,
	"state":     lrs.ScopeState,
	"profile":   lrs.ScopeProfile,
	"write":     lrs.ScopeStatementsWrite,
	"read":      lrs.ScopeStatementsRead,
	"readmine":  lrs.ScopeStatementsReadMine,
	"define":    lrs.ScopeDefine,
}

// startResources starts a server whose limits are small.
func startResources(t *testing.T) *resources {
	t.Helper()
	return startWith(t, func(o *setting) {
		o.surface.RequestBytes, o.surface.AttachmentBytes = 1<<20, 1<<20
	})
}

// answer is what the server answered.
type answer struct {
	status int
	header http.Header
	body   string
}

// send sends a request as the credential "all" in version 1.0.3; header lines "Name: value"
// override that, "Key: name" chooses another credential. Goroutines may call it: a failure is an
// error of the test and the zero answer.
func (s *resources) send(t testing.TB, method, path, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return answer{}
	}
	r.Header.Set("X-Experience-API-Version", "1.0.3")
	r.SetBasicAuth("all", "secret")
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Key" {
			r.SetBasicAuth(value, "secret")
			continue
		}
		r.Header.Set(name, value)
	}
	response, err := s.client.Do(r)
	if err != nil {
		t.Error(err)
		return answer{}
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
		return answer{}
	}
	return answer{response.StatusCode, response.Header, string(content)}
}

// want checks an answer's status and, unless it is "", that its body contains the text.
func (a answer) want(t testing.TB, status int, text string) answer {
	t.Helper()
	if a.status != status || !strings.Contains(a.body, text) {
		t.Errorf("%d %s\nwant %d %s", a.status, a.body, status, text)
	}
	return a
}

// query writes parameters, given as name and value in turn.
func query(parameters ...string) string {
	q := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		q.Add(parameters[i], parameters[i+1])
	}
	return "?" + q.Encode()
}
