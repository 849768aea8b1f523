package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const deployed = "../../deploy"

// deployFiles returns the content of every file that deploy ships, by its path there; modules of their own
// and what this machine's users keep there are none of it.
func deployFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(deployed, func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"ferretdb", "lint", "secrets"}, name):
			return filepath.SkipDir
		case entry.IsDir():
			return nil
		}
		content, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, deployed+"/")] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d files were found", len(files))
	}
	return files
}

// TestDeploy_yaml reads each file of YAML whole; a key that stands twice is a fault. Whether the keys mean
// anything is judged by make lint-deploy.
func TestDeploy_yaml(t *testing.T) {
	for path, content := range deployFiles(t) {
		if !strings.HasSuffix(path, ".yaml") {
			continue
		}
		documents := 0
		for decoder := yaml.NewDecoder(strings.NewReader(content)); ; documents++ {
			var document any
			if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("deploy/%s: %v", path, err)
				break
			}
		}
		if documents == 0 {
			t.Errorf("deploy/%s is empty", path)
		}
	}
}
