package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/hub/exchange"
	"acquis/lrs"
)

// ForwardCmd administers what a running acquis forwards to others.
type ForwardCmd struct {
	List    forwardList    `cmd:"" help:"List the forwards and how far they have come."`
	Show    forwardShow    `cmd:"" help:"Print a forward as JSON, fit to be changed and given to put."`
	Add     forwardAdd     `cmd:"" help:"Forward statements to another LRS or a webhook."`
	Put     forwardPut     `cmd:"" help:"Replace all settings of a forward by those of a JSON file."`
	Delete  forwardDelete  `cmd:"" help:"Take a forward away."`
	Pause   forwardPause   `cmd:"" help:"Let a forward rest; what comes meanwhile is sent when it is resumed."`
	Resume  forwardResume  `cmd:"" help:"Let a forward go on, without waiting for its next attempt."`
	Letters forwardLetters `cmd:"" help:"List dead letters: what a target did not take, and erasures that it cannot be told."`
	Replay  forwardReplay  `cmd:"" help:"Send dead letters once more."`
	Settle  forwardSettle  `cmd:"" help:"Note that dead letters were dealt with otherwise."`
}

// forwardAnswer is a forward as the server tells it.
type forwardAnswer struct {
	exchange.Forward
	State struct {
		Position, LastSent    string
		Sent, Passed, Refused int64
		Failure               *exchange.Failure
	} `json:"state"`
	DeadLetters int    `json:"deadLetters"`
	Revision    string `json:"revision"`
}

func forwardPath(name string, more ...string) string {
	return "/api/forwards/" + url.PathEscape(name) + strings.Join(more, "")
}

type forwardList struct{ remote }

// Run prints the forwards.
func (c *forwardList) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "GET", "/api/forwards", nil)
	if err != nil {
		return err
	}
	var found struct{ Items []forwardAnswer }
	return c.show(app.Stdout, answer, &found, func(out io.Writer) error {
		var rows [][]string
		for _, f := range found.Items {
			state := "sending"
			switch {
			case f.Paused:
				state = "paused"
			case f.State.Failure != nil:
				state = "waiting: " + f.State.Failure.Sentence
			}
			rows = append(rows, []string{f.Name, string(f.Kind), f.Endpoint, fmt.Sprint(f.State.Sent), fmt.Sprint(f.DeadLetters), state})
		}
		return table(out, "Nothing is forwarded.", "NAME\tKIND\tENDPOINT\tSENT\tDEAD LETTERS\tSTATE", rows)
	})
}

type forwardShow struct {
	remote
	Name string `arg:"" help:"Name of the forward."`
}

// Run prints a forward.
func (c *forwardShow) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "GET", forwardPath(c.Name), nil)
	if err != nil {
		return err
	}
	c.JSON = true
	return c.show(app.Stdout, answer, nil, nil)
}

type forwardAdd struct {
	remote
	Name              string   `arg:"" help:"Its name, which never changes: lower-case letters, digits and hyphens."`
	To                string   `required:"" placeholder:"URL" help:"Address of the other LRS, below which /statements is, or of the webhook."`
	Kind              string   `default:"lrs" enum:"lrs,webhook" help:"What is there: lrs or webhook (${default})."`
	ToKey             string   `placeholder:"KEY" help:"User name for the other LRS."`
	Secrets           []string `name:"to-secret" required:"" placeholder:"REF" help:"Where the secret is on the server: env:CONNECT_NAME, or file:NAME in the folder connect.secrets. A webhook may have two."`
	Version           string   `name:"xapi-version" placeholder:"VERSION" help:"Version of xAPI to speak to the other LRS; 1.0.3 without."`
	Title             string   `help:"What people call it."`
	Verbs             []string `name:"verb" placeholder:"IRI" sep:"none" help:"Send statements with this verb. May be repeated."`
	Activities        []string `name:"activity" placeholder:"IRI" sep:"none" help:"Send statements about this activity. May be repeated."`
	RelatedActivities bool     `help:"--activity counts wherever it stands."`
	Agents            []string `name:"agent" placeholder:"JSON" sep:"none" help:"Send statements about this agent. May be repeated."`
	RelatedAgents     bool     `help:"--agent counts wherever it stands."`
	Sources           []string `name:"source" placeholder:"NAME" help:"Send statements of this source. May be repeated."`
	Except            []string `name:"except-source" placeholder:"NAME" help:"Do not send statements of this source: name the one by which the target's own come here. May be repeated."`
	NoAttachments     bool     `help:"Leave attachments out."`
	Rate              float64  `help:"Statements a second at most; 0 is no limit."`
	Batch             int      `help:"Statements in a request at most; 0 stands for 500."`
	Retry             string   `enum:"patient,brief" default:"patient" help:"How long to wait for a target that does not answer: until it is back, or a quarter of an hour (${default})."`
	From              string   `default:"now" placeholder:"TIME" help:"Where to begin: now, beginning, or a time (${default})."`
}

// Run makes the forward.
func (c *forwardAdd) Run(ctx context.Context, app *kong.Context) error {
	f := exchange.Forward{
		Name: c.Name, Title: c.Title, Kind: exchange.TargetKind(c.Kind), Endpoint: c.To, Key: c.ToKey, Secrets: c.Secrets, Version: lrs.Version(c.Version),
		WithoutAttachments: c.NoAttachments, Rate: c.Rate, Batch: c.Batch, Retry: exchange.RetryClass(c.Retry), From: c.From,
		Filter: exchange.Filter{
			Verbs: c.Verbs, Activities: c.Activities, RelatedActivities: c.RelatedActivities, RelatedAgents: c.RelatedAgents, Sources: c.Sources, ExceptSources: c.Except,
		},
	}
	for _, agent := range c.Agents {
		value := jsontext.Value(agent)
		if !value.IsValid() {
			return fmt.Errorf("--agent %q is not JSON, such as {\"mbox\":\"mailto:ann@example.org\"}", agent)
		}
		f.Filter.Agents = append(f.Filter.Agents, value)
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "POST", "/api/forwards", f)
	if err != nil {
		return err
	}
	var made forwardAnswer
	return c.show(app.Stdout, answer, &made, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "Statements are forwarded to %s. See how it goes: acquis forward list\n", made.Endpoint)
		return err
	})
}

type forwardPut struct {
	remote
	Name string `arg:"" help:"Name of the forward."`
	File string `arg:"" type:"path" help:"JSON file, as show prints it; - is the standard input."`
}

// Run replaces the settings.
func (c *forwardPut) Run(ctx context.Context, app *kong.Context) error {
	content, err := readInput(c.File)
	if err != nil {
		return err
	}
	var given forwardAnswer
	if err := json.Unmarshal(content, &given, json.MatchCaseInsensitiveNames(true)); err != nil {
		return fmt.Errorf("%s is no forward in JSON: %w", c.File, err)
	}
	if given.Revision == "" {
		return errors.New("the file has no revision: change what show prints")
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "PUT", forwardPath(c.Name), given.Forward, "If-Match", `"`+given.Revision+`"`)
	if err != nil {
		return err
	}
	return c.show(app.Stdout, answer, &given, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "The forward %s is changed.\n", c.Name)
		return err
	})
}

type forwardDelete struct {
	remote
	Name string `arg:"" help:"Name of the forward."`
}

// Run takes the forward away.
func (c *forwardDelete) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	if _, err := a.ask(ctx, "DELETE", forwardPath(c.Name), nil); err != nil {
		return err
	}
	_, err = fmt.Fprintf(app.Stdout, "The forward %s is gone.\n", c.Name)
	return err
}

type forwardPause struct {
	remote
	Name string `arg:"" help:"Name of the forward."`
}

// Run lets it rest.
func (c *forwardPause) Run(ctx context.Context, app *kong.Context) error {
	return c.told(ctx, app, c.Name, "pause", "rests")
}

type forwardResume struct {
	remote
	Name string `arg:"" help:"Name of the forward."`
}

// Run lets it go on.
func (c *forwardResume) Run(ctx context.Context, app *kong.Context) error {
	return c.told(ctx, app, c.Name, "resume", "goes on")
}

func (r *remote) told(ctx context.Context, app *kong.Context, name, verb, does string) error {
	a, err := r.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "POST", forwardPath(name, "/", verb), nil)
	if err != nil {
		return err
	}
	var f forwardAnswer
	return r.show(app.Stdout, answer, &f, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "The forward %s %s.\n", name, does)
		return err
	})
}

type forwardLetters struct {
	remote
	Name  string `arg:"" optional:"" help:"Name of the forward; all without."`
	State string `default:"open" enum:"open,replay,settled" help:"State of the letters: open, replay or settled (${default})."`
}

// Run lists dead letters.
func (c *forwardLetters) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	filter := url.Values{"state": {c.State}}
	if c.Name != "" {
		filter.Set("forward", c.Name)
	}
	answer, err := a.all(ctx, "/api/dead-letters", filter)
	if err != nil {
		return err
	}
	var found struct{ Items []exchange.DeadLetter }
	return c.show(app.Stdout, answer, &found, func(out io.Writer) error {
		var rows [][]string
		for _, l := range found.Items {
			reason, _, _ := strings.Cut(l.Reason, "\n")
			rows = append(rows, []string{l.Forward, l.ID, string(l.Kind), l.Statement.String(), fmt.Sprint(l.Attempts), l.Last.Format(time.DateTime), firstRunes(reason, 120)})
		}
		return table(out, "There are none.", "FORWARD\tLETTER\tABOUT\tSTATEMENT\tATTEMPTS\tLAST\tREASON", rows)
	})
}

type forwardReplay struct {
	remote
	Name    string   `arg:"" help:"Name of the forward."`
	Letters []string `arg:"" optional:"" help:"Letters, as list names them; every open one without."`
}

// Run has letters sent once more.
func (c *forwardReplay) Run(ctx context.Context, app *kong.Context) error {
	return c.order(ctx, app, "replay", "%d dead letters are sent once more; what is refused again stays.\n", map[string]any{"forward": c.Name, "ids": c.Letters})
}

type forwardSettle struct {
	remote
	Name    string   `arg:"" help:"Name of the forward."`
	Letters []string `arg:"" optional:"" help:"Letters, as list names them; every open one without."`
	Note    string   `required:"" help:"What was done instead."`
}

// Run settles letters.
func (c *forwardSettle) Run(ctx context.Context, app *kong.Context) error {
	return c.order(ctx, app, "settle", "%d dead letters are settled.\n", map[string]any{"forward": c.Name, "ids": c.Letters, "note": c.Note})
}

func (r *remote) order(ctx context.Context, app *kong.Context, verb, said string, body map[string]any) error {
	if body["ids"] == nil {
		delete(body, "ids")
	}
	a, err := r.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "POST", "/api/dead-letters/"+verb, body)
	if err != nil {
		return err
	}
	var n struct{ Count int }
	return r.show(app.Stdout, answer, &n, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, said, n.Count)
		return err
	})
}
