package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"

	"acquis/hub/catalogue"
)

// HubCmd looks after the hub of a running acquis.
type HubCmd struct {
	Import  HubImportCmd `cmd:"" help:"Import files."`
	Rebuild hubRebuild   `cmd:"" help:"Fold all statements again beside the live completions, and report what differs."`
}

// HubImportCmd imports files into the hub.
type HubImportCmd struct {
	People        hubImportPeople        `cmd:"" help:"Import people from CSV."`
	Organisations hubImportOrganisations `cmd:"" help:"Import organisations from CSV."`
	Catalogue     hubImportCatalogue     `cmd:"" help:"Import modules, parcours and what activities mean, from CSV or YAML."`
}

type hubImportCatalogue struct {
	remote
	File    string `arg:"" optional:"" help:"CSV or YAML file, told by its name; - for YAML on the standard input."`
	Starter bool   `help:"Import the catalogue that acquis brings along, in place of a file."`
	DryRun  bool   `help:"Only say what would be done."`
	Correct bool   `help:"Rules of parcours that were in force may change; completions by them are judged anew."`
	Move    bool   `help:"Activities may go from one item to another."`
}

// Run imports the file, or says what is wrong with it, line by line.
func (c *hubImportCatalogue) Run(ctx context.Context, app *kong.Context) error {
	if (c.File == "") != c.Starter {
		return fmt.Errorf("name a file, or say --starter")
	}
	query := url.Values{"dryRun": {fmt.Sprint(c.DryRun)}, "correct": {fmt.Sprint(c.Correct)}, "move": {fmt.Sprint(c.Move)}}
	a, err := c.open()
	if err != nil {
		return err
	}
	path, mediaType, content := "/api/catalogue/import-starter?", "application/json", []byte(nil)
	if !c.Starter {
		path, mediaType = "/api/catalogue/import?", "application/yaml"
		if strings.EqualFold(filepath.Ext(c.File), ".csv") {
			mediaType = "text/csv"
		}
		if content, err = readInput(c.File); err != nil {
			return err
		}
	}
	answer, err := a.send(ctx, http.MethodPost, path+query.Encode(), bytes.NewReader(content), "Content-Type", mediaType)
	if err != nil {
		return err
	}
	var report catalogue.Report
	return c.show(app.Stdout, answer, &report, func(out io.Writer) error { return printReport(out, report) })
}

// printReport says what an import did, leaving out what stayed as it was.
func printReport(out io.Writer, r catalogue.Report) error {
	var rows [][]string
	for _, step := range r.Steps {
		if step.Action != catalogue.Unchanged {
			rows = append(rows, []string{fmt.Sprint(step.Line), string(step.Action), step.Target, strings.Join(step.Fields, ", ")})
		}
	}
	if err := table(out, "Nothing is new.", "LINE\tACTION\tWHAT\tFIELDS", rows); err != nil {
		return err
	}
	would := ""
	if r.DryRun {
		would = " would be (nothing was changed)"
	}
	_, err := fmt.Fprintf(out, "%d added, %d changed, %d unchanged%s\n", r.Counts[catalogue.Added], r.Counts[catalogue.Changed], r.Counts[catalogue.Unchanged], would)
	return err
}
