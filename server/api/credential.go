package api

import (
	"net/http"
	"time"

	"acquis/access"
	"acquis/lrs"
	"acquis/server"
)

// credential is a credential as it goes over the wire. Secrets are told by their dates only.
type credential struct {
	access.Credential
	Revision string `json:"revision,omitempty"`
}

// issued is a credential with its new secret, which is shown this once.
type issued struct {
	credential
	Secret string `json:"secret,omitempty"` // an external credential has none
}

func shownCredential(k access.Credential) credential { return credential{k, server.ETagOf(k.Revision)} }

// newCredential is what a client says of a credential that is to be made.
type newCredential struct {
	Key      string                `json:"key"`
	Kind     access.CredentialKind `json:"kind"`
	Source   string                `json:"source"`
	Account  string                `json:"account"`
	Scopes   lrs.Scope             `json:"scopes"`
	Roles    lrs.Role              `json:"roles"`
	Subtrees []string              `json:"subtrees"`
	External bool                  `json:"external"`
	Note     string                `json:"note"`
	Expires  time.Time             `json:"expires"`
}

// credentialSettings is what a client may change of a credential.
type credentialSettings struct {
	Scopes   lrs.Scope `json:"scopes"`
	Roles    lrs.Role  `json:"roles"`
	Subtrees []string  `json:"subtrees"`
	Note     string    `json:"note"`
	Expires  time.Time `json:"expires"`
	Disabled bool      `json:"disabled"`
}

// listCredentials answers GET /api/credentials.
func (s *Surface) listCredentials(c *server.Call) error {
	q, err := listOf(c, "source")
	if err != nil {
		return err
	}
	credentials, err := s.admin.Credentials(c.Ctx(), c.Caller, c.Query("source"), q)
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", server.PageOf(credentials.Items, credentials.Next, shownCredential))
}

// getCredential answers GET /api/credentials/{key}.
func (s *Surface) getCredential(c *server.Call) error {
	found, err := s.admin.Credential(c.Ctx(), c.Caller, c.Param("key"))
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, server.ETagOf(found.Revision), shownCredential(found))
}

// issueCredential answers POST /api/credentials.
func (s *Surface) issueCredential(c *server.Call) error {
	var body newCredential
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	wanted := access.Credential{
		Key: body.Key, Kind: body.Kind, Source: body.Source, Account: body.Account, Scopes: body.Scopes, Roles: body.Roles,
		Subtrees: body.Subtrees, External: body.External, Note: body.Note, Expires: body.Expires,
	}
	if wanted.Kind == "" {
		wanted.Kind = access.OfSource
		if body.Account != "" {
			wanted.Kind = access.OfAccount
		}
	}
	made, secret, err := s.admin.IssueCredential(c.Ctx(), c.Caller, wanted)
	if err != nil {
		return err
	}
	return c.Created([]string{made.Key}, server.ETagOf(made.Revision), issued{shownCredential(made), secret})
}

// putCredential answers PUT /api/credentials/{key}.
func (s *Surface) putCredential(c *server.Call) error {
	revision, err := c.IfMatch()
	if err != nil {
		return err
	}
	var body credentialSettings
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	changed, err := s.admin.UpdateCredential(c.Ctx(), c.Caller, access.Credential{
		Key: c.Param("key"), Revision: revision, Scopes: body.Scopes, Roles: body.Roles, Subtrees: body.Subtrees,
		Note: body.Note, Expires: body.Expires, Disabled: body.Disabled,
	})
	if err != nil {
		return server.Stale(err)
	}
	return c.Answer(http.StatusOK, server.ETagOf(changed.Revision), shownCredential(changed))
}

// disableCredential answers POST /api/credentials/{key}/disable, in whatever state the credential is:
// whoever has to stop one must not lose time with revisions.
func (s *Surface) disableCredential(c *server.Call) error {
	for range disableTries {
		k, err := s.admin.Credential(c.Ctx(), c.Caller, c.Param("key"))
		if err != nil {
			return err
		}
		k.Disabled = true
		changed, err := s.admin.UpdateCredential(c.Ctx(), c.Caller, k)
		if err == nil {
			return c.Answer(http.StatusOK, server.ETagOf(changed.Revision), shownCredential(changed))
		}
		if lrs.KindOf(err) != lrs.KindConflict {
			return err
		}
	}
	return lrs.Errorf(lrs.KindUnavailable, "the credential is being changed by others: try again")
}

// disableTries is how often a credential is read anew that changes at the same time.
const disableTries = 5

// rotation says how long the former secret goes on.
type rotation struct {
	Overlap int64 `json:"overlap"` // seconds
}

// rotateCredential answers POST /api/credentials/{key}/rotate.
func (s *Surface) rotateCredential(c *server.Call) error {
	var body rotation
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	if body.Overlap < 0 || body.Overlap > maxSeconds {
		return outOfRange("/overlap")
	}
	changed, secret, err := s.admin.RotateSecret(c.Ctx(), c.Caller, c.Param("key"), time.Duration(body.Overlap)*time.Second)
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, server.ETagOf(changed.Revision), issued{shownCredential(changed), secret})
}

// maxSeconds is more than any span of time that is taken.
const maxSeconds = 1 << 30

func outOfRange(pointer string) error {
	return &lrs.Error{Kind: lrs.KindInvalid, Detail: "a time is out of range", Violations: []lrs.Violation{{
		Pointer: pointer, Rule: "range", Detail: "must be a number of seconds that is not negative and not beyond all measure",
	}}}
}
