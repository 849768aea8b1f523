package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	yamlnode "go.yaml.in/yaml/v3"
)

// document parses the file for koanf. Unlike koanf's own parser it goes by the nodes of the YAML tree:
// they know their lines, and keep a scalar as it is written, so that a secret 0123 does not become 83.
// Whatever is wrong becomes a fault of the loader; Unmarshal itself never fails.
type document struct {
	yaml.YAML
	loader *loader
	path   string
	lines  map[string]int // where each key and section was first seen
}

// Unmarshal gives the settings by the full names of their keys.
func (d *document) Unmarshal(content []byte) (map[string]any, error) {
	settings := map[string]any{}
	root, ok := d.parse(content)
	if !ok {
		return settings, nil
	}
	if root.Kind != yamlnode.MappingNode {
		d.fault(root, "", "the file is not a list of keys and values, such as listen: 127.0.0.1:8080")
		return settings, nil
	}
	d.mapping(root, "", settings)
	return settings, nil
}

// parse gives the top node of the only YAML document; not ok when there is nothing in it or no sense.
func (d *document) parse(content []byte) (*yamlnode.Node, bool) {
	var first, second yamlnode.Node
	decoder := yamlnode.NewDecoder(bytes.NewReader(content))
	err := decoder.Decode(&first)
	if errors.Is(err, io.EOF) {
		return nil, false
	}
	if err != nil {
		d.syntaxFault(err)
		return nil, false
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		d.fault(&second, "", "a second document starts here: the file holds one")
	case !errors.Is(err, io.EOF):
		d.syntaxFault(err)
	}
	root := first.Content[0]
	return root, !isNull(root)
}

// anchorName finds what the YAML package takes for the name of an anchor. It may be a secret that starts
// with a star and lacks its quotes.
var anchorName = regexp.MustCompile(`anchor '.*' referenced`)

func (d *document) syntaxFault(err error) {
	problem := strings.TrimPrefix(err.Error(), "yaml: ")
	problem = anchorName.ReplaceAllString(problem, "anchor referenced: a value that starts with a star needs quotes")
	d.loader.fault(Origin{File: d.path}, "", "is not YAML: %s", problem)
}

// mapping collects the settings of a mapping: of the file itself, or of the section called prefix.
func (d *document) mapping(node *yamlnode.Node, prefix string, settings map[string]any) {
	for i := 0; i+1 < len(node.Content); i += 2 {
		label, value := node.Content[i], resolve(node.Content[i+1])
		name := label.Value
		if prefix != "" {
			name = prefix + "." + name
		}
		if line, repeated := d.lines[name]; repeated {
			d.fault(label, name, "stands in the file twice, first in line %d", line)
			continue
		}
		d.lines[name] = label.Line
		d.entry(label, value, name, settings)
	}
}

func (d *document) entry(label, value *yamlnode.Node, name string, settings map[string]any) {
	if _, known := d.loader.key(name); known {
		if raw, ok := d.value(label, value, name); ok {
			d.set(label, name, raw, settings)
		}
		return
	}
	if secret, known := d.loader.secret(name); known {
		d.secretFile(label, value, secret, settings)
		return
	}
	switch {
	case !d.loader.isSection(name):
		d.fault(label, name, "there is no such key%s", d.loader.suggestKey(name))
	case value.Kind == yamlnode.MappingNode:
		d.mapping(value, name, settings)
	case !isNull(value): // a section whose keys are all commented out is null
		d.fault(label, name, "is a section: its keys go on lines of their own below it, each as \"key: value\"")
	}
}

// secretFile notes in which file a secret is.
func (d *document) secretFile(label, value *yamlnode.Node, secret key, settings map[string]any) {
	raw, ok := d.value(label, value, secret.Name)
	path, scalar := raw.(string)
	switch {
	case !ok:
	case !scalar:
		d.fault(label, secret.Name, "%s takes one value, not a list", secret.FileName())
	default:
		d.set(label, secret.Name, secretPath(path), settings)
	}
}

// set notes the setting of a key, unless a secret and its file are both there.
func (d *document) set(label *yamlnode.Node, name string, raw any, settings map[string]any) {
	if _, twice := settings[name]; twice {
		delete(settings, name)
		d.fault(label, name, "%s and %s_file are both set, one of them by line %d: keep one", name, name, d.loader.origins[name].Line)
		return
	}
	settings[name] = raw
	d.loader.origins[name] = d.origin(label)
}

// value gives a scalar as a text and a sequence as a list of texts.
func (d *document) value(label, value *yamlnode.Node, name string) (any, bool) {
	switch {
	case isNull(value):
		d.fault(label, name, `has no value: write one, "" for an empty one, or remove the line`)
	case value.Kind == yamlnode.ScalarNode:
		return value.Value, true
	case value.Kind == yamlnode.SequenceNode:
		return d.sequence(value, name)
	default:
		d.fault(label, name, "takes a value, not keys of its own")
	}
	return nil, false
}

func (d *document) sequence(node *yamlnode.Node, name string) (any, bool) {
	list := []string{}
	for _, element := range node.Content {
		element = resolve(element)
		if element.Kind != yamlnode.ScalarNode || isNull(element) {
			d.fault(element, name, "holds an element that is not a plain value")
			return nil, false
		}
		list = append(list, element.Value)
	}
	return list, true
}

func (d *document) fault(node *yamlnode.Node, name, format string, args ...any) {
	d.loader.fault(d.origin(node), name, format, args...)
}

func (d *document) origin(node *yamlnode.Node) Origin {
	return Origin{File: d.path, Line: node.Line}
}

func resolve(node *yamlnode.Node) *yamlnode.Node {
	if node.Kind == yamlnode.AliasNode {
		return node.Alias
	}
	return node
}

func isNull(node *yamlnode.Node) bool {
	return node.Kind == yamlnode.ScalarNode && node.ShortTag() == "!!null"
}
