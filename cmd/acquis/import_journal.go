package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"

	"acquis/lrs"
)

// journal is how far an import has come, on disk beside what is imported, and the list of what was refused.
type journal struct {
	Stamp        string `json:"stamp"`
	Items        int    `json:"items"` // dealt with, from the first on without a gap
	Stored       int    `json:"stored"`
	Repeated     int    `json:"repeated"`
	Rejected     int    `json:"refused"`
	RefusedBytes int64  `json:"refusedBytes"`

	path, refusedPath string
	refused           *os.File
	done              bool
}

// refusal is a line of the list of what was refused.
type refusal struct {
	File       string          `json:"file,omitempty"`
	Line       int             `json:"line"`
	ID         string          `json:"id,omitempty"`
	Detail     string          `json:"detail"`
	Violations []lrs.Violation `json:"violations"`
	Statement  string          `json:"statement"` // as it was sent
}

// openJournal finds out how far a former call came.
func (c *ImportCmd) openJournal(from *archived) (*journal, error) {
	base := filepath.Clean(c.File)
	if c.File == "-" {
		base = "stdin"
	}
	j := &journal{Stamp: from.stamp, path: base + ".importing", refusedPath: c.Refused}
	if j.refusedPath == "" {
		j.refusedPath = base + ".refused.ndjson"
	}
	if c.File == "-" {
		j.path = ""
	} else if err := j.load(c.Restart); err != nil {
		return nil, err
	}
	var err error
	if j.refused, err = os.OpenFile(j.refusedPath, os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	if err := j.refused.Truncate(j.RefusedBytes); err != nil {
		return nil, err
	}
	_, err = j.refused.Seek(j.RefusedBytes, 0)
	return j, err
}

func (j *journal) load(restart bool) error {
	content, err := os.ReadFile(j.path)
	if errors.Is(err, os.ErrNotExist) || restart {
		return nil
	}
	if err != nil {
		return err
	}
	var before journal
	if err := json.Unmarshal(content, &before); err != nil {
		return fmt.Errorf("%s cannot be read: take it away, or begin anew with --restart", j.path)
	}
	if before.Stamp != j.Stamp {
		return fmt.Errorf("what is to be imported has changed since it was begun (%s, now %s): begin anew with --restart, which stores nothing twice", before.Stamp, j.Stamp)
	}
	before.path, before.refusedPath = j.path, j.refusedPath
	*j = before
	return nil
}

// list writes what was refused.
func (j *journal) list(r refusal) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	n, err := j.refused.Write(append(line, '\n'))
	j.RefusedBytes += int64(n)
	j.Rejected++
	return err
}

// save makes progress durable enough to go on after a kill: what was sent since is sent again, which
// changes nothing.
func (j *journal) save() error {
	if j.path == "" {
		return nil
	}
	content, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if err := os.WriteFile(j.path+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(j.path+".new", j.path)
}

// close leaves of a finished import the list only, and that only if there is something in it.
func (j *journal) close() error {
	err := j.refused.Close()
	if !j.done {
		return errors.Join(err, j.save())
	}
	if j.Rejected == 0 {
		err = errors.Join(err, os.Remove(j.refusedPath))
	}
	if j.path == "" {
		return err
	}
	if gone := os.Remove(j.path); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}
