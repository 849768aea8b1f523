// Package campus makes the demo world: a small made-up Campus du numérique public whose agents take
// Pix campaigns, OpenClassrooms courses, in-house modules, classroom sessions and retraining
// programmes. Everything follows from a seed, so that the demo, the load generator and the tests
// see the same bytes each time.
//
//	seed -> people.go, catalogue.go -> stories (story_*.go) -> Statement, Demo
//	                                -> load.go              -> Bench
//
// No person, ministry or address in it exists: domains are those that RFC 2606 and RFC 6761 reserve.
package campus

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Versions of the specification that the statements are written for.
const (
	Version103 = "1.0.3"
	Version200 = "2.0.0"
)

const (
	demoLearners     = 40
	storiesALearner  = 5  // one of each provider, told in this order over the year
	statementsAStory = 10 // fixed, so that statement i is found without telling the stories before it
)

// Streams keep the random choices for one purpose apart from those for another.
const (
	streamStatementID = iota + 1
	streamRegistration
	streamStory
	streamLoad
	streamEnrolment
)

// Statement is one statement as a provider would send it.
type Statement struct {
	JSON    []byte
	Version string // what to announce in X-Experience-API-Version
}

// Campus is a made-up world. It is safe for concurrent use; all its methods are pure functions of
// the seed, the options and their arguments.
type Campus struct {
	seed  uint64
	run   uint64
	start time.Time
	load  func() *loadPool
}

// Option changes how a campus is made.
type Option func(*Campus)

// WithStart sets the time before which all happens; statements spread over the year that ends there.
func WithStart(start time.Time) Option {
	return func(c *Campus) { c.start = start.UTC() }
}

// WithRun gives statements and registrations other ids, while people, activities and verbs stay:
// two runs with the same seed can be sent to the same store.
func WithRun(run uint64) Option {
	return func(c *Campus) { c.run = run }
}

// New makes the campus of the seed. Without WithStart the year ends on 1 September 2026.
func New(seed uint64, opts ...Option) *Campus {
	c := &Campus{seed: seed, start: time.Date(2026, time.September, 1, 8, 0, 0, 0, time.UTC)}
	for _, opt := range opts {
		opt(c)
	}
	c.load = sync.OnceValue(c.newLoadPool)
	return c
}

// Statement returns statement i, i >= 0. Ten statements tell one story, five stories make the year
// of one learner; a statement only refers to statements of its own story.
func (c *Campus) Statement(i int) Statement {
	return encode(c.story(i / statementsAStory)[i%statementsAStory])
}

// Demo returns the first 2,000 statements: 40 learners, as many statements from each provider.
// The later ones refer to the earlier ones.
func (c *Campus) Demo() []Statement {
	stories := demoLearners * storiesALearner
	demo := make([]Statement, 0, stories*statementsAStory)
	for n := range stories {
		for _, stmt := range c.story(n) {
			demo = append(demo, encode(stmt))
		}
	}
	return demo
}

func encode(stmt statement) Statement {
	version := Version103
	if stmt.Version != "" {
		version = stmt.Version
	}
	return Statement{JSON: marshal(stmt), Version: version}
}

// marshal writes JSON without the escapes that encoding/json adds for HTML.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("campus: a made-up value cannot be written as JSON: %v", err)) // a fault in this package
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// random returns the source of all choices about item n of a stream.
func (c *Campus) random(stream, n uint64) *rand.Rand {
	return rand.New(rand.NewPCG(c.seed, stream<<56|n))
}

// uuid returns the random-looking id (RFC 9562 version 4) of item n of a stream in this run.
func (c *Campus) uuid(stream, n uint64) string {
	return string(c.appendUUID(nil, stream, n))
}

func (c *Campus) appendUUID(dst []byte, stream, n uint64) []byte {
	pcg := rand.NewPCG(c.seed^c.run, stream<<56|n)
	var u [16]byte
	binary.BigEndian.PutUint64(u[:8], pcg.Uint64())
	binary.BigEndian.PutUint64(u[8:], pcg.Uint64())
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	const digits = "0123456789abcdef"
	for i, b := range u {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[b>>4], digits[b&0x0f])
	}
	return dst
}
