package openclassrooms

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
)

// item is one thing of a list, as it came.
type item struct {
	value any
	// flat items are lines of a table, whose columns' names are compared without case.
	flat bool
}

// at returns what a pointer leads to. found is false where a member on the way is not there; null, and whatever
// would be below it, is found and nil: the provider says that there is none. A star stands for each element.
func (i item) at(pointer string) (value any, found bool) {
	if i.flat {
		pointer = strings.ToLower(pointer)
	}
	return follow(i.value, strings.Split(strings.TrimPrefix(pointer, "/"), "/"))
}

func follow(value any, steps []string) (any, bool) {
	for n, step := range steps {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		switch v := value.(type) {
		case nil:
			return nil, true
		case map[string]any:
			next, has := v[step]
			if !has {
				return nil, false
			}
			value = next
		case []any:
			if step == "*" {
				return each(v, steps[n+1:])
			}
			index, err := strconv.Atoi(step)
			if err != nil || index < 0 || index >= len(v) {
				return nil, false
			}
			value = v[index]
		default:
			return nil, false
		}
	}
	return value, true
}

// each follows the rest of a pointer from every element; it is found when it is found in all of them.
func each(list []any, steps []string) (any, bool) {
	all := make([]any, 0, len(list))
	for _, element := range list {
		value, found := follow(element, steps)
		if !found {
			return nil, false
		}
		all = append(all, value)
	}
	return all, true
}

// reader takes mapped fields from items and counts what it found.
type reader struct {
	kind   string // of item, in the singular
	port   *port
	needed []string
	counts map[string]*found
	of     int
}

type found struct{ is int }

func newReader(kind, name string, p *port) *reader {
	r := &reader{kind: kind, port: p, needed: fieldsOf[name].needed, counts: map[string]*found{}}
	if p.Driver == driverCSV && p.Map["member"] != "" {
		r.needed = append([]string{"member"}, r.needed...)
	}
	for field, pointer := range p.Map {
		if pointer != "" {
			r.counts[field] = &found{}
		}
	}
	return r
}

// fields of one item.
type fields struct {
	values  map[string]any
	missing []string
}

// read takes the mapped fields of an item.
func (r *reader) read(i item) fields {
	f := fields{values: make(map[string]any, len(r.counts))}
	r.of++
	for field, count := range r.counts {
		value, found := i.at(r.port.Map[field])
		if !found {
			f.missing = append(f.missing, field)
			continue
		}
		count.is++
		f.values[field] = value
	}
	return f
}

// lacks is the fault of items without a field that nothing can be said without, nil when there are none.
func (r *reader) lacks() error {
	for _, field := range r.needed {
		if missing := r.of - r.counts[field].is; missing > 0 {
			return connectors.Faultf(connectors.NeedsPerson,
				"OpenClassrooms' answer lacks a field that Acquis was told to read. It was not taken for empty or zero: run the probe of this connection and correct the mapping of fields.",
				"%s of %s (%s) not found in %d of %d items", field, r.kind, r.port.Map[field], missing, r.of)
		}
	}
	return nil
}

// report tells the counts. Every mapped field has to be found somewhere.
func (r *reader) report() (list []connectors.Field) {
	for _, field := range append(fieldsOf[r.plural()].needed, fieldsOf[r.plural()].more...) {
		if count := r.counts[field]; count != nil {
			list = append(list, connectors.Field{Item: r.kind, Name: field, Found: count.is, Of: r.of, Required: true})
		}
	}
	return list
}

func (r *reader) plural() string {
	return map[string]string{"member": "members", "course": "activity", "path": "paths", "offer": "catalogue"}[r.kind]
}

// text of a field; numbers are written as whole ones where they are.
func (f fields) text(field string) string {
	switch v := f.values[field].(type) {
	case string:
		return strings.TrimSpace(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return strconv.FormatInt(int64(v), 10)
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// texts of a field that is a list, or a text with commas between.
func (f fields) texts(field string) (list []string) {
	elements, is := f.values[field].([]any)
	if !is {
		for _, part := range strings.Split(f.text(field), ",") {
			elements = append(elements, part)
		}
	}
	for _, element := range elements {
		if text := (fields{values: map[string]any{"": element}}).text(""); text != "" {
			list = append(list, text)
		}
	}
	return list
}

// errForm says that a value is not of the form that its field has.
var errForm = errors.New("a value is not of the form that its field has")

// number of a field: a number, or a text that is one. ok is false when the provider says that there is none.
func (f fields) number(field string) (n float64, ok bool, err error) {
	switch v := f.values[field].(type) {
	case nil:
		return 0, false, nil
	case float64:
		return v, true, nil
	case string:
		text := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "%"))
		if text == "" {
			return 0, false, nil
		}
		n, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return 0, false, errForm
		}
		return n, true, nil
	}
	return 0, false, errForm
}

// dateForms are tried in turn. A date without a zone is UTC.
var dateForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05", time.DateOnly}

// date of a field: ISO 8601, or seconds since 1970. Zero when the provider says that there is none.
func (f fields) date(field string) (time.Time, error) {
	if n, is := f.values[field].(float64); is && n > 1e8 && n < 1e10 {
		return time.Unix(int64(n), 0).UTC(), nil
	}
	text := f.text(field)
	if f.values[field] == nil || text == "" {
		return time.Time{}, nil
	}
	for _, form := range dateForms {
		if at, err := time.Parse(form, text); err == nil && at.Year() > 1999 && at.Year() < 9000 {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errForm
}

// decode reads an answer.
func decode(body []byte) (value any, err error) {
	if err := json.Unmarshal(body, &value, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		if broken, is := errors.AsType[*jsontext.SyntacticError](err); is {
			return nil, fmt.Errorf("the JSON breaks at byte %d", broken.ByteOffset)
		}
		return nil, errors.New("the JSON cannot be read")
	}
	return value, nil
}

// itemsOf takes the list out of an answer. An answer that is no list is its one item.
func (p *port) itemsOf(answer any) ([]item, error) {
	if p.Items != "" {
		list, found := item{value: answer}.at(p.Items)
		if !found {
			return nil, fmt.Errorf("there is nothing at %s", p.Items)
		}
		answer = list
	}
	switch v := answer.(type) {
	case []any:
		list := make([]item, len(v))
		for i, element := range v {
			list[i] = item{value: element}
		}
		return list, nil
	case map[string]any:
		return []item{{value: v}}, nil
	case nil:
		if p.Items != "" {
			return nil, nil
		}
	}
	return nil, errors.New("the answer is neither a list nor an object")
}
