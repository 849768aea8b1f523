package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/alecthomas/kong"

	"acquis/hub"
	"acquis/hub/directory"
	"acquis/internal/campus"
)

// directoryFile is the file and the settings of every import into the directory.
type directoryFile struct {
	remote
	File       string `arg:"" help:"CSV file, - for the standard input. UTF-8 or Windows-1252, with ; , or tab between cells."`
	DryRun     bool   `help:"Only say what would be done."`
	SkipFaulty bool   `help:"Leave out the lines at fault and take the others. Without, one faulty line refuses the file."`
	Day        string `placeholder:"DATE" help:"Since when what is new holds, such as 2026-09-01; today without."`
	Reason     string `help:"What for. It is kept on record."`
}

type hubImportPeople struct {
	directoryFile
	Scope     string `placeholder:"ORGANISATION" help:"The file names all people of this organisation and below it: who is absent has left."`
	EndAbsent bool   `help:"End who is absent. Without, they are only counted."`
	EndCount  int    `placeholder:"N" help:"How many are to be ended, where they are many: the dry run tells."`
}

// Run imports people, or says what is wrong with the file, line by line.
func (c *hubImportPeople) Run(ctx context.Context, app *kong.Context) error {
	query := url.Values{}
	if c.Scope != "" {
		query.Set("scope", c.Scope)
		query.Set("end_absent", fmt.Sprint(c.EndAbsent))
		query.Set("end_count", fmt.Sprint(c.EndCount))
	}
	return c.take(ctx, app, "/api/people/import", query)
}

type hubImportOrganisations struct {
	directoryFile
}

// Run imports organisations, or says what is wrong with the file, line by line.
func (c *hubImportOrganisations) Run(ctx context.Context, app *kong.Context) error {
	return c.take(ctx, app, "/api/organisations/import", url.Values{})
}

// take sends the file and prints what became of it.
func (c *directoryFile) take(ctx context.Context, app *kong.Context, path string, query url.Values) error {
	query.Set("dry_run", fmt.Sprint(c.DryRun))
	query.Set("skip_faulty", fmt.Sprint(c.SkipFaulty))
	for name, value := range map[string]string{"day": c.Day, "reason": c.Reason} {
		if value != "" {
			query.Set(name, value)
		}
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	content, err := readInput(c.File)
	if err != nil {
		return err
	}
	answer, err := a.send(ctx, http.MethodPost, path+"?"+query.Encode(), bytes.NewReader(content), "Content-Type", "text/csv")
	if err != nil {
		return err
	}
	var report directory.Report
	return c.show(app.Stdout, answer, &report, func(out io.Writer) error { return printDirectoryReport(out, report) })
}

// printDirectoryReport says what an import did, leaving out what stayed as it was.
func printDirectoryReport(out io.Writer, r directory.Report) error {
	var rows [][]string
	for _, s := range r.Steps {
		rows = append(rows, []string{fmt.Sprint(s.Line), s.Action, s.Target, strings.Join(s.Members, ", ")})
	}
	if err := table(out, "Nothing is new.", "LINE\tACTION\tID\tMEMBERS", rows); err != nil {
		return err
	}
	for _, v := range r.Faults {
		if _, err := fmt.Fprintf(out, "left out: %s %s\n", v.Pointer, v.Detail); err != nil {
			return err
		}
	}
	would := ""
	if r.DryRun {
		would = " would be (nothing was changed)"
	}
	_, err := fmt.Fprintf(out, "%s: %d lines; %d created, %d updated, %d unchanged, %d absent, %d ended%s\n",
		r.Encoding, r.Lines, r.Created, r.Updated, r.Unchanged, r.Absent, r.Ended, would)
	return err
}

// loadPeople takes the made-up campus's organisations and people in, so that its actors are known. Doing
// it again changes nothing.
func loadPeople(ctx context.Context, d *directory.Directory, demo hub.Caller) error {
	c := campus.New(demoSeed)
	if _, err := d.ImportOrganisations(ctx, demo, directory.OrganisationsImport{File: c.OrganisationsCSV()}); err != nil {
		return err
	}
	_, err := d.ImportPeople(ctx, demo, directory.PeopleImport{File: c.PeopleCSV()})
	return err
}
