package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"

	"acquis/hub/archive"
)

// archived is a file or folder of statements to read.
type archived struct {
	name        string
	parts       []string // paths, in order
	attachments string   // folder, "" for none
	size        int64    // of all parts, -1 when it is not known
	stamp       string   // changes when what is to be read changes
}

// openArchive finds out what there is to read, and that it is whole.
func openArchive(path, attachments string) (*archived, error) {
	if path == "-" {
		return &archived{name: "standard input", parts: []string{"-"}, attachments: attachments, size: -1}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	from := &archived{name: filepath.Base(path), parts: []string{path}, attachments: attachments, size: info.Size()}
	if info.IsDir() {
		if err := from.openFolder(path); err != nil {
			return nil, err
		}
	} else if from.attachments == "" {
		if beside := path + "." + archive.AttachmentsName; isFolder(beside) {
			from.attachments = beside
		}
	}
	from.stamp = fmt.Sprintf("%d bytes, changed at %s", from.size, info.ModTime().UTC().Format("2006-01-02T15:04:05.999999999Z"))
	return from, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// openFolder reads the manifest of an export and checks the digest of each part.
func (f *archived) openFolder(path string) error {
	content, err := os.ReadFile(filepath.Join(path, archive.ManifestName))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s has no %s: it is no export, or one that was not finished", path, archive.ManifestName)
	}
	if err != nil {
		return err
	}
	var m archive.Manifest
	if err := json.Unmarshal(content, &m); err != nil || m.Format != archive.ManifestFormat {
		return fmt.Errorf("%s in %s is not of the form %s", archive.ManifestName, path, archive.ManifestFormat)
	}
	f.parts, f.size = nil, 0
	for _, part := range m.Parts {
		if part.Name != filepath.Base(part.Name) {
			return fmt.Errorf("the manifest names %q, which is no file of the folder", part.Name)
		}
		at := filepath.Join(path, part.Name)
		sum, err := digestOf(at, -1)
		if err != nil {
			return err
		}
		if sum != part.SHA256 {
			return fmt.Errorf("%s is not as it was exported: its SHA-256 is not the manifest's. Copy it again", at)
		}
		f.parts, f.size = append(f.parts, at), f.size+part.Bytes
	}
	if beside := filepath.Join(path, archive.AttachmentsName); f.attachments == "" && isFolder(beside) {
		f.attachments = beside
	}
	return nil
}

// digestOf is the SHA-256 of a file's first bytes, all of them when most is negative.
func digestOf(path string, most int64) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	var from io.Reader = file
	if most >= 0 {
		from = io.LimitReader(file, most)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, from); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}

var digestsInJSON = regexp.MustCompile(`"sha2"\s*:\s*"([0-9a-fA-F]{56,128})"`)

// attachment is a file that a statement wants.
type attachment struct {
	sha2, path string
	size       int64
}

// attachmentsOf finds the attachments of a statement that are in the folder.
func (f *archived) attachmentsOf(statement []byte) (found []attachment) {
	if f.attachments == "" {
		return nil
	}
	for _, match := range digestsInJSON.FindAllSubmatch(statement, -1) {
		sum := strings.ToLower(string(match[1]))
		for _, path := range []string{filepath.Join(f.attachments, sum), filepath.Join(f.attachments, sum[:2], sum)} {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				found = append(found, attachment{sum, path, info.Size()})
				break
			}
		}
	}
	return found
}

// metered tells how much was read.
type metered struct {
	io.Reader
	advance func(int64)
}

func (c metered) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.advance(int64(n))
	return n, err
}
