package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/alecthomas/kong"
	"github.com/go-json-experiment/json"

	"acquis/access"
	"acquis/lrs"
)

// CredentialCmd administers the credentials of a running acquis.
type CredentialCmd struct {
	List    credentialList    `cmd:"" help:"List the credentials. Secrets are not kept, so none is shown."`
	Issue   credentialIssue   `cmd:"" help:"Issue a credential; its secret is printed this once."`
	Rotate  credentialRotate  `cmd:"" help:"Give a credential a new secret, printed this once; the former goes on for a while."`
	Disable credentialDisable `cmd:"" help:"Take a credential no more, nor its tokens, on every process within seconds."`
	Enable  credentialEnable  `cmd:"" help:"Take a disabled credential again."`
}

type credentialList struct {
	remote
	Source string `placeholder:"NAME" help:"Of this source only."`
}

// Run prints the credentials.
func (c *credentialList) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	filter := url.Values{}
	if c.Source != "" {
		filter.Set("source", c.Source)
	}
	answer, err := a.all(ctx, "/api/credentials", filter)
	if err != nil {
		return err
	}
	var found struct{ Items []access.Credential }
	return c.show(app.Stdout, answer, &found, func(out io.Writer) error {
		var rows [][]string
		for _, k := range found.Items {
			rows = append(rows, []string{
				k.Key, cmp.Or(k.Source, "account "+k.Account), stateOf(k), cmp.Or(k.Scopes.String(), "-"),
				cmp.Or(k.Roles.String(), "-"), day(k.Expires, "never"), day(k.LastUsed, "never"),
			})
		}
		return table(out, "There are no credentials.", "KEY\tOF\tSTATE\tSCOPES\tROLES\tEXPIRES\tLAST USED", rows)
	})
}

func stateOf(k access.Credential) string {
	switch {
	case k.Disabled:
		return "disabled"
	case k.External:
		return "external"
	case len(k.Secrets) > 1:
		return "rotating"
	}
	return "active"
}

// day writes a time as people read it.
func day(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format("2006-01-02 15:04")
}

type credentialIssue struct {
	remote
	Source   string        `placeholder:"NAME" xor:"of" required:"" help:"Source that it is for."`
	Account  string        `placeholder:"NAME" xor:"of" required:"" help:"Service account that it is for."`
	ID       string        `name:"id" placeholder:"KEY" help:"Its key, the user name of Basic; made up without."`
	Scopes   string        `placeholder:"SCOPES" help:"Its scopes, separated by spaces, such as \"statements/write state\"."`
	Roles    string        `placeholder:"ROLES" help:"Roles of an account, separated by spaces, such as \"operator auditor\"."`
	Subtrees []string      `name:"subtree" placeholder:"ID" sep:"none" help:"Organisation that the roles are about; every one without. May be repeated."`
	External bool          `help:"It has no secret: tokens of oidc.issuer for this client stand for it."`
	Lifetime time.Duration `placeholder:"DURATION" help:"How long it is good, such as 8760h; for ever without."`
	Note     string        `help:"A note for people."`
}

// Run issues the credential.
func (c *credentialIssue) Run(ctx context.Context, app *kong.Context) error {
	scopes, err := lrs.ParseScopes(c.Scopes)
	if err != nil {
		return fmt.Errorf("--scopes: %w", err)
	}
	roles, err := lrs.ParseRoles(c.Roles)
	if err != nil {
		return fmt.Errorf("--roles: %w", err)
	}
	wanted := struct {
		Key      string    `json:"key,omitempty"`
		Source   string    `json:"source,omitempty"`
		Account  string    `json:"account,omitempty"`
		Scopes   lrs.Scope `json:"scopes,omitzero"`
		Roles    lrs.Role  `json:"roles,omitzero"`
		Subtrees []string  `json:"subtrees,omitempty"`
		External bool      `json:"external,omitzero"`
		Note     string    `json:"note,omitempty"`
		Expires  time.Time `json:"expires,omitzero"`
	}{Key: c.ID, Source: c.Source, Account: c.Account, Scopes: scopes, Roles: roles, Subtrees: c.Subtrees, External: c.External, Note: c.Note}
	if c.Lifetime > 0 {
		wanted.Expires = time.Now().Add(c.Lifetime).UTC().Truncate(time.Second)
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "POST", "/api/credentials", wanted)
	if err != nil {
		return err
	}
	return c.showIssued(app.Stdout, answer, "")
}

// showIssued prints a credential with its new secret.
func (r *remote) showIssued(out io.Writer, answer remoteReply, more string) error {
	var made struct{ Key, Secret string }
	return r.show(out, answer, &made, func(out io.Writer) error {
		if made.Secret == "" {
			_, err := fmt.Fprintf(out, "key     %s\n", made.Key)
			return err
		}
		_, err := fmt.Fprintf(out, "key     %s\nsecret  %s\n\nThe secret is shown this once. %s\n", made.Key, made.Secret, more)
		return err
	})
}

type credentialRotate struct {
	remote
	ID      string        `arg:"" name:"id" help:"Key of the credential."`
	Overlap time.Duration `default:"168h" help:"How long the former secret is still taken (${default})."`
}

// Run rotates the secret.
func (c *credentialRotate) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	overlap := map[string]int64{"overlap": int64(c.Overlap / time.Second)}
	answer, err := a.ask(ctx, "POST", "/api/credentials/"+url.PathEscape(c.ID)+"/rotate", overlap)
	if err != nil {
		return err
	}
	return c.showIssued(app.Stdout, answer, fmt.Sprintf("The former one is taken for another %s.", c.Overlap))
}

type credentialDisable struct {
	remote
	ID string `arg:"" name:"id" help:"Key of the credential."`
}

// Run disables the credential.
func (c *credentialDisable) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "POST", "/api/credentials/"+url.PathEscape(c.ID)+"/disable", nil)
	if err != nil {
		return err
	}
	var k access.Credential
	return c.show(app.Stdout, answer, &k, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "The credential %s is disabled.\n", k.Key)
		return err
	})
}

type credentialEnable struct {
	remote
	ID string `arg:"" name:"id" help:"Key of the credential."`
}

// Run enables the credential and leaves everything else of it as it is.
func (c *credentialEnable) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	path := "/api/credentials/" + url.PathEscape(c.ID)
	now, err := a.ask(ctx, "GET", path, nil)
	if err != nil {
		return err
	}
	var settings struct { // those that a credential is changed by
		Scopes   lrs.Scope `json:"scopes,omitzero"`
		Roles    lrs.Role  `json:"roles,omitzero"`
		Subtrees []string  `json:"subtrees,omitempty"`
		Note     string    `json:"note,omitempty"`
		Expires  time.Time `json:"expires,omitzero"`
		Disabled bool      `json:"disabled"`
	}
	if err := json.Unmarshal(now.body, &settings); err != nil {
		return fmt.Errorf("the answer is not what this command knows: %w", err)
	}
	settings.Disabled = false
	answer, err := a.ask(ctx, "PUT", path, settings, "If-Match", now.revision)
	if err != nil {
		return err
	}
	var k access.Credential
	return c.show(app.Stdout, answer, &k, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "The credential %s is enabled.\n", k.Key)
		return err
	})
}
