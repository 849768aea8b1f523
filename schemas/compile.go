package schemas

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/xeipuuv/gojsonreference"
	"github.com/xeipuuv/gojsonschema"
)

// draft is the one dialect that the project speaks.
const draft = "http://json-schema.org/draft-07/schema"

// Compile makes a Schema of a draft-07 document, our own or a partner's. It reads nothing but its argument: a
// $ref must point into the same document ("#/definitions/…"), and one that would make a check run for ever is
// refused. The formats of README.md may be used.
func Compile(source []byte) (*Schema, error) {
	registerFormats()
	root, err := readSchema(source)
	if err != nil {
		return nil, err
	}
	if err := checkDialect(root); err != nil {
		return nil, err
	}
	if err := checkReferences(root); err != nil {
		return nil, err
	}
	compiled, err := compileRoot(source)
	if err != nil {
		return nil, fmt.Errorf("schemas: %w", err)
	}
	return &Schema{compiled: compiled, source: root}, nil
}

func readSchema(source []byte) (object, error) {
	read, err := readDocument(source)
	if err != nil {
		return nil, fmt.Errorf("schemas: the schema is not a JSON document: %w", err)
	}
	if len(read.duplicates) > 0 {
		return nil, fmt.Errorf("schemas: the schema holds %s twice: remove one", pointer(read.duplicates[0]))
	}
	if read.truncated {
		return nil, fmt.Errorf("schemas: the schema is nested deeper than %d levels", maxDepth)
	}
	root, ok := read.value.(object)
	if !ok {
		return nil, errors.New("schemas: the schema is not a JSON object")
	}
	return root, nil
}

func checkDialect(root object) error {
	dialect, given := root["$schema"]
	if !given {
		return nil
	}
	if name, _ := dialect.(string); strings.TrimSuffix(name, "#") != draft {
		return fmt.Errorf("schemas: the schema's dialect is %v: write it in draft-07 (%s#)", dialect, draft)
	}
	return nil
}

// compileRoot gives gojsonschema documents of its own each time, because it rewrites the references in them.
func compileRoot(source []byte) (*gojsonschema.Schema, error) {
	judged, err := readSchema(source)
	if err != nil {
		return nil, err
	}
	judge := gojsonschema.NewSchemaLoader()
	judge.AutoDetect, judge.Draft, judge.Validate = false, gojsonschema.Draft7, true
	if err := judge.AddSchemas(localLoader{value: judged}); err != nil {
		return nil, fmt.Errorf("the schema is not a draft-07 schema: %w", err)
	}
	root, err := readSchema(source)
	if err != nil {
		return nil, err
	}
	loader := gojsonschema.NewSchemaLoader()
	loader.AutoDetect, loader.Draft = false, gojsonschema.Draft7
	return loader.Compile(localLoader{value: root})
}

// localLoader hands a decoded document to gojsonschema and refuses to fetch any other: gojsonschema's own loaders
// would open files and URLs that a schema names.
type localLoader struct{ value any }

func (l localLoader) JsonSource() any                               { return l.value }
func (l localLoader) LoadJSON() (any, error)                        { return l.value, nil }
func (l localLoader) LoaderFactory() gojsonschema.JSONLoaderFactory { return refusingFactory{} }
func (l localLoader) JsonReference() (gojsonreference.JsonReference, error) {
	return gojsonreference.NewJsonReference("#")
}

type refusingFactory struct{}

func (refusingFactory) New(source string) gojsonschema.JSONLoader {
	return refusingLoader{source: source}
}

type refusingLoader struct {
	localLoader
	source string
}

func (l refusingLoader) LoadJSON() (any, error) { return nil, remoteError(l.source) }

func remoteError(reference string) error {
	return fmt.Errorf("schemas: the $ref %q points outside the schema: copy its target under \"definitions\" and point to it by \"#/definitions/…\"", reference)
}

// checkReferences refuses references that leave the document, lead nowhere or come back to themselves without
// having gone down into the document that is checked: gojsonschema would follow these until the stack is full.
func checkReferences(root object) error {
	return references{root: root, sound: map[string]bool{}}.check(root, true)
}

type references struct {
	root  object
	sound map[string]bool // references already followed to every end
}

func (r references) check(node any, top bool) error {
	switch node := node.(type) {
	case []any:
		for _, item := range node {
			if err := r.check(item, false); err != nil {
				return err
			}
		}
	case object:
		if id, given := node["$id"].(string); given && !top {
			return fmt.Errorf("schemas: the $id %q stands inside the schema: only its root may have one", id)
		}
		if err := r.follow(node, nil); err != nil {
			return err
		}
		for _, member := range node {
			if err := r.check(member, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow walks every schema that judges the same value as node does, and fails on a reference that it meets
// within itself.
func (r references) follow(node any, within []string) error {
	schema, ok := node.(object)
	if !ok {
		return nil
	}
	if reference, ok := schema["$ref"].(string); ok {
		return r.followReference(reference, within)
	}
	if len(within) == 0 {
		return nil // check comes to the subschemas itself
	}
	for _, next := range inPlace(schema) {
		if err := r.follow(next, within); err != nil {
			return err
		}
	}
	return nil
}

func (r references) followReference(reference string, within []string) error {
	if !strings.HasPrefix(reference, "#") {
		return remoteError(reference)
	}
	if slices.Contains(within, reference) {
		return fmt.Errorf("schemas: the $ref %q comes back to itself: let it stand under properties or items", reference)
	}
	if r.sound[reference] {
		return nil
	}
	target, err := resolve(r.root, reference)
	if err != nil {
		return err
	}
	if err := r.follow(target, append(within, reference)); err != nil {
		return err
	}
	r.sound[reference] = true
	return nil
}

// inPlace lists the subschemas that judge the same value as their parent.
func inPlace(schema object) []any {
	var nodes []any
	for _, keyword := range []string{"allOf", "anyOf", "oneOf"} {
		list, _ := schema[keyword].([]any)
		nodes = append(nodes, list...)
	}
	for _, keyword := range []string{"not", "if", "then", "else"} {
		nodes = append(nodes, schema[keyword])
	}
	dependencies, _ := schema["dependencies"].(object)
	return slices.AppendSeq(nodes, maps.Values(dependencies))
}

// resolve finds the target of a reference into the document.
func resolve(root object, reference string) (any, error) {
	fragment, err := url.PathUnescape(strings.TrimPrefix(reference, "#"))
	if err != nil || (fragment != "" && fragment[0] != '/') {
		return nil, fmt.Errorf("schemas: the $ref %q is not a JSON pointer", reference)
	}
	var node any = root
	for _, token := range splitPointer(fragment) {
		next, ok := child(node, token)
		if !ok {
			return nil, fmt.Errorf("schemas: the $ref %q leads nowhere", reference)
		}
		node = next
	}
	return node, nil
}

// child is the member or the item of that name.
func child(node any, token string) (any, bool) {
	switch node := node.(type) {
	case object:
		next, ok := node[token]
		return next, ok
	case []any:
		i, err := strconv.Atoi(token)
		if err != nil || i < 0 || i >= len(node) {
			return nil, false
		}
		return node[i], true
	default:
		return nil, false
	}
}

// pointer writes a path as RFC 6901 does.
func pointer(path []string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var b strings.Builder
	for _, token := range path {
		b.WriteString("/" + escape.Replace(token))
	}
	return b.String()
}

func splitPointer(text string) []string {
	if text == "" {
		return nil
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	tokens := strings.Split(text[1:], "/")
	for i, token := range tokens {
		tokens[i] = unescape.Replace(token)
	}
	return tokens
}
