package api

import (
	"net/http"

	"acquis/hub/exchange"
	"acquis/server"
)

// pull is a pull as it goes over the wire.
type pull struct {
	exchange.Pull
	State    *pullState `json:"state,omitempty"` // what is sent back of it is not looked at
	Revision string     `json:"revision,omitempty"`
}

// pullState is what of the state is for people.
type pullState struct {
	Position string              `json:"position,omitempty"` // everything that the other has stored up to it is here
	Total    exchange.PullCounts `json:"total"`
	Next     string              `json:"next,omitempty"`  // when it runs next
	Clean    string              `json:"clean,omitempty"` // when a run last ended clean
	Run      *exchange.PullRun   `json:"run,omitempty"`   // the one under way, or that was cut
	Last     *exchange.PullRun   `json:"last,omitempty"`
}

func shownPull(v exchange.PullView) pull {
	s := &pullState{Total: v.State.Total, Run: shownRun(v.State.Run), Last: shownRun(v.State.Last)}
	if v.State.Since > 0 {
		s.Position = v.State.Since.String()
	}
	if !v.State.Next.IsZero() {
		s.Next = v.State.Next.UTC().Format("2006-01-02T15:04:05Z")
	}
	if !v.State.Clean.IsZero() {
		s.Clean = v.State.Clean.UTC().Format("2006-01-02T15:04:05Z")
	}
	return pull{v.Pull, s, server.ETagOf(v.Revision)}
}

// shownRun leaves out where a run goes on: it is the other store's affair.
func shownRun(r *exchange.PullRun) *exchange.PullRun {
	if r == nil {
		return nil
	}
	shown := *r
	shown.More = ""
	return &shown
}

// listPulls answers GET /api/pulls.
func (s *Moving) listPulls(c *server.Call) error {
	views, err := s.admin.Pulls(c.Ctx(), acting(c))
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", server.PageOf(views, "", shownPull))
}

// getPull answers GET /api/pulls/{pull}.
func (s *Moving) getPull(c *server.Call) error {
	v, err := s.admin.Pull(c.Ctx(), acting(c), c.Param("pull"))
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, server.ETagOf(v.Revision), shownPull(v))
}

// createPull answers POST /api/pulls.
func (s *Moving) createPull(c *server.Call) error {
	var body pull
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	body.Pull.Revision = 0
	v, err := s.admin.PutPull(c.Ctx(), acting(c), body.Pull)
	if err != nil {
		return err
	}
	return c.Created([]string{v.Name}, server.ETagOf(v.Revision), shownPull(v))
}

// putPull answers PUT /api/pulls/{pull}.
func (s *Moving) putPull(c *server.Call) error {
	revision, err := c.IfMatch()
	if err != nil {
		return err
	}
	var body pull
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	name := c.Param("pull")
	if body.Name != "" && body.Name != name {
		return fixed("/name", name)
	}
	body.Name, body.Pull.Revision = name, revision
	v, err := s.admin.PutPull(c.Ctx(), acting(c), body.Pull)
	if err != nil {
		return server.Stale(err)
	}
	return c.Answer(http.StatusOK, server.ETagOf(v.Revision), shownPull(v))
}

// deletePull answers DELETE /api/pulls/{pull}.
func (s *Moving) deletePull(c *server.Call) error {
	if err := s.admin.DeletePull(c.Ctx(), acting(c), c.Param("pull")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
	return nil
}

// pausePull answers POST /api/pulls/{pull}/pause.
func (s *Moving) pausePull(c *server.Call) error {
	if err := s.admin.PausePull(c.Ctx(), acting(c), c.Param("pull"), true); err != nil {
		return err
	}
	return s.getPull(c)
}

// resumePull answers POST /api/pulls/{pull}/resume.
func (s *Moving) resumePull(c *server.Call) error {
	if err := s.admin.PausePull(c.Ctx(), acting(c), c.Param("pull"), false); err != nil {
		return err
	}
	return s.getPull(c)
}

// runPull answers POST /api/pulls/{pull}/run.
func (s *Moving) runPull(c *server.Call) error {
	if err := s.admin.RunPull(c.Ctx(), acting(c), c.Param("pull")); err != nil {
		return err
	}
	return s.getPull(c)
}

// listPullRuns answers GET /api/pulls/{pull}/runs.
func (s *Moving) listPullRuns(c *server.Call) error {
	limit, after, err := c.List()
	if err != nil {
		return err
	}
	list, next, err := s.admin.PullRuns(c.Ctx(), acting(c), c.Param("pull"), limit, after)
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", server.PageOf(list, next, func(r exchange.PullRun) *exchange.PullRun { return shownRun(&r) }))
}

// listPullRefusals answers GET /api/pulls/{pull}/refusals.
func (s *Moving) listPullRefusals(c *server.Call) error {
	limit, after, err := c.List()
	if err != nil {
		return err
	}
	list, next, err := s.admin.PullRefusals(c.Ctx(), acting(c), c.Param("pull"), limit, after)
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", server.PageOf(list, next, func(r exchange.PullRefusal) exchange.PullRefusal { return r }))
}
