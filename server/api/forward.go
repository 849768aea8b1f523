package api

import (
	"context"
	"net/http"

	"acquis/hub"
	"acquis/hub/exchange"
	"acquis/lrs"
	"acquis/server"
)

// forward is a forward as it goes over the wire.
type forward struct {
	exchange.Forward
	State       *forwardState `json:"state,omitempty"` // what is sent back of it is not looked at
	DeadLetters int           `json:"deadLetters,omitempty"`
	Revision    string        `json:"revision,omitempty"`
}

// forwardState is what of the state is for people.
type forwardState struct {
	Position string            `json:"position,omitempty"` // everything stored up to it is dealt with
	Sent     int64             `json:"sent"`
	Passed   int64             `json:"passed"`
	Refused  int64             `json:"refused"`
	LastSent string            `json:"lastSent,omitempty"`
	Failure  *exchange.Failure `json:"failure,omitempty"`
}

func shownForward(v exchange.ForwardView) forward {
	s := &forwardState{Sent: v.State.Sent, Passed: v.State.Passed, Refused: v.State.Refused, Failure: v.State.Failure}
	if v.State.Cursor > 0 {
		s.Position = v.State.Cursor.String()
	}
	if !v.State.LastSent.IsZero() {
		s.LastSent = lrs.InstantOf(v.State.LastSent).String()
	}
	return forward{v.Forward, s, v.Open, server.ETagOf(v.Revision)}
}

// acting is who acts on the hub.
func acting(c *server.Call) hub.Caller {
	return hub.Caller{Principal: c.Caller.Principal, Address: c.Caller.Address}
}

// listForwards answers GET /api/forwards.
func (s *Moving) listForwards(c *server.Call) error {
	views, err := s.admin.Forwards(c.Ctx(), acting(c))
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", server.PageOf(views, "", shownForward))
}

// getForward answers GET /api/forwards/{forward}.
func (s *Moving) getForward(c *server.Call) error {
	v, err := s.admin.Forward(c.Ctx(), acting(c), c.Param("forward"))
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, server.ETagOf(v.Revision), shownForward(v))
}

// createForward answers POST /api/forwards.
func (s *Moving) createForward(c *server.Call) error {
	var body forward
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	body.Forward.Revision = 0
	v, err := s.admin.PutForward(c.Ctx(), acting(c), body.Forward)
	if err != nil {
		return err
	}
	return c.Created([]string{v.Name}, server.ETagOf(v.Revision), shownForward(v))
}

// putForward answers PUT /api/forwards/{forward}.
func (s *Moving) putForward(c *server.Call) error {
	revision, err := c.IfMatch()
	if err != nil {
		return err
	}
	var body forward
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	name := c.Param("forward")
	if body.Name != "" && body.Name != name {
		return fixed("/name", name)
	}
	body.Name, body.Forward.Revision = name, revision
	v, err := s.admin.PutForward(c.Ctx(), acting(c), body.Forward)
	if err != nil {
		return server.Stale(err)
	}
	return c.Answer(http.StatusOK, server.ETagOf(v.Revision), shownForward(v))
}

// deleteForward answers DELETE /api/forwards/{forward}.
func (s *Moving) deleteForward(c *server.Call) error {
	if err := s.admin.DeleteForward(c.Ctx(), acting(c), c.Param("forward")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
	return nil
}

// pauseForward answers POST /api/forwards/{forward}/pause.
func (s *Moving) pauseForward(c *server.Call) error { return s.setPaused(c, true) }

// resumeForward answers POST /api/forwards/{forward}/resume.
func (s *Moving) resumeForward(c *server.Call) error { return s.setPaused(c, false) }

func (s *Moving) setPaused(c *server.Call, pause bool) error {
	if err := s.admin.PauseForward(c.Ctx(), acting(c), c.Param("forward"), pause); err != nil {
		return err
	}
	return s.getForward(c)
}

// letterOrder is what is to come of dead letters.
type letterOrder struct {
	Forward string   `json:"forward"`
	IDs     []string `json:"ids"`  // none: every open one of the forward
	Note    string   `json:"note"` // what was done instead
}

// listDeadLetters answers GET /api/dead-letters.
func (s *Moving) listDeadLetters(c *server.Call) error {
	limit, after, err := c.List("forward", "state")
	if err != nil {
		return err
	}
	list, next, err := s.admin.Letters(c.Ctx(), acting(c), exchange.LetterQuery{
		Forward: c.Query("forward"), State: exchange.LetterState(c.Query("state")), Limit: limit, After: after,
	})
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", server.PageOf(list, next, func(l exchange.DeadLetter) exchange.DeadLetter { return l }))
}

// replayDeadLetters answers POST /api/dead-letters/replay.
func (s *Moving) replayDeadLetters(c *server.Call) error {
	return s.order(c, s.admin.ReplayLetters)
}

// settleDeadLetters answers POST /api/dead-letters/settle.
func (s *Moving) settleDeadLetters(c *server.Call) error {
	return s.order(c, s.admin.SettleLetters)
}

// ordering carries out what is to come of dead letters, and tells of how many.
type ordering func(ctx context.Context, c hub.Caller, o exchange.LetterOrder) (int, error)

// counted is how many things an order was about.
type counted struct {
	Count int `json:"count"`
}

func (s *Moving) order(c *server.Call, carryOut ordering) error {
	var body letterOrder
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	n, err := carryOut(c.Ctx(), acting(c), exchange.LetterOrder(body))
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", counted{n})
}
