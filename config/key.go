package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const variablePrefix = "ACQUIS_"

// key declares one setting. Default, Example, Min and Max are written as a user would write them.
type key struct {
	Name    string
	Default string
	Example string
	Meaning string

	// Allowed lists the only values there are; in a list, the only elements.
	Allowed []string
	// Min and Max bound a number, size or duration, and the number of elements of a list; empty means
	// no bound.
	Min, Max string
	// check judges a text, or each element of a list. It never quotes a secret.
	check func(string) error

	// into is the field the key fills; its type is the type of the key.
	into any
}

// Variable is the name of the environment variable that sets the key.
func (k key) Variable() string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

// FileVariable is the name of the variable that says in which file the secret is; "" where the key is none.
func (k key) FileVariable() string {
	if _, secret := k.into.(*Secret); !secret {
		return ""
	}
	return k.Variable() + "_FILE"
}

// FileName is the key of the configuration file that says in which file the secret is; "" where the key is
// none.
func (k key) FileName() string {
	if k.FileVariable() == "" {
		return ""
	}
	return k.Name + "_file"
}

// Section and Label are the two parts of the name; a key of the top level has the section "".
func (k key) Section() string { section, _ := k.split(); return section }

// Label is the name within its section.
func (k key) Label() string { _, label := k.split(); return label }

func (k key) split() (section, label string) {
	section, label, found := strings.Cut(k.Name, ".")
	if !found {
		return "", section
	}
	return section, label
}

// set fills the field from a text, or from the elements of a list, and judges it. The text of a list is
// split at its commas.
func (k key) set(raw any) error {
	if list, ok := k.into.(*[]string); ok {
		*list = elements(raw)
		return k.judge()
	}
	text, ok := raw.(string)
	if !ok {
		return fmt.Errorf("takes one value, not a list")
	}
	var err error
	switch into := k.into.(type) {
	case *string:
		*into = text
	case *Secret:
		*into = Secret(text)
	case *bool:
		if *into, err = parseBool(text); err != nil {
			return err
		}
	case *int:
		if *into, err = strconv.Atoi(text); err != nil {
			err = fmt.Errorf("%q is not a whole number", text)
		}
	case *Bytes:
		*into, err = ParseBytes(text)
	case *time.Duration:
		if *into, err = time.ParseDuration(text); err != nil {
			err = fmt.Errorf("%q is not a duration: write a number and a unit, such as 30s, 5m or 24h", text)
		}
	default:
		panic(fmt.Sprintf("config: %s has the unknown type %T", k.Name, k.into))
	}
	if err != nil {
		return err
	}
	return k.judge()
}

// parseBool takes the two words of JSON and YAML 1.2 and no other, so that nobody wonders what "off" means.
func parseBool(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", text)
}

// elements gives the elements of a list; a text is split at its commas, and an empty one has none.
func elements(raw any) []string {
	if list, ok := raw.([]string); ok {
		return slices.Clone(list)
	}
	text, _ := raw.(string)
	list := []string{}
	if strings.TrimSpace(text) == "" {
		return list
	}
	for part := range strings.SplitSeq(text, ",") {
		list = append(list, strings.TrimSpace(part))
	}
	return list
}

// judge says what is wrong with the value that the field holds now.
func (k key) judge() error {
	switch into := k.into.(type) {
	case *string:
		return k.judgeText(*into)
	case *Secret:
		return k.judgeText(into.Reveal())
	case *int:
		return k.within(int64(*into), strconv.Itoa(*into))
	case *Bytes:
		return k.within(int64(*into), into.String())
	case *time.Duration:
		return k.within(int64(*into), into.String())
	case *[]string:
		return k.judgeList(*into)
	}
	return nil
}

func (k key) judgeText(text string) error {
	if len(k.Allowed) > 0 && !slices.Contains(k.Allowed, text) {
		return fmt.Errorf("%q is not one of %s", text, strings.Join(k.Allowed, ", "))
	}
	if k.check != nil {
		return k.check(text)
	}
	return nil
}

func (k key) judgeList(list []string) error {
	for i, element := range list {
		if err := k.judgeText(element); err != nil {
			return err
		}
		if slices.Contains(list[:i], element) {
			return fmt.Errorf("%q stands in the list twice", element)
		}
	}
	return k.within(int64(len(list)), fmt.Sprintf("a list of %d", len(list)))
}

func (k key) within(n int64, shown string) error {
	if k.Min != "" && n < k.bound(k.Min) {
		return fmt.Errorf("%s is below the least allowed, %s", shown, k.Min)
	}
	if k.Max != "" && n > k.bound(k.Max) {
		return fmt.Errorf("%s is above the most allowed, %s", shown, k.Max)
	}
	return nil
}

// bound reads Min or Max. They are part of the declaration, so a fault in one is a fault in the program.
func (k key) bound(text string) int64 {
	var n int64
	var err error
	switch k.into.(type) {
	case *Bytes:
		var size Bytes
		size, err = ParseBytes(text)
		n = int64(size)
	case *time.Duration:
		var d time.Duration
		d, err = time.ParseDuration(text)
		n = int64(d)
	default:
		n, err = strconv.ParseInt(text, 10, 64)
	}
	if err != nil {
		panic("config: bound of " + k.Name + ": " + err.Error())
	}
	return n
}

// text writes the value that the field holds; a secret is hidden.
func (k key) text() string {
	switch into := k.into.(type) {
	case *[]string:
		return strings.Join(*into, ",")
	case *string:
		return *into
	case *bool:
		return strconv.FormatBool(*into)
	case *int:
		return strconv.Itoa(*into)
	case fmt.Stringer: // pointers to Secret, Bytes and time.Duration
		return into.String()
	}
	return ""
}
