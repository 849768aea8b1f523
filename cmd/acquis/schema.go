package main

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"github.com/alecthomas/kong"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/access"
)

// SchemaCmd administers the JSON Schemas for the statements of sources.
type SchemaCmd struct {
	List schemaList `cmd:"" help:"List the schemas."`
	Show schemaShow `cmd:"" help:"Print a schema."`
	Add  schemaAdd  `cmd:"" help:"Register a version of a schema. A version never changes."`
}

type schemaList struct{ remote }

// Run prints names and versions.
func (c *schemaList) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.all(ctx, "/api/schemas", nil)
	if err != nil {
		return err
	}
	var found struct{ Items []access.Schema }
	return c.show(app.Stdout, answer, &found, func(out io.Writer) error {
		var rows [][]string
		for _, s := range found.Items {
			origin := "registered"
			if s.Shipped {
				origin = "shipped"
			}
			rows = append(rows, []string{s.Name, s.Version, origin})
		}
		return table(out, "There are no schemas.", "NAME\tVERSION\tORIGIN", rows)
	})
}

type schemaShow struct {
	remote
	Name    string `arg:"" help:"Name of the schema."`
	Version string `arg:"" help:"Its version."`
}

// Run prints a schema.
func (c *schemaShow) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "GET", "/api/schemas/"+url.PathEscape(c.Name)+"/"+url.PathEscape(c.Version), nil)
	if err != nil {
		return err
	}
	c.JSON = true
	return c.show(app.Stdout, answer, nil, nil)
}

type schemaAdd struct {
	remote
	Name    string `arg:"" help:"Name of the schema."`
	Version string `arg:"" help:"Its version, such as 1.0."`
	File    string `arg:"" help:"File that holds the schema, - for the standard input."`
}

// Run registers the schema.
func (c *schemaAdd) Run(ctx context.Context, app *kong.Context) error {
	content, err := readInput(c.File)
	if err != nil {
		return err
	}
	body := jsontext.Value(content)
	if !body.IsValid() {
		return fmt.Errorf("%s holds no JSON", c.File)
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "POST", "/api/schemas", map[string]any{"name": c.Name, "version": c.Version, "schema": body})
	if err != nil {
		return err
	}
	var s access.Schema
	return c.show(app.Stdout, answer, &s, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "The schema %s@%s is registered. Sources use it by --schema %s@%s:report\n", s.Name, s.Version, s.Name, s.Version)
		return err
	})
}
