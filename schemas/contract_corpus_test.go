package schemas_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/internal/campus"
	"acquis/schemas"
)

// fault is one change of a good statement, by the rules of RFC 7396, and the violations that it leads to, each
// "pointer rule".
type fault struct {
	Why    string         `json:"why"`
	From   string         `json:"from"` // the name of the good statement
	Change map[string]any `json:"change"`
	Want   []string       `json:"want"`
}

func sources(tb testing.TB) []*schemas.Contract {
	tb.Helper()
	contracts, err := schemas.Sources()
	if err != nil {
		tb.Fatal(err)
	}
	return contracts
}

func corpusOf(tb testing.TB, contract *schemas.Contract) (good map[string]any, bad []fault) {
	tb.Helper()
	folder := filepath.Join("sources", "testdata", contract.Name)
	files, err := filepath.Glob(filepath.Join(folder, "good", "*.json"))
	if err != nil || len(files) < 3 {
		tb.Fatalf("%v: %d good statements", err, len(files))
	}
	good = map[string]any{}
	for _, file := range files {
		var statement any
		readJSON(tb, file, &statement)
		good[strings.TrimSuffix(filepath.Base(file), ".json")] = statement
	}
	readJSON(tb, filepath.Join(folder, "bad.json"), &bad)
	return good, bad
}

func readJSON(tb testing.TB, file string, value any) {
	tb.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, value)
	}
	if err != nil {
		tb.Fatalf("%s: %v", file, err)
	}
}

func written(tb testing.TB, value any) []byte {
	tb.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// merged applies a merge patch of RFC 7396.
func merged(value, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	members, _ := value.(map[string]any)
	result := maps.Clone(members)
	if result == nil {
		result = map[string]any{}
	}
	for name, change := range changes {
		if change == nil {
			delete(result, name)
		} else {
			result[name] = merged(result[name], change)
		}
	}
	return result
}

func rulesOf(violations []schemas.Violation) []string {
	var rules []string
	for _, v := range violations {
		rules = append(rules, v.Pointer+" "+v.Rule)
	}
	return rules
}

func TestSourcesAcceptTheirGoodStatements(t *testing.T) {
	for _, contract := range sources(t) {
		good, _ := corpusOf(t, contract)
		for name, statement := range good {
			t.Run(contract.Name+" "+name, func(t *testing.T) {
				text := written(t, statement)
				for _, version := range []string{v103, v20} {
					if violations := check(t, version, string(text)); len(violations) > 0 {
						t.Errorf("not valid by %s: %+v", version, violations)
					}
				}
				if violations := contract.Judge(text); len(violations) > 0 {
					t.Errorf("%+v", violations)
				}
				members := statement.(map[string]any)
				if !contract.About(members["verb"].(map[string]any)["id"].(string), members["object"].(map[string]any)["id"].(string)) {
					t.Error("it is not about the statement")
				}
			})
		}
	}
}

func TestSourcesCatchTheFaultsTheyPromise(t *testing.T) {
	for _, contract := range sources(t) {
		good, bad := corpusOf(t, contract)
		for _, f := range bad {
			t.Run(contract.Name+" "+f.Why, func(t *testing.T) {
				from, known := good[f.From]
				if !known {
					t.Fatalf("there is no good statement %q", f.From)
				}
				violations := contract.Judge(written(t, merged(from, f.Change)))
				if diff := cmp.Diff(slices.Sorted(slices.Values(f.Want)), slices.Sorted(slices.Values(rulesOf(violations)))); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				for _, v := range violations {
					if v.Section != contract.Name+" "+contract.Version || !strings.HasSuffix(v.Detail, ".") && !strings.HasSuffix(v.Detail, ").") {
						t.Errorf("not told to people: %+v", v)
					}
				}
			})
		}
	}
}

// TestTheDemosModulesKeepTheirContract holds that the made-up world shows what the contract means: its modules keep
// it, save for the learners who are known by a hashed address only.
func TestTheDemosModulesKeepTheirContract(t *testing.T) {
	all := sources(t)
	inHouse := all[slices.IndexFunc(all, func(c *schemas.Contract) bool { return c.Name == "in-house" })]
	judged := 0
	for _, told := range campus.New(1).Demo() {
		var statement struct {
			Actor  map[string]any
			Verb   struct{ ID string }
			Object struct{ ID string }
		}
		if err := json.Unmarshal(told.JSON, &statement); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(statement.Object.ID, "https://campus.example/modules/") || !inHouse.About(statement.Verb.ID, statement.Object.ID) {
			continue
		}
		judged++
		var want []string
		if _, hashed := statement.Actor["mbox_sha1sum"]; hashed {
			want = []string{"/actor/mbox_sha1sum actor"}
		}
		if diff := cmp.Diff(want, rulesOf(inHouse.Judge(told.JSON))); diff != "" {
			t.Fatalf("-want +got:\n%s\n%s", diff, told.JSON)
		}
	}
	if judged < 100 {
		t.Errorf("only %d statements were judged", judged)
	}
}
