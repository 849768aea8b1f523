package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// simple is a small statement with the id.
func simple(id string) string {
	return `{"id":"` + id + `","actor":{"mbox":"mailto:ann@example.org"},"verb":{"id":"https://verbs.example/read"},"object":{"id":"https://pages.example/1"}}`
}

func TestServe_credentials(t *testing.T) {
	t.Run("the first start prints a credential once, which works then and ever after", func(t *testing.T) {
		data := t.TempDir()
		first := serve(t, nil, "--data", data)
		if first.key == "" || len(first.secret) < 20 {
			t.Fatalf("printed %s", first.out.String())
		}
		id := uuid.NewString()
		first.must(t, first.key, first.secret, "POST", "/xapi/statements", simple(id), 200)
		first.must(t, first.key, "wrong", "GET", "/xapi/statements", "", 401)
		first.stop(t)
		first.ends(t, 0)
		again := serve(t, nil, "--data", data)
		if again.key != "" || strings.Contains(again.out.String()+again.err.String(), first.secret) {
			t.Errorf("printed again: %s", again.out.String())
		}
		again.must(t, first.key, first.secret, "GET", "/xapi/statements?statementId="+id, "", 200)
	})
	t.Run("the credential of the environment works and is not printed", func(t *testing.T) {
		data := t.TempDir()
		p := serve(t, []string{"ACQUIS_ROOT_KEY=boss", "ACQUIS_ROOT_SECRET=open-sesame"}, "--data", data)
		p.must(t, "boss", "open-sesame", "POST", "/xapi/statements", simple(uuid.NewString()), 200)
		if said := p.out.String() + p.err.String(); strings.Contains(said, "open-sesame") || p.key != "" {
			t.Errorf("printed %s", said)
		}
		p.stop(t)
		p.ends(t, 0)
		p = serve(t, []string{"ACQUIS_ROOT_KEY=boss", "ACQUIS_ROOT_SECRET=changed"}, "--data", data)
		p.must(t, "boss", "changed", "GET", "/xapi/statements", "", 200)
		p.must(t, "boss", "open-sesame", "GET", "/xapi/statements", "", 401)
	})
	t.Run("a key without a secret is a fault", func(t *testing.T) {
		said := fails(t, []string{"ACQUIS_ROOT_KEY=boss"}, "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir())
		if !strings.Contains(said, "root.secret") {
			t.Error(said)
		}
	})
}

var printedCurl = regexp.MustCompile(`(?m)^\s*(curl .*)$`)

func TestServe_demo(t *testing.T) {
	data := t.TempDir()
	count := func(p *serving) int {
		var result struct{ Statements []json.RawMessage }
		r := p.must(t, demoKey, demoSecret, "GET", "/xapi/statements?limit=0", "", 200)
		if err := json.Unmarshal([]byte(r.body), &result); err != nil {
			t.Fatal(err)
		}
		return len(result.Statements)
	}
	p := serve(t, nil, "--data", data, "--demo")
	loaded := count(p)
	t.Run("the curl line that is printed works as it is pasted", func(t *testing.T) {
		found := printedCurl.FindStringSubmatch(p.out.String())
		if found == nil {
			t.Fatal(p.out.String())
		}
		var result struct{ Statements []json.RawMessage }
		if err := json.Unmarshal(pasted(t, found[1]), &result); err != nil || len(result.Statements) != 2 {
			t.Errorf("%v, %d statements", err, len(result.Statements))
		}
	})
	t.Run("it has a catalogue of modules and parcours", func(t *testing.T) {
		var page struct{ Items []json.RawMessage }
		r := p.must(t, demoKey, demoSecret, "GET", "/api/catalogue/items?kind=parcours", "", 200)
		if err := json.Unmarshal([]byte(r.body), &page); err != nil || len(page.Items) != 50 {
			t.Errorf("%d parcours, %v", len(page.Items), err)
		}
		p.must(t, demoKey, demoSecret, "GET", "/api/figures/training?period=year&day=2026-09-01", "", 200)
	})
	t.Run("the demo is loaded once, however often it starts", func(t *testing.T) {
		p.stop(t)
		p.ends(t, 0)
		if again := count(serve(t, nil, "--data", data, "--demo")); again != loaded || loaded == 0 {
			t.Errorf("%d statements, then %d", loaded, again)
		}
	})
}

// pasted runs a curl line: with a shell where there is curl, else what it means.
func pasted(t *testing.T, line string) []byte {
	t.Helper()
	if _, err := exec.LookPath("curl"); err == nil {
		out, err := exec.Command("sh", "-c", strings.Replace(line, "curl ", "curl --silent --fail ", 1)).Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	parts := regexp.MustCompile(`^curl -u (\S+):(\S+) -H '([^:]+): ([^']+)' '([^']+)'$`).FindStringSubmatch(line)
	if parts == nil {
		t.Fatalf("another curl line than known: %s", line)
	}
	r, err := http.NewRequest(http.MethodGet, parts[5], nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(parts[1], parts[2])
	r.Header.Set(parts[3], parts[4])
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%v, %s", err, response.Status)
	}
	return content
}

func TestServe_refused(t *testing.T) {
	data := t.TempDir()
	p := serve(t, nil, "--data", data)
	t.Run("a second process on the same data is refused and told what to do", func(t *testing.T) {
		said := fails(t, nil, "serve", "--listen", "127.0.0.1:0", "--data", data)
		for _, part := range []string{data, "--data", "stop the acquis"} {
			if !strings.Contains(said, part) {
				t.Errorf("%q is missing in: %s", part, said)
			}
		}
		p.must(t, p.key, p.secret, "GET", "/xapi/statements", "", 200)
	})
	t.Run("an address in use is said, and no data are made", func(t *testing.T) {
		other := filepath.Join(t.TempDir(), "data")
		address := strings.TrimPrefix(p.url, "http://")
		if said := fails(t, nil, "serve", "--listen", address, "--data", other); !strings.Contains(said, address) || !strings.Contains(said, "in use") {
			t.Error(said)
		}
		if _, err := os.Stat(other); !os.IsNotExist(err) {
			t.Errorf("the data directory was made: %v", err)
		}
	})
	t.Run("every fault of the configuration is listed with its place", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "acquis.yaml")
		if err := os.WriteFile(file, []byte("listne: x\nlimits:\n  body: huge\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		env := []string{"ACQUIS_XAPI_VERSIONS=0.9", "ACQUIS_COLOUR=blue"}
		for _, args := range [][]string{{"serve", "--config", file, "--data", filepath.Join(t.TempDir(), "x")}, {"config", "check", "--config", file}} {
			said := fails(t, env, args...)
			for _, part := range []string{"acquis.yaml:1: listne", "acquis.yaml:3: limits.body", "ACQUIS_XAPI_VERSIONS", "ACQUIS_COLOUR"} {
				if !strings.Contains(said, part) {
					t.Errorf("%v: %q is missing in: %s", args, part, said)
				}
			}
		}
	})
	t.Run("config check finds nothing wrong with the defaults", func(t *testing.T) {
		out, err := command(t.Context(), nil, "config", "check").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "fine") {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("a data directory that cannot be is a fault", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if said := fails(t, nil, "serve", "--listen", "127.0.0.1:0", "--data", file); !strings.Contains(said, file) {
			t.Error(said)
		}
	})
}

// slowPost begins a POST of a statement and stops in the middle of it. finish sends the rest and
// returns the status.
func slowPost(t *testing.T, p *serving, key, secret, body string) (finish func() string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	r, _ := http.NewRequest(http.MethodPost, p.url, nil)
	r.SetBasicAuth(key, secret)
	fmt.Fprintf(conn, "POST /xapi/statements HTTP/1.1\r\nHost: acquis\r\nContent-Type: application/json\r\nX-Experience-API-Version: 1.0.3\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s",
		r.Header.Get("Authorization"), len(body), body[:20])
	return func() string {
		if _, err := io.WriteString(conn, body[20:]); err != nil {
			return err.Error()
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err.Error()
		}
		response.Body.Close()
		return response.Status
	}
}

func TestServe_drain(t *testing.T) {
	data := t.TempDir()
	p := serve(t, nil, "--data", data)
	id := uuid.NewString()
	finish := slowPost(t, p, p.key, p.secret, simple(id))
	p.awaitMetric(t, "go_goroutines", func(float64) bool { return true }) // the server has turned to the slow request's connection
	p.stop(t)
	t.Run("after SIGTERM it is no longer ready", func(t *testing.T) {
		for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			response, err := http.Get(p.url + "/readyz")
			if err != nil {
				return
			}
			response.Body.Close()
			if response.StatusCode == http.StatusServiceUnavailable {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal("still ready")
			}
		}
	})
	t.Run("a request in flight ends, then the process ends well", func(t *testing.T) {
		if status := finish(); status != "200 OK" {
			t.Errorf("the slow POST: %s", status)
		}
		p.ends(t, 0)
	})
	t.Run("what was answered while draining is there afterwards", func(t *testing.T) {
		serve(t, nil, "--data", data).must(t, p.key, p.secret, "GET", "/xapi/statements?statementId="+id, "", 200)
	})
	t.Run("a request that does not end is cut, and the process says so", func(t *testing.T) {
		p := serve(t, []string{"ACQUIS_HTTP_DRAIN=200ms"}, "--data", t.TempDir())
		slowPost(t, p, p.key, p.secret, simple(uuid.NewString()))
		p.awaitMetric(t, "go_goroutines", func(float64) bool { return true })
		p.stop(t)
		p.ends(t, 1)
		if !strings.Contains(p.err.String(), "cut") {
			t.Error(p.err.String())
		}
	})
}

// metric reads a metric without labels from /metrics.
func (p *serving) metric(t *testing.T, name string) float64 {
	t.Helper()
	r := p.must(t, "", "", "GET", "/metrics", "", 200)
	for line := range strings.Lines(r.body) {
		if rest, found := strings.CutPrefix(line, name+" "); found {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// awaitMetric waits until a metric is as wanted.
func (p *serving) awaitMetric(t *testing.T, name string, wanted func(float64) bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !wanted(p.metric(t, name)); time.Sleep(20 * time.Millisecond) {
		p.goOn(t, deadline)
	}
}

func TestServe_slowClients(t *testing.T) {
	p := serve(t, []string{"ACQUIS_HTTP_HEADER_TIMEOUT=300ms", "ACQUIS_HTTP_READ_IDLE_TIMEOUT=300ms", "ACQUIS_HTTP_WRITE_IDLE_TIMEOUT=300ms"}, "--data", t.TempDir())
	idle := p.metric(t, "go_goroutines")
	const clients = 100
	held := make([]net.Conn, 0, clients)
	for i := range clients {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		held = append(held, conn)
		if i%2 == 0 { // one half stops in the headers, the other in the body
			_, err = io.WriteString(conn, "POST /xapi/statements HTTP/1.1\r\nHost: a\r\n")
		} else {
			r, _ := http.NewRequest(http.MethodPost, p.url, nil)
			r.SetBasicAuth(p.key, p.secret)
			_, err = fmt.Fprintf(conn, "POST /xapi/statements HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nX-Experience-API-Version: 1.0.3\r\nAuthorization: %s\r\nContent-Length: 1000\r\n\r\n{", r.Header.Get("Authorization"))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Run("others are served meanwhile", func(t *testing.T) {
		p.must(t, p.key, p.secret, "POST", "/xapi/statements", simple(uuid.NewString()), 200)
	})
	t.Run("a client that stops is cut off and its worker is free", func(t *testing.T) {
		for i, conn := range held {
			if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(conn)
			if err != nil || i%2 == 1 && !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") {
				t.Fatalf("client %d: %v, %q", i, err, answer)
			}
		}
		p.awaitMetric(t, "go_goroutines", func(v float64) bool { return v < idle+clients/2 })
	})
}

func TestServe_gzipBomb(t *testing.T) {
	p := serve(t, nil, "--data", t.TempDir())
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for range 40 {
		if _, err := w.Write(blank); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	before := p.metric(t, "process_resident_memory_bytes")
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range 5 {
				r, err := http.NewRequest(http.MethodPost, p.url+"/xapi/statements", bytes.NewReader(bomb.Bytes()))
				if err != nil {
					t.Error(err)
					return
				}
				r.SetBasicAuth(p.key, p.secret)
				r.Header = http.Header{
					"Authorization": r.Header["Authorization"], "X-Experience-Api-Version": {"2.0.0"},
					"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"},
				}
				response, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				response.Body.Close()
				if response.StatusCode != http.StatusRequestEntityTooLarge {
					t.Error(response.Status)
				}
			}
		})
	}
	clients.Wait()
	t.Run("twenty bombs at four a time leave less than 256 MiB behind", func(t *testing.T) {
		if grown := p.metric(t, "process_resident_memory_bytes") - before; grown > 256<<20 {
			t.Errorf("memory grew by %.0f MiB", grown/(1<<20))
		} else {
			t.Logf("memory grew by %.0f MiB", grown/(1<<20))
		}
	})
	p.must(t, p.key, p.secret, "POST", "/xapi/statements", simple(uuid.NewString()), 200)
}
