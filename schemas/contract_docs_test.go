package schemas_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// chapters are the parts of docs/partner-schemas.md by contract, each under the contract's title.
func chapters(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/partner-schemas.md")
	if err != nil {
		t.Fatal(err)
	}
	byTitle := map[string]string{}
	for _, chapter := range strings.Split(string(page), "\n## ") {
		title, text, _ := strings.Cut(chapter, "\n")
		byTitle[title] = text
	}
	return byTitle
}

func TestDocsTellTheContracts(t *testing.T) {
	example := regexp.MustCompile("(?s)```json\n(.*?)```")
	parts := chapters(t)
	for _, c := range sources(t) {
		t.Run(c.Name, func(t *testing.T) {
			text, told := parts[c.Title]
			if !told {
				t.Fatalf("docs/partner-schemas.md has no chapter %q", c.Title)
			}
			if !strings.Contains(text, "`"+c.Name+"`, version "+c.Version) {
				t.Errorf("name and version %s are not told", c.Version)
			}
			examples := example.FindAllStringSubmatch(text, -1)
			if len(examples) == 0 {
				t.Error("there is no example")
			}
			for _, e := range examples {
				for _, version := range []string{v103, v20} {
					if violations := check(t, version, e[1]); len(violations) > 0 {
						t.Errorf("the example is not valid by %s: %+v", version, violations)
					}
				}
				if violations := c.Judge([]byte(e[1])); len(violations) > 0 {
					t.Errorf("the example breaks the contract: %+v", violations)
				}
			}
			for word := range promised(t, c.Document()) {
				if !strings.Contains(text, "`"+word+"`") {
					t.Errorf("%s is not told", word)
				}
			}
		})
	}
}

// promised collects the rules that a contract names, and the verbs and extensions that it speaks of.
func promised(t *testing.T, document []byte) map[string]bool {
	t.Helper()
	var root any
	if err := json.Unmarshal(document, &root); err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{}
	var walk func(node any)
	walk = func(node any) {
		switch node := node.(type) {
		case map[string]any:
			if rule, ok := node["rule"].(string); ok {
				words[rule] = true
			}
			for name, member := range node {
				if strings.Contains(name, ":") {
					words[name] = true
				}
				walk(member)
			}
		case []any:
			for _, item := range node {
				walk(item)
			}
		case string:
			if strings.Contains(node, "/verbs/") || strings.Contains(node, "/verb/") {
				if !strings.Contains(node, " ") {
					words[node] = true
				}
			}
		}
	}
	walk(root)
	return words
}
