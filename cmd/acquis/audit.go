package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/alecthomas/kong"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/access"
)

// AuditCmd reads the audit log of a running acquis.
type AuditCmd struct {
	List   auditList   `cmd:"" help:"List entries, the newest first."`
	Export auditExport `cmd:"" help:"Write every entry to the standard output, a JSON object a line, the newest first."`
}

// auditFilter says which entries are asked for.
type auditFilter struct {
	Actor   string `placeholder:"KEY" help:"Of this credential only."`
	Action  string `placeholder:"ACTION" help:"Of this action only, such as source.update."`
	Target  string `placeholder:"TARGET" help:"About this only, such as source/pix."`
	Outcome string `placeholder:"OUTCOME" enum:",done,denied,invalid" default:"" help:"With this outcome only: done, denied or invalid."`
	Since   string `placeholder:"TIME" help:"From this time on: 2026-09-01T08:00:00Z, 2026-09-01, or how long ago, such as 24h."`
	Until   string `placeholder:"TIME" help:"Before this time."`
}

// query is the filter as parameters.
func (f auditFilter) query(now time.Time) (url.Values, error) {
	q := url.Values{}
	for name, value := range map[string]string{"actor": f.Actor, "action": f.Action, "target": f.Target, "outcome": f.Outcome} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, text := range map[string]string{"since": f.Since, "until": f.Until} {
		if text == "" {
			continue
		}
		at, err := moment(text, now)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", name, err)
		}
		q.Set(name, at.UTC().Format(time.RFC3339))
	}
	return q, nil
}

// moment reads a time, a day in UTC, or how long ago.
func moment(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, nil
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("%q is none of 2026-09-01T08:00:00Z, 2026-09-01 and 24h", text)
	}
	return now.Add(-ago), nil
}

type auditList struct {
	remote
	auditFilter
	Limit int `default:"50" help:"Most entries to list (${default}); 0 for all."`
}

// Run prints entries.
func (c *auditList) Run(ctx context.Context, app *kong.Context) error {
	query, err := c.query(time.Now())
	if err != nil {
		return err
	}
	if c.Limit < 0 {
		return fmt.Errorf("--limit must not be negative")
	}
	if c.Limit > 0 {
		query.Set("limit", strconv.Itoa(min(c.Limit, pageOfList)))
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	answer, err := a.atMost(ctx, "/api/audit", query, c.Limit)
	if err != nil {
		return err
	}
	var found struct{ Items []access.Entry }
	return c.show(app.Stdout, answer, &found, func(out io.Writer) error {
		var rows [][]string
		for _, e := range found.Items {
			detail := e.Detail
			if e.Count > 1 {
				detail = fmt.Sprintf("%d times: %s", e.Count, e.Detail)
			}
			rows = append(rows, []string{
				e.Time.UTC().Format("2006-01-02 15:04:05"), cmp.Or(printable(e.Actor), "-"), e.Action, cmp.Or(printable(e.Target), "-"),
				string(e.Outcome), cmp.Or(e.Address, "-"), printable(detail),
			})
		}
		return table(out, "There are no such entries.", "TIME (UTC)\tACTOR\tACTION\tTARGET\tOUTCOME\tFROM\tDETAIL", rows)
	})
}

// printable takes from text what would steer a terminal or break a table: strangers may have written
// it, as the key of a refused authentication.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsGraphic(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

type auditExport struct {
	remote
	auditFilter
}

// Run writes entries, each as the server gave it.
func (c *auditExport) Run(ctx context.Context, app *kong.Context) error {
	query, err := c.query(time.Now())
	if err != nil {
		return err
	}
	a, err := c.open()
	if err != nil {
		return err
	}
	return a.walk(ctx, "/api/audit", query, func(entry jsontext.Value) error {
		_, err := fmt.Fprintf(app.Stdout, "%s\n", entry)
		return err
	})
}
