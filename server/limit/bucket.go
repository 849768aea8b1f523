package limit

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"acquis/server"
)

// Rate is a token bucket: PerSecond requests in the long run, Burst at once after a pause.
type Rate struct {
	PerSecond float64
	Burst     int
}

func (r Rate) none() bool { return r.PerSecond <= 0 }

// window is how many seconds an empty bucket takes to be full.
func (r Rate) window() int { return int(math.Ceil(float64(r.burst()) / r.PerSecond)) }

// burst is at least 1, or no request would ever pass.
func (r Rate) burst() int { return max(1, r.Burst) }

// buckets are those of the clients seen last.
type buckets[K comparable] struct {
	name string // of the policy
	seen *lru.Cache[K, *bucket]
}

// bucket is one client's. A Rate that differs from the one it was made with replaces it, full.
type bucket struct {
	rate    Rate
	policy  string
	limiter *rate.Limiter
}

func newBuckets[K comparable](name string, most int) (*buckets[K], error) {
	seen, err := lru.New[K, *bucket](most)
	return &buckets[K]{name, seen}, err
}

// take takes one request from a client's bucket and says in the answer what is left. It returns how long
// the client has to wait, 0 when the request was taken.
func (b *buckets[K]) take(ctx context.Context, client K, r Rate, now time.Time) time.Duration {
	own := b.of(client, r)
	taken := own.limiter.AllowN(now, 1)
	left := own.limiter.TokensAt(now)
	var after time.Duration
	if !taken {
		after = max(1, time.Duration((1-left)/r.PerSecond*float64(time.Second)))
	}
	own.announce(server.AnswerHeader(ctx), b.name, left, after)
	return after
}

func (b *buckets[K]) of(client K, r Rate) *bucket {
	if own, known := b.seen.Get(client); known && own.rate == r {
		return own
	}
	own := &bucket{r, r.policy(b.name), rate.NewLimiter(rate.Limit(r.PerSecond), r.burst())}
	if former, known, _ := b.seen.PeekOrAdd(client, own); known {
		if former.rate == r { // another request was first
			return former
		}
		b.seen.Add(client, own)
	}
	return own
}

// The headers of draft-ietf-httpapi-ratelimit-headers-10, as net/http spells them in its maps.
const (
	headerPolicy = "Ratelimit-Policy"
	headerLeft   = "Ratelimit"
)

// announce adds a policy and what is left of it to an answer: of so many requests a window, r are left;
// in t seconds there are all of them again, or, when none is left, the next.
func (b *bucket) announce(h http.Header, policy string, left float64, after time.Duration) {
	reset := math.Ceil((float64(b.rate.burst()) - left) / b.rate.PerSecond)
	if after > 0 {
		reset = math.Ceil(after.Seconds())
	}
	var room [64]byte
	text := append(append(append(room[:0], '"'), policy...), `";r=`...)
	text = strconv.AppendInt(text, int64(max(0, left)), 10)
	text = strconv.AppendInt(append(text, ";t="...), int64(reset), 10)
	h[headerLeft] = append(h[headerLeft], string(text))
	h[headerPolicy] = append(h[headerPolicy], b.policy)
}

// policy names a rate: q requests in w seconds.
func (r Rate) policy(name string) string {
	return `"` + name + `";q=` + strconv.Itoa(r.burst()) + ";w=" + strconv.Itoa(r.window())
}
