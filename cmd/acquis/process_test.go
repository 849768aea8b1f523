package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the built program, which the tests of whole processes start.
var program string

func TestMain(m *testing.M) { os.Exit(withProgram(m)) }

func withProgram(m *testing.M) int {
	dir, err := os.MkdirTemp("", "acquis-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "acquis")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// patience bounds every wait for a process; passing tests never come near it.
const patience = 30 * time.Second

// transcript gathers what a process writes.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *transcript) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *transcript) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// serving is a started acquis serve.
type serving struct {
	cmd         *exec.Cmd
	out, err    transcript
	ended       chan struct{} // closed when the process has ended
	url         string        // without the path /xapi
	key, secret string        // what it printed, if it did
}

// command makes a command line of the program, without the ACQUIS_ variables of the test's own
// environment.
func command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	own := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ACQUIS_") })
	cmd.Env = append(own, env...)
	return cmd
}

var (
	printedURL        = regexp.MustCompile(`xAPI\s+(http://\S+)/xapi/\n`)
	printedCredential = regexp.MustCompile(`key\s+(\S+)\n\s+secret\s+(\S+)\n`)
)

// serve starts the program on a free port and waits until it is ready.
func serve(t testing.TB, env []string, args ...string) *serving {
	t.Helper()
	p := &serving{ended: make(chan struct{})}
	p.cmd = command(context.Background(), env, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the state of the process tells
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if found := printedURL.FindStringSubmatch(p.out.String()); found != nil {
			p.url = found[1]
			break
		}
		p.goOn(t, deadline)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if response, err := http.Get(p.url + "/readyz"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				break
			}
		}
		p.goOn(t, deadline)
	}
	if found := printedCredential.FindStringSubmatch(p.out.String()); found != nil {
		p.key, p.secret = found[1], found[2]
	}
	return p
}

// goOn fails the test when waiting for the process has become pointless.
func (p *serving) goOn(t testing.TB, deadline time.Time) {
	t.Helper()
	select {
	case <-p.ended:
		t.Fatalf("acquis ended\n%s\n%s", p.out.String(), p.err.String())
	default:
	}
	if time.Now().After(deadline) {
		t.Fatalf("acquis is not ready\n%s\n%s", p.out.String(), p.err.String())
	}
}

// kill ends the process at once, as a power cut would.
func (p *serving) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.ended
}

// stop sends SIGTERM.
func (p *serving) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// ends waits for the end of the process and checks its exit code.
func (p *serving) ends(t *testing.T, code int) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatal("acquis does not end")
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d, want %d\n%s", got, code, p.err.String())
	}
}

// fails runs a command line that ends by itself with a fault, and returns what it says.
func fails(t *testing.T, env []string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := command(ctx, env, args...).CombinedOutput()
	if err == nil || ctx.Err() != nil {
		t.Fatalf("acquis %s: want a fault, got %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// reply is what the server answered.
type reply struct {
	status int
	header http.Header
	body   string
}

// send sends a request as a credential, in xAPI 1.0.3.
func (p *serving) send(key, secret, method, path, contentType, body string) (reply, error) {
	r, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("X-Experience-API-Version", "1.0.3")
	r.SetBasicAuth(key, secret)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, string(content)}, err
}

// must sends a request whose answer must have the status.
func (p *serving) must(t *testing.T, key, secret, method, path, body string, status int) reply {
	t.Helper()
	r, err := p.send(key, secret, method, path, "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	if r.status != status {
		t.Fatalf("%s %s: %d %s, want %d", method, path, r.status, r.body, status)
	}
	return r
}
