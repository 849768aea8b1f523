package limit

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Lockout makes guessing secrets slow: Failures wrong secrets for one key from one address, then a wait
// of First, doubled with each further one up to Longest. widely times as many from one address for any
// keys make it wait for all of them. A right secret forgives those of its key; Longest without a wrong
// one forgives everything. The zero Lockout is none.
type Lockout struct {
	Failures int
	First    time.Duration
	Longest  time.Duration
}

const widely = 10

// failures remembers who presented wrong secrets.
type failures struct {
	rule Lockout
	seed maphash.Seed
	mu   sync.Mutex // of counting; looking goes without
	seen *lru.Cache[guess, failure]
}

// guess is a key tried from a network. Keys are hashed, with a seed that nobody knows: they are as long
// as a stranger likes. The guess without a key stands for all of the network.
type guess struct {
	from netip.Prefix
	key  uint64
}

func (g guess) anyKey() guess { return guess{from: g.from} }

// failure is how often it went wrong, the last time, and until when nothing is heard.
type failure struct {
	count int
	last  time.Time
	until time.Time
}

func newFailures(rule Lockout, most int) (*failures, error) {
	seen, err := lru.New[guess, failure](most)
	return &failures{rule: rule, seed: maphash.MakeSeed(), seen: seen}, err
}

func (f *failures) guess(from netip.Prefix, key string) guess {
	return guess{from, max(1, maphash.String(f.seed, key))}
}

// wait is how long a guess has to wait, 0 when it may be tried.
func (f *failures) wait(g guess, now time.Time) time.Duration {
	own, _ := f.seen.Peek(g)
	all, _ := f.seen.Peek(g.anyKey())
	return max(0, own.until.Sub(now), all.until.Sub(now))
}

// count notes a wrong secret. One that was tried while another made the client wait, at the same moment,
// counts like any.
func (f *failures) count(g guess, now time.Time) {
	if f.rule.Failures <= 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.raise(g, f.rule.Failures, now)
	f.raise(g.anyKey(), f.rule.Failures*widely, now)
}

func (f *failures) raise(g guess, allowed int, now time.Time) {
	fault, _ := f.seen.Get(g)
	if now.Sub(fault.last) > f.rule.Longest && now.After(fault.until) {
		fault = failure{}
	}
	fault.count++
	fault.last = now
	if over := fault.count - allowed; over >= 0 {
		fault.until = now.Add(f.rule.pause(over))
	}
	f.seen.Add(g, fault)
}

// pause is First, doubled over times.
func (l Lockout) pause(over int) time.Duration {
	pause := l.First
	for range over {
		if pause *= 2; pause >= l.Longest {
			return l.Longest
		}
	}
	return min(pause, l.Longest)
}

// forgive forgets the wrong secrets of a key whose right one came. Those of the whole network stay: one
// credential of one's own must not help guessing those of others.
func (f *failures) forgive(g guess) {
	if f.seen.Contains(g) {
		f.seen.Remove(g)
	}
}
