package schemas

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
)

// place is a schema that had a say at some place of a document.
type place struct {
	schema  object
	section string // the innermost $comment on the way to it
}

// places lists the schemas that judge the value at path, outermost first. gojsonschema tells what failed and
// where, but not which schema said so, and that is where the explanation is written.
func (s *Schema) places(document any, path []string) []place {
	f := finder{root: s.source}
	f.visit(s.source, document, path, "")
	return f.found
}

type finder struct {
	root  object
	found []place
}

func (f *finder) visit(node, value any, path []string, section string) {
	schema, ok := node.(object)
	if !ok {
		return
	}
	if comment, ok := schema["$comment"].(string); ok {
		section = comment
	}
	if reference, ok := schema["$ref"].(string); ok {
		if target, err := resolve(f.root, reference); err == nil {
			f.visit(target, value, path, section)
		}
		return
	}
	if len(path) == 0 {
		f.found = append(f.found, place{schema: schema, section: section})
	} else if next, ok := descend(schema, value, path[0]); ok {
		below, _ := child(value, path[0])
		f.visit(next, below, path[1:], section)
	}
	for _, next := range f.applied(schema, value) {
		f.visit(next, value, path, section)
	}
}

// descend finds the schema of a member or an item.
func descend(schema object, value any, token string) (any, bool) {
	if _, isArray := value.([]any); isArray {
		if list, ok := schema["items"].([]any); ok {
			return child(list, token)
		}
		items, ok := schema["items"]
		return items, ok
	}
	properties, _ := schema["properties"].(object)
	if next, ok := properties[token]; ok {
		return next, true
	}
	patterns, _ := schema["patternProperties"].(object)
	for _, pattern := range slices.Sorted(maps.Keys(patterns)) {
		if matches, err := regexp.MatchString(pattern, token); err == nil && matches {
			return patterns[pattern], true
		}
	}
	rest, ok := schema["additionalProperties"]
	return rest, ok
}

// applied lists the schemas that judge the same value and must all hold (or, of anyOf and oneOf, might).
func (f *finder) applied(schema object, value any) []any {
	var nodes []any
	for _, keyword := range []string{"allOf", "anyOf", "oneOf"} {
		list, _ := schema[keyword].([]any)
		nodes = append(nodes, list...)
	}
	if condition, ok := schema["if"]; ok {
		if f.holds(condition, value) {
			nodes = append(nodes, schema["then"])
		} else {
			nodes = append(nodes, schema["else"])
		}
	}
	members, _ := value.(object)
	dependencies, _ := schema["dependencies"].(object)
	for _, name := range slices.Sorted(maps.Keys(dependencies)) {
		if _, ok := members[name]; ok {
			nodes = append(nodes, dependencies[name])
		}
	}
	return nodes
}

// holds evaluates the conditions that choose between branches. It knows the keywords that such conditions are
// made of and takes others as fulfilled: a wrong guess costs a section's precision, never a judgement.
func (f *finder) holds(node, value any) bool {
	schema, ok := node.(object)
	if !ok {
		return node != false
	}
	if reference, ok := schema["$ref"].(string); ok {
		target, err := resolve(f.root, reference)
		return err == nil && f.holds(target, value)
	}
	return f.holdsValue(schema, value) && f.holdsMembers(schema, value) && f.holdsCombined(schema, value)
}

func (f *finder) holdsValue(schema object, value any) bool {
	if wanted, ok := schema["const"]; ok && !reflect.DeepEqual(wanted, value) {
		return false
	}
	if wanted, ok := schema["enum"].([]any); ok {
		if !slices.ContainsFunc(wanted, func(one any) bool { return reflect.DeepEqual(one, value) }) {
			return false
		}
	}
	switch schema["type"] {
	case "object":
		_, ok := value.(object)
		return ok
	case "array":
		_, ok := value.([]any)
		return ok
	case "string":
		_, ok := value.(string)
		return ok
	default:
		return true
	}
}

func (f *finder) holdsMembers(schema object, value any) bool {
	members, ok := value.(object)
	if !ok {
		return true
	}
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if name, ok := name.(string); ok {
			if _, present := members[name]; !present {
				return false
			}
		}
	}
	properties, _ := schema["properties"].(object)
	for name, node := range properties {
		if member, present := members[name]; present && !f.holds(node, member) {
			return false
		}
	}
	return true
}

func (f *finder) holdsCombined(schema object, value any) bool {
	fulfilled := func(list []any) int {
		n := 0
		for _, node := range list {
			if f.holds(node, value) {
				n++
			}
		}
		return n
	}
	if list, ok := schema["allOf"].([]any); ok && fulfilled(list) < len(list) {
		return false
	}
	if list, ok := schema["anyOf"].([]any); ok && fulfilled(list) == 0 {
		return false
	}
	if list, ok := schema["oneOf"].([]any); ok && fulfilled(list) != 1 {
		return false
	}
	if node, ok := schema["not"]; ok && f.holds(node, value) {
		return false
	}
	return true
}
