package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/alecthomas/kong"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/hub/exchange"
	"acquis/lrs"
)

// PullCmd administers the record stores that a running acquis pulls from.
type PullCmd struct {
	List     pullList     `cmd:"" help:"List the pulls and how far they have come."`
	Show     pullShow     `cmd:"" help:"Print a pull as JSON, fit to be changed and given to put."`
	Add      pullAdd      `cmd:"" help:"Pull statements from another LRS, from now on."`
	Put      pullPut      `cmd:"" help:"Replace all settings of a pull by those of a JSON file."`
	Delete   pullDelete   `cmd:"" help:"Take a pull away; the statements that it brought stay."`
	Pause    pullPause    `cmd:"" help:"Let a pull rest."`
	Resume   pullResume   `cmd:"" help:"Let a pull go on."`
	Run      pullRun      `cmd:"" help:"Begin a run now."`
	Refusals pullRefusals `cmd:"" help:"List statements of the other LRS that were not taken in, and why."`
}

// pullAnswer is a pull as the server tells it.
type pullAnswer struct {
	exchange.Pull
	State struct {
		Position string
		Total    exchange.PullCounts
		Run      *exchange.PullRun
		Last     *exchange.PullRun
	} `json:"state"`
	Revision string `json:"revision"`
}

func pullPath(name, more string) string { return "/api/pulls/" + url.PathEscape(name) + more }

type pullList struct{ remote }

// Run prints the pulls.
func (c *pullList) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "GET", "/api/pulls", nil)
	if err != nil {
		return err
	}
	var found struct{ Items []pullAnswer }
	return c.show(app.Stdout, answer, &found, func(out io.Writer) error {
		var rows [][]string
		for _, p := range found.Items {
			rows = append(rows, []string{p.Name, p.Endpoint, fmt.Sprint(p.State.Total.Stored), fmt.Sprint(p.State.Total.Refused), p.State.Position, p.words()})
		}
		return table(out, "Nothing is pulled.", "NAME\tENDPOINT\tSTORED\tREFUSED\tPOSITION\tSTATE", rows)
	})
}

// words say how a pull does.
func (p pullAnswer) words() string {
	switch {
	case p.Paused:
		return "paused"
	case p.State.Last != nil && p.State.Last.Failure != nil:
		return "failed: " + p.State.Last.Failure.Sentence
	case p.State.Run != nil:
		return fmt.Sprintf("running: %d pages", p.State.Run.Pages)
	}
	return "waiting for its next run"
}

type pullShow struct {
	remote
	Name string `arg:"" help:"Name of the pull."`
}

// Run prints a pull.
func (c *pullShow) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "GET", pullPath(c.Name, ""), nil)
	if err != nil {
		return err
	}
	c.JSON = true
	return c.show(app.Stdout, answer, nil, nil)
}

type pullAdd struct {
	remote
	Name              string        `arg:"" help:"Its name, which never changes; the statements count as those of the source of this name."`
	From              string        `name:"from-lrs" required:"" placeholder:"URL" help:"Address of the other LRS, below which /statements is."`
	FromKey           string        `required:"" placeholder:"KEY" help:"User name for the other LRS."`
	FromSecret        string        `required:"" placeholder:"REF" help:"Where the secret is on the server: env:CONNECT_NAME, or file:NAME in the folder connect.secrets."`
	Version           string        `name:"xapi-version" placeholder:"VERSION" help:"Version of xAPI to speak; 1.0.3 without."`
	Title             string        `help:"What people call it."`
	Verb              string        `placeholder:"IRI" help:"Pull statements with this verb."`
	Activity          string        `placeholder:"IRI" help:"Pull statements about this activity."`
	RelatedActivities bool          `help:"--activity counts wherever it stands."`
	Agent             string        `placeholder:"JSON" help:"Pull statements about this agent."`
	RelatedAgents     bool          `help:"--agent counts wherever it stands."`
	Since             string        `placeholder:"TIME" help:"Pull what the other LRS stored after this time."`
	Every             time.Duration `default:"5m" help:"How often (${default})."`
	Overlap           time.Duration `default:"5m" help:"How much of the time before is read again (${default}): many LRSs promise too much."`
	Page              int           `help:"Statements to ask for at a time; 0 stands for 500."`
	NoAttachments     bool          `help:"Do not ask for attachments."`
}

// Run makes the pull.
func (c *pullAdd) Run(ctx context.Context, app *kong.Context) error {
	p := exchange.Pull{
		Name: c.Name, Title: c.Title, Endpoint: c.From, Key: c.FromKey, Secret: c.FromSecret, Version: lrs.Version(c.Version), From: c.Since,
		Every: int(c.Every.Seconds()), Overlap: int(c.Overlap.Seconds()), Page: c.Page, WithoutAttachments: c.NoAttachments,
		Filter: exchange.PullFilter{Verb: c.Verb, Activity: c.Activity, RelatedActivities: c.RelatedActivities, RelatedAgents: c.RelatedAgents},
	}
	if c.Agent != "" {
		if p.Filter.Agent = jsontext.Value(c.Agent); !p.Filter.Agent.IsValid() {
			return fmt.Errorf("--agent %q is not JSON, such as {\"mbox\":\"mailto:ann@example.org\"}", c.Agent)
		}
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "POST", "/api/pulls", p)
	if err != nil {
		return err
	}
	var made pullAnswer
	return c.show(app.Stdout, answer, &made, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "Statements are pulled from %s. See how it goes: acquis pull list\n", made.Endpoint)
		return err
	})
}

type pullPut struct {
	remote
	Name string `arg:"" help:"Name of the pull."`
	File string `arg:"" type:"path" help:"JSON file, as show prints it; - is the standard input."`
}

// Run replaces the settings.
func (c *pullPut) Run(ctx context.Context, app *kong.Context) error {
	content, err := readInput(c.File)
	if err != nil {
		return err
	}
	var given pullAnswer
	if err := json.Unmarshal(content, &given, json.MatchCaseInsensitiveNames(true)); err != nil {
		return fmt.Errorf("%s is no pull in JSON: %w", c.File, err)
	}
	if given.Revision == "" {
		return errors.New("the file has no revision: change what show prints")
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "PUT", pullPath(c.Name, ""), given.Pull, "If-Match", `"`+given.Revision+`"`)
	if err != nil {
		return err
	}
	return c.show(app.Stdout, answer, &given, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "The pull %s is changed.\n", c.Name)
		return err
	})
}

type pullDelete struct {
	remote
	Name string `arg:"" help:"Name of the pull."`
}

// Run takes the pull away.
func (c *pullDelete) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	if _, err := a.ask(ctx, "DELETE", pullPath(c.Name, ""), nil); err != nil {
		return err
	}
	_, err = fmt.Fprintf(app.Stdout, "The pull %s is gone.\n", c.Name)
	return err
}

type pullPause struct {
	remote
	Name string `arg:"" help:"Name of the pull."`
}

// Run lets it rest.
func (c *pullPause) Run(ctx context.Context, app *kong.Context) error {
	return c.pullTold(ctx, app, c.Name, "/pause", "rests")
}

type pullResume struct {
	remote
	Name string `arg:"" help:"Name of the pull."`
}

// Run lets it go on.
func (c *pullResume) Run(ctx context.Context, app *kong.Context) error {
	return c.pullTold(ctx, app, c.Name, "/resume", "goes on")
}

type pullRun struct {
	remote
	Name string `arg:"" help:"Name of the pull."`
}

// Run begins a run.
func (c *pullRun) Run(ctx context.Context, app *kong.Context) error {
	return c.pullTold(ctx, app, c.Name, "/run", "begins to run")
}

func (r *remote) pullTold(ctx context.Context, app *kong.Context, name, verb, does string) error {
	a, err := r.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "POST", pullPath(name, verb), nil)
	if err != nil {
		return err
	}
	var p pullAnswer
	return r.show(app.Stdout, answer, &p, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "The pull %s %s.\n", name, does)
		return err
	})
}

type pullRefusals struct {
	remote
	Name string `arg:"" help:"Name of the pull."`
}

// Run lists what was not taken in.
func (c *pullRefusals) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.all(ctx, pullPath(c.Name, "/refusals"), nil)
	if err != nil {
		return err
	}
	var found struct{ Items []exchange.PullRefusal }
	return c.show(app.Stdout, answer, &found, func(out io.Writer) error {
		var rows [][]string
		for _, r := range found.Items {
			why := r.Detail
			for _, v := range r.Violations {
				why += fmt.Sprintf("; %s %s", v.Pointer, v.Detail)
			}
			rows = append(rows, []string{r.At.Format(time.DateTime), r.Statement, why})
		}
		return table(out, "Everything was taken in.", "FIRST SEEN\tSTATEMENT\tWHY", rows)
	})
}
