package xapi

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

var errNoPage = errors.New("it has no list of statements")

// parsePage reads a StatementResult. The statements keep their bytes; what is wrong within one is for whoever
// takes it in to say. A lone array, which some stores answer, is a page without more.
func parsePage(body []byte) (page Page, more string, err error) {
	at := jsontext.Value(body)
	if at.Kind() == '[' {
		page.Statements, err = elements(body)
		page.Odd = []string{"the page is an array without more"}
		return page, "", err
	}
	found := false
	err = members(body, func(name string, value jsontext.Value) error {
		switch name {
		case "statements":
			found = true
			page.Statements, err = elements(value)
			return err
		case "more":
			switch value.Kind() {
			case '"':
				text, err := jsontext.AppendUnquote(nil, value)
				more = string(text)
				return err
			case 'n':
				page.Odd = append(page.Odd, "more is null")
			default:
				return fmt.Errorf("more is %s, not a text", value.Kind())
			}
		}
		return nil
	})
	if err == nil && !found {
		err = errNoPage
	}
	return page, more, err
}

// members reads an object without judging what is in it.
func members(body []byte, each func(name string, value jsontext.Value) error) error {
	d := lenient(body)
	if token, err := d.ReadToken(); err != nil || token.Kind() != '{' {
		return errors.Join(err, errNoPage)
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := each(key, value.Clone()); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// elements reads an array without judging what is in it.
func elements(body []byte) (list [][]byte, err error) {
	d := lenient(body)
	if token, err := d.ReadToken(); err != nil || token.Kind() != '[' {
		return nil, errors.Join(err, errors.New("the statements are no list"))
	}
	for d.PeekKind() != ']' {
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		list = append(list, value.Clone())
	}
	_, err = d.ReadToken()
	return list, err
}

// lenient leaves double names and broken text within statements to whoever takes them in, who says where.
func lenient(body []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}
