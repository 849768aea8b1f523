package attendance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
	"acquis/hub/sheet"
)

// The imports that a file can be for.
const (
	importSheet        = "attendance"
	importAttestations = "attestations"
)

const (
	largestFile = 32 << 20
	linesAtOnce = 200
)

// watermark is the latest day that was read of.
type watermark struct {
	Latest time.Time `json:"latest"`
}

// Pull implements connectors.Connector: it reads the files that were handed in. One with faults is refused whole,
// before anything of any is taken.
func (c *connector) Pull(_ context.Context, r connectors.Request, yield func(connectors.Page) error) (jsontext.Value, error) {
	var mark watermark
	if len(r.Watermark) > 0 {
		if err := json.Unmarshal(r.Watermark, &mark); err != nil {
			return nil, connectors.Faultf(connectors.NeedsPerson, "What was noted of the last run of this connection cannot be read. Nothing was changed; show the detail to an engineer.", "the watermark is of another form: %v", err)
		}
	}
	var files []*content
	total := 0
	for _, file := range r.Files {
		read, err := c.read(file)
		if err != nil {
			return nil, err
		}
		files = append(files, read)
		total += len(read.items)
	}
	for _, file := range files {
		for items := range slices.Chunk(file.items, linesAtOnce) {
			page := connectors.Page{Items: len(items), Expected: total, Observations: slices.Concat(items...)}
			if err := yield(page); err != nil {
				return nil, err
			}
		}
		if file.latest.After(mark.Latest) {
			mark.Latest = file.latest.UTC()
		}
	}
	return json.Marshal(mark)
}

// content is a file, read.
type content struct {
	items  [][]connectors.Observation
	latest time.Time
	says   string
	fields []connectors.Field
}

// read reads a file as what it was handed in for, or as what its columns show it to be.
func (c *connector) read(file connectors.File) (*content, error) {
	body, err := bodyOf(file)
	if err != nil {
		return nil, err
	}
	kind := file.As
	if kind == "" {
		kind = kindOf(body)
	}
	columns := sheetColumns
	if kind == importAttestations {
		columns = attestationColumns
	}
	t, err := sheet.ReadAny(body, columns)
	if err != nil {
		return nil, refused(file, err)
	}
	read, faults := &content{}, sheet.Faults{}
	if kind == importAttestations {
		for _, row := range t.Rows {
			read.add(c.settings.attestationLine(row, &faults))
		}
	} else {
		register := c.settings.sheetLines(t, &faults)
		for _, e := range register.enrolments {
			read.add(c.settings.observe(register, e))
		}
	}
	if err := faults.Err(); err != nil {
		return nil, refused(file, err)
	}
	read.says = fmt.Sprintf("%.80q: %d lines, %d enrolments or attestations.", file.Name, len(t.Rows), len(read.items))
	for _, column := range t.Header {
		found := 0
		for _, row := range t.Rows {
			if row.Get(column) != "" {
				found++
			}
		}
		read.fields = append(read.fields, connectors.Field{Item: kind, Name: column, Found: found, Of: len(t.Rows)})
	}
	return read, nil
}

func (c *content) add(observations []connectors.Observation) {
	if observations == nil {
		return
	}
	c.items = append(c.items, observations)
	for _, o := range observations {
		if seen, is := o.(connectors.IdentitySeen); is && seen.At.After(c.latest) {
			c.latest = seen.At
		}
	}
}

// kindOf looks at the columns: only attestations name who gave them.
func kindOf(body []byte) string {
	t, err := sheet.ReadAny(body, attestationColumns)
	if err == nil && slices.Contains(t.Header, columnProvider) {
		return importAttestations
	}
	return importSheet
}

func bodyOf(file connectors.File) ([]byte, error) {
	if file.Size > largestFile {
		return nil, connectors.Faultf(connectors.NeedsPerson, "A file that was handed in is too large. Hand it in by parts.", "%.80q has %d bytes, at most %d are taken", file.Name, file.Size, largestFile)
	}
	reader, err := file.Open()
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(reader, largestFile))
	return body, errors.Join(err, reader.Close())
}

func refused(file connectors.File, err error) error {
	return connectors.Faultf(connectors.NeedsPerson, "A file that was handed in has faults, and nothing of it was taken. The detail lists each with its line.", "%.80q: %v", file.Name, err)
}
