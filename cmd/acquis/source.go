package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/access"
	"acquis/lrs"
)

// SourceCmd administers sources, partners' platforms, of a running acquis.
type SourceCmd struct {
	List    sourceList    `cmd:"" help:"List the sources."`
	Show    sourceShow    `cmd:"" help:"Print a source as JSON, fit to be changed and given to put."`
	Add     sourceAdd     `cmd:"" help:"Make a source."`
	Put     sourcePut     `cmd:"" help:"Replace all settings of a source by those of a JSON file."`
	Disable sourceDisable `cmd:"" help:"Take nothing more from a source, on every process within seconds."`
	Enable  sourceEnable  `cmd:"" help:"Take statements from a disabled source again."`
}

type sourceList struct{ remote }

// Run prints the sources.
func (c *sourceList) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.all(ctx, "/api/sources", nil)
	if err != nil {
		return err
	}
	var found struct{ Items []access.Source }
	return c.show(app.Stdout, answer, &found, func(out io.Writer) error {
		var rows [][]string
		for _, s := range found.Items {
			state := "active"
			if s.Disabled {
				state = "disabled"
			}
			rows = append(rows, []string{s.Name, state, s.Title, s.Contact})
		}
		return table(out, "There are no sources.", "NAME\tSTATE\tTITLE\tCONTACT", rows)
	})
}

type sourceShow struct {
	remote
	Name string `arg:"" help:"Name of the source."`
}

// Run prints a source.
func (c *sourceShow) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "GET", sourcePath(c.Name), nil)
	if err != nil {
		return err
	}
	c.JSON = true
	return c.show(app.Stdout, answer, nil, nil)
}

func sourcePath(name string) string { return "/api/sources/" + url.PathEscape(name) }

type sourceAdd struct {
	remote
	Name     string   `arg:"" help:"Its name, which never changes: lower-case letters, digits and hyphens."`
	Title    string   `help:"What people call it."`
	Contact  string   `help:"Whom to write to about it."`
	Versions []string `name:"version" placeholder:"VERSION" help:"Version of xAPI that it may use; every one without. May be repeated."`
	Default  string   `name:"default-version" placeholder:"VERSION" help:"Version that requests at /partners/NAME/xapi without one are taken for."`
	Verbs    []string `name:"verb" placeholder:"IRI" sep:"none" help:"Verb that it may use; any without. May be repeated."`
	Prefixes []string `name:"activity-prefix" placeholder:"IRI" sep:"none" help:"What the ids of its activities begin with; anything without. May be repeated."`
	Forms    []string `name:"actor-form" placeholder:"FORM" help:"How it names people: mbox, mbox_sha1sum, openid, account; any without. May be repeated."`
	Schemas  []string `name:"schema" placeholder:"NAME@VERSION:MODE" help:"Schema for its statements, in mode report or enforce. May be repeated."`
	MayVoid  bool     `help:"It may void its own statements."`
	Define   bool     `help:"Its statements define activities."`
}

// Run makes the source.
func (c *sourceAdd) Run(ctx context.Context, app *kong.Context) error {
	s := access.Source{
		Name: c.Name, Title: c.Title, Contact: c.Contact, DefaultVersion: lrs.Version(c.Default),
		Verbs: c.Verbs, ActivityPrefixes: c.Prefixes, ActorForms: c.Forms, MayVoid: c.MayVoid, Define: c.Define,
	}
	for _, v := range c.Versions {
		s.Versions = append(s.Versions, lrs.Version(v))
	}
	for _, text := range c.Schemas {
		name, rest, _ := strings.Cut(text, "@")
		version, mode, whole := strings.Cut(rest, ":")
		if !whole {
			return fmt.Errorf("--schema %q is not NAME@VERSION:MODE, such as pix@1.0:report", text)
		}
		s.Schemas = append(s.Schemas, access.SchemaUse{Name: name, Version: version, Mode: access.SchemaMode(mode)})
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "POST", "/api/sources", s)
	if err != nil {
		return err
	}
	return c.show(app.Stdout, answer, &s, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "The source %s is there. Give it a credential: acquis credential issue --source %s --scopes statements/write\n", s.Name, s.Name)
		return err
	})
}

type sourcePut struct {
	remote
	Name string `arg:"" help:"Name of the source."`
	File string `arg:"" help:"JSON file with its settings, - for the standard input. A revision in it must still be that of the source."`
}

// Run replaces the settings.
func (c *sourcePut) Run(ctx context.Context, app *kong.Context) error {
	content, err := readInput(c.File)
	if err != nil {
		return err
	}
	var settings struct {
		Revision string `json:"revision"`
	}
	if err := json.Unmarshal(content, &settings); err != nil {
		return fmt.Errorf("%s holds no JSON object of settings: %w", c.File, err)
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	revision := `"` + settings.Revision + `"`
	if settings.Revision == "" {
		now, err := a.ask(ctx, "GET", sourcePath(c.Name), nil)
		if err != nil {
			return err
		}
		revision = now.revision
	}
	answer, err := a.ask(ctx, "PUT", sourcePath(c.Name), jsontext.Value(content), "If-Match", revision)
	if err != nil {
		return err
	}
	var s access.Source
	return c.show(app.Stdout, answer, &s, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "The source %s is changed.\n", s.Name)
		return err
	})
}

type sourceDisable struct {
	remote
	Name string `arg:"" help:"Name of the source."`
}

// Run disables the source.
func (c *sourceDisable) Run(ctx context.Context, app *kong.Context) error {
	return c.able(ctx, app, c.Name, true)
}

type sourceEnable struct {
	remote
	Name string `arg:"" help:"Name of the source."`
}

// Run enables the source.
func (c *sourceEnable) Run(ctx context.Context, app *kong.Context) error {
	return c.able(ctx, app, c.Name, false)
}

// able changes whether a source is disabled, and nothing else.
func (r *remote) able(ctx context.Context, app *kong.Context, name string, disabled bool) error {
	a, err := r.open()
	if err != nil {
		return err
	}
	now, err := a.ask(ctx, "GET", sourcePath(name), nil)
	if err != nil {
		return err
	}
	settings := map[string]jsontext.Value{}
	if err := json.Unmarshal(now.body, &settings); err != nil {
		return fmt.Errorf("the answer is not what this command knows: %w", err)
	}
	settings["disabled"] = jsontext.Value(fmt.Sprint(disabled))
	answer, err := a.ask(ctx, "PUT", sourcePath(name), settings, "If-Match", now.revision)
	if err != nil {
		return err
	}
	var s access.Source
	return r.show(app.Stdout, answer, &s, func(out io.Writer) error {
		state := "enabled"
		if s.Disabled {
			state = "disabled"
		}
		_, err := fmt.Fprintf(out, "The source %s is %s.\n", s.Name, state)
		return err
	})
}
