package config

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/configuration.md and deploy/acquis.example.yaml")

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	for path, write := range map[string]func(io.Writer) error{
		"../docs/configuration.md":      Reference,
		"../deploy/acquis.example.yaml": Example,
	} {
		t.Run(filepath.Base(path)+" is what the keys generate", func(t *testing.T) {
			var want bytes.Buffer
			if err := write(&want); err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.String(), string(got)); diff != "" {
				t.Errorf("run %s (-generated +in the file):\n%s", generatedBy, diff)
			}
		})
	}
}

func TestExampleLoads(t *testing.T) {
	var example bytes.Buffer
	if err := Example(&example); err != nil {
		t.Fatal(err)
	}
	t.Run("as it is, to the defaults", func(t *testing.T) {
		got, err := Load(writeFile(t, example.String()), nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Default(), got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("with every key uncommented, to the examples", func(t *testing.T) {
		uncommented := regexp.MustCompile(`(?m)^( *)#(\w+:)`).ReplaceAllString(example.String(), "$1$2")
		got, err := Load(writeFile(t, uncommented), nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(examples(t), got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReferenceNamesEveryKeyAndVariable(t *testing.T) {
	var page bytes.Buffer
	if err := Reference(&page); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys(&Config{}) {
		for _, name := range []string{k.Name, k.Variable(), k.FileVariable()} {
			if name != "" && !strings.Contains(page.String(), "`"+name+"`") {
				t.Errorf("%s is missing", name)
			}
		}
	}
}

// examples is the configuration in which every key has its example as its value.
func examples(t *testing.T) Config {
	t.Helper()
	var c Config
	for _, k := range keys(&c) {
		if err := k.set(k.Example); err != nil {
			t.Fatalf("example of %s: %v", k.Name, err)
		}
	}
	return c
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "acquis.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
