package hubapi

import (
	"context"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/directory"
	"acquis/hub/list"
	"acquis/lrs"
	"acquis/server"
)

func (s *Directory) identities() server.Routes {
	d := s.directory
	return server.Routes{
		"GET /identities":                   s.listIdentities,
		"GET /identities/:identity":         s.getIdentity,
		"POST /identities/:identity/link":   s.linkIdentity,
		"POST /identities/:identity/unlink": s.decide(d.Unlink),
		"POST /identities/:identity/ignore": s.decide(d.Ignore),
		"POST /identities/:identity/undo":   s.decide(d.UndoDecision),
	}
}

// identity is an alias as it goes over the wire.
type identity struct {
	ID  hub.AliasID   `json:"id"`
	Key directory.Key `json:"key"`
	directory.Standing
	Names     []string         `json:"names,omitempty"`
	Related   []directory.Key  `json:"related,omitempty"`
	FirstSeen string           `json:"firstSeen"`
	LastSeen  string           `json:"lastSeen"`
	History   []directory.Link `json:"history,omitempty"`
	// Suggestions are whose it may be, for the one who decides.
	Suggestions []directory.Suggestion `json:"suggestions,omitempty"`
}

func shownIdentity(a directory.Alias) identity {
	return identity{
		ID: a.ID, Key: a.Key, Standing: a.Standing, Names: a.Names, Related: a.Related,
		FirstSeen: a.FirstSeen.String(), LastSeen: a.LastSeen.String(),
	}
}

// listIdentities answers GET /api/identities: those of state waiting and ambiguous are the queue.
func (s *Directory) listIdentities(c *server.Call) error {
	limit, after, err := c.List(listParameters("state", "contested", "person")...)
	if err != nil {
		return err
	}
	f := directory.AliasFilter{State: directory.State(c.Query("state")), Person: hub.PersonID(c.Query("person"))}
	if f.Contested, err = yes(c, "contested"); err != nil {
		return err
	}
	return s.answerIdentities(c, f, limit, after)
}

// listPersonIdentities answers GET /api/people/{person}/identities.
func (s *Directory) listPersonIdentities(c *server.Call) error {
	limit, after, err := c.List(listParameters()...)
	if err != nil {
		return err
	}
	return s.answerIdentities(c, directory.AliasFilter{Person: hub.PersonID(c.Param("person"))}, limit, after)
}

func (s *Directory) answerIdentities(c *server.Call, f directory.AliasFilter, limit int, after string) error {
	who, asCSV, err := exported(c)
	if err != nil {
		return err
	}
	if asCSV && who.Reason == "" {
		return lrs.Errorf(lrs.KindInvalid, "say what the list of identities is for, in the parameter reason: it is kept on record")
	}
	return listed[docstore.Row[directory.Alias]]{
		Name: "identities", Columns: s.directory.IdentityColumns(),
		Read: func(q list.Query) (list.Page[docstore.Row[directory.Alias]], error) {
			return s.directory.Identities(c.Ctx(), who, f, q)
		},
		Show: func(r docstore.Row[directory.Alias]) any { return shownIdentity(r.Value) },
	}.answer(c, limit, after)
}

// getIdentity answers GET /api/identities/{identity}, with its history and whose it may be.
func (s *Directory) getIdentity(c *server.Call) error {
	row, whose, err := s.directory.Identity(c.Ctx(), caller(c), hub.AliasID(c.Param("identity")))
	if err != nil {
		return err
	}
	shown := shownIdentity(row.Value)
	shown.History, shown.Suggestions = row.Value.History, whose
	return ok(c, "", shown)
}

// linkIdentity answers POST /api/identities/{identity}/link.
func (s *Directory) linkIdentity(c *server.Call) error {
	var body decision
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	if body.Person == "" {
		return missing("/person", "must be the id of the person whose identity it is")
	}
	a, err := s.directory.Link(c.Ctx(), because(c, body.Reason), hub.AliasID(c.Param("identity")), body.Person)
	if err != nil {
		return err
	}
	return ok(c, "", shownIdentity(a))
}

// decide answers a decision about an identity that needs nothing but a reason.
func (s *Directory) decide(do func(context.Context, hub.Caller, hub.AliasID) (directory.Alias, error)) server.Handler {
	return func(c *server.Call) error {
		var body decision
		if err := c.Read(maxSettings, &body); err != nil {
			return err
		}
		a, err := do(c.Ctx(), because(c, body.Reason), hub.AliasID(c.Param("identity")))
		if err != nil {
			return err
		}
		return ok(c, "", shownIdentity(a))
	}
}
