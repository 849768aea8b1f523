package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// What is tried here, and what came of it, is told in docs/security.md.

const (
	attackKey    = "boss"
	attackSecret = "open-sesame"
)

// besieged starts a server to attack.
func besieged(t *testing.T, data string, env ...string) *serving {
	t.Helper()
	return serve(t, append(env, "ACQUIS_ROOT_KEY="+attackKey, "ACQUIS_ROOT_SECRET="+attackSecret, "ACQUIS_LOG_LEVEL=debug"), "--data", data)
}

// nested is an array in an array, so many deep.
func nested(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }

// telling is a statement with an extension.
func telling(extension string) string {
	return strings.TrimSuffix(simple(uuid.NewString()), "}") + `,"result":{"extensions":{"https://extensions.example/1":` + extension + `}}}`
}

// TestAttack_bodies sends bodies that are too large, too deep or too many of something, to whatever
// reads one. Each is refused, and the server goes on.
func TestAttack_bodies(t *testing.T) {
	p := besieged(t, t.TempDir())
	const ann = "%7B%22mbox%22:%22mailto:ann@example.org%22%7D"
	state := "/xapi/activities/state?activityId=https://pages.example/1&stateId=x&agent=" + ann
	p.must(t, attackKey, attackSecret, "PUT", state, `{"page":1}`, 204)
	deep := nested(100_000)
	negations := strings.Repeat(`{"not":`, 50_000) + "{}" + strings.Repeat("}", 50_000)
	form := url.Values{
		"Authorization":            {"Basic " + base64.StdEncoding.EncodeToString([]byte(attackKey+":"+attackSecret))},
		"X-Experience-API-Version": {"1.0.3"}, "Content-Type": {"application/json"}, "content": {deep},
	}
	part := "--b\r\nContent-Type: application/json\r\n\r\n"
	for _, c := range []struct{ rule, method, path, contentType, body, status string }{
		{"nothing but nesting", "POST", "/xapi/statements", "application/json", nested(8_000_000), "400"},
		{"an extension that is nested", "POST", "/xapi/statements", "application/json", telling(deep), "400"},
		{"groups in groups", "POST", "/xapi/statements", "application/json", `{"actor":` + strings.Repeat(`{"objectType":"Group","member":[`, 50_000), "400"},
		{"SubStatements in SubStatements", "POST", "/xapi/statements", "application/json", strings.Repeat(`{"objectType":"SubStatement","object":`, 20_000), "400"},
		{"nesting in a state that is merged", "POST", state, "application/json", `{"page":` + deep + `}`, "400"},
		{"nesting in the form of the alternate syntax", "POST", "/xapi/statements?method=POST", "application/x-www-form-urlencoded", form.Encode(), "400"},
		{"nesting in a parameter", "GET", "/xapi/statements?agent=" + strings.Repeat("%5B", 10_000), "", "", "400"},
		{"a parameter without end", "GET", "/xapi/statements?agent=" + strings.Repeat("x", 2_000_000), "", "", "431"},
		{"nesting in a source", "POST", "/api/sources", "application/json", `{"name":"x","authority":` + deep + `}`, "400"},
		{"nesting in a schema", "POST", "/api/schemas", "application/json", `{"name":"x","version":"1","schema":` + negations + `}`, "400"},
		{"nesting in an actor to launch", "POST", "/api/launch-tokens", "application/json", `{"activity":"https://pages.example/1","actor":` + deep + `}`, "400"},
		{"more bytes than a body may have", "POST", "/xapi/statements", "application/json", telling(`"` + strings.Repeat("x", 17<<20) + `"`), "413"},
		{"more bytes than a statement may have", "POST", "/xapi/statements", "application/json", telling(`"` + strings.Repeat("x", 2<<20) + `"`), "413"},
		{"more bytes than a trial may have", "POST", "/partners/validate", "application/json", `"` + strings.Repeat("x", 17<<20) + `"`, "413"},
		{"more bytes than a source may have", "POST", "/api/sources", "application/json", `{"name":"` + strings.Repeat("x", 2<<20) + `"}`, "413"},
		{"more bytes than a form of OAuth2 may have", "POST", "/oauth2/token", "application/x-www-form-urlencoded", "grant_type=" + strings.Repeat("x", 1<<20), "413"},
		{"more statements than a request may have", "POST", "/xapi/statements", "application/json", "[" + strings.Repeat("{},", 1_000_000) + "{}]", "413"},
		{"one key a hundred thousand times", "POST", "/xapi/statements", "application/json", telling("{" + strings.Repeat(`"a":0,`, 100_000) + `"a":0}`), "400"},
		{"faults without end", "POST", "/xapi/statements", "application/json", "[" + strings.Repeat(`{"x":0},`, 4_000) + "{}]", "400"},
		{"parts that nobody asked for", "POST", "/xapi/statements", "multipart/mixed; boundary=b", part + simple(uuid.NewString()) + strings.Repeat("\r\n--b\r\n\r\n", 500_000) + "--b--", "400"},
		{"a part's header without end", "POST", "/xapi/statements", "multipart/mixed; boundary=b", "--b\r\nX-A: " + strings.Repeat("x", 20<<20), "400"},
		{"a hundred thousand headers of a part", "POST", "/xapi/statements", "multipart/mixed; boundary=b", "--b\r\n" + strings.Repeat("X-A: x\r\n", 100_000), "400"},
		{"statements in a part without end", "POST", "/xapi/statements", "multipart/mixed; boundary=b", part + strings.Repeat(" ", 20<<20), "413"},
		{"a preamble without end", "POST", "/xapi/statements", "multipart/mixed; boundary=b", strings.Repeat("x\r\n", 5<<20), "400"},
		{"a multipart in a multipart", "POST", "/xapi/statements", "multipart/mixed; boundary=b", "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n--c--\r\n--b--", "400"},
	} {
		t.Run(c.rule+" is refused with "+c.status, func(t *testing.T) {
			a, err := p.send(attackKey, attackSecret, c.method, c.path, c.contentType, c.body)
			// A refusal may come before the body was sent: then the connection ends while the client still writes.
			if err != nil && !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "broken pipe") {
				t.Fatal(err)
			}
			if err == nil && fmt.Sprint(a.status) != c.status {
				t.Errorf("%d %.300s", a.status, a.body)
			}
			if len(a.body) > 200_000 {
				t.Errorf("the answer has %d bytes", len(a.body))
			}
		})
	}
	t.Run("numbers that would fill the memory when written out are told apart all the same", func(t *testing.T) {
		one := telling("1e999999999")
		p.must(t, attackKey, attackSecret, "POST", "/xapi/statements", one, 200)
		p.must(t, attackKey, attackSecret, "POST", "/xapi/statements", strings.Replace(one, "1e999999999", "10e999999998", 1), 200)
		p.must(t, attackKey, attackSecret, "POST", "/xapi/statements", strings.Replace(one, "1e999999999", "1e999999998", 1), 409)
	})
	p.must(t, attackKey, attackSecret, "POST", "/xapi/statements", simple(uuid.NewString()), 200)
}

// TestAttack_names puts paths into whatever is a name, a key, an id or a digest, and looks whether
// anything came to be outside of the store, or was read from there.
func TestAttack_names(t *testing.T) {
	parent := t.TempDir()
	if err := os.WriteFile(filepath.Join(parent, "outside"), []byte("what stands outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := besieged(t, filepath.Join(parent, "data"))
	names := []string{"../outside", "../../outside", "..%2foutside", "/etc/passwd", "..\\outside", "....//outside", "./outside", "outside\x00", "file:///etc/passwd"}
	for _, name := range names {
		text, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		quoted, escaped := string(text), url.PathEscape(name)
		attachment := strings.TrimSuffix(simple(uuid.NewString()), "}") +
			`,"attachments":[{"usageType":"https://usage.example/1","display":{"en":"a"},"contentType":"text/plain","length":1,"sha2":` + quoted + `}]}`
		form := "--b\r\nContent-Type: application/json\r\n\r\n" + simple(uuid.NewString()) + "\r\n--b\r\nContent-Transfer-Encoding: binary\r\nX-Experience-API-Hash: " +
			strings.ReplaceAll(name, "\x00", "") + "\r\n\r\nx\r\n--b--"
		for _, c := range []struct{ what, method, path, contentType, body string }{
			{"a digest", "POST", "/xapi/statements", "application/json", attachment},
			{"the digest of a part", "POST", "/xapi/statements", "multipart/mixed; boundary=b", form},
			{"a source", "POST", "/api/sources", "application/json", `{"name":` + quoted + `}`},
			{"a credential", "POST", "/api/credentials", "application/json", `{"account":"a","key":` + quoted + `}`},
			{"a schema", "POST", "/api/schemas", "application/json", `{"version":"1","schema":{},"name":` + quoted + `}`},
			{"a version", "POST", "/api/schemas", "application/json", `{"name":"a","schema":{},"version":` + quoted + `}`},
			{"a source that is read", "GET", "/api/sources/" + escaped, "", ""},
			{"a schema that is read", "GET", "/api/schemas/" + escaped + "/" + escaped, "", ""},
			{"a door", "GET", "/partners/" + escaped + "/xapi/statements", "", ""},
		} {
			t.Run(fmt.Sprintf("%q is no name of %s", name, c.what), func(t *testing.T) {
				a, err := p.send(attackKey, attackSecret, c.method, c.path, c.contentType, c.body)
				if err != nil || a.status < 400 || a.status >= 500 || strings.Contains(a.body, "stands outside") {
					t.Errorf("%d %s %v", a.status, a.body, err)
				}
			})
		}
		t.Run(fmt.Sprintf("%q names a document like any other", name), func(t *testing.T) {
			path := "/xapi/activities/profile?activityId=https://pages.example/1&profileId=" + url.QueryEscape(name)
			a, err := p.send(attackKey, attackSecret, "PUT", path+"&x", "application/json", `{"a":1}`)
			if err != nil || a.status != 400 {
				t.Errorf("a parameter that is not known: %d %v", a.status, err)
			}
			r, err := http.NewRequest("PUT", p.url+path, strings.NewReader(`{"a":1}`))
			if err != nil {
				t.Fatal(err)
			}
			r.SetBasicAuth(attackKey, attackSecret)
			r.Header.Set("X-Experience-API-Version", "1.0.3")
			r.Header.Set("If-None-Match", "*")
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode == http.StatusBadRequest { // as for a null character
				return
			}
			if got := p.must(t, attackKey, attackSecret, "GET", path, "", 200); response.StatusCode != 204 || got.body != `{"a":1}` {
				t.Errorf("%d, then %s", response.StatusCode, got.body)
			}
		})
	}
	var found []string
	err := filepath.WalkDir(parent, func(path string, entry fs.DirEntry, err error) error {
		if name, _ := filepath.Rel(parent, path); err == nil && name != "data" && !strings.HasPrefix(name, "data"+string(filepath.Separator)) {
			found = append(found, name)
		} else if strings.Contains(name, "attachments"+string(filepath.Separator)) {
			t.Errorf("an attachment was kept: %s", name)
		}
		return err
	})
	if err != nil || strings.Join(found, " ") != ". outside" {
		t.Errorf("beside the store: %v, %v", found, err)
	}
}

// TestAttack_log writes line ends, and what looks like a line of the log, into whatever a request has.
func TestAttack_log(t *testing.T) {
	for format, line := range map[string]*regexp.Regexp{
		"json": regexp.MustCompile(`^\{"time":"[^"]+","level":"(DEBUG|INFO|WARN|ERROR)",.*\}$`), "text": regexp.MustCompile(`^time=\S+ level=(DEBUG|INFO|WARN|ERROR) `),
	} {
		t.Run("in the format "+format+" a request adds no line and no field of its own", func(t *testing.T) {
			env := []string{"ACQUIS_ROOT_KEY=" + attackKey, "ACQUIS_ROOT_SECRET=" + attackSecret}
			p := besieged(t, t.TempDir(), "ACQUIS_LOG_FORMAT="+format)
			const forged = "x\r\n{\"time\":\"2026\",\"level\":\"FORGED\"}\ntime=2026 level=FORGED msg=forged\u2028\x1b[31m"
			text, err := json.Marshal(forged)
			if err != nil {
				t.Fatal(err)
			}
			quoted, escaped := string(text), url.QueryEscape(forged)
			sends := func(key, method, path, body string) {
				if a, err := p.send(key, attackSecret, method, path, "application/json", body); err != nil || a.status >= 500 {
					t.Errorf("%s %s: %d %s %v", method, path, a.status, a.body, err)
				}
			}
			sends(forged, "GET", "/xapi/statements", "")
			sends(attackKey, "GET", "/xapi/statements?verb="+escaped, "")
			sends(attackKey, "GET", "/"+url.PathEscape(forged), "")
			sends(attackKey, "GET", "/partners/"+url.PathEscape(forged)+"/xapi/statements", "")
			sends(attackKey, "POST", "/xapi/statements", telling(quoted))
			sends(attackKey, "POST", "/xapi/statements", telling("{"+quoted+":"+quoted+"}"))
			sends(attackKey, "POST", "/xapi/statements", `{`+quoted+`:1}`)
			sends(attackKey, "POST", "/api/sources", `{"name":`+quoted+`}`)
			sends(attackKey, "POST", "/api/sources", `{"name":"cards","verbs":["https://verbs.example/none"],"title":`+quoted+`}`)
			sends(attackKey, "POST", "/api/sources", `{"name":"cards","verbs":["https://verbs.example/none"]}`)
			key := issuedBy(t, p, `{"source":"cards","scopes":"statements/write"}`)
			if a, err := p.send(key.Key, key.Secret, "POST", "/xapi/statements", "application/json", telling(quoted)); err != nil || a.status != 400 {
				t.Errorf("a verb that is not the source's: %d %v", a.status, err)
			}
			p.raw(t, "GET /xapi/statements HTTP/1.1\r\nHost: a\r\nX-Request-Id: x\rlevel=FORGED\r\nUser-Agent: level=FORGED\r\nConnection: close\r\n\r\n")
			p.raw(t, "FORGED / HTTP/1.1\r\nHost: level=FORGED\r\nConnection: close\r\n\r\n")
			p.raw(t, "GET /\x1b[31mFORGED HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

			listed := runs(t, append(env, "ACQUIS_LISTEN="+strings.TrimPrefix(p.url, "http://")), "audit", "list", "--action", "source.create")
			if n := strings.Count(listed, "\n"); n != 4 || strings.ContainsAny(listed, "\x1b\r\u2028") {
				t.Errorf("the audit log is listed with %d lines: %q", n, listed)
			}
			p.stop(t)
			p.ends(t, 0)
			lines := 0
			for scanner := bufio.NewScanner(strings.NewReader(p.err.String())); scanner.Scan(); lines++ {
				if !line.MatchString(scanner.Text()) {
					t.Errorf("no line of the log: %q", scanner.Text())
				}
			}
			if lines < 10 {
				t.Errorf("%d lines", lines)
			}
			if strings.Contains(p.err.String(), "FORGED") || strings.ContainsAny(p.err.String(), "\x1b\r") {
				t.Errorf("what strangers wrote is in the log:\n%s", p.err.String())
			}
		})
	}
}

// issuedCredentialOf is a credential as it is issued.
type issuedCredentialOf struct{ Key, Secret string }

// issuedBy issues a credential.
func issuedBy(t *testing.T, p *serving, body string) (k issuedCredentialOf) {
	t.Helper()
	a := p.must(t, attackKey, attackSecret, "POST", "/api/credentials", body, 201)
	if err := json.Unmarshal([]byte(a.body), &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// raw sends bytes as they are and waits for the end of the answer.
func (p *serving) raw(t *testing.T, request string) string {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(p.url, "http://"), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for scanner := bufio.NewScanner(conn); scanner.Scan(); {
		b.WriteString(scanner.Text() + "\n")
	}
	return b.String()
}
