package config

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	yamlnode "go.yaml.in/yaml/v3"
)

const (
	generatedBy = "go test ./config -update"
	declaredIn  = "config/keys.go"
)

// Reference writes docs/configuration.md.
func Reference(w io.Writer) error {
	var page bytes.Buffer
	fmt.Fprintf(&page, "<!-- Generated from %s by `%s`: change it there. -->\n\n", declaredIn, generatedBy)
	page.WriteString(referenceHead)
	eachSection(func(s section, keys []key) {
		fmt.Fprintf(&page, "\n## %s\n\n%s\n\n", s.title, s.meaning)
		page.WriteString("| Key | Variable | Default | Example | Meaning |\n|---|---|---|---|---|\n")
		for _, k := range keys {
			fmt.Fprintf(&page, "| `%s` | %s | %s | %s | %s |\n",
				k.Name, k.variables(), cell(k.Default), cell(k.Example), k.explanation())
		}
	})
	_, err := page.WriteTo(w)
	return err
}

const referenceHead = "# Configuration\n" + `
Acquis runs without any configuration. A key is set in a YAML file (` + "`acquis serve --config FILE`" + `) or by an
environment variable; the variable wins. [deploy/acquis.example.yaml](../deploy/acquis.example.yaml) is a file with every key.

- In the file, the part of a key before the dot is a section: ` + "`limits.body`" + ` is ` + "`body`" + ` below ` + "`limits`" + `. Keys are case-sensitive.
- The variable of a key is ` + "`ACQUIS_`" + ` and the key in capitals, with underscores for dots. The elements of a list are separated by commas.
- A secret may stand in a file of its own: the key with ` + "`_file`" + ` appended, or the variable with ` + "`_FILE`" + `, says which. Line ends after the secret are not part of it.
- A size is a number of bytes, or a number with ` + "`KiB`, `MiB`, `GiB` or `TiB`" + `. A duration has units: ` + "`500ms`, `30s`, `5m`, `24h`" + `.
- Unknown keys and unknown ` + "`ACQUIS_`" + ` variables are refused, save those that Kubernetes makes for a Service. All faults
  are listed at once, each with its line or variable: ` + "`acquis config check`" + ` lists them without starting.
`

// Example writes deploy/acquis.example.yaml: every key, commented out, with its example as the value. It
// loads as it is, to the defaults, and with every key uncommented.
func Example(w io.Writer) error {
	var file bytes.Buffer
	fmt.Fprintf(&file, "# Generated from %s by `%s`: change it there.\n", declaredIn, generatedBy)
	file.WriteString("# Every key of Acquis, with an example for its value. Remove the # right before a key to set it.\n")
	var failed error
	eachSection(func(s section, keys []key) {
		file.WriteByte('\n')
		comment(&file, "", s.meaning)
		indent := ""
		if s.name != "" {
			fmt.Fprintf(&file, "%s:\n", s.name)
			indent = "  "
		}
		for i, k := range keys {
			value, err := k.yaml(k.Example)
			if err != nil {
				failed = err
			}
			if i > 0 || s.name == "" {
				file.WriteByte('\n')
			}
			comment(&file, indent, k.explanation())
			comment(&file, indent, "Default: "+k.shownDefault())
			fmt.Fprintf(&file, "%s#%s: %s\n", indent, k.Label(), value)
		}
	})
	if failed != nil {
		return failed
	}
	_, err := file.WriteTo(w)
	return err
}

// comment writes a text as comment lines of about 100 letters.
func comment(w *bytes.Buffer, indent, text string) {
	line := indent + "#"
	for word := range strings.FieldsSeq(strings.ReplaceAll(text, "`", "")) {
		if len(line)+len(word) >= 100 {
			w.WriteString(line + "\n")
			line = indent + "#"
		}
		line += " " + word
	}
	w.WriteString(line + "\n")
}

// eachSection visits the sections in order, with their keys.
func eachSection(visit func(section, []key)) {
	var c Config
	all := keys(&c)
	for _, s := range sections() {
		visit(s, slices.DeleteFunc(slices.Clone(all), func(k key) bool { return k.Section() != s.name }))
	}
}

// explanation is the meaning with what the declaration adds to it: kind, bounds, allowed values.
func (k key) explanation() string { return strings.TrimSpace(k.Meaning + " " + k.kind()) }

// kind is a sentence about the values there are; a text that can be anything needs none.
func (k key) kind() string {
	switch k.into.(type) {
	case *Secret:
		return "A secret; `" + k.FileName() + "` names a file that holds it."
	case *[]string:
		if len(k.Allowed) > 0 {
			return "A list of " + k.allowed(" and ") + "."
		}
		return "A list."
	case *bool:
		return "`true` or `false`."
	case *int:
		return "A number" + k.bounds() + "."
	case *Bytes:
		return "A size" + k.bounds() + "."
	case *time.Duration:
		return "A duration" + k.bounds() + "."
	}
	if len(k.Allowed) > 0 {
		return "One of " + k.allowed(" or ") + "."
	}
	return ""
}

func (k key) bounds() string { return fmt.Sprintf(" from %s to %s", k.Min, k.Max) }

// allowed lists the allowed values as a sentence does.
func (k key) allowed(last string) string {
	quoted := make([]string, len(k.Allowed))
	for i, value := range k.Allowed {
		quoted[i] = "`" + value + "`"
	}
	end := len(quoted) - 1
	return strings.Join(quoted[:end], ", ") + last + quoted[end]
}

func (k key) variables() string {
	variables := "`" + k.Variable() + "`"
	if file := k.FileVariable(); file != "" {
		variables += " or `" + file + "`"
	}
	return variables
}

func (k key) shownDefault() string {
	if k.Default == "" {
		return "empty"
	}
	return k.Default
}

func cell(text string) string {
	if text == "" {
		return "*empty*"
	}
	return "`" + text + "`"
}

// yaml writes a value as the file has it, quoted where YAML needs quotes.
func (k key) yaml(text string) (string, error) {
	value := &yamlnode.Node{}
	switch k.into.(type) {
	case *[]string:
		value.Kind, value.Style = yamlnode.SequenceNode, yamlnode.FlowStyle
		for _, element := range elements(text) {
			value.Content = append(value.Content, &yamlnode.Node{Kind: yamlnode.ScalarNode, Value: element})
		}
	case *bool:
		value.Kind, value.Tag, value.Value = yamlnode.ScalarNode, "!!bool", text
	case *int:
		value.Kind, value.Tag, value.Value = yamlnode.ScalarNode, "!!int", text
	default:
		value.SetString(text)
	}
	written, err := yamlnode.Marshal(value)
	return strings.TrimSpace(string(written)), err
}
