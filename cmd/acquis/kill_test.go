package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

// kills is how often the store loses its process.
const kills = 10

// ledger is what the clients of a store know: what they sent, what was answered, what they saw.
type ledger struct {
	mu       sync.Mutex
	sent     map[string]string // statements by id, answered or not
	answered []string          // ids, in the order of the answers
	batches  [][]string        // ids of each request, answered or not
	voiders  map[string]string // by the id of their target
	essays   map[string]string // contents of attachments by the id of their statement
	through  string            // the latest Consistent-Through of any answer
	polled   map[string]bool   // ids that a reader saw who polls from the last Consistent-Through
}

func newLedger() *ledger {
	return &ledger{sent: map[string]string{}, voiders: map[string]string{}, essays: map[string]string{}, polled: map[string]bool{}}
}

// write is a request that a client is about to send.
type write struct {
	ids               []string
	contentType, body string
}

// next makes up a request: one statement, a batch, an attachment, a voiding or a reference.
func (l *ledger) next(random *rand.Rand) write {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := write{contentType: "application/json"}
	add := func(body func(id string) string) string {
		id := uuid.NewString()
		w.ids = append(w.ids, id)
		l.sent[id] = body(id)
		return l.sent[id]
	}
	switch kind := random.IntN(10); {
	case kind < 4:
		var statements []string
		for range 2 + random.IntN(30) {
			statements = append(statements, add(simple))
		}
		w.body = "[" + strings.Join(statements, ",") + "]"
	case kind < 6:
		essay := strings.Repeat(fmt.Sprint(random.Uint64()), 1+random.IntN(5000))
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte(essay)))
		statement := add(func(id string) string {
			return strings.TrimSuffix(simple(id), "}") + `,"attachments":[{"usageType":"https://usage.example/essay","display":{"en":"Essay"},"contentType":"text/plain","length":` +
				fmt.Sprint(len(essay)) + `,"sha2":"` + sum + `"}]}`
		})
		l.essays[w.ids[0]] = essay
		w.contentType = "multipart/mixed; boundary=edge"
		w.body = "--edge\r\nContent-Type: application/json\r\n\r\n" + statement +
			"\r\n--edge\r\nContent-Transfer-Encoding: binary\r\nX-Experience-API-Hash: " + sum + "\r\n\r\n" + essay + "\r\n--edge--\r\n"
	case kind < 8 && len(l.answered) > 0:
		target, verb := l.answered[random.IntN(len(l.answered))], "https://verbs.example/liked"
		_, act := l.sent[target], strings.Contains(l.sent[target], "StatementRef")
		if _, voided := l.voiders[target]; kind == 6 && !voided && !act {
			verb = "http://adlnet.gov/expapi/verbs/voided"
		}
		w.body = add(func(id string) string {
			if strings.HasSuffix(verb, "voided") {
				l.voiders[target] = id
			}
			return strings.NewReplacer("https://verbs.example/read", verb, `{"id":"https://pages.example/1"}`, `{"objectType":"StatementRef","id":"`+target+`"}`).Replace(simple(id))
		})
	default:
		w.body = add(simple)
	}
	l.batches = append(l.batches, w.ids)
	return w
}

// heard notes an answer: its Consistent-Through must not be before one that was heard before the
// request was sent.
func (l *ledger) heard(t *testing.T, before string, r reply, ids []string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	through := r.header.Get("X-Experience-API-Consistent-Through")
	if through < before {
		t.Errorf("Consistent-Through went back from %s to %s", before, through)
	}
	l.through = max(l.through, through)
	if r.status == 200 {
		l.answered = append(l.answered, ids...)
	}
}

func (l *ledger) heardThrough() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.through
}

// load posts until the server goes away or stop is set.
func (l *ledger) load(t *testing.T, p *serving, key, secret string, stop *atomic.Bool) {
	random := rand.New(rand.NewPCG(rand.Uint64(), 1))
	for !stop.Load() {
		before := l.heardThrough()
		w := l.next(random)
		r, err := p.send(key, secret, "POST", "/xapi/statements", w.contentType, w.body)
		if err != nil {
			return
		}
		if r.status != 200 {
			t.Errorf("%d %s", r.status, r.body)
		}
		l.heard(t, before, r, w.ids)
	}
}

// listed is a statement as a page shows it.
type listed struct {
	id, stored, bytes string
}

// walk reads all statements after an instant, oldest first, and returns the first answer's
// Consistent-Through.
func walk(p *serving, key, secret, since string) (statements []listed, through string, err error) {
	path := "/xapi/statements?ascending=true&limit=1000"
	if since != "" {
		path += "&since=" + since
	}
	for path != "" {
		r, err := p.send(key, secret, "GET", path, "", "")
		if err != nil {
			return nil, "", err
		}
		var page struct {
			Statements []json.RawMessage
			More       string
		}
		if err := json.Unmarshal([]byte(r.body), &page); err != nil || r.status != 200 {
			return nil, "", fmt.Errorf("%d %s: %w", r.status, r.body, err)
		}
		for _, raw := range page.Statements {
			var s struct{ ID, Stored string }
			if err := json.Unmarshal(raw, &s); err != nil {
				return nil, "", err
			}
			statements = append(statements, listed{s.ID, s.Stored, string(raw)})
		}
		if through == "" {
			through = r.header.Get("X-Experience-API-Consistent-Through")
		}
		path = page.More
	}
	return statements, through, nil
}

// poll reads what is new from the last Consistent-Through on, until the server goes away.
func (l *ledger) poll(p *serving, key, secret, since string, stop *atomic.Bool) string {
	for last := false; !last; {
		last = stop.Load()
		statements, through, err := walk(p, key, secret, since)
		if err != nil {
			return since
		}
		l.mu.Lock()
		for _, s := range statements {
			l.polled[s.id] = true
		}
		l.mu.Unlock()
		since = through
	}
	return since
}

// TestKill ends the process with SIGKILL under load, again and again on the same data.
func TestKill(t *testing.T) {
	const key, secret = "root", "a-root-secret"
	env, data := []string{"ACQUIS_ROOT_KEY=" + key, "ACQUIS_ROOT_SECRET=" + secret}, t.TempDir()
	l, since := newLedger(), ""
	for range kills {
		p := serve(t, env, "--data", data)
		r := p.must(t, key, secret, "GET", "/xapi/statements?limit=1", "", 200)
		l.heard(t, l.through, r, nil)
		var clients sync.WaitGroup
		var stop atomic.Bool
		for range 4 {
			clients.Go(func() { l.load(t, p, key, secret, &stop) })
		}
		clients.Go(func() { since = l.poll(p, key, secret, since, &stop) })
		time.Sleep(time.Duration(100+rand.IntN(500)) * time.Millisecond)
		p.kill()
		stop.Store(true)
		clients.Wait()
	}
	p := serve(t, env, "--data", data)
	var stop atomic.Bool
	stop.Store(true)
	since = l.poll(p, key, secret, since, &stop)
	statements, through, err := walk(p, key, secret, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d requests of %d statements, %d answered, %d listed, %d voided", len(l.batches), len(l.sent), len(l.answered), len(statements), len(l.voiders))
	byID := map[string]listed{}
	for _, s := range statements {
		byID[s.id] = s
	}
	l.judge(t, p, key, secret, statements, byID)
	t.Run("a reader who polls from the last Consistent-Through has missed nothing", func(t *testing.T) {
		for _, s := range statements {
			if !l.polled[s.id] {
				t.Errorf("%s, stored %s, was missed (through %s, polled from %s)", s.id, s.stored, through, since)
			}
		}
	})
}

// judge compares what the clients know with what the store has.
func (l *ledger) judge(t *testing.T, p *serving, key, secret string, statements []listed, byID map[string]listed) {
	t.Run("stored is strictly increasing over all processes", func(t *testing.T) {
		for i := 1; i < len(statements); i++ {
			if statements[i-1].stored >= statements[i].stored {
				t.Errorf("%s before %s", statements[i-1].stored, statements[i].stored)
			}
		}
	})
	l.findVoided(t, p, key, secret, byID)
	t.Run("every answered statement is there, byte for byte", func(t *testing.T) {
		for _, id := range l.answered {
			if _, found := byID[id]; !found {
				t.Errorf("%s was answered and is lost", id)
			}
		}
		for id, s := range byID {
			if sent := strings.TrimSuffix(l.sent[id], "}") + ","; l.sent[id] == "" || !strings.HasPrefix(s.bytes, sent) || !json.Valid([]byte(s.bytes)) {
				t.Errorf("sent %s\nkept %s", l.sent[id], s.bytes)
			}
		}
	})
	t.Run("a batch is there whole or not at all", func(t *testing.T) {
		for _, ids := range l.batches {
			there := len(slices.DeleteFunc(slices.Clone(ids), func(id string) bool { _, found := byID[id]; return !found }))
			if there != 0 && there != len(ids) {
				t.Errorf("%d of %d are there", there, len(ids))
			}
		}
	})
	t.Run("no statement is there without its attachment", func(t *testing.T) {
		checked := 0
		for _, id := range slices.Sorted(maps.Keys(l.essays)) {
			if _, found := byID[id]; !found || checked == 200 {
				continue
			}
			checked++
			parameter := "statementId"
			if l.voidedNow(byID, id) {
				parameter = "voidedStatementId"
			}
			r := p.must(t, key, secret, "GET", "/xapi/statements?attachments=true&"+parameter+"="+id, "", 200)
			if !strings.Contains(r.body, "\r\n\r\n"+l.essays[id]+"\r\n--") {
				t.Errorf("the attachment of %s is not what was sent", id)
			}
		}
		if checked == 0 {
			t.Error("no attachment was stored")
		}
	})
}

// findVoided adds to byID the statements that pages do not list, and checks that exactly those are
// voided whose voiding is there.
func (l *ledger) findVoided(t *testing.T, p *serving, key, secret string, byID map[string]listed) {
	t.Run("a statement is voided exactly when its voiding is there", func(t *testing.T) {
		found := map[string]listed{}
		for target := range l.voiders {
			_, shown := byID[target]
			voided := l.voidedNow(byID, target)
			if shown == voided {
				t.Errorf("%s is listed: %v, its voiding is there: %v", target, shown, voided)
			}
			if voided {
				r := p.must(t, key, secret, "GET", "/xapi/statements?voidedStatementId="+target, "", 200)
				found[target] = listed{id: target, bytes: r.body}
			}
		}
		maps.Copy(byID, found)
	})
}

func (l *ledger) voidedNow(byID map[string]listed, target string) bool {
	voider, sent := l.voiders[target]
	_, there := byID[voider]
	return sent && there
}
