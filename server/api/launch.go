package api

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/access"
	"acquis/lrs"
	"acquis/server"
)

// newLaunch asks for a launch token.
type newLaunch struct {
	Actor        jsontext.Value `json:"actor"`
	Activity     string         `json:"activity"`
	Registration lrs.ID         `json:"registration"` // left out: a new one
	Lifetime     int64          `json:"lifetime"`     // seconds; 0: the installation's
}

// launched is a launch token, which is shown this once, with what it is bound to.
type launched struct {
	Token     string    `json:"token"`
	TokenType string    `json:"tokenType"`
	Scopes    lrs.Scope `json:"scopes"`
	Expires   time.Time `json:"expires"`
	access.LaunchBinding
}

// launch answers POST /api/launch-tokens.
func (s *Surface) launch(c *server.Call) error {
	var body newLaunch
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	if body.Lifetime < 0 || body.Lifetime > maxSeconds {
		return outOfRange("/lifetime")
	}
	made, err := s.tokens.Launch(c.Ctx(), c.Caller.Principal, access.LaunchRequest{
		LaunchBinding: access.LaunchBinding{Actor: body.Actor, Activity: body.Activity, Registration: body.Registration},
		Lifetime:      time.Duration(body.Lifetime) * time.Second,
	})
	if err != nil {
		return err
	}
	return c.Answer(http.StatusCreated, "", launched{
		Token: made.Token, TokenType: "Bearer", Scopes: made.Scopes, Expires: made.Expires, LaunchBinding: *made.Launch,
	})
}
