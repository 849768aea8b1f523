package catalogue

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"acquis/hub"
	"acquis/hub/sheet"
)

// readYAML reads a catalogue in YAML: expertises, providers, items and mappings, each a list.
func readYAML(content []byte) (*file, error) {
	root, err := parseYAML(content)
	if err != nil {
		return nil, err
	}
	f, y := &file{encoding: sheet.UTF8}, &reader{}
	top := y.mapping(root, "", "expertises", "providers", "items", "mappings")
	for _, n := range y.list(top, "expertises") {
		m := y.mapping(n, "expertises", "id", "title", "order")
		e := Expertise{ID: y.text(m, "id"), Title: y.texts(m, "title"), Order: y.integer(m, "order")}
		f.entries = append(f.entries, entry{n.Line, func(p pen) { p.expertise(e) }})
	}
	for _, n := range y.list(top, "providers") {
		m := y.mapping(n, "providers", "id", "title")
		v := Provider{ID: y.text(m, "id"), Title: y.texts(m, "title")}
		f.entries = append(f.entries, entry{n.Line, func(p pen) { p.provider(v) }})
	}
	for _, n := range y.list(top, "items") {
		f.add(n.Line, y.item(n))
	}
	for _, n := range y.list(top, "mappings") {
		m := y.activity(n, "item")
		f.entries = append(f.entries, entry{n.Line, func(p pen) { p.mapping(m) }})
	}
	return f, y.faults.Err()
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

// parseYAML reads the one document of a file.
func parseYAML(content []byte) (*yaml.Node, error) {
	var faults sheet.Faults
	if !utf8.Valid(content) || bytes.IndexByte(content, 0) >= 0 {
		faults.Add(1, "", "encoding", "the file is not UTF-8: save it so")
		return nil, faults.Err()
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var root, more yaml.Node
	if err := decoder.Decode(&root); err != nil {
		at := yamlLine.FindStringSubmatch(err.Error())
		switch {
		case errors.Is(err, io.EOF):
			faults.Add(1, "", "yaml", "the file is empty: it must have expertises, providers, items or mappings")
		case at == nil:
			faults.Add(1, "", "yaml", "the file is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		default:
			line, _ := strconv.Atoi(at[1]) // digits
			faults.Add(line, "", "yaml", "the YAML breaks at this line or after it: %s", at[2])
		}
		return nil, faults.Err()
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		faults.Add(max(more.Line, 1), "", "yaml", "a file holds one document: take what follows --- to a file of its own")
		return nil, faults.Err()
	}
	if len(root.Content) == 0 {
		return &yaml.Node{Kind: yaml.MappingNode, Line: 1}, nil
	}
	return root.Content[0], nil
}

// reader takes values out of nodes, and gathers what is wrong with them.
type reader struct{ faults sheet.Faults }

// mapping returns the members of a mapping. Others than the known ones are faults.
func (y *reader) mapping(n *yaml.Node, what string, known ...string) map[string]*yaml.Node {
	members := map[string]*yaml.Node{}
	if n.Kind != yaml.MappingNode {
		y.faults.Add(n.Line, what, "type", "must be a mapping with %s%s", strings.Join(known, ", "), noAlias(n))
		return members
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch _, twice := members[key.Value]; {
		case !slices.Contains(known, key.Value):
			y.faults.Add(key.Line, "", "unknown-member", "%.60q is not known here: use %s", key.Value, strings.Join(known, ", "))
		case twice:
			y.faults.Add(key.Line, key.Value, "repeated", "stands twice")
		default:
			members[key.Value] = value
		}
	}
	return members
}

func noAlias(n *yaml.Node) string {
	if n.Kind == yaml.AliasNode {
		return "; aliases are not taken, write it out"
	}
	return ""
}

func (y *reader) list(members map[string]*yaml.Node, name string) []*yaml.Node {
	n := members[name]
	switch {
	case n == nil || n.Tag == "!!null":
		return nil
	case n.Kind != yaml.SequenceNode:
		y.faults.Add(n.Line, name, "type", "must be a list%s", noAlias(n))
		return nil
	}
	return n.Content
}

// text returns a text, "" when it is not there.
func (y *reader) text(members map[string]*yaml.Node, name string) string {
	n := members[name]
	if n == nil || n.Tag == "!!null" {
		return ""
	}
	return y.scalar(n, name)
}

func (y *reader) scalar(n *yaml.Node, name string) string {
	if n.Kind != yaml.ScalarNode {
		y.faults.Add(n.Line, name, "type", "must be a text%s", noAlias(n))
		return ""
	}
	return n.Value
}

func (y *reader) integer(members map[string]*yaml.Node, name string) int {
	text := y.text(members, name)
	if text == "" {
		return 0
	}
	value, err := strconv.Atoi(text)
	if err != nil {
		y.faults.Add(members[name].Line, name, "number", "%.40q is no whole number", text)
	}
	return value
}

func (y *reader) number(members map[string]*yaml.Node, name string) float64 {
	text := y.text(members, name)
	if text == "" {
		return 0
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		y.faults.Add(members[name].Line, name, "number", "%.40q is no number", text)
	}
	return value
}

func (y *reader) day(members map[string]*yaml.Node, name string) hub.Day {
	text := y.text(members, name)
	if text == "" {
		return 0
	}
	day, err := hub.ParseDay(text)
	if err != nil {
		y.faults.Add(members[name].Line, name, "date", "%v", err)
	}
	return day
}

// texts returns a text in several languages.
func (y *reader) texts(members map[string]*yaml.Node, name string) Text {
	n := members[name]
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		y.faults.Add(n.Line, name, "type", "must be a text for each language, such as {fr: …, en: …}%s", noAlias(n))
		return nil
	}
	t := Text{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		t[n.Content[i].Value] = y.scalar(n.Content[i+1], name)
	}
	return t
}

func (y *reader) words(members map[string]*yaml.Node, name string) (words []string) {
	for _, n := range y.list(members, name) {
		words = append(words, y.scalar(n, name))
	}
	return words
}

func (y *reader) item(n *yaml.Node) itemEntry {
	m := y.mapping(n, "items", "id", "kind", "title", "description", "expertise", "provider", "languages", "minutes",
		"modality", "status", "rule", "versions", "activities")
	e := itemEntry{id: hub.ItemID(y.text(m, "id"))}
	if e.id == "" {
		y.faults.Add(n.Line, "id", "required", "must be given")
	}
	set := func(name string, do func(*Item)) {
		if m[name] != nil {
			e.set = append(e.set, do)
		}
	}
	kind, status, modality := Kind(y.text(m, "kind")), Status(y.text(m, "status")), Modality(y.text(m, "modality"))
	title, description := y.texts(m, "title"), y.texts(m, "description")
	expertise, provider := y.text(m, "expertise"), y.text(m, "provider")
	languages, minutes := y.words(m, "languages"), y.integer(m, "minutes")
	set("kind", func(i *Item) { i.Kind = kind })
	set("status", func(i *Item) { i.Status = status })
	set("modality", func(i *Item) { i.Modality = modality })
	set("title", func(i *Item) { i.Title = title })
	set("description", func(i *Item) { i.Description = description })
	set("expertise", func(i *Item) { i.Expertise = expertise })
	set("provider", func(i *Item) { i.Provider = provider })
	set("languages", func(i *Item) { i.Languages = languages })
	set("minutes", func(i *Item) { i.Minutes = minutes })
	e.versions = y.versions(m)
	for _, a := range y.list(m, "activities") {
		if a.Kind == yaml.ScalarNode {
			e.activities = append(e.activities, activity(a.Value))
		} else {
			e.activities = append(e.activities, y.activity(a))
		}
	}
	return e
}

// versions reads the rule of a parcours, or its rules with their days.
func (y *reader) versions(m map[string]*yaml.Node) (versions []Version) {
	if n := m["rule"]; n != nil {
		versions = append(versions, Version{Rule: y.rule(n)})
	}
	for _, n := range y.list(m, "versions") {
		v := y.mapping(n, "versions", "from", "to", "rule")
		version := Version{InForce: hub.Span{From: y.day(v, "from"), To: y.day(v, "to")}}
		if v["rule"] == nil {
			y.faults.Add(n.Line, "rule", "required", "must be given for each version")
			continue
		}
		version.Rule = y.rule(v["rule"])
		versions = append(versions, version)
	}
	return versions
}

func (y *reader) rule(n *yaml.Node) Rule {
	text := y.scalar(n, "rule")
	rule, err := ParseRule(text)
	if err != nil {
		y.faults.Add(n.Line, "rule", "rule", "%v", err)
	}
	return rule
}

// activity reads a mapping that names activities by exact, prefix or pattern.
func (y *reader) activity(n *yaml.Node, and ...string) Mapping {
	forms := []string{string(Exact), string(Prefix), string(Pattern)}
	m := y.mapping(n, "activities", slices.Concat(forms, and, []string{"source", "scale", "extensions", "progressScore", "passedAt", "parts"})...)
	out := Mapping{
		Source: y.text(m, "source"), Item: hub.ItemID(y.text(m, "item")), PassedAt: y.number(m, "passedAt"),
		Progress: Progress{Scale: Scale(y.text(m, "scale")), Extensions: y.words(m, "extensions"), Score: y.text(m, "progressScore")},
	}
	for _, form := range forms {
		if m[form] == nil {
			continue
		}
		if out.Form != "" {
			y.faults.Add(n.Line, form, "form", "stands beside %s: an activity is named in one way", out.Form)
		}
		out.Form, out.IRI = Form(form), y.text(m, form)
	}
	if out.Form == "" {
		y.faults.Add(n.Line, "", "form", "must name activities by %s", strings.Join(forms, ", "))
	}
	switch parts := y.text(m, "parts"); parts {
	case "true":
		out.Parts = true
	case "false", "":
	default:
		y.faults.Add(m["parts"].Line, "parts", "value", "must be true or false, not %s", fmt.Sprintf("%.20q", parts))
	}
	return out
}
