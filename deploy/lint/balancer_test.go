package lint

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait; passing tests never come near it.
const patience = time.Minute

// balancer is a running HAProxy with the configuration of deploy/compose.
type balancer struct {
	url    string
	client *http.Client
	log    string // the file
}

// balance starts HAProxy before two addresses. Only the addresses, ports and the certificate differ from
// what compose mounts.
func balance(t *testing.T, first, second string) *balancer {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "../compose/make-secrets", dir).CombinedOutput(); err != nil {
		t.Fatalf("make-secrets: %v\n%s", err, out)
	}
	configuration, err := os.ReadFile("../compose/haproxy.cfg")
	if err != nil {
		t.Fatal(err)
	}
	plain, encrypted := freeAddress(t), freeAddress(t)
	text := strings.NewReplacer(
		"/run/secrets/tls", filepath.Join(dir, "tls.pem"), "bind :8080", "bind "+plain, "bind :8443", "bind "+encrypted,
		"acquis1:8080", first, "acquis2:8080", second,
	).Replace(string(configuration))
	path := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "haproxy", "-W", "-c", "-f", path).CombinedOutput(); err != nil || bytes.Contains(out, []byte("WARNING")) {
		t.Fatalf("haproxy -c: %v\n%s", err, out)
	}
	b := &balancer{url: "https://" + encrypted, client: trusting(t, filepath.Join(dir, "tls.crt")), log: filepath.Join(dir, "log")}
	haproxy := exec.Command("haproxy", "-db", "-f", path)
	log, err := os.Create(b.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() // the process has its own
	haproxy.Stdout = log
	start(t, haproxy)
	waitFor(t, b.client, b.url+"/balancer")
	return b
}

// trusting is a client that trusts one certificate and keeps no connection, so that each request is balanced.
func trusting(t *testing.T, certificate string) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(certificate)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start starts a process that ends with the test.
func start(t *testing.T, command *exec.Cmd) (ended chan struct{}) {
	t.Helper()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended = make(chan struct{})
	go func() {
		_ = command.Wait() // the state of the process tells
		close(ended)
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill() // it may have ended already
		<-ended
	})
	return ended
}

func waitFor(t *testing.T, client *http.Client, url string) {
	t.Helper()
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		response, err := client.Get(url)
		if last = err; err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
	}
	t.Fatalf("%s is not ready: %v", url, last)
}

// send sends one request and returns its answer.
func (b *balancer) send(method, path, content string, header http.Header) (status int, body string, err error) {
	r, err := http.NewRequest(method, b.url+path, strings.NewReader(content))
	if err != nil {
		return 0, "", err
	}
	r.Header = header
	response, err := b.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// backend is a server that is always ready and otherwise does as it is told; it counts requests.
func backend(t *testing.T, do http.HandlerFunc) (address string, requests *atomic.Int64) {
	requests = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			requests.Add(1)
			do(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), requests
}

func TestBalancer_retries(t *testing.T) {
	lose := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	refuse := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
	answer := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "done") }
	for name, test := range map[string]struct {
		method string
		bad    http.HandlerFunc
		want   int // of the requests that met the bad one
	}{
		"a read whose answer was lost is asked of the other":          {"GET", lose, 200},
		"a read that is refused is asked of the other":                {"GET", refuse, 200},
		"a write whose answer was lost is told, and never sent again": {"POST", lose, 502},
		"so is a PUT, which may have a condition":                     {"PUT", lose, 502},
		"a write that is refused is told":                             {"POST", refuse, 503},
	} {
		t.Run(name, func(t *testing.T) {
			bad, met := backend(t, test.bad)
			good, done := backend(t, answer)
			b := balance(t, bad, good)
			const requests = 6
			other := 0
			for range requests {
				status, _, err := b.send(test.method, "/xapi/statements", "{}", nil)
				if err != nil {
					t.Fatal(err)
				}
				if status != 200 {
					other++
					if status != test.want {
						t.Errorf("status %d", status)
					}
				}
			}
			if met.Load() == 0 {
				t.Fatal("no request met the bad one: nothing is shown")
			}
			sent := int(met.Load() + done.Load())
			if test.want == 200 && (other > 0 || done.Load() != requests) || test.want != 200 && (sent != requests || other != int(met.Load())) {
				t.Errorf("%d requests: %d met the bad one, %d the good one, %d failed", requests, met.Load(), done.Load(), other)
			}
		})
	}
	t.Run("a connection that is refused carried nothing, so that any request goes on", func(t *testing.T) {
		good, done := backend(t, answer)
		b := balance(t, freeAddress(t), good)
		for range 6 {
			if status, body, err := b.send("POST", "/xapi/statements", "{}", nil); status != 200 || err != nil {
				t.Errorf("%d %s %v", status, body, err)
			}
		}
		if done.Load() != 6 {
			t.Errorf("%d requests arrived", done.Load())
		}
	})
}

func TestBalancer_headers(t *testing.T) {
	show := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "shown-"+r.Header.Get("X-Request-Id"))
		fmt.Fprint(w, r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"], r.Header["X-Forwarded-Host"], len(r.Header.Get("X-Long")))
	}
	one, _ := backend(t, show)
	two, _ := backend(t, show)
	b := balance(t, one, two)
	host := strings.TrimPrefix(b.url, "https://")
	long := strings.Repeat("x", 60<<10)
	status, body, err := b.send("GET", "/xapi/statements?agent=ann@example.org", "", http.Header{
		"X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Proto": {"gopher"}, "X-Forwarded-Host": {"evil.example"},
		"X-Request-Id": {"mine"}, "X-Long": {long},
	})
	if want := fmt.Sprintf("[127.0.0.1] [https] [%s] %d", host, len(long)); status != 200 || body != want || err != nil {
		t.Errorf("%d %q %v, want %q: a client's claims are replaced, and 64 KiB of headers pass", status, body, err, want)
	}
	t.Run("the log has the request's id and nothing personal", func(t *testing.T) {
		var log []byte
		for deadline := time.Now().Add(patience); !bytes.Contains(log, []byte("id=shown-mine")); time.Sleep(10 * time.Millisecond) {
			if log, err = os.ReadFile(b.log); err != nil || time.Now().After(deadline) {
				t.Fatalf("the request is not in the log: %v\n%s", err, log)
			}
		}
		for _, personal := range []string{"ann@example.org", "192.0.2.1", "127.0.0.1"} {
			if bytes.Contains(log, []byte(personal)) {
				t.Errorf("the log shows %s: %s", personal, log)
			}
		}
	})
}

// startAcquis starts the program on its embedded store, with the times that compose gives it.
func startAcquis(t *testing.T, program string, times []string) (address string, process *os.Process, ended chan struct{}) {
	t.Helper()
	command := exec.Command(program, "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir())
	command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "ACQUIS_ROOT_KEY=root", "ACQUIS_ROOT_SECRET=open-sesame"}, times...)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	ended = start(t, command)
	printed := regexp.MustCompile(`http://([0-9.:]+)/xapi/`)
	buffer := make([]byte, 4<<10)
	for said := ""; ; {
		n, err := out.Read(buffer)
		if said += string(buffer[:n]); printed.MatchString(said) {
			address = printed.FindStringSubmatch(said)[1]
			break
		}
		if err != nil {
			t.Fatalf("acquis ended: %v %s", err, said)
		}
	}
	waitFor(t, http.DefaultClient, "http://"+address+"/readyz")
	return address, command.Process, ended
}

func TestBalancer_drain(t *testing.T) {
	program := filepath.Join(t.TempDir(), "acquis")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "../..", "-o", program, "./cmd/acquis").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	acquis := loadCompose(t).Services["acquis1"]
	var times []string
	for _, variable := range []string{"ACQUIS_HTTP_DRAIN_DELAY", "ACQUIS_HTTP_DRAIN"} {
		times = append(times, variable+"="+*acquis.Environment[variable])
	}
	first, process, ended := startAcquis(t, program, times)
	second, _, _ := startAcquis(t, program, times)
	b := balance(t, first, second)

	header := http.Header{"Content-Type": {"application/json"}, "X-Experience-Api-Version": {"2.0.0"}}
	probe, _ := http.NewRequest("GET", b.url, nil)
	probe.SetBasicAuth("root", "open-sesame")
	header.Set("Authorization", probe.Header.Get("Authorization"))
	var clients sync.WaitGroup
	var answered atomic.Int64
	over := make(chan struct{})
	for n := range 4 {
		method, content := "GET", ""
		if n%2 == 0 {
			method, content = "POST", `{"actor":{"mbox":"mailto:ann@example.org"},"verb":{"id":"https://verbs.example/read"},"object":{"id":"https://pages.example/1"}}`
		}
		clients.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if status, body, err := b.send(method, "/xapi/statements", content, header); err != nil || status/100 != 2 {
					t.Errorf("%s: %d %s %v", method, status, body, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	if err := process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("the process does not end")
	}
	for before := answered.Load(); answered.Load() < before+50 && !t.Failed(); time.Sleep(time.Millisecond) {
	}
	close(over)
	clients.Wait()
	t.Logf("%d requests were answered while one of two processes ended", answered.Load())
}
