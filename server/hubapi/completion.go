package hubapi

import (
	_ "embed"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/completion"
	"acquis/hub/list"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/problem"
)

// CompletionDocument is the part of the OpenAPI document about completions.
//
//go:embed completion.json
var CompletionDocument []byte

// Completions answers for completions, what statements come to, and folding everything again.
type Completions struct {
	who      server.Authenticator
	reader   *completion.Reader
	problems *problem.Writer
}

// NewCompletions returns the surface over completions.
func NewCompletions(who server.Authenticator, r *completion.Reader, problems *problem.Writer) *Completions {
	return &Completions{who, r, problems}
}

// Mount adds the resources.
func (s *Completions) Mount(r *gin.RouterGroup) {
	server.MountRoutes(r, s.who, s.problems, server.Routes{
		"GET /completions":                s.list,
		"GET /completions/rebuild":        s.rebuild,
		"POST /completions/rebuild":       s.askRebuild,
		"GET /completions/:person/:item":  s.get,
		"GET /statements/:statement/fold": s.explain,
	})
}

// dated is a mark as it goes over the wire.
type dated struct {
	At        time.Time `json:"at"`
	Stored    time.Time `json:"stored,omitzero"`
	Statement *lrs.ID   `json:"statement,omitempty"`
	Source    string    `json:"source,omitempty"`
}

func datedOf(m *completion.Mark) *dated {
	if m == nil {
		return nil
	}
	d := &dated{At: m.At.Time(), Source: m.Source}
	if m.Stored != 0 {
		d.Stored = m.Stored.Time()
	}
	if m.Statement != uuid.Nil {
		d.Statement = &m.Statement
	}
	return d
}

type scored struct {
	completion.Score
	At        time.Time `json:"at"`
	Statement lrs.ID    `json:"statement"`
}

func scoredOf(s *completion.Scored) *scored {
	if s == nil {
		return nil
	}
	return &scored{s.Score, s.At.Time(), s.Statement}
}

type byRule struct {
	At      time.Time `json:"at"`
	Version int       `json:"version"`
}

// record is a completion as it goes over the wire.
type record struct {
	Person       hub.PersonID          `json:"person"`
	Item         hub.ItemID            `json:"item"`
	Kind         string                `json:"kind,omitempty"`
	Reached      completion.Milestones `json:"reached"`
	Started      *dated                `json:"started,omitempty"`
	Progressed   *dated                `json:"progressed,omitempty"`
	Completed    *dated                `json:"completed,omitempty"`
	Passed       *dated                `json:"passed,omitempty"`
	Failed       *dated                `json:"failed,omitempty"`
	Certified    *dated                `json:"certified,omitempty"`
	Validated    *dated                `json:"validated,omitempty"`
	ByRule       *byRule               `json:"byRule,omitempty"`
	Progress     *float64              `json:"progress,omitempty"`
	LastProgress *float64              `json:"lastProgress,omitempty"`
	Clamped      bool                  `json:"clamped,omitempty"`
	Best         *scored               `json:"best,omitempty"`
	Last         *scored               `json:"last,omitempty"`
	Stage        *completion.Stage     `json:"stage,omitempty"`
	Earned       []string              `json:"earned,omitempty"`
	First        time.Time             `json:"first"`
	Latest       time.Time             `json:"latest"`
	Measured     int64                 `json:"measuredSeconds"`
	Announced    int64                 `json:"announcedSeconds"`
	Sources      []string              `json:"sources,omitempty"`
	Statements   int                   `json:"statements"`
	Repeats      int                   `json:"repeats"`
	Completions  int                   `json:"completions"`
	Day          hub.Day               `json:"day"`
	Organisation hub.OrganisationID    `json:"organisation,omitempty"`
	Path         []hub.OrganisationID  `json:"path,omitempty"`
	Updated      time.Time             `json:"updated"`

	Evidence []completion.Evidence `json:"evidence,omitempty"`
}

func recordOf(row docstore.Row[completion.Completion]) record {
	c := &row.Value
	r := record{
		Person: c.Person, Item: c.Item, Kind: string(c.Kind), Reached: c.Reached(), Started: datedOf(c.Started), Progressed: datedOf(c.Progressed),
		Completed: datedOf(c.Completed), Passed: datedOf(c.Passed), Failed: datedOf(c.Failed), Certified: datedOf(c.Certified), Validated: datedOf(c.Validated),
		Progress: c.Progress, LastProgress: c.LastProgress, Clamped: c.Clamped, Best: scoredOf(c.Best), Last: scoredOf(c.Last), Stage: c.Stage, Earned: c.Earned,
		First: c.First.Time(), Latest: c.Latest.Time(), Measured: c.Measured, Announced: c.Announced, Sources: c.Sources,
		Statements: c.Statements, Repeats: c.Repeats, Completions: c.Completions, Day: c.Day, Organisation: c.Organisation, Path: c.Path, Updated: row.Revision.Time(),
	}
	if c.ByRule != nil {
		r.ByRule = &byRule{c.ByRule.At.Time(), c.ByRule.Version}
	}
	return r
}

// filterOf reads which completions are wanted.
func filterOf(c *server.Call) (f completion.Filter, err error) {
	f = completion.Filter{
		Organisation: hub.OrganisationID(c.Query("organisation")), Item: hub.ItemID(c.Query("item")), Expertise: c.Query("expertise"), Person: hub.PersonID(c.Query("person")),
	}
	if state, given := c.GetQuery("state"); given {
		if f.Reached, err = completion.ParseMilestones(state); err != nil {
			return f, err
		}
	}
	if err := f.Period.From.UnmarshalText([]byte(c.Query("from"))); err != nil {
		return f, err
	}
	return f, f.Period.To.UnmarshalText([]byte(c.Query("to")))
}

// list answers GET /api/completions: a page, or the whole list as a table.
func (s *Completions) list(c *server.Call) error {
	limit, after, err := c.List("organisation", "item", "expertise", "person", "state", "from", "to", "format")
	if err != nil {
		return err
	}
	f, err := filterOf(c)
	if err != nil {
		return err
	}
	profile, err := wantsCSV(c)
	if err != nil {
		return err
	}
	if profile != "" {
		return s.export(c, f, profile)
	}
	page, err := s.reader.List(c.Ctx(), actor(c), f, list.Query{Limit: limit, After: after})
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", server.PageOf(page.Items, page.Next, recordOf))
}

// export writes the list while it reads it, so that it may be of any length. A fault on the way breaks the answer
// off, so that a part is not taken for the whole.
func (s *Completions) export(c *server.Call, f completion.Filter, profile list.Profile) error {
	q := list.Query{Limit: server.MaxLimit}
	var w *list.Writer[record]
	for count := 0; ; {
		page, err := s.reader.List(c.Ctx(), actor(c), f, q)
		if err != nil {
			return err
		}
		if w == nil {
			c.Header("Content-Type", "text/csv; charset=utf-8")
			c.Header("Content-Disposition", `attachment; filename="completions.csv"`)
			if w, err = list.NewWriter(c.Writer, profile, recordColumns); err != nil {
				return err
			}
		}
		rows := make([]record, len(page.Items))
		for i, row := range page.Items {
			rows[i] = recordOf(row)
		}
		if err := w.Write(rows...); err != nil {
			return err
		}
		count += len(rows)
		if q.After = page.Next; q.After == "" {
			return s.reader.Exported(c.Ctx(), actor(c), count)
		}
	}
}

func seconds(n int64) string { return strconv.FormatInt(n, 10) }

func when(d *dated) string {
	if d == nil {
		return ""
	}
	return d.At.Format(time.RFC3339)
}

func part(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'f', -1, 64)
}

func scaledOf(s *scored) string {
	if s == nil {
		return ""
	}
	return part(s.Scaled)
}

var recordColumns = []list.Column[record]{
	{Name: "person", Of: func(r *record) string { return string(r.Person) }},
	{Name: "item", Of: func(r *record) string { return string(r.Item) }},
	{Name: "kind", Of: func(r *record) string { return r.Kind }},
	{Name: "reached", Of: func(r *record) string { return r.Reached.String() }},
	{Name: "started_at", Of: func(r *record) string { return when(r.Started) }},
	{Name: "completed_at", Of: func(r *record) string { return when(r.Completed) }},
	{Name: "passed_at", Of: func(r *record) string { return when(r.Passed) }},
	{Name: "failed_at", Of: func(r *record) string { return when(r.Failed) }},
	{Name: "certified_at", Of: func(r *record) string { return when(r.Certified) }},
	{Name: "validated_at", Of: func(r *record) string { return when(r.Validated) }},
	{Name: "progress", Of: func(r *record) string { return part(r.Progress) }},
	{Name: "best_scaled", Of: func(r *record) string { return scaledOf(r.Best) }},
	{Name: "last_scaled", Of: func(r *record) string { return scaledOf(r.Last) }},
	{Name: "first_at", Of: func(r *record) string { return r.First.Format(time.RFC3339) }},
	{Name: "latest_at", Of: func(r *record) string { return r.Latest.Format(time.RFC3339) }},
	{Name: "measured_seconds", Of: func(r *record) string { return seconds(r.Measured) }},
	{Name: "announced_seconds", Of: func(r *record) string { return seconds(r.Announced) }},
	{Name: "completions", Of: func(r *record) string { return strconv.Itoa(r.Completions) }},
	{Name: "day", Of: func(r *record) string { return r.Day.String() }},
	{Name: "organisation", Of: func(r *record) string { return string(r.Organisation) }},
}

// get answers GET /api/completions/{person}/{item}.
func (s *Completions) get(c *server.Call) error {
	row, evidence, err := s.reader.Get(c.Ctx(), actor(c), hub.PersonID(c.Param("person")), hub.ItemID(c.Param("item")))
	if err != nil {
		return err
	}
	r := recordOf(row)
	r.Evidence = evidence
	return c.Answer(http.StatusOK, "", r)
}

// explain answers GET /api/statements/{statement}/fold.
func (s *Completions) explain(c *server.Call) error {
	id, err := uuid.Parse(c.Param("statement"))
	if err != nil {
		return lrs.Errorf(lrs.KindInvalid, "the statement must be named by its id, a UUID")
	}
	fold, err := s.reader.Explain(c.Ctx(), actor(c), id)
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", fold)
}

// rebuildState is how far folding everything again is, as it goes over the wire.
type rebuildState struct {
	State       completion.RebuildState `json:"state"`
	Replace     bool                    `json:"replace"`
	By          string                  `json:"by,omitempty"`
	Asked       time.Time               `json:"asked,omitzero"`
	Began       time.Time               `json:"began,omitzero"`
	Ended       time.Time               `json:"ended,omitzero"`
	Statements  int64                   `json:"statements"`
	Identities  int64                   `json:"identities"`
	People      int64                   `json:"people"`
	Differences int64                   `json:"differences"`
	Found       []completion.Difference `json:"found,omitempty"`
}

func answerRebuild(c *server.Call, status int, r completion.Rebuild) error {
	state := r.State
	if state == completion.RebuildNever {
		state = "never"
	}
	return c.Answer(status, "", rebuildState{state, r.Replace, r.By, r.Asked, r.Began, r.Ended, r.Statements, r.Identities, r.People, r.Differences, r.Found})
}

// rebuild answers GET /api/completions/rebuild.
func (s *Completions) rebuild(c *server.Call) error {
	state, err := s.reader.Rebuild(c.Ctx(), actor(c))
	if err != nil {
		return err
	}
	return answerRebuild(c, http.StatusOK, state)
}

// askRebuild answers POST /api/completions/rebuild.
func (s *Completions) askRebuild(c *server.Call) error {
	var body struct {
		Replace bool `json:"replace"`
	}
	if err := c.Read(maxThing, &body); err != nil {
		return err
	}
	state, err := s.reader.AskRebuild(c.Ctx(), actor(c), body.Replace)
	if err != nil {
		return err
	}
	return answerRebuild(c, http.StatusAccepted, state)
}
