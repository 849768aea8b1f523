package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
)

// ConnectCmd administers and runs the connections to providers of a running acquis.
type ConnectCmd struct {
	List    connectList    `cmd:"" help:"List the connections."`
	Kinds   connectKinds   `cmd:"" help:"List the providers that connections can be made to, with the defaults of their settings."`
	Show    connectShow    `cmd:"" help:"Print a connection as JSON, fit to be changed and given to put."`
	Add     connectAdd     `cmd:"" help:"Make a connection, and its source, from a JSON file."`
	Put     connectPut     `cmd:"" help:"Replace all settings of a connection by those of a JSON file."`
	Check   connectCheck   `cmd:"" help:"Ask the provider whether the connection works, and how long a full pull takes at least."`
	Probe   connectProbe   `cmd:"" help:"Read a few items of the provider's and tell which fields were found."`
	Run     connectRun     `cmd:"" help:"Pull from a connection now, or hand in a file."`
	History connectHistory `cmd:"" help:"List the runs, or print one."`
	Pause   connectPause   `cmd:"" help:"Let the schedule of a connection rest."`
	Resume  connectResume  `cmd:"" help:"Let the schedule of a connection go on."`
	Consent connectConsent `cmd:"" help:"Let the next run pass although much would be gone at once."`
}

// connected is a connection as the server shows it.
type connected struct {
	connectors.Shown
	Revision string
}

// standing is how a connection stands, in a word.
func (c connected) standing() string {
	switch {
	case c.Stopped != nil:
		return "waits for a person"
	case c.Paused:
		return "paused"
	case c.Overdue:
		return "overdue"
	}
	return string(c.Outcome)
}

func connectPath(name string, more ...string) string {
	path := "/api/connections/" + url.PathEscape(name)
	for _, segment := range more {
		path += "/" + segment
	}
	return path
}

// at writes a time, "-" for none.
func at(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

type connectList struct{ remote }

// Run prints the connections.
func (c *connectList) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "GET", "/api/connections", nil)
	if err != nil {
		return err
	}
	var found struct{ Items []connected }
	return c.show(app.Stdout, answer, &found, func(out io.Writer) error {
		var rows [][]string
		for _, one := range found.Items {
			rows = append(rows, []string{one.Name, one.Kind, one.standing(), at(one.LastSuccess), at(one.NextPull), one.Title})
		}
		return table(out, "There are no connections.", "NAME\tKIND\tSTATE\tLAST SUCCESS\tNEXT PULL\tTITLE", rows)
	})
}

type connectKinds struct{ remote }

// Run prints the providers.
func (c *connectKinds) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "GET", "/api/connection-kinds", nil)
	if err != nil {
		return err
	}
	var found struct{ Items []connectors.Kind }
	return c.show(app.Stdout, answer, &found, func(out io.Writer) error {
		for _, k := range found.Items {
			defaults := k.Defaults
			if err := defaults.Indent(); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(out, "%s  %s\n%s\n", k.Kind, k.Title, defaults); err != nil {
				return err
			}
		}
		return nil
	})
}

type connectShow struct {
	remote
	Name string `arg:"" help:"Name of the connection."`
}

// settable are the members of a connection that may be set.
var settable = []string{"name", "kind", "title", "settings", "schedule", "sweep", "paused", "expectedHours", "maxLoss"}

// Run prints a connection.
func (c *connectShow) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "GET", connectPath(c.Name), nil)
	if err != nil {
		return err
	}
	if c.JSON {
		return c.show(app.Stdout, answer, nil, nil)
	}
	members := map[string]jsontext.Value{}
	if err := json.Unmarshal(answer.body, &members); err != nil {
		return fmt.Errorf("the answer is not what this command knows: %w", err)
	}
	kept := map[string]jsontext.Value{}
	for _, name := range settable {
		if value, has := members[name]; has {
			kept[name] = value
		}
	}
	if answer.body, err = json.Marshal(kept, json.Deterministic(true)); err != nil {
		return err
	}
	c.JSON = true
	return c.show(app.Stdout, answer, nil, nil)
}

type connectAdd struct {
	remote
	File string `arg:"" help:"JSON file with name, kind, settings, schedule and sweep, - for the standard input."`
}

// Run makes a connection.
func (c *connectAdd) Run(ctx context.Context, app *kong.Context) error {
	content, err := readInput(c.File)
	if err != nil {
		return err
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "POST", "/api/connections", jsontext.Value(content))
	if err != nil {
		return err
	}
	var made connected
	return c.show(app.Stdout, answer, &made, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "The connection %s is there, and its source. Check it: acquis connect check %s\n", made.Name, made.Name)
		return err
	})
}

type connectPut struct {
	remote
	Name string `arg:"" help:"Name of the connection."`
	File string `arg:"" help:"JSON file with its settings, - for the standard input."`
}

// Run replaces the settings.
func (c *connectPut) Run(ctx context.Context, app *kong.Context) error {
	content, err := readInput(c.File)
	if err != nil {
		return err
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	now, err := a.ask(ctx, "GET", connectPath(c.Name), nil)
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "PUT", connectPath(c.Name), jsontext.Value(content), "If-Match", now.revision)
	if err != nil {
		return err
	}
	var changed connected
	return c.show(app.Stdout, answer, &changed, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "The connection %s is changed.\n", changed.Name)
		return err
	})
}

type connectPause struct {
	remote
	Name string `arg:"" help:"Name of the connection."`
}

// Run pauses the connection.
func (c *connectPause) Run(ctx context.Context, app *kong.Context) error {
	return c.act(ctx, app, c.Name, "pause", "The schedule of %s rests.\n")
}

type connectResume struct {
	remote
	Name string `arg:"" help:"Name of the connection."`
}

// Run resumes the connection.
func (c *connectResume) Run(ctx context.Context, app *kong.Context) error {
	return c.act(ctx, app, c.Name, "resume", "The schedule of %s goes on.\n")
}

type connectConsent struct {
	remote
	Name string `arg:"" help:"Name of the connection."`
}

// Run consents to a loss.
func (c *connectConsent) Run(ctx context.Context, app *kong.Context) error {
	return c.act(ctx, app, c.Name, "consent", "The next run of %[1]s may pass. Run it: acquis connect run %[1]s\n")
}

// act does something to a connection that needs no more words.
func (r *remote) act(ctx context.Context, app *kong.Context, name, what, said string) error {
	a, err := r.open()
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, "POST", connectPath(name, what), nil)
	if err != nil {
		return err
	}
	var changed connected
	return r.show(app.Stdout, answer, &changed, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, said, changed.Name)
		return err
	})
}

type connectHistory struct {
	remote
	Name   string `arg:"" optional:"" help:"Name of the connection; of all without."`
	Number int64  `arg:"" optional:"" help:"Number of a run to be printed whole."`
	Limit  int    `default:"20" help:"How many runs (${default})."`
}

// Run prints the journal.
func (c *connectHistory) Run(ctx context.Context, app *kong.Context) error {
	a, err := c.open()
	if err != nil {
		return err
	}
	if c.Number > 0 {
		answer, err := a.ask(ctx, "GET", connectPath(c.Name, "runs", strconv.FormatInt(c.Number, 10)), nil)
		if err != nil {
			return err
		}
		c.JSON = true
		return c.show(app.Stdout, answer, nil, nil)
	}
	path := "/api/runs?limit=" + strconv.Itoa(c.Limit)
	if c.Name != "" {
		path += "&connection=" + url.QueryEscape(c.Name)
	}
	answer, err := a.ask(ctx, "GET", path, nil)
	if err != nil {
		return err
	}
	var found struct{ Items []connectors.Run }
	return c.show(app.Stdout, answer, &found, func(out io.Writer) error {
		var rows [][]string
		for _, r := range found.Items {
			why := ""
			if n := len(r.Errors); n > 0 {
				why = r.Errors[n-1].Sentence
			}
			rows = append(rows, []string{
				r.Connection, strconv.FormatInt(r.Number, 10), at(r.Started), string(r.Trigger), string(r.Outcome),
				fmt.Sprint(r.Items), fmt.Sprint(r.Statements), fmt.Sprintf("%.1fs", r.Duration), why,
			})
		}
		return table(out, "There are no runs.", "CONNECTION\tRUN\tSTARTED\tBY\tOUTCOME\tITEMS\tSTATEMENTS\tTOOK\tWHY", rows)
	})
}

// handIn sends a file to be read by a run.
func (c *connectRun) handIn(ctx context.Context, a *asker, query url.Values) (remoteReply, error) {
	file, err := os.Open(c.File)
	if err != nil {
		return remoteReply{}, err
	}
	query.Set("name", filepath.Base(c.File))
	if c.As != "" {
		query.Set("as", c.As)
	}
	answer, err := a.send(ctx, "POST", connectPath(c.Name, "files")+"?"+query.Encode(), file, "Content-Type", "application/octet-stream")
	return answer, errors.Join(err, file.Close())
}
