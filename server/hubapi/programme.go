package hubapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/list"
	"acquis/hub/programme"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/problem"
)

// Programmes answers for programmes, targets and figures of training.
type Programmes struct {
	who      server.Authenticator
	service  *programme.Service
	problems *problem.Writer
}

// NewProgrammes returns the surface over programmes.
func NewProgrammes(who server.Authenticator, s *programme.Service, problems *problem.Writer) *Programmes {
	return &Programmes{who: who, service: s, problems: problems}
}

// Mount adds the resources.
func (s *Programmes) Mount(r *gin.RouterGroup) {
	server.MountRoutes(r, s.who, s.problems, server.Routes{
		"GET /programmes":                     s.list,
		"GET /programmes/:programme":          s.get,
		"PUT /programmes/:programme":          s.put,
		"PUT /programmes/:programme/members":  s.putMembers,
		"GET /programmes/:programme/progress": s.progress,
		"GET /targets":                        s.getTargets,
		"PUT /targets":                        s.putTargets,
		"GET /figures/training":               s.training,
	})
}

// shownProgramme is a programme as it goes over the wire.
type shownProgramme struct {
	programme.Programme
	Revision string `json:"revision,omitempty"`
}

func showProgramme(row docstore.Row[programme.Programme]) shownProgramme {
	return shownProgramme{row.Value, server.ETagOf(row.Revision)}
}

// list answers GET /api/programmes.
func (s *Programmes) list(c *server.Call) error {
	limit, after, err := c.List("kind")
	if err != nil {
		return err
	}
	all, err := s.service.List(c.Ctx(), actor(c))
	if err != nil {
		return err
	}
	var found []docstore.Row[programme.Programme]
	for _, row := range all {
		if kind := c.Query("kind"); row.ID > after && (kind == "" || string(row.Value.Kind) == kind) {
			found = append(found, row)
		}
	}
	next := ""
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].ID
	}
	return c.Answer(http.StatusOK, "", server.PageOf(found, next, showProgramme))
}

// get answers GET /api/programmes/{programme}.
func (s *Programmes) get(c *server.Call) error {
	row, err := s.service.Programme(c.Ctx(), actor(c), c.Param("programme"))
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, server.ETagOf(row.Revision), showProgramme(row))
}

// put answers PUT /api/programmes/{programme}: it makes the programme or replaces it. The history is the server's.
func (s *Programmes) put(c *server.Call) error {
	expected, err := expectedOf(c)
	if err != nil {
		return err
	}
	var body shownProgramme
	if err := c.Read(maxThing, &body); err != nil {
		return err
	}
	if id := c.Param("programme"); body.ID != "" && body.ID != id {
		return asInAddress("/id", id)
	}
	body.ID = c.Param("programme")
	row, err := s.service.Put(c.Ctx(), actor(c), body.Programme, expected)
	if err != nil {
		return staleIf(expected, err)
	}
	return c.Answer(http.StatusOK, server.ETagOf(row.Revision), showProgramme(row))
}

// members is the body that puts people into a programme.
type members struct {
	Members []programme.Member `json:"members"`
}

// putMembers answers PUT /api/programmes/{programme}/members.
func (s *Programmes) putMembers(c *server.Call) error {
	var body members
	if err := c.Read(maxThing, &body); err != nil {
		return err
	}
	if err := s.service.PutMembers(c.Ctx(), actor(c), c.Param("programme"), body.Members); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// progress answers GET /api/programmes/{programme}/progress; in CSV a line for each member.
func (s *Programmes) progress(c *server.Call) error {
	profile, err := wantsCSV(c)
	if err != nil {
		return err
	}
	p, err := s.service.Progress(c.Ctx(), actor(c), c.Param("programme"))
	if err != nil {
		return err
	}
	if profile == "" {
		return c.Answer(http.StatusOK, "", p)
	}
	return answerCSV(c, profile, "progress", memberColumns, p.Members)
}

var memberColumns = []list.Column[programme.MemberProgress]{
	{Name: "person", Of: func(m *programme.MemberProgress) string { return string(m.Person) }},
	{Name: "cohort", Of: func(m *programme.MemberProgress) string { return m.Cohort }},
	{Name: "from", Of: func(m *programme.MemberProgress) string { return m.During.From.String() }},
	{Name: "to", Of: func(m *programme.MemberProgress) string { return m.During.To.String() }},
	{Name: "due", Of: func(m *programme.MemberProgress) string { return m.Due.String() }},
	{Name: "asked", Of: func(m *programme.MemberProgress) string { return strconv.Itoa(m.Asked) }},
	{Name: "done", Of: func(m *programme.MemberProgress) string { return strconv.Itoa(m.Done) }},
	{Name: "percent", Of: func(m *programme.MemberProgress) string { return strconv.Itoa(m.Percent) }},
	{Name: "completed", Of: func(m *programme.MemberProgress) string { return m.Completed.String() }},
	{Name: "abandoned", Of: func(m *programme.MemberProgress) string { return strconv.FormatBool(m.Abandoned) }},
}

// shownTargets are the targets as they go over the wire.
type shownTargets struct {
	programme.Targets
	Revision string `json:"revision,omitempty"`
}

// getTargets answers GET /api/targets.
func (s *Programmes) getTargets(c *server.Call) error {
	row, err := s.service.Targets(c.Ctx(), actor(c))
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, server.ETagOf(row.Revision), shownTargets{row.Value, server.ETagOf(row.Revision)})
}

// putTargets answers PUT /api/targets.
func (s *Programmes) putTargets(c *server.Call) error {
	expected, err := expectedOf(c)
	if err != nil {
		return err
	}
	var body shownTargets
	if err := c.Read(maxThing, &body); err != nil {
		return err
	}
	row, err := s.service.PutTargets(c.Ctx(), actor(c), body.Targets, expected)
	if err != nil {
		return staleIf(expected, err)
	}
	return c.Answer(http.StatusOK, server.ETagOf(row.Revision), shownTargets{row.Value, server.ETagOf(row.Revision)})
}

// training answers GET /api/figures/training.
func (s *Programmes) training(c *server.Call) error {
	q := programme.Query{Organisation: hub.OrganisationID(c.Query("organisation")), Population: c.Query("population")}
	var err error
	if q.Period, err = period(c); err != nil {
		return err
	}
	profile, err := wantsCSV(c)
	if err != nil {
		return err
	}
	figures, err := s.service.Training(c.Ctx(), actor(c), q)
	if err != nil {
		return err
	}
	if profile == "" {
		return c.Answer(http.StatusOK, "", figures)
	}
	return answerCSV(c, profile, "figures", figureColumns, figures.Rows)
}

// period reads the calendar or academic year that holds a day, or the days from one to another.
func period(c *server.Call) (span hub.Span, err error) {
	days := map[string]hub.Day{}
	for _, name := range []string{"day", "from", "to"} {
		if text := c.Query(name); text != "" {
			if days[name], err = hub.ParseDay(text); err != nil {
				return span, lrs.Errorf(lrs.KindInvalid, "the parameter %s: %v", name, err)
			}
		}
	}
	kind := c.DefaultQuery("period", "span")
	if (kind == "span") == (days["day"] != 0) {
		return span, lrs.Errorf(lrs.KindInvalid, "give period=year or period=academic-year with a day in it, or from and to")
	}
	switch kind {
	case "span":
		return hub.Span{From: days["from"], To: days["to"]}, nil
	case "year":
		return hub.Year(days["day"]), nil
	case "academic-year":
		return hub.AcademicYear(days["day"]), nil
	}
	return span, lrs.Errorf(lrs.KindInvalid, "the parameter period must be year, academic-year or span")
}

var figureColumns = []list.Column[programme.Figure]{
	{Name: "organisation", Of: func(f *programme.Figure) string { return string(f.Organisation) }},
	{Name: "name", Of: func(f *programme.Figure) string { return f.Name }},
	{Name: "headcount", Of: func(f *programme.Figure) string { return whole(f.Headcount) }},
	{Name: "started", Of: func(f *programme.Figure) string { return whole(f.Started) }},
	{Name: "completed", Of: func(f *programme.Figure) string { return whole(f.Completed) }},
	{Name: "completions", Of: func(f *programme.Figure) string { return whole(f.Completions) }},
	{Name: "socle_acquired", Of: func(f *programme.Figure) string { return whole(f.Acquired) }},
	{Name: "socle", Of: func(f *programme.Figure) string { return whole(f.Socle) }},
	{Name: "share", Of: func(f *programme.Figure) string { return decimal(f.Share) }},
	{Name: "hours_announced", Of: func(f *programme.Figure) string { return decimal(f.Announced) }},
	{Name: "hours_measured", Of: func(f *programme.Figure) string { return decimal(f.Measured) }},
	{Name: "hidden", Of: func(f *programme.Figure) string { return strings.Join(f.Hidden, " ") }},
}

func whole(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func decimal(n *float64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatFloat(*n, 'f', -1, 64)
}
