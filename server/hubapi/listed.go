package hubapi

import (
	"mime"
	"net/http"
	"strings"

	"acquis/hub"
	"acquis/hub/list"
	"acquis/lrs"
	"acquis/server"
)

// csvType is the media type of lists as files.
const csvType = "text/csv"

// listed is how a list is answered: as a page of JSON, or whole as CSV.
type listed[T any] struct {
	Name    string // of the file
	Columns []list.Column[T]
	Read    func(list.Query) (list.Page[T], error)
	Show    func(T) any
}

// listParameters are those that every list knows, besides limit and after.
func listParameters(others ...string) []string {
	return append(others, "reason", "format", "profile")
}

// csvWanted reports whether the client wants CSV, and in which profile.
func csvWanted(c *server.Call) (bool, list.Profile, error) {
	profile := list.Profile(c.DefaultQuery("profile", string(list.Machine)))
	if profile != list.Machine && profile != list.Excel {
		return false, "", lrs.Errorf(lrs.KindInvalid, "the parameter profile must be machine or excel")
	}
	switch c.Query("format") {
	case "csv":
		return true, profile, nil
	case "json":
		return false, profile, nil
	case "":
		for part := range strings.SplitSeq(c.GetHeader("Accept"), ",") {
			if mediaType, _, err := mime.ParseMediaType(part); err == nil && mediaType == csvType {
				return true, profile, nil
			}
		}
		return false, profile, nil
	}
	return false, "", lrs.Errorf(lrs.KindInvalid, "the parameter format must be json or csv")
}

// answer answers with a page, or with the whole list as CSV. A fault on the way breaks the file off, so
// that a part is not taken for the whole.
func (l listed[T]) answer(c *server.Call, limit int, after string) error {
	asCSV, profile, err := csvWanted(c)
	if err != nil {
		return err
	}
	if !asCSV {
		page, err := l.Read(list.Query{Limit: limit, After: after})
		if err != nil {
			return err
		}
		return ok(c, "", server.PageOf(page.Items, page.Next, l.Show))
	}
	q := list.Query{Limit: server.MaxLimit, After: after}
	var w *list.Writer[T]
	for {
		page, err := l.Read(q)
		if err != nil {
			return err
		}
		if w == nil {
			c.Header("Content-Type", csvType+"; charset=utf-8; header=present")
			c.Header("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": l.Name + ".csv"}))
			c.Status(http.StatusOK)
			if w, err = list.NewWriter(c.Writer, profile, l.Columns); err != nil {
				return nil // nobody is left to tell
			}
		}
		if err := w.Write(page.Items...); err != nil {
			return nil
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}

// exported is the caller of a list whose CSV holds people: such a file needs a reason, a page does not.
func exported(c *server.Call) (who hub.Caller, asCSV bool, err error) {
	asCSV, _, err = csvWanted(c)
	return caller(c), asCSV, err
}
