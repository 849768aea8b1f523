package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/docstore"
	"acquis/lrs"
)

// Pull is another record store whose statements are taken in, as the source that has the pull's name.
type Pull struct {
	Name     string      `json:"name"` // kebab-case; it never changes
	Title    string      `json:"title,omitempty"`
	Endpoint string      `json:"endpoint"`
	Key      string      `json:"key"`
	Secret   string      `json:"secret"`            // a reference, env:CONNECT_NAME or file:name
	Version  lrs.Version `json:"version,omitempty"` // of xAPI that is spoken; "": 1.0.3
	Filter   PullFilter  `json:"filter,omitzero"`
	From     string      `json:"from,omitempty"`    // beginning or a time; "": beginning
	Every    int         `json:"every,omitempty"`   // seconds between two runs; 0: 300
	Overlap  int         `json:"overlap,omitempty"` // seconds that a run reads again, for stores whose promise is not true; 0: 300
	Page     int         `json:"page,omitempty"`    // statements to ask for at a time; 0: 500
	// WithoutAttachments leaves attachments out: statements that need theirs are refused then.
	WithoutAttachments bool `json:"withoutAttachments,omitempty"`
	Paused             bool `json:"paused,omitempty"`

	Revision lrs.Instant `json:"-"`
}

// PullFilter is what the other store is asked for, by the parameters of its statement resource.
type PullFilter struct {
	Agent             jsontext.Value `json:"agent,omitempty"`
	Verb              string         `json:"verb,omitempty"`
	Activity          string         `json:"activity,omitempty"`
	Registration      string         `json:"registration,omitempty"`
	RelatedAgents     bool           `json:"relatedAgents,omitempty"`
	RelatedActivities bool           `json:"relatedActivities,omitempty"`
}

// asks is a digest of what is asked of whom: two pulls that differ in it know nothing of each other's progress.
func (p Pull) asks() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", p.Endpoint, p.From, p.query(0).Encode()))
	return hex.EncodeToString(sum[:16])
}

// PullState is how far a pull has come. Like ForwardState, it is the lease of whoever runs it.
type PullState struct {
	Holder string      `json:"holder,omitempty"`
	Token  int64       `json:"token"`
	Beat   int64       `json:"beat"`
	Asks   string      `json:"asks,omitempty"`   // what Since is about, Pull.asks
	Since  lrs.Instant `json:"since"`            // everything that the other has stored up to it is here
	Next   time.Time   `json:"next,omitzero"`    // when the next run begins
	Wanted bool        `json:"wanted,omitempty"` // somebody wants a run now
	Run    *PullRun    `json:"run,omitempty"`    // the one under way, or that was cut
	Last   *PullRun    `json:"last,omitempty"`   // the one that ended last
	Clean  time.Time   `json:"clean,omitzero"`   // when one last ended clean
	Fails  int         `json:"fails,omitempty"`  // in a row
	Total  PullCounts  `json:"total"`
}

// PullCounts count statements.
type PullCounts struct {
	Stored   int64 `json:"stored"`
	Repeated int64 `json:"repeated"`
	Refused  int64 `json:"refused"`
}

func (c *PullCounts) add(o PullCounts) {
	c.Stored, c.Repeated, c.Refused = c.Stored+o.Stored, c.Repeated+o.Repeated, c.Refused+o.Refused
}

// PullRun is one reading of what is new.
type PullRun struct {
	Started time.Time   `json:"started"`
	Ended   time.Time   `json:"ended,omitzero"`
	From    lrs.Instant `json:"from"`              // what was asked for was stored after it
	Through lrs.Instant `json:"through,omitempty"` // the other's promise when it began
	Newest  lrs.Instant `json:"newest,omitempty"`  // the latest stored time that was seen
	More    string      `json:"more,omitempty"`    // where to go on
	Pages   int         `json:"pages"`
	Anew    int         `json:"anew,omitempty"` // how often the other had forgotten where it was
	PullCounts
	Odd     []string `json:"odd,omitempty"`     // what was wrong with the answers, and was met
	Failure *Failure `json:"failure,omitempty"` // why it did not end clean
}

// maxOdd bounds what a run lists.
const maxOdd = 20

func (r *PullRun) note(odd []string) {
	for _, o := range odd {
		known := len(r.Odd) >= maxOdd
		for _, k := range r.Odd {
			known = known || k == o
		}
		if !known {
			r.Odd = append(r.Odd, o)
		}
	}
}

// PullRefusal is a statement of another store that was not taken in.
type PullRefusal struct {
	ID         string          `json:"id"` // a digest of its bytes
	Pull       string          `json:"pull"`
	Statement  string          `json:"statement,omitempty"` // its id, when it could be read
	At         time.Time       `json:"at"`
	Detail     string          `json:"detail"`
	Violations []lrs.Violation `json:"violations"`
}

const (
	thePull = "pull"
	byPull  = "pull"
	byTime  = "at"
)

var (
	pulls      = docstore.Table[Pull]{Collection: docstore.Collection{Name: "pulls", Class: docstore.ImpersonalData}}
	pullStates = docstore.Table[PullState]{Collection: docstore.Collection{Name: "pull_states", Class: docstore.ImpersonalData}}
	pullRuns   = docstore.Table[PullRun]{
		Collection: docstore.Collection{Name: "pull_runs", Class: docstore.ImpersonalData, Indexes: []string{byTime}, RetainedFrom: byTime},
		Keys: func(r *PullRun) []docstore.IndexKey {
			return []docstore.IndexKey{{Index: byTime, Key: docstore.Number(r.Started.UnixMicro())}}
		},
	}
	pullRefusals = docstore.Table[PullRefusal]{
		Collection: docstore.Collection{Name: "pull_refusals", Class: docstore.PseudonymData, Indexes: []string{byStatement, byPull}, Subject: byStatement},
		Keys: func(r *PullRefusal) []docstore.IndexKey {
			keys := []docstore.IndexKey{{Index: byPull, Key: docstore.Tuple(r.Pull, docstore.Number(r.At.UnixMicro()))}}
			if id, err := lrs.ParseUUID(r.Statement); err == nil {
				keys = append(keys, docstore.IndexKey{Index: byStatement, Key: statementKey(id)})
			}
			return keys
		},
	}
)

func (p Pull) judge() error {
	var found faults
	found.named(p.Name)
	found.endpoint(p.Endpoint)
	if p.Version != "" && p.Version != lrs.V103 && p.Version != lrs.V200 {
		found.add("/version", "version", "must be %s or %s", lrs.V103, lrs.V200)
	}
	if len(p.Filter.Agent) > 0 {
		if _, err := lrs.DecodeAgent(p.Filter.Agent); err != nil {
			found.add("/filter/agent", "agent", "must be an Agent or identified Group: %v", err)
		}
	}
	for pointer, iri := range map[string]string{"/filter/verb": p.Filter.Verb, "/filter/activity": p.Filter.Activity} {
		if err := lrs.CheckIRI(iri); iri != "" && err != nil {
			found.add(pointer, "iri", "must be an IRI: this one %v", err)
		}
	}
	if r := p.Filter.Registration; r != "" {
		if _, err := lrs.ParseUUID(r); err != nil {
			found.add("/filter/registration", "uuid", "%v", err)
		}
	}
	if _, err := p.begin(); err != nil {
		found.add("/from", "from", "must be beginning or a time such as 2026-09-01T00:00:00Z")
	}
	for pointer, n := range map[string]int{"/every": p.Every, "/overlap": p.Overlap} {
		if n < 0 || n > 30*86400 {
			found.add(pointer, "range", "must be seconds, a month of them at most; 0 stands for 300")
		}
	}
	if p.Page < 0 || p.Page > 1000 {
		found.add("/page", "range", "must be from 0 to 1000; 0 stands for 500")
	}
	return found.err("the pull")
}

func (p Pull) begin() (lrs.Instant, error) {
	if p.From == "" || p.From == FromBeginning {
		return 0, nil
	}
	at, err := lrs.ParseTimestamp(p.From, lrs.V200)
	return lrs.InstantOf(at), err
}

func seconds(n, standard int) time.Duration {
	if n == 0 {
		n = standard
	}
	return time.Duration(n) * time.Second
}

// query is what a run asks for first.
func (p Pull) query(since lrs.Instant) url.Values {
	q := url.Values{"ascending": {"true"}, "format": {"exact"}}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("agent", string(p.Filter.Agent))
	set("verb", p.Filter.Verb)
	set("activity", p.Filter.Activity)
	set("registration", p.Filter.Registration)
	for name, wanted := range map[string]bool{
		"related_agents": p.Filter.RelatedAgents, "related_activities": p.Filter.RelatedActivities, "attachments": !p.WithoutAttachments,
	} {
		if wanted {
			q.Set(name, "true")
		}
	}
	if since > 0 {
		q.Set("since", since.String())
	}
	return q
}

// PulledPage is a page of another store.
type PulledPage struct {
	Statements [][]byte
	More       string      // "" at the end
	Through    lrs.Instant // the other's promise, 0 when it makes none
	Odd        []string
}

// ErrMoreGone says that another store does not know any more where a run was cut.
var ErrMoreGone = errors.New("the other store does not know its next page any more")

// KeepAttachment takes an attachment of a page.
type KeepAttachment func(sha2 string, content io.Reader) error

// Reader reads another store.
type Reader interface {
	First(ctx context.Context, query url.Values, keep KeepAttachment) (PulledPage, error)
	// Next returns a page that a former one leads to. ErrMoreGone when the run must begin anew.
	Next(ctx context.Context, more string, keep KeepAttachment) (PulledPage, error)
	// Voided returns a voided statement. ok is false when there is none.
	Voided(ctx context.Context, id lrs.ID, keep KeepAttachment) (statement []byte, ok bool, err error)
}
