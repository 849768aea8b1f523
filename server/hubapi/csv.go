package hubapi

import (
	"bytes"
	"net/http"
	"strings"

	"acquis/hub/list"
	"acquis/lrs"
	"acquis/server"
)

// wantsCSV reads for whom a list is to be written as a table: by the parameter format, else by what the
// client accepts; "" for JSON.
func wantsCSV(c *server.Call) (list.Profile, error) {
	switch c.Query("format") {
	case "csv":
		return list.Machine, nil
	case "excel":
		return list.Excel, nil
	case "json":
		return "", nil
	case "":
		if strings.HasPrefix(c.GetHeader("Accept"), "text/csv") {
			return list.Machine, nil
		}
		return "", nil
	}
	return "", lrs.Errorf(lrs.KindInvalid, "the parameter format must be csv, excel or json")
}

// answerCSV answers with a whole list as a table.
func answerCSV[T any](c *server.Call, profile list.Profile, name string, columns []list.Column[T], rows []T) error {
	var b bytes.Buffer
	w, err := list.NewWriter(&b, profile, columns)
	if err != nil {
		return err
	}
	if err := w.Write(rows...); err != nil {
		return err
	}
	c.Header("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	c.Data(http.StatusOK, "text/csv; charset=utf-8", b.Bytes())
	return nil
}
