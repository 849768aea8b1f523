package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kong"
	"github.com/schollz/progressbar/v3"
)

// ImportCmd takes statements of a file in.
type ImportCmd struct {
	remote
	File        string `arg:"" help:"File or folder of statements: what export made, a JSON array, a statement on each line, a page of the statement resource, documents of Learning Locker, Ralph, TRAX or rows of SQL LRS; in gzip or not. - is the standard input."`
	Attachments string `type:"path" placeholder:"DIR" help:"Folder that holds the attachments, each in a file named by its SHA-2. A folder of export has them with it."`
	Origin      string `placeholder:"TEXT" help:"Where the statements come from, for the record; the name of the file without."`
	XAPI        string `name:"xapi-version" default:"1.0.3" enum:"1.0.3,2.0.0" help:"Version by which statements that name none are judged (${default})."`
	Batch       int    `default:"1000" help:"Statements in one request (${default})."`
	InFlight    int    `default:"2" help:"Requests under way at a time (${default}). With 1, statements are stored in the order of the file."`
	Refused     string `type:"path" placeholder:"FILE" help:"Where to list what was refused, a JSON object on each line; FILE.refused.ndjson without."`
	Restart     bool   `help:"Begin at the start of the file, whatever was taken in before."`
}

// maxInFlight bounds the requests under way, each of which holds its statements.
const maxInFlight = 16

// Run imports, or goes on where it was cut.
func (c *ImportCmd) Run(ctx context.Context, app *kong.Context) (err error) {
	if c.Batch < 1 || c.Batch > 5000 || c.InFlight < 1 || c.InFlight > maxInFlight {
		return fmt.Errorf("--batch must be from 1 to 5000, --in-flight from 1 to %d", maxInFlight)
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	from, err := openArchive(c.File, c.Attachments)
	if err != nil {
		return err
	}
	j, err := c.openJournal(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.close()) }()
	if j.Items > 0 {
		fmt.Fprintf(app.Stderr, "going on after %d statements that were taken in before\n", j.Items)
	}
	bar := newBar(app.Stderr, "importing", from.size, progressbar.OptionShowBytes(true), progressbar.OptionSetPredictTime(true))
	i := &importing{cmd: c, asker: a, from: from, journal: j, advance: func(n int64) { _ = bar.Add64(n) }}
	began := time.Now()
	err = i.run(ctx)
	_ = bar.Clear() // a bar that cannot be wiped is not worth failing for
	if err != nil {
		if ctx.Err() != nil {
			err = errors.New("stopped")
		}
		return errors.Join(err, fmt.Errorf("%d statements are dealt with: the same command goes on after them", j.Items))
	}
	return c.report(app.Stdout, j, time.Since(began))
}

// report says what became of the file. It is an error when lines were refused.
func (c *ImportCmd) report(out io.Writer, j *journal, took time.Duration) error {
	j.done = true
	_, err := fmt.Fprintf(out, "%d statements: %d stored, %d were there already, %d refused, in %s\n", j.Items, j.Stored, j.Repeated, j.Rejected, took.Round(time.Millisecond))
	if err == nil && j.Rejected > 0 {
		return fmt.Errorf("%d statements were refused; what is wrong with each is in %s", j.Rejected, j.refusedPath)
	}
	return err
}
