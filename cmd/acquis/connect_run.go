package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
	"github.com/go-json-experiment/json"
	"github.com/schollz/progressbar/v3"

	"acquis/connectors"
)

// tried is what a check or a probe found, or why it could not.
type tried struct {
	OK      bool
	Says    []string
	Calls   int
	Seconds float64
	Rate    float64
	Fields  []connectors.Field
	Fault   *struct{ Class, Sentence, Detail string }
}

// err is why it could not.
func (t tried) err() error {
	if t.Fault == nil {
		return nil
	}
	return fmt.Errorf("%s\n  %s: %s", t.Fault.Sentence, t.Fault.Class, t.Fault.Detail)
}

type connectCheck struct {
	remote
	Name string `arg:"" help:"Name of the connection."`
}

// Run checks a connection.
func (c *connectCheck) Run(ctx context.Context, app *kong.Context) error {
	return c.try(ctx, app, c.Name, "check", func(out io.Writer, t tried) error {
		if t.Rate <= 0 {
			_, err := fmt.Fprintf(out, "A full pull takes %d requests.\n", t.Calls)
			return err
		}
		_, err := fmt.Fprintf(
			out, "A full pull takes %d requests, which at %.3g a second is %s at least.\n",
			t.Calls, t.Rate, time.Duration(t.Seconds*float64(time.Second)).Round(time.Second),
		)
		return err
	})
}

type connectProbe struct {
	remote
	Name string `arg:"" help:"Name of the connection."`
}

// Run probes a connection.
func (c *connectProbe) Run(ctx context.Context, app *kong.Context) error {
	return c.try(ctx, app, c.Name, "probe", func(out io.Writer, t tried) error {
		var rows [][]string
		for _, f := range t.Fields {
			verdict := ""
			if f.Found == 0 && f.Of > 0 {
				verdict = "not found"
				if f.Required {
					verdict = "NOT FOUND, and needed"
				}
			}
			rows = append(rows, []string{f.Item, f.Name, fmt.Sprintf("%d of %d", f.Found, f.Of), verdict})
		}
		return table(out, "No fields are mapped.", "ITEM\tFIELD\tFOUND IN\t", rows)
	})
}

// try asks for a trial of a connection and prints what was found.
func (r *remote) try(ctx context.Context, app *kong.Context, name, what string, print func(io.Writer, tried) error) error {
	if r.Timeout < trialTimeout {
		r.Timeout = trialTimeout
	}
	a, err := r.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "POST", connectPath(name, what), nil)
	if err != nil {
		return err
	}
	var found tried
	if err := json.Unmarshal(answer.body, &found, json.MatchCaseInsensitiveNames(true)); err != nil {
		return fmt.Errorf("the answer is not what this command knows: %w", err)
	}
	return errors.Join(found.err(), r.show(app.Stdout, answer, &found, func(out io.Writer) error {
		if found.Fault != nil {
			return nil
		}
		for _, sentence := range found.Says {
			if _, err := fmt.Fprintln(out, sentence); err != nil {
				return err
			}
		}
		return print(out, found)
	}))
}

// trialTimeout is how long a provider's answers may take.
const trialTimeout = 5 * time.Minute

type connectRun struct {
	remote
	Name  string        `arg:"" help:"Name of the connection."`
	Full  bool          `help:"Read everything, not only what is new."`
	Dry   bool          `name:"dry-run" help:"Say what would change, and change nothing."`
	File  string        `type:"existingfile" placeholder:"FILE" help:"Export of the provider's to be read, in place of what lies in the connection's folder."`
	As    string        `placeholder:"IMPORT" help:"Which import of the connector's the file is for."`
	Start bool          `name:"no-wait" help:"Do not wait for the end."`
	Every time.Duration `hidden:"" default:"500ms"`
}

// Run pulls and shows how far it has come, until the end.
func (c *connectRun) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	query := url.Values{}
	if c.Full {
		query.Set("full", "true")
	}
	if c.Dry {
		query.Set("dry", "true")
	}
	var answer remoteReply
	if c.File != "" {
		answer, err = c.handIn(ctx, a, query)
	} else {
		answer, err = a.ask(ctx, "POST", connectPath(c.Name, "run")+"?"+query.Encode(), nil)
	}
	if err != nil {
		return err
	}
	var run connectors.Run
	if err := json.Unmarshal(answer.body, &run); err != nil {
		return fmt.Errorf("the answer is not what this command knows: %w", err)
	}
	if c.Start {
		_, err := fmt.Fprintf(app.Stdout, "Run %d has begun. See: acquis connect history %s %d\n", run.Number, run.Connection, run.Number)
		return err
	}
	if answer, run, err = c.follow(ctx, app, a, run); err != nil {
		return err
	}
	if err := c.show(app.Stdout, answer, &run, func(out io.Writer) error { return c.report(out, run) }); err != nil {
		return err
	}
	if run.Outcome != connectors.Clean {
		return fmt.Errorf("the run ended %s", run.Outcome)
	}
	return nil
}

// follow looks how far the run has come until it has ended.
func (c *connectRun) follow(ctx context.Context, app *kong.Context, a *asker, run connectors.Run) (remoteReply, connectors.Run, error) {
	bar := newBar(app.Stderr, run.Connection, -1, progressbar.OptionShowCount())
	defer func() { _ = bar.Clear() }() // a bar that cannot be drawn is not worth stopping for
	ticker := time.NewTicker(c.Every)
	defer ticker.Stop()
	for {
		answer, err := a.ask(ctx, "GET", connectPath(run.Connection, "runs", strconv.FormatInt(run.Number, 10)), nil)
		if err != nil {
			return answer, run, err
		}
		var now connectors.Run
		if err := json.Unmarshal(answer.body, &now); err != nil {
			return answer, run, fmt.Errorf("the answer is not what this command knows: %w", err)
		}
		if now.Outcome != connectors.Running {
			return answer, now, nil
		}
		if now.Expected > 0 {
			bar.ChangeMax(max(now.Expected, now.Items))
		}
		_ = bar.Set(now.Items) // as above
		select {
		case <-ctx.Done():
			return answer, now, fmt.Errorf("run %d of %s goes on without being watched", now.Number, now.Connection)
		case <-ticker.C:
		}
	}
}

// report prints what a run did.
func (c *connectRun) report(out io.Writer, r connectors.Run) error {
	did := "stored"
	if r.Dry {
		did = "would be stored"
	}
	lines := fmt.Sprintf("Run %d of %s ended %s after %.1fs: %d items on %d pages.\n", r.Number, r.Connection, r.Outcome, r.Duration, r.Items, r.Pages)
	lines += fmt.Sprintf("  %d statements %s, %d of them take back former ones\n", r.Statements, did, r.Voided)
	for _, t := range []struct {
		what string
		connectors.Tally
	}{{"rows", r.Rows}, {"seats", r.Seats}, {"offers", r.Offers}} {
		if t.Seen > 0 {
			lines += fmt.Sprintf("  %d %s: %d new, %d changed, %d as before\n", t.Seen, t.what, t.New, t.Changed, t.Same)
		}
	}
	if r.Gone > 0 {
		lines += fmt.Sprintf("  %d rows are no longer at the provider; what was learned stays\n", r.Gone)
	}
	for _, s := range r.Skipped {
		lines += fmt.Sprintf("  %d passed over: %s\n", s.Items, s.Reason)
	}
	for _, e := range r.Examples {
		lines += fmt.Sprintf("  would change: %s %s %s %s %s\n", e.What, e.Verb, e.Object, e.Milestone, e.State)
	}
	for _, e := range r.Errors {
		lines += fmt.Sprintf("%s\n  %s: %s\n", e.Sentence, e.Class, e.Detail)
	}
	_, err := io.WriteString(out, lines)
	return err
}
