package lrs

import (
	"errors"
	"fmt"
	"strings"
)

// irregularTags are the registered tags of RFC 5646, 2.1, that its grammar does not derive. The
// regular grandfathered ones need no list: the grammar takes them.
var irregularTags = [...]string{
	"en-GB-oed", "i-ami", "i-bnn", "i-default", "i-enochian", "i-hak", "i-klingon", "i-lux", "i-mingo",
	"i-navajo", "i-pwn", "i-tao", "i-tay", "i-tsu", "sgn-BE-FR", "sgn-BE-NL", "sgn-CH-DE",
}

var (
	errTagEmpty      = errors.New("is not a language tag: it is empty")
	errTagUnderscore = errors.New("is not a language tag: its parts are joined by a hyphen, as in fr-FR, not by an underscore")
	errTagPrivate    = errors.New("is not a language tag: after x at least one part of 1 to 8 letters or digits must follow")
	errTagLanguage   = errors.New("is not a language tag: it must begin with a language of 2 to 8 letters, as in fr or fr-FR")
)

// CheckLanguageTag says why s is not a well-formed language tag, nil when it is one (Data 4.2;
// RFC 5646, 2.1 and 2.2.9). Letter case does not count. Whether the parts are registered is not
// asked: registries grow.
func CheckLanguageTag(s string) error {
	err := checkLangtag(s)
	if err == nil {
		return nil
	}
	for _, tag := range irregularTags {
		if strings.EqualFold(tag, s) {
			return nil
		}
	}
	if strings.IndexByte(s, '_') >= 0 {
		return errTagUnderscore
	}
	return err
}

// checkLangtag derives s from the productions langtag and privateuse.
func checkLangtag(s string) error {
	if s == "" {
		return errTagEmpty
	}
	t := subtags{tag: s, start: -1, end: -1}
	t.next()
	if t.isPrivateUse() {
		return t.privateUse()
	}
	if !t.letters(2, 8) {
		return errTagLanguage
	}
	extended := t.len() <= 3
	t.next()
	for n := 0; n < 3 && extended && t.letters(3, 3); n++ {
		t.next()
	}
	if t.letters(4, 4) { // script
		t.next()
	}
	if t.letters(2, 2) || t.len() == 3 && digitChars.holds(t.current()) { // region
		t.next()
	}
	if err := t.variants(); err != nil {
		return err
	}
	if err := t.extensions(); err != nil {
		return err
	}
	if t.isPrivateUse() {
		return t.privateUse()
	}
	if !t.done() {
		return fmt.Errorf("is not a language tag: its part %q cannot stand where it does (RFC 5646, 2.1)", t.current())
	}
	return nil
}

// subtags walks the parts of a language tag; tag[start:end] is the current one.
type subtags struct {
	tag        string
	start, end int
}

func (t *subtags) next() {
	t.start = t.end + 1
	t.end = t.start
	for t.end < len(t.tag) && t.tag[t.end] != '-' {
		t.end++
	}
}

func (t *subtags) done() bool { return t.start > len(t.tag) }

func (t *subtags) len() int { return t.end - t.start }

func (t *subtags) current() string {
	if t.done() {
		return ""
	}
	return t.tag[t.start:t.end]
}

func (t *subtags) letters(least, most int) bool {
	return t.len() >= least && t.len() <= most && letterChars.holds(t.current())
}

func (t *subtags) alphanums(least, most int) bool {
	return t.len() >= least && t.len() <= most && alphanumChars.holds(t.current())
}

func (t *subtags) isPrivateUse() bool { return t.len() == 1 && t.tag[t.start]|0x20 == 'x' }

func (t *subtags) isVariant() bool {
	return t.alphanums(5, 8) || t.alphanums(4, 4) && digitChars[t.tag[t.start]]
}

// variants walks past the variants. The same one twice is refused (RFC 5646, 2.2.5).
func (t *subtags) variants() error {
	if !t.isVariant() {
		return nil
	}
	first := t.current()
	t.next()
	if !t.isVariant() {
		return nil
	}
	seen := map[string]bool{strings.ToLower(first): true}
	for ; t.isVariant(); t.next() {
		variant := strings.ToLower(t.current())
		if seen[variant] {
			return fmt.Errorf("is not a language tag: the variant %q stands twice", t.current())
		}
		seen[variant] = true
	}
	return nil
}

// extensions walks past the extensions. The same singleton twice is refused (RFC 5646, 2.2.6).
func (t *subtags) extensions() error {
	var seen [256]bool
	for t.alphanums(1, 1) && !t.isPrivateUse() {
		singleton := t.current()
		if seen[singleton[0]|0x20] {
			return fmt.Errorf("is not a language tag: the extension %q stands twice", singleton)
		}
		seen[singleton[0]|0x20] = true
		t.next()
		if !t.alphanums(2, 8) {
			return fmt.Errorf("is not a language tag: after the extension %q a part of 2 to 8 letters or digits must follow", singleton)
		}
		for t.alphanums(2, 8) {
			t.next()
		}
	}
	return nil
}

// privateUse walks past x and what follows it, which ends the tag.
func (t *subtags) privateUse() error {
	t.next()
	for first := true; first || !t.done(); first = false {
		if !t.alphanums(1, 8) {
			return errTagPrivate
		}
		t.next()
	}
	return nil
}
