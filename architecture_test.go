// Package acquis_test holds the tests about the house as a whole.
package acquis_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const modulePath = "acquis"

// layer says which packages of ours the packages at a path may import. All paths are relative to the
// module; a star stands for one folder, and the first layer that matches a package is its own.
type layer struct {
	path string
	may  []string
}

var layers = []layer{
	{path: "lrs"},
	{path: "schemas"},
	{path: "config"},
	{path: "internal/campus"},
	{path: "internal/mongotest"},
	{path: "internal/faultproxy"},
	{path: "access", may: []string{"lrs"}},
	{path: "docstore", may: []string{"lrs"}},
	{path: "hub", may: []string{"docstore", "lrs"}},
	{path: "hub/*", may: []string{"hub", "hub/*", "docstore", "lrs"}},
	{path: "connectors", may: []string{"hub", "hub/*", "docstore", "lrs"}},
	{path: "connectors/*", may: []string{"connectors", "hub", "hub/*", "docstore", "lrs"}},
	{path: "connectors/connectortest/*", may: []string{"connectors/connectortest/*"}},
	{path: "feeds", may: []string{"hub", "hub/*", "docstore", "lrs"}},
	{path: "storage", may: []string{"docstore", "lrs"}},
	{path: "storage/*", may: []string{"storage", "docstore", "lrs", "access"}},
	{path: "server", may: []string{"server/problem", "lrs", "access"}},
	{path: "server/problem", may: []string{"lrs"}},
	{path: "server/*", may: []string{"server", "server/problem", "docstore", "lrs", "access", "hub", "hub/*", "connectors", "feeds"}},
	{path: "cmd/*", may: []string{"docstore", "lrs", "access", "schemas", "config", "internal/*", "hub", "hub/*", "connectors", "connectors/*", "connectors/connectortest/*", "feeds", "storage", "storage/*", "server", "server/*"}},
	{path: "."}, // this package
}

// home is where alone a library may be imported: the named packages and those below them. It holds
// for tests too.
type home struct {
	library  string
	packages []string
}

var homes = []home{
	{"github.com/gin-gonic/gin", []string{"server"}},
	{"github.com/gin-contrib", []string{"server"}},
	{"github.com/cockroachdb/pebble", []string{"storage/pebblestore"}},
	{"go.mongodb.org/mongo-driver", []string{"storage/mongostore", "internal/mongotest"}},
	{"github.com/xeipuuv", []string{"schemas"}},
	{"github.com/hashicorp/go-retryablehttp", []string{"connectors"}},
	{"github.com/robfig/cron", []string{"connectors"}},
	{"github.com/xuri/excelize", []string{"hub/sheet"}},
	{"github.com/knadh/koanf", []string{"config"}},
	{"github.com/alecthomas/kong", []string{"cmd"}},
	{"github.com/coreos/go-oidc", []string{"server/oauth"}},
	{"github.com/getkin/kin-openapi", []string{"server/api", "server/hubapi"}},
}

// emptyNames say nothing about what is inside.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "models", "handlers", "misc"}

// goPackage is what the rules look at in a package, as go list names it.
type goPackage struct {
	ImportPath                         string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Imports, TestImports, XTestImports []string
}

func TestArchitecture(t *testing.T) {
	packages := listPackages(t)
	if len(packages) < 5 {
		t.Fatalf("go list finds %d packages only", len(packages))
	}
	for _, p := range packages {
		for _, fault := range faults(p) {
			t.Error(fault)
		}
	}
}

// listPackages returns every package of the module, whether or not it compiles.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,GoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports", "./...")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%s: %v", list, err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("reading what %s prints: %v", list, err)
		}
		packages = append(packages, p)
	}
}

// faults lists the rules that a package breaks, in words that say how to mend it.
func faults(p goPackage) (found []string) {
	at := inModule(p.ImportPath)
	own := slices.IndexFunc(layers, func(l layer) bool { return matches(l.path, at) })
	if own < 0 {
		return []string{fmt.Sprintf("%s has no place in the house: give it a layer in architecture_test.go and docs/architecture.md, or move it", p.ImportPath)}
	}
	for _, imported := range p.Imports {
		target, ours := strings.CutPrefix(imported, modulePath+"/")
		if ours && !layers[own].allows(target) {
			found = append(found, fmt.Sprintf("%s imports %s: %s may import of ours only %v", p.ImportPath, imported, layers[own].path, layers[own].may))
		}
	}
	// Tests may import any package of ours, so that they run on the real store and the demo world, save
	// the program and its configuration.
	for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
		target, ours := strings.CutPrefix(imported, modulePath+"/")
		if ours && target != at && !strings.HasPrefix(at, "cmd/") && (target == "config" || strings.HasPrefix(target, "cmd/")) {
			found = append(found, fmt.Sprintf("a test of %s imports %s: only cmd knows it", p.ImportPath, imported))
		}
	}
	return slices.Concat(found, homeFaults(p, at), nameFaults(p, at))
}

func homeFaults(p goPackage, at string) (found []string) {
	for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
		for _, h := range homes {
			if isBelow(imported, h.library) && !slices.ContainsFunc(h.packages, func(dir string) bool { return isBelow(at, dir) }) {
				found = append(found, fmt.Sprintf("%s imports %s, whose home is %v", p.ImportPath, imported, h.packages))
			}
		}
	}
	return found
}

func nameFaults(p goPackage, at string) (found []string) {
	for _, folder := range strings.Split(at, "/") {
		if slices.Contains(emptyNames, folder) {
			found = append(found, fmt.Sprintf("%s: name the folder %q by what it provides", p.ImportPath, folder))
		}
	}
	for _, file := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
		if name := strings.TrimSuffix(strings.TrimSuffix(file, ".go"), "_test"); slices.Contains(emptyNames, name) {
			found = append(found, fmt.Sprintf("%s: name the file %s by what it provides", p.ImportPath, file))
		}
	}
	return found
}

func inModule(importPath string) string {
	if importPath == modulePath {
		return "."
	}
	return strings.TrimPrefix(importPath, modulePath+"/")
}

func matches(pattern, at string) bool {
	ok, err := path.Match(pattern, at)
	return ok && err == nil
}

func (l layer) allows(target string) bool {
	return slices.ContainsFunc(l.may, func(pattern string) bool { return matches(pattern, target) })
}

// isBelow tells whether an import path or folder is the one named or inside it.
func isBelow(at, dir string) bool {
	return at == dir || strings.HasPrefix(at, dir+"/")
}

func TestArchitecture_rules(t *testing.T) {
	gin := "github.com/gin-gonic/gin"
	for _, c := range []struct {
		name string
		of   goPackage
		want []string
	}{
		{"a backend imports its driver and the contract", goPackage{ImportPath: "acquis/storage/pebblestore", Imports: []string{"acquis/storage", "acquis/lrs", "github.com/cockroachdb/pebble/v2", "io"}}, nil},
		{"the domain imports nothing of ours", goPackage{ImportPath: "acquis/lrs", Imports: []string{"acquis/storage"}}, []string{"acquis/lrs imports acquis/storage"}},
		{"a surface never imports storage", goPackage{ImportPath: "acquis/server/xapi", Imports: []string{"acquis/storage/pebblestore"}}, []string{"acquis/server/xapi imports acquis/storage/pebblestore"}},
		{"a surface never imports another surface", goPackage{ImportPath: "acquis/server/xapi", Imports: []string{"acquis/server/ops"}}, []string{"acquis/server/xapi imports acquis/server/ops"}},
		{"a provider never imports another provider", goPackage{ImportPath: "acquis/connectors/pix", Imports: []string{"acquis/connectors/openclassrooms"}}, []string{"acquis/connectors/pix imports acquis/connectors/openclassrooms"}},
		{"a backend never imports another backend", goPackage{ImportPath: "acquis/storage/mongostore", Imports: []string{"acquis/storage/pebblestore"}}, []string{"acquis/storage/mongostore imports acquis/storage/pebblestore"}},
		{"only cmd imports config", goPackage{ImportPath: "acquis/server", Imports: []string{"acquis/config"}}, []string{"acquis/server imports acquis/config"}},
		{"nor does a test", goPackage{ImportPath: "acquis/server", XTestImports: []string{"acquis/config"}}, []string{"a test of acquis/server imports acquis/config"}},
		{"cmd wires everything", goPackage{ImportPath: "acquis/cmd/acquis", Imports: []string{"acquis/config", "acquis/internal/campus", "acquis/storage/pebblestore", "acquis/server/xapi", "github.com/alecthomas/kong"}}, nil},
		{"the demo world is not for the product's packages", goPackage{ImportPath: "acquis/server/xapi", Imports: []string{"acquis/internal/campus"}}, []string{"acquis/server/xapi imports acquis/internal/campus"}},
		{"tests run on the real store", goPackage{ImportPath: "acquis/server/xapi", XTestImports: []string{"acquis/storage/pebblestore", "acquis/internal/campus", "acquis/server/xapi"}}, nil},
		{"gin stays in server", goPackage{ImportPath: "acquis/lrs", Imports: []string{gin}}, []string{"acquis/lrs imports " + gin}},
		{"the driver of MongoDB stays in its backend", goPackage{ImportPath: "acquis/cmd/acquis", Imports: []string{"go.mongodb.org/mongo-driver/v2/mongo"}}, []string{"acquis/cmd/acquis imports go.mongodb.org/mongo-driver/v2/mongo"}},
		{"and with what starts a MongoDB for tests", goPackage{ImportPath: "acquis/internal/mongotest", Imports: []string{"go.mongodb.org/mongo-driver/v2/mongo"}}, nil},
		{"in tests too", goPackage{ImportPath: "acquis/lrs", TestImports: []string{gin}}, []string{"acquis/lrs imports " + gin}},
		{"a package without a layer is noticed", goPackage{ImportPath: "acquis/engine"}, []string{"acquis/engine has no place"}},
		{"a folder name that says nothing is refused", goPackage{ImportPath: "acquis/server/common"}, []string{`acquis/server/common: name the folder "common"`}},
		{"a file name that says nothing is refused", goPackage{ImportPath: "acquis/lrs", TestGoFiles: []string{"helpers_test.go"}}, []string{"acquis/lrs: name the file helpers_test.go"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := faults(c.of)
			if len(got) != len(c.want) {
				t.Fatalf("faults (-want +got):\n%s", cmp.Diff(c.want, got))
			}
			for n := range got {
				if !strings.HasPrefix(got[n], c.want[n]) {
					t.Errorf("%q does not start with %q", got[n], c.want[n])
				}
			}
		})
	}
}
