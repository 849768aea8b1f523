package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"acquis/internal/faultproxy"
)

// serveForwarding starts a server that may go to this machine, with a secret for it.
func serveForwarding(t *testing.T) *serving {
	t.Helper()
	env := []string{"ACQUIS_ROOT_KEY=boss", "ACQUIS_ROOT_SECRET=open-sesame", "ACQUIS_CONNECT_PRIVATE=127.0.0.1", "CONNECT_OTHER=open-sesame"}
	return serve(t, env, "--data", t.TempDir())
}

// await waits for something of which the server gives no sign.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to pass that " + what)
		}
	}
}

// source makes a source with a credential of its name and a secret that the other server has, too.
func (p *serving) addSource(t *testing.T, name string) (key, secret string) {
	t.Helper()
	runs(t, moveEnv(p), "source", "add", name, "--may-void")
	found := issuedCredential.FindStringSubmatch(runs(t, moveEnv(p), "credential", "issue", "--source", name, "--scopes", "statements/write statements/read"))
	if found == nil {
		t.Fatal("no credential")
	}
	return found[1], found[2]
}

// count is how many statements a server lists.
func (p *serving) count(t *testing.T) int {
	t.Helper()
	return len(listing(t, p))
}

// tells reports whether the metrics hold lines.
func (p *serving) tells(t *testing.T, lines ...string) bool {
	t.Helper()
	metrics := p.must(t, "boss", "open-sesame", "GET", "/metrics", "", 200).body
	for _, line := range lines {
		if !strings.Contains(metrics, line+"\n") {
			return false
		}
	}
	return true
}

// TestForward lets two servers feed each other, over a network that fails.
func TestForward(t *testing.T) {
	a, b := serveForwarding(t), serveForwarding(t)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := faultproxy.New(t, "127.0.0.1:"+port)
	ids := make([]string, 40)
	for i := range ids {
		ids[i] = uuid.NewString()
		if i%10 == 0 {
			_, body, contentType := attached(ids[i], fmt.Sprintf("certificate %d", i))
			if r, err := a.send("boss", "open-sesame", "POST", "/xapi/statements", contentType, body); err != nil || r.status != 200 {
				t.Fatal(err, r)
			}
			continue
		}
		a.must(t, "boss", "open-sesame", "POST", "/xapi/statements", simple(ids[i]), 200)
	}
	proxy.Refuse(true)
	wantIn(t, runs(t, moveEnv(a), "forward", "add", "to-b", "--to", "http://"+proxy.Addr()+"/xapi", "--to-key", "boss", "--to-secret", "env:CONNECT_OTHER", "--from", "beginning", "--batch", "7"), "are forwarded")
	t.Run("a target that is away is told, and costs the store nothing", func(t *testing.T) {
		await(t, "the failure shows", func() bool {
			return strings.Contains(runs(t, moveEnv(a), "forward", "list"), "could not be reached")
		})
		a.must(t, "boss", "open-sesame", "POST", "/xapi/statements", simple(uuid.NewString()), 200)
	})
	proxy.Refuse(false)
	proxy.CutAfter(faultproxy.FromServer, 2000) // an answer is lost
	runs(t, moveEnv(a), "forward", "resume", "to-b")
	t.Run("everything arrives once it is back, in order and once, attachments too", func(t *testing.T) {
		await(t, "all is there", func() bool { return b.count(t) == 41 })
		wantSame(t, a, b)
		wantIn(t, b.must(t, "boss", "open-sesame", "GET", "/xapi/statements?attachments=true&limit=100", "", 200).body, "certificate 0", "certificate 30")
	})
	t.Run("two that feed each other settle", func(t *testing.T) {
		runs(t, moveEnv(b), "forward", "add", "to-a", "--to", a.url+"/xapi", "--to-key", "boss", "--to-secret", "env:CONNECT_OTHER", "--from", "beginning")
		for _, p := range []*serving{a, b} {
			p.must(t, "boss", "open-sesame", "POST", "/xapi/statements", simple(uuid.NewString()), 200)
		}
		await(t, "both are through", func() bool {
			return a.tells(t, `acquis_forward_sent_total{forward="to-b"} 43`, `acquis_forward_lag_seconds{forward="to-b"} 0`) &&
				b.tells(t, `acquis_forward_sent_total{forward="to-a"} 43`, `acquis_forward_lag_seconds{forward="to-a"} 0`)
		})
		if a.count(t) != 43 || b.count(t) != 43 {
			t.Errorf("%d on one side, %d on the other, want 43", a.count(t), b.count(t))
		}
	})
	t.Run("what came by a source does not go back by it", func(t *testing.T) {
		key, secret := a.addSource(t, "from-b")
		var f map[string]any
		if err := json.Unmarshal([]byte(runs(t, moveEnv(a), "forward", "show", "to-b")), &f); err != nil {
			t.Fatal(err)
		}
		f["filter"] = map[string]any{"exceptSources": []string{"from-b"}}
		changed, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "f.json")
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		wantIn(t, runs(t, moveEnv(a), "forward", "put", "to-b", path), "is changed")
		a.must(t, key, secret, "POST", "/xapi/statements", simple(uuid.NewString()), 200)
		await(t, "it is passed over", func() bool { return a.tells(t, `acquis_forward_passed_total{forward="to-b"} 1`) })
		if b.count(t) != 43 {
			t.Errorf("%d statements came back", b.count(t)-43)
		}
	})
	t.Run("what the target refuses is a dead letter, to be replayed or settled", func(t *testing.T) {
		id := uuid.NewString()
		runs(t, moveEnv(b), "forward", "pause", "to-a")
		await(t, "nothing goes from b to a", func() bool { return !b.tells(t, `{forward="to-a"}`) })
		b.must(t, "boss", "open-sesame", "POST", "/xapi/statements", strings.Replace(simple(id), "pages.example/1", "pages.example/2", 1), 200)
		a.must(t, "boss", "open-sesame", "POST", "/xapi/statements", simple(id), 200)
		var list string
		await(t, "the letter is there", func() bool {
			list = runs(t, moveEnv(a), "forward", "letters", "to-b")
			return strings.Contains(list, id)
		})
		wantIn(t, list, "409")
		wantIn(t, runs(t, moveEnv(a), "forward", "replay", "to-b"), "1 dead letters are sent once more")
		await(t, "it is refused again", func() bool {
			return strings.Contains(runs(t, moveEnv(a), "forward", "letters", "to-b", "--json"), `"attempts": 2`)
		})
		wantIn(t, runs(t, moveEnv(a), "forward", "settle", "to-b", "--note", "they keep theirs"), "1 dead letters are settled")
		wantIn(t, runs(t, moveEnv(a), "forward", "letters", "to-b"), "There are none.")
	})
	for rule, c := range map[string]struct {
		args []string
		want string
	}{
		"a secret that is one is refused, and not repeated": {[]string{"forward", "add", "x", "--to", b.url, "--to-key", "k", "--to-secret", "hunter2"}, "must say where the secret is"},
		"an address inside is refused by default":           {[]string{"forward", "add", "x", "--to", "file:///etc/passwd", "--to-key", "k", "--to-secret", "env:CONNECT_OTHER"}, "/endpoint"},
		"an agent that is no JSON is told":                  {[]string{"forward", "add", "x", "--to", b.url, "--to-secret", "env:CONNECT_OTHER", "--agent", "ann"}, "--agent"},
		"one that is not there is told":                     {[]string{"forward", "delete", "x"}, "there is no forward"},
	} {
		t.Run(rule, func(t *testing.T) {
			said := fails(t, moveEnv(a), c.args...)
			wantIn(t, said, c.want)
			if strings.Contains(said, "hunter2") {
				t.Error("the secret is repeated")
			}
		})
	}
	wantIn(t, runs(t, moveEnv(a), "forward", "delete", "to-b"), "is gone")
}
