// Package schemas holds the published JSON Schemas of xAPI statements and judges documents by them, or by a
// partner's own schema.
//
// Its use is to explain: a Check names every fault of a document at once, each with the place, the rule, the
// remedy and the section of the specification. It costs some hundred times what decoding costs, so it stands
// beside the hot path, not on it. The package knows nothing of the typed statement and is its independent twin;
// README.md lists what a schema cannot say.
package schemas

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed statement-*.json
var files embed.FS

// statements compiles each version's schema when it is first asked for, and only once.
var statements = map[string]func() (*Schema, error){
	"1.0.3": sync.OnceValues(func() (*Schema, error) { return compileFile("statement-1.0.3.json") }),
	"2.0.0": sync.OnceValues(func() (*Schema, error) { return compileFile("statement-2.0.0.json") }),
}

// Statement returns the schema of statements of xAPI "1.0.3" or "2.0.0". It is safe for concurrent use, and the
// schema that it returns is too.
func Statement(version string) (*Schema, error) {
	compiled, ok := statements[version]
	if !ok {
		return nil, fmt.Errorf("schemas: no statement schema for xAPI version %q: ask for 1.0.3 or 2.0.0", version)
	}
	return compiled()
}

// Names lists the published files, sorted.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // the embedded root always reads
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	slices.Sort(names)
	return names
}

// Document returns the bytes of a published file, as a new slice, so that it can be served.
func Document(name string) ([]byte, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("schemas: no file %q: there are %s", name, strings.Join(Names(), ", "))
	}
	return files.ReadFile(name)
}

func compileFile(name string) (*Schema, error) {
	source, err := Document(name)
	if err != nil {
		return nil, err
	}
	schema, err := Compile(source)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return schema, nil
}
