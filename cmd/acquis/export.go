package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"
	"github.com/schollz/progressbar/v3"

	"acquis/connectors/xapi"
	"acquis/hub/archive"
	"acquis/lrs"
)

// ExportCmd writes statements of a running acquis to files.
type ExportCmd struct {
	remote
	To                string `arg:"" help:"File to write, a statement on each line, in gzip when its name ends in .gz; or a folder of parts, when its name ends in / or is one of a folder."`
	Agent             string `placeholder:"JSON" help:"Statements about this agent or identified group."`
	Verb              string `placeholder:"IRI" help:"Statements with this verb."`
	Activity          string `placeholder:"IRI" help:"Statements about this activity."`
	Registration      string `placeholder:"UUID" help:"Statements of this registration."`
	RelatedAgents     bool   `help:"--agent counts wherever it stands in a statement."`
	RelatedActivities bool   `help:"--activity counts wherever it stands in a statement."`
	Since             string `placeholder:"TIME" help:"Statements stored after this time."`
	Until             string `placeholder:"TIME" help:"Statements stored up to this time."`
	Attachments       bool   `default:"true" negatable:"" help:"Write attachments beside, each once, under its SHA-2 (${default})."`
	Voided            bool   `default:"true" negatable:"" help:"Write a voided statement before the one that voids it (${default}); the statement resource does not list it."`
	PartSize          int    `default:"100000" help:"Statements in a part of a folder (${default})."`
	PageSize          int    `default:"1000" help:"Statements to ask for at a time (${default})."`
	Restart           bool   `help:"Begin anew, whatever an unfinished export has written."`
}

// Run exports, or goes on where it was cut.
func (c *ExportCmd) Run(ctx context.Context, app *kong.Context) (err error) {
	if c.PartSize < 1 || c.PageSize < 1 {
		return errors.New("--part-size and --page-size must be at least 1")
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	a.client.Timeout = 0 // a page with attachments takes as long as it takes; the client bounds it
	client, err := xapi.New(xapi.Options{
		Endpoint: a.base + "/xapi", Key: a.key, Secret: func() (string, error) { return a.secret, nil }, HTTP: a.client,
	})
	if err != nil {
		return err
	}
	out, err := c.openOutput(a.base)
	if err != nil {
		return err
	}
	if out.Statements > 0 {
		fmt.Fprintf(app.Stderr, "going on after %d statements that were written before\n", out.Statements)
	}
	bar := newBar(app.Stderr, "exporting", -1, progressbar.OptionShowCount(), progressbar.OptionShowIts())
	e := &exporting{cmd: c, client: client, out: out, advance: func(n int) { _ = bar.Add(n) }}
	err = e.run(ctx)
	_ = bar.Clear() // a bar that cannot be wiped is not worth failing for
	if err != nil {
		return errors.Join(err, out.abandon(), fmt.Errorf("%d statements are written: the same command goes on after them", out.Statements))
	}
	_, err = fmt.Fprintf(app.Stdout, "%d statements (%d of them voided) and %d attachments, everything stored up to %s\n", out.Statements, out.Voided, out.Attachments, out.Through)
	return err
}

// filter is what the statement resource is asked.
func (c *ExportCmd) filter() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"agent": c.Agent, "verb": c.Verb, "activity": c.Activity, "registration": c.Registration, "since": c.Since, "until": c.Until,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, wanted := range map[string]bool{"related_agents": c.RelatedAgents, "related_activities": c.RelatedActivities} {
		if wanted {
			q.Set(name, "true")
		}
	}
	return q
}

// folder tells whether parts are written.
func (c *ExportCmd) folder() bool {
	return strings.HasSuffix(c.To, string(os.PathSeparator)) || isFolder(c.To)
}

// exporting is an export under way.
type exporting struct {
	cmd     *ExportCmd
	client  *xapi.Client
	out     *output
	advance func(int)
}

func (e *exporting) run(ctx context.Context) error {
	page, err := e.first(ctx)
	for {
		if err != nil {
			return err
		}
		for _, statement := range page.Statements {
			if err := e.write(ctx, statement); err != nil {
				return err
			}
		}
		if err := e.out.checkpoint(page.More); err != nil {
			return err
		}
		e.advance(len(page.Statements))
		if page.More == "" {
			return e.out.finish()
		}
		page, err = e.client.More(ctx, page.More, e.keep())
	}
}

// first asks for the first page, or for the one that an export was cut at. What is stored while it runs is left
// to the next export.
func (e *exporting) first(ctx context.Context) (xapi.Page, error) {
	if e.out.More != "" {
		return e.client.More(ctx, e.out.More, e.keep())
	}
	now, err := e.client.Statements(ctx, url.Values{"limit": {"1"}}, nil)
	if err != nil {
		return now, err
	}
	query := e.cmd.filter()
	if !now.Through.IsZero() {
		through := lrs.InstantOf(now.Through)
		if until, err := lrs.ParseTimestamp(e.cmd.Until, lrs.V103); err != nil || lrs.InstantOf(until) > through {
			query.Set("until", through.String())
		}
		e.out.Through = query.Get("until")
	}
	query.Set("ascending", "true")
	query.Set("limit", strconv.Itoa(e.cmd.PageSize))
	if e.cmd.Attachments {
		query.Set("attachments", "true")
	}
	return e.client.Statements(ctx, query, e.keep())
}

func (e *exporting) keep() xapi.Keep {
	if !e.cmd.Attachments {
		return nil
	}
	return e.out.keep
}

// write writes a statement, after the one that it voids.
func (e *exporting) write(ctx context.Context, statement []byte) error {
	if target := voidedBy(statement); e.cmd.Voided && target != uuid.Nil {
		hidden, there, err := e.client.Statement(ctx, target, true, e.keep())
		if err != nil {
			return err
		}
		if there {
			e.out.Voided++
			if err := e.out.write(hidden); err != nil {
				return err
			}
		}
	}
	return e.out.write(statement)
}

// voidedBy is the id of the statement that another voids.
func voidedBy(statement []byte) lrs.ID {
	if !strings.Contains(string(statement), lrs.VerbVoided) {
		return uuid.Nil
	}
	s, err := lrs.DecodeStored(statement)
	if err != nil || s.Verb.ID != lrs.VerbVoided {
		return uuid.Nil
	}
	return lrs.TargetOf(s)
}

// openOutput goes on with an unfinished export, or begins one.
func (c *ExportCmd) openOutput(from string) (*output, error) {
	base := filepath.Clean(c.To)
	o := &output{
		Manifest: archive.Manifest{Format: archive.ManifestFormat, From: from, Filter: c.filter(), Begun: time.Now().UTC().Truncate(time.Second)},
		path:     base, zip: strings.HasSuffix(base, ".gz"), partSize: 1 << 62, manifest: base + "." + archive.ManifestName,
		state: base + ".exporting", attachments: base + "." + archive.AttachmentsName,
	}
	if c.folder() {
		o.folder, o.zip, o.partSize = true, true, c.PartSize
		o.manifest, o.state = filepath.Join(base, archive.ManifestName), filepath.Join(base, "exporting.json")
		o.attachments = filepath.Join(base, archive.AttachmentsName)
		if err := os.MkdirAll(base, 0o700); err != nil {
			return nil, err
		}
	}
	return o, o.open(c.Restart)
}
