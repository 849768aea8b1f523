package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/go-json-experiment/json"

	"acquis/hub/archive"
	"acquis/lrs"
)

// output is an export in the making: its files, and on disk beside them how far it has come.
type output struct {
	archive.Manifest
	More    string `json:"more"`    // the page to go on with
	Current int    `json:"current"` // statements in the part that is being written
	Written int64  `json:"written"` // bytes of it that count

	path        string
	folder, zip bool
	partSize    int
	manifest    string
	state       string
	attachments string

	file *os.File
	page bytes.Buffer // what is not checkpointed yet
}

// open finds an unfinished export, and what of its files counts.
func (o *output) open(restart bool) error {
	content, err := os.ReadFile(o.state)
	switch {
	case restart || errors.Is(err, os.ErrNotExist):
		if _, err := os.Stat(o.manifest); err == nil && !restart {
			return fmt.Errorf("%s is there already: name another place, or say --restart to write over it", o.manifest)
		}
		if err := os.Remove(o.manifest); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	case err != nil:
		return err
	default:
		var before output
		if err := json.Unmarshal(content, &before); err != nil {
			return fmt.Errorf("%s cannot be read: begin anew with --restart", o.state)
		}
		if before.From != o.From || !reflect.DeepEqual(before.Filter, o.Filter) {
			return fmt.Errorf("%s is of another export: ask for the same as then, or begin anew with --restart", o.state)
		}
		o.Manifest, o.More, o.Current, o.Written = before.Manifest, before.More, before.Current, before.Written
	}
	return o.openPart()
}

// partPath is where the part is that is being written.
func (o *output) partPath() string {
	if !o.folder {
		return o.path
	}
	return filepath.Join(o.path, fmt.Sprintf("statements-%05d.ndjson.gz", len(o.Parts)+1))
}

// openPart opens the part that is being written, and takes away what does not count.
func (o *output) openPart() (err error) {
	if o.file, err = os.OpenFile(o.partPath(), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	if err := o.file.Truncate(o.Written); err != nil {
		return err
	}
	_, err = o.file.Seek(o.Written, io.SeekStart)
	return err
}

// write adds a statement, on a line of its own.
func (o *output) write(statement []byte) error {
	at := o.page.Len()
	o.page.Write(bytes.TrimSpace(statement))
	for i, b := range o.page.Bytes()[at:] {
		if b == '\n' || b == '\r' { // white space, in valid JSON
			o.page.Bytes()[at+i] = ' '
		}
	}
	o.page.WriteByte('\n')
	o.Statements++
	if o.Current++; o.Current < o.partSize {
		return nil
	}
	return o.endPart()
}

// flush brings the page to disk. In gzip each is a member by itself, so that the file can be cut after it.
func (o *output) flush() error {
	if o.page.Len() == 0 {
		return nil
	}
	content := o.page.Bytes()
	if o.zip {
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		_, err := w.Write(content)
		if err := errors.Join(err, w.Close()); err != nil {
			return err
		}
		content = zipped.Bytes()
	}
	n, err := o.file.Write(content)
	o.Written += int64(n)
	o.page.Reset()
	return err
}

// checkpoint makes what was written count, and remembers where to go on.
func (o *output) checkpoint(more string) error {
	if err := errors.Join(o.flush(), o.file.Sync()); err != nil {
		return err
	}
	o.More = more
	content, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := os.WriteFile(o.state+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(o.state+".new", o.state)
}

// endPart closes a part and begins the next. It counts with the next checkpoint; a cut before that writes the
// part anew.
func (o *output) endPart() error {
	if err := o.closePart(); err != nil {
		return err
	}
	return o.openPart()
}

func (o *output) closePart() error {
	if err := errors.Join(o.flush(), o.file.Sync(), o.file.Close()); err != nil {
		return err
	}
	sum, err := digestOf(o.partPath(), -1)
	if err != nil {
		return err
	}
	o.Parts = append(o.Parts, archive.Part{Name: filepath.Base(o.partPath()), Statements: o.Current, Bytes: o.Written, SHA256: sum})
	o.Current, o.Written = 0, 0
	return nil
}

// finish writes the manifest.
func (o *output) finish() error {
	if o.Current > 0 || len(o.Parts) == 0 {
		if err := o.closePart(); err != nil {
			return err
		}
	} else if err := errors.Join(o.file.Close(), os.Remove(o.partPath())); err != nil {
		return err
	}
	o.Ended = time.Now().UTC().Truncate(time.Second)
	content, err := o.Manifest.Encode()
	if err != nil {
		return err
	}
	if err := os.WriteFile(o.manifest, append(content, '\n'), 0o600); err != nil {
		return err
	}
	return os.Remove(o.state)
}

// abandon closes what is open; what counts stays.
func (o *output) abandon() error {
	if err := o.file.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// keep writes an attachment under its digest, once.
func (o *output) keep(sha2 string, content io.Reader) error {
	sum, err := lrs.NewSHA2(sha2)
	if err != nil {
		return fmt.Errorf("an attachment came under %.130q, which %w", sha2, err)
	}
	folder := filepath.Join(o.attachments, sha2[:2])
	path := filepath.Join(folder, sha2)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := writeDigested(path+".new", content, sum, sha2); err != nil {
		return err
	}
	o.Attachments++
	return os.Rename(path+".new", path)
}

func writeDigested(path string, content io.Reader, sum hash.Hash, want string) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := io.Copy(io.MultiWriter(file, sum), content); err != nil {
		return err
	}
	if got := fmt.Sprintf("%x", sum.Sum(nil)); got != want {
		return fmt.Errorf("the attachment %s came with the digest %s", want, got)
	}
	return file.Sync()
}
