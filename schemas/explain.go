package schemas

import (
	"fmt"
	"slices"
	"strings"

	"github.com/xeipuuv/gojsonschema"
)

// keyword tells for each kind of gojsonschema's results which keyword of the schema failed and the rule that we
// call it. The kinds that are absent only repeat others: condition_then, condition_else and number_all_of stand
// beside what failed in the branch, invalid_property_name beside what is wrong with the name.
var keywords = map[string]struct{ name, rule string }{
	"required":                        {"required", "required"},
	"missing_dependency":              {"dependencies", "required"},
	"additional_property_not_allowed": {"additionalProperties", "unknown-property"},
	"invalid_type":                    {"type", "type"},
	"format":                          {"format", "format"},
	"pattern":                         {"pattern", "pattern"},
	"const":                           {"const", "value"},
	"enum":                            {"enum", "value"},
	"false":                           {"not", "forbidden"},
	"number_not":                      {"not", "forbidden"},
	"number_one_of":                   {"oneOf", alternatives},
	"number_any_of":                   {"anyOf", alternatives},
	"number_gte":                      {"minimum", "range"},
	"number_gt":                       {"exclusiveMinimum", "range"},
	"number_lte":                      {"maximum", "range"},
	"number_lt":                       {"exclusiveMaximum", "range"},
	"multiple_of":                     {"multipleOf", "multiple"},
	"string_gte":                      {"minLength", "too-short"},
	"string_lte":                      {"maxLength", "too-long"},
	"array_min_items":                 {"minItems", "too-few-items"},
	"array_max_items":                 {"maxItems", "too-many-items"},
	"array_no_additional_items":       {"additionalItems", "too-many-items"},
	"unique":                          {"uniqueItems", "repeated-item"},
	"contains":                        {"contains", "missing-item"},
	"array_min_properties":            {"minProperties", "too-few-properties"},
	"array_max_properties":            {"maxProperties", "too-many-properties"},
}

// alternatives is the rule of a value that fits none, or more than one, of several schemas.
const alternatives = "alternatives"

// separator joins gojsonschema's paths unambiguously: a byte that valid UTF-8 never contains.
const separator = "\xff"

// explainer turns gojsonschema's results into violations.
type explainer struct {
	schema   *Schema
	document any
}

// violations may hold a fault twice and is in no order.
func (e explainer) violations(results []gojsonschema.ResultError) []Violation {
	violations := make([]Violation, 0, len(results))
	for _, result := range results {
		if _, known := keywords[result.Type()]; known {
			violations = append(violations, e.violation(result))
		}
	}
	if len(violations) == 0 && len(results) > 0 {
		violations = append(violations, Violation{Rule: "schema", Detail: results[0].Description()})
	}
	return withoutSummaries(violations)
}

// withoutSummaries drops "no alternative fits" where gojsonschema also tells what is wrong with the nearest one.
func withoutSummaries(violations []Violation) []Violation {
	told := map[string]bool{} // every place at or below which a fault is told
	for _, v := range violations {
		if v.Rule == alternatives {
			continue
		}
		for at := v.Pointer; !told[at]; at = at[:strings.LastIndexByte(at, '/')] {
			told[at] = true
			if at == "" {
				break
			}
		}
	}
	return slices.DeleteFunc(violations, func(v Violation) bool { return v.Rule == alternatives && told[v.Pointer] })
}

func (e explainer) violation(result gojsonschema.ResultError) Violation {
	path := strings.Split(result.Context().String(separator), separator)[1:]
	kind := keywords[result.Type()]
	if kind.name == "additionalProperties" {
		name := result.Details()["property"].(string)
		return e.unknown(path, name)
	}
	if name, ok := e.nameJudged(path, result); ok {
		where := e.where(path, "propertyNames", nil)
		v := e.explained(where, "propertyNames", path, generic(kind.rule, "The property's name is wrong: ", result))
		v.Pointer = pointer(append(slices.Clone(path), name))
		return v
	}
	where := e.where(path, kind.name, result)
	return e.explained(where, kind.name, path, generic(kind.rule, "", result))
}

// nameJudged finds out whether a result is about a property's name: gojsonschema reports it at the object, with
// the name as the value.
func (e explainer) nameJudged(path []string, result gojsonschema.ResultError) (string, bool) {
	name, isString := result.Value().(string)
	if !isString {
		return "", false
	}
	_, atObject := valueAt(e.document, path).(object)
	return name, atObject
}

func (e explainer) unknown(path []string, name string) Violation {
	detail := fmt.Sprintf("The property %q is not known here; remove it.", shorten(name))
	places := e.schema.places(e.document, path)
	for _, p := range places {
		known, _ := p.schema["properties"].(object)
		for other := range known {
			if other != name && strings.EqualFold(other, name) {
				detail = fmt.Sprintf("The property %q is not known here: upper and lower case count, write %q.", name, other)
			}
		}
	}
	where := pick(places, func(schema object) bool { return schema["additionalProperties"] == false })
	v := e.explained(where, "additionalProperties", path, Violation{Rule: "unknown-property", Detail: detail})
	v.Pointer = pointer(append(slices.Clone(path), name))
	return v
}

func (e explainer) duplicate(path []string) Violation {
	places := e.schema.places(e.document, path[:len(path)-1])
	where := pick(places, func(object) bool { return true })
	if where.section == "" { // an object that no schema describes: the rule on duplicates is the statement's
		where.section = "Data 2.2"
	}
	return Violation{
		Pointer: pointer(path),
		Rule:    "duplicate-property",
		Detail:  "The property stands more than once in its object; keep one.",
		Section: where.section,
	}
}

// where finds the schema whose keyword failed.
func (e explainer) where(path []string, keyword string, result gojsonschema.ResultError) place {
	return pick(e.schema.places(e.document, path), func(schema object) bool {
		value, given := schema[keyword]
		if !given {
			return false
		}
		required, isRequired := value.([]any)
		if keyword == "required" && isRequired {
			return slices.Contains(required, result.Details()["property"])
		}
		return true
	})
}

// pick takes the innermost place that fits, and without one the innermost of all, for its section.
func pick(places []place, fits func(schema object) bool) place {
	for _, p := range slices.Backward(places) {
		if fits(p.schema) {
			return p
		}
	}
	if len(places) == 0 {
		return place{}
	}
	return place{section: places[len(places)-1].section}
}

// explained completes a violation with what the schema itself says under x-explain.
func (e explainer) explained(where place, keyword string, path []string, v Violation) Violation {
	v.Pointer, v.Section = pointer(path), where.section
	explanations, _ := where.schema["x-explain"].(object)
	explanation, _ := explanations[keyword].(object)
	if rule, ok := explanation["rule"].(string); ok {
		v.Rule = rule
	}
	if detail, ok := explanation["detail"].(string); ok {
		v.Detail = detail
	}
	return v
}

// generic is the rule and the detail of a failure that the schema does not explain itself.
func generic(rule, prefix string, result gojsonschema.ResultError) Violation {
	details := result.Details()
	switch result.Type() {
	case "required":
		return Violation{Rule: rule, Detail: fmt.Sprintf("The property %q is missing; add it.", details["property"])}
	case "missing_dependency":
		return Violation{Rule: rule, Detail: fmt.Sprintf("The property %q is missing, which another one needs; add it.", details["dependency"])}
	case "invalid_type":
		return wrongType(details)
	case "const", "enum":
		return Violation{Rule: rule, Detail: prefix + allowed(fmt.Sprint(details["allowed"]))}
	case "format":
		if f, ok := formatNamed(fmt.Sprint(details["format"])); ok {
			return Violation{Rule: f.rule, Detail: prefix + f.remedy}
		}
	}
	return Violation{Rule: rule, Detail: prefix + result.Description() + "."}
}

func allowed(values string) string {
	if strings.Contains(values, ", ") {
		return fmt.Sprintf("Write one of %s, exactly so: upper and lower case count.", values)
	}
	return fmt.Sprintf("Write %s, exactly so: upper and lower case count.", values)
}

func wrongType(details gojsonschema.ErrorDetails) Violation {
	wanted := strings.ReplaceAll(strings.Trim(fmt.Sprint(details["expected"]), "[]"), ",", " or ")
	if details["given"] == gojsonschema.TYPE_NULL {
		return Violation{Rule: "null", Detail: fmt.Sprintf("null is not a value here: remove the property, or give it a value of type %s.", wanted)}
	}
	return Violation{Rule: "type", Detail: fmt.Sprintf("Write a value of type %s; this is of type %v.", wanted, details["given"])}
}

// shorten keeps an answer readable whatever a document holds.
func shorten(name string) string {
	const limit = 80
	if runes := []rune(name); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return name
}

func valueAt(document any, path []string) any {
	for _, token := range path {
		document, _ = child(document, token)
	}
	return document
}
